package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bidrail/bidrail/client/formats"
	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type checkCommand struct {
	File   string `short:"f" help:"Changes as protojson, one after another, such as one on each line; - reads standard input." required:"" placeholder:"FILE|-"`
	Policy string `help:"Without --server: folder or bundle of rules and limits. Default: the shipped pack." placeholder:"DIR"`
	Output string `short:"o" help:"table, json or ndjson (one decision on each line)." enum:"table,json,ndjson" default:"table"`
	DryRun bool   `help:"With --server: decide and record nothing."`

	formatFlags

	Wait         bool          `help:"With --server: wait for people where they are asked, and redeem what they agree to."`
	WaitTimeout  time.Duration `help:"How long to wait for them." default:"4h"`
	Observations string        `help:"With --wait: what was read of the changes since, for people who take longer than a reading may be old. It is read when they have agreed, and is what bidrail redeem takes." placeholder:"FILE"`

	Server  string        `help:"Address of a server that decides and records. Without it the changes are judged here and nothing is recorded." env:"BIDRAIL_SERVER" placeholder:"ADDR"`
	As      string        `help:"Who asks, under the development identity: subject:role,role." env:"BIDRAIL_AS" placeholder:"WHO"`
	Timeout time.Duration `help:"How long to wait for the answer to one call." default:"60s"`
}

// Help is shown by bidrail check --help.
func (checkCommand) Help() string {
	return `A change is what the API calls bidrail.v1.Change, as JSON:

  {"change_id": "b-1", "kind": "KIND_BID",
   "target": {"platform": "google_ads", "account": "example", "campaign": "101", "entity_type": "keyword", "entity_id": "7"},
   "before": {"money": {"micros": "1000000", "currency": "USD"}}, "before_observed_at": "2026-03-02T09:00:00Z",
   "after": {"money": {"micros": "1150000", "currency": "USD"}}}

Money is in micros: 1000000 is 1.00. Changes that must land together share an atomic_group_id.

A server gives a permit with what it allows. To make the change, claim its permit first and report what became of it:

  bidrail check -f changes.json --server ADDR -o json    # permit.token is there; it is a secret until it is claimed
  bidrail permit claim TOKEN                             # exit 0: make exactly that change now, once
  bidrail permit report PERMIT --outcome applied         # or partial, failed, unknown

A permit that is not claimed in time expires, and with it the leave to make the change.

What people are asked about has an approval, and with --wait the answer comes when they have decided: what they agree to is redeemed, with
the rules asked again, and has its permit as if it had been allowed at once. The exit code is then 0 for that, 3 for what they have said no
to, and for what has ended in another way without a permit, and 2 when they have not decided by --wait-timeout; the same command then goes
on waiting. Several approvals are redeemed together, when the last of them is decided, and a yes lapses: wait for one change at a time, or
one group. A cap that people have set is the value of the permit's change: make that, and not what was asked for.

A platform's own payload is judged with --format, and what is allowed of it written with --emit-allowed. It does not say what holds now, so
--context does; docs/formats.md has what is understood of each platform, and refused:

  bidrail check --format google-ads -f mutate.json --context current.json --emit-allowed allowed.json

Rules let nothing through whose reading is too old (integrity.baseline_age). Where people may take longer than that, write down every now
and then what is there, and name the file with --observations: it is read when they have agreed, and without it they are asked about the
age of the reading as well. It has, by change_id, when the value before was read again, and facts that have changed:

  {"b-1": {"before_observed_at": "2026-03-02T11:30:00Z"}}`
}

// maxInputBytes bounds what is read of the changes before they are parsed.
const maxInputBytes = 1 << 30

func (c *checkCommand) Run(ctx context.Context, env environment) error {
	if c.Wait && (c.Server == "" || c.DryRun) {
		return errors.New("--wait is for what a server records: name one with --server, and leave --dry-run out")
	}
	if c.Observations != "" && !c.Wait {
		return errors.New("--observations is for what people agree to: add --wait, or name the file to bidrail redeem")
	}
	if err := c.check(c.DryRun, c.File); err != nil {
		return err
	}
	var payload *formats.Payload
	var changes []*bidrailv1.Change
	var err error
	if c.Format != "" {
		if payload, err = c.payload(env, c.File); err == nil {
			changes = payload.Changes()
		}
	} else {
		changes, err = c.read(env)
	}
	if err != nil {
		return err
	}
	var results []*bidrailv1.CheckResult
	if c.Server == "" {
		results, err = c.local(ctx, env, changes)
	} else {
		results, err = c.remote(ctx, env, changes)
	}
	if err != nil {
		return err
	}
	var approvals map[string]*bidrailv1.Approval
	if c.Wait {
		if approvals, err = c.wait(ctx, env, changes, results); err != nil {
			return err
		}
	}
	if c.EmitAllowed != "" {
		if err := c.emit(env, payload, results, c.Server != ""); err != nil {
			return err
		}
	}
	if c.EmitAllowed == "-" {
		env.stdout = env.stderr
	}
	if err := c.print(env, changes, operations(payload), results, approvals); err != nil {
		return err
	}
	return outcome(results, approvals)
}

// read reads changes one after another, whatever white space is between them.
func (c *checkCommand) read(env environment) ([]*bidrailv1.Change, error) {
	input := env.stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file of changes, or - for standard input", err)
		}
		defer file.Close()
		input = file
	}
	counted := &lineCounter{r: io.LimitReader(input, maxInputBytes)}
	decoder := json.NewDecoder(counted)
	var changes []*bidrailv1.Change
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := counted.offset // cut off: the end
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = syntax.Offset
			}
			return nil, fmt.Errorf("%s:%d: not JSON: %v; a change looks like the one in bidrail check --help", c.File, counted.lineAt(at), err)
		}
		change := &bidrailv1.Change{}
		if err := (protojson.UnmarshalOptions{}).Unmarshal(raw, change); err != nil {
			within, problem := readable(err)
			first := counted.lineAt(decoder.InputOffset() - int64(len(raw)))
			return nil, fmt.Errorf("%s:%d: change %d: %s", c.File, first+within, len(changes)+1, problem)
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return nil, fmt.Errorf("%s: there are no changes in it; write one as JSON on each line (bidrail check --help shows one)", c.File)
	}
	return changes, nil
}

// protojsonError is how protojson begins what it has to say. It varies the first space on purpose.
var protojsonError = regexp.MustCompile(`^proto:[ \x{a0}]*(?:syntax error )?(?:\(line (\d+):\d+\):? )?`)

// readable is what protojson complains of, and how many lines into the change.
func readable(err error) (lines int, problem string) {
	text := err.Error()
	begin := protojsonError.FindStringSubmatchIndex(text)
	if begin == nil {
		return 0, text
	}
	if begin[2] >= 0 {
		if line, err := strconv.Atoi(text[begin[2]:begin[3]]); err == nil {
			lines = line - 1
		}
	}
	return lines, text[begin[1]:]
}

// lineCounter remembers where lines end, so that an error can name one.
type lineCounter struct {
	r      io.Reader
	ends   []int64
	offset int64
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

func (l *lineCounter) lineAt(offset int64) int {
	for i, end := range l.ends {
		if offset <= end {
			return i + 1
		}
	}
	return len(l.ends) + 1
}

// localDeadline is how long rules may take here, where nobody's bid waits: with ten thousand changes at once on a busy machine, a server's
// deadline would block some that a server allows.
const localDeadline = 5 * time.Second

// local judges here, with nothing but the policy.
func (c *checkCommand) local(ctx context.Context, env environment, changes []*bidrailv1.Change) ([]*bidrailv1.CheckResult, error) {
	// One batch, and then the process ends: what the collector would tidy up meanwhile is not needed again.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	principal, err := principalFor(c.As)
	if err != nil {
		return nil, err
	}
	// The policy is compiled on one processor while the changes are looked at on another.
	var active *server.Policy
	compiled := make(chan error, 1)
	go func() {
		var err error
		active, err = loadPolicy(ctx, c.Policy, policy.Options{SkipTests: true, Deadline: localDeadline})
		compiled <- err
	}()
	requested, invalid := request(changes)
	if err := <-compiled; err != nil {
		return nil, err
	}
	if invalid != nil {
		return nil, invalid
	}
	preview, err := server.New(ctx, server.Config{Policy: active})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(env.stderr, "judged here with the policy %s: nothing is recorded, and windows over time are empty; --server ADDR asks a server\n", policyName(c.Policy))
	var results []*bidrailv1.CheckResult
	for _, part := range requested {
		decided, err := preview.Check(ctx, principal, server.CheckRequest{Changes: part})
		if err != nil {
			return nil, err
		}
		for _, each := range decided {
			results = append(results, grpcapi.ResultMessage(each))
		}
	}
	return results, nil
}

// request is the changes in as few calls as it takes, as a server would have let them in.
func request(changes []*bidrailv1.Change) ([][]*policy.Change, error) {
	validator, err := grpcapi.NewValidator()
	if err != nil {
		return nil, err
	}
	var calls [][]*policy.Change
	for _, part := range parts(changes) {
		if err := validator.Validate(&bidrailv1.CheckBatchRequest{Changes: part}); err != nil {
			return nil, err
		}
		calls = append(calls, grpcapi.Changes(part))
	}
	return calls, nil
}

// remote asks a server, in as few calls as it takes.
func (c *checkCommand) remote(ctx context.Context, env environment, changes []*bidrailv1.Change) ([]*bidrailv1.CheckResult, error) {
	if c.Policy != "" {
		return nil, errors.New("--policy is for judging here, and the server has its own policy: leave --policy out, or --server (and BIDRAIL_SERVER, which says the same)")
	}
	link := connection{Server: c.Server, As: c.As, Timeout: c.Timeout}
	conn, err := link.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	guardrail := bidrailv1.NewGuardrailServiceClient(conn)
	progress := newScreen(env.stderr, env)
	var results []*bidrailv1.CheckResult
	split := parts(changes)
	for _, part := range split {
		callCtx, cancel, err := link.call(ctx)
		if err != nil {
			return nil, err
		}
		response, err := guardrail.CheckBatch(callCtx, &bidrailv1.CheckBatchRequest{Changes: part, DryRun: c.DryRun})
		cancel()
		if err != nil {
			return nil, err
		}
		results = append(results, response.GetResults()...)
		if len(split) > 1 && progress.terminal {
			fmt.Fprintf(env.stderr, "\r%d of %d changes", len(results), len(changes))
		}
	}
	if len(split) > 1 && progress.terminal {
		fmt.Fprintln(env.stderr)
	}
	return results, nil
}

// parts cuts changes into calls, and never through an atomic group whose legs stand together.
func parts(changes []*bidrailv1.Change) [][]*bidrailv1.Change {
	var split [][]*bidrailv1.Change
	for len(changes) > server.MaxBatch {
		at := server.MaxBatch
		for at > 1 && changes[at].GetAtomicGroupId() != "" && changes[at].GetAtomicGroupId() == changes[at-1].GetAtomicGroupId() {
			at--
		}
		split = append(split, changes[:at])
		changes = changes[at:]
	}
	return append(split, changes)
}

// print shows the results. of names the operation of each change, where they are a platform's payload.
func (c *checkCommand) print(env environment, changes []*bidrailv1.Change, of []string, results []*bidrailv1.CheckResult, approvals map[string]*bidrailv1.Approval) error {
	switch c.Output {
	case "json":
		return printJSON(env.stdout, &bidrailv1.CheckBatchResponse{Results: results})
	case "ndjson":
		for _, result := range results {
			if err := printLine(env.stdout, result); err != nil {
				return err
			}
		}
		return nil
	}
	out := newScreen(env.stdout, env)
	now := time.Now()
	var rows [][]string
	claimable, replayed, asked := false, false, ""
	counts := map[bidrailv1.Verdict]int{}
	problems := 0
	for i, result := range results {
		if problem := result.GetProblem(); problem != nil {
			problems++
			rows = append(rows, inOperation(of, i, [][]string{{out.colour(red, "PROBLEM"), clean(changes[i].GetChangeId()), "", "", "", clean(problem.GetMessage())}})...)
			continue
		}
		counts[result.GetDecision().GetVerdict()]++
		replayed = replayed || result.GetDecision().GetReplayed()
		decided := decisionRows(out, result.GetDecision())
		if id := result.GetDecision().GetApprovalId(); id != "" && result.GetDecision().GetVerdict() == bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL {
			asked = id
			note := "approval " + clean(id)
			if refusedBy(approvals[id]) {
				note += " is " + approvalStateName(approvals[id].GetState())
			}
			decided = append(decided, []string{"", "", "", "", "", note})
		}
		if permit := result.GetDecision().GetPermit(); permit != nil {
			note := permitNote(permit, now)
			claimable = claimable || permit.GetToken() != ""
			if decided[0][5] == "" {
				decided[0][5] = note
			} else {
				decided = append(decided, []string{"", "", "", "", "", note})
			}
		}
		rows = append(rows, inOperation(of, i, decided)...)
	}
	heading := inOperation(of, -1, [][]string{{"VERDICT", "CHANGE", "KIND", "TARGET", "FROM → TO", "WHY"}})[0]
	if err := out.table(heading, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s: %d allowed, %d for approval, %d blocked", plural(len(results), "change"),
		counts[bidrailv1.Verdict_VERDICT_ALLOW], counts[bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL], counts[bidrailv1.Verdict_VERDICT_BLOCK])
	if err == nil && problems > 0 {
		_, err = fmt.Fprintf(out, ", %d not decided", problems)
	}
	if err == nil {
		_, err = fmt.Fprintln(out)
	}
	if err == nil && replayed {
		_, err = fmt.Fprintln(out, "again: as it was decided then; send a new change_id to have it judged anew")
	}
	if err == nil && asked != "" && !c.Wait {
		_, err = fmt.Fprintf(env.stderr, "people are asked: bidrail approvals show %s; with --wait, check waits for them\n", shellWord(asked))
	}
	if err == nil && claimable {
		_, err = fmt.Fprintln(env.stderr, "claim a permit before you make its change: bidrail check --help shows how")
	}
	return err
}

// outcome is the exit code of a check: the worst of what the changes got, and of what people have decided where they were waited for.
func outcome(results []*bidrailv1.CheckResult, approvals map[string]*bidrailv1.Approval) error {
	code := exitAllowed
	for _, result := range results {
		if result.GetProblem() != nil {
			return exitCode(exitFailed)
		}
		switch result.GetDecision().GetVerdict() {
		case bidrailv1.Verdict_VERDICT_ALLOW:
		case bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL:
			code = max(code, exitApproval)
			if refusedBy(approvals[result.GetDecision().GetApprovalId()]) {
				code = exitBlocked
			}
		case bidrailv1.Verdict_VERDICT_BLOCK:
			code = max(code, exitBlocked)
		default:
			return exitCode(exitFailed)
		}
	}
	if code == exitAllowed {
		return nil
	}
	return exitCode(code)
}
