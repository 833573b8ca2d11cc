// Package pacer is an example automation: it walks day by day through the recorded performance of some campaigns, proposes
// budgets and bids, asks Bidrail about them, and goes on from what was allowed. Start with [Pacer.Run], which is the loop that every
// automation has.
//
// It stands for any automation that is right by its own lights: its formulae are common ones, and it knows nothing of caps, steps,
// approvals or tests. All arithmetic is in integers: millionths of the currency, rounded down to whole cents.
//
// # Budgets: pace towards a monthly plan
//
//	budget = (plan - spent this month before today) / (days left in the month, today included)
//
// It is never less than half and never more than double the present budget. The plan is the campaign's recorded budget times the days
// of the month from the campaign's first day in the data on.
//
// # Bids: aim at a cost per conversion
//
//	bid = present bid * target cost * conversions / cost
//
// That is the present bid times the target over the observed cost per conversion. Clicks, cost and conversions are counted since the
// bid was last changed. It speaks up once it has evidence: a conversion that cost something, or a cost of the target without any,
// which counts as one conversion. It is never less than half and never more than double the present bid.
//
// # What is assumed
//
// Some of what an automation would know is not in the data: the bids (a keyword starts at the average cost per click of its first
// day with a cost), the target of 40.00 per conversion, Google's budgets (50.00 a day) and its currency (USD). Microsoft's recorded
// budgets are of 2020 and later, its performance of 2018 and 2019.
package pacer

import (
	"context"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Formulae says in a few lines what the pacer does, for those who look at its proposals.
const Formulae = `budget = (monthly plan - spent this month) / days left in the month
bid    = present bid x target cost per conversion x conversions / cost
         both in integers, rounded down to cents, between half and double of the present value`

// Assumptions says in a line what the pacer takes for granted.
const Assumptions = "bids, a target of 40.00 USD per conversion, Google's budgets (50.00 USD a day)."

// Pacer is the automation, with what it believes to hold on the platforms. It works on one day at a time and is not safe for
// concurrent use.
type Pacer struct {
	campaigns []*campaign
	keywords  []*keyword
	first     time.Time
	last      time.Time
}

// Guard judges changes: a [client.Client] is one.
type Guard interface {
	CheckBatch(ctx context.Context, changes ...*bidrailv1.Change) ([]client.Result, error)
}

// Answer is what the guard said of a day's proposals, in their order.
type Answer struct {
	Day       time.Time
	Proposals []*bidrailv1.Change
	Results   []client.Result
	Took      time.Duration
}

// Run plays the whole history. Each day's proposals go to the guard in one call; those that are allowed take hold, the others are
// dropped, and the next day starts from what holds. It reports each answer.
func (p *Pacer) Run(ctx context.Context, guard Guard, report func(Answer)) error {
	for day := p.first; !day.After(p.last); day = day.AddDate(0, 0, 1) {
		proposals := p.propose(day)
		if len(proposals) == 0 {
			continue
		}
		changes := make([]*bidrailv1.Change, len(proposals))
		for i, proposal := range proposals {
			changes[i] = proposal.change
		}
		start := time.Now()
		results, err := guard.CheckBatch(ctx, changes...)
		if err != nil {
			return fmt.Errorf("the proposals of %s: %w", day.Format(time.DateOnly), err)
		}
		report(Answer{day, changes, results, time.Since(start)})
		for i, result := range results {
			if result.Allowed() {
				// A real automation would write to the platform here.
				proposals[i].apply()
			}
		}
	}
	return nil
}

// proposal is a change and what it does to the pacer's own books once it is made.
type proposal struct {
	change *bidrailv1.Change
	apply  func()
}

// propose looks at what is known in the morning of the day. The platforms are asked for the present values then, so the readings are of now.
func (p *Pacer) propose(day time.Time) []proposal {
	var proposals []proposal
	for _, campaign := range p.campaigns {
		if budget, reason := campaign.pace(day); reason != nil && budget != campaign.budget {
			id := "pacer/" + day.Format(time.DateOnly) + "/budget/" + campaign.target.GetEntityId()
			change := client.NewChange(id, campaign.kind, campaign.target,
				client.Seen(client.Money(campaign.budget, campaign.currency), time.Now()), client.Money(budget, campaign.currency))
			change.Reason = reason
			proposals = append(proposals, proposal{change, func() { campaign.budget = budget }})
		}
	}
	for _, keyword := range p.keywords {
		keyword.learn(day)
		if bid, reason := keyword.aim(); reason != nil && bid != keyword.bid {
			id := "pacer/" + day.Format(time.DateOnly) + "/bid/" + keyword.target.GetEntityId()
			change := client.NewChange(id, bidrailv1.Kind_KIND_BID, keyword.target,
				client.Seen(client.Money(keyword.bid, keyword.currency), time.Now()), client.Money(bid, keyword.currency))
			change.Reason = reason
			proposals = append(proposals, proposal{change, func() { keyword.set(bid) }})
		}
	}
	for _, proposal := range proposals {
		proposal.change.Actor = &bidrailv1.Actor{Automation: "example-pacer", Version: "1", Run: day.Format(time.DateOnly)}
	}
	return proposals
}
