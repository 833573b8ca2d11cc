package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type approvalsBulkCommand struct {
	connection
	Answer string `arg:"" help:"approve, reject, request-changes or retract." enum:"approve,reject,request-changes,retract"`
	File   string `short:"f" help:"Lines of approval,version,digest,stage, as approvals list -o bulk writes them; - reads standard input." required:"" placeholder:"FILE|-"`
	Reason string `help:"Why. Needed for everything but approve and retract." placeholder:"TEXT"`
	Yes    bool   `short:"y" help:"Do not ask: what is shown is what you mean."`
	Nonce  string `help:"Names this answer. One that got lost is repeated with the same one. Default: made up." placeholder:"ID"`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

// Help is shown by bidrail approvals bulk --help.
func (approvalsBulkCommand) Help() string {
	return fmt.Sprintf(`At most %d approvals, which all want people for the same rules. Each is answered by itself, as the line says it was seen: one that
has become another since is refused, and the others are not held up.

  bidrail approvals list --mine --rule budget.step -o bulk > budgets.csv
  bidrail approvals bulk approve -f budgets.csv

Exit 0: all were taken. 1: some were refused, or all.`, server.MaxBulk)
}

func (c *approvalsBulkCommand) Run(ctx context.Context, env environment) error {
	items, err := c.read(env)
	if err != nil {
		return err
	}
	kind := bidrailv1.ReviewKind(bidrailv1.ReviewKind_value["REVIEW_KIND_"+strings.ToUpper(strings.ReplaceAll(c.Answer, "-", "_"))])
	request := &bidrailv1.BulkReviewRequest{Items: items, Kind: kind, Reason: c.Reason, Channel: channel}
	if err := c.show(ctx, env, items); err != nil {
		return err
	}
	question := fmt.Sprintf("%s the %s shown above", c.Answer, plural(len(items), "approval"))
	if c.File == "-" && !c.Yes {
		return fmt.Errorf("%w: the lines came through standard input, so nobody can be asked; add --yes to %s", errNotMeant, question)
	}
	if err := confirm(env, c.Yes, question, ""); err != nil {
		return err
	}
	if request.Nonce, err = nonceOr(c.Nonce); err != nil {
		return err
	}
	var response *bidrailv1.BulkReviewResponse
	err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewApprovalServiceClient(conn).BulkReview(ctx, request)
		return err
	})
	if err != nil {
		repeatHint(env, err, "--nonce "+request.GetNonce())
		return err
	}
	return c.print(newScreen(env.stdout, env), items, response)
}

// read reads the lines. Text behind # is left out.
func (c *approvalsBulkCommand) read(env environment) ([]*bidrailv1.BulkReviewItem, error) {
	input := env.stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file of approvals, or - for standard input", err)
		}
		defer file.Close()
		input = file
	}
	lines := csv.NewReader(io.LimitReader(input, maxInputBytes))
	lines.FieldsPerRecord, lines.Comment = -1, '#'
	var items []*bidrailv1.BulkReviewItem
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
		line, _ := lines.FieldPos(0)
		version, err := int64(0), errors.New("too few")
		if len(fields) == 4 {
			version, err = strconv.ParseInt(fields[1], 10, 64)
		}
		if err != nil || version < 1 {
			return nil, fmt.Errorf("%s:%d: a line is approval,version,digest,stage, as bidrail approvals list -o bulk writes it", c.File, line)
		}
		items = append(items, &bidrailv1.BulkReviewItem{ApprovalId: fields[0], RequirementVersion: version, Digest: fields[2], Stage: fields[3]})
	}
	switch {
	case len(items) == 0:
		return nil, fmt.Errorf("%s: there are no approvals in it", c.File)
	case len(items) > server.MaxBulk:
		return nil, fmt.Errorf("%s: it has %d approvals, and %d can be answered at once; answer them in parts", c.File, len(items), server.MaxBulk)
	}
	return items, nil
}

// show shows what is about to be answered, as it is now.
func (c *approvalsBulkCommand) show(ctx context.Context, env environment, items []*bidrailv1.BulkReviewItem) error {
	var approvals []*bidrailv1.Approval
	var now time.Time
	for _, item := range items {
		page, err := fetchApproval(ctx, c.connection, item.GetApprovalId())
		if err != nil {
			return err
		}
		approvals, now = append(approvals, page.GetApproval()), page.GetNow().AsTime()
		if page.GetApproval().GetDigest() != item.GetDigest() || page.GetApproval().GetRequirementVersion() != item.GetRequirementVersion() {
			fmt.Fprintf(env.stderr, "%s is another by now than its line says, and will be refused\n", clean(item.GetApprovalId()))
		}
	}
	out := newScreen(env.stderr, env)
	if err := printApprovals(out, approvals, now); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s together: %s\n", plural(len(approvals), "approval"), together(approvals))
	return err
}

// together is how far the changes of approvals move, added up by kind and unit.
func together(approvals []*bidrailv1.Approval) string {
	type unit struct {
		kind     bidrailv1.Kind
		form     policy.Form
		currency string
	}
	sums := map[unit]int64{}
	var order []unit
	for _, a := range approvals {
		for _, change := range a.GetChanges() {
			from, to := grpcapi.Value(change.GetBefore()), grpcapi.Value(change.GetAfter())
			if !isAmount(from) || from.Form != to.Form || from.Currency != to.Currency {
				return "more than can be added up"
			}
			of := unit{change.GetKind(), to.Form, to.Currency}
			if _, known := sums[of]; !known {
				order = append(order, of)
			}
			sums[of] = sum(sums[of], to.Amount-from.Amount)
		}
	}
	var texts []string
	for _, of := range order {
		direction, amount := "more", sums[of]
		if amount < 0 {
			direction, amount = "less", -amount
		}
		texts = append(texts, fmt.Sprintf("%s %s of %s", policy.Value{Form: of.form, Amount: amount, Currency: of.currency}, direction, kindName(of.kind)))
	}
	return strings.Join(texts, ", ")
}

func (c *approvalsBulkCommand) print(out screen, items []*bidrailv1.BulkReviewItem, response *bidrailv1.BulkReviewResponse) error {
	refused := 0
	var rows [][]string
	for i, result := range response.GetResults() {
		if problem := result.GetProblem(); problem != nil {
			refused++
			rows = append(rows, []string{clean(items[i].GetApprovalId()), out.colour(red, "REFUSED"), clean(problem.GetReason() + ": " + problem.GetMessage())})
			continue
		}
		a := result.GetApproval()
		rows = append(rows, []string{clean(a.GetApprovalId()), approvalStateText(out, a.GetState()), approvalMeaning(a)})
	}
	var err error
	if c.Output == "json" {
		err = printJSON(out, response)
	} else if err = out.table([]string{"APPROVAL", "STATE", ""}, rows); err == nil {
		_, err = fmt.Fprintf(out, "\n%s: %d taken, %d refused\n", plural(len(rows), "answer"), len(rows)-refused, refused)
	}
	if err == nil && refused > 0 {
		return exitCode(exitFailed)
	}
	return err
}
