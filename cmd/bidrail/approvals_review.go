package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

// channel is what reviews from here say they come through.
const channel = "cli"

// seen is what the reviewer saw, and so what their word is for. approvals show writes it out.
type seen struct {
	Digest  string    `help:"The digest of what you saw. Without --digest, --version and --stage it is shown now, and you are asked." placeholder:"DIGEST"`
	Version int64     `help:"The requirement version that you saw." placeholder:"N"`
	Stage   string    `help:"The stage that you saw open." placeholder:"NAME"`
	Seen    time.Time `help:"When you were shown it." placeholder:"TIME"`
	Yes     bool      `short:"y" help:"Do not ask: what is shown now is what you mean."`
	For     string    `help:"In whose place you say it, by their delegation." placeholder:"SUBJECT"`
	Nonce   string    `help:"Names this review. One whose answer got lost is repeated with the same one. Default: made up." placeholder:"ID"`
	Output  string    `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown by the help of every command that reviews.
func (seen) Help() string {
	return "What you say is for exactly what you saw: bidrail approvals show writes the whole command, with its digest, version and stage. " +
		"Without these three the approval is shown, and you are asked. When it is another by the time you answer, your answer is refused, and you look again."
}

type approvalsApproveCommand struct {
	connection
	seen
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"Why, if there is something to say." placeholder:"TEXT"`
}

func (c *approvalsApproveCommand) Run(ctx context.Context, env environment) error {
	return c.say(ctx, env, c.connection, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Reason: c.Reason})
}

type approvalsCapCommand struct {
	connection
	seen
	ID     string `arg:"" help:"The approval's id."`
	Value  string `arg:"" help:"Up to this value, between the old and the requested one, such as '120.00 USD' or 15%."`
	Reason string `help:"Why no further; whoever proposed it reads that." required:"" placeholder:"TEXT"`
}

func (c *approvalsCapCommand) Run(ctx context.Context, env environment) error {
	value, err := parseApplied(policy.Value{}, c.Value)
	if err != nil {
		return err
	}
	return c.say(ctx, env, c.connection, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Cap: grpcapi.ValueMessage(value), Reason: c.Reason})
}

type approvalsRejectCommand struct {
	connection
	seen
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"Why; whoever proposed it reads that." required:"" placeholder:"TEXT"`
}

func (c *approvalsRejectCommand) Run(ctx context.Context, env environment) error {
	return c.say(ctx, env, c.connection, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_REJECT, Reason: c.Reason})
}

type approvalsRequestChangesCommand struct {
	connection
	seen
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"What you would like instead; whoever proposed it reads that." required:"" placeholder:"TEXT"`
}

func (c *approvalsRequestChangesCommand) Run(ctx context.Context, env environment) error {
	return c.say(ctx, env, c.connection, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_REQUEST_CHANGES, Reason: c.Reason})
}

type approvalsRetractCommand struct {
	connection
	seen
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"Why, if there is something to say." placeholder:"TEXT"`
}

func (c *approvalsRetractCommand) Run(ctx context.Context, env environment) error {
	return c.say(ctx, env, c.connection, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_RETRACT, Reason: c.Reason})
}

type approvalsCommentCommand struct {
	connection
	ID     string `arg:"" help:"The approval's id."`
	Text   string `arg:"" help:"What to read."`
	Nonce  string `help:"Names this comment. One whose answer got lost is repeated with the same one. Default: made up." placeholder:"ID"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *approvalsCommentCommand) Run(ctx context.Context, env environment) error {
	return submit(ctx, env, c.connection, c.Output, &bidrailv1.ReviewRequest{ApprovalId: c.ID, Kind: bidrailv1.ReviewKind_REVIEW_KIND_COMMENT, Reason: c.Text, Nonce: c.Nonce})
}

// say reviews what the reviewer saw. Whoever does not say what that was is shown what there is, and asked.
func (s *seen) say(ctx context.Context, env environment, link connection, review *bidrailv1.ReviewRequest) error {
	named := 0
	for _, given := range []bool{s.Digest != "", s.Version != 0, s.Stage != ""} {
		if given {
			named++
		}
	}
	switch named {
	case 3:
		review.Digest, review.RequirementVersion, review.Stage = s.Digest, s.Version, s.Stage
		if !s.Seen.IsZero() {
			review.FirstSeenAt = timestamppb.New(s.Seen)
		}
	case 0:
		page, err := fetchApproval(ctx, link, review.GetApprovalId())
		if err != nil {
			return err
		}
		a := page.GetApproval()
		review.Digest, review.RequirementVersion, review.Stage, review.FirstSeenAt = a.GetDigest(), a.GetRequirementVersion(), openStage(a).GetName(), page.GetNow()
		if _, err := io.WriteString(env.stderr, approvalText(newScreen(env.stderr, env), page)); err != nil {
			return err
		}
		if err := confirm(env, s.Yes, intent(review)+" what is shown above", ", or --digest, --version and --stage of what you saw"); err != nil {
			return err
		}
	default:
		return errors.New("--digest, --version and --stage go together: they say what you saw; bidrail approvals show writes them out")
	}
	review.InPlaceOf, review.Nonce = s.For, s.Nonce
	return submit(ctx, env, link, s.Output, review)
}

// intent is what a review would do, for the question whether it is meant.
func intent(review *bidrailv1.ReviewRequest) string {
	verb := strings.ToLower(strings.ReplaceAll(reviewKindName(review.GetKind()), "_", " "))
	if review.GetCap() != nil {
		verb += " up to " + valueText(review.GetCap())
	}
	return verb
}

var errNotMeant = errors.New("nothing was said")

// confirm asks whether what was shown is what is meant. Only somebody at a terminal can be asked; otherwise is what else they can do.
func confirm(env environment, yes bool, question, otherwise string) error {
	if yes {
		return nil
	}
	if file, ok := env.stdin.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {
		return fmt.Errorf("%w: nobody is here to be asked; add --yes to %s%s", errNotMeant, question, otherwise)
	}
	fmt.Fprintf(env.stderr, "\n%s? [y/N] ", question)
	answer, err := bufio.NewReader(io.LimitReader(env.stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNotMeant
	}
	return nil
}

// submit sends a review, and says how to send it again where nobody knows whether it was taken.
func submit(ctx context.Context, env environment, link connection, output string, review *bidrailv1.ReviewRequest) error {
	review.Channel = channel
	var err error
	if review.Nonce, err = nonceOr(review.GetNonce()); err != nil {
		return err
	}
	var after *bidrailv1.Approval
	err = link.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		after, err = bidrailv1.NewApprovalServiceClient(conn).Review(ctx, review)
		return err
	})
	if err != nil {
		repeatHint(env, err, "--nonce "+review.GetNonce())
		return err
	}
	return printApprovalAfter(newScreen(env.stdout, env), output, after)
}

// nonceOr makes up a nonce where none was given.
func nonceOr(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	id, err := uuid.NewV7()
	return "cli-" + id.String(), err
}

// repeatHint says how to ask again for what may have been done.
func repeatHint(env environment, err error, flag string) {
	if code := status.Code(err); (code == codes.Unavailable || code == codes.DeadlineExceeded) && !neverSent(err) {
		fmt.Fprintf(env.stderr, "nobody knows whether that was taken; repeat it with: %s\n", flag)
	}
}

// printApprovalAfter says what has become of an approval by what was just done.
func printApprovalAfter(out screen, output string, a *bidrailv1.Approval) error {
	if output == "json" {
		return printJSON(out, a)
	}
	text := fmt.Sprintf("%s is %s: %s\n", clean(a.GetApprovalId()), approvalStateText(out, a.GetState()), approvalMeaning(a))
	if a.GetState() == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		text += clean("stage "+openStage(a).GetName()+" asks "+strings.Join(asks(a), ", ")+" until "+endOf(a).UTC().Format(time.DateTime)+" UTC") + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
