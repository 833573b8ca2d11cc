package formats

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// currency is how small an amount may be, in millionths of the currency's unit. The three are kept apart because they differ: an
// amount in minor units that is read with the wrong one is ten or a hundred times too large.
type currency struct {
	iso    int64 // what ISO 4217 counts in: for platforms that write decimals
	google int64 // Google's billable unit (CurrencyConstant.billable_unit_micros)
	meta   int64 // what Meta counts in: 1,000,000 over the currency's offset
}

const (
	whole      = 1_000_000 // no decimals; Meta's offset 1
	hundredth  = 10_000    // two decimals; Meta's offset 100
	thousandth = 1_000     // three decimals
)

// currencyOf knows the currencies that the shipped pack knows (rego/currencies). Google's units are ISO 4217's: for USD that is
// checked, for the others it is common knowledge. Meta's offsets are those of its page on currencies.
func currencyOf(code string) (currency, error) {
	switch code {
	case "CLP", "ISK", "JPY", "KRW", "PYG", "VND":
		return currency{whole, whole, whole}, nil
	case "HUF", "TWD", "COP", "CRC", "IDR":
		return currency{hundredth, hundredth, whole}, nil
	case "BHD", "JOD":
		return currency{thousandth, thousandth, hundredth}, nil
	case "KWD":
		return currency{thousandth, thousandth, hundredth}, nil
	case "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "INR", "MXN", "MYR", "NOK", "NZD",
		"PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "USD", "ZAR":
		return currency{hundredth, hundredth, hundredth}, nil
	default:
		return currency{}, fmt.Errorf("the currency %q is not known, so its units are not; write it as ISO 4217 does, such as USD", code)
	}
}

// decimalMicros reads a decimal exactly, as millionths. Whatever is not digits with at most one point is refused: signs, exponents, NaN.
func decimalMicros(text string) (int64, error) {
	whole, decimals, pointed := strings.Cut(text, ".")
	if !digits(whole) || pointed && !digits(decimals) {
		return 0, fmt.Errorf("%s: write it with digits and at most one point, such as 12.50", strconv.Quote(shorten(text)))
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 6 {
		return 0, fmt.Errorf("%s is finer than a millionth; round it first", shorten(text))
	}
	units, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s is too large", shorten(text))
	}
	fraction, err := strconv.ParseUint((decimals + "000000")[:6], 10, 63)
	if err != nil {
		return 0, err // unreachable: six digits
	}
	return timesUnit(units, 1_000_000, fraction)
}

// wholeUnits reads an integer that counts units of so many millionths.
func wholeUnits(text string, unit int64) (int64, error) {
	if !digits(text) {
		return 0, fmt.Errorf("%s: write it as a whole number", strconv.Quote(shorten(text)))
	}
	units, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s is too large", shorten(text))
	}
	return timesUnit(units, uint64(unit), 0)
}

func timesUnit(units, unit, rest uint64) (int64, error) {
	high, low := bits.Mul64(units, unit)
	low, carry := bits.Add64(low, rest, 0)
	if high+carry != 0 || low > math.MaxInt64 {
		return 0, errors.New("it is too large")
	}
	return int64(low), nil
}

// inUnits checks that an amount is a whole number of units.
func inUnits(micros, unit int64, code string) error {
	if micros%unit != 0 {
		return fmt.Errorf("%s %s goes in steps of %s; round it", writeDecimal(micros), code, writeDecimal(unit))
	}
	return nil
}

// writeDecimal writes millionths exactly, with no more decimals than it takes.
func writeDecimal(micros int64) string {
	text := fmt.Sprintf("%07d", micros)
	decimals := strings.TrimRight(text[len(text)-6:], "0")
	if decimals == "" {
		return text[:len(text)-6]
	}
	return text[:len(text)-6] + "." + decimals
}

// shorten keeps what a payload says from filling an error.
func shorten(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "..."
	}
	return text
}
