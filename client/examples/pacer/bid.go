package pacer

import (
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// targetCost is what a conversion may cost: an assumption of the example.
const targetCost = 40_000_000

// keyword is a bid that the pacer looks after.
type keyword struct {
	target   *bidrailv1.Target
	currency string
	bid      int64                 // what holds now; 0: not known yet
	days     map[time.Time]counted // the recorded performance
	evidence counted               // since the bid was last changed
	news     bool                  // the last day learned added to the evidence
}

// counted is what happened in some time.
type counted struct {
	clicks, cost, conversions int64
}

// learn adds the performance of the day before to the evidence.
func (k *keyword) learn(day time.Time) {
	yesterday, found := k.days[day.AddDate(0, 0, -1)]
	k.news = found && yesterday != counted{}
	k.evidence.clicks += yesterday.clicks
	k.evidence.cost += yesterday.cost
	k.evidence.conversions += yesterday.conversions
	if k.bid == 0 && yesterday.clicks > 0 && yesterday.cost > 0 {
		k.bid = max(cent, yesterday.cost/yesterday.clicks/cent*cent)
	}
}

// aim computes the bid that the evidence asks for. Without a reason there is none to propose: nothing new happened, or not enough.
func (k *keyword) aim() (int64, *bidrailv1.Reason) {
	seen := k.evidence
	if !k.news || k.bid == 0 || seen.cost == 0 || seen.conversions == 0 && seen.cost < targetCost {
		return 0, nil
	}
	wanted := timesOver(k.bid, targetCost*max(1, seen.conversions), seen.cost)
	return max(cent, within(k.bid, wanted)), &bidrailv1.Reason{
		Code: "target_cost",
		Text: "example automation: the bid times the target cost per conversion, over the observed one",
		Evidence: map[string]string{
			"target":      client.Describe(client.Money(targetCost, k.currency)),
			"cost":        client.Describe(client.Money(seen.cost, k.currency)),
			"clicks":      strconv.FormatInt(seen.clicks, 10),
			"conversions": strconv.FormatInt(seen.conversions, 10),
		},
	}
}

// set makes the bid hold. The evidence was about the old one.
func (k *keyword) set(bid int64) { k.bid, k.evidence = bid, counted{} }

// timesOver is value*factor/divisor, rounded down and at most the largest integer. None of them is negative, and the divisor is not 0.
func timesOver(value, factor, divisor int64) int64 {
	high, low := bits.Mul64(uint64(value), uint64(factor))
	if high >= uint64(divisor) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, uint64(divisor))
	return int64(min(quotient, math.MaxInt64))
}
