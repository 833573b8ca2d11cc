package grpcapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

const (
	issued  = bidrailv1.PermitState_PERMIT_STATE_ISSUED
	claimed = bidrailv1.PermitState_PERMIT_STATE_CLAIMED
	applied = bidrailv1.PermitState_PERMIT_STATE_APPLIED
	partial = bidrailv1.PermitState_PERMIT_STATE_PARTIAL
	failed  = bidrailv1.PermitState_PERMIT_STATE_FAILED
	unknown = bidrailv1.PermitState_PERMIT_STATE_UNKNOWN
	expired = bidrailv1.PermitState_PERMIT_STATE_EXPIRED
	revoked = bidrailv1.PermitState_PERMIT_STATE_REVOKED
)

// stateOf is where a permit stands.
func stateOf(t *testing.T, s *servertest.Server, permit *bidrailv1.Permit) bidrailv1.PermitState {
	t.Helper()
	found, err := s.Auditor.Guardrail.GetPermit(t.Context(), &bidrailv1.GetPermitRequest{PermitId: permit.GetPermitId()})
	if err != nil {
		t.Fatal(err)
	}
	return found.GetState()
}

func claim(t *testing.T, by *servertest.Caller, token, id string) (*bidrailv1.Permit, error) {
	t.Helper()
	response, err := by.Guardrail.Claim(t.Context(), &bidrailv1.ClaimRequest{Token: token, ClaimId: id})
	return response.GetPermit(), err
}

// A permit from the decision to the report, as the automation and those who look after all of them see it.
func TestPermitOverTheWire(t *testing.T) {
	s := servertest.New(t)
	decision := check(t, s, servertest.Bid("a", 100, 110))[0]
	given := decision.GetPermit()
	if given.GetToken() == "" || given.GetState() != issued || given.GetAutomation() != "pacer" || given.GetAudience()[0] != "google_ads/example" ||
		given.GetDigest() != decision.GetChangeDigest() || given.GetChanges()[0].GetDecisionId() != decision.GetDecisionId() {
		t.Fatalf("got the permit %v", given)
	}
	if got := given.GetExpiresAt().AsTime().Sub(given.GetIssuedAt().AsTime()); got != time.Minute {
		t.Errorf("it lives %v, want a minute", got)
	}
	// Asked again, the same decision comes with the same permit, token and all.
	again := check(t, s, servertest.Bid("a", 100, 110))[0]
	if diff := cmp.Diff(given, again.GetPermit(), protocmp.Transform()); diff != "" || !again.GetReplayed() {
		t.Errorf("replayed %v, its permit (-first +again):\n%s", again.GetReplayed(), diff)
	}
	// Whoever only reads is not given the secret.
	read, err := s.Auditor.Guardrail.GetDecision(t.Context(), &bidrailv1.GetDecisionRequest{DecisionId: decision.GetDecisionId()})
	if err != nil || read.GetPermit().GetPermitId() != given.GetPermitId() || read.GetPermit().GetState() != issued || read.GetPermit().GetToken() != "" {
		t.Errorf("an auditor reads the permit %v, %v", read.GetPermit(), err)
	}
	listed, err := s.Auditor.Guardrail.ListDecisions(t.Context(), &bidrailv1.ListDecisionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&bidrailv1.Permit{PermitId: given.GetPermitId()}, listed.GetDecisions()[0].GetPermit(), protocmp.Transform()); diff != "" {
		t.Errorf("in a list (-want +got):\n%s", diff)
	}

	s.Clock.Advance(10 * time.Second)
	held := s.Automation.Claim(t, decision)
	if held.GetState() != claimed || held.GetToken() != "" || held.GetClaimedAt().AsTime() != s.Clock.Now() ||
		held.GetReportBy().AsTime() != s.Clock.Now().Add(10*time.Minute) {
		t.Errorf("claimed: got %v", held)
	}
	// The answer got lost: the same claim again is answered the same.
	if diff := cmp.Diff(held, s.Automation.Claim(t, decision), protocmp.Transform()); diff != "" {
		t.Errorf("the same claim again (-first +again):\n%s", diff)
	}
	_, err = claim(t, s.Automation, given.GetToken(), "another attempt")
	wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
	if token := check(t, s, servertest.Bid("a", 100, 110))[0].GetPermit().GetToken(); token != "" {
		t.Error("the token of a permit that is used up is given out again")
	}

	done := s.Automation.Report(t, held, applied)
	if done.GetState() != applied || done.GetReportBy() == nil {
		t.Errorf("reported: got %v", done)
	}
	s.Automation.Report(t, held, applied) // the same again is no error
	_, err = s.Automation.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{PermitId: held.GetPermitId(), Outcome: failed})
	wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
}

// Each way in which a permit is of no use is refused, and the change counts for nothing afterwards.
func TestClaimsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		before func(t *testing.T, s *servertest.Server, given *bidrailv1.Permit)
		by     func(s *servertest.Server) *servertest.Caller
		code   codes.Code
		reason string
		state  bidrailv1.PermitState
	}{
		"expired": {before: func(_ *testing.T, s *servertest.Server, _ *bidrailv1.Permit) { s.Clock.Advance(time.Minute) },
			code: codes.FailedPrecondition, reason: "PRECONDITION", state: expired},
		"expired and swept": {before: func(t *testing.T, s *servertest.Server, _ *bidrailv1.Permit) {
			s.Clock.Advance(time.Minute)
			if settled, err := s.Core.Sweep(t.Context()); settled != 1 || err != nil {
				t.Errorf("swept %d, %v", settled, err)
			}
		}, code: codes.FailedPrecondition, reason: "PRECONDITION", state: expired},
		"halted": {before: func(t *testing.T, s *servertest.Server, _ *bidrailv1.Permit) {
			setMode(t, s, "account/google_ads/example", bidrailv1.Mode_MODE_HALTED)
		}, code: codes.FailedPrecondition, reason: "PRECONDITION", state: revoked},
		"halted and active again": {before: func(t *testing.T, s *servertest.Server, _ *bidrailv1.Permit) {
			setMode(t, s, "organisation", bidrailv1.Mode_MODE_HALTED)
			setMode(t, s, "organisation", bidrailv1.Mode_MODE_ACTIVE)
		}, code: codes.FailedPrecondition, reason: "PRECONDITION", state: revoked},
		"given back": {before: func(t *testing.T, s *servertest.Server, given *bidrailv1.Permit) {
			s.Automation.Report(t, given, failed)
		},
			code: codes.FailedPrecondition, reason: "PRECONDITION", state: failed},
		"of another automation": {by: func(s *servertest.Server) *servertest.Caller { return s.OtherAutomation },
			code: codes.NotFound, reason: "NOT_FOUND", state: issued},
		"by an auditor": {by: func(s *servertest.Server) *servertest.Caller { return s.Auditor },
			code: codes.PermissionDenied, reason: "FORBIDDEN", state: issued},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t)
			given := check(t, s, servertest.Bid("a", 100, 110))[0].GetPermit()
			if test.before != nil {
				test.before(t, s, given)
			}
			by := s.Automation
			if test.by != nil {
				by = test.by(s)
			}
			_, err := claim(t, by, given.GetToken(), "c")
			wantCode(t, err, test.code, test.reason)
			if got := stateOf(t, s, given); got != test.state {
				t.Errorf("the permit is %v, want %v", got, test.state)
			}
			open := int64(0)
			if test.state == issued {
				open = 1
			}
			for _, window := range ledgerOf(t, s, "organisation").GetWindows() {
				if window.GetOpen() != open || window.GetCount() != open {
					t.Errorf("in the %s window %d changes count and %d are open, want %d", window.GetWindow(), window.GetCount(), window.GetOpen(), open)
				}
			}
		})
	}
}

func TestReports(t *testing.T) {
	part := func(cents int64) []*bidrailv1.AppliedValue {
		return []*bidrailv1.AppliedValue{{ChangeId: "a", Value: servertest.Cents(cents)}}
	}
	for name, test := range map[string]struct {
		outcome bidrailv1.PermitState
		applied []*bidrailv1.AppliedValue
		raised  int64 // cents, posted and held
		open    int64
	}{
		"applied": {applied, nil, 10, 0},
		"partial": {partial, part(104), 4, 0},
		"failed":  {failed, nil, 0, 0},
		"unknown": {unknown, nil, 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t)
			decision := check(t, s, servertest.Bid("a", 100, 110))[0]
			if got := s.Automation.Report(t, s.Automation.Claim(t, decision), test.outcome, test.applied...); got.GetState() != test.outcome {
				t.Errorf("the permit is %v, want %v", got.GetState(), test.outcome)
			}
			for _, window := range ledgerOf(t, s, "account/google_ads/example").GetWindows() {
				if window.GetRaised() != test.raised*10_000 || window.GetOpen() != test.open {
					t.Errorf("in the %s window %d micros are raised and %d changes open, want %d and %d", window.GetWindow(),
						window.GetRaised(), window.GetOpen(), test.raised*10_000, test.open)
				}
			}
		})
	}
	t.Run("out of range", func(t *testing.T) {
		s := servertest.New(t)
		held := s.Automation.Claim(t, check(t, s, servertest.Bid("a", 100, 110))[0])
		for _, cents := range []int64{99, 100, 110, 111} {
			_, err := s.Automation.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{PermitId: held.GetPermitId(), Outcome: partial, Applied: part(cents)})
			wantCode(t, err, codes.InvalidArgument, "INVALID")
		}
		if got := stateOf(t, s, held); got != claimed {
			t.Errorf("the permit is %v, want it still claimed", got)
		}
	})
	t.Run("before the claim", func(t *testing.T) {
		s := servertest.New(t)
		given := check(t, s, servertest.Bid("a", 100, 110))[0].GetPermit()
		_, err := s.Automation.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{PermitId: given.GetPermitId(), Outcome: applied})
		wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
	t.Run("by another", func(t *testing.T) {
		s := servertest.New(t)
		held := s.Automation.Claim(t, check(t, s, servertest.Bid("a", 100, 110))[0])
		_, err := s.OtherAutomation.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{PermitId: held.GetPermitId(), Outcome: failed})
		wantCode(t, err, codes.NotFound, "NOT_FOUND")
		_, err = s.OtherAutomation.Guardrail.GetPermit(t.Context(), &bidrailv1.GetPermitRequest{PermitId: held.GetPermitId()})
		wantCode(t, err, codes.NotFound, "NOT_FOUND")
	})
	t.Run("nobody in time", func(t *testing.T) {
		s := servertest.New(t, servertest.WithReportWithin(time.Minute))
		held := s.Automation.Claim(t, check(t, s, servertest.Bid("a", 100, 110))[0])
		s.Clock.Advance(time.Minute)
		if settled, err := s.Core.Sweep(t.Context()); settled != 1 || err != nil {
			t.Errorf("swept %d, %v", settled, err)
		}
		if got := stateOf(t, s, held); got != unknown {
			t.Errorf("the permit is %v, want UNKNOWN", got)
		}
		s.Automation.Report(t, held, applied) // somebody has looked
	})
}

// The legs of a group share one permit, also as many legs as there can be.
func TestPermitOfAGroup(t *testing.T) {
	s := servertest.New(t)
	legs := make([]*bidrailv1.Change, 100)
	for i := range legs {
		legs[i] = servertest.Bid(string(rune('a'+i%26))+string(rune('a'+i/26)), 100, 101)
	}
	response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: servertest.InGroup("g", legs...)})
	if err != nil || response.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Fatalf("got %v, %v", response.GetVerdict(), err)
	}
	given := response.GetDecisions()[0].GetPermit()
	for _, decision := range response.GetDecisions() {
		if decision.GetPermit().GetPermitId() != given.GetPermitId() || decision.GetPermit().GetToken() != given.GetToken() {
			t.Fatalf("%s has another permit", decision.GetChangeId())
		}
	}
	if len(given.GetChanges()) != len(legs) || given.GetAtomicGroupId() != "g" {
		t.Errorf("the permit is for %d changes of %q", len(given.GetChanges()), given.GetAtomicGroupId())
	}
	s.Automation.Apply(t, response.GetDecisions()[7])
}

func TestListPermits(t *testing.T) {
	s := servertest.New(t)
	first := check(t, s, servertest.Bid("a", 100, 110))[0]
	second := check(t, s, servertest.Bid("b", 100, 110))[0]
	s.Automation.Report(t, s.Automation.Claim(t, first), unknown)
	list := func(request *bidrailv1.ListPermitsRequest) ([]string, string) {
		t.Helper()
		response, err := s.Auditor.Guardrail.ListPermits(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, permit := range response.GetPermits() {
			if permit.GetToken() != "" {
				t.Errorf("the token of %s is listed", permit.GetPermitId())
			}
			ids = append(ids, permit.GetPermitId())
		}
		return ids, response.GetNextPageToken()
	}
	a, b := first.GetPermit().GetPermitId(), second.GetPermit().GetPermitId()
	got, next := list(&bidrailv1.ListPermitsRequest{})
	if diff := cmp.Diff([]string{b, a}, got); diff != "" || next != "" {
		t.Errorf("all, then %q (-want +got):\n%s", next, diff)
	}
	got, next = list(&bidrailv1.ListPermitsRequest{PageSize: 1})
	if diff := cmp.Diff([]string{b}, got); diff != "" || next == "" {
		t.Errorf("the first page, then %q (-want +got):\n%s", next, diff)
	}
	got, _ = list(&bidrailv1.ListPermitsRequest{PageSize: 1, PageToken: next})
	if diff := cmp.Diff([]string{a}, got); diff != "" {
		t.Errorf("the second page (-want +got):\n%s", diff)
	}
	got, _ = list(&bidrailv1.ListPermitsRequest{State: unknown})
	if diff := cmp.Diff([]string{a}, got); diff != "" {
		t.Errorf("those to be looked after (-want +got):\n%s", diff)
	}
	_, err := s.Automation.Guardrail.ListPermits(t.Context(), &bidrailv1.ListPermitsRequest{})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
}

// Anybody who may read rules gets the public keys, and nothing of the private ones.
func TestListKeys(t *testing.T) {
	s := servertest.New(t)
	for _, caller := range s.Callers() {
		response, err := caller.Guardrail.ListKeys(t.Context(), &bidrailv1.ListKeysRequest{})
		if err != nil || response.GetJwks() != string(s.Keys.Public()) {
			t.Errorf("%s: got %v, %v", caller.Principal.Subject, response, err)
		}
	}
}
