package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy/term"
)

// Outcome is what an evaluation came to.
type Outcome struct {
	Verdict  Verdict
	Findings []Finding // in the order of effect, strictest first, then rule
	Input    []byte    // the exact document the rules saw, as JSON; nil when there was no policy, and in a [Judgement], which has [Judgement.Input]
}

// EvaluationError is a rule that could not be decided: a built-in failed, two definitions
// conflict, a result has the wrong form.
type EvaluationError struct {
	Location string // file:line, or empty
	Reason   string
}

func (e *EvaluationError) Error() string {
	if e.Location == "" {
		return e.Reason
	}
	return e.Location + ": " + e.Reason
}

// Evaluate decides a request. It never fails: whatever goes wrong is a finding, and none of them
// allows. It returns soon after the deadline of the engine, or of ctx where that is sooner. On a nil engine
// the outcome is policy.none.
func (e *Engine) Evaluate(ctx context.Context, request *Request) Outcome {
	judgement := e.Judge(ctx, request)
	outcome := judgement.Outcome
	outcome.Input = judgement.Input()
	return outcome
}

// EvaluateInput decides a recorded input document again, as it was written by an [Outcome]. The
// error says that input is not JSON; anything else is a finding.
func (e *Engine) EvaluateInput(ctx context.Context, input []byte) (Outcome, error) {
	document, err := term.ParseJSON(input)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: input document: %v", ErrInvalid, err)
	}
	outcome := e.evaluateRecorded(ctx, document)
	outcome.Input = input
	return outcome, nil
}

// evaluateDocument decides a document. With only, that rule alone is asked.
func (e *Engine) evaluateDocument(ctx context.Context, document term.Value, only *Rule) Outcome {
	findings, _ := e.judgeDocument(ctx, document, only)
	return conclude(findings)
}

// evaluateRecorded is evaluateDocument of one that was recorded, perhaps by a server whose documents had less in them. The rules of then
// read nothing that came later.
func (e *Engine) evaluateRecorded(ctx context.Context, document term.Value) Outcome {
	if unfit := e.checkRecorded(document); len(unfit) > 0 {
		return conclude(ownFindings(unfit...))
	}
	return conclude(e.judgeFit(ctx, document, nil))
}

func conclude(all []owned) Outcome {
	var findings []Finding
	for i := range all {
		findings = append(findings, all[i].Finding)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if a.Effect != b.Effect {
			return int(b.Effect) - int(a.Effect)
		}
		return strings.Compare(a.Rule, b.Rule)
	})
	return Outcome{Verdict: Decide(findings), Findings: findings}
}

// judgeDocument judges a document: first that it is what rules were written for, which fit reports, then
// what they need, then what they say. With only, that rule alone is asked.
func (e *Engine) judgeDocument(ctx context.Context, document term.Value, only *Rule) (findings []owned, fit bool) {
	if unfit := e.checkDocument(document); len(unfit) > 0 {
		return ownFindings(unfit...), false
	}
	return e.judgeFit(ctx, document, only), true
}

// judgeFit judges a document that is fit to be.
func (e *Engine) judgeFit(ctx context.Context, document term.Value, only *Rule) (findings []owned) {
	kind := kindOf(document)
	rules := e.byKind[kind]
	if only != nil {
		rules = slices.DeleteFunc(slices.Clone(rules), func(rule *Rule) bool { return rule != only })
	}
	unset := map[RuleMode]*unsetAmounts{RuleEnforce: {}, RuleShadow: {}}
	enforced := 0
	for _, rule := range rules {
		if rule.Mode == RuleEnforce {
			enforced++
		}
		missing, amounts := missingNeeds(rule, document)
		findings = append(findings, missing...)
		if len(amounts) > 0 {
			unset[rule.Mode].add(rule, amounts)
		}
	}
	for _, mode := range []RuleMode{RuleEnforce, RuleShadow} {
		if len(unset[mode].limits) > 0 {
			findings = append(findings, owned{Finding: unset[mode].finding(mode, currencyOf(document))})
		}
	}
	if enforced == 0 && only == nil {
		findings = append(findings, owned{Finding: Finding{Rule: FindingNoRule, Effect: Approve,
			Message: "no enforced rule concerns a change of this kind, so a person has to look"}})
	}
	return append(findings, e.runRules(ctx, kind, document, rules, only == nil)...)
}

// missingNeeds makes a finding of each thing that the rule needs and the document lacks. Limits that are sums of money
// are not among them, but named apart: they are looked up by the currency of the change, and most often several are
// lacking together.
func missingNeeds(rule *Rule, input term.Value) (findings []owned, amounts []string) {
	for i := range rule.needs {
		needed := &rule.needs[i]
		problem, missing := needed.missing(input)
		if !missing {
			continue
		}
		if needed.money {
			amounts = append(amounts, strings.TrimPrefix(needed.path, "input.limits."))
			continue
		}
		what := "needs " + needed.path + ", which nothing provides for this target"
		if problem != "" {
			what = "needs " + needed.path + ", which cannot be told: " + problem
		}
		findings = append(findings, owned{Finding: undetermined(rule, what, fmt.Sprintf("%s:%d", rule.File, rule.Line)), by: rule})
	}
	return findings, amounts
}

// currencyOf is the currency that limits are looked up by, empty where neither side of the change has one.
func currencyOf(input term.Value) string {
	if currency := changeCurrency(input); currency != "" {
		return currency
	}
	return beforeCurrency(input)
}

// ownFindings are the engine's own.
func ownFindings(findings ...Finding) []owned {
	all := make([]owned, len(findings))
	for i, finding := range findings {
		all[i] = owned{Finding: finding}
	}
	return all
}

// runRules evaluates under the deadline. Evaluation that does not stop when it is told to is left
// behind, counted, and answered for with policy.timeout. With together, rules are all that concern the kind.
func (e *Engine) runRules(ctx context.Context, kind Kind, input term.Value, rules []*Rule, together bool) []owned {
	timeout := owned{asked: true, Finding: Finding{Rule: FindingTimeout, Effect: Blocks,
		Message: fmt.Sprintf("the rules did not come to an end within %v, so the change is not allowed; send it again with a new change_id", e.deadline)}}
	if e.abandoned.Load() >= maxAbandoned {
		timeout.Message = "earlier evaluations of this revision are still running past their deadline, so no more are started; send it again later, with a new change_id"
		return []owned{timeout}
	}
	if ctx.Err() != nil {
		timeout.Message = "the caller's time was up before the rules were asked, so the change is not allowed"
		return []owned{timeout}
	}
	ctx, cancel := context.WithTimeout(ctx, e.deadline)
	defer cancel()
	done := make(chan []owned, 1)
	go func() { done <- e.askGuarded(ctx, kind, input, rules, together) }()
	select {
	case findings := <-done:
		return findings
	case <-ctx.Done():
	}
	// A moment's grace for an evaluation that is just ending or heeds the cancellation.
	grace := time.NewTimer(5 * time.Millisecond)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		e.abandoned.Add(1)
		go func() { <-done; e.abandoned.Add(-1) }()
	}
	return []owned{timeout}
}

// askGuarded answers for a panic anywhere in asking: a bug there must not take the service down, and
// must not allow.
func (e *Engine) askGuarded(ctx context.Context, kind Kind, input term.Value, rules []*Rule, together bool) (findings []owned) {
	defer func() {
		if panicked := recover(); panicked != nil {
			findings = []owned{{asked: true, Finding: Finding{Rule: FindingUndetermined, Effect: Blocks,
				Message: shorten(fmt.Sprintf("the engine panicked, which is a bug in it: %v", panicked), maxText)}}}
		}
	}()
	return e.ask(ctx, kind, input, rules, together)
}

// ask runs the rules and makes findings of what they say, and of what they could not. When they cannot be asked together, each
// is asked alone, so that the failure of one does not hide what the others have to say.
func (e *Engine) ask(ctx context.Context, kind Kind, input term.Value, rules []*Rule, all bool) []owned {
	answers, failure := e.guarded(ctx, kind, rules, all, input)
	if failure != nil {
		answers = nil
		for _, rule := range rules {
			alone, err := e.guarded(ctx, kind, []*Rule{rule}, false, input)
			if err != nil {
				alone, failure = []ruleAnswer{{rule: rule, err: err}}, nil // the same failure, and whose it is
			}
			answers = append(answers, alone...)
		}
	}
	var findings []owned
	for i := range answers {
		answer := &answers[i]
		if answer.err != nil {
			findings = append(findings, owned{failed(answer.rule, answer.err), answer.rule, true})
			continue
		}
		findings = append(findings, e.findingsOf(answer.raised, input)...)
		findings = append(findings, e.undeterminedBy(answer.rule, answer.absences, input)...)
	}
	if failure != nil {
		findings = append(findings, owned{asked: true, Finding: Finding{Rule: FindingUndetermined, Effect: Blocks,
			Message: "the rules could not be decided together, though each alone can: " + failure.Error()}})
	}
	return findings
}

// guarded turns a panic of an evaluator into an error: a bug there must not take the service down, and must not allow.
func (e *Engine) guarded(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) (answers []ruleAnswer, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			answers, err = nil, &EvaluationError{Reason: fmt.Sprintf("the evaluator panicked: %v", panicked)}
		}
	}()
	return e.evaluator.evaluate(ctx, kind, rules, all, input)
}

func failed(rule *Rule, err error) Finding {
	location := fmt.Sprintf("%s:%d", rule.File, rule.Line)
	reason := err.Error()
	var evaluation *EvaluationError
	if errors.As(err, &evaluation) {
		reason = evaluation.Reason
		if evaluation.Location != "" {
			location = evaluation.Location
		}
	}
	finding := undetermined(rule, "could not be decided: "+reason, location)
	finding.Effect = Blocks // an error is never softened, whatever METADATA says of absence
	return finding
}

func undetermined(rule *Rule, what, location string) Finding {
	return Finding{Rule: FindingUndetermined, Effect: rule.Undetermined, Shadow: rule.Mode == RuleShadow,
		Message: shorten(oneLine(rule.ID+" "+what), maxText), Location: location}
}

// unsetAmounts are the limits for which there is no sum of money in the currency of a change, and the rules that need them.
type unsetAmounts struct {
	limits, rules []string // names and ids
	effect        Effect   // the strictest of what the rules make of it
}

func (u *unsetAmounts) add(rule *Rule, limits []string) {
	u.effect = max(u.effect, rule.Undetermined)
	for _, limit := range limits {
		if !slices.Contains(u.limits, limit) {
			u.limits = append(u.limits, limit)
		}
	}
	if !slices.Contains(u.rules, rule.ID) {
		u.rules = append(u.rules, rule.ID)
	}
}

// finding says once for all rules of a mode what each of them would say of every limit it needs.
func (u *unsetAmounts) finding(mode RuleMode, currency string) Finding {
	message := "the change has no currency, so the limits of " + strings.Join(u.rules, ", ") + " cannot be looked up for it"
	if currency != "" {
		slices.Sort(u.limits)
		message = "no amount in " + currency + " is set for " + strings.Join(u.limits, ", ") + "; add one to limits/data.yaml"
		if len(u.limits) > 1 {
			message += " for each"
		}
	}
	return Finding{Rule: FindingUndetermined, Effect: max(u.effect, Approve), Shadow: mode == RuleShadow, Message: shorten(message, maxText)}
}

func (e *Engine) findingsOf(raised []Raised, input term.Value) []owned {
	if len(raised) == 0 {
		return nil
	}
	findings := make([]owned, 0, len(raised))
	for _, each := range raised {
		finding, err := decodeFinding(each, input)
		if err != nil {
			finding = failed(each.Rule, err)
		}
		findings = append(findings, owned{finding, each.Rule, true})
	}
	return findings
}

// kindForms says which forms of value a kind can take. A budget of 30% is not a small budget, it
// is a mistake.
func kindForms(kind Kind) []Form {
	switch kind {
	case KindBid, KindDefaultBid, KindTargetCPA:
		return []Form{Money, Absent}
	case KindBidLimit, KindDailyBudget, KindMonthlyBudget, KindLifetimeBudget, KindAccountBudget:
		return []Form{Money, Unlimited, Absent}
	case KindSharedBudget: // its amount, or which one is attached
		return []Form{Money, Unlimited, Text, Absent}
	case KindBidModifier, KindTargetROAS:
		return []Form{Ratio, Absent}
	case KindExperimentControl: // a state, or a split
		return []Form{Text, Ratio, Flag, Absent}
	case KindBidStrategy, KindBudgetType, KindPacing, KindFlightDates, KindName:
		return []Form{Text, Absent}
	case KindStatus:
		return []Form{Text, Flag, Absent}
	case KindBudgetRule, KindTargetingExclusion, KindConversionGoal, KindTargeting:
		return []Form{Text, Flag, Money, Ratio, Absent}
	default:
		return nil
	}
}

// checkDocument says what makes a document unfit to be judged. It does not depend on the revision's
// rules, so no revision can switch it off.
func (e *Engine) checkDocument(document term.Value) []Finding {
	return unfit(document, e.shape.check(document))
}

// checkRecorded is checkDocument of one that was recorded.
func (e *Engine) checkRecorded(document term.Value) []Finding {
	return unfit(document, e.shape.checkRecorded(document))
}

func unfit(document term.Value, violations []violation) []Finding {
	var findings []Finding
	for i, violation := range violations {
		if i == 20 {
			break // enough to see what is wrong; the document is caller's input
		}
		message := violation.String()
		switch {
		case violation.complaint != "is missing":
		case violation.path == "input.change.before":
			message = "the change does not say which value holds now (before), so it cannot be judged"
		case violation.path == "input.group.legs[0].before" && len(findings) > 0:
			continue // the change itself, as its group's first leg: said already
		}
		findings = append(findings, Finding{Rule: FindingSchema, Effect: Blocks, Message: message})
	}
	if len(findings) > 0 {
		return findings
	}
	change, kind := document.Field("change"), kindOf(document)
	currencies := make([]string, 0, 2)
	for _, side := range []string{"before", "after"} {
		value := change.Field(side)
		form, _ := value.Field("type").Text()
		if !slices.ContainsFunc(kindForms(kind), func(f Form) bool { return f.String() == form }) {
			findings = append(findings, Finding{Rule: FindingSchema, Effect: Blocks,
				Message: fmt.Sprintf("%s is a %s value, which a change of %s cannot have", side, form, kind)})
		}
		if form == Money.String() {
			currency, _ := value.Field("currency").Text()
			if !isCurrency(currency) {
				findings = append(findings, Finding{Rule: FindingCurrency, Effect: Blocks,
					Message: fmt.Sprintf("%s has the currency %q, which is not an ISO 4217 code", side, currency)})
			}
			currencies = append(currencies, currency)
		}
	}
	if len(currencies) == 2 && currencies[0] != currencies[1] {
		findings = append(findings, Finding{Rule: FindingCurrency, Effect: Blocks,
			Message:  fmt.Sprintf("the value now is in %s and the new one in %s; the two cannot be compared", currencies[0], currencies[1]),
			Observed: currencies[1], Limit: currencies[0]})
	}
	return findings
}

func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func kindOf(input term.Value) Kind {
	name, _ := input.Field("change").Field("kind").Text()
	kind, err := ParseKind(name)
	if err != nil {
		return KindUnknown
	}
	return kind
}
