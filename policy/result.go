package policy

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/bidrail/bidrail/policy/term"
)

// maxText bounds each text that a finding writes into the record.
const maxText = 2000

// decodeFinding reads a member of a rule's set strictly: what is not understood is an error, and an
// error blocks. The message's {placeholders} are filled in here, with amounts written for people.
func decodeFinding(raised Raised, input term.Value) (Finding, error) {
	raw := raised.Finding
	if raw.Map() == nil {
		return Finding{}, &EvaluationError{Reason: fmt.Sprintf("a finding must be an object with a message, not %s", raw.Kind())}
	}
	message, _ := raw.Field("message").Text()
	if message == "" {
		return Finding{}, &EvaluationError{Reason: "a finding has no message"}
	}
	finding := Finding{Rule: raised.Rule.ID, Effect: raised.Effect, Shadow: raised.Rule.Mode == RuleShadow}
	currency := changeCurrency(input)
	var err error
	if finding.Message, err = fill(message, raw, currency); err != nil {
		return Finding{}, err
	}
	if observed := raw.Field("observed"); observed.Defined() {
		if finding.Observed, err = render(observed, currency); err != nil {
			return Finding{}, err
		}
		finding.Observed = shorten(finding.Observed, maxText)
	}
	if limit := raw.Field("limit"); limit.Defined() {
		if finding.Limit, err = render(limit, currency); err != nil {
			return Finding{}, err
		}
		finding.Limit = shorten(finding.Limit, maxText)
		finding.Source, _ = limit.Field("source").Text()
	}
	if source, ok := raw.Field("source").Text(); ok {
		finding.Source = shorten(source, maxText)
	}
	if most := raw.Field("max_permitted"); most.Defined() {
		if finding.MaxPermitted, err = amountOf("max_permitted", most, input); err != nil {
			return Finding{}, err
		}
	}
	if err := finding.readApproval(raw, input); err != nil {
		return Finding{}, err
	}
	if written := raw.Field("contaminates"); written.Defined() {
		if finding.Contaminates, err = contaminationOf(written, input); err != nil {
			return Finding{}, err
		}
	}
	return finding, nil
}

// contaminationOf reads {"experiment", "arm", "emergency", "aborts"}, of which all but the first can be left out. The test must be one
// that touches the target: a finding about another one would end up in the wrong analysis, or end the wrong test.
func contaminationOf(written, input term.Value) (Contamination, error) {
	const form = `contaminates must be {"experiment": id, "arm": name, "emergency": true or false, "aborts": true or false}`
	wrong := &EvaluationError{Reason: form}
	if written.Map() == nil {
		return Contamination{}, wrong
	}
	var c Contamination
	for i := range written.Map().Len() {
		key, member := written.Map().At(i)
		name, _ := key.Text()
		ok := false
		switch name {
		case "experiment":
			c.Experiment, ok = member.Text()
		case "arm":
			c.Arm, ok = member.Text()
		case "emergency":
			c.Emergency, ok = member.Bool()
		case "aborts":
			c.Aborts, ok = member.Bool()
		}
		if !ok {
			return Contamination{}, wrong
		}
	}
	tests := input.Field("experiments").List()
	for i := 0; tests != nil && i < tests.Len(); i++ {
		if id, _ := tests.At(i).Field("id").Text(); id != "" && id == c.Experiment {
			return c, nil
		}
	}
	return Contamination{}, &EvaluationError{Reason: fmt.Sprintf("contaminates names the experiment %q, which is none of input.experiments", shorten(c.Experiment, 120))}
}

// What a finding may write of what it asks people for is bounded too. It is never shortened: people agree to it.
const (
	maxSeverity = 100
	maxStages   = 16 << 10
)

// readApproval reads what an approve finding says of itself to people: severity, magnitude and approval. On any other
// finding these would promise what nobody keeps.
func (f *Finding) readApproval(raw, input term.Value) error {
	severity, size, asked := raw.Field("severity"), raw.Field("magnitude"), raw.Field("approval")
	if f.Effect != Approve && (severity.Defined() || size.Defined() || asked.Defined()) {
		return &EvaluationError{Reason: fmt.Sprintf("severity, magnitude and approval are for people, and this finding is of %s; they belong in approve", f.Effect)}
	}
	if severity.Defined() {
		word, _ := severity.Text()
		if word == "" || len(word) > maxSeverity {
			return &EvaluationError{Reason: fmt.Sprintf("severity must be a word of at most %d bytes, such as high", maxSeverity)}
		}
		f.Severity = word
	}
	if size.Defined() {
		far, err := amountOf("magnitude", size, input)
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
	if asked.Defined() {
		stages, err := stagesOf(asked)
		if err != nil {
			return err
		}
		f.Approval = stages
	}
	return nil
}

// stagesOf reads the form of {"stages": [...]}. What the stages say is for package approval to understand, which refuses
// the change if it does not.
func stagesOf(asked term.Value) (Stages, error) {
	written := asked.Field("stages")
	if !written.Defined() || asked.Map().Len() != 1 {
		return "", &EvaluationError{Reason: `approval must be {"stages": [...]} and nothing else`}
	}
	stages := written.List()
	if stages == nil || stages.Len() == 0 {
		return "", &EvaluationError{Reason: "approval.stages must be a list of at least one stage: without any nobody is asked; leave approval out for whom the routes ask"}
	}
	for i := range stages.Len() {
		if stage := stages.At(i); stage.Map() == nil || !plain(stage) {
			return "", &EvaluationError{Reason: fmt.Sprintf("approval.stages[%d] must be an object of texts, numbers, lists and objects; a set is no list", i)}
		}
	}
	text := written.AppendJSON(nil)
	if len(text) > maxStages {
		return "", &EvaluationError{Reason: fmt.Sprintf("approval.stages is larger than %d KiB", maxStages>>10)}
	}
	return Stages(text), nil
}

// plain reports whether a value can be said in JSON: there is no set in it, and every key is a text.
func plain(value term.Value) bool {
	switch value.Kind() {
	case term.Null, term.Boolean, term.Number, term.String:
		return true
	case term.Array:
		for i := range value.List().Len() {
			if !plain(value.List().At(i)) {
				return false
			}
		}
		return true
	case term.Object:
		for i := range value.Map().Len() {
			key, member := value.Map().At(i)
			if key.Kind() != term.String || !plain(member) {
				return false
			}
		}
		return true
	}
	return false
}

// fill replaces {key} by that key of the finding. A key that the finding does not have is an error:
// the message would not say what its author meant.
func fill(message string, finding term.Value, currency string) (string, error) {
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
		value := finding.Field(key)
		if !value.Defined() {
			return "", &EvaluationError{Reason: fmt.Sprintf("the message %q asks for {%s}, which the finding does not have", message, key)}
		}
		text, err := render(value, currency)
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
func render(value term.Value, currency string) (string, error) {
	switch value.Kind() {
	case term.String:
		text, _ := value.Text()
		return text, nil
	case term.Number:
		if number, ok := integerOf(value); ok {
			return groupSigned(number), nil
		}
		return value.String(), nil
	case term.Boolean:
		return value.String(), nil
	case term.Array:
		return renderList(value.List().Len(), value.List().At, currency)
	case term.Set:
		return renderList(value.Members().Len(), value.Members().At, currency)
	case term.Object:
		return renderObject(value, currency)
	default:
		return "", &EvaluationError{Reason: fmt.Sprintf("a finding holds %s, which cannot be written for people", value.Kind())}
	}
}

func renderList(length int, member func(int) term.Value, currency string) (string, error) {
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

func renderObject(object term.Value, currency string) (string, error) {
	if from, ok := integerOf(object.Field("from")); ok {
		if to, ok := integerOf(object.Field("to")); ok {
			return FormatChange(from, to), nil
		}
	}
	if value, ok := valueOf(object); ok {
		return value.String(), nil
	}
	if count, ok := integerOf(object.Field("count")); ok {
		return groupSigned(count), nil
	}
	if seconds, ok := integerOf(object.Field("seconds")); ok {
		return formatSeconds(seconds), nil
	}
	if micros, ok := integerOf(object.Field("micros")); ok {
		if own, ok := object.Field("currency").Text(); ok {
			currency = own
		}
		return FormatMoney(micros, currency), nil
	}
	return "", &EvaluationError{Reason: fmt.Sprintf("a finding holds %s, which is no value, limit or move and cannot be written for people", shorten(object.String(), 120))}
}

// valueOf reads a typed value, or a limit, which names its type only by its member.
func valueOf(object term.Value) (Value, bool) {
	form, typed := object.Field("type").Text()
	unlimited := object.Field("unlimited")
	micros, hasMicros := integerOf(object.Field("micros"))
	currency, hasCurrency := object.Field("currency").Text()
	ppm, hasRatio := integerOf(object.Field("ppm"))
	text, hasText := object.Field("text").Text()
	switch {
	case form == Unlimited.String(), !typed && unlimited.Defined():
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
	if flag, ok := object.Field("flag").Bool(); ok && (!typed || form == Flag.String()) {
		return FlagValue(flag), true
	}
	return Value{}, false
}

// amountOf reads the typed value at a key of a finding. A bare number is in the unit of the change's new value.
func amountOf(key string, value, input term.Value) (Value, error) {
	switch value.Kind() {
	case term.Object:
		if typed, ok := valueOf(value); ok {
			return typed, nil
		}
	case term.Number:
		number, ok := integerOf(value)
		after, known := valueOf(afterOf(input))
		switch {
		case !ok || !known:
		case after.Form == Money:
			return MoneyValue(number, after.Currency), nil
		case after.Form == Ratio:
			return RatioValue(number), nil
		}
	}
	return Value{}, &EvaluationError{Reason: key + " must be a typed value, a limit, or an integer in the unit of the change"}
}

func afterOf(input term.Value) term.Value { return input.Field("change").Field("after") }

func changeCurrency(input term.Value) string {
	currency, _ := afterOf(input).Field("currency").Text()
	return currency
}

func beforeCurrency(input term.Value) string {
	currency, _ := input.Field("change").Field("before").Field("currency").Text()
	return currency
}

// integerOf reads an exact integer. One beyond int64 is held at the largest int64: it is only
// written for people, and what decided was exact.
func integerOf(value term.Value) (int64, bool) {
	if integer, ok := value.Int(); ok {
		return integer, true
	}
	number, _ := value.Number()
	exact, ok := new(big.Int).SetString(string(number), 10)
	switch {
	case !ok:
		return 0, false
	case exact.IsInt64(): // written in another way than integers are, such as -0
		return exact.Int64(), true
	case exact.Sign() < 0:
		return math.MinInt64, true
	}
	return math.MaxInt64, true
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
