package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type experimentsApplyCommand struct {
	connection
	File   string `short:"f" help:"The tests as YAML, in the words of experiments/data.yaml; - for standard input." required:"" placeholder:"FILE"`
	Reason string `help:"Why, for the record." placeholder:"TEXT"`
	DryRun bool   `help:"Only show what would change: exit 0 nothing would, 2 something would."`
	Yes    bool   `short:"y" help:"Do not ask: what is shown now is what you mean."`
}

// Help is shown by the command's help.
func (experimentsApplyCommand) Help() string {
	return "A file holds tests by id, as experiments/data.yaml does, or one test with its id beside the other keys; documents are divided by ---. " +
		"Tests that are not in it are left alone. What is shown is what is applied: a test that somebody else has edited in between is refused, and shown again next time."
}

// applied is one test of a file, against what is registered.
type applied struct {
	next        experiment.Experiment
	current     *bidrailv1.Experiment // nil: there is none
	differences []experiment.Difference
}

func (c *experimentsApplyCommand) Run(ctx context.Context, env environment) error {
	tests, err := c.read(env)
	if err != nil {
		return err
	}
	var plan []applied
	for _, next := range tests {
		each, err := c.compare(ctx, next)
		if err != nil {
			return err
		}
		plan = append(plan, each)
	}
	changed := 0
	for _, each := range plan {
		if err := each.show(newScreen(env.stdout, env)); err != nil {
			return err
		}
		if window := each.next.MinimumEnds(); each.next.Ends.Before(window) {
			fmt.Fprintf(env.stderr, "%s ends before %s: until then it proves little (15 days, or one purchase cycle)\n", each.next.ID, window.UTC().Format(time.DateOnly))
		}
		if each.differs() {
			changed++
		}
	}
	switch {
	case changed == 0:
		return nil
	case c.DryRun:
		return exitCode(exitApproval)
	}
	if err := confirm(env, c.Yes, "apply what is shown above, "+plural(changed, "test"), ""); err != nil {
		return err
	}
	for _, each := range plan {
		if !each.differs() {
			continue
		}
		var put *bidrailv1.Experiment
		err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
			put, err = bidrailv1.NewRegistryServiceClient(conn).PutExperiment(ctx, &bidrailv1.PutExperimentRequest{
				Experiment: grpcapi.ExperimentMessage(server.ExperimentRecord{Experiment: each.next, State: each.next.State}), Version: each.current.GetVersion(), Reason: c.Reason,
			})
			return err
		})
		if err != nil {
			return err // it names the test; what was applied before it is printed
		}
		out := newScreen(env.stdout, env)
		if _, err := io.WriteString(out, editedText(out, put)); err != nil {
			return err
		}
	}
	return nil
}

// read reads the file: every test that is in it, by id.
func (c *experimentsApplyCommand) read(env environment) ([]experiment.Experiment, error) {
	name, content := c.File, []byte(nil)
	var err error
	if name == "-" {
		name = "standard input"
		content, err = io.ReadAll(env.stdin)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	records := map[string]any{}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for number := 1; ; number++ {
		var node yaml.Node
		if err := decoder.Decode(&node); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		timesAsWritten(&node)
		var document map[string]any
		if err := node.Decode(&document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if id, single := document["id"].(string); single {
			delete(document, "id")
			document = map[string]any{id: document}
		}
		for id, record := range document {
			if _, twice := records[id]; twice {
				return nil, fmt.Errorf("%s: the test %s is there twice", name, id)
			}
			records[id] = record
		}
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: there is no test in it", name)
	}
	var tests []experiment.Experiment
	for _, id := range slices.Sorted(maps.Keys(records)) {
		body, err := json.Marshal(records[id])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, id, err)
		}
		next, err := experiment.DecodeEntry(id, body)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), policy.ErrInvalid.Error()+": "))
		}
		if next.Ended() {
			return nil, fmt.Errorf("%s: %s: a file cannot make a test %s; bidrail experiments has abort and conclude, which ask why", name, id, next.State)
		}
		tests = append(tests, next)
	}
	return tests, nil
}

// timesAsWritten keeps YAML from reading times by rules of its own, which make midnight of a day.
func timesAsWritten(node *yaml.Node) {
	if node.ShortTag() == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, child := range node.Content {
		timesAsWritten(child)
	}
}

// compare holds a test against the one that is registered.
func (c *experimentsApplyCommand) compare(ctx context.Context, next experiment.Experiment) (applied, error) {
	each := applied{next: next}
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		history, err := bidrailv1.NewRegistryServiceClient(conn).GetExperiment(ctx, &bidrailv1.GetExperimentRequest{ExperimentId: next.ID})
		each.current = history.GetExperiment()
		return err
	})
	if status.Code(err) == codes.NotFound {
		each.current = nil
		each.differences = (&experiment.Experiment{}).Differences(&next)
		return each, nil
	}
	if err != nil {
		return each, err
	}
	if each.current.GetFromRevision() {
		return each, fmt.Errorf("%s is declared in the active policy revision; edit it there, or take another id", next.ID)
	}
	registered, err := grpcapi.Experiment(each.current)
	if err != nil {
		return each, err
	}
	each.differences = registered.Differences(&next)
	return each, nil
}

func (a *applied) differs() bool { return len(a.differences) > 0 }

// show writes what would change, field by field.
func (a *applied) show(out screen) error {
	id := clean(a.next.ID)
	switch {
	case a.current == nil:
		fmt.Fprintf(out, "%s %s is new\n", out.colour(green, "+"), id)
	case !a.differs():
		_, err := fmt.Fprintf(out, "= %s is as it is registered, version %d\n", id, a.current.GetVersion())
		return err
	default:
		fmt.Fprintf(out, "%s %s, version %d by %s, %s\n", out.colour(yellow, "~"), id, a.current.GetVersion(), clean(a.current.GetChangedBy()), stateText(out, a.current.GetState()))
	}
	for _, difference := range a.differences {
		text := clean(difference.To)
		if a.current != nil {
			text = cmp.Or(clean(difference.From), "(left out)") + " → " + cmp.Or(text, "(left out)")
		}
		if _, err := fmt.Fprintf(out, "    %-16s %s\n", clean(difference.Field), text); err != nil {
			return err
		}
	}
	return nil
}

// historyText is a test and how it came about.
func historyText(out screen, history *bidrailv1.ExperimentHistory) (string, error) {
	now, err := grpcapi.Experiment(history.GetExperiment())
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s  %s\n", clean(now.ID), stateText(out, history.GetExperiment().GetState()))
	if history.GetExperiment().GetFromRevision() {
		fmt.Fprintln(&text, "declared in the active policy revision, and edited there")
	}
	for _, field := range (&experiment.Experiment{}).Differences(&now) {
		if field.Field != "state" {
			fmt.Fprintf(&text, "    %-16s %s\n", clean(field.Field), clean(field.To))
		}
	}
	fmt.Fprintf(&text, "    %-16s %s\n", "proves from", now.MinimumEnds().UTC().Format(time.RFC3339))
	previous := experiment.Experiment{}
	for i, version := range history.GetVersions() {
		fmt.Fprintf(&text, "\nversion %d  %s  %s  by %s", version.GetVersion(), stateText(out, version.GetState()), timeText(version.GetChangedAt()), clean(version.GetChangedBy()))
		if reason := version.GetReason(); reason != "" {
			fmt.Fprintf(&text, ": %s", clean(reason))
		}
		fmt.Fprintln(&text)
		each, err := grpcapi.Experiment(version)
		if err != nil {
			return "", err
		}
		if i > 0 {
			for _, difference := range previous.Differences(&each) {
				fmt.Fprintf(&text, "    %-16s %s → %s\n", clean(difference.Field), cmp.Or(clean(difference.From), "(left out)"), cmp.Or(clean(difference.To), "(left out)"))
			}
		}
		previous = each
	}
	return text.String(), nil
}
