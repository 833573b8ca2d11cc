package grpcapi_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

func domain(change *bidrailv1.Change) *policy.Change {
	return grpcapi.Changes([]*bidrailv1.Change{change})[0]
}

// Every field of a change reaches the domain, and all but the batch are part of what was asked.
func TestEveryFieldOfAChangeIsRead(t *testing.T) {
	full, next := &bidrailv1.Change{}, int64(0)
	fill(full.ProtoReflect(), &next)
	read := domain(full)
	if empty := emptyFields(reflect.ValueOf(read).Elem(), ""); len(empty) > 0 {
		t.Errorf("nothing fills %v of the domain's change", empty)
	}
	places := leavesOf(full)
	if len(places) < 35 {
		t.Fatalf("found %d places in a change; the test does not look everywhere", len(places))
	}
	for _, place := range places {
		changed := proto.CloneOf(full)
		place.set(changed, "other")
		if cmp.Equal(read, domain(changed)) {
			t.Errorf("%s is not carried", place.path)
		}
		if same := read.Digest() == domain(changed).Digest(); same != (place.path == "batch_id") {
			t.Errorf("%s: the digest stays the same: %v", place.path, same)
		}
	}
}

func emptyFields(value reflect.Value, path string) []string {
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	var empty []string
	for i := range value.NumField() {
		name, field := path+value.Type().Field(i).Name, value.Field(i)
		switch {
		case field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]() && field.Type() != reflect.TypeFor[policy.Value]():
			empty = append(empty, emptyFields(field, name+".")...)
		case field.IsZero():
			empty = append(empty, name)
		}
	}
	return empty
}

func values() map[string]struct {
	message *bidrailv1.Value
	value   policy.Value
} {
	type pair = struct {
		message *bidrailv1.Value
		value   policy.Value
	}
	return map[string]pair{
		"money":     {&bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: 1<<63 - 1, Currency: "JPY"}}}, policy.MoneyValue(1<<63-1, "JPY")},
		"nothing":   {&bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Currency: "USD"}}}, policy.MoneyValue(0, "USD")},
		"ratio":     {&bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: 1_200_000}}, policy.RatioValue(1_200_000)},
		"no ratio":  {&bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{}}, policy.RatioValue(0)},
		"text":      {&bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: "PAUSED"}}, policy.TextValue("PAUSED")},
		"no text":   {&bidrailv1.Value{Value: &bidrailv1.Value_Text{}}, policy.TextValue("")},
		"flag":      {&bidrailv1.Value{Value: &bidrailv1.Value_Flag{Flag: true}}, policy.FlagValue(true)},
		"no":        {&bidrailv1.Value{Value: &bidrailv1.Value_Flag{}}, policy.FlagValue(false)},
		"unlimited": {&bidrailv1.Value{Value: &bidrailv1.Value_Unlimited{Unlimited: &bidrailv1.Unlimited{}}}, policy.UnlimitedValue()},
		"absent":    {&bidrailv1.Value{Value: &bidrailv1.Value_Absent{Absent: &bidrailv1.Absent{}}}, policy.AbsentValue()},
		"missing":   {nil, policy.Value{}},
	}
}

// Zero, unlimited, absent and missing stay four different things, there and back.
func TestValues(t *testing.T) {
	covered := map[protoreflect.Name]bool{}
	for name, test := range values() {
		if got := grpcapi.Value(test.message); got != test.value {
			t.Errorf("%s: got %+v, want %+v", name, got, test.value)
		}
		written := grpcapi.DecisionMessage(server.Result{Decision: &policy.Decision{After: test.value}}).GetAfter()
		if diff := cmp.Diff(test.message, written, protocmp.Transform()); diff != "" {
			t.Errorf("%s, back (-want +got):\n%s", name, diff)
		}
		if test.message != nil {
			test.message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
				covered[field.Name()] = true
				return true
			})
		}
	}
	oneof := (&bidrailv1.Value{}).ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	for i := range oneof.Len() {
		// A flag that is not set, and an empty message, are there all the same.
		if name := oneof.Get(i).Name(); !covered[name] {
			t.Errorf("no test for a value of %s", name)
		}
	}
	if got := grpcapi.Value(&bidrailv1.Value{}); got != (policy.Value{}) {
		t.Errorf("a value with nothing in it: got %+v, want Missing", got)
	}
}

func TestKinds(t *testing.T) {
	numbers := (bidrailv1.Kind)(0).Descriptor().Values()
	if numbers.Len() != len(policy.Kinds())+1 {
		t.Errorf("the API has %d kinds, the domain %d", numbers.Len()-1, len(policy.Kinds()))
	}
	for i := range numbers.Len() {
		value := numbers.Get(i)
		kind := domain(&bidrailv1.Change{Kind: bidrailv1.Kind(value.Number())}).Kind
		want := strings.ToLower(strings.TrimPrefix(string(value.Name()), "KIND_"))
		if value.Number() == 0 {
			want = policy.KindUnknown.String()
		}
		if kind.String() != want {
			t.Errorf("%s is read as %s", value.Name(), kind)
		}
	}
	for _, number := range []int32{-1, 23, 255, 256, 257, 1 << 30, -1 << 31} {
		if kind := domain(&bidrailv1.Change{Kind: bidrailv1.Kind(number)}).Kind; kind != policy.KindUnknown {
			t.Errorf("%d is read as %s", number, kind)
		}
	}
}

// The numbers of verdicts and effects are the API's.
func TestEnums(t *testing.T) {
	for number, name := range bidrailv1.Verdict_name {
		if want := strings.TrimPrefix(name, "VERDICT_"); number != 0 && policy.Verdict(number).String() != want {
			t.Errorf("verdict %d is %s here and %s in the API", number, policy.Verdict(number), want)
		}
	}
	for number, name := range bidrailv1.Effect_name {
		if want := strings.ToLower(strings.TrimPrefix(name, "EFFECT_")); number != 0 && policy.Effect(number).String() != want {
			t.Errorf("effect %d is %s here and %s in the API", number, policy.Effect(number), want)
		}
	}
}

func fullDecision() *policy.Decision {
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	read := domain(change)
	return &policy.Decision{
		ID: "dec_1", ChangeID: read.ID, BatchID: read.BatchID, AtomicGroupID: read.AtomicGroupID, Automation: "pacer",
		Actor: read.Actor, Kind: read.Kind, Target: read.Target, Before: read.Before, After: read.After, Verdict: policy.RequireApproval,
		Findings: []policy.Finding{{Rule: "bid.step", Effect: policy.Approve, Shadow: true, Message: "m", Observed: "o", Limit: "l",
			MaxPermitted: policy.MoneyValue(1, "EUR"), Source: "s", Location: "f:1", Severity: "high", Magnitude: policy.RatioValue(2),
			Approval: `[{"name":"n"}]`, LiftedBy: "gra_1"}},
		Revision: "sha256:r", ChangeDigest: "sha256:c", GroupDigest: "sha256:g", DecidedAt: time.Date(2026, 3, 2, 15, 0, 0, 1000, time.UTC),
		PermitID: "per_1", ApprovalID: "apr_1", Redeems: "apr_0",
	}
}

// Every field of the API's decision is filled, and everything that a decision says gets there.
func TestEveryFieldOfADecisionIsWritten(t *testing.T) {
	decision := fullDecision()
	if empty := emptyFields(reflect.ValueOf(decision).Elem(), ""); len(empty) > 0 {
		t.Fatalf("the test's decision lacks %v", empty)
	}
	given := fullPermit()
	message := grpcapi.DecisionMessage(server.Result{Decision: decision, Replayed: true, DryRun: true, Permit: &given, Token: "t"})
	unset(t, message.ProtoReflect(), "", "input_json") // GetDecision fills it in
	if diff := cmp.Diff(grpcapi.PermitMessage(given, "t"), message.GetPermit(), protocmp.Transform()); diff != "" {
		t.Errorf("the permit of a decision (-want +got):\n%s", diff)
	}
	if written := grpcapi.DecisionMessage(server.Result{Decision: decision, Permit: &given}).GetPermit().GetToken(); written != "" {
		t.Errorf("got the token %q where there is none", written)
	}
	// A decision that is only read names its permit.
	message = grpcapi.DecisionMessage(server.Result{Decision: decision, Replayed: true, DryRun: true})
	if diff := cmp.Diff(&bidrailv1.Permit{PermitId: "per_1"}, message.GetPermit(), protocmp.Transform()); diff != "" {
		t.Errorf("the permit of a decision that is only read (-want +got):\n%s", diff)
	}
	value := reflect.ValueOf(decision).Elem()
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		without := *decision
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		if proto.Equal(message, grpcapi.DecisionMessage(server.Result{Decision: &without, Replayed: true, DryRun: true})) {
			t.Errorf("%s is not carried", name)
		}
	}
	finding := reflect.ValueOf(decision.Findings[0])
	for i := range finding.NumField() {
		without, other := *decision, decision.Findings[0]
		reflect.ValueOf(&other).Elem().Field(i).SetZero()
		without.Findings = []policy.Finding{other}
		name := finding.Type().Field(i).Name
		same := proto.Equal(message, grpcapi.DecisionMessage(server.Result{Decision: &without, Replayed: true, DryRun: true}))
		// Whom the rule asks for says little without what routes ask for; what it spoils is listed with the test.
		if left := name == "Approval" || name == "Contaminates"; same != left {
			t.Errorf("%s of a finding: the message is the same without it: %v", name, same)
		}
	}
	// What went in comes out: target, values and actor are the change's own.
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	for _, each := range []struct{ want, got proto.Message }{
		{change.GetTarget(), message.GetTarget()}, {change.GetBefore(), message.GetBefore()}, {change.GetAfter(), message.GetAfter()},
		{change.GetActor(), message.GetActor()}, {timestamppb.New(decision.DecidedAt), message.GetDecidedAt()},
	} {
		if diff := cmp.Diff(each.want, each.got, protocmp.Transform()); diff != "" {
			t.Errorf("(-sent +written):\n%s", diff)
		}
	}
}

// unset reports every field of a message that nothing has filled, but for those named.
func unset(t *testing.T, message protoreflect.Message, path string, but ...string) {
	t.Helper()
	all := message.Descriptor().Fields()
	for i := range all.Len() {
		field := all.Get(i)
		at := path + string(field.Name())
		switch {
		case slices.Contains(but, at), field.ContainingOneof() != nil:
		case message.Descriptor().FullName() == "google.protobuf.Timestamp", message.Descriptor().FullName() == "google.protobuf.Duration":
		case !message.Has(field):
			t.Errorf("nothing fills %s of %s", at, message.Descriptor().FullName())
		case field.IsMap():
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for j := range message.Get(field).List().Len() {
				unset(t, message.Get(field).List().Get(j).Message(), at+".", but...)
			}
		case !field.IsList() && field.Kind() == protoreflect.MessageKind:
			unset(t, message.Get(field).Message(), at+".", but...)
		}
	}
}

func TestEveryFieldOfARuleIsWritten(t *testing.T) {
	rule := &policy.Rule{
		ID: "bid.ceiling", Title: "t", Description: "d", Owner: "o", Source: "s", Kinds: []policy.Kind{policy.KindBid, policy.KindName},
		Effects: []policy.Effect{policy.Blocks, policy.Warn}, Mode: policy.RuleShadow, Undetermined: policy.Approve,
		Reads: []string{"input.now"}, Optional: []string{"input.facts.x"}, File: "rules/x.rego", Line: 3,
		Overridable: true, Lenient: true,
	}
	unset(t, grpcapi.RuleMessage(rule).ProtoReflect(), "")
	for _, mode := range []policy.RuleMode{policy.RuleEnforce, policy.RuleShadow, policy.RuleOff} {
		rule.Mode = mode
		if got, want := grpcapi.RuleMessage(rule).GetMode().String(), "RULE_MODE_"+strings.ToUpper(string(mode)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEveryFieldOfAnExplanationIsWritten(t *testing.T) {
	outcomes := []policy.ExpressionOutcome{policy.NotReached, policy.Fired, policy.Held, policy.Failed, policy.Undefined, policy.Errored}
	explanation := &policy.Explanation{Rules: []policy.RuleExplanation{{
		Rule: &policy.Rule{ID: "bid.ceiling", Title: "t", Mode: policy.RuleEnforce}, Effect: policy.Blocks,
	}}}
	seen := map[bidrailv1.Outcome]bool{}
	for _, outcome := range outcomes {
		explanation.Rules[0].Bodies = append(explanation.Rules[0].Bodies, policy.BodyExplanation{File: "f", Line: 1, Outcome: outcome,
			Expressions: []policy.ExpressionExplanation{{Line: 2, Text: "x", Outcome: outcome, Values: map[string]string{"x": "1"}}}})
	}
	message := grpcapi.ExplanationMessages(explanation)[0]
	unset(t, message.ProtoReflect(), "")
	for _, body := range message.GetBodies() {
		if body.GetOutcome() != body.GetExpressions()[0].GetOutcome() {
			t.Errorf("the body's outcome is %v, its expression's %v", body.GetOutcome(), body.GetExpressions()[0].GetOutcome())
		}
		seen[body.GetOutcome()] = true
	}
	if len(seen) != len(outcomes) || len(seen) != len(bidrailv1.Outcome_name)-1 {
		t.Errorf("%d outcomes are written as %d of the API's %d", len(outcomes), len(seen), len(bidrailv1.Outcome_name)-1)
	}
}
