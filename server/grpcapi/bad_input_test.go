package grpcapi_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

// unharmed demands that nothing was recorded since the server had so many decisions, and that it
// still answers.
func unharmed(t *testing.T, s *servertest.Server, before int) {
	t.Helper()
	if got := s.Recorded(t); got != before {
		t.Errorf("%d decisions are recorded, want %d", got, before)
	}
	response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("alive", 100, 110)}, DryRun: true})
	if err != nil || response.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Errorf("afterwards a good change is answered %v, %v", response.GetVerdict(), err)
	}
}

func TestMalformedChanges(t *testing.T) {
	s := servertest.New(t)
	check(t, s, servertest.Bid("before", 100, 110))
	micros := func(micros int64, currency string) *bidrailv1.Value {
		return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: micros, Currency: currency}}}
	}
	for name, test := range map[string]struct {
		spoil func(*bidrailv1.Change)
		field string // after changes[1].
	}{
		"no id":                   {func(c *bidrailv1.Change) { c.ChangeId = "" }, "change_id"},
		"id too long":             {func(c *bidrailv1.Change) { c.ChangeId = strings.Repeat("x", 129) }, "change_id"},
		"id used twice":           {func(c *bidrailv1.Change) { c.ChangeId = "good" }, "change_id"},
		"no kind":                 {func(c *bidrailv1.Change) { c.Kind = 0 }, "kind"},
		"unknown kind":            {func(c *bidrailv1.Change) { c.Kind = 99 }, "kind"},
		"negative kind":           {func(c *bidrailv1.Change) { c.Kind = -1 }, "kind"},
		"kind beyond a byte":      {func(c *bidrailv1.Change) { c.Kind = 257 }, "kind"},
		"no target":               {func(c *bidrailv1.Change) { c.Target = nil }, "target"},
		"empty target":            {func(c *bidrailv1.Change) { c.Target = &bidrailv1.Target{} }, "target.platform"},
		"no platform":             {func(c *bidrailv1.Change) { c.Target.Platform = "" }, "target.platform"},
		"no account":              {func(c *bidrailv1.Change) { c.Target.Account = "" }, "target.account"},
		"no entity type":          {func(c *bidrailv1.Change) { c.Target.EntityType = "" }, "target.entity_type"},
		"no entity id":            {func(c *bidrailv1.Change) { c.Target.EntityId = "" }, "target.entity_id"},
		"long campaign name":      {func(c *bidrailv1.Change) { c.Target.CampaignName = strings.Repeat("é", 513) }, "target.campaign_name"},
		"no value":                {func(c *bidrailv1.Change) { c.After = nil }, "after"},
		"value with nothing":      {func(c *bidrailv1.Change) { c.After = &bidrailv1.Value{} }, "after.value"},
		"baseline with nothing":   {func(c *bidrailv1.Change) { c.Before = &bidrailv1.Value{} }, "before.value"},
		"negative bid":            {func(c *bidrailv1.Change) { c.After = micros(-1, "USD") }, "after.money.micros"},
		"most negative bid":       {func(c *bidrailv1.Change) { c.After = micros(-1<<63, "USD") }, "after.money.micros"},
		"negative baseline":       {func(c *bidrailv1.Change) { c.Before = micros(-5, "USD") }, "before.money.micros"},
		"no currency":             {func(c *bidrailv1.Change) { c.After = micros(1, "") }, "after.money.currency"},
		"small currency":          {func(c *bidrailv1.Change) { c.After = micros(1, "usd") }, "after.money.currency"},
		"currency with a newline": {func(c *bidrailv1.Change) { c.After = micros(1, "USD\n") }, "after.money.currency"},
		"negative ratio": {func(c *bidrailv1.Change) { c.After = &bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: -1}} },
			"after.ratio_ppm"},
		"long text": {func(c *bidrailv1.Change) {
			c.After = &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: strings.Repeat("x", 4097)}}
		}, "after.text"},
		"nanoseconds below zero":  {func(c *bidrailv1.Change) { c.BeforeObservedAt = &timestamppb.Timestamp{Nanos: -1} }, "before_observed_at"},
		"nanoseconds of a second": {func(c *bidrailv1.Change) { c.EffectiveAt = &timestamppb.Timestamp{Seconds: 1, Nanos: 1e9} }, "effective_at"},
		"before 1970":             {func(c *bidrailv1.Change) { c.BeforeObservedAt = &timestamppb.Timestamp{Seconds: -1} }, "before_observed_at"},
		"before the year 1":       {func(c *bidrailv1.Change) { c.RevertAt = &timestamppb.Timestamp{Seconds: -1 << 63} }, "revert_at"},
		"after 2262":              {func(c *bidrailv1.Change) { c.RevertAt = &timestamppb.Timestamp{Seconds: 9223372036} }, "revert_at"},
		"after all times":         {func(c *bidrailv1.Change) { c.RevertAt = &timestamppb.Timestamp{Seconds: 1<<63 - 1} }, "revert_at"},
		"read in the future": {func(c *bidrailv1.Change) {
			c.BeforeObservedAt = timestamppb.New(servertest.Start.Add(24 * time.Hour))
		}, "before_observed_at"},
		"fact without a value": {func(c *bidrailv1.Change) { c.Facts = map[string]*bidrailv1.Fact{"daily_budget": {}} }, `facts["daily_budget"].value`},
		"negative fact": {func(c *bidrailv1.Change) {
			c.Facts = map[string]*bidrailv1.Fact{"daily_budget": {Value: micros(-1, "USD")}}
		}, `facts["daily_budget"].value.money.micros`},
		"fact without a name": {func(c *bidrailv1.Change) { c.Facts = map[string]*bidrailv1.Fact{"": {Value: micros(1, "USD")}} }, `facts[""]`},
		"many labels": {func(c *bidrailv1.Change) {
			c.Target.Labels = map[string]string{}
			for i := range 65 {
				c.Target.Labels[fmt.Sprint(i)] = "x"
			}
		}, "target.labels"},
		"many fields":      {func(c *bidrailv1.Change) { c.FieldMask = slices.Repeat([]string{"x"}, 65) }, "field_mask"},
		"field no name":    {func(c *bidrailv1.Change) { c.FieldMask = []string{"a", ""} }, "field_mask[1]"},
		"many regions":     {func(c *bidrailv1.Change) { c.Geos = slices.Repeat([]string{"x"}, 1025) }, "geos"},
		"unseen audience":  {func(c *bidrailv1.Change) { c.Target.Audiences = []string{"a", "b\u200b"} }, "target.audiences[1]"},
		"larger than 64 K": {func(c *bidrailv1.Change) { c.Reason.Text = strings.Repeat("x", 64<<10) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bad := servertest.Bid("bad", 100, 110)
			test.spoil(bad)
			_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{
				Changes: []*bidrailv1.Change{servertest.Bid("good", 100, 110), bad, servertest.Bid("also good", 100, 110)}})
			want := strings.TrimSuffix("changes[1]."+test.field, ".")
			if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, want) {
				t.Errorf("in a batch: got fields %v, want %s", got, want)
			}
			if name != "id used twice" {
				_, err = s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{bad}})
				want = strings.Replace(want, "[1]", "[0]", 1)
				if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, want) {
					t.Errorf("alone: got fields %v, want %s", got, want)
				}
			}
			unharmed(t, s, 1)
		})
	}
}

// Text that is not text, in every place where a request can hold some, is named and not recorded.
// The Go client sends such bytes as they are, since the API's files ask for no check.
func TestBadText(t *testing.T) {
	s := servertest.New(t)
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	change.AtomicGroupId = ""
	change.EffectiveAt, change.RevertAt, change.BeforeObservedAt = nil, nil, timestamppb.New(servertest.Start)
	check(t, s, change) // without the bad text it is a good change
	texts := 0
	for _, place := range leavesOf(change) {
		if place.field.Kind() != protoreflect.StringKind {
			continue
		}
		texts++
		for _, text := range []string{"\xff", "ok\xc3", "\xed\xa0\x80", "a\x00b"} {
			bad := proto.CloneOf(change)
			place.set(bad, text)
			_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: []*bidrailv1.Change{bad}})
			if got, want := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")), "changes[0]."+place.path; !slices.Contains(got, want) {
				t.Errorf("%q: got fields %v, want %s", text, got, want)
			}
		}
	}
	if texts < 25 {
		t.Errorf("found %d texts in a change; the test does not look everywhere", texts)
	}
	for name, ask := range map[string]func(text string) error{
		"batch_id": func(text string) error {
			_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{BatchId: text, Changes: []*bidrailv1.Change{servertest.Bid("x", 1, 1)}})
			return err
		},
		`changes[0].target.labels["\xff"]`: func(text string) error {
			change := servertest.Bid("x", 1, 1)
			change.Target.Labels = map[string]string{text: "x"}
			_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: []*bidrailv1.Change{change}})
			return err
		},
		"decision_id": func(text string) error {
			_, err := s.Automation.Guardrail.GetDecision(t.Context(), &bidrailv1.GetDecisionRequest{DecisionId: text})
			return err
		},
		"change_id": func(text string) error {
			_, err := s.Automation.Guardrail.GetDecision(t.Context(), &bidrailv1.GetDecisionRequest{ChangeId: text})
			return err
		},
		"campaign": func(text string) error {
			_, err := s.Automation.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Campaign: text})
			return err
		},
		"page_token": func(text string) error {
			_, err := s.Automation.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{PageToken: text})
			return err
		},
	} {
		if got := fields(wantCode(t, ask("\xff"), codes.InvalidArgument, "INVALID")); !slices.Contains(got, name) {
			t.Errorf("got fields %v, want %s", got, name)
		}
	}
	unharmed(t, s, 1)
}

// A field that the server does not know is what a newer client sends; it is no reason to refuse.
func TestUnknownFields(t *testing.T) {
	s := servertest.New(t)
	change := servertest.Bid("a", 100, 110)
	change.ProtoReflect().SetUnknown([]byte{0xfa, 0x3e, 0x03, 'n', 'e', 'w'}) // field 1007
	if got := check(t, s, change)[0].GetVerdict(); got != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Errorf("got %v, want ALLOW", got)
	}
}

func TestTooMuch(t *testing.T) {
	s := servertest.New(t)
	check(t, s, servertest.Bid("before", 100, 110))
	many := func(count int) []*bidrailv1.Change {
		changes := make([]*bidrailv1.Change, count)
		for i := range changes {
			changes[i] = servertest.Bid(fmt.Sprint(i), 100, 110)
		}
		return changes
	}
	t.Run("40 MB", func(t *testing.T) {
		change := servertest.Bid("huge", 100, 110)
		change.Reason.Text = strings.Repeat("x", 40<<20)
		_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: []*bidrailv1.Change{change}})
		if status.Code(err) != codes.ResourceExhausted { // gRPC says so before it reads the message
			t.Errorf("got %v, want RESOURCE_EXHAUSTED", err)
		}
		unharmed(t, s, 1)
	})
	t.Run("20,000 changes", func(t *testing.T) {
		_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: many(20_000)})
		if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, "changes") {
			t.Errorf("got fields %v, want changes", got)
		}
		unharmed(t, s, 1)
	})
	t.Run("20,000 bad changes", func(t *testing.T) {
		changes := many(20_000)
		for _, change := range changes {
			change.Target.EntityId = "\xff"
		}
		_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: changes})
		if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); len(got) > 25 {
			t.Errorf("got %d fields, want the first few", len(got))
		}
		unharmed(t, s, 1)
	})
	t.Run("101 legs", func(t *testing.T) {
		_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: servertest.InGroup("g", many(101)...)})
		if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, "changes") {
			t.Errorf("got fields %v, want changes", got)
		}
		_, err = s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: servertest.InGroup("g", many(101)...)})
		if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, "changes[100].atomic_group_id") {
			t.Errorf("in a batch: got fields %v, want changes[100].atomic_group_id", got)
		}
		unharmed(t, s, 1)
	})
	t.Run("none", func(t *testing.T) {
		for _, ask := range []func() error{
			func() error {
				_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{})
				return err
			},
			func() error {
				_, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{})
				return err
			},
		} {
			if got := fields(wantCode(t, ask(), codes.InvalidArgument, "INVALID")); !slices.Contains(got, "changes") {
				t.Errorf("got fields %v, want changes", got)
			}
		}
		unharmed(t, s, 1)
	})
	t.Run("several that are no group", func(t *testing.T) {
		for name, changes := range map[string][]*bidrailv1.Change{
			"none":  many(2),
			"mixed": append(servertest.InGroup("g", many(1)...), servertest.InGroup("h", servertest.Bid("x", 100, 110))...),
			"one":   append(servertest.InGroup("g", many(1)...), servertest.Bid("x", 100, 110)),
		} {
			_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: changes})
			if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); len(got) != 1 || !strings.HasSuffix(got[0], ".atomic_group_id") {
				t.Errorf("%s: got fields %v, want an atomic_group_id", name, got)
			}
		}
		unharmed(t, s, 1)
	})
}

// The other requests are held against their promises too.
func TestMalformedQuestions(t *testing.T) {
	s := servertest.New(t)
	for name, test := range map[string]struct {
		ask   func() error
		field string
	}{
		"decision by nothing": {func() error {
			_, err := s.Auditor.Guardrail.GetDecision(t.Context(), &bidrailv1.GetDecisionRequest{})
			return err
		}, ""},
		"decision by both": {func() error {
			_, err := s.Auditor.Guardrail.GetDecision(t.Context(), &bidrailv1.GetDecisionRequest{DecisionId: "x", ChangeId: "y"})
			return err
		}, ""},
		"page of 1,001": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{PageSize: 1001})
			return err
		}, "page_size"},
		"page of -1": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{PageSize: -1})
			return err
		}, "page_size"},
		"unknown verdict": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Verdict: 9})
			return err
		}, "verdict"},
		"unknown kind": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Kind: 300})
			return err
		}, "kind"},
		"since 1900": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Since: &timestamppb.Timestamp{Seconds: -2e9}})
			return err
		}, "since"},
		"explain nothing": {func() error {
			_, err := s.Auditor.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{})
			return err
		}, ""},
		"explain both": {func() error {
			_, err := s.Auditor.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{DecisionId: "x", Changes: []*bidrailv1.Change{servertest.Bid("a", 1, 1)}})
			return err
		}, ""},
		"explain a bad change": {func() error {
			_, err := s.Auditor.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{Changes: []*bidrailv1.Change{{ChangeId: "x"}}})
			return err
		}, "changes[0].target"},
		"explain what is no group": {func() error {
			_, err := s.Auditor.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 1, 1), servertest.Bid("b", 1, 1)}})
			return err
		}, "changes[0].atomic_group_id"},
		"a long question": {func() error {
			_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Campaign: strings.Repeat("x", 300<<10)})
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := fields(wantCode(t, test.ask(), codes.InvalidArgument, "INVALID"))
			if test.field != "" && !slices.Contains(got, test.field) {
				t.Errorf("got fields %v, want %s", got, test.field)
			}
		})
	}
}

// Whatever is wrong with what is sent about permits, modes and the ledger is named, changes nothing and harms nobody.
func TestMalformedSteps(t *testing.T) {
	s := servertest.New(t)
	given := check(t, s, servertest.Bid("before", 100, 110))[0].GetPermit()
	change := given.GetChanges()[0].GetChangeId()
	text := "\xff"
	claim := func(token, id string) func() error {
		return func() error {
			_, err := s.Automation.Guardrail.Claim(t.Context(), &bidrailv1.ClaimRequest{Token: token, ClaimId: id})
			return err
		}
	}
	report := func(request *bidrailv1.ReportRequest) func() error {
		return func() error {
			if request.GetPermitId() == "" {
				request.PermitId = given.GetPermitId()
			}
			_, err := s.Automation.Guardrail.Report(t.Context(), request)
			return err
		}
	}
	applied := func(parts ...*bidrailv1.AppliedValue) *bidrailv1.ReportRequest {
		return &bidrailv1.ReportRequest{Outcome: bidrailv1.PermitState_PERMIT_STATE_PARTIAL, Applied: parts}
	}
	get := func(id string) func() error {
		return func() error {
			_, err := s.Automation.Guardrail.GetPermit(t.Context(), &bidrailv1.GetPermitRequest{PermitId: id})
			return err
		}
	}
	list := func(request *bidrailv1.ListPermitsRequest) func() error {
		return func() error {
			_, err := s.Auditor.Guardrail.ListPermits(t.Context(), request)
			return err
		}
	}
	setMode := func(scope string, mode bidrailv1.Mode, reason string) func() error {
		return func() error {
			_, err := s.Admin.Registry.SetMode(t.Context(), &bidrailv1.SetModeRequest{Scope: scope, Mode: mode, Reason: reason})
			return err
		}
	}
	show := func(scope string, holds int32) func() error {
		return func() error {
			_, err := s.Auditor.Ledger.GetLedger(t.Context(), &bidrailv1.GetLedgerRequest{Scope: scope, Holds: holds})
			return err
		}
	}
	const halted = bidrailv1.Mode_MODE_HALTED
	head, rest, _ := strings.Cut(given.GetToken(), ".")
	payload, signature, _ := strings.Cut(rest, ".")
	for name, test := range map[string]struct {
		ask   func() error
		field string // "" where the message says all
	}{
		"claim of nothing":          {claim("", "c"), "token"},
		"claim without a name":      {claim(given.GetToken(), ""), "claim_id"},
		"claim with a long name":    {claim(given.GetToken(), strings.Repeat("c", 129)), "claim_id"},
		"claim with bad text":       {claim(given.GetToken(), text), "claim_id"},
		"claim with a NUL":          {claim(given.GetToken(), "a\x00b"), "claim_id"},
		"claim of bad text":         {claim(text, "c"), "token"},
		"claim of no token":         {claim("nonsense", "c"), ""},
		"claim of a permit's id":    {claim(given.GetPermitId(), "c"), ""},
		"claim unsigned":            {claim(head+"."+payload+".", "c"), ""},
		"claim of another payload":  {claim(head+"."+payload[:len(payload)-4]+"AAAA."+signature, "c"), ""},
		"claim with another header": {claim("eyJhbGciOiJub25lIn0."+payload+".", "c"), ""},
		"claim of a token and more": {claim(given.GetToken()+".x", "c"), ""},
		"claim of a huge token":     {claim(strings.Repeat("x", 140_000), "c"), "token"},
		"claim of 300 kB":           {claim(strings.Repeat("x", 300<<10), "c"), ""},
		"report on nothing": {func() error {
			_, err := s.Automation.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{Outcome: 3})
			return err
		}, "permit_id"},
		"report of nothing":          {report(&bidrailv1.ReportRequest{}), "outcome"},
		"report of issued":           {report(&bidrailv1.ReportRequest{Outcome: bidrailv1.PermitState_PERMIT_STATE_ISSUED}), "outcome"},
		"report of revoked":          {report(&bidrailv1.ReportRequest{Outcome: bidrailv1.PermitState_PERMIT_STATE_REVOKED}), "outcome"},
		"report of a state unknown":  {report(&bidrailv1.ReportRequest{Outcome: 99}), "outcome"},
		"report beyond a byte":       {report(&bidrailv1.ReportRequest{Outcome: 256 + 3}), "outcome"},
		"report with bad text":       {report(&bidrailv1.ReportRequest{Outcome: 3, Reference: text}), "reference"},
		"report with a bad note":     {report(&bidrailv1.ReportRequest{Outcome: 3, Note: text}), "note"},
		"report with a long note":    {report(&bidrailv1.ReportRequest{Outcome: 3, Note: strings.Repeat("x", 1025)}), "note"},
		"report from 1900":           {report(&bidrailv1.ReportRequest{Outcome: 3, ObservedAt: &timestamppb.Timestamp{Seconds: -2e9}}), "observed_at"},
		"partial without a change":   {report(applied(&bidrailv1.AppliedValue{Value: servertest.Cents(105)})), "applied[0].change_id"},
		"partial without a value":    {report(applied(&bidrailv1.AppliedValue{ChangeId: change})), "applied[0].value"},
		"partial with no value":      {report(applied(&bidrailv1.AppliedValue{ChangeId: change, Value: &bidrailv1.Value{}})), "applied[0].value.value"},
		"partial with bad text":      {report(applied(&bidrailv1.AppliedValue{ChangeId: text, Value: servertest.Cents(105)})), "applied[0].change_id"},
		"partial with a bad value":   {report(applied(&bidrailv1.AppliedValue{ChangeId: change, Value: &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: text}}})), "applied[0].value.text"},
		"partial below nothing":      {report(applied(&bidrailv1.AppliedValue{ChangeId: change, Value: servertest.Cents(-1)})), "applied[0].value.money.micros"},
		"partial of 101":             {report(applied(slices.Repeat([]*bidrailv1.AppliedValue{{ChangeId: change, Value: servertest.Cents(105)}}, 101)...)), "applied"},
		"partial of nothing":         {report(applied()), ""},
		"partial of another change":  {report(applied(&bidrailv1.AppliedValue{ChangeId: "other", Value: servertest.Cents(105)})), ""},
		"partial twice":              {report(applied(slices.Repeat([]*bidrailv1.AppliedValue{{ChangeId: change, Value: servertest.Cents(105)}}, 2)...)), ""},
		"applied with values":        {report(&bidrailv1.ReportRequest{Outcome: 3, Applied: applied(&bidrailv1.AppliedValue{ChangeId: change, Value: servertest.Cents(105)}).GetApplied()}), ""},
		"no permit":                  {get(""), "permit_id"},
		"permit with a long id":      {get(strings.Repeat("x", 129)), "permit_id"},
		"permit with bad text":       {get(text), "permit_id"},
		"permits, page of 1,001":     {list(&bidrailv1.ListPermitsRequest{PageSize: 1001}), "page_size"},
		"permits, page of -1":        {list(&bidrailv1.ListPermitsRequest{PageSize: -1}), "page_size"},
		"permits in a state unknown": {list(&bidrailv1.ListPermitsRequest{State: 9}), "state"},
		"permits after bad text":     {list(&bidrailv1.ListPermitsRequest{PageToken: text}), "page_token"},
		"permits after nonsense":     {list(&bidrailv1.ListPermitsRequest{PageToken: "nonsense"}), ""},
		"mode of nothing":            {setMode("", halted, "r"), "scope"},
		"mode of nonsense":           {setMode("accounts/a/b", halted, "r"), "scope"},
		"mode of an account short":   {setMode("account/google_ads", halted, "r"), "scope"},
		"mode of an account long":    {setMode("account/google_ads/a/b", halted, "r"), "scope"},
		"mode of no account":         {setMode("account/google_ads/", halted, "r"), "scope"},
		"mode of an id as it is":     {setMode("account/google_ads/a b", halted, "r"), "scope"},
		"mode of bad text":           {setMode("account/google_ads/"+text, halted, "r"), "scope"},
		"mode of a long scope":       {setMode("automation/"+strings.Repeat("x", 4096), halted, "r"), "scope"},
		"mode of a field":            {setMode("field/google_ads/example/keyword/7/bid", halted, "r"), ""},
		"mode of a run":              {setMode("run/pacer/r-1", halted, "r"), ""},
		"no mode":                    {setMode("organisation", 0, "r"), "mode"},
		"unknown mode":               {setMode("organisation", 4, "r"), "mode"},
		"mode below nothing":         {setMode("organisation", -1, "r"), "mode"},
		"mode beyond a byte":         {setMode("organisation", 256, "r"), "mode"},
		"mode without a reason":      {setMode("organisation", halted, ""), "reason"},
		"mode with a long reason":    {setMode("organisation", halted, strings.Repeat("x", 1025)), "reason"},
		"mode with a bad reason":     {setMode("organisation", halted, text), "reason"},
		"ledger of nothing":          {show("", 0), "scope"},
		"ledger of nonsense":         {show("everything", 0), "scope"},
		"ledger of no kind of field": {show("field/google_ads/example/keyword/7/bit", 0), "scope"},
		"ledger of bad text":         {show("automation/"+text, 0), "scope"},
		"ledger with 1,001 holds":    {show("organisation", 1001), "holds"},
		"ledger with -1 holds":       {show("organisation", -1), "holds"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fields(wantCode(t, test.ask(), codes.InvalidArgument, "INVALID"))
			if test.field != "" && !slices.Contains(got, test.field) {
				t.Errorf("got fields %v, want %s", got, test.field)
			}
		})
	}
	said := wantCode(t, report(&bidrailv1.ReportRequest{Outcome: bidrailv1.PermitState_PERMIT_STATE_REVOKED})(), codes.InvalidArgument, "INVALID").Message()
	if want := "outcome: must be APPLIED, PARTIAL, FAILED or UNKNOWN"; !strings.Contains(said, want) {
		t.Errorf("an outcome that is none: got %q, want %q", said, want)
	}
	unharmed(t, s, 1)
	after, err := s.Automation.Guardrail.GetPermit(t.Context(), &bidrailv1.GetPermitRequest{PermitId: given.GetPermitId()})
	if err != nil || after.GetState() != bidrailv1.PermitState_PERMIT_STATE_ISSUED {
		t.Errorf("the permit is %v, %v by now; want it as it was", after.GetState(), err)
	}
	modes, err := s.Admin.Registry.ListModes(t.Context(), &bidrailv1.ListModesRequest{})
	if err != nil || len(modes.GetModes()) > 0 {
		t.Errorf("modes were switched: %v, %v", modes, err)
	}
}

// What is wrong with one request of a stream is answered, and the stream goes on.
func TestStreamGoesOn(t *testing.T) {
	s := servertest.New(t)
	stream, err := s.Automation.Guardrail.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change := func(id string, spoil func(*bidrailv1.Change)) []*bidrailv1.Change {
		made := servertest.Bid(id, 100, 110)
		if spoil != nil {
			spoil(made)
		}
		return []*bidrailv1.Change{made}
	}
	for i, test := range []struct {
		request *bidrailv1.CheckStreamRequest
		code    codes.Code
		verdict bidrailv1.Verdict
	}{
		{&bidrailv1.CheckStreamRequest{Changes: change("a", nil)}, codes.OK, bidrailv1.Verdict_VERDICT_ALLOW},
		{&bidrailv1.CheckStreamRequest{Changes: change("", nil)}, codes.InvalidArgument, 0},
		{&bidrailv1.CheckStreamRequest{}, codes.InvalidArgument, 0},
		{&bidrailv1.CheckStreamRequest{Changes: change("b", func(c *bidrailv1.Change) { c.Target.Campaign = "\xff" })}, codes.InvalidArgument, 0},
		{&bidrailv1.CheckStreamRequest{Changes: change("a", func(c *bidrailv1.Change) { c.Reason.Text = "other" })}, codes.AlreadyExists, 0},
		{&bidrailv1.CheckStreamRequest{Changes: append(change("c", nil), change("d", nil)...)}, codes.InvalidArgument, 0},
		{&bidrailv1.CheckStreamRequest{Changes: change("e", func(c *bidrailv1.Change) { c.Reason.Text = strings.Repeat("x", 65<<10) })}, codes.InvalidArgument, 0},
		{&bidrailv1.CheckStreamRequest{Changes: servertest.InGroup("g", servertest.Bid("f", 100, 110), servertest.Bid("h", 100, 6000))}, codes.OK, bidrailv1.Verdict_VERDICT_BLOCK},
		{&bidrailv1.CheckStreamRequest{Changes: change("i", nil), DryRun: true}, codes.OK, bidrailv1.Verdict_VERDICT_ALLOW},
		{&bidrailv1.CheckStreamRequest{Changes: change("a", nil)}, codes.OK, bidrailv1.Verdict_VERDICT_ALLOW},
	} {
		test.request.RequestId = fmt.Sprint("request ", i)
		if err := stream.Send(test.request); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatalf("request %d ended the stream: %v", i, err)
		}
		if codes.Code(answer.GetProblem().GetCode()) != test.code || answer.GetVerdict() != test.verdict || answer.GetRequestId() != test.request.GetRequestId() {
			t.Errorf("request %d: got %q, %v, problem %v; want %v, code %v", i, answer.GetRequestId(), answer.GetVerdict(), answer.GetProblem(), test.verdict, test.code)
		}
		if (answer.GetProblem() == nil) != (len(answer.GetDecisions()) == len(test.request.GetChanges()) && len(answer.GetDecisions()) > 0) {
			t.Errorf("request %d: got %d decisions and problem %v", i, len(answer.GetDecisions()), answer.GetProblem())
		}
		if problem := answer.GetProblem(); problem != nil && (problem.GetMessage() == "" || problem.GetReason() == "") {
			t.Errorf("request %d: the problem says nothing: %v", i, problem)
		}
	}
	// An id that cannot be repeated is not.
	if err := stream.Send(&bidrailv1.CheckStreamRequest{RequestId: "\xff", Changes: change("z", nil)}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || answer.GetProblem().GetCode() != int32(codes.InvalidArgument) || answer.GetRequestId() != "" {
		t.Errorf("a bad request_id: got %v, %v", answer, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("at the end: got %v, want EOF", err)
	}
	if got := s.Recorded(t); got != 3 {
		t.Errorf("%d decisions are recorded, want 3: a, f and h", got)
	}
}
