package grpcapi_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

func minute(minutes int) time.Time { return servertest.Start.Add(time.Duration(minutes) * time.Minute) }

func fullGrant() approval.Grant {
	return approval.Grant{
		ID: "grt_1", ApprovalID: "apr_2", Automation: "pacer", Scope: ledger.CampaignScope("google_ads", "example", "101"), Kind: policy.KindDailyBudget,
		Rules: []string{"budget.step"}, PerChange: policy.MoneyValue(5, "EUR"), Together: policy.MoneyValue(50, "EUR"), MaxUses: 10, Reason: "sale",
		Starts: minute(1), Ends: minute(2), Version: 3, Uses: 2, Used: 7, RevokedAt: minute(3), RevokedBy: "ana",
	}
}

func fullApproval() approval.Approval {
	grant, given := fullGrant(), fullPermit()
	return approval.Approval{
		ID: "apr_1", Automation: "pacer", OnBehalfOf: "ben", Owners: []string{"cleo"}, Run: "r-1", Digest: "sha256:d", GroupID: "g", Legs: given.Legs,
		Grant: &grant,
		Items: []approval.Item{{Rule: "bid.step", Field: ledger.FieldScope(given.Legs[0].Target.Key(), policy.KindBid), Severity: "high",
			Magnitude: policy.RatioValue(500_000), Message: "half as much again", ChangeID: "c"}},
		CreatedAt: minute(1), Waits: approval.Wait(time.Hour), Lives: approval.Wait(time.Minute),
		Requirement: approval.Requirement{{
			Name: "media", Order: 1, Seats: []approval.Seat{{Group: "leads", Min: 2}}, Counts: []approval.Count{{Groups: []string{"buyers"}, People: 3}},
			DenyQuorum: 4, Distinct: true, Tiers: []approval.Tier{{After: approval.Wait(time.Second), Groups: []string{"heads"}, Notify: []string{"desk"}}},
			Deadline: approval.Wait(5 * time.Minute), Opened: 1, Note: "too few",
		}, {Name: "finance", Counts: []approval.Count{{Groups: []string{"finance"}, People: 1}}, DenyQuorum: 1}},
		RequirementVersion: 2, State: approval.ApprovedCapped, Version: 9, ChangedAt: minute(2), ChangedBy: "dora", Reason: "why",
		Deadline: minute(3), Stage: 1, StageSince: minute(4), Tier: 1,
		Met: []approval.Met{{Stage: "media", RequirementVersion: 2, At: minute(5), Cap: policy.MoneyValue(6, "EUR"),
			Counted: []approval.Counted{{Person: "p-dora", For: "p-eve", Groups: []string{"leads"}, Review: "rev_1"}}}},
		Cap: policy.MoneyValue(5, "EUR"), ApprovedAt: minute(6), ExpiresAt: minute(7), PermitID: "per_1", PermitUntil: minute(8), ClaimedAt: minute(9),
		SupersededBy: "apr_3",
	}
}

// filledIn demands that no field of the domain's value is empty, so that a test that takes fields away takes something away.
func filledIn[T any](t *testing.T, full T) {
	t.Helper()
	if empty := emptyFields(reflect.ValueOf(full), ""); len(empty) > 0 {
		t.Fatalf("the test's %T lacks %v", full, empty)
	}
}

func TestEveryFieldOfAnApprovalIsWritten(t *testing.T) {
	full := fullApproval()
	filledIn(t, full)
	message := grpcapi.ApprovalMessage(full)
	// No approval is at its end and waits for time at once, and the second stage has little.
	pending := full
	pending.ClaimedAt = time.Time{}
	message.DueAt = grpcapi.ApprovalMessage(pending).GetDueAt()
	message.Stages = message.GetStages()[:1]
	unset(t, message.ProtoReflect(), "")
	carried(t, full, grpcapi.ApprovalMessage)
	carried(t, full.Legs[0], func(leg permit.Leg) *bidrailv1.Approval {
		return grpcapi.ApprovalMessage(approval.Approval{Legs: []permit.Leg{leg}})
	})
	carried(t, full.Items[0], func(item approval.Item) *bidrailv1.Approval {
		return grpcapi.ApprovalMessage(approval.Approval{Items: []approval.Item{item}})
	})
	carried(t, full.Requirement[0], grpcapi.StageMessage)
	carried(t, full.Requirement[0].Tiers[0], func(tier approval.Tier) *bidrailv1.Stage {
		return grpcapi.StageMessage(approval.Stage{Tiers: []approval.Tier{tier}})
	})
	carried(t, full.Requirement[0].Seats[0], func(seat approval.Seat) *bidrailv1.Stage {
		return grpcapi.StageMessage(approval.Stage{Seats: []approval.Seat{seat}})
	})
	carried(t, full.Requirement[0].Counts[0], func(count approval.Count) *bidrailv1.Stage {
		return grpcapi.StageMessage(approval.Stage{Counts: []approval.Count{count}})
	})
	carried(t, full.Met[0], grpcapi.MetStageMessage)
	carried(t, full.Met[0].Counted[0], func(counted approval.Counted) *bidrailv1.MetStage {
		return grpcapi.MetStageMessage(approval.Met{Counted: []approval.Counted{counted}})
	})
	if fresh := grpcapi.ApprovalMessage(approval.Approval{}); fresh.GetApprovedAt() != nil || fresh.GetExpiresAt() != nil || fresh.GetClaimedAt() != nil || fresh.GetGrant() != nil {
		t.Errorf("what is not there is written: %v", fresh)
	}
}

// The numbers of states and kinds are the API's.
func TestApprovalNumbers(t *testing.T) {
	for number, name := range bidrailv1.ApprovalState_name {
		if want := strings.TrimPrefix(name, "APPROVAL_STATE_"); number != 0 && approval.State(number).String() != want {
			t.Errorf("state %d is %s here and %s in the API", number, approval.State(number), want)
		}
	}
	if beyond := approval.State(len(bidrailv1.ApprovalState_name)); !strings.HasPrefix(beyond.String(), "STATE(") {
		t.Errorf("%v is not in the API", beyond)
	}
	for number, name := range bidrailv1.ReviewKind_name {
		if want := strings.TrimPrefix(name, "REVIEW_KIND_"); number != 0 && approval.Kind(number).String() != want {
			t.Errorf("kind %d is %s here and %s in the API", number, approval.Kind(number), want)
		}
	}
	if beyond := approval.Kind(len(bidrailv1.ReviewKind_name)); !strings.HasPrefix(beyond.String(), "KIND(") {
		t.Errorf("%v is not in the API", beyond)
	}
}

func fullReview() approval.Review {
	return approval.Review{
		ID: "rev_1", ApprovalID: "apr_1", Reviewer: "dora", For: "eve", Kind: approval.Approve, Cap: policy.MoneyValue(5, "EUR"), Reason: "r",
		Digest: "sha256:d", RequirementVersion: 2, Stage: "media", Nonce: "n", Channel: "cli", FirstSeenAt: minute(1), Person: "p-dora",
		Groups: []string{"leads"}, At: minute(2),
	}
}

func TestEveryFieldOfAReviewIsWritten(t *testing.T) {
	full := fullReview()
	filledIn(t, full)
	unset(t, grpcapi.ReviewMessage(full).ProtoReflect(), "")
	carried(t, full, grpcapi.ReviewMessage, "Nonce")
}

func TestEveryFieldOfAnApprovalPageIsWritten(t *testing.T) {
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	full := server.ApprovalPage{
		Approval: fullApproval(), Now: minute(1), Reviews: []approval.Review{fullReview()},
		Legs: []server.ApprovalLeg{{Decision: fullDecision(), Change: domain(change), PerDay: policy.MoneyValue(-7, "EUR"), History: []*policy.Decision{fullDecision()}}},
		Exposure: []server.Exposure{{Scope: ledger.AccountScope("google_ads", "a/b"), Currency: "EUR", Raised: 1, Lowered: 2, Asked: 3, Waiting: 4, More: true,
			Problem: "no rate"}},
		Others: []approval.Approval{fullApproval()}, Permit: fullPermit(),
		Place: server.Place{Approve: true, Reject: true, Why: "w", For: []string{"eve"}},
	}
	filledIn(t, full)
	message := grpcapi.ApprovalPageMessage(full)
	if got := message.GetPermit().GetToken(); got != "" {
		t.Errorf("the page gives away the token %q", got)
	}
	carried(t, full, grpcapi.ApprovalPageMessage)
	carried(t, full.Legs[0], func(leg server.ApprovalLeg) *bidrailv1.ApprovalPage {
		return grpcapi.ApprovalPageMessage(server.ApprovalPage{Legs: []server.ApprovalLeg{leg}})
	})
	carried(t, full.Exposure[0], func(exposure server.Exposure) *bidrailv1.ApprovalPage {
		return grpcapi.ApprovalPageMessage(server.ApprovalPage{Exposure: []server.Exposure{exposure}})
	})
	carried(t, full.Place, func(place server.Place) *bidrailv1.ApprovalPage {
		return grpcapi.ApprovalPageMessage(server.ApprovalPage{Place: place})
	})
	if diff := cmp.Diff(change, message.GetLegs()[0].GetChange(), protocmp.Transform()); diff != "" {
		t.Errorf("the change (-sent +shown):\n%s", diff)
	}
	if got := grpcapi.Value(message.GetLegs()[0].GetPerDay()); got != policy.MoneyValue(-7, "EUR") {
		t.Errorf("less money a day is written %v", got)
	}
	if grpcapi.ApprovalPageMessage(server.ApprovalPage{}).GetPermit() != nil {
		t.Error("a permit that is not there is written")
	}
}

func TestEveryFieldOfAnExceptionIsWritten(t *testing.T) {
	grant := fullGrant()
	filledIn(t, grant)
	unset(t, grpcapi.GrantMessage(grant).ProtoReflect(), "")
	carried(t, grant, grpcapi.GrantMessage)

	override := approval.Override{ID: "ovr_1", Automation: "pacer", ChangeID: "c", Digest: "sha256:d", Role: policy.RoleBreakGlass, Actor: "ana", Reason: "r",
		Ticket: "INC-1", At: minute(1), ExpiresAt: minute(2), ReviewDue: minute(3), Version: 2, UsedAt: minute(4), ReviewedAt: minute(5), ReviewedBy: "ben",
		Justified: true, Finding: "f", PermitID: "per_1"}
	filledIn(t, override)
	unset(t, grpcapi.OverrideMessage(override).ProtoReflect(), "")
	carried(t, override, grpcapi.OverrideMessage)

	delegation := approval.Delegation{ID: "del_1", From: "ana", To: "ben", Groups: []string{"leads"}, Reason: "away", Starts: minute(1), Ends: minute(2),
		CreatedAt: minute(3), CreatedBy: "ana", Version: 2, EndedAt: minute(4), EndedBy: "ben"}
	filledIn(t, delegation)
	unset(t, grpcapi.DelegationMessage(delegation).ProtoReflect(), "")
	carried(t, delegation, grpcapi.DelegationMessage)

	suppression := approval.Suppression{ID: "sup_1", ApprovalID: "apr_1", Automation: "pacer", Target: fullPermit().Legs[0].Target, Kind: policy.KindBid,
		Direction: policy.Rise, Before: policy.MoneyValue(1, "EUR"), After: policy.MoneyValue(2, "EUR"), Reason: "r", At: minute(1), Until: minute(2),
		Version: 2, ClearedAt: minute(3), ClearedBy: "ana", ClearedFor: "why"}
	filledIn(t, suppression)
	unset(t, grpcapi.SuppressionMessage(suppression).ProtoReflect(), "")
	carried(t, suppression, grpcapi.SuppressionMessage)
}

func TestEveryFieldOfARedemptionIsWritten(t *testing.T) {
	full := server.Redemption{Approval: fullApproval(), Override: approval.Override{ID: "ovr_1"}, Permit: fullPermit(), Token: "t", Decisions: []*policy.Decision{fullDecision()}}
	carried(t, full, grpcapi.RedeemMessage)
	if got := grpcapi.RedeemMessage(server.Redemption{}); got.GetApproval() != nil || got.GetOverride() != nil {
		t.Errorf("what was not redeemed is written: %v", got)
	}
}

func TestDeliveriesAreWritten(t *testing.T) {
	states := bidrailv1.DeliveryState(0).Descriptor().Values()
	known := []store.DeliveryState{"", store.DeliveryWaiting, store.DeliveryDelivered, store.DeliveryGivenUp}
	if states.Len() != len(known) {
		t.Errorf("the API has %d states, the store %d", states.Len()-1, len(known)-1)
	}
	for i, state := range known {
		if got := grpcapi.DeliveryState(bidrailv1.DeliveryState(i)); got != state {
			t.Errorf("%v is read %q, want %q", bidrailv1.DeliveryState(i), got, state)
		}
		if got := grpcapi.DeliveryMessage(store.Delivery{State: state}).GetState(); got != bidrailv1.DeliveryState(i) {
			t.Errorf("%q is written %v", state, got)
		}
	}
	full := store.Delivery{Sequence: 7, Receiver: "pager", State: store.DeliveryWaiting, Attempts: 3, DueAt: minute(1), ChangedAt: minute(2), LastError: "refused",
		Notice: store.Notice{ID: "ntc_1", Topic: "approval", Object: "apr_1", Version: 4, State: "PENDING", Groups: []string{"leads"}, Coalesce: "r-1", CreatedAt: minute(3)}}
	filledIn(t, full)
	unset(t, grpcapi.DeliveryMessage(full).ProtoReflect(), "")
	carried(t, full, grpcapi.DeliveryMessage)
	carried(t, full.Notice, func(notice store.Notice) *bidrailv1.Delivery {
		return grpcapi.DeliveryMessage(store.Delivery{Notice: notice})
	})
	full.State = store.DeliveryDelivered
	if got := grpcapi.DeliveryMessage(full).GetDueAt(); got != nil {
		t.Errorf("what was delivered is due at %v", got)
	}
}

// allRead demands that every place of a request changes what is read of it, but for those named.
func allRead[M proto.Message, T any](t *testing.T, read func(M) T, but ...string) {
	t.Helper()
	var none M
	full, next := none.ProtoReflect().New().Interface().(M), int64(0)
	fill(full.ProtoReflect(), &next)
	filledIn(t, read(full))
	for _, place := range leavesOf(full) {
		changed := proto.CloneOf(full)
		place.set(changed, "other")
		if same := cmp.Equal(read(full), read(changed), cmp.AllowUnexported(ledger.Scope{})); same != slices.Contains(but, place.path) {
			t.Errorf("%s of %T is not carried: %v", place.path, full, same)
		}
	}
}

func TestEveryFieldOfARequestIsRead(t *testing.T) {
	allRead(t, grpcapi.ReviewRequest)
	allRead(t, grpcapi.BulkRequest)
	allRead(t, grpcapi.ApprovalFilter, "page_size", "page_token")
	allRead(t, grpcapi.WatchFilter, "resume_token")
	allRead(t, grpcapi.RedeemRequest)
	allRead(t, grpcapi.OverrideRequest)
	allRead(t, func(m *bidrailv1.CreateDelegationRequest) *approval.Delegation {
		d := grpcapi.Delegation(m)
		d.ID, d.From, d.CreatedAt, d.CreatedBy, d.Version, d.EndedAt, d.EndedBy = "-", "-", minute(1), "-", 1, minute(1), "-" // the server's to say
		return &d
	})
	allRead(t, func(m *bidrailv1.ProposeGrantRequest) *approval.Grant {
		m = proto.CloneOf(m)
		m.Scope = ledger.AutomationScope(m.GetScope()).String()
		g, err := grpcapi.Grant(m)
		if err != nil {
			t.Error(err)
		}
		g.ID, g.ApprovalID, g.Version, g.Uses, g.Used, g.RevokedAt, g.RevokedBy = "-", "-", 1, 1, 1, minute(1), "-"
		return &g
	})
	if _, err := grpcapi.Grant(&bidrailv1.ProposeGrantRequest{Scope: "everything"}); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("a scope that is none: got %v", err)
	}
	if got := grpcapi.ReviewRequest(&bidrailv1.ReviewRequest{}).Channel; got != "api" {
		t.Errorf("a review that does not say through what it comes: got %q, want api", got)
	}
}

// What was refused of an item says why, and the others have their approvals.
func TestBulkResults(t *testing.T) {
	refused := &approval.RefusedError{Reason: approval.StaleDigest, Message: "look again"}
	got := grpcapi.BulkResultMessage(server.BulkResult{Err: refused}).GetProblem()
	if got.GetReason() != "STALE_DIGEST" || got.GetMessage() != "look again" || got.GetCode() != 9 {
		t.Errorf("got %v", got)
	}
	if got := grpcapi.BulkResultMessage(server.BulkResult{Approval: fullApproval()}).GetApproval().GetApprovalId(); got != "apr_1" {
		t.Errorf("got the approval %q", got)
	}
}
