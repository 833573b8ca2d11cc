package formats

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// form is how a platform writes a value.
type form uint8

const (
	micros         form = iota // millionths of the currency's unit, in whole billable units: Google
	decimal                    // the currency's unit, with its decimals: Amazon, Microsoft, TikTok
	minor                      // Meta's minor units
	minorCap                   // the same, where one number stands for no cap
	factor                     // a ratio, 1.5
	percentOver                // a ratio as what it adds in percent: 50 is 1.5
	tenThousandths             // a ratio times 10,000
	word                       // one of the platform's own words
	name                       // any text
)

// noCap is what Meta takes to remove a campaign's spend_cap.
const noCap = "922337203685478"

// meaning is what a value that is not an amount stands for.
type meaning uint8

const (
	itself    meaning = iota // zero is zero
	notKnown                 // what the platform makes of it is not established, so it is refused
	isAbsent                 // there is none
	isNoLimit                // there is none, and nothing limits
)

// field is one field of a platform's resource that a change can be of.
type field struct {
	path string // as the platform's JSON spells it, with a point between levels
	kind bidrailv1.Kind
	form form
	zero meaning // of an amount of 0
	null meaning // of null, or of a field that an update mask names and that is not there
}

// resource is what is understood of one type of entity.
type resource struct {
	entityType  string
	fields      []field
	identifiers []string // what an update may repeat without changing anything
}

func (r *resource) field(path string) *field {
	for i := range r.fields {
		if r.fields[i].path == path {
			return &r.fields[i]
		}
	}
	return nil
}

// units are what amounts of the account are written in.
type units struct {
	currency
	code string
}

func unitsOf(context *Context) (units, error) {
	currency, err := currencyOf(context.Currency)
	return units{currency, context.Currency}, err
}

// read reads the value of a field from a payload.
func (f *field) read(u units, n *node) (*bidrailv1.Value, error) {
	if n == nil || n.kind == 'n' {
		return f.nothing()
	}
	switch f.form {
	case word, name:
		if n.kind != '"' {
			return nil, fmt.Errorf("it is %s and not a text", n.what())
		}
		if err := f.fits(n.text); err != nil {
			return nil, err
		}
		return text(n.text), nil
	}
	number, err := n.number()
	if err != nil {
		return nil, err
	}
	if f.form == minorCap && number == noCap {
		return unlimited(), nil
	}
	amount, err := f.amount(u, number)
	if err != nil {
		return nil, err
	}
	if amount == 0 && f.zero != itself {
		return f.means(f.zero, "0")
	}
	if f.isRatio() {
		return ratio(amount), nil
	}
	return money(amount, u.code), nil
}

func (f *field) isRatio() bool {
	return f.form == factor || f.form == percentOver || f.form == tenThousandths
}

// amount is the number in millionths.
func (f *field) amount(u units, number string) (amount int64, err error) {
	switch f.form {
	case micros:
		if amount, err = wholeUnits(number, 1); err == nil {
			err = inUnits(amount, u.google, u.code)
		}
	case decimal:
		if amount, err = decimalMicros(number); err == nil {
			err = inUnits(amount, u.iso, u.code)
		}
	case minor, minorCap:
		amount, err = wholeUnits(number, u.meta)
	case factor:
		amount, err = decimalMicros(number)
	case percentOver:
		if len(number) > 9 {
			return 0, fmt.Errorf("%s is too large", shorten(number))
		}
		amount, err = wholeUnits(number, 10_000)
		amount += 1_000_000
	case tenThousandths:
		amount, err = wholeUnits(number, 100)
	default:
		err = errors.New("it is no amount") // unreachable: texts are read before
	}
	return amount, err
}

// fits checks a text before it goes into a change.
func (f *field) fits(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	if len(text) > 4096 {
		return errors.New("it is longer than 4,096 bytes")
	}
	if f.form == word && strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-:+./ ", r))
	}) {
		return fmt.Errorf("%s is none of the platform's words", strconv.Quote(shorten(text)))
	}
	return nil
}

func (f *field) nothing() (*bidrailv1.Value, error) { return f.means(f.null, "null") }

func (f *field) means(m meaning, what string) (*bidrailv1.Value, error) {
	switch m {
	case isAbsent:
		return absent(), nil
	case isNoLimit:
		return unlimited(), nil
	default:
		return nil, fmt.Errorf("what the platform makes of %s is not known; leave it out, or write a value", what)
	}
}

// write is the inverse of read. nothing says that the value is written by writing none: null, or a field that a mask names and that is
// not there.
func (f *field) write(u units, value *bidrailv1.Value) (json string, nothing bool, err error) {
	switch held := value.GetValue().(type) {
	case *bidrailv1.Value_Money:
		if f.isRatio() || f.form == word || f.form == name {
			return "", false, errors.New("an amount of money does not belong there")
		}
		if held.Money.GetCurrency() != u.code {
			return "", false, fmt.Errorf("it is in %s and the account in %s", held.Money.GetCurrency(), u.code)
		}
		json, err = f.writeAmount(u, held.Money.GetMicros())
		return json, false, err
	case *bidrailv1.Value_RatioPpm:
		if !f.isRatio() {
			return "", false, errors.New("a ratio does not belong there")
		}
		json, err = f.writeAmount(u, held.RatioPpm)
		return json, false, err
	case *bidrailv1.Value_Text:
		if f.form != word && f.form != name {
			return "", false, errors.New("a text does not belong there")
		}
		if err := f.fits(held.Text); err != nil {
			return "", false, err
		}
		return quote(held.Text), false, nil
	case *bidrailv1.Value_Unlimited:
		return f.writeMeaning(isNoLimit, "no limit")
	case *bidrailv1.Value_Absent:
		return f.writeMeaning(isAbsent, "not set")
	default:
		return "", false, errors.New("there is no value, or of a type that the platform has not")
	}
}

func (f *field) writeMeaning(m meaning, what string) (string, bool, error) {
	switch {
	case f.form == minorCap && m == isNoLimit:
		return noCap, false, nil
	case f.null == m:
		return "", true, nil
	case f.zero == m && f.form == micros:
		return `"0"`, false, nil
	case f.zero == m:
		return "0", false, nil
	}
	return "", false, fmt.Errorf("the platform has no way to say %q of it", what)
}

func (f *field) writeAmount(u units, amount int64) (string, error) {
	if amount < 0 {
		return "", errors.New("it is negative")
	}
	if amount == 0 && f.zero != itself {
		return "", errors.New("the platform does not read 0 as zero; say what is meant: a value, no limit, or not set")
	}
	unit := int64(1)
	switch f.form {
	case micros:
		unit = u.google
	case decimal:
		unit = u.iso
	case minor, minorCap:
		unit = u.meta
	case percentOver:
		if amount < 1_000_000 {
			return "", errors.New("the platform only takes what is added to a bid")
		}
		amount -= 1_000_000
		unit = 10_000
	case tenThousandths:
		unit = 100
	}
	if err := inUnits(amount, unit, u.code); err != nil {
		return "", err
	}
	switch f.form {
	case micros:
		return `"` + strconv.FormatInt(amount, 10) + `"`, nil // protojson writes int64 as a string
	case minor, minorCap, percentOver, tenThousandths:
		written := strconv.FormatInt(amount/unit, 10)
		if f.form == minorCap && written == noCap {
			return "", errors.New("the platform reads that amount as no cap at all")
		}
		return written, nil
	default:
		return writeDecimal(amount), nil
	}
}

// leaves visits everything in an object that is not an object itself, by path. What has nothing in it is visited too: leaving it out of
// an account of what is there would be passing it through. No path is visited twice: a name with a point in it would be written like a
// path, and hide what really is there.
func leaves(n *node, prefix string, visit func(path string, n *node) error) error {
	for _, each := range n.members {
		path := prefix + each.name
		if strings.Contains(each.name, ".") {
			return fmt.Errorf("%s: the name %q has a point in it, which no field has", shorten(path), shorten(each.name))
		}
		if each.value.kind == '{' && len(each.value.members) > 0 {
			if err := leaves(each.value, path+".", visit); err != nil {
				return err
			}
			continue
		}
		if err := visit(path, each.value); err != nil {
			return err
		}
	}
	return nil
}

func (r *resource) identifies(path string) bool { return slices.Contains(r.identifiers, path) }

// known lists what can be changed, for an error.
func (r *resource) known() string {
	paths := make([]string, len(r.fields))
	for i := range r.fields {
		paths[i] = r.fields[i].path
	}
	return strings.Join(paths, ", ")
}

func (r *resource) notUnderstood(path string) error {
	return fmt.Errorf("%s is not understood, so it cannot be judged; of a %s these are: %s", shorten(path), r.entityType, r.known())
}

// object is JSON that is being written, in the order in which it was set.
type object struct {
	names  []string
	values []string
	inner  []*object // where it is not nil, values has nothing
}

// set sets a value at a path. Each is set once.
func (o *object) set(path, json string) error {
	first, rest, deeper := strings.Cut(path, ".")
	at := slices.Index(o.names, first)
	if at >= 0 && (!deeper || o.inner[at] == nil) {
		return fmt.Errorf("two changes write %s", path)
	}
	if at < 0 {
		o.names, o.values, o.inner = append(o.names, first), append(o.values, ""), append(o.inner, nil)
		at = len(o.names) - 1
		if !deeper {
			o.values[at] = json
			return nil
		}
		o.inner[at] = &object{}
	}
	return o.inner[at].set(rest, json)
}

func (o *object) String() string {
	var out strings.Builder
	out.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(quote(name) + ": ")
		if o.inner[i] != nil {
			out.WriteString(o.inner[i].String())
		} else {
			out.WriteString(o.values[i])
		}
	}
	out.WriteByte('}')
	return out.String()
}
