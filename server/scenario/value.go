package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/limits"
)

// parseValue reads a value as people write it: money, a percentage, unlimited, absent, yes or no; any other word is a text. What
// begins like an amount is one, or is refused: a currency in small letters must not become a text.
func parseValue(text string) (policy.Value, error) {
	switch text {
	case "":
		return policy.Value{}, fmt.Errorf("there is no value; leave the key out for a value that is not sent, or write absent for one that the platform does not have")
	case "unlimited":
		return policy.UnlimitedValue(), nil
	case "absent":
		return policy.AbsentValue(), nil
	case "yes", "true":
		return policy.FlagValue(true), nil
	case "no", "false":
		return policy.FlagValue(false), nil
	}
	number, negative := strings.CutPrefix(text, "-")
	if !strings.ContainsAny(text[:1], "0123456789-+.") {
		return policy.TextValue(text), nil
	}
	form, of := policy.Money, limits.Money
	if strings.HasSuffix(text, "%") {
		form, of = policy.Ratio, limits.Ratio
	}
	read, err := limits.ParseValue(of, number)
	if err != nil {
		return policy.Value{}, fmt.Errorf("%w; a text that begins like a number is {text: %q}", err, text)
	}
	value := policy.Value{Form: form, Amount: read.Amount, Currency: read.Currency}
	if negative {
		value.Amount = -value.Amount
	}
	return value, nil
}

func parseDuration(text string) (time.Duration, error) {
	read, err := limits.ParseValue(limits.Duration, text)
	if err != nil || read.Unlimited || read.Amount > int64(maxWait/time.Second) {
		return 0, fmt.Errorf("%q is not a time of at most 400 days, such as 90s, 15m, 36h or 7d", text)
	}
	return time.Duration(read.Amount) * time.Second, nil
}

// maxWait bounds what a scenario waits at once.
const maxWait = 400 * 24 * time.Hour
