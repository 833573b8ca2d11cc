package policy

import (
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shipped is the pack of ../rego, compiled once. Its own tests have a test of their own.
var shipped = sync.OnceValues(func() (*Engine, error) {
	revision, err := ReadRevision(os.DirFS("../rego"), "rego")
	if err != nil {
		return nil, err
	}
	// Far beyond what a decision takes, for machines that do a lot besides.
	return Compile(context.Background(), revision, Options{SkipTests: true, Deadline: 10 * time.Second})
})

func shippedEngine(t testing.TB) *Engine {
	t.Helper()
	engine, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// files are a revision's files, laid over the smallest one there is; an empty text takes a file out.
type files map[string]string

const smallLimits = `definitions:
  bid.ceiling: {type: money, tighter: lower, kinds: [bid, default_bid], about: The highest bid., source: tests}
  bid.floor: {type: money, tighter: higher, kinds: [bid, default_bid], about: The lowest bid., source: tests}
  bid.step: {type: ratio, tighter: lower, about: The largest rise., source: tests}
  budget.cap: {type: money, tighter: lower, kinds: [daily_budget], about: The highest budget., source: tests}
entries:
  - id: defaults
    match: {}
    source: tests
    set:
      bid.ceiling: [50.00 USD, 45.00 EUR]
      bid.step: 30%
      budget.cap: [1000.00 USD, 55000000000.00 COP]
`

const ceilingRule = `# METADATA
# title: Ceiling
# description: A bid may not be set above its ceiling.
# custom:
#   id: bid.ceiling
#   owner: governance
#   kinds: [bid, default_bid]
#   source: tests
package bidrail.rules.ceiling

block contains finding if {
	ceiling := input.limits.bid.ceiling
	input.change.after.micros > ceiling.micros
	finding := {
		"message": "the bid {observed} is above its ceiling {limit}",
		"observed": input.change.after,
		"limit": ceiling,
		"max_permitted": ceiling,
	}
}
`

const smallAccounts = `google_ads:
  "100": {currency: USD, time_zone: America/New_York, name: Shop}
`

const smallWindows = "{hour: 1h, day: 24h}\n"

func smallRevision(over files) fstest.MapFS {
	all := files{
		"rules/ceiling.rego": ceilingRule,
		"limits/data.yaml":   smallLimits,
		"accounts/data.yaml": smallAccounts,
		"windows/data.yaml":  smallWindows,
	}
	maps.Copy(all, over)
	folder := fstest.MapFS{}
	for name, text := range all {
		if text != "" {
			folder[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return folder
}

// probe is a rule for every kind. Its body begins at line 10 of the file.
func probe(body string) string { return probeWith("", body) }

// probeWith has more lines in METADATA's custom block, each of which moves the body down by one.
func probeWith(custom, body string) string {
	var lines strings.Builder
	for line := range strings.Lines(custom) {
		lines.WriteString("#   " + strings.TrimSpace(line) + "\n")
	}
	return `# METADATA
# title: Probe
# description: What the test is about.
# custom:
#   id: test.probe
#   owner: tests
#   source: tests
` + lines.String() + `package bidrail.rules.probe

` + body + "\n"
}

// probed is a revision whose second rule is the probe.
func probed(body string) files { return files{"rules/probe.rego": probe(body)} }

// alone is a revision whose only rule is the probe.
func alone(body string) files {
	return files{"rules/ceiling.rego": "", "rules/probe.rego": probe(body)}
}

func readSmall(t testing.TB, over files) *Revision {
	t.Helper()
	revision, err := ReadRevision(smallRevision(over), "test")
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func compileSmall(t testing.TB, over files) *Engine {
	t.Helper()
	engine, err := Compile(t.Context(), readSmall(t, over), Options{SkipTests: true, Deadline: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// bidRequest raises a bid from 4.00 to 4.50 USD, which the smallest revision allows.
func bidRequest(edit ...func(*Request)) *Request {
	request := &Request{
		Change: &Change{
			ID: "change-1", Kind: KindBid,
			Target: Target{Platform: "google_ads", Account: "100", Channel: "search", Campaign: "200", AdGroup: "300",
				EntityType: "keyword", EntityID: "400"},
			Before: MoneyValue(4_000_000, "USD"), BeforeObservedAt: noon.Add(-time.Minute),
			After:  MoneyValue(4_500_000, "USD"),
			Actor:  Actor{Automation: "bidder", Version: "1.0", Run: "run-1"},
			Reason: Reason{Code: "bid_optimisation", Text: "conversion rate went up"},
		},
		Principal: Principal{Subject: "bidder@example.com", Roles: []Role{RoleAutomation}},
		Batch:     Batch{ID: "batch-1", Size: 1},
		Now:       noon,
	}
	for _, each := range edit {
		each(request)
	}
	return request
}

func budgetRequest(before, after Value) *Request {
	return bidRequest(func(r *Request) {
		r.Change.Kind, r.Change.Before, r.Change.After = KindDailyBudget, before, after
		r.Change.Target.EntityType, r.Change.Target.EntityID, r.Change.Target.AdGroup = "campaign", "200", ""
	})
}

// golden compares text with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; run the tests with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); look, and run with -update if it is right:\n%s", name, diff)
	}
}

// shippedBid is a small rise in the account of the shipped pack, which it allows.
func shippedBid(edit ...func(*Request)) *Request {
	return bidRequest(append([]func(*Request){func(r *Request) {
		r.Change.Target.Account, r.Change.Target.CampaignName = "example", "SEA-US-BRAND-SPRING-SALES-202603"
		r.Facts = map[string]Fact{
			"daily_budget":     {Value: MoneyValue(100_000_000, "USD"), ObservedAt: noon.Add(-time.Minute), Source: "connector"},
			"bid_modifier_max": {Value: RatioValue(1_000_000), ObservedAt: noon.Add(-time.Minute), Source: "connector"},
		}
	}}, append(edit, quiet)...)...)
}

func shippedBudget(edit ...func(*Request)) *Request {
	request := budgetRequest(MoneyValue(100_000_000, "USD"), MoneyValue(110_000_000, "USD"))
	request.Change.Target.Account, request.Change.Target.CampaignName = "example", "SEA-US-BRAND-SPRING-SALES-202603"
	for _, each := range append(edit, quiet) {
		each(request)
	}
	return request
}

// quiet fills in the windows of a month in which nothing has changed, as the ledger does.
func quiet(r *Request) {
	if r.Windows != nil {
		return
	}
	at := r.Change.Before
	scopes := map[string]string{"field": "always", "account": "always", "organisation": "always", "ad_group": r.Change.Target.AdGroup, "campaign": r.Change.Target.Campaign,
		"portfolio": r.Change.Target.Portfolio, "channel": r.Change.Target.Channel, "automation": r.Change.Actor.Automation, "run": r.Change.Actor.Run}
	for _, scope := range slices.Sorted(maps.Keys(scopes)) {
		if scopes[scope] == "" {
			continue
		}
		windows := ScopeWindows{Scope: scope}
		for _, window := range []string{"day", "hour", "month", "week"} {
			windows.Sums = append(windows.Sums, WindowSums{Window: window, AmountsKnown: true, ValuesKnown: at.Form == Money || at.Form == Ratio,
				StartLow: at.Amount, StartHigh: at.Amount, Low: at.Amount, Peak: at.Amount})
		}
		r.Windows = append(r.Windows, windows)
	}
}
