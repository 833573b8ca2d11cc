package grpcapi

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

func (r *registry) PutExperiment(ctx context.Context, request *bidrailv1.PutExperimentRequest) (*bidrailv1.Experiment, error) {
	next, err := Experiment(request.GetExperiment())
	if err != nil {
		return nil, err
	}
	record, err := r.server.PutExperiment(ctx, principalOf(ctx), next, request.GetVersion(), request.GetReason())
	return experimentAnswer(record, err)
}

func (r *registry) StartExperiment(ctx context.Context, request *bidrailv1.StartExperimentRequest) (*bidrailv1.Experiment, error) {
	record, err := r.server.StartExperiment(ctx, principalOf(ctx), request.GetExperimentId(), request.GetNow(), request.GetReason())
	return experimentAnswer(record, err)
}

func (r *registry) AbortExperiment(ctx context.Context, request *bidrailv1.AbortExperimentRequest) (*bidrailv1.Experiment, error) {
	record, err := r.server.AbortExperiment(ctx, principalOf(ctx), request.GetExperimentId(), request.GetReason())
	return experimentAnswer(record, err)
}

func (r *registry) ConcludeExperiment(ctx context.Context, request *bidrailv1.ConcludeExperimentRequest) (*bidrailv1.Experiment, error) {
	record, err := r.server.ConcludeExperiment(ctx, principalOf(ctx), request.GetExperimentId(), request.GetReason())
	return experimentAnswer(record, err)
}

func experimentAnswer(record server.ExperimentRecord, err error) (*bidrailv1.Experiment, error) {
	if err != nil {
		return nil, err
	}
	return ExperimentMessage(record), nil
}

func (r *registry) ListExperiments(ctx context.Context, request *bidrailv1.ListExperimentsRequest) (*bidrailv1.ListExperimentsResponse, error) {
	records, err := r.server.ListExperiments(ctx, principalOf(ctx), request.GetIncludeEnded())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ListExperimentsResponse{Experiments: experimentMessages(records)}, nil
}

func (r *registry) GetExperiment(ctx context.Context, request *bidrailv1.GetExperimentRequest) (*bidrailv1.ExperimentHistory, error) {
	now, versions, err := r.server.GetExperiment(ctx, principalOf(ctx), request.GetExperimentId())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ExperimentHistory{Experiment: ExperimentMessage(now), Versions: experimentMessages(versions)}, nil
}

func experimentMessages(records []server.ExperimentRecord) []*bidrailv1.Experiment {
	var messages []*bidrailv1.Experiment
	for _, record := range records {
		messages = append(messages, ExperimentMessage(record))
	}
	return messages
}

func (r *registry) ListContaminations(ctx context.Context, request *bidrailv1.ListContaminationsRequest) (*bidrailv1.ListContaminationsResponse, error) {
	found, err := r.server.Contaminations(ctx, principalOf(ctx), request.GetExperimentId())
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListContaminationsResponse{}
	for i := range found {
		response.Contaminations = append(response.Contaminations, ContaminationMessage(&found[i]))
	}
	return response, nil
}

// The words of package experiment, in the order of the API's numbers. The first number is never sent.
var (
	experimentTypes  = []string{"ab", "geo_holdout", "audience_holdout", "lift", "incrementality"}
	experimentStates = []string{experiment.Draft, experiment.Scheduled, experiment.Baseline, experiment.Running, experiment.Cooldown, experiment.Analysis,
		experiment.Concluded, experiment.Aborted}
)

// Experiment reads a test as somebody puts it. What is output only is left out, and of its states only DRAFT can be put.
func Experiment(m *bidrailv1.Experiment) (experiment.Experiment, error) {
	e := experiment.Experiment{ID: m.GetExperimentId(), Name: m.GetName(), Platform: m.GetPlatform(), Account: m.GetAccount(), Owner: m.GetOwner(),
		Hypothesis: m.GetHypothesis(), Metric: m.GetMetric(), BaselineStarts: timeOf(m.GetBaselineStarts()), Starts: timeOf(m.GetStarts()), Ends: timeOf(m.GetEnds()),
		CooldownEnds: timeOf(m.GetCooldownEnds()), PurchaseCycle: m.GetPurchaseCycle().AsDuration(), Sync: m.GetSync()}
	if n := int(m.GetType()) - 1; n >= 0 && n < len(experimentTypes) {
		e.Type = experimentTypes[n]
	}
	if m.GetState() == bidrailv1.ExperimentState_EXPERIMENT_STATE_DRAFT {
		e.State = experiment.Draft
	}
	for _, kind := range m.GetFrozenKinds() {
		e.FrozenFields = append(e.FrozenFields, kindOf(kind))
	}
	for _, each := range m.GetEnvelope() {
		e.Envelope = append(e.Envelope, experiment.Envelope{Kind: kindOf(each.GetKind()), SharePPM: each.GetSharePpm(), Most: Value(each.GetMost())})
	}
	for _, arm := range m.GetArms() {
		if slices.ContainsFunc(e.Arms, func(other experiment.Arm) bool { return other.Name == arm.GetName() }) {
			return e, &server.FieldError{Field: "experiment.arms", Problem: "has two arms that are called " + arm.GetName()}
		}
		e.Arms = append(e.Arms, experiment.Arm{Name: arm.GetName(), Control: arm.GetControl(), SplitPPM: arm.GetSplitPpm(), Campaigns: arm.GetCampaigns(),
			AdGroups: arm.GetAdGroups(), Labels: arm.GetLabels(), Geos: arm.GetGeos(), Audiences: arm.GetAudiences()})
	}
	slices.SortFunc(e.Arms, func(a, b experiment.Arm) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(e.Envelope, func(a, b experiment.Envelope) int { return int(a.Kind) - int(b.Kind) })
	return e, nil
}

// ExperimentMessage writes a test for the API.
func ExperimentMessage(record server.ExperimentRecord) *bidrailv1.Experiment {
	e := &record.Experiment
	m := &bidrailv1.Experiment{ExperimentId: e.ID, Name: e.Name, Type: bidrailv1.ExperimentType(slices.Index(experimentTypes, e.Type) + 1), Sync: e.Sync,
		Platform: e.Platform, Account: e.Account, Owner: e.Owner, Hypothesis: e.Hypothesis, Metric: e.Metric, BaselineStarts: stampOf(e.BaselineStarts),
		Starts: stampOf(e.Starts), Ends: stampOf(e.Ends), CooldownEnds: stampOf(e.CooldownEnds), State: bidrailv1.ExperimentState(slices.Index(experimentStates, record.State) + 1),
		Version: record.Version, ChangedBy: record.By, ChangedAt: stampOf(record.At), Reason: record.Reason, FromRevision: record.FromRevision}
	if e.PurchaseCycle > 0 {
		m.PurchaseCycle = durationpb.New(e.PurchaseCycle)
	}
	for _, kind := range e.FrozenFields {
		m.FrozenKinds = append(m.FrozenKinds, bidrailv1.Kind(kind))
	}
	for _, each := range e.Envelope {
		written := &bidrailv1.ExperimentEnvelope{Kind: bidrailv1.Kind(each.Kind), SharePpm: each.SharePPM}
		if each.Most.Form != policy.Missing {
			written.Most = ValueMessage(each.Most)
		}
		m.Envelope = append(m.Envelope, written)
	}
	for _, arm := range e.Arms {
		m.Arms = append(m.Arms, &bidrailv1.ExperimentArm{Name: arm.Name, Control: arm.Control, SplitPpm: arm.SplitPPM, Campaigns: arm.Campaigns,
			AdGroups: arm.AdGroups, Labels: arm.Labels, Geos: arm.Geos, Audiences: arm.Audiences})
	}
	return m
}

// ContaminationMessage writes a contamination for the API.
func ContaminationMessage(c *experiment.Contamination) *bidrailv1.Contamination {
	return &bidrailv1.Contamination{ExperimentId: c.Experiment, Arm: c.Arm, Number: c.Number, At: stampOf(c.At), DecisionId: c.DecisionID, Automation: c.Automation,
		Kind: bidrailv1.Kind(c.Kind), Target: targetMessage(c.Target), Before: ValueMessage(c.Before), After: ValueMessage(c.After), ReasonCode: c.ReasonCode,
		Emergency: c.Emergency, Aborted: c.Aborted, Rules: c.Rules}
}
