package scenario

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/rego"
	"github.com/bidrail/bidrail/server/servertest"
)

// TestShipped plays the scenarios of the shipped pack, and holds the list of them in the docs against their files.
func TestShipped(t *testing.T) {
	loaded := servertest.Load(t, rego.Files())
	scenarios := read(t, loaded)
	docs, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		t.Run(s.File, func(t *testing.T) {
			failure, err := play(t, loaded, s)
			if err != nil || failure != nil {
				t.Errorf("%v\n%v", err, failure)
			}
			if !strings.Contains(string(docs), "](../rego/"+s.File+")") {
				t.Errorf("docs/scenarios.md does not list it")
			}
		})
	}
	if count := len(regexp.MustCompile(`\]\(\.\./rego/scenarios/`).FindAll(docs, -1)); count != len(scenarios) || count == 0 {
		t.Errorf("docs/scenarios.md lists %d scenarios, and there are %d", count, len(scenarios))
	}
}

// Each of these is played as it stands, and answered as it says.
func TestRun(t *testing.T) {
	loaded, names := loadAll(t, map[string]string{
		"what was applied is what a later rise begins from": scenario(`
  - {change: {before: 200.00 USD, after: 260.00 USD}, expect: {verdict: ALLOW}}
  - {wait: 1h, change: {before: 260.00 USD, after: 338.00 USD}, expect: {verdict: ALLOW, not: [cadence.cooldown]}}
  - {wait: 1h, change: {before: 338.00 USD, after: 439.40 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [budget.drift]}}
`),
		"what failed counts for nothing": scenario(`
  - {outcome: failed, change: {before: 200.00 USD, after: 260.00 USD}, expect: {verdict: ALLOW}}
  - {change: {before: 200.00 USD, after: 260.00 USD}, expect: {verdict: ALLOW, not: [cadence.cooldown]}}
`),
		"what is unknown counts": scenario(`
  - {outcome: unknown, change: {before: 200.00 USD, after: 260.00 USD}, expect: {verdict: ALLOW}}
  - {change: {before: 260.00 USD, after: 300.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [cadence.cooldown]}}
`),
		"what nobody claims counts until it expires": scenario(`
  - {outcome: unclaimed, change: {before: 200.00 USD, after: 260.00 USD}, expect: {verdict: ALLOW}}
  - {wait: 30s, change: {before: 260.00 USD, after: 300.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [cadence.cooldown]}}
  - {wait: 30s, change: {before: 200.00 USD, after: 240.00 USD}, expect: {verdict: ALLOW}}
`),
		"one leg holds the others": scenario(`
  - group:
      - {kind: bid, entity: keyword/7, before: 2.00 USD, after: 1.80 USD, expect: {verdict: BLOCK, findings: [group.held]}}
      - {campaign: "102", before: 900.00 USD, after: 1100.00 USD, expect: {verdict: BLOCK, findings: [budget.cap], not: [group.held]}}
    expect: {verdict: BLOCK, findings: [budget.cap, group.held]}
`),
		"a group lands together": scenario(`
  - {group: [{before: 230.00 USD, after: 200.00 USD}, {campaign: "102", before: 100.00 USD, after: 130.00 USD}], expect: {verdict: ALLOW}}
  - {wait: 1m, change: {campaign: "102", before: 130.00 USD, after: 140.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [cadence.cooldown]}}
`),
		"a batch does not": scenario(`
  - batch:
      - {before: 200.00 USD, after: 220.00 USD, expect: {verdict: ALLOW}}
      - {campaign: "102", before: 900.00 USD, after: 1100.00 USD, expect: {verdict: BLOCK}}
`),
		"what was read long ago is old": scenario(`
  - {change: {before: 200.00 USD, after: 220.00 USD, read: 6m}, expect: {verdict: REQUIRE_APPROVAL, findings: [integrity.stale_baseline]}}
  - {change: {before: 200.00 USD, after: 180.00 USD, read: never}, expect: {verdict: ALLOW, findings: [integrity.stale_baseline]}}
`),
		"a connector is believed, a caller is not": scenario(`
  - change: {before: 200.00 USD, after: 220.00 USD, read: 6m, connector_facts: {current_value: 200.00 USD}}
    expect: {verdict: ALLOW, not: [integrity.stale_baseline]}
  - change: {campaign: "102", before: 200.00 USD, after: 220.00 USD, read: 6m, facts: {current_value: 200.00 USD}}
    expect: {verdict: REQUIRE_APPROVAL, findings: [integrity.stale_baseline]}
`),
		"a change without its present value": scenario(`
  - {change: {after: 220.00 USD}, expect: {verdict: BLOCK, findings: [integrity.schema]}}
`),
		"a test, a freeze and its end": strings.Replace(scenario(`
  - {change: {campaign: "102", before: 200.00 USD, after: 180.00 USD}, expect: {verdict: BLOCK, findings: [experiment.freeze]}}
  - {change: {before: 200.00 USD, after: 220.00 USD}, expect: {verdict: BLOCK, findings: [calendar.freeze]}}
  - {wait: 23h, change: {before: 200.00 USD, after: 220.00 USD}, expect: {verdict: ALLOW, not: [calendar.freeze]}}
`), "steps:", `starts: 2026-05-01T01:00:00Z
given:
  freezes: [{id: f, reason: r, effect: block, starts: "2026-05-01T00:00:00Z", ends: "2026-05-02T00:00:00Z"}]
  experiments:
    e: {name: e, type: ab, owner: o, starts: "2026-04-01T00:00:00Z", ends: "2026-06-01T00:00:00Z", arms: {a: {campaigns: ["102"]}, b: {campaigns: ["103"], control: true}}}
steps:`, 1),
		"people switch a mode": scenario(`
  - {mode: {scope: account/google_ads/example, to: reduce_only}}
  - {change: {before: 200.00 USD, after: 220.00 USD}, expect: {verdict: BLOCK, findings: [governance.mode]}}
  - {change: {before: 200.00 USD, after: 180.00 USD}, expect: {verdict: ALLOW}}
  - {mode: {scope: account/google_ads/example, to: active}, wait: 1h}
  - {change: {before: 180.00 USD, after: 200.00 USD}, expect: {verdict: ALLOW}}
`),
		"people agree, and then it is made": strings.Replace(scenario(`
  - {change: {before: 200.00 USD, after: 300.00 USD}, agreed_by: [ana], expect: {verdict: REQUIRE_APPROVAL, findings: [budget.step_up]}}
  - {wait: 10m, change: {before: 300.00 USD, after: 390.00 USD}, expect: {verdict: ALLOW}}
  - {wait: 10m, change: {before: 390.00 USD, after: 410.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [budget.drift]}}
`), "steps:", "given: {people: [{id: ana, groups: [approvers]}]}\nsteps:", 1),
	})
	for _, s := range read(t, loaded) {
		t.Run(names[s.File], func(t *testing.T) {
			failure, err := play(t, loaded, s)
			if err != nil || failure != nil {
				t.Errorf("%v\n%v", err, failure)
			}
		})
	}
}

// What is not as expected is said with the place, what was expected, and what was got.
func TestFailures(t *testing.T) {
	tests := map[string]struct{ content, want string }{
		"another verdict": {scenario(`
  - name: a large step
    change: {before: 200.00 USD, after: 300.00 USD}
    expect: {verdict: ALLOW}
  - {change: {after: 220.00 USD}, expect: {verdict: ALLOW}}
`), `:8: step 1 (a large step): expected ALLOW; got REQUIRE_APPROVAL
    approve budget.step_up: 200.00 USD to 300.00 USD is +50%; above 30% and 50.00 USD a rise needs a person`},
		"another rule": {scenario(`
  - {change: {before: 200.00 USD, after: 300.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [budget.drift], not: [budget.step_up]}}
`), `:6: step 1: expected budget.drift to say approve; expected nothing of budget.step_up; got REQUIRE_APPROVAL
    approve budget.step_up: 200.00 USD to 300.00 USD is +50%; above 30% and 50.00 USD a rise needs a person`},
		"another effect": {scenario(`
  - {change: {kind: bid, entity: keyword/7, before: 10.00 USD, after: 4.00 USD}, expect: {verdict: ALLOW, findings: [bid.step: approve]}}
`), `:6: step 1: expected bid.step to say approve; got ALLOW
    warn    bid.step: 10.00 USD to 4.00 USD is -60%; a cut of more than 50% may stop delivery`},
		"no findings": {scenario(`
  - {change: {before: 200.00 USD, after: 210.00 USD}, expect: {verdict: BLOCK}}
`), ":6: step 1: expected BLOCK; got ALLOW without findings"},
		"one of several": {scenario(`
  - batch:
      - {before: 200.00 USD, after: 210.00 USD, expect: {verdict: ALLOW}}
      - {campaign: "102", before: 200.00 USD, after: 210.00 USD, expect: {verdict: BLOCK}}
`), ":8: step 1, change 2: expected BLOCK; got ALLOW without findings"},
	}
	contents := map[string]string{}
	for name, test := range tests {
		contents[name] = test.content
	}
	loaded, names := loadAll(t, contents)
	for _, s := range read(t, loaded) {
		t.Run(names[s.File], func(t *testing.T) {
			failure, err := play(t, loaded, s)
			if err != nil || failure == nil {
				t.Fatalf("got %v and %v", failure, err)
			}
			if difference := cmp.Diff(s.File+tests[names[s.File]].want, failure.String()); difference != "" {
				t.Error(difference)
			}
		})
	}
}

// What a rule in shadow finds is on the record, and counts for nothing.
func TestShadowsDoNotCount(t *testing.T) {
	loaded := load(t, map[string]string{"rules/data.yaml": "budget.step_up: {mode: shadow}\n", "scenarios/x.yaml": scenario(`
  - {change: {before: 200.00 USD, after: 300.00 USD}, expect: {verdict: ALLOW, not: [budget.step_up]}}
  - {change: {before: 300.00 USD, after: 390.00 USD}, expect: {verdict: REQUIRE_APPROVAL, findings: [budget.step_up]}}
`)})
	failure, err := play(t, loaded, read(t, loaded)[0])
	if err != nil || failure == nil || failure.Step != 2 || !strings.Contains(failure.String(), "expected budget.step_up to say approve") {
		t.Errorf("got %v and %v", failure, err)
	}
}

// What cannot be played at all is an error, and no answer of the rules.
func TestWhatCannotBePlayed(t *testing.T) {
	people := func(content string) string {
		return strings.Replace(content, "steps:", "given: {people: [{id: ana, groups: [approvers]}, {id: ben, groups: [others]}]}\nsteps:", 1)
	}
	tests := map[string]struct{ content, want string }{
		"a campaign that is not its own": {scenario(`
  - {change: {entity: campaign/102, before: 200.00 USD, after: 210.00 USD}, expect: {verdict: ALLOW}}
`), `:6: step 1: changes[0].target.campaign: is "101"`},
		"people who were not asked": {people(scenario(`
  - {change: {before: 200.00 USD, after: 210.00 USD}, agreed_by: [ana], expect: {verdict: ALLOW}}
`)), ":7: step 1: nobody is asked, so there is nothing that ana could agree to"},
		"somebody who counts for nothing": {people(scenario(`
  - {change: {before: 200.00 USD, after: 300.00 USD}, agreed_by: [ben], expect: {verdict: REQUIRE_APPROVAL}}
`)), ":7: step 1: ben agrees: "},
		"more people than are needed": {people(scenario(`
  - {change: {before: 200.00 USD, after: 300.00 USD}, agreed_by: [ana, ben], expect: {verdict: REQUIRE_APPROVAL}}
`)), ":7: step 1: ben "},
	}
	contents := map[string]string{}
	for name, test := range tests {
		contents[name] = test.content
	}
	loaded, names := loadAll(t, contents)
	for _, s := range read(t, loaded) {
		t.Run(names[s.File], func(t *testing.T) {
			failure, err := play(t, loaded, s)
			if want := s.File + tests[names[s.File]].want; failure != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v and %v\nwant %s", failure, err, want)
			}
		})
	}
}

// A misspelt rule would never be there, and not to be there is what may be expected of it.
func TestRulesAndFactsThatThereAreNotAreRefused(t *testing.T) {
	loaded := load(t, map[string]string{"scenarios/a.yaml": scenario(`
  - change: {before: 200.00 USD, after: 210.00 USD, facts: {spent_today: 1.00 USD}}
    expect: {verdict: BLOCK, findings: [budget.drift, bugdet.cap], not: [bugdet.drift, budget.drift]}
`), "scenarios/b.yaml": "title: b\n", "scenarios/c.yaml": scenario(`
  - {change: {before: 200.00 USD, after: 210.00 USD}, expect: {verdict: BLOCK, findings: [budget.drift: approve, ledger.cap], not: [policy.undetermined]}}
`)})
	_, err := Read(loaded.Engine)
	if err == nil {
		t.Fatal("they were read")
	}
	want := `revision refused: scenarios/a.yaml:6: no fact is called spent_today; facts/data.yaml declares them
scenarios/a.yaml:7: budget.drift never says block, which this expects of it; it can say approve. Write ` + "`budget.drift: approve`" + ` for a weaker finding than the verdict's
scenarios/a.yaml:7: no rule is called bugdet.cap; bidrail rules list names them
scenarios/a.yaml:7: no rule is called bugdet.drift; bidrail rules list names them
scenarios/b.yaml:1: the scenario has no story
scenarios/b.yaml:1: the scenario has no source
scenarios/b.yaml:1: the scenario has no steps`
	if difference := cmp.Diff(want, err.Error()); difference != "" {
		t.Error(difference)
	}
}
