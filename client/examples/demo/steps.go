package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// stepped is a recorded keyword that nothing else in the demo is about.
var stepped = &bidrailv1.Target{Platform: "google_ads", Account: "2121450128", Channel: "search",
	Campaign: "344106493", AdGroup: "23289504013", EntityType: "keyword", EntityId: "12731656"}

// steps lets an automation raise one bid by 18 % five times, and really makes what is allowed: claims the
// permit, changes the bid, reports it.
func (p *play) steps(ctx context.Context) (scene, error) {
	played := scene{name: "steps", intro: []string{
		"STEPS: an automation raises one bid by 18% five times. Each step passes the rule on steps; three of them are a rise of 64%.",
		"What is allowed is done this time: the permit is claimed, the bid is set, the outcome is reported. Without that the ledger would",
		"give back after a minute what it holds, as it does for the changes above, whose permits were handed back unused.",
	}}
	bid := int64(1_000_000)
	for step := 1; step <= 5; step++ {
		next := (bid*118/100 + 5_000) / 10_000 * 10_000 // to the cent
		change := client.NewChange(fmt.Sprintf("steps/%d", step), bidrailv1.Kind_KIND_BID, stepped,
			client.Seen(client.Money(bid, "USD"), time.Now()), client.Money(next, "USD"))
		decisions, err := p.check(ctx, change)
		if err != nil {
			return scene{}, err
		}
		if decisions.Allowed() {
			if err := p.guard.Apply(ctx, decisions, func(context.Context) error { bid = next; return nil }); err != nil {
				return scene{}, err
			}
		}
		if decisions.Allowed() != (step < 3) {
			p.unexpected = append(p.unexpected, fmt.Errorf("step %d: allowed is %t", step, decisions.Allowed()))
		}
		played.add(fmt.Sprintf("step %d", step), []*bidrailv1.Change{change}, decisions, nil)
	}
	return played, nil
}

// giveBack hands back the permits of what is allowed and nobody does.
func (p *play) giveBack(ctx context.Context, decisions ...client.Decision) error {
	var errs []error
	given := map[string]bool{}
	for _, decision := range decisions {
		permit := decision.Permit()
		if !decision.Allowed() || permit.GetState() != bidrailv1.PermitState_PERMIT_STATE_ISSUED || given[permit.GetPermitId()] {
			continue
		}
		given[permit.GetPermitId()] = true
		errs = append(errs, p.guard.GiveBack(ctx, permit))
	}
	return errors.Join(errs...)
}
