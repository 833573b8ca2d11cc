package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// shift moves 30 % of a portfolio's budget from one campaign to another. Two groups are asked: the first agrees to a part of it, the
// second to that. The automation redeems what they agreed to, once.
func (p *play) shift(ctx context.Context) (scene, error) {
	played := scene{name: "shift", intro: []string{
		"SHIFT: an automation moves 360 of the 1,200 USD a day of a portfolio from one campaign to another. Growth and finance are asked,",
		"one after the other. Ana of growth agrees to 200 of it, Fay of finance to what Ana left; the automation redeems that, and once.",
	}}
	from, to := portfolioCampaign("9001"), portfolioCampaign("9002")
	usd := func(units int64) *bidrailv1.Value { return client.Money(units*1_000_000, "USD") }
	portfolio := &bidrailv1.Fact{Value: usd(1_200), ObservedAt: timestamppb.Now(), Source: "demo"}
	changes := client.Group("shift",
		client.NewChange("shift/from", bidrailv1.Kind_KIND_DAILY_BUDGET, from, client.Seen(usd(700), time.Now()), usd(340)),
		client.NewChange("shift/to", bidrailv1.Kind_KIND_DAILY_BUDGET, to, client.Seen(usd(500), time.Now()), usd(860)))
	for _, change := range changes {
		change.Facts = map[string]*bidrailv1.Fact{"portfolio_daily_budget": portfolio}
	}
	decisions, err := p.check(ctx, changes...)
	if err != nil {
		return scene{}, err
	}
	played.add("a shift of 30% of a portfolio (atomic group)", changes, decisions, nil)
	id := decisions[0].GetApprovalId()
	if id == "" {
		return scene{}, fmt.Errorf("the shift was answered %s, and waits for nobody: %v", decisions[0].GetVerdict(), decisions[0].Reasons())
	}
	say := func(what, came string) { played.after = append(played.after, fmt.Sprintf("  %-62s %s", what, came)) }

	if _, err := p.review(ctx, "planner", id, nil); status.Code(err) != codes.FailedPrecondition {
		p.unexpected = append(p.unexpected, fmt.Errorf("whoever answers for the automation agreed to its change: %w", err))
	} else {
		say("the planner, who answers for the automation, agrees", "refused: whoever has a stake in it has no say")
	}
	approval, err := p.review(ctx, "ana", id, usd(700))
	if err != nil {
		return scene{}, err
	}
	say("Ana of growth agrees to 700 USD instead of 860", stateWord(approval)+", and finance is asked")
	if approval, err = p.review(ctx, "fay", id, nil); err != nil {
		return scene{}, err
	}
	say("Fay of finance agrees to that", stateWord(approval))

	guardrail := bidrailv1.NewGuardrailServiceClient(p.guard.Connection())
	redeem := &bidrailv1.RedeemRequest{ApprovalId: id, Digest: approval.GetDigest()}
	redeemed, err := guardrail.Redeem(ctx, redeem)
	if err != nil {
		return scene{}, err
	}
	say("the automation redeems it", fmt.Sprintf("permit for %s and %s", redeemedText(redeemed, 0), redeemedText(redeemed, 1)))
	for i, want := range []int64{500_000_000, 700_000_000} {
		if got := redeemed.GetPermit().GetChanges()[i].GetAfter().GetMoney().GetMicros(); got != want {
			p.unexpected = append(p.unexpected, fmt.Errorf("the permit is for %d and not for the %d that was agreed to", got, want))
		}
	}
	if _, err := p.guard.Claim(ctx, redeemed.GetPermit(), "shift"); err != nil {
		return scene{}, err
	}
	if _, err := p.guard.Report(ctx, redeemed.GetPermit().GetPermitId(), client.Outcome{State: bidrailv1.PermitState_PERMIT_STATE_APPLIED, ClaimID: "shift"}); err != nil {
		return scene{}, err
	}
	say("the permit is claimed, the budgets are set, that is reported", "on record, and in the ledger")
	if _, err := guardrail.Redeem(ctx, redeem); status.Code(err) != codes.FailedPrecondition {
		p.unexpected = append(p.unexpected, fmt.Errorf("redeemed a second time: %w", err))
	} else {
		say("it redeems a second time", "refused: the yes is used up")
	}
	made := client.Decisions{}
	for _, decision := range redeemed.GetDecisions() {
		made = append(made, client.Decision{Decision: decision})
	}
	for i, change := range changes {
		changes[i] = proto.CloneOf(change)
		changes[i].After = redeemed.GetPermit().GetChanges()[i].GetAfter()
	}
	played.add("what they agreed to, decided again when it was redeemed", changes, made, nil)
	return played, nil
}

// review has somebody agree to what they see, or to a part of it.
func (p *play) review(ctx context.Context, who, id string, limit *bidrailv1.Value) (*bidrailv1.Approval, error) {
	person, err := client.Dial(p.address, client.WithPrincipal(who, "approver"))
	if err != nil {
		return nil, err
	}
	defer person.Close()
	approvals := bidrailv1.NewApprovalServiceClient(person.Connection())
	page, err := approvals.GetApproval(ctx, &bidrailv1.GetApprovalRequest{ApprovalId: id})
	if err != nil {
		return nil, err
	}
	seen := page.GetApproval()
	return approvals.Review(ctx, &bidrailv1.ReviewRequest{ApprovalId: id, Digest: seen.GetDigest(), RequirementVersion: seen.GetRequirementVersion(),
		Stage: seen.GetStages()[seen.GetOpenStage()].GetName(), Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Cap: limit, Reason: "as far as the plan goes", Nonce: "demo", Channel: "demo"})
}

func portfolioCampaign(id string) *bidrailv1.Target {
	return &bidrailv1.Target{Platform: "amazon_ads", Account: "66", Channel: "retail_media", Portfolio: "demo", Campaign: id, EntityType: "campaign", EntityId: id}
}

func stateWord(approval *bidrailv1.Approval) string {
	return strings.TrimPrefix(approval.GetState().String(), "APPROVAL_STATE_")
}

func redeemedText(redeemed *bidrailv1.RedeemResponse, leg int) string {
	change := redeemed.GetPermit().GetChanges()[leg]
	return fmt.Sprintf("%s at %d USD", change.GetTarget().GetCampaign(), change.GetAfter().GetMoney().GetMicros()/1_000_000)
}
