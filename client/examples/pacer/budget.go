package pacer

import (
	"strconv"
	"time"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// campaign is a budget that the pacer looks after.
type campaign struct {
	target   *bidrailv1.Target
	kind     bidrailv1.Kind
	currency string
	daily    int64               // what the plan gives it a day
	budget   int64               // what holds now
	spend    map[time.Time]int64 // by day
	first    time.Time
	last     time.Time
}

// pace computes the budget of the day. Without a reason there is none to propose.
func (c *campaign) pace(day time.Time) (int64, *bidrailv1.Reason) {
	if day.Before(c.first) || day.After(c.last) {
		return 0, nil
	}
	start := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 1, 0)
	if start.Before(c.first) {
		start = c.first
	}
	plan := c.daily * days(start, end)
	var spent int64
	for past := start; past.Before(day); past = past.AddDate(0, 0, 1) {
		spent += c.spend[past]
	}
	left := days(day, end)
	return within(c.budget, (plan-spent)/left), &bidrailv1.Reason{
		Code: "monthly_pacing",
		Text: "example automation: what is left of the monthly plan, over the days that are left",
		Evidence: map[string]string{
			"day":       day.Format(time.DateOnly),
			"plan":      client.Describe(client.Money(plan, c.currency)),
			"spent":     client.Describe(client.Money(spent, c.currency)),
			"days_left": strconv.FormatInt(left, 10),
		},
	}
}

func days(from, to time.Time) int64 { return int64(to.Sub(from) / (24 * time.Hour)) }

// cent is the smallest step of an amount in USD.
const cent = 10_000

// within rounds a wanted amount down to cents, and keeps it between half and double of the present one.
func within(present, wanted int64) int64 {
	least := (present/2 + cent - 1) / cent * cent
	return max(least, min(2*present, wanted/cent*cent))
}
