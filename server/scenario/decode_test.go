package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	const begin = "title: t\nstory: s\nsource: o\n"
	const change = "{kind: bid, platform: p, account: a, campaign: c, before: 1.00 USD, after: 2.00 USD}"
	step := func(text string) string { return begin + "steps:\n  - " + text + "\n" }
	of := func(fields string) string {
		return step("{change: {kind: bid, platform: p, account: a, campaign: c, after: 2.00 USD, " + fields + "}, expect: {verdict: ALLOW}}")
	}
	for _, test := range []struct{ name, content, want string }{
		{"nothing", "", "x.yaml: is empty; docs/scenarios.md shows a scenario"},
		{"no YAML", "title: [", "x.yaml: yaml: "},
		{"two documents", step("{change: "+change+", expect: {verdict: ALLOW}}") + "---\ntitle: u\n", "x.yaml: holds more than one document; write one scenario a file"},
		{"a list", "- title: t\n", "x.yaml:1: the scenario is an object of defaults, given, source, starts, steps, story, title"},
		{"an unknown key", begin + "stesp: []\n", `x.yaml:4: a scenario has no "stesp"; it has defaults, given, source, starts, steps, story, title`},
		{"a key twice", begin + "\ntitle: u\n", "x.yaml:5: title is said twice; line 1 says it first"},
		{"no title", "story: s\nsource: o\nsteps: []\n", "x.yaml:1: the scenario has no title"},
		{"no source", "title: t\nstory: s\nsteps: [{change: " + change + "}]\n", "x.yaml:1: the scenario has no source"},
		{"no steps", begin, "x.yaml:1: the scenario has no steps"},
		{"no step", begin + "steps: []\n", "x.yaml:4: steps is a list of 1 to 1000"},
		{"a time without its zone", begin + "starts: 2026-03-02 15:00\nsteps: [{change: " + change + ", expect: {verdict: ALLOW}}]\n", `x.yaml:4: "2026-03-02 15:00" is not a time such as 2026-03-02T15:00:00Z`},
		{"an anchor", begin + "defaults: &usual {kind: bid}\n", "x.yaml:4: anchors, aliases and merges are not read; write what all changes share under defaults"},
		{"a freeze without an end", begin + "given:\n  freezes: [{id: f, effect: block, starts: \"2026-01-01T00:00:00Z\"}]\n", "x.yaml:5: revision refused: data.calendar: f: starts and ends must be times"},
		{"a freeze with a word too many", begin + "given:\n  freezes: [{id: f, efect: block}]\n", `x.yaml:5: revision refused: data.calendar: unknown field "efect"`},
		{"an experiment without arms", begin + "given:\n  experiments:\n    e: {type: ab, owner: o, starts: \"2026-01-01T00:00:00Z\", ends: \"2026-02-01T00:00:00Z\"}\n", "x.yaml:6: revision refused: data.experiments.e: there are no arms"},
		{"a person without an id", begin + "given: {people: [{groups: [a]}]}\n", "x.yaml:4: invalid: people/data.yaml: people[0]: it has no id"},
		{"a step without a change", step("{wait: 1h, expect: {verdict: ALLOW}}"), "x.yaml:5: the step has no change; write change, group"},
		{"a change and a group", step("{change: " + change + ", group: [" + change + ", " + change + "]}"), "x.yaml:5: a step has one of change, group, batch and mode, and this one has change already"},
		{"a group of one", step("{group: [" + change + "], expect: {verdict: ALLOW}}"), "x.yaml:5: a group is a list of two or more changes"},
		{"two automations in one call", step("{batch: [" + change + ", {automation: b, " + change[1:] + "], expect: {verdict: ALLOW}}"), "x.yaml:5: the changes of one call come from one automation, and these from pacer and b"},
		{"no expectation", step("{change: " + change + "}"), "x.yaml:5: the step expects nothing; write expect: {verdict: ALLOW}, BLOCK or REQUIRE_APPROVAL"},
		{"no verdict", step("{change: " + change + ", expect: {not: [bid.step]}}"), "x.yaml:5: expect has no verdict"},
		{"another verdict", step("{change: " + change + ", expect: {verdict: allow}}"), `x.yaml:5: no verdict is called "allow"; they are ALLOW, BLOCK and REQUIRE_APPROVAL`},
		{"the verdict that is none", step("{change: " + change + ", expect: {verdict: NONE}}"), `x.yaml:5: no verdict is called "NONE"`},
		{"findings that are no list", step("{change: " + change + ", expect: {verdict: BLOCK, findings: bid.step}}"), "x.yaml:5: findings is a list of ids of rules, such as [bid.step]"},
		{"a finding with another effect", step("{change: " + change + ", expect: {verdict: BLOCK, findings: [bid.step: stop]}}"), `x.yaml:5: no effect is called "stop"; they are block, approve and warn`},
		{"two findings in one", step("{change: " + change + ", expect: {verdict: BLOCK, findings: [{bid.step: warn, bid.drift: warn}]}}"), "x.yaml:5: a finding is the id of a rule, or an id and an effect"},
		{"another outcome", step("{change: " + change + ", outcome: done, expect: {verdict: ALLOW}}"), `x.yaml:5: no outcome is called "done"; they are applied, failed, unknown, unclaimed`},
		{"a wait without a unit", step("{wait: 5, change: " + change + "}"), `x.yaml:5: "5" is not a time of at most 400 days, such as 90s, 15m, 36h or 7d`},
		{"a wait of years", step("{wait: 401d, change: " + change + "}"), `x.yaml:5: "401d" is not a time of at most 400 days`},
		{"an endless wait", step("{wait: unlimited, change: " + change + "}"), `x.yaml:5: "unlimited" is not a time of at most 400 days`},
		{"another mode", step("{mode: {scope: organisation, to: stopped}}"), `x.yaml:5: invalid: no mode is called "stopped"; write active, reduce_only or halted`},
		{"a mode of nothing", step("{mode: {to: halted}}"), "x.yaml:5: a mode has a scope, such as account/google_ads/example, and what it is switched to"},
		{"another scope", step("{mode: {scope: acount/a/b, to: halted}}"), "x.yaml:5: invalid: "},
		{"a mode that is answered", step("{mode: {scope: organisation, to: halted}, expect: {verdict: ALLOW}}"), "x.yaml:5: to switch a mode is answered nothing"},
		{"no kind", step("{change: {platform: p, account: a, campaign: c, after: 2.00 USD}, expect: {verdict: ALLOW}}"), "x.yaml:5: the change has no kind, and defaults have none either"},
		{"no target", step("{change: {kind: bid, platform: p, account: a, after: 2.00 USD}, expect: {verdict: ALLOW}}"), "x.yaml:5: the change has no entity, nor a campaign that it could be, and defaults have none either"},
		{"nothing to change to", step("{change: {kind: bid, platform: p, account: a, campaign: c}, expect: {verdict: ALLOW}}"), "x.yaml:5: the change has no after, and defaults have none either"},
		{"another kind", step("{change: {kind: bidd}}"), `x.yaml:5: no kind is called "bidd"; they are bid, default_bid`},
		{"an entity without its type", of("entity: 7"), `x.yaml:5: "7" is no entity; write its type and its id, such as keyword/7`},
		{"a misspelt key", of("befroe: 1.00 USD"), `x.yaml:5: a change has no "befroe"; it has account, ad_group`},
		{"a currency in small letters", of("before: 1.00 usd"), `x.yaml:5: "1.00 usd" has no currency code of three upper-case letters`},
		{"an amount without a currency", of("before: 1.00"), `x.yaml:5: "1.00" cannot be read`},
		{"too many decimals", of("before: 0.0000001 USD"), `x.yaml:5: "0.0000001 USD" has more decimals than are kept`},
		{"a date", of("before: 2026-03-02"), `a text that begins like a number is {text: "2026-03-02"}`},
		{"an empty value", of(`before: ""`), "x.yaml:5: there is no value; leave the key out for a value that is not sent, or write absent"},
		{"null", of("before: "), "x.yaml:5: a text is expected here"},
		{"a list for a value", of("before: [1]"), "x.yaml:5: a text is expected here"},
		{"a value of another form", of("before: {micros: 1}"), `x.yaml:5: a value has no "micros"; it has text`},
		{"an age that is none", of("read: soon"), `x.yaml:5: "soon" is not a time of at most 400 days`},
		{"a fact without a value", of("facts: {spend_today: {age: 1h}}"), "x.yaml:5: the fact spend_today has no value"},
		{"facts that are a list", of("facts: [spend_today]"), "x.yaml:5: an object of names and values is expected here"},
		{"labels that are a list", of("labels: [a]"), "x.yaml:5: an object of names and values is expected here"},
		{"a mask that is a text", of("field_mask: status"), "x.yaml:5: a list is expected here"},
		{"an expectation in defaults", begin + "defaults: {expect: {verdict: ALLOW}}\n", `x.yaml:4: a defaults has no "expect"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := decode("x.yaml", []byte(test.content))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v and %v\nwant %s", s, err, test.want)
			}
		})
	}
}

func TestEverythingThatIsWrongIsSaid(t *testing.T) {
	_, err := decode("x.yaml", []byte("titel: t\nstory: s\nsteps:\n  - change: {kind: bidd, accuont: a}\n    expect: {verdict: allow}\n"))
	if err == nil {
		t.Fatal("it was read")
	}
	for _, place := range []string{"x.yaml:1: ", "x.yaml:4: no kind", "x.yaml:4: a change has no", "x.yaml:5: "} {
		if !strings.Contains(err.Error(), place) {
			t.Errorf("%s is not in\n%v", place, err)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]policy.Value{
		"10.00 USD": policy.MoneyValue(10_000_000, "USD"), "-0.5 USD": policy.MoneyValue(-500_000, "USD"), "5000 JPY": policy.MoneyValue(5_000_000_000, "JPY"),
		"0.000001 USD": policy.MoneyValue(1, "USD"), "120%": policy.RatioValue(1_200_000), "-1%": policy.RatioValue(-10_000), "0%": policy.RatioValue(0),
		"unlimited": policy.UnlimitedValue(), "absent": policy.AbsentValue(), "yes": policy.FlagValue(true), "no": policy.FlagValue(false),
		"PAUSED": policy.TextValue("PAUSED"), "target CPA": policy.TextValue("target CPA"),
	} {
		if got, err := parseValue(text); err != nil || got != want {
			t.Errorf("%s: got %v and %v, want %v", text, got, err, want)
		}
	}
}

func TestDecode(t *testing.T) {
	s, err := decode("x.yaml", []byte(`title: t
story: s
source: o
starts: 2026-05-01T10:00:00+02:00
defaults:
  kind: bid
  platform: google_ads
  account: 0123
  campaign: 101
  automation: bidder
  labels: {brand: yes}
  facts: {spend_today: 1.00 USD, daily_budget: 9.00 USD}
  connector_facts: {current_value: 1.00 USD}
steps:
  - name: first
    wait: 90s
    outcome: failed
    group:
      - {entity: keyword/7/8, before: {text: unlimited}, after: absent, read: 20m, facts: {current_value: 8.00 USD, spend_today: {value: 2.00 USD, age: 3h, source: me}}}
      - {after: 2.00 USD, labels: {market: de}, expect: {verdict: BLOCK, findings: [bid.step, bid.drift: approve], not: [bid.ceiling]}, read: never}
    expect: {verdict: REQUIRE_APPROVAL}
  - change: {before: 2.00 USD, after: 3.00 USD, automation: pacer}
    agreed_by: [ana]
    expect: {verdict: REQUIRE_APPROVAL, findings: [bid.step]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Starts.Equal(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)) || len(s.Steps) != 2 {
		t.Fatalf("it starts at %v and has %d steps", s.Starts, len(s.Steps))
	}
	first, second := s.Steps[0], s.Steps[1]
	if first.Name != "first" || first.Wait != 90*time.Second || first.Outcome != Failed || first.Line != 15 || second.Outcome != Applied || !cmp.Equal(second.AgreedBy, []string{"ana"}) {
		t.Errorf("got %+v and %+v", first, second)
	}
	if want := (&Expectation{Line: 20, Verdict: policy.Block, Findings: []Expected{{"bid.step", policy.Blocks}, {"bid.drift", policy.Approve}}, Not: []string{"bid.ceiling"}}); cmp.Diff(want, first.Changes[1].Expect) != "" {
		t.Error(cmp.Diff(want, first.Changes[1].Expect))
	}
	now := time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	got := first.Changes[0].at(now, "id", 1)
	want := &policy.Change{
		ID: "id", AtomicGroupID: "step-1", Kind: policy.KindBid, Before: policy.TextValue("unlimited"), BeforeObservedAt: now.Add(-20 * time.Minute), After: policy.AbsentValue(),
		Target: policy.Target{Platform: "google_ads", Account: "0123", Campaign: "101", EntityType: "keyword", EntityID: "7/8", Labels: map[string]string{"brand": "yes"}},
		Actor:  policy.Actor{Automation: "bidder"},
		Facts: map[string]policy.Fact{
			"spend_today":  {Value: dollars(2), ObservedAt: now.Add(-3 * time.Hour), Source: "me", FromCaller: true},
			"daily_budget": {Value: dollars(9), ObservedAt: now, FromCaller: true},
		},
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Error(difference)
	}
	other := first.Changes[1].at(now, "id", 1)
	if !other.BeforeObservedAt.IsZero() || other.Before.Form != policy.Missing || other.Target.EntityID != "101" || !cmp.Equal(other.Target.Labels, map[string]string{"brand": "yes", "market": "de"}) {
		t.Errorf("got %+v", other)
	}
	if last := second.Changes[0]; last.automation != "pacer" || last.change.Actor.Automation != "pacer" || len(last.change.Target.Labels) != 1 {
		t.Errorf("got %+v", last)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(scenario("  - {change: {before: 1.00 USD, after: 2.00 USD}, expect: {verdict: ALLOW}}\n")))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := decode("x.yaml", content)
		if (s == nil) == (err == nil) {
			t.Errorf("got %v and %v", s, err)
		}
	})
}
