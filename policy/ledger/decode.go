package ledger

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Name is what a policy revision calls a length: rules read input.windows.account.day.
type Name struct {
	Name   string
	Length Length
}

// DecodeLengths reads the windows document of a revision's data, a map of name to length such as
// day: 24h; nil is no windows. They come in order of length.
func DecodeLengths(document any) ([]Name, error) {
	if document == nil {
		return nil, nil
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: windows/data.yaml must be a map of name to length, such as day: 24h", policy.ErrRevision)
	}
	names := make([]Name, 0, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, _ := object[name].(string)
		length, err := ParseLength(text)
		if err != nil {
			return nil, fmt.Errorf("%w: windows/data.yaml: %s: %w", policy.ErrRevision, name, err)
		}
		names = append(names, Name{name, length})
	}
	slices.SortStableFunc(names, func(a, b Name) int { return int((a.Length - b.Length) / Length(time.Minute)) })
	return names, nil
}

// DecodeRates reads the rates document of a revision's data; nil is no rates:
//
//	max_age: 36h
//	rates:
//	  - {from: USD, to: EUR, rate: "0.92", date: 2026-03-01}
//
// A rate is decimal text, read exactly, and usable from the beginning of its date in UTC on.
func DecodeRates(document any) (Rates, error) {
	if document == nil {
		return Rates{}, nil
	}
	refuse := func(format string, arguments ...any) (Rates, error) {
		return Rates{}, fmt.Errorf("%w: rates/data.yaml: %s", policy.ErrRevision, fmt.Sprintf(format, arguments...))
	}
	object, ok := document.(map[string]any)
	if !ok {
		return refuse("write max_age, such as 36h, and rates, a list")
	}
	for name := range object {
		if name != "max_age" && name != "rates" {
			return refuse("%q is not known; write max_age and rates", name)
		}
	}
	text, _ := object["max_age"].(string)
	maxAge, err := ParseLength(text)
	if err != nil {
		return refuse("max_age: %v", err)
	}
	list, ok := object["rates"].([]any)
	if !ok {
		return refuse("rates must be a list of {from, to, rate, date}")
	}
	rates := make([]Rate, len(list))
	for i, each := range list {
		if rates[i], err = decodeRate(each); err != nil {
			return refuse("rates[%d]: %v", i, err)
		}
	}
	table, err := NewRates(time.Duration(maxAge), rates...)
	if err != nil {
		return refuse("%v", err)
	}
	return table, nil
}

func decodeRate(document any) (Rate, error) {
	object, ok := document.(map[string]any)
	if !ok || len(object) != 4 {
		return Rate{}, fmt.Errorf(`write {from: USD, to: EUR, rate: "0.92", date: 2026-03-01}`)
	}
	words := map[string]string{}
	for _, name := range []string{"from", "to", "rate", "date"} {
		text, ok := object[name].(string)
		if !ok {
			return Rate{}, fmt.Errorf("%s is missing or not text; put the rate in quotes", name)
		}
		words[name] = text
	}
	exact, ok := new(big.Rat).SetString(words["rate"])
	if !ok || exact.Sign() <= 0 || !exact.Num().IsInt64() || !exact.Denom().IsInt64() {
		return Rate{}, fmt.Errorf("the rate %q is not a decimal number above 0 of at most 18 digits", words["rate"])
	}
	dated, err := time.Parse(time.DateOnly, words["date"])
	if err != nil {
		return Rate{}, fmt.Errorf("the date %q is not written like 2026-03-01", words["date"])
	}
	return Rate{From: words["from"], To: words["to"], Numerator: exact.Num().Int64(), Denominator: exact.Denom().Int64(), Dated: dated}, nil
}
