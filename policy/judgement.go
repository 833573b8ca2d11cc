package policy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy/term"
)

// Judgement is what one evaluation came to, kept so that it can be taken up again when windows have moved meanwhile.
// It does not change.
type Judgement struct {
	Outcome

	engine   *Engine // nil: there was no policy
	document term.Value
	windows  Windows
	now      time.Time
	findings []owned
	fit      bool // the document could be judged, so the rules were asked
}

// owned is a finding and whose it is. [Finding.Rule] does not say: what a rule needs and has not got is a
// finding of the engine's.
type owned struct {
	Finding
	by    *Rule // nil: the engine's own
	asked bool  // what came of asking, else of what is there to be asked with
}

// Judge decides a request like [Engine.Evaluate], which says what to expect of it.
func (e *Engine) Judge(ctx context.Context, request *Request) *Judgement {
	if e == nil {
		return &Judgement{Outcome: conclude([]owned{{Finding: Finding{Rule: FindingNoPolicy, Effect: Blocks,
			Message: "no policy is loaded, so nothing can be allowed; load a revision"}}})}
	}
	return e.judge(ctx, e.document(request), request.Windows, request.Now)
}

func (e *Engine) judge(ctx context.Context, document term.Value, windows Windows, now time.Time) *Judgement {
	j := &Judgement{engine: e, document: document, windows: windows, now: now}
	j.findings, j.fit = e.judgeDocument(ctx, document, nil)
	j.Outcome = conclude(j.findings)
	return j
}

// Input is the exact document that the rules saw, as JSON; nil when there was no policy. It is written when it is asked for: many judgements are
// taken up again, or recorded nowhere. An evaluation that overran may be reading the document meanwhile; what [Engine.document] makes is in order, so
// that writing it changes nothing of it.
func (j *Judgement) Input() []byte {
	if j.engine == nil {
		return nil
	}
	return j.document.AppendJSON(make([]byte, 0, 8192))
}

// Again decides the same change at the same time under other windows. Only the rules that read something in which
// the two differ are asked; what the others said stands, and so does what the engine itself had to say: a judgement that was
// not made in time is not mended by asking a part of it again. It fails as little as [Engine.Evaluate] does.
func (j *Judgement) Again(ctx context.Context, windows Windows) *Judgement {
	if j.engine == nil {
		return j
	}
	if j.windows.Equal(windows) {
		return j
	}
	b := builder{forms: j.engine.forms}
	moved := b.windows(windows, j.now)
	document := replace(j.document, []string{"windows"}, moved)
	if !j.fit || len(j.engine.shape.checkWindows(moved)) > 0 {
		return j.engine.judge(ctx, document, windows, j.now)
	}
	again := &Judgement{engine: j.engine, document: document, windows: windows, now: j.now, fit: true}
	again.findings = j.engine.judgeAgain(ctx, document, j.findings, j.windows, windows)
	again.Outcome = conclude(again.findings)
	return again
}

// judgeAgain asks the rules that read something that has moved, and puts what they say in the place of what they said.
func (e *Engine) judgeAgain(ctx context.Context, document term.Value, before []owned, was, is Windows) []owned {
	kind := kindOf(document)
	var rules []*Rule
	for _, rule := range e.byKind[kind] {
		if rule.moved(was, is) {
			rules = append(rules, rule)
		}
	}
	if len(rules) == 0 {
		return before
	}
	findings := slices.DeleteFunc(slices.Clone(before), func(finding owned) bool { return slices.Contains(rules, finding.by) })
	for _, rule := range rules {
		// Which limits have no amount has been said, and windows do not change it.
		missing, _ := missingNeeds(rule, document)
		findings = append(findings, missing...)
	}
	findings = append(findings, e.runRules(ctx, kind, document, rules, false)...)
	slices.SortStableFunc(findings, owned.compare)
	return findings
}

// compare orders findings as an evaluation comes by them: first what is missing, rule by rule, then what rules say, rule by
// rule, and each time the engine's own last.
func (o owned) compare(other owned) int {
	switch {
	case o.asked != other.asked:
		if other.asked {
			return -1
		}
		return 1
	case o.by == other.by:
		return 0
	case o.by == nil:
		return 1
	case other.by == nil:
		return -1
	default:
		return strings.Compare(o.by.ID, other.by.ID)
	}
}
