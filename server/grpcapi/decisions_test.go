package grpcapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// A retry gets what the first call got, byte for byte, but for being told so.
func TestReplay(t *testing.T) {
	s := servertest.New(t)
	full, next := &bidrailv1.Change{}, int64(0)
	fill(full.ProtoReflect(), &next)
	full.BeforeObservedAt = timestamppb.New(servertest.Start)
	full.AtomicGroupId = "" // a group of one is none
	bare := servertest.Bid("bare", 100, 110)
	bare.Before, bare.Actor, bare.Reason, bare.BeforeObservedAt = nil, nil, nil, nil
	for _, changes := range [][]*bidrailv1.Change{
		{full}, {bare}, {servertest.Bid("a", 100, 110)},
		servertest.InGroup("g", servertest.Bid("b", 100, 110), servertest.Bid("c", 100, 6000), servertest.Bid("d", 100, 150)),
	} {
		ask := func() *bidrailv1.CheckResponse {
			t.Helper()
			response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: changes})
			if err != nil {
				t.Fatal(err)
			}
			return response
		}
		first := ask()
		s.Clock.Advance(time.Hour)
		again := ask()
		for i, decision := range again.GetDecisions() {
			if !decision.GetReplayed() || first.GetDecisions()[i].GetReplayed() {
				t.Errorf("%s: replayed is %v, then %v", decision.GetChangeId(), first.GetDecisions()[i].GetReplayed(), decision.GetReplayed())
			}
			decision.Replayed = false
		}
		options := proto.MarshalOptions{Deterministic: true}
		was, _ := options.Marshal(first)
		is, _ := options.Marshal(again)
		if string(was) != string(is) {
			t.Errorf("(-first +again):\n%s", cmp.Diff(first, again, protocmp.Transform()))
		}
	}
}

func TestKeyReused(t *testing.T) {
	s := servertest.New(t)
	check(t, s, servertest.Bid("a", 100, 110))
	_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 111)}})
	wantCode(t, err, codes.AlreadyExists, "KEY_REUSED")
	response, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 111), servertest.Bid("b", 100, 110)}})
	if err != nil {
		t.Fatal(err)
	}
	if problem := response.GetResults()[0].GetProblem(); problem.GetCode() != int32(codes.AlreadyExists) || problem.GetReason() != "KEY_REUSED" {
		t.Errorf("in a batch: got %v, want KEY_REUSED", problem)
	}
	if response.GetResults()[1].GetDecision() == nil {
		t.Errorf("it held up the change beside it: %v", response.GetResults()[1].GetProblem())
	}
}

func TestWorstVerdictOfACheck(t *testing.T) {
	s := servertest.New(t)
	response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: servertest.InGroup("g", servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 150))})
	if err != nil {
		t.Fatal(err)
	}
	if response.GetVerdict() != bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL {
		t.Errorf("got %v, want REQUIRE_APPROVAL", response.GetVerdict())
	}
	for _, decision := range response.GetDecisions() {
		if decision.GetVerdict() != response.GetVerdict() {
			t.Errorf("%s: got %v, want the group's", decision.GetChangeId(), decision.GetVerdict())
		}
	}
}

func TestBatchID(t *testing.T) {
	s := servertest.New(t)
	own := servertest.Bid("own", 100, 110)
	own.BatchId = "mine"
	response, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{BatchId: "job", Changes: []*bidrailv1.Change{own, servertest.Bid("its", 100, 110)}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"mine", "job"} {
		if got := response.GetResults()[i].GetDecision().GetBatchId(); got != want {
			t.Errorf("got batch %q, want %q", got, want)
		}
	}
	made := check(t, s, servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 110))
	if made[0].GetBatchId() == "" || made[0].GetBatchId() != made[1].GetBatchId() {
		t.Errorf("made up: got %q and %q, want the same", made[0].GetBatchId(), made[1].GetBatchId())
	}
}

func TestDryRunRecordsNothing(t *testing.T) {
	s := servertest.New(t)
	response, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{DryRun: true, Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
	if err != nil {
		t.Fatal(err)
	}
	if d := response.GetResults()[0].GetDecision(); !d.GetDryRun() || d.GetDecisionId() != "" || d.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Errorf("got %v", d)
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("%d decisions are recorded, want none", got)
	}
}

func TestGetDecision(t *testing.T) {
	s := servertest.New(t)
	decided := check(t, s, servertest.Bid("a", 100, 6000))[0]
	for name, test := range map[string]struct {
		caller  *servertest.Caller
		request *bidrailv1.GetDecisionRequest
		code    codes.Code
	}{
		"by id":                  {s.Automation, &bidrailv1.GetDecisionRequest{DecisionId: decided.GetDecisionId()}, codes.OK},
		"by key":                 {s.Automation, &bidrailv1.GetDecisionRequest{ChangeId: "a"}, codes.OK},
		"by key, as auditor":     {s.Auditor, &bidrailv1.GetDecisionRequest{ChangeId: "a", Automation: "pacer"}, codes.OK},
		"auditor's own key":      {s.Auditor, &bidrailv1.GetDecisionRequest{ChangeId: "a"}, codes.NotFound},
		"another's by id":        {s.OtherAutomation, &bidrailv1.GetDecisionRequest{DecisionId: decided.GetDecisionId()}, codes.NotFound},
		"another's by key":       {s.OtherAutomation, &bidrailv1.GetDecisionRequest{ChangeId: "a", Automation: "pacer"}, codes.NotFound},
		"another's with input":   {s.OtherAutomation, &bidrailv1.GetDecisionRequest{DecisionId: decided.GetDecisionId(), IncludeInput: true}, codes.NotFound},
		"none":                   {s.Auditor, &bidrailv1.GetDecisionRequest{DecisionId: "dec_none"}, codes.NotFound},
		"governance, with input": {s.Governance, &bidrailv1.GetDecisionRequest{DecisionId: decided.GetDecisionId(), IncludeInput: true}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.caller.Guardrail.GetDecision(t.Context(), test.request)
			if test.code != codes.OK {
				wantCode(t, err, test.code, "NOT_FOUND")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (got.GetInputJson() != "") != test.request.GetIncludeInput() {
				t.Errorf("got input %q, asked for it: %v", got.GetInputJson(), test.request.GetIncludeInput())
			}
			if got.GetInputJson() != "" {
				var document struct{ Change struct{ ID string } }
				if err := json.Unmarshal([]byte(got.GetInputJson()), &document); err != nil || document.Change.ID != "a" {
					t.Errorf("the input is %v, %v", document, err)
				}
			}
			got.InputJson = ""
			if diff := cmp.Diff(decided, got, protocmp.Transform()); diff != "" {
				t.Errorf("(-decided +got):\n%s", diff)
			}
		})
	}
}

// listed sets up decisions that differ in everything one can filter by, and returns them as a list has them: their permits
// by name.
func listed(t *testing.T) (*servertest.Server, []*bidrailv1.Decision) {
	s := servertest.New(t)
	var all []*bidrailv1.Decision
	for i := range 12 {
		change := servertest.Bid(fmt.Sprint("c-", i), 100, []int64{110, 150, 6000}[i%3])
		change.Target.Campaign = fmt.Sprint("camp-", i%4)
		change.BatchId = fmt.Sprint("job-", i/4)
		if i%2 == 1 {
			change.Target.Platform, change.Target.Account = "meta", "example-eu"
		}
		if i >= 8 {
			change.Kind = bidrailv1.Kind_KIND_DEFAULT_BID
		}
		caller := s.Automation
		if i%6 == 5 {
			caller = s.OtherAutomation
		}
		change.BeforeObservedAt = timestamppb.New(s.Clock.Now())
		response, err := caller.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{change}})
		if err != nil {
			t.Fatal(err)
		}
		decision := response.GetDecisions()[0]
		if id := decision.GetPermit().GetPermitId(); id != "" {
			decision.Permit = &bidrailv1.Permit{PermitId: id}
		}
		all = append(all, decision)
		s.Clock.Advance(time.Minute)
	}
	return s, all
}

func TestListFilters(t *testing.T) {
	s, all := listed(t)
	for name, test := range map[string]struct {
		request *bidrailv1.ListDecisionsRequest
		passes  func(*bidrailv1.Decision) bool
	}{
		"all": {&bidrailv1.ListDecisionsRequest{}, func(*bidrailv1.Decision) bool { return true }},
		"verdict": {&bidrailv1.ListDecisionsRequest{Verdict: bidrailv1.Verdict_VERDICT_BLOCK}, func(d *bidrailv1.Decision) bool {
			return d.GetVerdict() == bidrailv1.Verdict_VERDICT_BLOCK
		}},
		"platform": {&bidrailv1.ListDecisionsRequest{Platform: "meta"}, func(d *bidrailv1.Decision) bool { return d.GetTarget().GetPlatform() == "meta" }},
		"account":  {&bidrailv1.ListDecisionsRequest{Account: "example"}, func(d *bidrailv1.Decision) bool { return d.GetTarget().GetAccount() == "example" }},
		"campaign": {&bidrailv1.ListDecisionsRequest{Campaign: "camp-2"}, func(d *bidrailv1.Decision) bool { return d.GetTarget().GetCampaign() == "camp-2" }},
		"automation": {&bidrailv1.ListDecisionsRequest{Automation: "bidder"}, func(d *bidrailv1.Decision) bool {
			return d.GetAutomation() == "bidder"
		}},
		"rule": {&bidrailv1.ListDecisionsRequest{Rule: "bid.ceiling"}, func(d *bidrailv1.Decision) bool {
			return slices.ContainsFunc(d.GetFindings(), func(f *bidrailv1.Finding) bool { return f.GetRule() == "bid.ceiling" })
		}},
		"kind": {&bidrailv1.ListDecisionsRequest{Kind: bidrailv1.Kind_KIND_DEFAULT_BID}, func(d *bidrailv1.Decision) bool {
			return d.GetKind() == bidrailv1.Kind_KIND_DEFAULT_BID
		}},
		"change": {&bidrailv1.ListDecisionsRequest{ChangeId: "c-7"}, func(d *bidrailv1.Decision) bool { return d.GetChangeId() == "c-7" }},
		"batch":  {&bidrailv1.ListDecisionsRequest{BatchId: "job-1"}, func(d *bidrailv1.Decision) bool { return d.GetBatchId() == "job-1" }},
		"since": {&bidrailv1.ListDecisionsRequest{Since: all[5].GetDecidedAt()}, func(d *bidrailv1.Decision) bool {
			return !d.GetDecidedAt().AsTime().Before(all[5].GetDecidedAt().AsTime())
		}},
		"until": {&bidrailv1.ListDecisionsRequest{Until: all[5].GetDecidedAt()}, func(d *bidrailv1.Decision) bool {
			return d.GetDecidedAt().AsTime().Before(all[5].GetDecidedAt().AsTime())
		}},
		"nothing": {&bidrailv1.ListDecisionsRequest{Campaign: "none"}, func(*bidrailv1.Decision) bool { return false }},
		"several": {&bidrailv1.ListDecisionsRequest{Platform: "google_ads", Automation: "pacer", Since: all[3].GetDecidedAt(), Verdict: bidrailv1.Verdict_VERDICT_ALLOW}, func(d *bidrailv1.Decision) bool {
			return d.GetTarget().GetPlatform() == "google_ads" && d.GetAutomation() == "pacer" && d.GetVerdict() == bidrailv1.Verdict_VERDICT_ALLOW &&
				!d.GetDecidedAt().AsTime().Before(all[3].GetDecidedAt().AsTime())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var want []*bidrailv1.Decision
			for _, decision := range slices.Backward(all) {
				if test.passes(decision) {
					want = append(want, decision)
				}
			}
			if (len(want) == 0) != (name == "nothing") {
				t.Fatalf("the filter should pass %d of the test's decisions", len(want))
			}
			for _, size := range []int32{0, 1, 5} {
				request := proto.CloneOf(test.request)
				request.PageSize = size
				var got []*bidrailv1.Decision
				for {
					page, err := s.Auditor.Guardrail.ListDecisions(t.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					if size > 0 && len(page.GetDecisions()) > int(size) {
						t.Fatalf("a page of %d has %d", size, len(page.GetDecisions()))
					}
					got = append(got, page.GetDecisions()...)
					if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
						break
					}
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("by %d (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

// An automation's list is its own, whatever it asks for.
func TestListOfAnAutomation(t *testing.T) {
	s, _ := listed(t)
	page, err := s.OtherAutomation.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.GetDecisions()) != 2 {
		t.Errorf("got %d decisions, want its 2", len(page.GetDecisions()))
	}
	_, err = s.OtherAutomation.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{Automation: "pacer"})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
}

func TestBadPageToken(t *testing.T) {
	s, _ := listed(t)
	for _, token := range []string{"x", "d", "d-1", "d0", "dzzzzzzzzzzzzzzzz", string(store.CursorAt(3)) + " ", "D3", "'; DROP TABLE decisions; --"} {
		_, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{PageToken: token})
		wantCode(t, err, codes.InvalidArgument, "INVALID")
	}
}

func TestExplain(t *testing.T) {
	s := servertest.New(t)
	decided := check(t, s, servertest.Bid("a", 100, 6000))[0]
	explain := func(t *testing.T) {
		t.Helper()
		response, err := s.Automation.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{DecisionId: decided.GetDecisionId()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decided, response.GetDecision(), protocmp.Transform()); diff != "" {
			t.Errorf("decision (-decided +explained):\n%s", diff)
		}
		rules := response.GetRules()
		if !slices.IsSortedFunc(rules, func(a, b *bidrailv1.RuleExplanation) int { return cmpText(a.GetRule(), b.GetRule()) }) {
			t.Error("rules are not sorted by id")
		}
		at := slices.IndexFunc(rules, func(rule *bidrailv1.RuleExplanation) bool { return rule.GetRule() == "bid.ceiling" })
		if at < 0 || !rules[at].GetFired() || rules[at].GetEffect() != bidrailv1.Effect_EFFECT_BLOCK || len(rules[at].GetBodies()) == 0 {
			t.Errorf("bid.ceiling is not explained as having fired: %v", rules)
		}
	}
	t.Run("recorded", explain)
	if err := s.Core.Activate(t.Context(), servertest.Load(t, servertest.Pack(t, map[string]string{"rules/bid_ceiling.rego": "", "rules/bid_ceiling_test.rego": ""}))); err != nil {
		t.Fatal(err)
	}
	t.Run("after another revision took over", explain)
	t.Run("changes", func(t *testing.T) {
		before := s.Recorded(t)
		response, err := s.Governance.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{
			Changes: servertest.InGroup("g", servertest.Bid("x", 100, 110), servertest.Bid("y", 100, 150))})
		if err != nil {
			t.Fatal(err)
		}
		if d := response.GetDecision(); d.GetChangeId() != "x" || d.GetVerdict() != bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL || !d.GetDryRun() || d.GetDecisionId() != "" {
			t.Errorf("got %v", d)
		}
		if got := s.Recorded(t); got != before {
			t.Errorf("%d decisions were recorded", got-before)
		}
	})
	t.Run("none", func(t *testing.T) {
		_, err := s.Auditor.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{DecisionId: "dec_none"})
		wantCode(t, err, codes.NotFound, "NOT_FOUND")
	})
	t.Run("another's", func(t *testing.T) {
		_, err := s.OtherAutomation.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{DecisionId: decided.GetDecisionId()})
		wantCode(t, err, codes.NotFound, "NOT_FOUND")
	})
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestPolicyService(t *testing.T) {
	s := servertest.New(t)
	listed, err := s.Auditor.Policy.ListRules(t.Context(), &bidrailv1.ListRulesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	active, err := s.Automation.Policy.GetActiveRevision(t.Context(), &bidrailv1.GetActiveRevisionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if listed.GetRevision() != active.GetDigest() || int(active.GetRuleCount()) != len(listed.GetRules()) || len(listed.GetRules()) == 0 {
		t.Errorf("%d rules of %s are listed, and %v is active", len(listed.GetRules()), listed.GetRevision(), active)
	}
	if !slices.IsSortedFunc(listed.GetRules(), func(a, b *bidrailv1.Rule) int { return cmpText(a.GetId(), b.GetId()) }) {
		t.Error("the rules are not sorted by id")
	}
	if !active.GetLoadedAt().AsTime().Equal(servertest.Start) || active.GetLimitEntryCount() == 0 || active.GetSource() == "" {
		t.Errorf("got %v", active)
	}
	without := servertest.New(t, servertest.WithoutPolicy())
	_, err = without.Auditor.Policy.ListRules(t.Context(), &bidrailv1.ListRulesRequest{})
	wantCode(t, err, codes.Unavailable, "RECORD_UNAVAILABLE")
	_, err = without.Auditor.Policy.GetActiveRevision(t.Context(), &bidrailv1.GetActiveRevisionRequest{})
	wantCode(t, err, codes.Unavailable, "RECORD_UNAVAILABLE")
}
