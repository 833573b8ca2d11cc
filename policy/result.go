package policy

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// maxText bounds each text that a finding writes into the record.
const maxText = 2000

// decodeFinding reads a member of a rule's set strictly: what is not understood is an error, and an
// error blocks. The message's {placeholders} are filled in here, with amounts written for people.
func decodeFinding(raised Raised, input ast.Object) (Finding, error) {
	object, ok := raised.Finding.(ast.Object)
	if !ok {
		return Finding{}, &EvaluationError{Reason: fmt.Sprintf("a finding must be an object with a message, not %s", ast.ValueName(raised.Finding))}
	}
	message, ok := stringAt(object, "message")
	if !ok || message == "" {
		return Finding{}, &EvaluationError{Reason: "a finding has no message"}
	}
	finding := Finding{Rule: raised.Rule.ID, Effect: raised.Effect, Shadow: raised.Rule.Mode == RuleShadow}
	currency := changeCurrency(input)
	var err error
	if finding.Message, err = fill(message, object, currency); err != nil {
		return Finding{}, err
	}
	if term := object.Get(str("observed")); term != nil {
		if finding.Observed, err = render(term.Value, currency); err != nil {
			return Finding{}, err
		}
		finding.Observed = shorten(finding.Observed, maxText)
	}
	if term := object.Get(str("limit")); term != nil {
		if finding.Limit, err = render(term.Value, currency); err != nil {
			return Finding{}, err
		}
		finding.Limit = shorten(finding.Limit, maxText)
		if limit, ok := term.Value.(ast.Object); ok {
			finding.Source, _ = stringAt(limit, "source")
		}
	}
	if source, ok := stringAt(object, "source"); ok {
		finding.Source = shorten(source, maxText)
	}
	if term := object.Get(str("max_permitted")); term != nil {
		if finding.MaxPermitted, err = amountOf("max_permitted", term.Value, input); err != nil {
			return Finding{}, err
		}
	}
	if err := finding.readApproval(object, input); err != nil {
		return Finding{}, err
	}
	return finding, nil
}

// What a finding may write of what it asks people for is bounded too. It is never shortened: people agree to it.
const (
	maxSeverity = 100
	maxStages   = 16 << 10
)

// readApproval reads what an approve finding says of itself to people: severity, magnitude and approval. On any other
// finding these would promise what nobody keeps.
func (f *Finding) readApproval(object, input ast.Object) error {
	severity, size, asked := object.Get(str("severity")), object.Get(str("magnitude")), object.Get(str("approval"))
	if f.Effect != Approve && (severity != nil || size != nil || asked != nil) {
		return &EvaluationError{Reason: fmt.Sprintf("severity, magnitude and approval are for people, and this finding is of %s; they belong in approve", f.Effect)}
	}
	if severity != nil {
		word, ok := severity.Value.(ast.String)
		if !ok || word == "" || len(word) > maxSeverity {
			return &EvaluationError{Reason: fmt.Sprintf("severity must be a word of at most %d bytes, such as high", maxSeverity)}
		}
		f.Severity = string(word)
	}
	if size != nil {
		far, err := amountOf("magnitude", size.Value, input)
		if err != nil {
			return err
		}
		switch {
		case far.Form != Money && far.Form != Ratio && far.Form != Unlimited:
			return &EvaluationError{Reason: fmt.Sprintf("magnitude is %v, and nobody could tell what is more than that; leave it out where it is yes or no", far)}
		case far.Amount == math.MaxInt64 || far.Amount == math.MinInt64: // or beyond that: see integerOf
			return &EvaluationError{Reason: "magnitude is too large to be compared"}
		}
		f.Magnitude = far
	}
	if asked != nil {
		stages, err := stagesOf(asked.Value)
		if err != nil {
			return err
		}
		f.Approval = stages
	}
	return nil
}

// stagesOf reads the form of {"stages": [...]}. What the stages say is for package approval to understand, which refuses
// the change if it does not.
func stagesOf(value ast.Value) (Stages, error) {
	asked, ok := value.(ast.Object)
	if !ok || asked.Len() != 1 || asked.Get(str("stages")) == nil {
		return "", &EvaluationError{Reason: `approval must be {"stages": [...]} and nothing else`}
	}
	stages, ok := asked.Get(str("stages")).Value.(*ast.Array)
	if !ok || stages.Len() == 0 {
		return "", &EvaluationError{Reason: "approval.stages must be a list of at least one stage: without any nobody is asked; leave approval out for whom the routes ask"}
	}
	for i := range stages.Len() {
		if stage := stages.Elem(i).Value; ast.ValueName(stage) != "object" || !plain(stage) {
			return "", &EvaluationError{Reason: fmt.Sprintf("approval.stages[%d] must be an object of texts, numbers, lists and objects; a set is no list", i)}
		}
	}
	written := appendJSON(nil, stages)
	if len(written) > maxStages {
		return "", &EvaluationError{Reason: fmt.Sprintf("approval.stages is larger than %d KiB", maxStages>>10)}
	}
	return Stages(written), nil
}

// plain reports whether a value can be said in JSON: there is no set in it, and every key is a text.
func plain(value ast.Value) bool {
	switch value := value.(type) {
	case ast.Null, ast.Boolean, ast.Number, ast.String:
		return true
	case *ast.Array:
		for i := range value.Len() {
			if !plain(value.Elem(i).Value) {
				return false
			}
		}
		return true
	case ast.Object:
		for _, key := range value.Keys() {
			if _, text := key.Value.(ast.String); !text || !plain(value.Get(key).Value) {
				return false
			}
		}
		return true
	}
	return false
}

// fill replaces {key} by that key of the finding. A key that the finding does not have is an error:
// the message would not say what its author meant.
func fill(message string, finding ast.Object, currency string) (string, error) {
	var filled strings.Builder
	for rest := message; ; {
		before, after, found := strings.Cut(rest, "{")
		filled.WriteString(before)
		if !found {
			break
		}
		key, tail, closed := strings.Cut(after, "}")
		if !closed {
			return "", &EvaluationError{Reason: fmt.Sprintf("the message %q has a { without a }", message)}
		}
		term := finding.Get(ast.StringTerm(key))
		if term == nil {
			return "", &EvaluationError{Reason: fmt.Sprintf("the message %q asks for {%s}, which the finding does not have", message, key)}
		}
		text, err := render(term.Value, currency)
		if err != nil {
			return "", err
		}
		filled.WriteString(text)
		rest = tail
	}
	return shorten(filled.String(), maxText), nil
}

// render writes a value of a finding for people: typed values and limits with their unit,
// {"from", "to"} as a signed percentage, lists with commas.
func render(value ast.Value, currency string) (string, error) {
	switch value := value.(type) {
	case ast.String:
		return string(value), nil
	case ast.Number:
		if number, ok := integerOf(value); ok {
			return groupSigned(number), nil
		}
		return value.String(), nil
	case ast.Boolean:
		return strconv.FormatBool(bool(value)), nil
	case *ast.Array:
		return renderList(value.Len(), func(i int) ast.Value { return value.Elem(i).Value }, currency)
	case ast.Set:
		members := value.Sorted()
		return renderList(members.Len(), func(i int) ast.Value { return members.Elem(i).Value }, currency)
	case ast.Object:
		return renderObject(value, currency)
	default:
		return "", &EvaluationError{Reason: fmt.Sprintf("a finding holds %s, which cannot be written for people", ast.ValueName(value))}
	}
}

func renderList(length int, member func(int) ast.Value, currency string) (string, error) {
	texts := make([]string, length)
	for i := range length {
		text, err := render(member(i), currency)
		if err != nil {
			return "", err
		}
		texts[i] = text
	}
	return strings.Join(texts, ", "), nil
}

func renderObject(object ast.Object, currency string) (string, error) {
	if from, ok := integerAt(object, "from"); ok {
		if to, ok := integerAt(object, "to"); ok {
			return FormatChange(from, to), nil
		}
	}
	if value, ok := valueOf(object); ok {
		return value.String(), nil
	}
	if count, ok := integerAt(object, "count"); ok {
		return groupSigned(count), nil
	}
	if seconds, ok := integerAt(object, "seconds"); ok {
		return formatSeconds(seconds), nil
	}
	if micros, ok := integerAt(object, "micros"); ok {
		if own, ok := stringAt(object, "currency"); ok {
			currency = own
		}
		return FormatMoney(micros, currency), nil
	}
	return "", &EvaluationError{Reason: fmt.Sprintf("a finding holds %s, which is no value, limit or move and cannot be written for people", shorten(object.String(), 120))}
}

// valueOf reads a typed value, or a limit, which names its type only by its member.
func valueOf(object ast.Object) (Value, bool) {
	form, typed := stringAt(object, "type")
	unlimited := object.Get(str("unlimited"))
	micros, hasMicros := integerAt(object, "micros")
	currency, hasCurrency := stringAt(object, "currency")
	ppm, hasRatio := integerAt(object, "ppm")
	text, hasText := stringAt(object, "text")
	switch {
	case form == Unlimited.String(), !typed && unlimited != nil:
		return UnlimitedValue(), true
	case form == Absent.String():
		return AbsentValue(), true
	case hasMicros && hasCurrency && (!typed || form == Money.String()):
		return MoneyValue(micros, currency), true
	case hasRatio && (!typed || form == Ratio.String()):
		return RatioValue(ppm), true
	case hasText && (!typed || form == Text.String()):
		return TextValue(text), true
	}
	if flag := object.Get(str("flag")); flag != nil && (!typed || form == Flag.String()) {
		if set, ok := flag.Value.(ast.Boolean); ok {
			return FlagValue(bool(set)), true
		}
	}
	return Value{}, false
}

// amountOf reads the typed value at a key of a finding. A bare number is in the unit of the change's new value.
func amountOf(key string, value ast.Value, input ast.Object) (Value, error) {
	wrong := &EvaluationError{Reason: key + " must be a typed value, a limit, or an integer in the unit of the change"}
	switch value := value.(type) {
	case ast.Object:
		if typed, ok := valueOf(value); ok {
			return typed, nil
		}
	case ast.Number:
		number, ok := integerOf(value)
		after, known := valueOf(afterOf(input))
		if !ok || !known {
			return Value{}, wrong
		}
		switch after.Form {
		case Money:
			return MoneyValue(number, after.Currency), nil
		case Ratio:
			return RatioValue(number), nil
		}
	}
	return Value{}, wrong
}

func afterOf(input ast.Object) ast.Object {
	return input.Get(str("change")).Value.(ast.Object).Get(str("after")).Value.(ast.Object)
}

func changeCurrency(input ast.Object) string {
	currency, _ := stringAt(afterOf(input), "currency")
	return currency
}

func beforeCurrency(input ast.Object) string {
	before := input.Get(str("change")).Value.(ast.Object).Get(str("before")).Value.(ast.Object)
	currency, _ := stringAt(before, "currency")
	return currency
}

func integerAt(object ast.Object, name string) (int64, bool) {
	term := object.Get(str(name))
	if term == nil {
		return 0, false
	}
	number, ok := term.Value.(ast.Number)
	if !ok {
		return 0, false
	}
	return integerOf(number)
}

// integerOf reads an exact integer. One beyond int64 is held at the largest int64: it is only
// written for people, and what decided was exact.
func integerOf(number ast.Number) (int64, bool) {
	if integer, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return integer, true
	}
	exact, ok := new(big.Int).SetString(string(number), 10)
	if !ok {
		return 0, false
	}
	if exact.Sign() < 0 {
		return -1 << 63, true
	}
	return 1<<63 - 1, true
}

func groupSigned(number int64) string {
	text := groupThousands(strconv.FormatUint(magnitude(number), 10))
	if number < 0 {
		return "-" + text
	}
	return text
}

// formatSeconds writes a duration in its largest whole unit.
func formatSeconds(seconds int64) string {
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}} {
		if seconds >= unit.seconds && seconds%unit.seconds == 0 || unit.seconds == 1 {
			count := seconds / unit.seconds
			if count == 1 {
				return "1 " + unit.name
			}
			return groupSigned(count) + " " + unit.name + "s"
		}
	}
	return ""
}
