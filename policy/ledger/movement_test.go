package ledger

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

func TestMovementOf(t *testing.T) {
	micros := func(amount int64) policy.Value { return policy.MoneyValue(amount, "USD") }
	for _, tt := range []struct {
		name          string
		kind          policy.Kind
		before, after policy.Value
		direction     policy.Direction
		amount        int64
		unbounded     bool
		currency      string
	}{
		{"raise", policy.KindBid, micros(10), micros(13), policy.Rise, 3, false, "USD"},
		{"cut", policy.KindBid, micros(10), micros(4), policy.Cut, 6, false, "USD"},
		{"same", policy.KindBid, micros(10), micros(10), policy.Same, 0, false, "USD"},
		{"a lower return is a rise", policy.KindTargetROAS, policy.RatioValue(10), policy.RatioValue(7), policy.Rise, 3, false, ""},
		{"a kind without direction", policy.KindPacing, policy.RatioValue(10), policy.RatioValue(7), policy.Unordered, 3, false, ""},
		{"not known before", policy.KindBid, policy.Value{}, micros(13), policy.Unordered, 13, false, "USD"},
		{"nothing before", policy.KindBid, policy.AbsentValue(), micros(13), policy.Unordered, 13, false, "USD"},
		{"nothing after", policy.KindBid, micros(13), policy.AbsentValue(), policy.Unordered, 13, false, "USD"},
		{"another currency", policy.KindBid, policy.MoneyValue(7, "EUR"), micros(5), policy.Unordered, 5, false, "USD"},
		{"to unlimited", policy.KindDailyBudget, micros(13), policy.UnlimitedValue(), policy.Rise, 0, true, "USD"},
		{"from unlimited", policy.KindDailyBudget, policy.UnlimitedValue(), micros(13), policy.Cut, 0, false, "USD"},
		{"return from unlimited", policy.KindTargetROAS, policy.UnlimitedValue(), policy.RatioValue(1), policy.Rise, 0, true, ""},
		{"status", policy.KindStatus, policy.TextValue("PAUSED"), policy.TextValue("ENABLED"), policy.Rise, 0, false, ""},
		{"too far", policy.KindBid, micros(math.MinInt64), micros(math.MaxInt64), policy.Rise, 0, true, "USD"},
		{"too far down", policy.KindBid, micros(math.MaxInt64), micros(-2), policy.Cut, math.MaxInt64, false, "USD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := MovementOf(&policy.Change{Kind: tt.kind, Before: tt.before, After: tt.after})
			want := Movement{Unit{tt.kind, tt.currency}, tt.before, tt.after, tt.direction, tt.amount, tt.unbounded}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// What is known of the target counts before what the change tells of it.
func TestMovementKnowing(t *testing.T) {
	share := func(ppm int64) map[string]policy.Fact {
		return map[string]policy.Fact{DeliveryShare: {Value: policy.RatioValue(ppm)}}
	}
	pause := &policy.Change{Kind: policy.KindStatus, Before: policy.TextValue("ENABLED"), After: policy.TextValue("PAUSED"), Facts: share(1)}
	for _, test := range []struct {
		facts map[string]policy.Fact
		want  int64
	}{{pause.Facts, 1}, {share(400_000), 400_000}, {nil, 0}} {
		if got := MovementKnowing(pause, test.facts).Amount; got != test.want {
			t.Errorf("knowing %v: got %d, want %d", test.facts, got, test.want)
		}
	}
	if got := MovementOf(pause).Amount; got != 1 {
		t.Errorf("as the change tells it: got %d, want 1", got)
	}
}

func TestPartly(t *testing.T) {
	unlimited, absent := policy.UnlimitedValue(), policy.AbsentValue()
	for _, tt := range []struct {
		name                   string
		before, after, applied policy.Value
		want                   int64 // -1: refused
	}{
		{"all", usd(1), usd(3), usd(3), 2e6},
		{"a part", usd(1), usd(3), usd(2), 1e6},
		{"nothing", usd(1), usd(3), usd(1), -1},
		{"too much", usd(1), usd(3), usd(4), -1},
		{"the other way", usd(2), usd(3), usd(1), -1},
		{"a part of a cut", usd(3), usd(1), usd(2), 1e6},
		{"below a cut", usd(3), usd(1), usd(0), -1},
		{"of another currency", usd(1), usd(3), policy.MoneyValue(2e6, "EUR"), -1},
		{"not an amount", usd(1), usd(3), absent, -1},
		{"an amount of unlimited", usd(1), unlimited, usd(5), 4e6},
		{"below before, asked for unlimited", usd(2), unlimited, usd(1), -1},
		{"unlimited, asked for an amount", usd(1), usd(3), unlimited, -1},
		{"a part from nothing", absent, usd(3), usd(2), 2e6},
		{"below zero from nothing", absent, usd(3), usd(-2), -1},
		{"a higher end of unlimited", unlimited, usd(3), usd(4), -1},
		{"the end of unlimited", unlimited, usd(3), usd(3), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := measure(policy.KindDailyBudget, tt.before, tt.after)
			got, err := m.partly(tt.applied)
			switch {
			case tt.want < 0 && !errors.Is(err, policy.ErrInvalid):
				t.Errorf("got %+v, %v, want an error", got, err)
			case tt.want >= 0 && (err != nil || got.Amount != tt.want || got.Unbounded):
				t.Errorf("got %+v, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestLength(t *testing.T) {
	for text, want := range map[string]string{"1h": "1h", "60m": "1h", "90m": "90m", "1d": "24h", "24h": "24h", "36h": "36h",
		"48h": "2d", "7d": "7d", "30d": "30d", "": "", "h": "", "0h": "", "31d": "", "-1h": "", "1s": "", "1.5h": "", "1": "", "99999d": "", "+1h": ""} {
		length, err := ParseLength(text)
		if want == "" && !errors.Is(err, policy.ErrInvalid) || want != "" && (err != nil || length.String() != want) {
			t.Errorf("%q: got %v, %v, want %q", text, length, err, want)
		}
	}
	for length, want := range map[Length]time.Duration{1: time.Minute, hour: time.Minute, hour + 1: 15 * time.Minute, day: 15 * time.Minute,
		week: 2 * time.Hour, Horizon: 6 * time.Hour} {
		if got := length.Width(); got != want {
			t.Errorf("%v: got a width of %v, want %v", length, got, want)
		}
	}
	var none Tally
	for _, length := range []Length{0, -hour, Horizon + Length(time.Minute), Length(time.Second)} {
		if _, err := none.Window(length, noon); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%v: got %v", length, err)
		}
	}
	if _, err := none.Since(noon, noon.Add(31*24*time.Hour)); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
