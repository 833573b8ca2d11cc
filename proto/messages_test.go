package proto_test

import (
	"errors"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func money(micros int64, currency string) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: micros, Currency: currency}}}
}

// change returns a valid change, altered by edit.
func change(edit func(*bidrailv1.Change)) *bidrailv1.Change {
	c := &bidrailv1.Change{
		ChangeId: "bids-0001",
		Kind:     bidrailv1.Kind_KIND_BID,
		Target:   &bidrailv1.Target{Platform: "google_ads", Account: "123", EntityType: "keyword", EntityId: "456"},
		Before:   money(1_000_000, "USD"),
		After:    money(1_200_000, "USD"),
	}
	edit(c)
	return c
}

func check(edit func(*bidrailv1.Change)) *bidrailv1.CheckRequest {
	return &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{change(edit)}}
}

// TestRules holds each kind of rule that the .proto files state against a message that keeps or breaks it.
func TestRules(t *testing.T) {
	asIs := func(*bidrailv1.Change) {}
	labels := make(map[string]string)
	for i := range 65 {
		labels[strings.Repeat("k", i+1)] = "v"
	}
	tests := []struct {
		name    string
		message proto.Message
		field   string // the field that is wrong; empty: the message is valid
	}{
		{"a valid change", check(asIs), ""},
		{"no changes", &bidrailv1.CheckRequest{}, "changes"},
		{"101 changes", &bidrailv1.CheckRequest{Changes: make([]*bidrailv1.Change, 101)}, "changes"},
		{"no key", check(func(c *bidrailv1.Change) { c.ChangeId = "" }), "changes[0].change_id"},
		{"a key of 128 characters", check(func(c *bidrailv1.Change) { c.ChangeId = strings.Repeat("é", 128) }), ""},
		{"a key of 129 characters", check(func(c *bidrailv1.Change) { c.ChangeId = strings.Repeat("k", 129) }), "changes[0].change_id"},
		{"no kind", check(func(c *bidrailv1.Change) { c.Kind = 0 }), "changes[0].kind"},
		{"an unknown kind", check(func(c *bidrailv1.Change) { c.Kind = 99 }), "changes[0].kind"},
		{"no target", check(func(c *bidrailv1.Change) { c.Target = nil }), "changes[0].target"},
		{"no account", check(func(c *bidrailv1.Change) { c.Target.Account = "" }), "changes[0].target.account"},
		{"65 labels", check(func(c *bidrailv1.Change) { c.Target.Labels = labels }), "changes[0].target.labels"},
		{"no before", check(func(c *bidrailv1.Change) { c.Before = nil }), ""},
		{"no after", check(func(c *bidrailv1.Change) { c.After = nil }), "changes[0].after"},
		{"an empty value", check(func(c *bidrailv1.Change) { c.After = &bidrailv1.Value{} }), "changes[0].after.value"},
		{"a value of nothing", check(func(c *bidrailv1.Change) { c.After = money(0, "USD") }), ""},
		{"a negative amount", check(func(c *bidrailv1.Change) { c.After = money(-1, "USD") }), "changes[0].after.money.micros"},
		{"no currency", check(func(c *bidrailv1.Change) { c.After = money(1, "") }), "changes[0].after.money.currency"},
		{"a currency with a line end", check(func(c *bidrailv1.Change) { c.After = money(1, "USD\n") }), "changes[0].after.money.currency"},
		{"a negative ratio", check(func(c *bidrailv1.Change) {
			c.After = &bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: -1}}
		}), "changes[0].after.ratio_ppm"},
		{"unlimited", check(func(c *bidrailv1.Change) {
			c.After = &bidrailv1.Value{Value: &bidrailv1.Value_Unlimited{Unlimited: &bidrailv1.Unlimited{}}}
		}), ""},
		{"a fact without a value", check(func(c *bidrailv1.Change) {
			c.Facts = map[string]*bidrailv1.Fact{"spend_today": {}}
		}), `changes[0].facts["spend_today"].value`},
		{"a time before 1970", check(func(c *bidrailv1.Change) {
			c.EffectiveAt = &timestamppb.Timestamp{Seconds: -1}
		}), "changes[0].effective_at"},
		{"a time past 2262", check(func(c *bidrailv1.Change) {
			c.EffectiveAt = &timestamppb.Timestamp{Seconds: 9223372036}
		}), "changes[0].effective_at"},
		{"an empty batch", &bidrailv1.CheckBatchRequest{}, "changes"},
		{"an empty request of a stream", &bidrailv1.CheckStreamRequest{}, "changes"},
		{"a decision by its id", &bidrailv1.GetDecisionRequest{DecisionId: "d"}, ""},
		{"a decision by its change", &bidrailv1.GetDecisionRequest{ChangeId: "c"}, ""},
		{"a page that is too long", &bidrailv1.ListDecisionsRequest{PageSize: 1001}, "page_size"},
		{"a page of negative length", &bidrailv1.ListDecisionsRequest{PageSize: -1}, "page_size"},
		{"no filter", &bidrailv1.ListDecisionsRequest{}, ""},
		{"explaining a change", &bidrailv1.ExplainRequest{Changes: []*bidrailv1.Change{change(asIs)}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := protovalidate.Validate(tt.message)
			if tt.field == "" {
				if err != nil {
					t.Errorf("valid message refused: %v", err)
				}
				return
			}
			var invalid *protovalidate.ValidationError
			if !errors.As(err, &invalid) {
				t.Fatalf("got error %v, want a violation of %s", err, tt.field)
			}
			if got := protovalidate.FieldPathString(invalid.Violations[0].Proto.GetField()); got != tt.field {
				t.Errorf("the violation is of %q, want %q", got, tt.field)
			}
		})
	}
}

// TestEither covers the requests that name one thing in one of two ways.
func TestEither(t *testing.T) {
	for name, message := range map[string]proto.Message{
		"a decision, not named":     &bidrailv1.GetDecisionRequest{},
		"a decision, named twice":   &bidrailv1.GetDecisionRequest{DecisionId: "d", ChangeId: "c"},
		"nothing to explain":        &bidrailv1.ExplainRequest{},
		"two things to explain":     &bidrailv1.ExplainRequest{DecisionId: "d", Changes: []*bidrailv1.Change{change(func(*bidrailv1.Change) {})}},
		"an automation and no more": &bidrailv1.GetDecisionRequest{Automation: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			var invalid *protovalidate.ValidationError
			if err := protovalidate.Validate(message); !errors.As(err, &invalid) {
				t.Errorf("got error %v, want a violation", err)
			}
		})
	}
}

// TestInvalidUTF8Decodes keeps the promise of the utf8_validation option: the service gets to see such a string, and can say which
// field it is in. Without the option grpc-go answers INTERNAL before any handler runs.
func TestInvalidUTF8Decodes(t *testing.T) {
	const bad = "caf\xe9"
	sent := check(func(c *bidrailv1.Change) {
		c.ChangeId = bad
		c.Target.Labels = map[string]string{bad: bad}
	})
	wire, err := proto.Marshal(sent)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	got := new(bidrailv1.CheckRequest)
	if err := proto.Unmarshal(wire, got); err != nil {
		t.Fatalf("decode: %v", err)
	}
	if !proto.Equal(got, sent) {
		t.Errorf("decoded %v, want %v", got, sent)
	}
}
