package server_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// What people say in the simulation, and what automations make of it.

// sit is one person who reviews what lies there, as it is or as they saw it last, and now and then revokes a yes.
func (o *office) sit(person string, number uint64) {
	random := rand.New(rand.NewPCG(o.seed, 1<<33|number))
	ctx := context.WithValue(o.t.Context(), caller{}, person)
	if person == "ben" { // before anybody asks for anything, so that nothing keeps it from being written
		lent := approval.Delegation{To: "gita", Reason: "simulated", Ends: time.Now().Add(12 * time.Hour)}
		if _, err := o.house.Load().core.CreateDelegation(o.t.Context(), servertest.Person(person), lent); err != nil {
			o.t.Error(err)
		}
	}
	seen := map[string]approval.Approval{}
	for turn := range simReviews {
		time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
		core := o.house.Load().core
		subject := person
		if person == "ines" && random.IntN(2) == 0 {
			subject = "ines-admin"
		}
		id := o.pick(random)
		if random.IntN(3) > 0 {
			mine := server.ApprovalFilter{Mine: true}
			if found := o.list(ctx, core, servertest.Person(subject), mine); len(found) > 0 {
				id = found[random.IntN(len(found))].ID
			}
		}
		if id == "" {
			continue
		}
		a, known := seen[id]
		if !known || random.IntN(3) > 0 {
			page, err := core.GetApproval(ctx, servertest.Person(subject), id)
			if err != nil {
				o.unavailable("get", err)
				continue
			}
			a = page.Approval
			seen[id] = a
		}
		if a.State.Approves() && random.IntN(12) == 0 {
			if a, err := core.RevokeApproval(ctx, servertest.Person(subject), id, "simulated"); err != nil {
				o.refused("revoke", err)
			} else {
				o.told(a)
			}
			continue
		}
		if ended(&a) && random.IntN(4) > 0 {
			continue
		}
		o.say(ctx, core, subject, o.opinion(a, subject, turn, random), random)
	}
}

// list is some approvals, in an order that a seed decides.
func (o *office) list(ctx context.Context, core *server.Server, principal policy.Principal, filter server.ApprovalFilter) []approval.Approval {
	found, _, err := core.ListApprovals(ctx, principal, filter, store.Page{Limit: store.MaxPage})
	if err != nil {
		o.unavailable("list", err)
	}
	slices.SortFunc(found, func(a, b approval.Approval) int { return cmp.Compare(a.Legs[0].ChangeID, b.Legs[0].ChangeID) })
	return found
}

// pick is one of the papers that came last.
func (o *office) pick(random *rand.Rand) string {
	o.desk.Lock()
	defer o.desk.Unlock()
	if len(o.waiting) == 0 {
		return ""
	}
	last := o.waiting[max(0, len(o.waiting)-5):]
	return last[random.IntN(len(last))].id
}

// opinion is what somebody has to say of what they see.
func (o *office) opinion(a approval.Approval, subject string, turn int, random *rand.Rand) server.ReviewRequest {
	kinds := append(slices.Repeat([]approval.Kind{approval.Approve}, 24), approval.Reject, approval.RequestChanges, approval.Comment, approval.Retract, approval.Retract)
	request := of(a, kinds[random.IntN(len(kinds))])
	request.Nonce = fmt.Sprint(subject, " ", turn)
	if request.Kind == approval.Approve && random.IntN(4) == 0 {
		leg := capped(&a)
		request.Cap = leg.Before
		request.Cap.Amount += (leg.After.Amount - leg.Before.Amount) * (1 + random.Int64N(9)) / 8 // or an eighth more than is asked for
	}
	if subject == "gita" && random.IntN(3) > 0 {
		request.For = "ben"
	}
	switch random.IntN(20) {
	case 0:
		request.Digest = "sha256:other"
	case 1:
		request.RequirementVersion--
	}
	return request
}

// say sends a review in, and sends it again when nobody knows what became of it, or for no reason.
func (o *office) say(ctx context.Context, core *server.Server, subject string, request server.ReviewRequest, random *rand.Rand) {
	for attempt := 1; attempt <= 2; attempt++ {
		a, err := core.Review(ctx, servertest.Person(subject), request)
		switch {
		case err == nil:
			o.told(a)
			if request.Digest != a.Digest && request.Kind != approval.Comment { // which counts for nothing
				o.t.Errorf("I2: a review of %s was taken for %s", request.Digest, a.Digest)
			}
			if attempt == 2 {
				o.note("said again")
			}
			if request.For != "" && request.Kind == approval.Approve {
				o.note("in another's place")
			}
			if random.IntN(8) > 0 {
				return
			}
		case errors.Is(err, policy.ErrUnavailable):
			time.Sleep(time.Duration(1 + random.Int64N(int64(time.Second)))) // until the server is there again
			core = o.house.Load().core
		default:
			o.refused("review", err)
			return
		}
	}
}

// redeem asks for the permit of an approval, with the digest that was agreed to or with another, in full or in part.
func (o *office) redeem(ctx context.Context, name string, core *server.Server, asked paper, random *rand.Rand) {
	if random.IntN(3) > 0 {
		agreed := o.list(ctx, core, automation(asked.automation), server.ApprovalFilter{ApprovalFilter: store.ApprovalFilter{Open: true}})
		agreed = slices.DeleteFunc(agreed, func(a approval.Approval) bool { return !a.State.Approves() })
		if len(agreed) > 0 {
			a := agreed[random.IntN(len(agreed))]
			asked.id, asked.digest = a.ID, a.Digest
		}
	}
	request := server.RedeemRequest{ApprovalID: asked.id, Digest: asked.digest}
	switch random.IntN(8) {
	case 0:
		request.Digest = "sha256:other"
	case 1, 2:
		request.Value = policy.MoneyValue((1001+random.Int64N(8))*micros, "USD")
	}
	var both sync.WaitGroup
	if random.IntN(4) == 0 {
		both.Go(func() { o.redeemAs(context.WithValue(ctx, caller{}, name+" too"), name+" too", core, asked, request) })
	}
	given, redeemed := o.redeemAs(ctx, name, core, asked, request)
	both.Wait()
	if redeemed && random.IntN(5) > 1 {
		o.claim(ctx, name, core, given, random)
	}
}

func (o *office) redeemAs(ctx context.Context, name string, core *server.Server, asked paper, request server.RedeemRequest) (given permit.Permit, redeemed bool) {
	got, err := core.Redeem(ctx, automation(asked.automation), request)
	if err != nil {
		o.refused("redeem", err)
		return permit.Permit{}, false
	}
	if request.Digest != asked.digest || got.Permit.Redeems != asked.id || got.Approval.PermitID != got.Permit.ID {
		o.t.Errorf("I2: %s was redeemed as %s, for a permit of %s", asked.digest, request.Digest, got.Permit.Redeems)
	}
	madePart := func(leg permit.Leg) bool { return leg.After == request.Value }
	if request.Value.Form != policy.Missing && !slices.ContainsFunc(got.Permit.Legs, madePart) {
		o.t.Errorf("I2: %v was asked for, and the permit is for %+v", request.Value, got.Permit.Legs)
	}
	o.told(got.Approval)
	o.given(name, got.Permit)
	return got.Permit, true
}

// given remembers a permit, for others of the automation to use too.
func (o *office) given(name string, redeemed permit.Permit) {
	o.desk.Lock()
	defer o.desk.Unlock()
	switch before, again := o.redeemed[redeemed.ID]; {
	case !again:
		o.permits = append(o.permits, redeemed)
		o.redeemed[redeemed.ID] = name
	case before != name:
		o.note("redeemed by both")
	}
}

func (o *office) claim(ctx context.Context, name string, core *server.Server, given permit.Permit, random *rand.Rand) {
	attempt := fmt.Sprint(name, " ", random.IntN(2))
	claimed, err := core.Claim(ctx, automation(given.Automation), "token of "+given.ID, attempt)
	o.claimed(server.Result{Permit: &given}, attempt, claimed, err)
}
