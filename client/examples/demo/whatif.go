package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// whatIf is a mistake, or its harmless twin, made of entities and values that the histories have.
type whatIf struct {
	label   string
	changes []*bidrailv1.Change // several: the legs of an atomic group
	allowed bool                // whether it must be allowed; otherwise it must not be
}

// The entities of the recorded histories that the what-ifs are about.
var (
	amazonCampaign = &bidrailv1.Target{Platform: "amazon_ads", Account: "66", Channel: "retail_media", Portfolio: "1138",
		Campaign: "2187", CampaignName: "Gold Leader", EntityType: "campaign", EntityId: "2187"}
	amazonKeyword = &bidrailv1.Target{Platform: "amazon_ads", Account: "66", Channel: "retail_media",
		Campaign: "2187", AdGroup: "421", EntityType: "keyword", EntityId: "9101112"}
	tiktokAdGroup = &bidrailv1.Target{Platform: "tiktok", Account: "111", Channel: "social",
		Campaign: "222", AdGroup: "1", EntityType: "ad_group", EntityId: "1"}
	googleKeyword = &bidrailv1.Target{Platform: "google_ads", Account: "2121450128", Channel: "search",
		Campaign: "344106493", AdGroup: "23289504013", EntityType: "keyword", EntityId: "59284563270"}
	microsoftLarge = campaignTarget("microsoft", "150175881", "349886458")
	microsoftOther = campaignTarget("microsoft", "150175881", "359751135")
	googleInTest   = campaignTarget("google_ads", "2121450128", "344106493")
)

func campaignTarget(platform, account, id string) *bidrailv1.Target {
	return &bidrailv1.Target{Platform: platform, Account: account, Channel: "search", Campaign: id, EntityType: "campaign", EntityId: id}
}

// whatIfs lists the mistakes. All values are read now, except where staleness is the point.
func whatIfs(now time.Time) []whatIf {
	const budget, bid = bidrailv1.Kind_KIND_DAILY_BUDGET, bidrailv1.Kind_KIND_BID
	change := func(id string, kind bidrailv1.Kind, target *bidrailv1.Target, before, after *bidrailv1.Value) *bidrailv1.Change {
		return client.NewChange("what-if/"+id, kind, target, client.Seen(before, now), after)
	}
	usd := func(units int64) *bidrailv1.Value { return client.Money(units*1_000_000, "USD") }
	return []whatIf{
		{label: "cents are sent as whole units: 100 times the recorded budget", changes: []*bidrailv1.Change{
			change("cents", budget, amazonCampaign, usd(300), usd(30_000))}},
		{label: "micros are sent as whole units: a million times the recorded bid", changes: []*bidrailv1.Change{
			change("micros", bid, amazonKeyword, usd(6), usd(6_000_000))}},
		{label: "the cap is taken away, as it is on another recorded ad group", changes: []*bidrailv1.Change{
			change("uncapped", budget, tiktokAdGroup, usd(500), client.Unlimited())}},
		{label: "the amount is in another currency than the account", changes: []*bidrailv1.Change{
			change("currency", budget, microsoftOther, usd(100), client.Money(105_000_000, "EUR"))}},
		{label: "a bid is set above the ceiling, in a step that would else go to a person", changes: []*bidrailv1.Change{
			change("ceiling", bid, googleKeyword, usd(40), usd(60))}},
		{label: "nobody read the present value", changes: []*bidrailv1.Change{
			client.NewChange("what-if/no-baseline", budget, microsoftOther, client.Reading{}, usd(110))}},
		{label: "the present value was read an hour ago", changes: []*bidrailv1.Change{
			client.NewChange("what-if/stale", budget, microsoftOther, client.Seen(usd(100), now.Add(-time.Hour)), usd(110))}},
		{label: "a shift takes budget out of the running test (atomic group)", changes: client.Group("what-if/shift-test",
			change("shift-test/from", budget, googleInTest, usd(50), usd(40)),
			change("shift-test/to", budget, microsoftOther, usd(100), usd(110)))},
		{label: "a shift gives more than it takes (atomic group)", changes: client.Group("what-if/shift-unbalanced",
			change("shift-unbalanced/from", budget, microsoftLarge, usd(200), usd(190)),
			change("shift-unbalanced/to", budget, microsoftOther, usd(100), usd(120)))},
		{label: "a balanced shift between two campaigns that are in no test (atomic group); nothing is wrong with it",
			changes: client.Group("what-if/shift-balanced",
				change("shift-balanced/from", budget, microsoftLarge, usd(200), usd(180)),
				change("shift-balanced/to", budget, microsoftOther, usd(100), usd(120))),
			allowed: true},
	}
}

// whatIfs plays the mistakes, and then repeats one key with the same and with other content.
func (p *play) whatIfs(ctx context.Context) (scene, error) {
	played := scene{name: "what-if", intro: []string{
		"WHAT IF: nobody made these changes. They put known mistakes beside the recorded values, and some that are no mistakes.",
	}}
	for _, each := range whatIfs(time.Now()) {
		decisions, err := p.check(ctx, each.changes...)
		if err != nil {
			return scene{}, err
		}
		if decisions.Allowed() != each.allowed {
			p.unexpected = append(p.unexpected, fmt.Errorf("%s: allowed is %t", each.label, decisions.Allowed()))
		}
		played.add(each.label, each.changes, decisions, nil)
		if err := p.giveBack(ctx, decisions...); err != nil {
			return scene{}, err
		}
	}

	first := client.NewChange("what-if/repeated", bidrailv1.Kind_KIND_BID, googleKeyword,
		client.Seen(client.Money(750_000, "USD"), time.Now()), client.Money(800_000, "USD"))
	decided, err := p.check(ctx, first)
	if err != nil {
		return scene{}, err
	}
	if !decided.Allowed() {
		p.unexpected = append(p.unexpected, errors.New("a small step of a bid was not allowed"))
	}
	played.add("a small step of a bid; nothing is wrong with it", []*bidrailv1.Change{first}, decided, nil)

	repeated, err := p.check(ctx, first)
	if err != nil {
		return scene{}, err
	}
	if !repeated[0].GetReplayed() || repeated[0].GetDecisionId() != decided[0].GetDecisionId() {
		p.unexpected = append(p.unexpected, errors.New("the same change sent again was decided anew"))
	}
	played.add("the same again, as after a lost answer: the stored decision, not a new one", []*bidrailv1.Change{first}, repeated, nil)

	other := proto.CloneOf(first)
	other.After = client.Money(900_000, "USD")
	decisions, err := p.check(ctx, other)
	if !errors.Is(err, client.ErrKeyReused) {
		p.unexpected = append(p.unexpected, fmt.Errorf("the same key with other content: got %v, %w, want it refused", decisions, err))
	}
	played.add("the same key with another value: an error and no decision", []*bidrailv1.Change{other}, nil, err)
	return played, nil
}

func (s *scene) add(label string, changes []*bidrailv1.Change, decisions client.Decisions, err error) {
	for i, change := range changes {
		added := row{label: label, change: change, err: err}
		if i < len(decisions) {
			added.decision = decisions[i]
		}
		s.rows = append(s.rows, added)
		label = "" // above the first only
	}
}
