package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func TestFactValue(t *testing.T) {
	for text, want := range map[string]*bidrailv1.Value{
		"12.50 USD": client.Money(12_500_000, "USD"), "5000JPY": client.Money(5_000_000_000, "JPY"), "0 EUR": client.Money(0, "EUR"),
		"35%": client.Ratio(350_000), "0.0001%": client.Ratio(1), "12.5x": client.Ratio(12_500_000), "1240x": client.Ratio(1_240_000_000), "0x": client.Ratio(0),
		"350000ppm": client.Ratio(350_000), "9223372036854775807ppm": client.Ratio(math.MaxInt64),
		"true": client.Flag(true), "false": client.Flag(false), "unlimited": client.Unlimited(),
		"TARGET_CPA": client.Text("TARGET_CPA"), "2026-03-01T00:00:00Z": client.Text("2026-03-01T00:00:00Z"), "text:true": client.Text("true"), "text:5": client.Text("5"),
		"True": client.Text("True"),
	} {
		got, err := factValue(text)
		if difference := cmp.Diff(want, got, protocmp.Transform()); err != nil || difference != "" {
			t.Errorf("%s: %v\n%s", text, err, difference)
		}
	}
	for text, says := range map[string]string{
		"": "not put", "12.5": "has no unit", "1240": "has no unit", "-3": "has no unit", "1,240": "has no unit",
		"1,240x": "at most one point", "-5 USD": "at most one point", "0.00001%": "finer than a millionth", "0.0000001x": "finer than a millionth",
		"9223372036854775808ppm": "parts per million", "-1ppm": "parts per million", "99999999999999999999x": "too large",
	} {
		if got, err := factValue(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, %v; want an error that says %q", text, got, err, says)
		}
	}
	// What is listed is read again as the same.
	for _, value := range []*bidrailv1.Value{client.Ratio(1), client.Ratio(350_000), client.Ratio(1_000_000), client.Ratio(1_000_001), client.Ratio(1_240_000_000), client.Text("a")} {
		if got, err := factValue(factText(value)); err != nil || cmp.Diff(value, got, protocmp.Transform()) != "" {
			t.Errorf("%v is listed as %s, which is read as %v, %v", value, factText(value), got, err)
		}
	}
}

// On a terminal what is stale is red; what is piped says so in words only.
func TestPrintFacts(t *testing.T) {
	now := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	facts := []*bidrailv1.EntityFact{
		{Entity: &bidrailv1.Entity{EntityType: "automation", EntityId: "pacer"}, Name: "automation_heartbeat", Value: client.Flag(true), ObservedAt: timestamppb.New(now.Add(time.Minute)), Source: "pacer", PutBy: "pacer"},
		{Entity: &bidrailv1.Entity{Platform: "meta", Account: "1", EntityType: "campaign", EntityId: "2\x1b"}, Name: "spend_today", Value: client.Money(5_000_000, "USD"),
			ObservedAt: timestamppb.New(now.Add(-4 * time.Hour)), CompleteThrough: timestamppb.New(now.Add(-5 * time.Hour)), Source: "insights", PutBy: "meter", Stale: true},
	}
	for terminal, want := range map[bool]string{false: "4 h, stale", true: red + "4 h, stale\x1b[0m"} {
		var out bytes.Buffer
		if err := printFacts(screen{&out, terminal, 200}, facts, now); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want, "automation pacer", "meta/1 campaign 2\uFFFD", "5.00 USD", "2026-03-02 10:00:00", "less than 1 s", "one is stale: rules take"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("terminal %v: %q is not in\n%s", terminal, part, out.String())
			}
		}
	}
}
