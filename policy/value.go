package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Form says which alternative of a [Value] is set.
type Form uint8

// The forms. Missing, Absent, Unlimited and an amount of zero are four different things:
// Missing was never sent, Absent says that the platform has no value there, Unlimited is the
// largest amount there is, and zero is zero.
const (
	Missing Form = iota
	Money
	Ratio
	Text
	Flag
	Unlimited
	Absent

	formCount
)

var formNames = [formCount]string{"missing", "money", "ratio", "text", "flag", "unlimited", "absent"}

// String returns the name the input document uses as "type".
func (f Form) String() string {
	if f < formCount {
		return formNames[f]
	}
	return fmt.Sprintf("unknown(%d)", uint8(f))
}

// MarshalText writes the form's name.
func (f Form) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads a form's name.
func (f *Form) UnmarshalText(text []byte) error {
	for form, name := range formNames {
		if name == string(text) {
			*f = Form(form)
			return nil
		}
	}
	return fmt.Errorf("%w: no form of value is called %q", ErrInvalid, text)
}

// Value is one typed amount. Only the fields its Form names carry meaning; the constructors
// leave the others zero, so values compare with ==. The zero Value is Missing.
type Value struct {
	Form     Form   `json:"form"`
	Amount   int64  `json:"amount,omitempty"`   // micros of Currency for Money, parts per million for Ratio
	Currency string `json:"currency,omitempty"` // ISO 4217, for Money
	Text     string `json:"text,omitempty"`
	Flag     bool   `json:"flag,omitempty"`
}

// MoneyValue is micros (millionths) of a currency.
func MoneyValue(micros int64, currency string) Value {
	return Value{Form: Money, Amount: micros, Currency: currency}
}

// RatioValue is a ratio in parts per million: 1.0 is 1,000,000.
func RatioValue(ppm int64) Value { return Value{Form: Ratio, Amount: ppm} }

// TextValue is a name out of a platform's list, such as a status or a strategy.
func TextValue(text string) Value { return Value{Form: Text, Text: text} }

// FlagValue is a switch.
func FlagValue(flag bool) Value { return Value{Form: Flag, Flag: flag} }

// UnlimitedValue is no cap at all.
func UnlimitedValue() Value { return Value{Form: Unlimited} }

// AbsentValue says that the platform has no value there.
func AbsentValue() Value { return Value{Form: Absent} }

// String writes the value for people: "12.50 USD", "30%", "unlimited".
func (v Value) String() string {
	switch v.Form {
	case Money:
		return FormatMoney(v.Amount, v.Currency)
	case Ratio:
		return FormatRatio(v.Amount)
	case Text:
		return v.Text
	case Flag:
		return strconv.FormatBool(v.Flag)
	case Unlimited:
		return "unlimited"
	case Absent:
		return "not set"
	default:
		return "missing"
	}
}

// FormatMoney writes micros as decimal units with the places of the currency (ISO 4217), and more
// where the amount needs them: "0.005 USD", "1,250.00 EUR", "7,000 JPY". It is for people; nothing
// reads it back.
func FormatMoney(micros int64, code string) string {
	places := 2
	if digits, known := currency.GetDigits(code); known {
		places = int(digits)
	}
	text := formatMillionths(micros, places)
	if code == "" {
		return text
	}
	return text + " " + code
}

// FormatRatio writes parts per million as a percentage: "30%", "12.5%".
func FormatRatio(ppm int64) string {
	whole, rest := ppm/10_000, ppm%10_000
	sign := ""
	if ppm < 0 {
		sign, whole, rest = "-", -whole, -rest
	}
	text := sign + groupThousands(strconv.FormatInt(whole, 10))
	if rest != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%04d", rest), "0")
	}
	return text + "%"
}

// FormatChange writes the move from one amount to another as a signed percentage rounded to a
// tenth, "+18%", or as "from zero" when there is no percentage.
func FormatChange(from, to int64) string {
	if from == 0 {
		return "from zero"
	}
	tenths := mulDivRound(to, 1000, from)
	if tenths == nil || *tenths < math.MinInt64+1000 {
		return "more than can be written"
	}
	move := *tenths - 1000
	sign := "+"
	if move < 0 {
		sign, move = "-", -move
	}
	text := sign + groupThousands(strconv.FormatInt(move/10, 10))
	if move%10 != 0 {
		text += "." + strconv.FormatInt(move%10, 10)
	}
	return text + "%"
}

func formatMillionths(amount int64, places int) string {
	digits := strconv.FormatUint(magnitude(amount), 10)
	if len(digits) < 7 {
		digits = strings.Repeat("0", 7-len(digits)) + digits
	}
	whole, fraction := digits[:len(digits)-6], digits[len(digits)-6:]
	fraction = strings.TrimRight(fraction, "0")
	for len(fraction) < places {
		fraction += "0"
	}
	text := groupThousands(whole)
	if fraction != "" {
		text += "." + fraction
	}
	if amount < 0 {
		text = "-" + text
	}
	return text
}

func groupThousands(digits string) string {
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
