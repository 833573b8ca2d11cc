package servertest

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

// Cents makes money of hundredths of a dollar.
func Cents(cents int64) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: cents * 10_000, Currency: "USD"}}}
}

// Bid is a change of a keyword's bid in the shipped account, in cents, read when the clock starts.
// The shipped rules allow it from 100 to 110, ask a person from 100 to 150 and block it from 100
// to 6000. Each id has its own keyword.
func Bid(id string, from, to int64) *bidrailv1.Change {
	return &bidrailv1.Change{
		ChangeId: id, Kind: bidrailv1.Kind_KIND_BID,
		Target: &bidrailv1.Target{
			Platform: "google_ads", Account: "example", Campaign: "101", AdGroup: "11", EntityType: "keyword", EntityId: "k-" + id,
		},
		Before: Cents(from), BeforeObservedAt: timestamppb.New(Start), After: Cents(to),
		Actor:  &bidrailv1.Actor{Automation: "pacer", Version: "1.4.0", Run: "r-1"},
		Reason: &bidrailv1.Reason{Code: "pacing", Text: "behind the plan"},
	}
}

// Budget is a change of a campaign's daily budget in the shipped account, in cents.
func Budget(id, campaign string, from, to int64) *bidrailv1.Change {
	change := Bid(id, from, to)
	change.Kind = bidrailv1.Kind_KIND_DAILY_BUDGET
	change.Target.Campaign, change.Target.AdGroup = campaign, ""
	change.Target.EntityType, change.Target.EntityId = "campaign", campaign
	return change
}

// InGroup makes the changes the legs of one atomic group.
func InGroup(group string, legs ...*bidrailv1.Change) []*bidrailv1.Change {
	for _, leg := range legs {
		leg.AtomicGroupId = group
	}
	return legs
}

// Domain reads changes as package server takes them.
func Domain(changes ...*bidrailv1.Change) []*policy.Change { return grpcapi.Changes(changes) }

// Soon is a limit for waits in tests: far more than anything takes that works.
const Soon = 20 * time.Second
