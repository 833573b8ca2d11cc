package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type experimentsCommand struct {
	Apply          experimentsApplyCommand          `cmd:"" help:"Register the tests of a file, or edit them. Shows what would change first, and asks."`
	List           experimentsListCommand           `cmd:"" help:"List the tests."`
	Show           experimentsShowCommand           `cmd:"" help:"Show a test and every edit of it."`
	Start          experimentsStartCommand          `cmd:"" help:"Start a test that is a draft."`
	Abort          experimentsAbortCommand          `cmd:"" help:"Stop a test for good. Nothing is held still any more when it returns."`
	Conclude       experimentsConcludeCommand       `cmd:"" help:"End a test that has been evaluated."`
	Contaminations experimentsContaminationsCommand `cmd:"" help:"List what was allowed although it disturbs a test, for its analysis."`
}

type experimentsListCommand struct {
	connection
	All    bool   `help:"Also those that are concluded or aborted."`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *experimentsListCommand) Run(ctx context.Context, env environment) error {
	var response *bidrailv1.ListExperimentsResponse
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewRegistryServiceClient(conn).ListExperiments(ctx, &bidrailv1.ListExperimentsRequest{IncludeEnded: c.All})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, response)
	}
	if len(response.GetExperiments()) == 0 {
		none := "no tests are registered"
		if !c.All {
			none += ", or all have ended; --all shows those"
		}
		_, err := fmt.Fprintln(out, none)
		return err
	}
	var rows [][]string
	for _, e := range response.GetExperiments() {
		rows = append(rows, []string{clean(e.GetExperimentId()), stateText(out, e.GetState()), experimentType(e), dayCell(e.GetStarts().AsTime()), dayCell(e.GetEnds().AsTime()),
			clean(e.GetOwner()), whereFrom(e), clean(e.GetName())})
	}
	return out.table([]string{"ID", "STATE", "TYPE", "STARTS (UTC)", "ENDS (UTC)", "OWNER", "VERSION", "NAME"}, rows)
}

func experimentType(e *bidrailv1.Experiment) string {
	name := strings.ToLower(strings.TrimPrefix(e.GetType().String(), "EXPERIMENT_TYPE_"))
	if e.GetSync() {
		name += ", sync"
	}
	return name
}

func stateText(out screen, state bidrailv1.ExperimentState) string {
	name := strings.TrimPrefix(state.String(), "EXPERIMENT_STATE_")
	switch state {
	case bidrailv1.ExperimentState_EXPERIMENT_STATE_BASELINE, bidrailv1.ExperimentState_EXPERIMENT_STATE_RUNNING, bidrailv1.ExperimentState_EXPERIMENT_STATE_COOLDOWN:
		return out.colour(green, name)
	case bidrailv1.ExperimentState_EXPERIMENT_STATE_ABORTED:
		return out.colour(red, name)
	}
	return name
}

func dayCell(at time.Time) string { return at.Format("2006-01-02 15:04") }

// whereFrom is the version of a test of the registry, or that it is none.
func whereFrom(e *bidrailv1.Experiment) string {
	if e.GetFromRevision() {
		return "policy"
	}
	return strconv.FormatInt(e.GetVersion(), 10)
}

type experimentsShowCommand struct {
	connection
	ID     string `arg:"" help:"The test's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *experimentsShowCommand) Run(ctx context.Context, env environment) error {
	var history *bidrailv1.ExperimentHistory
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		history, err = bidrailv1.NewRegistryServiceClient(conn).GetExperiment(ctx, &bidrailv1.GetExperimentRequest{ExperimentId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, history)
	}
	text, err := historyText(out, history)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, text)
	return err
}

// experimentStep is what the three commands that move a test on have in common.
type experimentStep struct {
	connection
	ID     string `arg:"" help:"The test's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *experimentStep) run(ctx context.Context, env environment, call func(context.Context, bidrailv1.RegistryServiceClient) (*bidrailv1.Experiment, error)) error {
	var changed *bidrailv1.Experiment
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		changed, err = call(ctx, bidrailv1.NewRegistryServiceClient(conn))
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, changed, editedText(newScreen(env.stdout, env), changed))
}

// editedText says how a test is after an edit.
func editedText(out screen, e *bidrailv1.Experiment) string {
	return fmt.Sprintf("%s is %s, version %d: from %s to %s UTC\n", clean(e.GetExperimentId()), stateText(out, e.GetState()), e.GetVersion(),
		dayCell(e.GetStarts().AsTime()), dayCell(e.GetEnds().AsTime()))
}

type experimentsStartCommand struct {
	experimentStep
	Now    bool   `help:"It begins at once, whatever date was planned."`
	Reason string `help:"Why." placeholder:"TEXT"`
}

func (c *experimentsStartCommand) Run(ctx context.Context, env environment) error {
	return c.run(ctx, env, func(ctx context.Context, client bidrailv1.RegistryServiceClient) (*bidrailv1.Experiment, error) {
		return client.StartExperiment(ctx, &bidrailv1.StartExperimentRequest{ExperimentId: c.ID, Now: c.Now, Reason: c.Reason})
	})
}

type experimentsAbortCommand struct {
	experimentStep
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
}

func (c *experimentsAbortCommand) Run(ctx context.Context, env environment) error {
	return c.run(ctx, env, func(ctx context.Context, client bidrailv1.RegistryServiceClient) (*bidrailv1.Experiment, error) {
		return client.AbortExperiment(ctx, &bidrailv1.AbortExperimentRequest{ExperimentId: c.ID, Reason: c.Reason})
	})
}

type experimentsConcludeCommand struct {
	experimentStep
	Reason string `help:"What came of it." required:"" placeholder:"TEXT"`
}

func (c *experimentsConcludeCommand) Run(ctx context.Context, env environment) error {
	return c.run(ctx, env, func(ctx context.Context, client bidrailv1.RegistryServiceClient) (*bidrailv1.Experiment, error) {
		return client.ConcludeExperiment(ctx, &bidrailv1.ConcludeExperimentRequest{ExperimentId: c.ID, Reason: c.Reason})
	})
}

type experimentsContaminationsCommand struct {
	connection
	ID     string `arg:"" help:"The test's id."`
	Output string `short:"o" help:"table, json or csv." enum:"table,json,csv" default:"table"`
}

func (c *experimentsContaminationsCommand) Run(ctx context.Context, env environment) error {
	var response *bidrailv1.ListContaminationsResponse
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewRegistryServiceClient(conn).ListContaminations(ctx, &bidrailv1.ListContaminationsRequest{ExperimentId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch {
	case c.Output == "json":
		return printJSON(out, response)
	case c.Output == "csv":
		return contaminationsCSV(out, response.GetContaminations())
	case len(response.GetContaminations()) == 0:
		_, err := fmt.Fprintf(out, "nothing that was allowed has disturbed %s\n", clean(c.ID))
		return err
	}
	var rows [][]string
	for _, each := range response.GetContaminations() {
		target := each.GetTarget()
		rows = append(rows, []string{strconv.FormatInt(each.GetNumber(), 10), timeCell(each.GetAt()), clean(cmp.Or(each.GetArm(), "(none)")), kindName(each.GetKind()),
			clean(target.GetEntityType() + " " + target.GetEntityId()), valueText(each.GetBefore()) + " → " + valueText(each.GetAfter()), whyAllowed(each),
			clean(each.GetAutomation()), clean(each.GetDecisionId())})
	}
	return out.table([]string{"#", "AT (UTC)", "ARM", "KIND", "TARGET", "CHANGE", "ALLOWED AS", "AUTOMATION", "DECISION"}, rows)
}

// whyAllowed says as what a contamination was let through.
func whyAllowed(each *bidrailv1.Contamination) string {
	text := "usual"
	if each.GetEmergency() {
		text = "emergency: " + clean(each.GetReasonCode())
	}
	if each.GetAborted() {
		text += ", ended the test"
	}
	return text
}

// contaminationsCSV is for spreadsheets and notebooks: money in micros of its currency, ratios in ppm. Programs may count on the names
// of the columns and on their order.
func contaminationsCSV(out screen, all []*bidrailv1.Contamination) error {
	rows := [][]string{{"experiment_id", "number", "at", "arm", "kind", "platform", "account", "campaign", "ad_group", "entity_type", "entity_id",
		"before", "after", "unit", "reason_code", "emergency", "aborted", "automation", "decision_id", "rules"}}
	for _, each := range all {
		target := each.GetTarget()
		before, unit := plainValue(each.GetBefore())
		after, unitAfter := plainValue(each.GetAfter())
		row := []string{each.GetExperimentId(), strconv.FormatInt(each.GetNumber(), 10), each.GetAt().AsTime().Format(time.RFC3339Nano), each.GetArm(), kindName(each.GetKind()),
			target.GetPlatform(), target.GetAccount(), target.GetCampaign(), target.GetAdGroup(), target.GetEntityType(), target.GetEntityId(),
			before, after, cmp.Or(unitAfter, unit), each.GetReasonCode(), strconv.FormatBool(each.GetEmergency()), strconv.FormatBool(each.GetAborted()),
			each.GetAutomation(), each.GetDecisionId(), strings.Join(each.GetRules(), " ")}
		for i := range row {
			row[i] = inert(row[i])
		}
		rows = append(rows, row)
	}
	return csv.NewWriter(out).WriteAll(rows)
}

// plainValue is a value as a number or a text, and in what: micros of a currency, ppm, or "" for text. What is absent is empty.
func plainValue(value *bidrailv1.Value) (text, unit string) {
	switch v := value.GetValue().(type) {
	case *bidrailv1.Value_Money:
		return strconv.FormatInt(v.Money.GetMicros(), 10), v.Money.GetCurrency() + " micros"
	case *bidrailv1.Value_RatioPpm:
		return strconv.FormatInt(v.RatioPpm, 10), unitShare
	case *bidrailv1.Value_Text:
		return v.Text, ""
	case *bidrailv1.Value_Flag:
		return strconv.FormatBool(v.Flag), ""
	case *bidrailv1.Value_Unlimited:
		return "unlimited", ""
	}
	return "", ""
}
