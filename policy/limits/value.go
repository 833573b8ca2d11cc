package limits

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Type says what a limit's amount counts.
type Type uint8

// The types of limits. Amounts are always whole: what a person writes with a fraction is stored in a smaller unit.
const (
	Money    Type = iota + 1 // millionths of the currency's unit
	Ratio                    // parts per million
	Count                    // things
	Duration                 // seconds
	Flag                     // 0 or 1
)

var typeNames = [...]string{Money: "money", Ratio: "ratio", Count: "count", Duration: "duration", Flag: "flag"}

// String is the type's name as the definitions write it.
func (t Type) String() string {
	if !t.valid() {
		return "Type(" + strconv.Itoa(int(t)) + ")"
	}
	return typeNames[t]
}

func (t Type) valid() bool { return t >= Money && t <= Flag }

// ParseType reads a type's name.
func ParseType(name string) (Type, error) {
	for t := Money; t <= Flag; t++ {
		if typeNames[t] == name {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown type %q: write money, ratio, count, duration or flag", name)
}

// accepts says how a value of the type is written.
func (t Type) accepts() string {
	switch t {
	case Money:
		return "write an amount with at most six decimals and its currency, such as 50.00 USD, or unlimited"
	case Ratio:
		return "write a percentage with at most four decimals, such as 30% or 12.5%, or unlimited"
	case Count:
		return "write a whole number, such as 10, or unlimited"
	case Duration:
		return "write a whole number of seconds, minutes, hours or days, such as 90s, 15m, 36h or 7d, or unlimited"
	default:
		return "write yes or no"
	}
}

// Value is one amount of a limit. Unlimited is not an amount: then Amount is 0 and means nothing.
type Value struct {
	Type      Type
	Amount    int64
	Currency  string // of money only
	Unlimited bool
}

const unlimitedWord = "unlimited"

// ParseValue reads a value as a person writes it: "50.00 USD", "12.5%", "10", "15m", "yes" or "unlimited", depending
// on the type. It refuses whatever it would have to round or guess at.
func ParseValue(t Type, text string) (Value, error) {
	v := Value{Type: t}
	if !t.valid() {
		return Value{}, fmt.Errorf("%v is not a type of limit", t)
	}
	if text == unlimitedWord && t != Flag {
		v.Unlimited = true
		return v, nil
	}
	err := errForm
	switch t {
	case Money:
		if number, currency, found := strings.Cut(text, " "); found {
			if !isCurrency(currency) {
				return Value{}, fmt.Errorf("%q has no currency code of three upper-case letters: %s", text, t.accepts())
			}
			v.Currency = currency
			v.Amount, err = parseDecimal(number, 6)
		}
	case Ratio:
		if number, found := strings.CutSuffix(text, "%"); found {
			v.Amount, err = parseDecimal(number, 4)
		}
	case Count:
		v.Amount, err = parseDecimal(text, 0)
	case Duration:
		if text != "" {
			if seconds := secondsIn(text[len(text)-1]); seconds > 0 {
				v.Amount, err = parseDecimal(text[:len(text)-1], 0)
				if err == nil && v.Amount > math.MaxInt64/seconds {
					err = errTooLarge
				}
				v.Amount *= seconds
			}
		}
	case Flag:
		switch text {
		case "yes", "true":
			v.Amount, err = 1, nil
		case "no", "false":
			err = nil
		}
	}
	if err != nil {
		return Value{}, fmt.Errorf("%q %w: %s", text, err, t.accepts())
	}
	return v, nil
}

// What is wrong with a number; read after the text it is about.
var (
	errForm     = errors.New("cannot be read")
	errNegative = errors.New("is negative")
	errFine     = errors.New("has more decimals than are kept")
	errTooLarge = errors.New("is too large")
)

// parseDecimal reads an unsigned decimal number in units of its last allowed decimal: 12.5 with two decimals is 1250.
// There are no leading zeros, signs, exponents or separators, so a number can be read in one way only.
func parseDecimal(text string, decimals int) (int64, error) {
	if strings.HasPrefix(text, "-") {
		return 0, errNegative
	}
	whole, fraction, point := strings.Cut(text, ".")
	if whole == "" || point && (fraction == "" || decimals == 0) || len(whole) > 1 && whole[0] == '0' {
		return 0, errForm
	}
	amount := int64(0)
	digit := func(c byte) error {
		if c < '0' || c > '9' {
			return errForm
		}
		if amount > (math.MaxInt64-int64(c-'0'))/10 {
			return errTooLarge
		}
		amount = amount*10 + int64(c-'0')
		return nil
	}
	// The form is checked before the size, so that a word is not called too large.
	if strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return 0, errForm
	}
	if len(fraction) > decimals {
		return 0, errFine
	}
	for i := range len(whole) {
		if err := digit(whole[i]); err != nil {
			return 0, err
		}
	}
	for i := range decimals {
		c := byte('0')
		if i < len(fraction) {
			c = fraction[i]
		}
		if err := digit(c); err != nil {
			return 0, err
		}
	}
	return amount, nil
}

func isCurrency(code string) bool {
	if len(code) != 3 {
		return false
	}
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// secondsIn is the length of a unit of time, 0 for a letter that is none.
func secondsIn(unit byte) int64 {
	switch unit {
	case 's':
		return 1
	case 'm':
		return minute
	case 'h':
		return hour
	case 'd':
		return day
	}
	return 0
}

// String writes the value in the form ParseValue reads.
func (v Value) String() string {
	if v.Unlimited {
		return unlimitedWord
	}
	switch v.Type {
	case Money:
		return formatDecimal(v.Amount, 6, 2) + " " + v.Currency
	case Ratio:
		return formatDecimal(v.Amount, 4, 0) + "%"
	case Duration:
		switch {
		case v.Amount == 0:
			return "0s"
		case v.Amount%day == 0:
			return strconv.FormatInt(v.Amount/day, 10) + "d"
		case v.Amount%hour == 0:
			return strconv.FormatInt(v.Amount/hour, 10) + "h"
		case v.Amount%minute == 0:
			return strconv.FormatInt(v.Amount/minute, 10) + "m"
		}
		return strconv.FormatInt(v.Amount, 10) + "s"
	case Flag:
		if v.Amount == 0 {
			return "no"
		}
		return "yes"
	default:
		return strconv.FormatInt(v.Amount, 10)
	}
}

// formatDecimal writes amount with its decimals, leaving out the zeros at the end beyond the first keep of them.
func formatDecimal(amount int64, decimals, keep int) string {
	sign, digits := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, digits = "-", digits[1:]
	}
	if short := decimals + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - decimals
	fraction := digits[point:]
	for len(fraction) > keep && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return sign + digits[:point]
	}
	return sign + digits[:point] + "." + fraction
}

// check tells whether a value that was made in Go could have been read from text.
func (v Value) check() error {
	switch {
	case !v.Type.valid():
		return fmt.Errorf("%v is not a type of limit", v.Type)
	case v.Unlimited && (v.Type == Flag || v.Amount != 0 || v.Currency != ""):
		return fmt.Errorf("an unlimited %v has no amount and no currency, and a flag cannot be unlimited", v.Type)
	case v.Unlimited:
		return nil
	case v.Amount < 0:
		return fmt.Errorf("%q %w: %s", v, errNegative, v.Type.accepts())
	case v.Type == Money && !isCurrency(v.Currency):
		return fmt.Errorf("%q has no currency code of three upper-case letters: %s", v, v.Type.accepts())
	case v.Type != Money && v.Currency != "":
		return fmt.Errorf("%q has the currency %s, but only money has one: %s", v, v.Currency, v.Type.accepts())
	case v.Type == Flag && v.Amount > 1:
		return fmt.Errorf("a flag of %d is neither 0 nor 1: %s", v.Amount, v.Type.accepts())
	}
	return nil
}
