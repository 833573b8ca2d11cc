package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// An automation asks before it raises a bid, and acts only when it may.
func Example() {
	guard, err := client.Dial("127.0.0.1:7443", client.WithPrincipal("bid-optimizer", "automation"))
	if err != nil {
		log.Fatal(err)
	}
	defer guard.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	before, err := client.ParseMoney("1.20", "USD") // as the platform's report has it
	if err != nil {
		log.Fatal(err)
	}
	readAt := time.Now()
	keyword := &bidrailv1.Target{
		Platform: "google_ads", Account: "2121450128", Channel: "search", Campaign: "344106493", AdGroup: "23289504013",
		EntityType: "keyword", EntityId: "59284563270",
	}
	change := client.NewChange("bids/2026-03-02/59284563270", bidrailv1.Kind_KIND_BID, keyword,
		client.Seen(before, readAt), client.Money(1_450_000, "USD"))
	change.Reason = &bidrailv1.Reason{Code: "low_impression_share", Text: "shown in 31% of the auctions it could have been in"}

	decisions, err := guard.Check(ctx, change)
	if err != nil {
		log.Print("the bid stays: ", err)
		return
	}
	if !decisions.Allowed() {
		for _, reason := range decisions[0].Reasons() {
			log.Printf("the bid stays: %s: %s", reason.GetRule(), reason.GetMessage())
		}
		return
	}
	err = guard.Apply(ctx, decisions, func(context.Context) error {
		// Set the bid on the platform here, and return nil when it has taken it.
		return fmt.Errorf("%w: the platform is closed for maintenance", client.ErrNotMade)
	})
	switch {
	case errors.Is(err, client.ErrNotReported):
		log.Print("somebody must look at the bid: ", err)
	case err != nil:
		log.Print("the bid stays: ", err)
	}
}

// A change that people are asked about is made once they have agreed, as far as they have.
func ExampleWaitForPeople() {
	guard, err := client.Dial("127.0.0.1:7443", client.WithPrincipal("pacer", "automation"))
	if err != nil {
		log.Fatal(err)
	}
	defer guard.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Hour) // people have four
	defer cancel()

	campaign := &bidrailv1.Target{Platform: "google_ads", Account: "2121450128", Campaign: "344106493", EntityType: "campaign", EntityId: "344106493"}
	change := client.NewChange("pace/2026-03-02/344106493", bidrailv1.Kind_KIND_DAILY_BUDGET, campaign,
		client.Seen(client.Money(100_000_000, "USD"), time.Now()), client.Money(160_000_000, "USD"))
	decisions, err := guard.Check(ctx, change)
	if err != nil {
		log.Print("the budget stays: ", err)
		return
	}
	setBudget := func(_ context.Context, permit *bidrailv1.Permit) error {
		for _, permitted := range permit.GetChanges() {
			log.Printf("campaign %s: %s a day", permitted.GetTarget().GetCampaign(), client.Describe(permitted.GetAfter()))
		}
		return nil
	}
	readBudget := func(context.Context) (map[string]*bidrailv1.Observation, error) {
		// Read the budget on the platform again here; people have taken their time.
		return map[string]*bidrailv1.Observation{change.GetChangeId(): {BeforeObservedAt: timestamppb.Now()}}, nil
	}
	err = guard.ApplyPermitted(ctx, decisions, setBudget, client.WaitForPeople(), client.ReadAgain(readBudget))
	if refusal, refused := errors.AsType[*client.ApprovalError](err); refused {
		log.Printf("the budget stays: %s said %q", refusal.GetChangedBy(), refusal.GetReason())
	} else if err != nil {
		log.Print("somebody must look at the budget: ", err)
	}
}

// A budget moves from one campaign to another: both changes land, or none.
func ExampleGroup() {
	campaign := func(id string) *bidrailv1.Target {
		return &bidrailv1.Target{Platform: "microsoft", Account: "150175881", Campaign: id, EntityType: "campaign", EntityId: id}
	}
	now := time.Now()
	legs := client.Group("shift/2026-03-02",
		client.NewChange("shift/2026-03-02/from", bidrailv1.Kind_KIND_DAILY_BUDGET, campaign("349886458"),
			client.Seen(client.Money(200_000_000, "USD"), now), client.Money(180_000_000, "USD")),
		client.NewChange("shift/2026-03-02/to", bidrailv1.Kind_KIND_DAILY_BUDGET, campaign("359751135"),
			client.Seen(client.Money(100_000_000, "USD"), now), client.Money(120_000_000, "USD")),
	)
	// decisions, err := guard.Check(ctx, legs...)
	for _, leg := range legs {
		fmt.Println(leg.GetTarget().GetCampaign(), client.Describe(leg.GetBefore()), "to", client.Describe(leg.GetAfter()))
	}
	// Output:
	// 349886458 200.00 USD to 180.00 USD
	// 359751135 100.00 USD to 120.00 USD
}
