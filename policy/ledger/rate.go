package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// ErrRate says that a sum needs an exchange rate that there is not, or only an old one. The caller
// makes a finding of it: the amount is unknown, which is not zero.
var ErrRate = errors.New("no usable exchange rate")

// RateError is an [ErrRate] for two currencies.
type RateError struct {
	From, To string
	Dated    time.Time // of the newest rate there is; zero: there is none
	MaxAge   time.Duration
}

// Error says what to add.
func (e *RateError) Error() string {
	if e.Dated.IsZero() {
		return fmt.Sprintf("%v from %q to %q: add one to the rates of the policy revision", ErrRate, e.From, e.To)
	}
	return fmt.Sprintf("%v from %q to %q: the newest is of %s, older than %v: add a newer one to the rates of the policy revision",
		ErrRate, e.From, e.To, e.Dated.Format(time.DateOnly), e.MaxAge)
}

// Unwrap makes every RateError an ErrRate.
func (e *RateError) Unwrap() error { return ErrRate }

// Rate is an exchange rate of a day: one micro of From is Numerator/Denominator micros of To.
type Rate struct {
	From, To               string
	Numerator, Denominator int64
	Dated                  time.Time
}

type currencyPair struct{ from, to string }

// Rates converts between currencies. The zero Rates knows no rate. It does not change once made.
type Rates struct {
	maxAge time.Duration
	pairs  map[currencyPair][]Rate // oldest first; every rate is there both ways
}

// NewRates makes a table of rates that may be used until maxAge after their date. A rate serves both
// ways; there are no ways round through a third currency.
func NewRates(maxAge time.Duration, rates ...Rate) (Rates, error) {
	if maxAge <= 0 {
		return Rates{}, fmt.Errorf("%w: rates need a largest age above 0, not %v", policy.ErrInvalid, maxAge)
	}
	table := Rates{maxAge, map[currencyPair][]Rate{}}
	for _, rate := range rates {
		if rate.Numerator <= 0 || rate.Denominator <= 0 || rate.From == "" || rate.To == "" || rate.From == rate.To || rate.Dated.IsZero() {
			return Rates{}, fmt.Errorf("%w: a rate is between two currencies, above 0 and has a date, unlike %d/%d from %q to %q",
				policy.ErrInvalid, rate.Numerator, rate.Denominator, rate.From, rate.To)
		}
		table.add(rate)
		rate.From, rate.To, rate.Numerator, rate.Denominator = rate.To, rate.From, rate.Denominator, rate.Numerator
		table.add(rate)
	}
	for pair, dated := range table.pairs {
		slices.SortStableFunc(dated, func(a, b Rate) int { return a.Dated.Compare(b.Dated) })
		for i := range dated[1:] {
			if dated[i].Dated.Equal(dated[i+1].Dated) {
				return Rates{}, fmt.Errorf("%w: two rates between %s and %s of %s: keep one of them",
					policy.ErrInvalid, min(pair.from, pair.to), max(pair.from, pair.to), dated[i].Dated.Format(time.DateOnly))
			}
		}
	}
	return table, nil
}

func (r *Rates) add(rate Rate) {
	pair := currencyPair{rate.From, rate.To}
	r.pairs[pair] = append(r.pairs[pair], rate)
}

// Convert is an amount in another currency by the newest rate of that time, rounded up, that is,
// never smaller than it is. An amount too large to be written stays the largest.
func (r Rates) Convert(amount int64, from, to string, at time.Time) (int64, error) {
	if from == to || amount == 0 || amount == largest {
		return amount, nil
	}
	dated := r.pairs[currencyPair{from, to}]
	after, _ := slices.BinarySearchFunc(dated, at, func(rate Rate, at time.Time) int {
		return cmp.Or(rate.Dated.Compare(at), -1) // one of this very instant is usable
	})
	if after == 0 {
		return 0, &RateError{From: from, To: to}
	}
	rate := dated[after-1]
	if at.Sub(rate.Dated) > r.maxAge {
		return 0, &RateError{From: from, To: to, Dated: rate.Dated, MaxAge: r.maxAge}
	}
	return rate.apply(amount), nil
}

// apply is amount x Numerator / Denominator, rounded up.
func (r *Rate) apply(amount int64) int64 {
	magnitude := uint64(amount)
	if amount < 0 {
		magnitude = -magnitude
	}
	high, low := bits.Mul64(magnitude, uint64(r.Numerator))
	if high >= uint64(r.Denominator) {
		if amount < 0 {
			return -largest
		}
		return largest
	}
	quotient, remainder := bits.Div64(high, low, uint64(r.Denominator))
	if amount < 0 {
		return -int64(min(quotient, largest))
	}
	if remainder > 0 {
		quotient++ // no overflow: there is a remainder only of a denominator above 1
	}
	return int64(min(quotient, largest))
}
