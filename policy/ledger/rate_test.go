package ledger

import (
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func mustRates(t testing.TB, rates ...Rate) Rates {
	t.Helper()
	table, err := NewRates(48*time.Hour, rates...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestConvert(t *testing.T) {
	yesterday := noon.Add(-24 * time.Hour)
	rates := mustRates(t,
		Rate{"EUR", "USD", 11, 10, yesterday},
		Rate{"EUR", "USD", 12, 10, noon},
		Rate{"JPY", "USD", 2, 300, noon.Add(-49 * time.Hour)},
		Rate{"GBP", "USD", 4, 3, noon.Add(time.Nanosecond)},
		Rate{"KRW", "USD", 1, 1400, noon.Add(-48 * time.Hour)})
	for _, tt := range []struct {
		name     string
		amount   int64
		from, to string
		at       time.Time
		want     int64
		stale    bool
		err      bool
	}{
		{name: "newest, of this instant", amount: 10, from: "EUR", to: "USD", at: noon, want: 12},
		{name: "of its time", amount: 10, from: "EUR", to: "USD", at: noon.Add(-time.Nanosecond), want: 11},
		{name: "rounded up", amount: 1, from: "EUR", to: "USD", at: noon, want: 2},
		{name: "rounded up below zero", amount: -1, from: "EUR", to: "USD", at: noon, want: -1},
		{name: "the other way", amount: 13, from: "USD", to: "EUR", at: noon, want: 11},
		{name: "none", amount: 1, from: "EUR", to: "JPY", at: noon, err: true},
		{name: "none to parts per million", amount: 1, from: "", to: "USD", at: noon, err: true},
		{name: "stale", amount: 1, from: "JPY", to: "USD", at: noon, err: true, stale: true},
		{name: "of the oldest age", amount: 1400, from: "KRW", to: "USD", at: noon, want: 1},
		{name: "not yet", amount: 1, from: "GBP", to: "USD", at: noon, err: true},
		{name: "zero needs none", amount: 0, from: "GBP", to: "JPY", at: noon},
		{name: "the same needs none", amount: 5, from: "GBP", to: "GBP", at: noon, want: 5},
		{name: "too large", amount: math.MaxInt64 - 1, from: "EUR", to: "USD", at: noon, want: math.MaxInt64},
		{name: "the largest stays", amount: math.MaxInt64, from: "USD", to: "EUR", at: noon, want: math.MaxInt64},
		{name: "too small", amount: math.MinInt64, from: "EUR", to: "USD", at: noon, want: -math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rates.Convert(tt.amount, tt.from, tt.to, tt.at)
			if got != tt.want || (err != nil) != tt.err {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
			if problem, is := errors.AsType[*RateError](err); tt.err && (!is || !errors.Is(err, ErrRate) || problem.Dated.IsZero() == tt.stale) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNewRatesRefuses(t *testing.T) {
	good := Rate{"EUR", "USD", 11, 10, noon}
	for name, rates := range map[string][]Rate{
		"zero":             {{"EUR", "USD", 0, 10, noon}},
		"negative":         {{"EUR", "USD", 1, -10, noon}},
		"no currency":      {{"", "USD", 1, 10, noon}},
		"to itself":        {{"USD", "USD", 1, 10, noon}},
		"no date":          {{"EUR", "USD", 1, 10, time.Time{}}},
		"twice":            {good, good},
		"twice, both ways": {good, {"USD", "EUR", 10, 11, noon}},
	} {
		if _, err := NewRates(time.Hour, rates...); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := NewRates(0, good); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("no age: got %v", err)
	}
}

func TestConvertAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount, numerator, denominator := rapid.Int64().Draw(t, "amount"), rapid.Int64Min(1).Draw(t, "numerator"), rapid.Int64Min(1).Draw(t, "denominator")
		rates, err := NewRates(time.Hour, Rate{"EUR", "USD", numerator, denominator, noon})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rates.Convert(amount, "EUR", "USD", noon)
		if err != nil {
			t.Fatal(err)
		}
		product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(numerator))
		product.Add(product, big.NewInt(denominator-1))
		want := product.Div(product, big.NewInt(denominator)) // Euclidean: rounded down, for divisors above 0
		switch {
		case amount == math.MaxInt64 || want.Cmp(big.NewInt(math.MaxInt64)) > 0:
			want = big.NewInt(math.MaxInt64)
		case want.Cmp(big.NewInt(-math.MaxInt64)) < 0:
			want = big.NewInt(-math.MaxInt64)
		}
		if want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("got %d, want %v", got, want)
		}
	})
}
