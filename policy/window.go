package policy

import (
	"slices"
	"time"
)

// Windows is what has moved lately in the scopes that a change counts in, as rules see it. Each
// scope is there once; one that the target is not in (no portfolio is named) is not there.
type Windows []ScopeWindows

// ScopeWindows is what has moved in one scope.
type ScopeWindows struct {
	Scope      string    // field, ad_group, campaign, portfolio, channel, account, run, automation or organisation
	LastChange time.Time // when the last change was placed that is posted or held; zero: there was none
	Reverses   bool      // of a field: this change would turn it around
	Sums       []WindowSums
}

// WindowSums is one rolling sum of a scope, over the changes of the kinds that add up with the change's own. Held and
// posted count alike. Amounts are exact, in the currency of the change or in parts per million. Numbers of changes may be
// rounded up where many share the scope.
type WindowSums struct {
	Window string // the revision's name for the length, such as day

	AmountsKnown               bool // false: no rate to add up the currencies with; Problem says which
	Problem                    string
	Raised, Lowered            int64
	NetRise, NetFall           int64 // rises less posted cuts, cuts less posted rises
	Count, Reversals, HeldOpen int64 // changes; those that turned their field around; those still held

	// Of the field itself. The value at the start of the window lies between StartLow and StartHigh,
	// the lowest and the highest since are Low and Peak. Where nothing has changed in the window all
	// four are the value that the change says holds now.
	ValuesKnown                    bool
	StartLow, StartHigh, Low, Peak int64
}

// Scope returns the windows of one scope.
func (w Windows) Scope(name string) (ScopeWindows, bool) {
	for i := range w {
		if w[i].Scope == name {
			return w[i], true
		}
	}
	return ScopeWindows{}, false
}

// Equal reports whether two scopes have seen the same.
func (s ScopeWindows) Equal(other ScopeWindows) bool {
	return s.Scope == other.Scope && s.LastChange.Equal(other.LastChange) && s.Reverses == other.Reverses &&
		slices.Equal(s.Sums, other.Sums)
}

// Equal reports whether all scopes have seen the same.
func (w Windows) Equal(other Windows) bool {
	return slices.EqualFunc(w, other, ScopeWindows.Equal)
}

// WindowRead is one rolling sum that rules read.
type WindowRead struct{ Scope, Window string }
