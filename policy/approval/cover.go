package approval

import (
	"cmp"
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

// Item is a finding as reviewers are shown it: what they agree to when they approve.
type Item struct {
	Rule      string       `json:"rule"`
	Field     ledger.Scope `json:"field"`              // the field that would be edited
	Severity  string       `json:"severity,omitempty"` // the rule's own word for how bad it is
	Magnitude policy.Value `json:"magnitude,omitzero"` // how far it goes; Missing: the finding is yes or no
	Message   string       `json:"message,omitempty"`  // for people
	ChangeID  string       `json:"change_id,omitempty"`
}

func (i *Item) sameAs(other *Item) bool {
	return i.Rule == other.Rule && i.Field == other.Field && i.Severity == other.Severity
}

// Covers reports whether whoever agreed to i has agreed to other: the same rule, field and severity, and no more of it.
// Magnitudes that do not compare are more.
func (i *Item) Covers(other *Item) bool {
	if !i.sameAs(other) {
		return false
	}
	return atMost(other.Magnitude, i.Magnitude)
}

// atMost reports whether a is no more than b, and not merely something else.
func atMost(a, b policy.Value) bool {
	switch {
	case a == b:
		return true
	case b.Form == policy.Unlimited:
		return a.Form == policy.Money || a.Form == policy.Ratio
	case a.Form == policy.Money || a.Form == policy.Ratio:
		return a.Form == b.Form && a.Currency == b.Currency && a.Amount <= b.Amount
	}
	return false
}

// Asked is a finding that wants people, with whom its rule and the routes ask for it.
type Asked struct {
	Item
	Requirement Requirement // empty: whoever is asked already
}

// Outcome is what rules say when they are asked again. The zero Outcome says that nobody asked them.
type Outcome struct {
	Verdict policy.Verdict
	Reason  string  // of BLOCK
	Asked   []Asked // of REQUIRE_APPROVAL: all that want people now
}

// Uncovered is what of it the approval's reviewers have not seen.
func (a *Approval) Uncovered(asked []Asked) []Asked {
	return slices.DeleteFunc(slices.Clone(asked), func(each Asked) bool {
		return slices.ContainsFunc(a.Items, func(item Item) bool { return item.Covers(&each.Item) })
	})
}

// mergeItems is what reviewers see from now on: what they were shown, and more of it or more besides. It is in the
// order of rules and fields.
func mergeItems(shown []Item, more []Item) []Item {
	var merged []Item
	for _, item := range slices.Concat(shown, more) {
		if slices.ContainsFunc(merged, func(other Item) bool { return other.Covers(&item) }) {
			continue
		}
		merged = slices.DeleteFunc(merged, func(other Item) bool { return item.Covers(&other) })
		merged = append(merged, item)
	}
	slices.SortStableFunc(merged, func(x, y Item) int {
		return cmp.Or(cmp.Compare(x.Rule, y.Rule), x.Field.Compare(y.Field), cmp.Compare(x.Severity, y.Severity))
	})
	return merged
}
