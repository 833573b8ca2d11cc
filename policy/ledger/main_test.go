package ledger

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// TestMain asks for 2,000 checks of 60 steps, unless somebody asks for another number.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": "200", "rapid.steps": "40"} {
		variable := map[string]string{"rapid.checks": "RAPID_CHECKS", "rapid.steps": "RAPID_STEPS"}[name]
		if _, set := os.LookupEnv(variable); set || given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func usd(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }

func keyword() policy.Target {
	return policy.Target{Platform: "google_ads", Account: "100", Channel: "search", Portfolio: "autumn", Campaign: "200",
		AdGroup: "300", EntityType: "keyword", EntityID: "400"}
}

func campaign(id string) policy.Target {
	return policy.Target{Platform: "google_ads", Account: "100", Channel: "search", Campaign: id, EntityType: "campaign", EntityID: id}
}

func change(kind policy.Kind, target policy.Target, before, after policy.Value) *policy.Change {
	return &policy.Change{ID: "c", Kind: kind, Target: target, Before: before, After: after}
}

// book is a state with what has to be remembered to use it: it plays the store.
type book struct {
	t     testing.TB
	state State
	rates Rates
	now   time.Time
	next  int
}

func newBook(t testing.TB) *book { return &book{t: t, state: State{}, now: noon} }

func (b *book) keep(changed State) {
	for scope, sheet := range changed {
		b.state[scope] = sheet
	}
}

func (b *book) place(change *policy.Change, caps ...Cap) (Hold, error) {
	b.next++
	hold := NewHold(string(rune('a'+b.next%26)), change, "bidder")
	for _, scope := range hold.Scopes() {
		if _, read := b.state[scope]; !read {
			b.state[scope] = nil
		}
	}
	changed, hold, err := Place(b.state, hold, caps, b.rates, b.now)
	b.keep(changed)
	return hold, err
}

func (b *book) mustPlace(change *policy.Change, caps ...Cap) Hold {
	b.t.Helper()
	hold, err := b.place(change, caps...)
	if err != nil {
		b.t.Fatal(err)
	}
	return hold
}

func (b *book) post(hold Hold, applied policy.Value) Hold {
	b.t.Helper()
	changed, hold, err := Post(b.state, hold, applied, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	b.keep(changed)
	return hold
}

func (b *book) void(hold Hold) Hold {
	b.t.Helper()
	changed, hold, err := Void(b.state, hold, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	b.keep(changed)
	return hold
}

// apply places a change and posts all of it.
func (b *book) apply(change *policy.Change) Hold {
	b.t.Helper()
	return b.post(b.mustPlace(change), change.After)
}

func (b *book) window(scope Scope, length Length) Window {
	b.t.Helper()
	sheet := b.state[scope]
	if len(sheet) != 1 {
		b.t.Fatalf("%s has %d tallies, want 1", scope, len(sheet))
	}
	window, err := sheet[0].Window(length, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return window
}

var (
	hour = Length(time.Hour)
	day  = Length(24 * time.Hour)
	week = Length(7 * 24 * time.Hour)
)

func account() Scope { return AccountScope("google_ads", "100") }
