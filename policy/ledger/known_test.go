package ledger

import (
	"maps"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// A claimed cut is held against what the ledger has seen.
func TestKnown(t *testing.T) {
	field := FieldScope(keyword().Key(), policy.KindBid)
	roas := func(before, after int64) *policy.Change {
		return change(policy.KindTargetROAS, keyword(), policy.RatioValue(before), policy.RatioValue(after))
	}
	for name, tt := range map[string]struct {
		seen         func(*book)
		change       *policy.Change
		contradicted bool
		amount       int64
	}{
		"nothing seen":                    {func(*book) {}, change(policy.KindBid, keyword(), usd(9), usd(5)), false, 4_000_000},
		"a true cut":                      {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(5), usd(9))) }, change(policy.KindBid, keyword(), usd(9), usd(5)), false, 4_000_000},
		"a cut from somewhere else":       {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(5), usd(9))) }, change(policy.KindBid, keyword(), usd(20), usd(9)), false, 11_000_000},
		"a rise that claims to be a cut":  {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(9), usd(5))) }, change(policy.KindBid, keyword(), usd(26), usd(15)), true, 11_000_000},
		"a rise that claims to be longer": {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(9), usd(5))) }, change(policy.KindBid, keyword(), usd(90), usd(89)), true, 84_000_000},
		"a rise that claims to be none":   {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(9), usd(5))) }, change(policy.KindBid, keyword(), usd(15), usd(15)), true, 10_000_000},
		"from what is only held":          {func(b *book) { b.mustPlace(change(policy.KindBid, keyword(), usd(9), usd(5))) }, change(policy.KindBid, keyword(), usd(9), usd(8)), true, 3_000_000},
		"from what was voided":            {func(b *book) { b.void(b.mustPlace(change(policy.KindBid, keyword(), usd(9), usd(5)))) }, change(policy.KindBid, keyword(), usd(9), usd(8)), false, 1_000_000},
		"seen too long ago": {func(b *book) {
			b.apply(change(policy.KindBid, keyword(), usd(9), usd(5)))
			b.now = b.now.Add(time.Duration(Horizon) + time.Hour)
		}, change(policy.KindBid, keyword(), usd(26), usd(15)), false, 11_000_000},
		"a part was posted": {func(b *book) { b.post(b.mustPlace(change(policy.KindBid, keyword(), usd(9), usd(5))), usd(7)) },
			change(policy.KindBid, keyword(), usd(9), usd(8)), true, 1_000_000},
		"a rise is a rise anyway":    {func(b *book) { b.apply(change(policy.KindBid, keyword(), usd(9), usd(5))) }, change(policy.KindBid, keyword(), usd(5), usd(6)), false, 1_000_000},
		"a lower return is the rise": {func(b *book) { b.apply(roas(3_000_000, 4_000_000)) }, roas(2_000_000, 3_000_000), true, 1_000_000},
		"from unlimited": {func(b *book) {
			b.apply(change(policy.KindDailyBudget, campaign("1"), usd(100), policy.UnlimitedValue()))
		},
			change(policy.KindDailyBudget, campaign("1"), usd(100), usd(50)), false, 50_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			tt.seen(b)
			scope := field
			if tt.change.Kind != policy.KindBid {
				scope = FieldScope(tt.change.Target.Key(), tt.change.Kind)
			}
			got, contradicted := b.state[scope].Known(MovementOf(tt.change), b.now)
			if contradicted != tt.contradicted || got.Amount != tt.amount || (got.Direction == policy.Unordered) != tt.contradicted {
				t.Errorf("contradicted %v, %d, %v; want %v and %d", contradicted, got.Amount, got.Direction, tt.contradicted, tt.amount)
			}
		})
	}
}

// What a movement was placed as is what is given back after it was stored, whatever its values say.
func TestStoredHoldsGiveBackWhatTheyTook(t *testing.T) {
	share := map[string]policy.Fact{DeliveryShare: {Value: policy.RatioValue(50_000)}}
	pause := func(id string) *policy.Change {
		return &policy.Change{ID: id, Kind: policy.KindStatus, Target: campaign(id), Before: policy.TextValue("ENABLED"), After: policy.TextValue("PAUSED"), Facts: share}
	}
	b := newBook(t)
	b.mustPlace(pause("1"))
	second := b.mustPlace(pause("2"))
	encoded, err := second.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := DecodeHold(encoded)
	if err != nil || stored.Movement != second.Movement {
		t.Fatalf("stored as %+v, error %v; want %+v", stored.Movement, err, second.Movement)
	}
	b.void(stored)
	if got := b.window(account(), day); got.Moved != 50_000 || got.HeldLowered != 50_000 || got.Count != 1 {
		t.Errorf("got %+v, want what the first one took", got)
	}
	contradicted := second
	contradicted.Movement.Direction, contradicted.Movement.Amount, contradicted.Movement.Unbounded = policy.Unordered, 7, true
	encoded, _ = contradicted.MarshalBinary()
	if stored, err = DecodeHold(encoded); err != nil || stored.Movement != contradicted.Movement {
		t.Errorf("stored as %+v, error %v; want %+v", stored.Movement, err, contradicted.Movement)
	}
}

func TestAShareIsAPart(t *testing.T) {
	for _, share := range []int64{-1, 1_000_001, 1<<63 - 1} {
		pause := &policy.Change{Kind: policy.KindStatus, Before: policy.TextValue("ENABLED"), After: policy.TextValue("PAUSED"),
			Facts: map[string]policy.Fact{DeliveryShare: {Value: policy.RatioValue(share)}}}
		if got := MovementOf(pause).Amount; got != 1_000_000 {
			t.Errorf("a share of %d counts as %d, want all of it", share, got)
		}
	}
}

// Where a movement begins is its own word, unless the ledger knows better: then it is the value of least risk.
func TestBaseline(t *testing.T) {
	for _, test := range []struct {
		name          string
		kind          policy.Kind
		posted, held  int64 // 0: none
		before, after int64
		want          int64
	}{
		{"nothing is known", policy.KindBid, 0, 0, 120, 110, 120},
		{"a rise says where it begins", policy.KindBid, 100, 0, 105, 110, 105},
		{"a cut that is one", policy.KindBid, 120, 0, 120, 110, 120},
		{"a cut that is a rise", policy.KindBid, 100, 0, 120, 110, 100},
		{"from what may yet come", policy.KindBid, 100, 90, 120, 110, 90},
		{"less risk is more ROAS", policy.KindTargetROAS, 120, 0, 100, 110, 120},
	} {
		t.Run(test.name, func(t *testing.T) {
			value := func(amount int64) policy.Value {
				if test.kind == policy.KindTargetROAS {
					return policy.RatioValue(amount)
				}
				return policy.MoneyValue(amount, "EUR")
			}
			target := policy.Target{Platform: "p", Account: "a", EntityType: "keyword", EntityID: "1"}
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			field := FieldScope(target.Key(), test.kind)
			state := State{}
			place := func(id string, to int64) Hold {
				hold := NewHold(id, &policy.Change{ID: id, Kind: test.kind, Target: target, Before: value(1), After: value(to)}, "")
				for _, scope := range hold.Scopes() {
					if _, read := state[scope]; !read {
						state[scope] = nil
					}
				}
				changed, placed, err := Place(state, hold, nil, Rates{}, now)
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(state, changed)
				return placed
			}
			if test.posted != 0 {
				changed, _, err := Post(state, place("posted", test.posted), value(test.posted), now)
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(state, changed)
			}
			if test.held != 0 {
				place("held", test.held)
			}
			m := MovementOf(&policy.Change{Kind: test.kind, Before: value(test.before), After: value(test.after)})
			if got := state[field].Baseline(m, now.Add(time.Minute)); got != value(test.want) {
				t.Errorf("got %v, want %v", got, value(test.want))
			}
		})
	}
}
