package grpcapi_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// fullExperiment has something of its own in every field.
func fullExperiment() server.ExperimentRecord {
	at := func(days int) time.Time { return servertest.Start.Add(time.Duration(days) * 24 * time.Hour) }
	return server.ExperimentRecord{State: experiment.Running, Version: 7, By: "gita", At: at(1), Reason: "as agreed", FromRevision: true, Experiment: experiment.Experiment{
		ID: "spring", Name: "Spring headlines", Type: "ab", Sync: true, Platform: "google_ads", Account: "example", Owner: "growth", Hypothesis: "more orders", Metric: "orders",
		BaselineStarts: at(-20), Starts: at(-10), Ends: at(10), CooldownEnds: at(20), PurchaseCycle: 21 * 24 * time.Hour, State: experiment.Draft,
		FrozenFields: []policy.Kind{policy.KindBid, policy.KindStatus}, Envelope: []experiment.Envelope{{Kind: policy.KindBid, SharePPM: 200_000, Most: policy.MoneyValue(2_000_000, "USD")}},
		Arms: []experiment.Arm{{Name: "base", Control: true, SplitPPM: 400_000, Campaigns: []string{"101"}, AdGroups: []string{"11"}, Labels: map[string]string{"a": "b"},
			Geos: []string{"DE-BE"}, Audiences: []string{"held"}}, {Name: "trial", Control: true, SplitPPM: 600_000, Campaigns: []string{"102"}, AdGroups: []string{"12"}, Labels: map[string]string{"a": "c"},
			Geos: []string{"DE-BY"}, Audiences: []string{"shown"}}}}}
}

func TestEveryFieldOfAnExperimentIsCarried(t *testing.T) {
	full := fullExperiment()
	if empty := emptyFields(reflect.ValueOf(full), ""); len(empty) > 0 {
		t.Fatalf("the test's experiment lacks %v", empty)
	}
	carried(t, full, grpcapi.ExperimentMessage)
	written := grpcapi.ExperimentMessage(full)
	unset(t, written.ProtoReflect(), "")
	carried(t, full.Experiment, func(e experiment.Experiment) *bidrailv1.Experiment {
		with := full
		with.Experiment = e
		return grpcapi.ExperimentMessage(with)
	}, "State") // as it is by now, which is the record's
	full.State = experiment.Draft
	read, err := grpcapi.Experiment(grpcapi.ExperimentMessage(full))
	if diff := cmp.Diff(full.Experiment, read); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	twice := proto.CloneOf(written)
	twice.Arms[1].Name = twice.GetArms()[0].GetName()
	if _, err := grpcapi.Experiment(twice); err == nil {
		t.Error("two arms of a name were read as one")
	}
	if bare := grpcapi.ExperimentMessage(server.ExperimentRecord{}); bare.GetBaselineStarts() != nil || bare.GetCooldownEnds() != nil || bare.GetPurchaseCycle() != nil || bare.GetChangedAt() != nil {
		t.Errorf("times that are not there are written: %v", bare)
	}
}

func TestEveryFieldOfAContaminationIsWritten(t *testing.T) {
	full := experiment.Contamination{Experiment: "spring", Arm: "trial", Number: 3, At: servertest.Start, DecisionID: "dec_1", Automation: "pacer", Kind: policy.KindBid,
		Target: policy.Target{Platform: "google_ads", Account: "example", Channel: "search", Portfolio: "p", Campaign: "101", CampaignName: "n", AdGroup: "11", EntityType: "keyword",
			EntityID: "7", Labels: map[string]string{"a": "b"}, Geos: []string{"DE-BY"}, Audiences: []string{"a-1"}},
		Before: policy.MoneyValue(2, "USD"), After: policy.MoneyValue(1, "USD"), ReasonCode: "overspend", Rules: []string{"experiment.freeze"}, Emergency: true, Aborted: true}
	write := func(c experiment.Contamination) *bidrailv1.Contamination { return grpcapi.ContaminationMessage(&c) }
	unset(t, write(full).ProtoReflect(), "")
	carried(t, full, write)
}

func TestExperiments(t *testing.T) {
	s := servertest.New(t)
	put := &bidrailv1.PutExperimentRequest{Reason: "as agreed", Experiment: &bidrailv1.Experiment{ExperimentId: "spring", Type: bidrailv1.ExperimentType_EXPERIMENT_TYPE_AB, Owner: "growth",
		Platform: "google_ads", Account: "example", Starts: timestamppb.New(servertest.Start.Add(-time.Hour)), Ends: timestamppb.New(servertest.Start.Add(30 * 24 * time.Hour)),
		PurchaseCycle: durationpb.New(20 * 24 * time.Hour), State: bidrailv1.ExperimentState_EXPERIMENT_STATE_DRAFT,
		Arms: []*bidrailv1.ExperimentArm{{Name: "trial", Campaigns: []string{"102"}}, {Name: "base", Control: true, Campaigns: []string{"101"}}}}}
	_, err := s.Automation.Registry.PutExperiment(t.Context(), put)
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
	first, err := s.Governance.Registry.PutExperiment(t.Context(), put)
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(put.GetExperiment())
	want.Arms[0], want.Arms[1] = want.GetArms()[1], want.GetArms()[0]
	want.Version, want.ChangedBy, want.ChangedAt, want.Reason = 1, s.Governance.Principal.Subject, timestamppb.New(s.Clock.Now()), "as agreed"
	if diff := cmp.Diff(want, first, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = s.Governance.Registry.PutExperiment(t.Context(), put)
	wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
	for name, edit := range map[string]func(*bidrailv1.Experiment){
		"no id":               func(e *bidrailv1.Experiment) { e.ExperimentId = "" },
		"no type":             func(e *bidrailv1.Experiment) { e.Type = 0 },
		"no arms":             func(e *bidrailv1.Experiment) { e.Arms = nil },
		"no start":            func(e *bidrailv1.Experiment) { e.Starts = nil },
		"a kind there is not": func(e *bidrailv1.Experiment) { e.FrozenKinds = []bidrailv1.Kind{99} },
		"an envelope of nothing": func(e *bidrailv1.Experiment) {
			e.Envelope = []*bidrailv1.ExperimentEnvelope{{Kind: bidrailv1.Kind_KIND_BID}}
		},
		"a split of its own": func(e *bidrailv1.Experiment) { e.Arms[0].SplitPpm = 1 },
	} {
		wrong := proto.CloneOf(put)
		edit(wrong.GetExperiment())
		if _, err := s.Governance.Registry.PutExperiment(t.Context(), wrong); err == nil {
			t.Errorf("%s was put", name)
		} else {
			wantCode(t, err, codes.InvalidArgument, "INVALID")
		}
	}
	started, err := s.Governance.Registry.StartExperiment(t.Context(), &bidrailv1.StartExperimentRequest{ExperimentId: "spring", Now: true, Reason: "go"})
	if err != nil || started.GetState() != bidrailv1.ExperimentState_EXPERIMENT_STATE_RUNNING || started.GetVersion() != 2 {
		t.Errorf("started: %v, %v", started, err)
	}
	_, err = s.Governance.Registry.ConcludeExperiment(t.Context(), &bidrailv1.ConcludeExperimentRequest{ExperimentId: "spring", Reason: "it works"})
	wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
	cut := servertest.Budget("cut", "102", 10000, 9000)
	cut.Reason = &bidrailv1.Reason{Code: "overspend"}
	decided, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{cut}})
	if err != nil || decided.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Fatalf("got %v, %v", decided, err)
	}
	_, err = s.Automation.Registry.ListContaminations(t.Context(), &bidrailv1.ListContaminationsRequest{ExperimentId: "spring"})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
	disturbed, err := s.Auditor.Registry.ListContaminations(t.Context(), &bidrailv1.ListContaminationsRequest{ExperimentId: "spring"})
	if err != nil || len(disturbed.GetContaminations()) != 1 || !disturbed.GetContaminations()[0].GetEmergency() || disturbed.GetContaminations()[0].GetArm() != "trial" {
		t.Errorf("got %v, %v", disturbed, err)
	}
	aborted, err := s.Admin.Registry.AbortExperiment(t.Context(), &bidrailv1.AbortExperimentRequest{ExperimentId: "spring", Reason: "never mind"})
	if err != nil || aborted.GetState() != bidrailv1.ExperimentState_EXPERIMENT_STATE_ABORTED {
		t.Errorf("aborted: %v, %v", aborted, err)
	}
	history, err := s.Automation.Registry.GetExperiment(t.Context(), &bidrailv1.GetExperimentRequest{ExperimentId: "spring"})
	if err != nil || len(history.GetVersions()) != 3 || !proto.Equal(history.GetExperiment(), aborted) {
		t.Errorf("got %v, %v", history, err)
	}
	for ended, count := range map[bool]int{false: 0, true: 1} {
		listed, err := s.Automation.Registry.ListExperiments(t.Context(), &bidrailv1.ListExperimentsRequest{IncludeEnded: ended})
		if err != nil || len(listed.GetExperiments()) != count {
			t.Errorf("listed: %v, %v", listed, err)
		}
	}
	_, err = s.Automation.Registry.GetExperiment(t.Context(), &bidrailv1.GetExperimentRequest{ExperimentId: "none"})
	wantCode(t, err, codes.NotFound, "NOT_FOUND")
}
