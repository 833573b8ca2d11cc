package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/limits"
	"github.com/bidrail/bidrail/server/config"
)

// capsOf reads the operator's caps. It reports everything that is wrong with them at once.
func capsOf(settings []config.Cap) ([]ledger.Cap, error) {
	var caps []ledger.Cap
	var problems []error
	for i, setting := range settings {
		read := capReader{at: fmt.Sprintf("caps[%d]", i)}
		caps = append(caps, read.cap(setting))
		problems = append(problems, read.problems...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return caps, nil
}

// capReader reads one cap and collects what is wrong with it.
type capReader struct {
	at       string
	problems []error
}

// wrong notes a problem. Errors of package policy say that they are invalid, which is plain here.
func (r *capReader) wrong(field, format string, arguments ...any) {
	text := strings.TrimPrefix(fmt.Sprintf(format, arguments...), policy.ErrInvalid.Error()+": ")
	r.problems = append(r.problems, fmt.Errorf("%s.%s: %s", r.at, field, text))
}

func (r *capReader) cap(setting config.Cap) ledger.Cap {
	made := ledger.Cap{Name: setting.Name}
	if made.Name == "" {
		r.wrong("name", "give it a name: findings and the ledger call it by that")
	}
	kinds := scopeKinds()
	if made.Scope.Kind = ledger.ScopeKind(slices.Index(kinds, setting.Scope) + 1); made.Scope.Kind == 0 {
		r.wrong("scope", "no kind of scope is called %q; write one of %s", setting.Scope, strings.Join(kinds, ", "))
	}
	var err error
	if made.Length, err = ledger.ParseLength(setting.Window); err != nil {
		r.wrong("window", "%v", err)
	}
	for _, name := range setting.Kinds {
		kind, err := policy.ParseKind(name)
		if err != nil {
			r.wrong("kinds", "%v", err)
			continue
		}
		if slices.Contains(made.Kinds, kind) {
			r.wrong("kinds", "%s is there twice", name)
		}
		made.Kinds = append(made.Kinds, kind)
	}
	if made.Measure, err = ledger.ParseMeasure(setting.Measure); err != nil {
		r.wrong("measure", "%v; write one of %s", err, strings.Join(measureNames(), ", "))
		return made // nobody knows what the limit would be in
	}
	counts := made.Measure == ledger.Count || made.Measure == ledger.Reversals
	if !counts && len(setting.Kinds) == 0 {
		r.wrong("kinds", "name the kinds whose amounts add up, such as [daily_budget, shared_budget]")
	}
	form := limits.Money
	switch {
	case counts:
		form = limits.Count
	case strings.HasSuffix(setting.Limit, "%"):
		form = limits.Ratio
	}
	limit, err := limits.ParseValue(form, setting.Limit)
	switch {
	case err != nil:
		r.wrong("limit", "%v", err)
	case limit.Unlimited:
		r.wrong("limit", "a cap that is unlimited caps nothing; leave it out")
	}
	made.Limit, made.Currency = limit.Amount, limit.Currency
	return made
}

// scopeKinds are all kinds of scope, in the order in which they are numbered, from 1 on.
func scopeKinds() []string {
	var names []string
	for kind := ledger.Field; kind <= ledger.Organisation; kind++ {
		names = append(names, kind.String())
	}
	return names
}

// measureNames are all measures, in the order in which they are numbered.
func measureNames() []string {
	var names []string
	for measure := ledger.Raised; ; measure++ {
		if _, err := ledger.ParseMeasure(measure.String()); err != nil {
			return names
		}
		names = append(names, measure.String())
	}
}
