package policy

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// windowsOf are windows of some scopes, each with some of the named windows; half of the time little has moved and
// everything is known.
func windowsOf(names ...string) *rapid.Generator[Windows] {
	amount := rapid.OneOf(rapid.Int64Range(0, 100), rapid.SampledFrom([]int64{0, 1, 10_000_000, math.MaxInt64}))
	return rapid.Custom(func(t *rapid.T) Windows {
		var windows Windows
		quiet := rapid.Bool().Draw(t, "quiet")
		scopes, amount := slices.Sorted(maps.Keys(scopeNames)), amount
		if quiet {
			amount = rapid.Int64Range(0, 10)
		} else {
			scopes = rapid.SliceOfNDistinct(rapid.SampledFrom(scopes), 0, 9, rapid.ID).Draw(t, "scopes")
		}
		for _, scope := range scopes {
			each := ScopeWindows{Scope: scope, Reverses: rapid.Bool().Draw(t, "reverses")}
			if rapid.Bool().Draw(t, "changed") {
				each.LastChange = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "last"), 0)
			}
			for _, name := range names {
				if !quiet && !rapid.Bool().Draw(t, name) {
					continue
				}
				sums := WindowSums{Window: name, Count: amount.Draw(t, "count"), Reversals: amount.Draw(t, "reversals"), HeldOpen: amount.Draw(t, "open")}
				if sums.AmountsKnown = quiet || rapid.Bool().Draw(t, "amounts known"); sums.AmountsKnown {
					sums.Raised, sums.Lowered = amount.Draw(t, "raised"), amount.Draw(t, "lowered")
					sums.NetRise, sums.NetFall = amount.Draw(t, "net rise"), amount.Draw(t, "net fall")
				} else {
					sums.Problem = rapid.SampledFrom([]string{"", "there is no rate from COP to USD"}).Draw(t, "problem")
				}
				if sums.ValuesKnown = rapid.Bool().Draw(t, "values known"); sums.ValuesKnown {
					sums.StartLow, sums.StartHigh = amount.Draw(t, "start low"), amount.Draw(t, "start high")
					sums.Low, sums.Peak = amount.Draw(t, "low"), amount.Draw(t, "peak")
				}
				each.Sums = append(each.Sums, sums)
			}
			windows = append(windows, each)
		}
		return windows
	})
}

func TestWindowsHaveTheShapeOfTheirSchema(t *testing.T) {
	engine := compileSmall(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		windows := windowsOf("hour", "day").Draw(t, "windows")
		document := engine.document(bidRequest(func(r *Request) { r.Windows = windows }))
		if found := engine.shape.check(document); len(found) > 0 {
			t.Fatalf("%v", found)
		}
	})
}

func TestMovedDoesNotOverflow(t *testing.T) {
	for _, test := range [][3]int64{{0, 0, 0}, {1, 2, 3}, {math.MaxInt64, 0, math.MaxInt64}, {math.MaxInt64 - 1, 1, math.MaxInt64}, {math.MaxInt64, 1, math.MaxInt64}, {math.MaxInt64, math.MaxInt64, math.MaxInt64}} {
		if got := (&WindowSums{Raised: test[0], Lowered: test[1]}).moved(); got != test[2] {
			t.Errorf("%d and %d: got %d, want %d", test[0], test[1], got, test[2])
		}
	}
}

const windowProbe = `block contains {"message": "{moved} moved", "moved": input.windows.account.day.moved} if {
	input.windows.account.day.moved > 10
}`

func TestAWindowThatCannotBeToldBlocks(t *testing.T) {
	with := func(windows ...ScopeWindows) Windows { return windows }
	day := func(sums WindowSums) Windows {
		sums.Window = "day"
		return with(ScopeWindows{Scope: "account", Sums: []WindowSums{sums}})
	}
	for _, test := range []struct {
		name, custom, body string
		windows            Windows
		verdict            Verdict
		message            string
	}{
		{"at the limit", "", windowProbe, day(WindowSums{AmountsKnown: true, Raised: 4, Lowered: 6}), Allow, ""},
		{"above the limit", "", windowProbe, day(WindowSums{AmountsKnown: true, Raised: 5, Lowered: 6}), Block, "11 moved"},
		{"no windows", "", windowProbe, nil, Block, "test.probe needs input.windows.account.day.moved, which nothing provides for this target"},
		{"another scope", "", windowProbe, with(ScopeWindows{Scope: "campaign", Sums: []WindowSums{{Window: "day", AmountsKnown: true}}}), Block, "which nothing provides"},
		{"another window", "", windowProbe, with(ScopeWindows{Scope: "account", Sums: []WindowSums{{Window: "hour", AmountsKnown: true}}}), Block, "which nothing provides"},
		{"no rate", "", windowProbe, day(WindowSums{Problem: "there is no rate from COP to USD"}), Block,
			"test.probe needs input.windows.account.day.moved, which cannot be told: there is no rate from COP to USD"},
		{"no rate, and absence asks a person", "undetermined: approve", windowProbe, day(WindowSums{Problem: "no rate"}), RequireApproval, "which cannot be told: no rate"},
		{"no rate, for a rule that counts", "", `block contains {"message": "no"} if input.windows.account.day.count > 3`, day(WindowSums{Problem: "no rate", Count: 3}), Allow, ""},
		{"nothing has changed", "", `block contains {"message": "no"} if input.windows.account.last_change_age_s < 5`, with(ScopeWindows{Scope: "account"}), Block,
			"needs input.windows.account.last_change_age_s, which nothing provides"},
		{"nothing has changed, and that is fine", "optional: [input.windows.account.last_change_age_s]",
			`block contains {"message": "no"} if input.windows.account.last_change_age_s < 5`, with(ScopeWindows{Scope: "account"}), Allow, ""},
		{"a change just now", "", `block contains {"message": "no"} if input.windows.account.last_change_age_s < 5`, with(ScopeWindows{Scope: "account", LastChange: noon.Add(-4 * time.Second)}), Block, "no"},
		{"a portfolio that the target may be in, declared whole", "optional: [input.windows.portfolio]",
			`block contains {"message": "no"} if input.windows.portfolio.day.moved > 10`, nil, Allow, ""},
		{"a portfolio under not", "", `block contains {"message": "no"} if not input.windows.portfolio.day.moved < 10`, nil, Block, "no"},
		{"a portfolio with a default", "", `block contains {"message": "no"} if object.get(input.windows, ["portfolio", "day", "moved"], 0) > 10`, nil, Allow, ""},
		{"a window that the revision does not have", "", windowProbe, with(ScopeWindows{Scope: "account", Sums: []WindowSums{{Window: "month"}}}), Block,
			"input.windows.account.month is not part of the input document"},
		{"a scope that there is not", "", windowProbe, with(ScopeWindows{Scope: "planet"}), Block, "input.windows.planet is not part of the input document"},
	} {
		t.Run(test.name, func(t *testing.T) {
			engine := compileSmall(t, files{"rules/probe.rego": probeWith(test.custom, test.body)})
			outcome := engine.Evaluate(t.Context(), bidRequest(func(r *Request) { r.Windows = test.windows }))
			if outcome.Verdict != test.verdict || len(outcome.Findings) > 0 != (test.message != "") {
				t.Fatalf("got %s with %+v, want %s", outcome.Verdict, outcome.Findings, test.verdict)
			}
			if test.message != "" && !strings.Contains(outcome.Findings[0].Message, test.message) {
				t.Errorf("got  %s\nwant %s", outcome.Findings[0].Message, test.message)
			}
		})
	}
}

func TestNeedsOfWindowsAreFullPaths(t *testing.T) {
	engine := compileSmall(t, files{
		"lib/drift.rego": "package bidrail.lib.drift\n\nturned if input.windows.field.reverses\n",
		"rules/probe.rego": probeWith("optional: [input.windows.portfolio]", `import data.bidrail.lib.drift

block contains {"message": "no"} if {
	drift.turned
	input.windows.field.day.peak > 5
	input.windows.field.last_change_age_s < 5
	input.windows.portfolio.day.count > 5
	not input.windows.campaign.day.count < 5
}`)})
	want := []string{"input.windows.field.day.peak", "input.windows.field.last_change_age_s", "input.windows.field.reverses"}
	if diff := cmp.Diff(want, engine.Rules()[1].Needs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWindowsThatAreNotReadInFullAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"all windows":          "\twindows := input.windows\n\twindows.account.day.count > 5",
		"a scope":              "\taccount := input.windows.account\n\taccount.day.count > 5",
		"a window":             "\tday := input.windows.account.day\n\tday.count > 5",
		"each window":          "\tsome name in [\"hour\", \"day\"]\n\tinput.windows.account[name].count > 5",
		"each scope":           "\tsome scope in [\"field\"]\n\tinput.windows[scope].reverses",
		"a default in a scope": "\tobject.get(input.windows.account, [\"day\", \"count\"], 0) > 5",
	} {
		got := refusal(t, probed("block contains {\"message\": \"no\"} if {\n"+body+"\n}"))
		if want := "write out which one is read, such as input.windows.account.day.moved"; !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestNamesOfWindowsThatRulesCouldNotReadAreRefused(t *testing.T) {
	for data, want := range map[string]string{
		"{Day: 24h}":               `data.windows names a window "Day"`,
		"{\"1h\": 1h}":             `data.windows names a window "1h"`,
		"{last_change_age_s: 24h}": `data.windows names a window "last_change_age_s"`,
		"{reverses: 24h}":          `data.windows names a window "reverses"`,
		"{day: 24}":                "data.windows.day must be a length such as 24h",
	} {
		if got := refusal(t, files{"windows/data.yaml": data + "\n"}); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", data, got, want)
		}
	}
	if got := refusal(t, files{"windows/data.yaml": "", "data.yaml": "windows: [day]\n"}); !strings.Contains(got, "data.windows must be an object of name and length") {
		t.Errorf("a list: got %s", got)
	}
}
