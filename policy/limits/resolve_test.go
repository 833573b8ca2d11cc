package limits

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func usd(amount int64) Value { return Value{Type: Money, Amount: amount * 1_000_000, Currency: "USD"} }
func eur(amount int64) Value { return Value{Type: Money, Amount: amount * 1_000_000, Currency: "EUR"} }

var unlimitedMoney = Value{Type: Money, Unlimited: true}

func percent(amount int64) Value { return Value{Type: Ratio, Amount: amount * 10_000} }

var testDefinitions = []Definition{
	{Name: "bid.ceiling", Type: Money, Tighter: Lower, Kinds: []string{"bid", "default_bid"}},
	{Name: "bid.floor", Type: Money, Tighter: Higher, Kinds: []string{"bid"}},
	{Name: "bid.step", Type: Ratio, Tighter: Lower},
	{Name: "integrity.batch_repeats", Type: Count},
	{Name: "state.protected", Type: Flag, Tighter: Higher},
}

func ceiling(id string, match Match, values ...Value) Entry {
	return Entry{ID: id, File: "data.yaml", Match: match, Set: map[string][]Value{"bid.ceiling": values}}
}

func hard(e Entry) Entry {
	e.Hard = true
	return e
}

var testTarget = Target{
	Platform: "google_ads", Account: "a1", Channel: "search", Portfolio: "p1", Campaign: "c1", AdGroup: "g1",
	EntityType: "keyword", Entity: "k1", Kind: "bid", Currency: "USD",
	Labels: map[string]string{"brand": "yes", "tier": "gold", "empty": ""},
}

func TestResolve(t *testing.T) {
	everything := Match{}
	tests := []struct {
		name    string
		entries []Entry
		target  func(*Target)
		want    string // value and entry of bid.ceiling, empty when it is not in the result
	}{
		{"nobody sets it", nil, nil, ""},
		{"the default", []Entry{ceiling("all", everything, usd(50))}, nil, "50.00 USD data.yaml#all"},
		{"zero is a value", []Entry{ceiling("all", everything, usd(0))}, nil, "0.00 USD data.yaml#all"},
		{"another target", []Entry{ceiling("other", Match{Campaign: "c2"}, usd(50))}, nil, ""},
		{"a field the target lacks", []Entry{ceiling("campaign", Match{Campaign: "c1"}, usd(50))},
			func(t *Target) { t.Campaign = "" }, ""},
		{"a label the target lacks", []Entry{ceiling("label", Match{Labels: map[string]string{"brand": "yes"}}, usd(50))},
			func(t *Target) { t.Labels = nil }, ""},
		{"a kind the limit is not for", []Entry{ceiling("all", everything, usd(50))},
			func(t *Target) { t.Kind = "status" }, ""},

		{"specific beats tight", []Entry{ceiling("all", everything, usd(50)), ceiling("keyword", Match{Entity: "k1"}, usd(90))},
			nil, "90.00 USD data.yaml#keyword"},
		{"one field above many", []Entry{
			ceiling("many", Match{Platform: "google_ads", Account: "a1", Channel: "search", Portfolio: "p1", Campaign: "c1"}, usd(1)),
			ceiling("one", Match{AdGroup: "g1"}, usd(2))}, nil, "2.00 USD data.yaml#one"},
		{"more fields below the same one", []Entry{
			ceiling("one", Match{Entity: "k1"}, usd(1)),
			ceiling("two", Match{Entity: "k1", Platform: "google_ads"}, usd(2))}, nil, "2.00 USD data.yaml#two"},
		{"unlimited where it is specific", []Entry{ceiling("all", everything, usd(50)),
			ceiling("campaign", Match{Campaign: "c1"}, unlimitedMoney)}, nil, "unlimited data.yaml#campaign"},

		{"currencies by themselves", []Entry{ceiling("all", everything, usd(50), eur(45)),
			ceiling("campaign", Match{Campaign: "c1"}, eur(10))}, nil, "50.00 USD data.yaml#all"},
		{"the change's currency", []Entry{ceiling("all", everything, usd(50), eur(45))},
			func(t *Target) { t.Currency = "EUR" }, "45.00 EUR data.yaml#all"},
		{"a currency nobody mentions", []Entry{ceiling("all", everything, usd(50))},
			func(t *Target) { t.Currency = "JPY" }, ""},
		{"unlimited in a currency nobody mentions", []Entry{ceiling("all", everything, unlimitedMoney)},
			func(t *Target) { t.Currency = "JPY" }, "unlimited data.yaml#all"},
		{"no currency", []Entry{ceiling("all", everything, unlimitedMoney)},
			func(t *Target) { t.Currency = "" }, ""},

		{"different labels, the tighter one", []Entry{
			ceiling("brand", Match{Labels: map[string]string{"brand": "yes"}}, usd(20)),
			ceiling("tier", Match{Labels: map[string]string{"tier": "gold"}}, usd(10))}, nil, "10.00 USD data.yaml#tier"},
		{"different labels, unlimited is loosest", []Entry{
			ceiling("brand", Match{Labels: map[string]string{"brand": "yes"}}, unlimitedMoney),
			ceiling("tier", Match{Labels: map[string]string{"tier": "gold"}}, usd(10))}, nil, "10.00 USD data.yaml#tier"},
		{"more labels are more specific", []Entry{
			ceiling("brand", Match{Labels: map[string]string{"brand": "yes"}}, usd(10)),
			ceiling("both", Match{Labels: map[string]string{"brand": "yes", "tier": "gold"}}, usd(20))},
			nil, "20.00 USD data.yaml#both"},
		{"another value of the label", []Entry{
			ceiling("brand", Match{Labels: map[string]string{"brand": "no"}}, usd(10))}, nil, ""},

		{"hard stops a looser one", []Entry{hard(ceiling("all", everything, usd(50))),
			ceiling("keyword", Match{Entity: "k1"}, usd(90))}, nil, "50.00 USD data.yaml#all"},
		{"hard stops unlimited", []Entry{hard(ceiling("all", everything, usd(50))),
			ceiling("keyword", Match{Entity: "k1"}, unlimitedMoney)}, nil, "50.00 USD data.yaml#all"},
		{"hard lets a tighter one pass", []Entry{hard(ceiling("all", everything, usd(50))),
			ceiling("keyword", Match{Entity: "k1"}, usd(10))}, nil, "10.00 USD data.yaml#keyword"},
		{"the tightest of two hard ones", []Entry{hard(ceiling("all", everything, usd(30))),
			hard(ceiling("account", Match{Account: "a1"}, usd(40))),
			ceiling("keyword", Match{Entity: "k1"}, usd(90))}, nil, "30.00 USD data.yaml#all"},
		{"hard and specific", []Entry{ceiling("all", everything, usd(30)),
			hard(ceiling("keyword", Match{Entity: "k1"}, usd(90)))}, nil, "90.00 USD data.yaml#keyword"},
		{"hard opens no door to what is beside it", []Entry{
			hard(ceiling("brand", Match{Labels: map[string]string{"brand": "yes"}}, usd(50))),
			ceiling("tier", Match{Labels: map[string]string{"tier": "gold"}}, usd(40)),
			ceiling("keyword", Match{Entity: "k1"}, usd(60))}, nil, "50.00 USD data.yaml#brand"},
		{"hard for others", []Entry{hard(ceiling("other", Match{Campaign: "c2"}, usd(1))),
			ceiling("keyword", Match{Entity: "k1"}, usd(90))}, nil, "90.00 USD data.yaml#keyword"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set, err := New(testDefinitions, test.entries...)
			if err != nil {
				t.Fatal(err)
			}
			target := testTarget
			if test.target != nil {
				test.target(&target)
			}
			got := ""
			for _, held := range set.Resolve(nil, target) {
				got += held.Value.String() + " " + held.Source.String()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Each field beats all fields below it together.
func TestPrecedence(t *testing.T) {
	fields := []struct {
		name string
		set  func(*Match)
	}{
		{"kind", func(m *Match) { m.Kind = "bid" }},
		{"platform", func(m *Match) { m.Platform = "google_ads" }},
		{"channel", func(m *Match) { m.Channel = "search" }},
		{"account", func(m *Match) { m.Account = "a1" }},
		{"portfolio", func(m *Match) { m.Portfolio = "p1" }},
		{"labels", func(m *Match) { m.Labels = map[string]string{"brand": "yes"} }},
		{"campaign", func(m *Match) { m.Campaign = "c1" }},
		{"ad_group", func(m *Match) { m.AdGroup = "g1" }},
		{"entity_type", func(m *Match) { m.EntityType = "keyword" }},
		{"entity", func(m *Match) { m.Entity = "k1" }},
	}
	below := Match{}
	for _, field := range fields {
		alone := Match{}
		field.set(&alone)
		set, err := New(testDefinitions, ceiling("below", below, usd(1)), ceiling(field.name, alone, usd(2)))
		if err != nil {
			t.Fatal(err)
		}
		got := set.Resolve(nil, testTarget)
		if len(got) != 1 || got[0].Source.ID != field.name {
			t.Errorf("got %v, want %s to beat %v", got, field.name, below)
		}
		field.set(&below)
	}
}

func TestCurrencies(t *testing.T) {
	set, err := New([]Definition{{Name: "bid.ceiling", Type: Money, Tighter: Lower}},
		ceiling("all", Match{}, usd(5), eur(4)), ceiling("one", Match{Platform: "meta"}, usd(3)))
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Currencies(); !slices.Equal(got, []string{"EUR", "USD"}) {
		t.Errorf("got %v", got)
	}
}

func TestResolveAppendsInOrder(t *testing.T) {
	set, err := New(testDefinitions,
		Entry{ID: "all", File: "data.yaml", Set: map[string][]Value{
			"state.protected": {{Type: Flag, Amount: 1}}, "bid.step": {percent(30)}, "bid.ceiling": {usd(50), eur(45)}}},
		Entry{ID: "floor", Match: Match{Kind: "bid"}, Set: map[string][]Value{"bid.floor": {usd(1)}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	before := Held{Name: "already there"}
	want := []Held{
		before,
		{"bid.ceiling", usd(50), Source{File: "data.yaml", ID: "all"}},
		{"bid.floor", usd(1), Source{ID: "floor"}},
		{"bid.step", percent(30), Source{File: "data.yaml", ID: "all"}},
		{"state.protected", Value{Type: Flag, Amount: 1}, Source{File: "data.yaml", ID: "all"}},
	}
	if diff := cmp.Diff(want, set.Resolve([]Held{before}, testTarget)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := set.Len(); got != 2 {
		t.Errorf("got %d entries, want 2", got)
	}
	var names []string
	for _, d := range set.Definitions() {
		names = append(names, d.Name)
	}
	if got, want := strings.Join(names, " "), "bid.ceiling bid.floor bid.step integrity.batch_repeats state.protected"; got != want {
		t.Errorf("got definitions %q, want %q", got, want)
	}
	set.Definitions()[0].Kinds[0] = "status"
	if got := set.Definitions()[0].Kinds[0]; got != "bid" {
		t.Errorf("a caller changed the set's definitions: got kind %q, want bid", got)
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	set := benchmarkSet(t, 100)
	target := testTarget
	target.Account, target.Campaign, target.EntityType, target.Entity = account(7), campaign(7), "keyword", entity(7)
	held := set.Resolve(nil, target)
	if got := testing.AllocsPerRun(100, func() { held = set.Resolve(held[:0], target) }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func TestResolveConcurrently(t *testing.T) {
	set := benchmarkSet(t, 100)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			var held []Held
			for row := range 100 {
				held = set.Resolve(held[:0], Target{
					Platform: "google_ads", Account: account(row), Campaign: campaign(row),
					EntityType: "keyword", Entity: entity(row), Kind: "bid", Currency: "USD",
				})
				if got, want := held[1].Source.String(), (Source{File: "limits/keywords.csv", Line: row + 2}).String(); got != want {
					t.Errorf("worker %d got %s, want %s", worker, got, want)
				}
			}
		})
	}
	group.Wait()
}

// More definitions than fit on the stack.
func TestResolveManyDefinitions(t *testing.T) {
	var definitions []Definition
	values := map[string][]Value{}
	for i := range 200 {
		name := "many.n" + strings.Repeat("x", i)
		definitions = append(definitions, Definition{Name: name, Type: Count})
		values[name] = []Value{{Type: Count, Amount: int64(i)}}
	}
	set, err := New(definitions, Entry{ID: "all", Set: values})
	if err != nil {
		t.Fatal(err)
	}
	held := set.Resolve(nil, Target{})
	if len(held) != 200 {
		t.Fatalf("got %d limits, want 200", len(held))
	}
	for i, h := range held {
		if h.Value.Amount != int64(i) {
			t.Errorf("got %v for %s, want %d", h.Value, h.Name, i)
		}
	}
}
