package fact

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Known is records by what they are about, of each entity one of a name.
type Known map[Entity][]Record

// NewKnown sorts records by what they are about.
func NewKnown(records []Record) Known {
	known := make(Known)
	for _, record := range records {
		known[record.Entity] = append(known[record.Entity], record)
	}
	return known
}

// Merge is what is known of the target of a change at a time, and what is too old to count, by name. It changes nothing of what it is
// given; where connectors know nothing of the target, the facts are the change's own.
//
// Of a name, the record of the narrowest entity of [Chain] is asked, and no other. Where that one is stale the fact is unknown, though a
// wider entity's be fresh: that an account has spent little today says nothing of its one campaign, and whoever has put the narrower
// fact has said that the wider one is not the answer. What data.facts calls own is asked of the target itself only, and so is the
// current value of its field.
//
// A connector's fresh fact stands before the caller's, whatever that says. A stale one does not, so that a caller's own reading counts
// then, as the caller's; that the connector's is stale is told all the same.
//
// Names that the revision does not know are left out: no rule reads them.
func Merge(known Known, change *policy.Change, asks string, definitions map[string]policy.FactDefinition, now time.Time) (map[string]policy.Fact, []policy.StaleFact) {
	if len(known) == 0 {
		return change.Facts, nil
	}
	chain := Chain(&change.Target, asks)
	var narrowest map[string]*Record
	for i, entity := range chain {
		records := known[entity]
		for j := range records {
			own := i == len(chain)-1
			name, told := toldOf(records[j].Name, change.Kind, own)
			definition, defined := definitions[name]
			if !told || !defined || definition.Own && !own {
				continue
			}
			if narrowest == nil {
				narrowest = make(map[string]*Record, len(records)+4)
			}
			narrowest[name] = &records[j]
		}
	}
	if narrowest == nil {
		return change.Facts, nil
	}
	merged := make(map[string]policy.Fact, len(narrowest)+len(change.Facts))
	maps.Copy(merged, change.Facts)
	var stale []policy.StaleFact
	for name, record := range narrowest {
		if record.Stale(definitions, now) {
			stale = append(stale, policy.StaleFact{Name: name, Source: record.Source, ObservedAt: record.ObservedAt, MaximumAge: record.Limit(definitions)})
			continue
		}
		merged[name] = policy.Fact{Value: record.Value, ObservedAt: record.ObservedAt, Source: record.Source, CompleteThrough: record.CompleteThrough}
	}
	slices.SortFunc(stale, func(a, b policy.StaleFact) int { return strings.Compare(a.Name, b.Name) })
	return merged, stale
}

// toldOf is the name under which rules read a record, if it is one that says something of a change of a kind; own: it is the target's.
func toldOf(name string, kind policy.Kind, own bool) (string, bool) {
	if name == currentValue { // of which field nobody can say
		return "", false
	}
	if of, current := currentKind(name); current {
		return currentValue, own && of == kind
	}
	return name, true
}
