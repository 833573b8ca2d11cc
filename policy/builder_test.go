package policy

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/limits"
	"github.com/bidrail/bidrail/policy/term"
)

func panics(t *testing.T, what string, run func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	run()
}

func TestFormsAreWhatTheySay(t *testing.T) {
	f := newForm([]string{"a", "b", "c", "d"}, []string{"b"}, []string{"c", "d"})
	one, two := term.Int(1), term.Int(2)
	none := term.Value{}
	b := &builder{forms: newForms()}
	for _, test := range []struct {
		values []term.Value
		want   string
	}{
		{[]term.Value{one, none, none, none}, `{"a":1}`},
		{[]term.Value{one, two, none, none}, `{"a":1,"b":2}`},
		{[]term.Value{one, none, two, one}, `{"a":1,"c":2,"d":1}`},
		{[]term.Value{one, two, one, two}, `{"a":1,"b":2,"c":1,"d":2}`},
	} {
		got, again := b.object(f, test.values...), b.object(f, test.values...)
		if got.String() != test.want || !term.Equal(got, again) || got.Map().Keys() != again.Map().Keys() {
			t.Errorf("got %v and %v, want %s", got, again, test.want)
		}
	}
	panics(t, "a group of which only the first is there", func() { b.object(f, one, none, two, none) })
	panics(t, "a group of which only the second is there", func() { b.object(f, one, none, none, two) })
	panics(t, "a member that is never missing, missing", func() { b.object(f, none, one, none, none) })
	panics(t, "names out of order", func() { newForm([]string{"b", "a"}) })
}

// Objects with names that nobody knew before are what their members are, whatever was made before them.
func TestNamedObjectsAreTheirMembers(t *testing.T) {
	b := &builder{forms: newForms()}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringN(0, 2, -1), 0, 20).Draw(t, "names")
		if rapid.Bool().Draw(t, "in order") {
			slices.Sort(names)
		}
		want := &term.Map{}
		var members []member
		for i, name := range names {
			members = append(members, member{name, term.Int(int64(i))})
			want.Set(term.Text(name), term.Int(int64(i)))
		}
		got := b.named(members)
		if !term.Equal(got, want.Value()) || got.String() != want.Value().String() {
			t.Fatalf("got %v, want %v", got, want.Value())
		}
	})
}

func TestFormsThatTakeThePlaceOfOthersAreRight(t *testing.T) {
	b := &builder{forms: newForms()}
	for range 2 {
		for i := range 5000 {
			name := fmt.Sprint("name ", i)
			if got, want := b.named([]member{{name, term.Int(1)}}).String(), fmt.Sprintf("{%q:1}", name); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
}

// What one object is given later does not show in the one beside it.
func TestObjectsOfOneBlockAreApart(t *testing.T) {
	b := &builder{forms: newForms()}
	first := b.named([]member{{"a", term.Int(1)}})
	second := b.named([]member{{"a", term.Int(2)}})
	added := first.Map().Clone()
	added.Set(term.Text("b"), term.Int(3))
	first.Map().Set(term.Text("b"), term.Int(4))
	if second.String() != `{"a":2}` || added.Value().String() != `{"a":1,"b":3}` || first.String() != `{"a":1,"b":4}` {
		t.Errorf("got %v, %v and %v", first, second, added.Value())
	}
}

// The limits of a change are its own, whosever were made before.
func TestLimitsThatAreKeptAreThoseOfTheChange(t *testing.T) {
	engine := shippedEngine(t)
	b := &builder{forms: newForms()}
	rapid.Check(t, func(t *rapid.T) {
		change := shippedBid().Change
		change.Kind = rapid.SampledFrom(Kinds()).Draw(t, "kind")
		change.After.Currency = rapid.SampledFrom([]string{"USD", "EUR", "JPY", "SEK", ""}).Draw(t, "currency")
		change.Before.Currency = rapid.SampledFrom([]string{"USD", ""}).Draw(t, "currency before")
		change.Target.EntityType = rapid.SampledFrom([]string{"keyword", "campaign", "x"}).Draw(t, "type")
		currency := change.After.Currency
		if currency == "" {
			currency = change.Before.Currency
		}
		want := b.limits(engine.limitsHeld(nil, change.Target, change.Kind, currency))
		for range 2 {
			if got := engine.limitsOf(change); !term.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

func TestLimitsOfEveryTypeAreWritten(t *testing.T) {
	b := &builder{forms: newForms()}
	source := limits.Source{File: "f", ID: "x"}
	got := b.limits([]limits.Held{
		{Name: "a.count", Value: limits.Value{Type: limits.Count, Amount: 5}, Source: source},
		{Name: "a.duration", Value: limits.Value{Type: limits.Duration, Amount: 60}, Source: source},
		{Name: "a.flag", Value: limits.Value{Type: limits.Flag, Amount: 1}, Source: source},
		{Name: "a.money", Value: limits.Value{Type: limits.Money, Amount: 5, Currency: "EUR"}, Source: source},
		{Name: "b.none", Value: limits.Value{Type: limits.Money, Unlimited: true}, Source: limits.Source{File: "g", Line: 7}},
		{Name: "b.ratio", Value: limits.Value{Type: limits.Ratio, Amount: 7}, Source: source},
	}).String()
	const want = `{"a":{"count":{"count":5,"source":"f#x"},"duration":{"seconds":60,"source":"f#x"},"flag":{"flag":true,"source":"f#x"},` +
		`"money":{"currency":"EUR","micros":5,"source":"f#x"}},"b":{"none":{"source":"g:7","unlimited":true},"ratio":{"ppm":7,"source":"f#x"}}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := b.limits(nil).String(); got != "{}" {
		t.Errorf("no limits are %s", got)
	}
}

// Windows that have seen the same are one value, and those that have not are not.
func TestWindowsAreWhatTheyHaveSeen(t *testing.T) {
	b := func() *builder { return &builder{forms: newForms()} }
	rapid.Check(t, func(t *rapid.T) {
		windows := windowsOf("hour", "day", "week").Draw(t, "windows")
		together := b().windows(windows, noon)
		for _, scope := range windows {
			for _, sums := range scope.Sums {
				want := b().newWindow(&sums, scope.Scope == "field")
				if got := under(together, []string{scope.Scope, sums.Window}); !term.Equal(got, want) {
					t.Fatalf("%s.%s is %v, want %v", scope.Scope, sums.Window, got, want)
				}
			}
		}
	})
}

// Values are the field's alone, also where another scope has seen the same.
func TestOnlyWindowsOfTheFieldHaveValues(t *testing.T) {
	sums := []WindowSums{{Window: "day", ValuesKnown: true}}
	for _, scopes := range [][]string{{"account", "field"}, {"field", "run"}} {
		windows := (&builder{forms: newForms()}).windows(Windows{{Scope: scopes[0], Sums: sums}, {Scope: scopes[1], Sums: sums}}, noon)
		for _, scope := range scopes {
			if got := under(windows, []string{scope, "day", "peak"}).Defined(); got != (scope == "field") {
				t.Errorf("%v: %s has a peak: %v", scopes, scope, got)
			}
		}
	}
}

// Amounts of scopes that come twice, or out of order, are those that come last; the engine never made such windows.
func TestWindowsOutOfOrderAreTakenAllTheSame(t *testing.T) {
	windows := Windows{
		{Scope: "run"}, {Scope: "account", Reverses: true},
		{Scope: "account", LastChange: noon, Sums: []WindowSums{{Window: "week", Count: 1}, {Window: "day", Count: 2}, {Window: "week", Count: 3}}},
	}
	got := (&builder{forms: newForms()}).windows(windows, noon).String()
	const want = `{"account":{"day":{"count":2,"open":0,"reversals":0},"last_change_age_s":0,"reverses":false,"week":{"count":3,"open":0,"reversals":0}},"run":{"reverses":false}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
