package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// Changes reads the API's changes, which must have passed [Validator.Validate].
func Changes(messages []*bidrailv1.Change) []*policy.Change {
	changes := make([]*policy.Change, len(messages))
	for i, message := range messages {
		changes[i] = changeOf(message)
	}
	return changes
}

func changeOf(m *bidrailv1.Change) *policy.Change {
	change := &policy.Change{
		ID: m.GetChangeId(), BatchID: m.GetBatchId(), AtomicGroupID: m.GetAtomicGroupId(),
		Kind: kindOf(m.GetKind()), Target: targetOf(m.GetTarget()),
		Before: Value(m.GetBefore()), BeforeObservedAt: timeOf(m.GetBeforeObservedAt()), After: Value(m.GetAfter()),
		Actor:        policy.Actor{Automation: m.GetActor().GetAutomation(), Version: m.GetActor().GetVersion(), Run: m.GetActor().GetRun()},
		Reason:       policy.Reason{Code: m.GetReason().GetCode(), Text: m.GetReason().GetText(), Evidence: m.GetReason().GetEvidence()},
		ExperimentID: m.GetExperimentId(), PromoID: m.GetPromoId(),
		EffectiveAt: timeOf(m.GetEffectiveAt()), RevertAt: timeOf(m.GetRevertAt()),
		FieldMask: m.GetFieldMask(), ParentID: m.GetParentId(), Facts: factsOf(m.GetFacts()),
		Geos: m.GetGeos(), Audiences: m.GetAudiences(),
	}
	return change
}

// factsOf is nil for no facts.
func factsOf(messages map[string]*bidrailv1.Fact) map[string]policy.Fact {
	if len(messages) == 0 {
		return nil
	}
	facts := make(map[string]policy.Fact, len(messages))
	for name, fact := range messages {
		facts[name] = policy.Fact{Value: Value(fact.GetValue()), ObservedAt: timeOf(fact.GetObservedAt()), Source: fact.GetSource(), FromCaller: true}
	}
	return facts
}

// kindOf gives KindUnknown to numbers that this build does not know; the engine blocks those.
func kindOf(kind bidrailv1.Kind) policy.Kind {
	if kind < 0 || kind > 255 || !policy.Kind(kind).Known() {
		return policy.KindUnknown
	}
	return policy.Kind(kind)
}

func targetOf(m *bidrailv1.Target) policy.Target {
	return policy.Target{
		Platform: m.GetPlatform(), Account: m.GetAccount(), Channel: m.GetChannel(), Portfolio: m.GetPortfolio(),
		Campaign: m.GetCampaign(), CampaignName: m.GetCampaignName(), AdGroup: m.GetAdGroup(),
		EntityType: m.GetEntityType(), EntityID: m.GetEntityId(), Labels: m.GetLabels(),
		Geos: m.GetGeos(), Audiences: m.GetAudiences(),
	}
}

// Value reads a value of the API; nil is Missing.
func Value(m *bidrailv1.Value) policy.Value {
	switch value := m.GetValue().(type) {
	case *bidrailv1.Value_Money:
		return policy.MoneyValue(value.Money.GetMicros(), value.Money.GetCurrency())
	case *bidrailv1.Value_RatioPpm:
		return policy.RatioValue(value.RatioPpm)
	case *bidrailv1.Value_Text:
		return policy.TextValue(value.Text)
	case *bidrailv1.Value_Flag:
		return policy.FlagValue(value.Flag)
	case *bidrailv1.Value_Unlimited:
		return policy.UnlimitedValue()
	case *bidrailv1.Value_Absent:
		return policy.AbsentValue()
	default:
		return policy.Value{} // Missing
	}
}

func timeOf(m *timestamppb.Timestamp) time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.AsTime()
}

// stampOf is absent for no time.
func stampOf(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

// DecisionMessage writes a decision for the API. The same stored decision always gives the same
// message, but for replayed and for its permit, which has a life of its own.
func DecisionMessage(result server.Result) *bidrailv1.Decision {
	d := result.Decision
	message := &bidrailv1.Decision{
		DecisionId: d.ID, ChangeId: d.ChangeID, Verdict: bidrailv1.Verdict(d.Verdict), Revision: d.Revision,
		ChangeDigest: d.ChangeDigest, DecidedAt: timestamppb.New(d.DecidedAt), Replayed: result.Replayed, DryRun: result.DryRun,
		AtomicGroupId: d.AtomicGroupID, BatchId: d.BatchID, Automation: d.Automation, Kind: bidrailv1.Kind(d.Kind),
		Target: targetMessage(d.Target), Before: ValueMessage(d.Before), After: ValueMessage(d.After),
		Actor:    &bidrailv1.Actor{Automation: d.Actor.Automation, Version: d.Actor.Version, Run: d.Actor.Run},
		Findings: make([]*bidrailv1.Finding, len(d.Findings)),
		Permit:   permitOf(d.PermitID, result.Permit, result.Token), ApprovalId: d.ApprovalID, Redeems: d.Redeems, GroupDigest: d.GroupDigest,
	}
	for i, finding := range d.Findings {
		message.Findings[i] = &bidrailv1.Finding{
			Rule: finding.Rule, Effect: bidrailv1.Effect(finding.Effect), Shadow: finding.Shadow, Message: finding.Message,
			Observed: finding.Observed, Limit: finding.Limit, MaxPermitted: ValueMessage(finding.MaxPermitted),
			Source: finding.Source, Location: finding.Location, Severity: finding.Severity, Magnitude: ValueMessage(finding.Magnitude),
			LiftedBy: finding.LiftedBy,
		}
	}
	return message
}

func targetMessage(t policy.Target) *bidrailv1.Target {
	return &bidrailv1.Target{
		Platform: t.Platform, Account: t.Account, Channel: t.Channel, Portfolio: t.Portfolio, Campaign: t.Campaign,
		CampaignName: t.CampaignName, AdGroup: t.AdGroup, EntityType: t.EntityType, EntityId: t.EntityID, Labels: t.Labels,
		Geos: t.Geos, Audiences: t.Audiences,
	}
}

// ValueMessage is the inverse of [Value].
func ValueMessage(v policy.Value) *bidrailv1.Value {
	switch v.Form {
	case policy.Money:
		return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: v.Amount, Currency: v.Currency}}}
	case policy.Ratio:
		return &bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: v.Amount}}
	case policy.Text:
		return &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: v.Text}}
	case policy.Flag:
		return &bidrailv1.Value{Value: &bidrailv1.Value_Flag{Flag: v.Flag}}
	case policy.Unlimited:
		return &bidrailv1.Value{Value: &bidrailv1.Value_Unlimited{Unlimited: &bidrailv1.Unlimited{}}}
	case policy.Absent:
		return &bidrailv1.Value{Value: &bidrailv1.Value_Absent{Absent: &bidrailv1.Absent{}}}
	default:
		return nil
	}
}

// RuleMessage writes a catalogue entry for the API.
func RuleMessage(rule *policy.Rule) *bidrailv1.Rule {
	message := &bidrailv1.Rule{
		Id: rule.ID, Title: rule.Title, Description: rule.Description, Owner: rule.Owner, Source: rule.Source,
		Mode: ruleModeMessage(rule.Mode), File: rule.File, Line: int32(rule.Line), Reads: rule.Reads,
		Optional: rule.Optional, Undetermined: bidrailv1.Effect(rule.Undetermined), Overridable: rule.Overridable,
		Lenient: rule.Lenient,
	}
	for _, kind := range rule.Kinds {
		message.Kinds = append(message.Kinds, bidrailv1.Kind(kind))
	}
	for _, effect := range rule.Effects {
		message.Effects = append(message.Effects, bidrailv1.Effect(effect))
	}
	return message
}

func ruleModeMessage(mode policy.RuleMode) bidrailv1.RuleMode {
	switch mode {
	case policy.RuleEnforce:
		return bidrailv1.RuleMode_RULE_MODE_ENFORCE
	case policy.RuleShadow:
		return bidrailv1.RuleMode_RULE_MODE_SHADOW
	case policy.RuleOff:
		return bidrailv1.RuleMode_RULE_MODE_OFF
	default:
		return bidrailv1.RuleMode_RULE_MODE_UNSPECIFIED
	}
}

// ExplanationMessages writes what each rule did for the API.
func ExplanationMessages(explanation *policy.Explanation) []*bidrailv1.RuleExplanation {
	messages := make([]*bidrailv1.RuleExplanation, len(explanation.Rules))
	for i, rule := range explanation.Rules {
		message := &bidrailv1.RuleExplanation{
			Rule: rule.Rule.ID, Title: rule.Rule.Title, Effect: bidrailv1.Effect(rule.Effect),
			Fired: rule.Effect != policy.EffectNone, Mode: ruleModeMessage(rule.Rule.Mode),
		}
		for _, body := range rule.Bodies {
			each := &bidrailv1.BodyExplanation{File: body.File, Line: int32(body.Line), Outcome: outcomeMessage(body.Outcome)}
			for _, expression := range body.Expressions {
				each.Expressions = append(each.Expressions, &bidrailv1.ExpressionExplanation{
					Line: int32(expression.Line), Text: expression.Text, Outcome: outcomeMessage(expression.Outcome), Values: expression.Values,
				})
			}
			message.Bodies = append(message.Bodies, each)
		}
		messages[i] = message
	}
	return messages
}

func outcomeMessage(outcome policy.ExpressionOutcome) bidrailv1.Outcome {
	switch outcome {
	case policy.Fired:
		return bidrailv1.Outcome_OUTCOME_FIRED
	case policy.Held:
		return bidrailv1.Outcome_OUTCOME_HELD
	case policy.Failed:
		return bidrailv1.Outcome_OUTCOME_FAILED
	case policy.Undefined:
		return bidrailv1.Outcome_OUTCOME_UNDEFINED
	case policy.Errored:
		return bidrailv1.Outcome_OUTCOME_ERROR
	default:
		return bidrailv1.Outcome_OUTCOME_NOT_REACHED
	}
}

// ChangeMessage is the inverse of [Changes], for one change. Whose word a fact is, it does not say.
func ChangeMessage(c *policy.Change) *bidrailv1.Change {
	if c == nil {
		return nil
	}
	message := &bidrailv1.Change{
		ChangeId: c.ID, BatchId: c.BatchID, AtomicGroupId: c.AtomicGroupID, Kind: bidrailv1.Kind(c.Kind), Target: targetMessage(c.Target),
		Before: ValueMessage(c.Before), BeforeObservedAt: stampOf(c.BeforeObservedAt), After: ValueMessage(c.After),
		Actor:        &bidrailv1.Actor{Automation: c.Actor.Automation, Version: c.Actor.Version, Run: c.Actor.Run},
		Reason:       &bidrailv1.Reason{Code: c.Reason.Code, Text: c.Reason.Text, Evidence: c.Reason.Evidence},
		ExperimentId: c.ExperimentID, PromoId: c.PromoID, EffectiveAt: stampOf(c.EffectiveAt), RevertAt: stampOf(c.RevertAt),
		FieldMask: c.FieldMask, ParentId: c.ParentID, Geos: c.Geos, Audiences: c.Audiences,
	}
	if len(c.Facts) > 0 {
		message.Facts = make(map[string]*bidrailv1.Fact, len(c.Facts))
		for name, fact := range c.Facts {
			message.Facts[name] = &bidrailv1.Fact{Value: ValueMessage(fact.Value), ObservedAt: stampOf(fact.ObservedAt), Source: fact.Source}
		}
	}
	return message
}
