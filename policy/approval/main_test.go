package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func usd(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }

// directory is who there is. Its people may leave, and change groups.
type directory map[string]Person

func company() directory {
	human := func(id string, groups ...string) Person { return Person{ID: id, Human: true, Groups: groups} }
	return directory{
		"ana": human("ana", "growth"), "ben": human("ben", "growth"), "cai": human("cai", "growth"),
		"ana-admin": human("ana", "growth", "admins"), // the same person again
		"olga":      human("olga", "growth"),          // owns the automation
		"max":       human("max", "growth", "finance"),
		"fay":       human("fay", "finance"), "finn": human("finn", "finance"),
		"dora": human("dora", "directors"), "eve": human("eve", "watchers"), "zoe": human("zoe", "fallback"),
		"tom":   human("tom", "nobody-asks"),
		"pacer": {ID: "pacer", Groups: []string{"growth"}}, "helper": {ID: "helper", Groups: []string{"growth", "finance"}},
	}
}

func (d directory) person(subject string) Person { return d[subject] }

func (d directory) members(group string) []Person {
	var members []Person
	for _, person := range d {
		if slices.Contains(person.Groups, group) {
			members = append(members, person)
		}
	}
	return members
}

func (d directory) roster() Roster {
	return Roster{People: d.person, Members: d.members, Fallback: []string{"fallback"}}
}

func target(id string) policy.Target {
	return policy.Target{Platform: "google_ads", Account: "100", EntityType: "campaign", EntityID: id}
}

func leg(id string, kind policy.Kind, before, after policy.Value) permit.Leg {
	change := policy.Change{Kind: kind, Before: before, After: after}
	return permit.Leg{DecisionID: "dec_" + id, ChangeID: id, ChangeDigest: "sha256:" + id, Kind: kind, Target: target(id),
		Before: before, After: after, Direction: change.Direction()}
}

func field(id string) ledger.Scope {
	return ledger.FieldScope(target(id).Key(), policy.KindDailyBudget)
}

func item(rule string, magnitude policy.Value) Item {
	return Item{Rule: rule, Field: field("more"), Magnitude: magnitude}
}

// raise asks for a budget of 150 USD instead of 100.
func raise() Approval {
	return Approval{ID: "apr_1", Automation: "pacer", OnBehalfOf: "cai", Owners: []string{"olga"}, Digest: "sha256:more",
		Legs:  []permit.Leg{leg("more", policy.KindDailyBudget, usd(100), usd(150))},
		Items: []Item{item("budget.step_up", policy.RatioValue(500_000))}, CreatedAt: noon, Waits: DefaultWaits, Lives: DefaultLives}
}

func anyOf(groups ...string) []Pool {
	return mapped(groups, func(group string) Pool { return Pool{Group: group} })
}

// twoStages is two people of growth, where directors stand in after an hour, and then somebody else of finance.
func twoStages() Requirement {
	return require(
		Ask{Name: "peers", AnyOf: anyOf("growth"), Quorum: 2, Tiers: []Tier{{After: Wait(time.Hour), Groups: []string{"directors"}, Notify: []string{"watchers"}}}},
		Ask{Name: "finance", AnyOf: anyOf("finance"), Distinct: true},
	)
}

func require(asks ...Ask) Requirement {
	requirement, err := Require(asks...)
	if err != nil {
		panic(err)
	}
	return requirement
}

// desk is an approval, its reviews, and what was said and done.
type desk struct {
	t           testing.TB
	approval    Approval
	reviews     []Review
	people      directory
	delegations []Delegation
	now         time.Time
	count       int
}

func opened(t testing.TB, a Approval, requirement Requirement) *desk {
	t.Helper()
	d := &desk{t: t, people: company(), now: a.CreatedAt}
	step, err := Open(a, requirement, d.people.roster())
	if err != nil {
		t.Fatal(err)
	}
	d.approval = step.Approval
	return d
}

// review is what a reviewer sends who has just looked at the approval.
func (d *desk) review(reviewer string, kind Kind, limit ...policy.Value) Submit {
	d.count++
	review := Review{ID: fmt.Sprintf("rev_%d", d.count), ApprovalID: d.approval.ID, Reviewer: reviewer, Kind: kind, Digest: d.approval.Digest,
		RequirementVersion: d.approval.RequirementVersion, Stage: d.approval.open().Name, Nonce: fmt.Sprint(d.count)}
	if kind != Approve && kind != Retract || len(limit) > 0 {
		review.Reason = "because"
	}
	if len(limit) > 0 {
		review.Cap = limit[0]
	}
	return d.known(review)
}

func (d *desk) known(review Review) Submit {
	return Submit{Review: review, Known: Known{Reviews: d.reviews, People: d.people.person, Delegations: d.delegations}}
}

// judged is the review with the rules' word that any cap is fine.
func judged(a *Approval, submit Submit, now time.Time) Submit {
	if step := a.Apply(submit, now); step.Judge.Form != policy.Missing {
		submit.Known.Judged = Judged{Cap: step.Judge, Outcome: Outcome{Verdict: policy.Allow}}
	}
	return submit
}

func (d *desk) apply(event Event) Step {
	if submit, ok := event.(Submit); ok {
		event = judged(&d.approval, submit, d.now)
	}
	step := d.approval.Apply(event, d.now)
	d.approval = step.Approval
	if step.Review.ID != "" {
		d.reviews = append(d.reviews, step.Review)
	}
	return step
}

// must applies an event that is to go through.
func (d *desk) must(event Event) Step {
	d.t.Helper()
	step := d.apply(event)
	if step.Refusal != nil || !step.Changed {
		d.t.Fatalf("got changed %t, refusal %v", step.Changed, step.Refusal)
	}
	return step
}

func (d *desk) approve(reviewers ...string) *desk {
	d.t.Helper()
	for _, reviewer := range reviewers {
		d.must(d.review(reviewer, Approve))
	}
	return d
}

func (d *desk) redeem(permit string) Redeem {
	return Redeem{By: "pacer", Digest: d.approval.Digest, Permit: permit, Until: d.now.Add(time.Minute), Outcome: Outcome{Verdict: policy.Allow}, Roster: d.people.roster()}
}

// wants is an outcome that wants people for these.
func wants(asked ...Asked) Outcome { return Outcome{Verdict: policy.RequireApproval, Asked: asked} }

// reasonOf is why a step was refused; "" if it was not.
func reasonOf(step Step) string {
	if refusal, ok := errors.AsType[*RefusedError](step.Refusal); ok {
		if !errors.Is(step.Refusal, policy.ErrPrecondition) {
			return "not a precondition"
		}
		return string(refusal.Reason)
	}
	for word, kind := range map[string]error{"forbidden": policy.ErrForbidden, "invalid": policy.ErrInvalid, "reused": policy.ErrKeyReused} {
		if errors.Is(step.Refusal, kind) {
			return word
		}
	}
	if step.Refusal != nil {
		return step.Refusal.Error()
	}
	return ""
}

// outcome writes a step as the tables do: the state ("-": no change) with stage and tier while it is pending, the
// permit that is revoked with it, who hears of it, and why it was refused.
func outcome(step Step) string {
	words := []string{"-"}
	if step.Changed {
		a := &step.Approval
		words[0] = a.word()
		if a.State == Pending {
			words[0] += fmt.Sprintf(" %s/%d", a.open().Name, a.Tier)
			if a.RequirementVersion > 1 {
				words[0] += fmt.Sprintf(" v%d", a.RequirementVersion)
			}
		}
		if a.State.Approves() && a.PermitID != "" && a.ClaimedAt.IsZero() {
			words = append(words, "out")
		}
		if a.State == ApprovedCapped {
			words = append(words, "≤"+strings.TrimSuffix(a.Cap.String(), ".00 USD"))
		}
	} else if step.Review.ID != "" {
		words[0] = "kept"
	}
	if step.Permit != "" {
		words = append(words, "revoke")
	}
	if len(step.Notify) > 0 {
		words = append(words, "→"+strings.Join(step.Notify, ","))
	}
	if reason := reasonOf(step); reason != "" {
		words = append(words, reason)
	}
	return strings.Join(words, " ")
}
