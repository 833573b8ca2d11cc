package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// crashAutomation is the subject of every client of the crash tests: they share its change ids, as the processes
// of one automation do.
const crashAutomation = "crash"

// Where the changes of the crash tests move something. There are few of each, so that the clients are in each other's way.
const (
	crashAccounts  = 3
	crashCampaigns = 4
	crashKeywords  = 30
	crashAsked     = 200 // keywords: changes that wait for people make way for others of the same field, and not all of them are to
)

// crashUnit is the changes that stand or fall together under a name: one, or the two legs of a group. It follows
// from the name alone, so any process can ask for it at any time and means the same.
func crashUnit(name string) []*bidrailv1.Change {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(hash.Sum64(), 0))
	if random.IntN(5) > 0 {
		return []*bidrailv1.Change{crashChange(name, random)}
	}
	legs := []*bidrailv1.Change{crashChange(name+".a", random), crashChange(name+".b", random)}
	for _, leg := range legs {
		leg.AtomicGroupId = name
	}
	return legs
}

// crashChange is a change of a bid or a budget. The rules allow most, and the caps fewer the longer it goes.
func crashChange(id string, random *rand.Rand) *bidrailv1.Change {
	change := &bidrailv1.Change{
		ChangeId: id,
		BatchId:  fmt.Sprint("batch-", random.IntN(4)),
		Target:   &bidrailv1.Target{Platform: "google_ads", Account: fmt.Sprint(random.IntN(crashAccounts))},
	}
	campaign := fmt.Sprint(random.IntN(crashCampaigns))
	change.Target.Campaign = campaign
	from, rise := int64(0), int64(0)
	asks := random.IntN(5) == 0 // a person has to look at it: mostly at a bid, since the budgets of an account soon come to their cap
	if random.IntN(2) == 0 && (!asks || random.IntN(4) == 0) {
		change.Kind = bidrailv1.Kind_KIND_DAILY_BUDGET
		change.Target.EntityType, change.Target.EntityId = "campaign", campaign
		from = 80_00 + random.Int64N(40_00)
		rise = 2 + random.Int64N(12_00)
	} else {
		change.Kind = bidrailv1.Kind_KIND_BID
		change.Target.AdGroup = campaign + "-" + fmt.Sprint(random.IntN(2))
		change.Target.EntityType, change.Target.EntityId = "keyword", fmt.Sprint(random.IntN(crashKeywords))
		if asks {
			change.Target.EntityId = fmt.Sprint(random.IntN(crashAsked))
		}
		from = 2_00 + random.Int64N(2_00)
		rise = 2 + random.Int64N(35)
	}
	switch chance := random.IntN(20); {
	case chance == 0: // or no bid may be so high
		rise = from
	case asks && chance < 4:
		rise += from / 5
	case asks && change.Kind == bidrailv1.Kind_KIND_BID:
		rise = -from/2 - rise
	case chance < 7:
		rise = -rise
	}
	change.Before, change.After = crashCents(from), crashCents(from+rise)
	return change
}

func crashCents(cents int64) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: cents * 10_000, Currency: "USD"}}}
}
