package limits

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// naive resolves by looking at every entry, in the words of the package's documentation.
func naive(definitions []Definition, entries []Entry, target Target) []Held {
	var held []Held
	for _, d := range slices.SortedFunc(slices.Values(definitions), func(a, b Definition) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		if len(d.Kinds) > 0 && !slices.Contains(d.Kinds, target.Kind) {
			continue
		}
		var best *Entry
		var value Value
		for i := range entries {
			e := &entries[i]
			candidate, ok := naiveValue(e, d, target)
			if !ok {
				continue
			}
			order := 1
			if best != nil {
				order = naiveCompare(e.Match, best.Match)
			}
			if order > 0 || order == 0 && naiveTighter(d, candidate, value) {
				best, value = e, candidate
			}
		}
		for i := range entries {
			if candidate, ok := naiveValue(&entries[i], d, target); ok && entries[i].Hard && naiveTighter(d, candidate, value) {
				best, value = &entries[i], candidate
			}
		}
		if best == nil {
			continue
		}
		held = append(held, Held{d.Name, value, Source{File: best.File, ID: best.ID}})
	}
	return held
}

func naiveValue(e *Entry, d Definition, target Target) (Value, bool) {
	m := e.Match
	for _, pair := range [][2]string{{m.Platform, target.Platform}, {m.Account, target.Account}, {m.Channel, target.Channel},
		{m.Portfolio, target.Portfolio}, {m.Campaign, target.Campaign}, {m.AdGroup, target.AdGroup},
		{m.EntityType, target.EntityType}, {m.Entity, target.Entity}, {m.Kind, target.Kind}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return Value{}, false
		}
	}
	for key, value := range m.Labels {
		if got, ok := target.Labels[key]; !ok || got != value {
			return Value{}, false
		}
	}
	for _, value := range e.Set[d.Name] {
		if d.Type != Money || target.Currency != "" && (value.Unlimited || value.Currency == target.Currency) {
			return value, true
		}
	}
	return Value{}, false
}

func naiveTighter(d Definition, a, b Value) bool {
	if a.Unlimited || b.Unlimited {
		return !a.Unlimited && b.Unlimited
	}
	if d.Tighter == Lower {
		return a.Amount < b.Amount
	}
	return a.Amount > b.Amount
}

func naiveCompare(a, b Match) int {
	for _, pair := range [][2]bool{
		{a.Entity != "", b.Entity != ""}, {a.EntityType != "", b.EntityType != ""}, {a.AdGroup != "", b.AdGroup != ""},
		{a.Campaign != "", b.Campaign != ""}, {len(a.Labels) > 0, len(b.Labels) > 0}, {a.Portfolio != "", b.Portfolio != ""},
		{a.Account != "", b.Account != ""}, {a.Channel != "", b.Channel != ""}, {a.Platform != "", b.Platform != ""},
		{a.Kind != "", b.Kind != ""},
	} {
		switch {
		case pair[0] && !pair[1]:
			return 1
		case pair[1] && !pair[0]:
			return -1
		}
	}
	return len(a.Labels) - len(b.Labels)
}

// few draws one of very few texts, so that entries and targets meet.
func few(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, label)
}

func drawMatch(t *rapid.T) Match {
	return Match{
		Platform: few(t, "platform"), Account: few(t, "account"), Channel: few(t, "channel"),
		Portfolio: few(t, "portfolio"), Campaign: few(t, "campaign"), AdGroup: few(t, "ad group"),
		EntityType: few(t, "entity type"), Entity: few(t, "entity"), Kind: few(t, "kind"),
		Labels: rapid.MapOfN(rapid.SampledFrom([]string{"k", "l", "m"}), rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "labels"),
	}
}

func drawValues(t *rapid.T, d Definition) []Value {
	if d.Type != Flag && rapid.IntRange(0, 5).Draw(t, "unlimited") == 0 {
		return []Value{{Type: d.Type, Unlimited: true}}
	}
	amount := func() int64 {
		if d.Type == Flag {
			return rapid.Int64Range(0, 1).Draw(t, "flag")
		}
		return rapid.Int64Range(0, 400).Draw(t, "amount")
	}
	if d.Type != Money {
		return []Value{{Type: d.Type, Amount: amount()}}
	}
	var values []Value
	for _, currency := range []string{"USD", "EUR"} {
		if rapid.Bool().Draw(t, currency) {
			values = append(values, Value{Type: Money, Amount: amount(), Currency: currency})
		}
	}
	return values
}

// The index answers as a scan over all entries does, with hashes as they are and with hashes that nearly all collide.
func TestResolveLikeNaive(t *testing.T) {
	definitions := []Definition{
		{Name: "money.lower", Type: Money, Tighter: Lower},
		{Name: "money.higher", Type: Money, Tighter: Higher, Kinds: []string{"a"}},
		{Name: "ratio.lower", Type: Ratio, Tighter: Lower},
		{Name: "flag.higher", Type: Flag, Tighter: Higher, Kinds: []string{"a", "b"}},
	}
	rapid.Check(t, func(t *rapid.T) {
		b := Builder{hashBits: rapid.SampledFrom([]uint64{0, 1, 3 << 62}).Draw(t, "hash bits")}
		for _, d := range definitions {
			if err := b.Define(d); err != nil {
				t.Fatal(err)
			}
		}
		var entries []Entry
		seen := map[string]bool{}
		for i := range rapid.IntRange(0, 40).Draw(t, "entries") {
			e := Entry{ID: fmt.Sprint(i), File: "data.yaml", Match: drawMatch(t), Hard: rapid.IntRange(0, 3).Draw(t, "hard") == 0,
				Set: map[string][]Value{}}
			for _, d := range definitions {
				if e.Match.Kind != "" && !d.concerns(e.Match.Kind) || !rapid.Bool().Draw(t, d.Name) {
					continue
				}
				if seen[d.Name+e.Match.String()] {
					continue // it would be a contradiction
				}
				if values := drawValues(t, d); len(values) > 0 {
					e.Set[d.Name] = values
					seen[d.Name+e.Match.String()] = true
				}
			}
			if len(e.Set) == 0 {
				continue
			}
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		set, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			m := drawMatch(t)
			target := Target{Platform: m.Platform, Account: m.Account, Channel: m.Channel, Portfolio: m.Portfolio,
				Campaign: m.Campaign, AdGroup: m.AdGroup, EntityType: m.EntityType, Entity: m.Entity, Kind: m.Kind,
				Labels: maps.Clone(m.Labels), Currency: rapid.SampledFrom([]string{"", "USD", "EUR", "JPY"}).Draw(t, "currency")}
			got, want := set.Resolve(nil, target), naive(definitions, entries, target)
			// Of two entries that are equally specific and equally tight either may be named, so sources are checked
			// by what their entries say.
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Held{}, "Source")); diff != "" {
				t.Fatalf("target %+v: -want +got:\n%s", target, diff)
			}
			for _, held := range got {
				e := entries[slices.IndexFunc(entries, func(e Entry) bool { return e.ID == held.Source.ID })]
				d := definitions[slices.IndexFunc(definitions, func(d Definition) bool { return d.Name == held.Name })]
				value, ok := naiveValue(&e, d, target)
				if !ok || value != held.Value {
					t.Errorf("target %+v: %v is said to be from entry %s, which says %v", target, held, e.ID, value)
				}
			}
		}
	})
}
