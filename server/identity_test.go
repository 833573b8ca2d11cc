package server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// A name that could be written in two ways would get past what is registered under the other one.
func TestNamesThatLookLikeOthersAreRefused(t *testing.T) {
	s := servertest.New(t)
	for _, test := range []struct {
		name, field string
		edit        func(*bidrailv1.Change)
	}{
		{"capitals in the entity type", "target.entity_type", func(c *bidrailv1.Change) { c.Target.EntityType = "Keyword" }},
		{"capitals in the platform", "target.platform", func(c *bidrailv1.Change) { c.Target.Platform = "Google_Ads" }},
		{"capitals in the channel", "target.channel", func(c *bidrailv1.Change) { c.Target.Channel = "Search" }},
		{"a blank behind an id", "target.entity_id", func(c *bidrailv1.Change) { c.Target.EntityId = "77 " }},
		{"a character of no width", "target.entity_id", func(c *bidrailv1.Change) { c.Target.EntityId = "77\u200b" }},
		{"text that turns direction", "target.campaign", func(c *bidrailv1.Change) { c.Target.Campaign = "101\u202e" }},
		{"a line break", "target.account", func(c *bidrailv1.Change) { c.Target.Account = "a\nb" }},
		{"capitals in a label's key", "target.labels", func(c *bidrailv1.Change) { c.Target.Labels = map[string]string{"Protected": "yes"} }},
		{"a blank before a label", `target.labels["protected"]`, func(c *bidrailv1.Change) { c.Target.Labels = map[string]string{"protected": " yes"} }},
		{"a blank in a status", "after.text", func(c *bidrailv1.Change) {
			c.Kind = bidrailv1.Kind_KIND_STATUS
			c.Before = &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: "PAUSED"}}
			c.After = &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: "ARCHIVED "}}
		}},
		{"capitals in a fact", "facts", func(c *bidrailv1.Change) {
			c.Facts = map[string]*bidrailv1.Fact{"Daily_budget": {Value: c.After}}
		}},
		{"a fact of tomorrow", `facts["daily_budget"].observed_at`, func(c *bidrailv1.Change) {
			c.Facts = map[string]*bidrailv1.Fact{"daily_budget": {Value: c.After, ObservedAt: timestamppb.New(s.Clock.Now().Add(24 * time.Hour))}}
		}},
		{"a campaign in another campaign", "target.campaign", func(c *bidrailv1.Change) {
			c.Target.EntityType, c.Target.EntityId, c.Target.Campaign = "campaign", "401", "402"
		}},
		{"a group of one", "atomic_group_id", func(c *bidrailv1.Change) { c.AtomicGroupId = "alone" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			change := servertest.Bid("a", 100, 110)
			test.edit(change)
			_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(change)})
			var field *server.FieldError
			if !errors.As(err, &field) || !errors.Is(err, policy.ErrInvalid) || field.Field != "changes[0]."+test.field {
				t.Errorf("got %v, want an error about changes[0].%s", err, test.field)
			}
		})
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("%d decisions were recorded", got)
	}
}

// What is registered for a campaign is found when the campaign itself is changed, whether or not the
// caller says which campaign it is in.
func TestACampaignIsInItself(t *testing.T) {
	s := servertest.New(t)
	change := servertest.Budget("a", "401", 100, 110)
	change.Target.EntityType, change.Target.EntityId, change.Target.Campaign = "campaign", "401", ""
	decision := decide(t, s, change)[0].Decision
	if decision.Target.Campaign != "401" {
		t.Errorf("got campaign %q, want 401: %s", decision.Target.Campaign, strings.Join(rules(decision), ", "))
	}
}

func rules(decision *policy.Decision) []string {
	var ids []string
	for _, finding := range decision.Findings {
		ids = append(ids, finding.Rule)
	}
	return ids
}
