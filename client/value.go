package client

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Money is an amount in millionths of the currency's major unit: 12.50 USD is Money(12_500_000, "USD").
func Money(micros int64, currency string) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: micros, Currency: currency}}}
}

// ParseMoney reads an amount as reports write it, such as 12.50, exactly and without floats. The text is digits with at most one
// point; signs, exponents, grouping and more than six decimals that matter are refused.
func ParseMoney(amount, currency string) (*bidrailv1.Value, error) {
	if len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, fmt.Errorf("currency %q: use the three capital letters of ISO 4217, such as USD", currency)
	}
	micros, err := parseMicros(amount)
	if err != nil {
		return nil, fmt.Errorf("amount %q: %w", amount, err)
	}
	return Money(micros, currency), nil
}

func parseMicros(amount string) (int64, error) {
	whole, decimals, pointed := strings.Cut(amount, ".")
	if !digits(whole) || pointed && !digits(decimals) {
		return 0, errors.New("write it with digits and at most one point, such as 12.50")
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 6 {
		return 0, errors.New("it is finer than a millionth; round it first")
	}
	units, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		return 0, errors.New("it is too large")
	}
	fraction, err := strconv.ParseUint((decimals + "000000")[:6], 10, 63)
	if err != nil {
		return 0, err
	}
	high, micros := bits.Mul64(units, 1_000_000)
	micros, carry := bits.Add64(micros, fraction, 0)
	if high+carry != 0 || micros > math.MaxInt64 {
		return 0, errors.New("it is too large")
	}
	return int64(micros), nil
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// Ratio is a factor in parts per million: 1.0 is Ratio(1_000_000).
func Ratio(ppm int64) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: ppm}}
}

// Text is a word, such as a status or the name of a strategy.
func Text(text string) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: text}}
}

// Flag is yes or no.
func Flag(flag bool) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Flag{Flag: flag}}
}

// Unlimited is no limit at all, the largest value there is.
func Unlimited() *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Unlimited{Unlimited: &bidrailv1.Unlimited{}}}
}

// Absent is a field that is not set on the platform: neither zero nor unlimited.
func Absent() *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Absent{Absent: &bidrailv1.Absent{}}}
}

// Describe writes a value for people, as findings do: 1,012.50 USD, 125%, paused, unlimited, not set.
func Describe(value *bidrailv1.Value) string {
	switch held := value.GetValue().(type) {
	case *bidrailv1.Value_Money:
		return decimal(held.Money.GetMicros(), 6, 2) + " " + held.Money.GetCurrency()
	case *bidrailv1.Value_RatioPpm:
		return decimal(held.RatioPpm, 4, 0) + "%"
	case *bidrailv1.Value_Text:
		return held.Text
	case *bidrailv1.Value_Flag:
		if held.Flag {
			return "yes"
		}
		return "no"
	case *bidrailv1.Value_Unlimited:
		return "unlimited"
	case *bidrailv1.Value_Absent:
		return "not set"
	default:
		return "not given"
	}
}

// decimal writes a number of which the last places are decimals, with at least so many of them, and with commas between thousands.
func decimal(number int64, places, least int) string {
	sign, size := "", uint64(number)
	if number < 0 {
		sign, size = "-", -size
	}
	text := fmt.Sprintf("%0*d", places+1, size)
	whole, decimals := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	decimals += strings.Repeat("0", max(0, least-len(decimals)))
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if decimals == "" {
		return sign + whole
	}
	return sign + whole + "." + decimals
}
