package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

func TestDecodeLengths(t *testing.T) {
	got, err := DecodeLengths(map[string]any{"week": "7d", "hour": "1h", "day": "24h"})
	want := []Name{{"hour", hour}, {"day", day}, {"week", week}}
	if difference := cmp.Diff(want, got); err != nil || difference != "" {
		t.Errorf("error %v, lengths (-want +got):\n%s", err, difference)
	}
	for name, document := range map[string]any{"a list": []any{"1h"}, "no length": map[string]any{"day": "a day"}, "a number": map[string]any{"day": 24}} {
		if _, err := DecodeLengths(document); !errors.Is(err, policy.ErrRevision) {
			t.Errorf("%s: error %v, want a refused revision", name, err)
		}
	}
	if got, err := DecodeLengths(nil); got != nil || err != nil {
		t.Errorf("nothing declared: got %v, error %v", got, err)
	}
}

func TestDecodeRates(t *testing.T) {
	rate := func(from, to, rate, date any) map[string]any {
		return map[string]any{"max_age": "36h", "rates": []any{map[string]any{"from": from, "to": to, "rate": rate, "date": date}}}
	}
	rates, err := DecodeRates(rate("USD", "EUR", "0.925", "2026-01-15"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rates.Convert(1_000_000, "USD", "EUR", noon); err != nil || got != 925_000 {
		t.Errorf("a dollar is %d micros of EUR, error %v; want 925000", got, err)
	}
	if _, err := rates.Convert(1, "USD", "EUR", noon.Add(25*time.Hour)); !errors.Is(err, ErrRate) {
		t.Errorf("37 hours on: error %v, want one for a rate that is too old", err)
	}
	for name, document := range map[string]any{
		"not a map":      []any{},
		"another key":    map[string]any{"max_age": "36h", "rates": []any{}, "rate": 1},
		"no age":         map[string]any{"rates": []any{}},
		"no list":        map[string]any{"max_age": "36h"},
		"a float":        rate("USD", "EUR", 0.92, "2026-01-15"),
		"zero":           rate("USD", "EUR", "0", "2026-01-15"),
		"too fine":       rate("USD", "EUR", "0.0000000000000000000001", "2026-01-15"),
		"no date":        rate("USD", "EUR", "0.92", "yesterday"),
		"one currency":   rate("USD", "USD", "1", "2026-01-15"),
		"a key too many": map[string]any{"max_age": "36h", "rates": []any{map[string]any{"from": "USD", "to": "EUR", "rate": "1", "date": "2026-01-15", "x": "y"}}},
	} {
		if _, err := DecodeRates(document); !errors.Is(err, policy.ErrRevision) {
			t.Errorf("%s: error %v, want a refused revision", name, err)
		}
	}
}
