package approval

import (
	"maps"
	"slices"
)

// Person is who a subject is, as the directory has it now. The zero Person is nobody, and counts for nothing.
type Person struct {
	ID     string   // the same for every account of one person
	Human  bool     // false: an automation, or anything else that no one person answers for by reviewing
	Groups []string // that they are in by themselves, not by anybody's leave
}

// People looks up a subject.
type People func(subject string) Person

// Roster is what a requirement is frozen against.
type Roster struct {
	People   People
	Members  func(group string) []Person
	Fallback []string // the operator's groups for stages that have too few people
}

// The ways in which somebody has a stake in a change, and so no say in it.
const (
	stakeProposer = "the proposer"
	stakeBehalf   = "it was proposed on their behalf"
	stakeOwner    = "an owner of the automation"
)

// Stake says what a person has to do with the change that keeps them from reviewing it; "": nothing. It goes by
// people, not by accounts: an owner's second account is the owner's.
func (a *Approval) Stake(subject string, people People) string {
	return a.stakes(people).of(subject, people(subject))
}

// stakes is who has a stake, by subject and by person.
type stakes map[string]string

func (a *Approval) stakes(people People) stakes {
	s := stakes{}
	add := func(subject, stake string) {
		if subject == "" {
			return
		}
		s["subject "+subject] = stake
		if id := people(subject).ID; id != "" {
			s["person "+id] = stake
		}
	}
	for _, owner := range a.Owners {
		add(owner, stakeOwner)
	}
	add(a.OnBehalfOf, stakeBehalf)
	add(a.Automation, stakeProposer)
	return s
}

func (s stakes) of(subject string, person Person) string {
	if stake := s["subject "+subject]; stake != "" {
		return stake
	}
	if person.ID == "" {
		return ""
	}
	return s["person "+person.ID]
}

// sortedSet is the texts in order, each once; nil when there are none.
func sortedSet(texts []string) []string {
	set := map[string]bool{}
	for _, text := range texts {
		set[text] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// common is what is in both.
func common(a, b []string) []string {
	return slices.DeleteFunc(sortedSet(a), func(text string) bool { return !slices.Contains(b, text) })
}

// meet reports whether anything is in both.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}
