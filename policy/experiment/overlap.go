package experiment

import (
	"fmt"
	"maps"
	"slices"
)

// Overlap says which of the tests holds something still that e would hold still at the same time, as a policy.ErrPrecondition: what is in
// two tests at once measures neither. Drafts and tests that people have ended hold nothing.
func (e *Experiment) Overlap(others []Experiment) error {
	if e.State != "" {
		return nil
	}
	from, until := e.period()
	for i := range others {
		other := &others[i]
		otherFrom, otherUntil := other.period()
		if other.ID == e.ID || other.State != "" || !from.Before(otherUntil) || !otherFrom.Before(until) || !e.meets(other) {
			continue
		}
		if what := e.shared(other); what != "" {
			return refuse(e, "%s is in the experiment %s of %s too, from %s to %s; what is in two tests at once measures neither",
				what, other.ID, other.Owner, dateText(otherFrom), dateText(otherUntil))
		}
	}
	return nil
}

// meets reports whether a target can be in the account of both.
func (e *Experiment) meets(other *Experiment) bool {
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return same(e.Platform, other.Platform) && same(e.Account, other.Account)
}

// shared names something that is in both; "": nothing is.
func (e *Experiment) shared(other *Experiment) string {
	for _, what := range []string{"campaign", "ad group", "geo", "audience"} {
		taken := map[string]bool{}
		for i := range other.Arms {
			for _, id := range other.Arms[i].units()[what] {
				taken[id] = true
			}
		}
		for i := range e.Arms {
			for _, id := range e.Arms[i].units()[what] {
				if taken[id] {
					return fmt.Sprintf("%s %s", what, id)
				}
			}
		}
	}
	for i := range e.Arms {
		for j := range other.Arms {
			if own, theirs := e.Arms[i].Labels, other.Arms[j].Labels; includes(own, theirs) || includes(theirs, own) {
				return fmt.Sprintf("what is labelled %v", slices.Sorted(maps.Keys(own)))
			}
		}
	}
	return ""
}

// includes reports whether whatever has all labels of the first has those of the second.
func includes(first, second map[string]string) bool {
	for key, label := range second {
		if first[key] != label {
			return false
		}
	}
	return len(second) > 0
}
