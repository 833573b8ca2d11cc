package policy

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy/term"
)

// scopeNames are the scopes that windows are summed up for, each with what it is.
var scopeNames = map[string]string{
	"field":        "the changed field itself",
	"ad_group":     "the target's ad group",
	"campaign":     "the target's campaign",
	"portfolio":    "the target's portfolio",
	"channel":      "the target's channel within its account",
	"account":      "the target's account",
	"run":          "the run of the automation that proposes",
	"automation":   "the automation that proposes",
	"organisation": "everything",
}

// What a scope has besides its windows. No window can be called so.
const (
	scopeAge      = "last_change_age_s"
	scopeReverses = "reverses"
)

// The members of a window that grow with what is used up: amounts, which may be missing, and counts, which are
// always there.
var (
	windowAmounts = []string{"raised", "lowered", "moved", "net_rise", "net_fall"}
	windowCounts  = []string{"count", "reversals", "open"}
)

var windowName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// windowNames are the names of the revision's windows, sorted. What lengths they stand for is the ledger's to read.
func (r *Revision) windowNames() ([]string, error) {
	declared, ok := r.data["windows"]
	if !ok {
		return nil, nil
	}
	object, ok := declared.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: data.windows must be an object of name and length, such as day: 24h", ErrRevision)
	}
	names := slices.Sorted(maps.Keys(object))
	for _, name := range names {
		if !windowName.MatchString(name) || name == scopeAge || name == scopeReverses {
			return nil, fmt.Errorf("%w: data.windows names a window %q; a name is a word in small letters such as day, and neither %s nor %s",
				ErrRevision, name, scopeAge, scopeReverses)
		}
		if _, ok := object[name].(string); !ok {
			return nil, fmt.Errorf("%w: data.windows.%s must be a length such as 24h", ErrRevision, name)
		}
	}
	return names, nil
}

// windowsShape has the scopes, each with the revision's windows. What is not there was not asked for, or the target is
// in no such scope.
func windowsShape(names []string) *shape {
	scopes := map[string]*shape{}
	for scope, about := range scopeNames {
		properties := map[string]*shape{
			scopeAge:      integer("seconds since the last change; missing: there was none"),
			scopeReverses: boolean("this change would turn the field around; true of a field only"),
		}
		for _, name := range names {
			properties[name] = windowShape(scope == "field")
		}
		scopes[scope] = object(about, properties, append(slices.Clone(names), scopeAge)...)
	}
	return object("what has moved lately, posted and held alike, in the scopes that the target is in",
		scopes, slices.Collect(maps.Keys(scopes))...)
}

func windowShape(ofField bool) *shape {
	name, about := "window", "what has moved in a window of a scope"
	properties := map[string]*shape{
		"raised":    integer("sum of all rises, in the unit of the change"),
		"lowered":   integer("sum of all cuts, in the unit of the change"),
		"moved":     integer("raised and lowered together"),
		"net_rise":  integer("rises less the cuts that were posted"),
		"net_fall":  integer("cuts less the rises that were posted"),
		"count":     integer("changes of the kinds that add up with the change's own; above 64, of other scopes than the field, rounded up by at most a 32nd"),
		"reversals": integer("changes that turned their field around"),
		"open":      integer("changes that are held and not yet reported"),
		"problem":   text("why the amounts are missing"),
	}
	optional := append(slices.Clone(windowAmounts), "problem")
	if ofField {
		name, about = "field_window", "what has moved in a window of the field, and between which values"
		properties["start_low"] = integer("the lowest that the value at the start of the window can have been")
		properties["start_high"] = integer("the highest that the value at the start of the window can have been")
		properties["low"] = integer("the lowest value in the window")
		properties["peak"] = integer("the highest value in the window")
		optional = append(optional, "start_low", "start_high", "low", "peak")
	}
	window := object(about, properties, optional...)
	window.shared = name
	return window
}

func (b *builder) windows(windows Windows, now time.Time) term.Value {
	var space [16]member
	scopes := space[:0]
	for i := range windows {
		scopes = append(scopes, member{windows[i].Scope, b.scope(&windows[i], now)})
	}
	return b.named(scopes)
}

func (b *builder) scope(scope *ScopeWindows, now time.Time) term.Value {
	var space [16]member
	members := space[:0]
	for i := range scope.Sums {
		members = append(members, member{scope.Sums[i].Window, b.window(&scope.Sums[i], scope.Scope == "field")})
	}
	if !scope.LastChange.IsZero() {
		members = insert(members, member{scopeAge, term.Int(ageSeconds(now, scope.LastChange))})
	}
	return b.named(insert(members, member{scopeReverses, term.Bool(scope.Reverses)}))
}

var windowForm = newForm([]string{"count", "low", "lowered", "moved", "net_fall", "net_rise", "open", "peak", "problem", "raised", "reversals",
	"start_high", "start_low"},
	windowAmounts, []string{"low", "peak", "start_high", "start_low"}, []string{"problem"})

// madeWindow is a window that a document has already. Many windows of a document have seen the same, most often nothing.
type madeWindow struct {
	sums    WindowSums // without its name
	ofField bool
	value   term.Value
}

// window is one window, the same value as another that has seen the same.
func (b *builder) window(sums *WindowSums, ofField bool) term.Value {
	unnamed := *sums
	unnamed.Window = ""
	for i := range b.windowsMade {
		made := &b.windowsMade[i]
		if !made.value.Defined() {
			*made = madeWindow{unnamed, ofField, b.newWindow(sums, ofField)}
		} else if made.ofField != ofField || made.sums != unnamed {
			continue
		}
		return made.value
	}
	return b.newWindow(sums, ofField)
}

func (b *builder) newWindow(sums *WindowSums, ofField bool) term.Value {
	var raised, lowered, moved, netRise, netFall, startLow, startHigh, low, peak, problem term.Value
	if sums.AmountsKnown {
		raised, lowered, moved = term.Int(sums.Raised), term.Int(sums.Lowered), term.Int(sums.moved())
		netRise, netFall = term.Int(sums.NetRise), term.Int(sums.NetFall)
	}
	if sums.ValuesKnown && ofField {
		startLow, startHigh, low, peak = term.Int(sums.StartLow), term.Int(sums.StartHigh), term.Int(sums.Low), term.Int(sums.Peak)
	}
	if sums.Problem != "" {
		problem = term.Text(sums.Problem)
	}
	return b.object(windowForm, term.Int(sums.Count), low, lowered, moved, netFall, netRise, term.Int(sums.HeldOpen), peak, problem, raised,
		term.Int(sums.Reversals), startHigh, startLow)
}

// moved is what was raised and lowered together. A sum that does not fit is the largest there is, above every limit.
func (s *WindowSums) moved() int64 {
	if s.Raised > 0 && s.Lowered > math.MaxInt64-s.Raised {
		return math.MaxInt64
	}
	return s.Raised + s.Lowered
}
