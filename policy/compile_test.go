package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// refusal compiles a revision that must not be accepted and returns the complaint.
func refusal(t *testing.T, over files) string {
	t.Helper()
	revision, err := ReadRevision(smallRevision(over), "test")
	if err == nil {
		_, err = Compile(t.Context(), revision, Options{})
	}
	if err == nil {
		t.Fatal("the revision was accepted")
	}
	if !errors.Is(err, ErrRevision) {
		t.Errorf("not an ErrRevision: %v", err)
	}
	return err.Error()
}

func TestSmallestRevisionIsAccepted(t *testing.T) {
	engine, err := Compile(t.Context(), readSmall(t, nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rule := engine.Rules()[0]
	if rule.ID != "bid.ceiling" || rule.Title != "Ceiling" || rule.Owner != "governance" || rule.Source != "tests" || rule.Mode != RuleEnforce ||
		rule.Undetermined != Blocks || rule.File != "rules/ceiling.rego" || rule.Line != 9 || rule.Description != "A bid may not be set above its ceiling." {
		t.Errorf("the rule reads as %+v", rule)
	}
	if !slices.Equal(rule.Kinds, []Kind{KindBid, KindDefaultBid}) || !slices.Equal(rule.Effects, []Effect{Blocks}) {
		t.Errorf("kinds %v, effects %v", rule.Kinds, rule.Effects)
	}
	if want := []string{"input.limits.bid.ceiling"}; !slices.Equal(rule.Needs, want) {
		t.Errorf("needs %v, want %v", rule.Needs, want)
	}
	if want := []string{"input.change.after", "input.change.after.micros", "input.limits.bid.ceiling"}; !slices.Equal(rule.Reads, want) {
		t.Errorf("reads %v, want %v", rule.Reads, want)
	}
	if engine.Digest() != engine.Revision().Digest || (*Engine)(nil).Digest() != "" {
		t.Error("the engine's digest is not its revision's")
	}
}

// Each complaint names the file, the line and what is wrong, so that its author can repair it.
func TestRevisionIsRefusedWithFileLineAndReason(t *testing.T) {
	body := func(lines string) files {
		return probed("block contains finding if {\n" + lines + "\n\tfinding := {\"message\": \"no\"}\n}")
	}
	for _, test := range []struct {
		name string
		over files
		want []string
	}{
		{"a syntax error", probed("block contains finding if {\n\tfinding :=\n}"), []string{"rules/probe.rego:1"}},
		{"an empty module", files{"rules/empty.rego": "# nothing\n"}, []string{"rules/empty.rego:", "empty module"}},
		{"an input path that there is not", body("\tinput.chagne.after.micros > 5"), []string{"rules/probe.rego:11: ", "undefined ref: input.chagne"}},
		{"a member that there is not", body("\tinput.change.after.micro > 5"), []string{"rules/probe.rego:11: ", "undefined ref: input.change.after.micro"}},
		{"a limit that is not defined", body("\tinput.limits.bid.cieling.micros > 5"), []string{"rules/probe.rego:11: ", "undefined ref: input.limits.bid.cieling"}},
		{"a fact that is not defined", body("\tinput.facts.spend_tody.micros > 5"), []string{"rules/probe.rego:11: ", "undefined ref: input.facts.spend_tody"}},
		{"a number compared with a list of text", body("\tinput.change.field_mask == 5"), []string{"rules/probe.rego:11: ", "match error"}},

		{"network", body("\tresponse := http.send({\"url\": \"http://127.0.0.1\"})\n\tresponse.status_code != 200"),
			[]string{"rules/probe.rego:11: test.probe: built-in http.send is not allowed: rules see nothing but their input"}},
		{"the clock", body("\tinput.now > time.now_ns()"), []string{"rules/probe.rego:11: test.probe: built-in time.now_ns is not allowed: the only clock is input.now"}},
		{"regular expressions as replacement", body("\thelper(input.change.id) with startswith as regex.match") /* */, []string{"rules/probe.rego:11: ", "regex.match"}},
		{"in a list", body("\tcount([x | some y in input.change.field_mask; x := to_number(y)]) > 0"), []string{"rules/probe.rego:11: test.probe: built-in to_number is not allowed"}},
		{"in an argument", body("\tcount(concat(\",\", input.change.field_mask)) > 3"), []string{"rules/probe.rego:11: test.probe: built-in concat is not allowed"}},
		{"in a helper's head", probed("block contains {\"message\": secret}\n\nsecret := opa.runtime().env.HOME"), []string{"rules/probe.rego:12: test.probe: built-in opa.runtime is not allowed"}},
		{"under not", body("\tnot regex.match(\"a\", input.change.id)"), []string{"rules/probe.rego:11: test.probe: built-in regex.match is not allowed"}},
		{"under every", body("\tevery field in input.change.field_mask {\n\t\tregex.match(\"a\", field)\n\t}"), []string{"rules/probe.rego:12: test.probe: built-in regex.match is not allowed"}},
		{"as a value for with", body("\tshare == 5 with input.now as time.now_ns()"), []string{"rules/probe.rego:11: test.probe: built-in time.now_ns is not allowed"}},
		{"in the library, under another name", files{
			"lib/sneaky.rego":  "package bidrail.lib.sneaky\n\nnow := time.now_ns()\n",
			"rules/probe.rego": probe("import data.bidrail.lib.sneaky as clock\n\nblock contains finding if {\n\tinput.now > clock.now\n\tfinding := {\"message\": \"no\"}\n}"),
		}, []string{"lib/sneaky.rego:3: bidrail.lib.sneaky: built-in time.now_ns is not allowed"}},
		{"print", body("\tprint(input.change.id)"), []string{"rules/probe.rego:11: test.probe: built-in print is not allowed"}},
		{"walk", body("\twalk(input.change, [_, 5])"), []string{"rules/probe.rego:11: test.probe: built-in walk is not allowed"}},
		{"a template string", body("\tinput.change.id == $\"{input.change.parent_id}x\""), []string{"rules/probe.rego:11"}},
		{"what tests may do", body("\tjson.remove(input.change, [\"id\"]) == {}"), []string{"rules/probe.rego:11: test.probe: built-in json.remove is not allowed"}},

		{"division", body("\tinput.change.after.micros / input.change.before.micros > 2"), []string{"rules/probe.rego:11: test.probe: built-in div is not allowed: division is not exact"}},
		{"a fraction", body("\tinput.change.after.micros * 10 > input.change.before.micros * 1.5"), []string{"rules/probe.rego:11: test.probe: 1.5 is not an integer"}},
		{"a fraction as an exponent", body("\tinput.change.after.micros > 1e6"), []string{"rules/probe.rego:11: test.probe: 1e6 is not an integer"}},
		{"a format that is not constant", body("\tsprintf(input.change.id, [1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf needs a constant format"}},
		{"a wide format", body("\tsprintf(\"%100d\", [1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes widths and precisions of at most two digits"}},
		{"a wide precision", body("\tsprintf(\"%2.100s\", [\"a\"]) == \"a\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a wide format after flags", body("\tsprintf(\"%-0999d\", [1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a width from an argument", body("\tsprintf(\"%*d\", [input.now, 1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a width from a numbered argument", body("\tsprintf(\"%[2]*[1]d\", [1, input.now]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a precision from an argument", body("\tsprintf(\"%5.*d\", [input.now, 1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a wide format behind a doubled sign", body("\tsprintf(\"%%%100d\", [1]) == \"1\""), []string{"rules/probe.rego:11: test.probe: sprintf takes"}},
		{"a pattern that is not constant", body("\tglob.match(input.change.id, [], \"a\")"), []string{"rules/probe.rego:11: test.probe: glob.match needs a constant pattern"}},

		{"no METADATA", files{"rules/probe.rego": "package bidrail.rules.probe\n\nblock contains {\"message\": \"no\"}\n"},
			[]string{"rules/probe.rego:1: no METADATA above the package"}},
		{"METADATA of something else", files{"rules/probe.rego": "package bidrail.rules.probe\n\n# METADATA\n# title: x\nblock contains {\"message\": \"no\"}\n"},
			[]string{"rules/probe.rego:1: no METADATA above the package"}},
		{"no title", metadata("title: Probe", ""), []string{"rules/probe.rego:7: METADATA has no title"}},
		{"no description", metadata("description: What the test is about.", ""), []string{"rules/probe.rego:7: METADATA has no description"}},
		{"no id", metadata("  id: test.probe", ""), []string{"rules/probe.rego:7: METADATA custom.id is \"\""}},
		{"an id without a dot", metadata("id: test.probe", "id: probe"), []string{"rules/probe.rego:8: METADATA custom.id is \"probe\"; an id is words with dots, such as bid.ceiling"}},
		{"an id with capitals", metadata("id: test.probe", "id: test.Probe"), []string{"rules/probe.rego:8: METADATA custom.id is \"test.Probe\""}},
		{"an id that is not text", metadata("id: test.probe", "id: 5"), []string{"rules/probe.rego:8: METADATA custom: "}},
		{"no owner", metadata("  owner: tests", ""), []string{"rules/probe.rego:7: METADATA has no custom.owner"}},
		{"no source", metadata("  source: tests", ""), []string{"rules/probe.rego:7: METADATA has no custom.source"}},
		{"a misspelt key", metadata("source: tests", "source: tests\n#   kind: [bid]"), []string{"rules/probe.rego:9: METADATA custom: ", "kind"}},
		{"an unknown kind", metadata("source: tests", "source: tests\n#   kinds: [bid, bit]"), []string{"rules/probe.rego:9: METADATA custom: ", "no kind is called \"bit\""}},
		{"an effect that absence cannot have", metadata("source: tests", "source: tests\n#   undetermined: allow"),
			[]string{"rules/probe.rego:9: METADATA custom.undetermined is \"allow\"; it is block or approve"}},
		{"an unknown way to override", metadata("source: tests", "source: tests\n#   overridable: always"),
			[]string{"rules/probe.rego:9: METADATA custom.overridable is \"always\"; it is emergency, or left out"}},
		{"no way to override", metadata("source: tests", "source: tests\n#   overridable: \"\""),
			[]string{"rules/probe.rego:9: METADATA custom.overridable is \"\""}},
		{"a way to override that is not text", metadata("source: tests", "source: tests\n#   overridable: true"), []string{"rules/probe.rego:9: METADATA custom: "}},
		{"to override what input is", metadata("id: test.probe", "id: integrity.schema\n#   overridable: emergency"),
			[]string{"rules/probe.rego:9: METADATA custom.overridable: rules whose ids begin with \"integrity.\" hold in an emergency too"}},
		{"to override what people switched", metadata("id: test.probe", "id: governance.mode\n#   overridable: emergency"),
			[]string{"rules/probe.rego:9: METADATA custom.overridable: rules whose ids begin with \"governance.\""}},
		{"to override what blocks nothing", files{"rules/probe.rego": probeWith("overridable: emergency", `approve contains {"message": "it"}`)},
			[]string{"rules/probe.rego:9: METADATA custom.overridable: test.probe blocks nothing"}},
		{"an optional path that is not read", metadata("source: tests", "source: tests\n#   optional: [input.facts.spend_today]"),
			[]string{"rules/probe.rego:9: METADATA custom.optional names input.facts.spend_today, which test.probe does not read"}},
		{"the engine's own ids", metadata("id: test.probe", "id: policy.timeout"), []string{"rules/probe.rego:8: ids that begin with \"policy.\" are the engine's own"}},
		{"the engine's own ids of groups", metadata("id: test.probe", "id: group.held"), []string{"rules/probe.rego:8: ids that begin with \"group.\" are the engine's own"}},
		{"an id that is taken", metadata("id: test.probe", "id: bid.ceiling"), []string{"rules/probe.rego:8: the id bid.ceiling is taken by rules/ceiling.rego:9"}},

		{"block as a complete rule", probed("block := {\"message\": \"no\"}"), []string{"rules/probe.rego:10: block must be a set of findings"}},
		{"block as an object", probed("block[\"a\"] := {\"message\": \"no\"}"), []string{"rules/probe.rego:10: block must be a set of findings"}},
		{"block as a function", probed("block(x) := x"), []string{"rules/probe.rego:10: block must be a set of findings"}},
		{"a set in block", probed("block.here contains {\"message\": \"no\"}"), []string{"rules/probe.rego:10: block must be a set of findings"}},
		{"a default", probed("default approve := false"), []string{"rules/probe.rego:10: approve must be a set of findings"}},
		{"a rule that says nothing", probed("deny contains {\"message\": \"no\"}"), []string{"rules/probe.rego:8: test.probe defines none of block, approve and warn"}},
		{"a package too deep", files{"rules/probe.rego": strings.Replace(probe("block contains {\"message\": \"no\"}"), "rules.probe", "rules.bid.probe", 1)},
			[]string{"rules/probe.rego:8: a rule's package is bidrail.rules.NAME, not data.bidrail.rules.bid.probe"}},
		{"no rules", files{"rules/ceiling.rego": "", "lib/a.rego": "package bidrail.lib.a\n\nx := 1\n"}, []string{"no rules: a rule is a package bidrail.rules.NAME"}},

		{"a mode for a rule that there is not", files{"rules/data.yaml": "bid.cieling: {mode: shadow}\n"}, []string{"data.rules names bid.cieling, which no rule has as its id"}},
		{"a mode that there is not", files{"rules/data.yaml": "bid.ceiling: {mode: disabled}\n"}, []string{`data.rules["bid.ceiling"] must be {mode: enforce}, {mode: shadow} or {mode: off}`}},
		{"a mode with more", files{"rules/data.yaml": "bid.ceiling: {mode: shadow, until: friday}\n"}, []string{`data.rules["bid.ceiling"] must be`}},
		{"a mode that is only a word", files{"rules/data.yaml": "bid.ceiling: shadow\n"}, []string{`data.rules["bid.ceiling"] must be`}},
		{"off, which YAML takes for false", files{"rules/data.yaml": "bid.ceiling: off\n"}, []string{`data.rules["bid.ceiling"] must be`}},
		{"modes as a list", files{"data.yaml": "rules: [bid.ceiling]\n"}, []string{"data.rules must be an object"}},

		{"another name for input.limits", body("\tlimits := input.limits\n\tlimits.bid.ceiling.micros < input.change.after.micros"),
			[]string{"rules/probe.rego:11: test.probe: write out which one is read, such as input.limits.bid.ceiling"}},
		{"another name for a group of limits", body("\tbids := input.limits.bid\n\tbids.ceiling.micros < input.change.after.micros"),
			[]string{"rules/probe.rego:11: test.probe: write out which one is read"}},
		{"another name for the facts", body("\tfacts := input.facts\n\tfacts.spend_today.micros > 5"), []string{"rules/probe.rego:11: test.probe: write out which one is read, such as input.facts.daily_budget"}},
		{"another name for input", body("\tall := input\n\tall.limits.bid.ceiling.micros < all.change.after.micros"), []string{"rules/probe.rego:11: test.probe: write out what is read"}},
		{"input as an argument", files{
			"lib/ceiling.rego": "package bidrail.lib.ceiling\n\nabove(document) if document.change.after.micros > document.limits.bid.ceiling.micros\n",
			"rules/probe.rego": probe("import data.bidrail.lib.ceiling\n\nblock contains finding if {\n\tceiling.above(input)\n\tfinding := {\"message\": \"no\"}\n}"),
		}, []string{"rules/probe.rego:13: test.probe: write out what is read"}},
		{"a part of input that a variable names", body("\tsome part in [\"limits\"]\n\tinput[part].bid.ceiling.micros < 5"), []string{"rules/probe.rego:12: test.probe: write out what is read"}},
		{"each fact in turn", body("\tsome fact in input.facts\n\tfact.micros > 5"), []string{"rules/probe.rego:11: test.probe: write out which one is read"}},
		{"a limit that a variable names", body("\tsome name in [\"ceiling\"]\n\tinput.limits.bid[name].micros < 5"), []string{"rules/probe.rego:12: test.probe: write out which one is read"}},
		{"a default where the group may be missing", body("\tobject.get(input.limits.bid, \"ceiling\", {\"micros\": 0}).micros < 5"), []string{"rules/probe.rego:11: test.probe: write out which one is read"}},

		{"a limit that is not defined for the rule's kinds", body("\tinput.limits.budget.cap.micros < input.change.after.micros"),
			[]string{"rules/probe.rego:8: test.probe concerns the kind bid, for which input.limits.budget.cap is not defined: narrow custom.kinds"}},

		{"an account with a currency that is none", files{"accounts/data.yaml": "google_ads: {\"1\": {currency: usd, time_zone: UTC}, \"2\": {currency: US1, time_zone: UTC}}\n"},
			[]string{`data.accounts.google_ads.1 needs a currency of three capital letters, not "usd"`, `data.accounts.google_ads.2 needs a currency of three capital letters, not "US1"`}},
		{"an account in no time zone", files{"accounts/data.yaml": "google_ads: {\"1\": {currency: USD, time_zone: Mars}}\n"}, []string{`data.accounts.google_ads.1 needs an IANA time zone such as Europe/Berlin, not "Mars"`}},
		{"accounts that are no object", files{"accounts/data.yaml": "google_ads: [\"1\"]\n"}, []string{"data.accounts.google_ads must be an object of accounts"}},
		{"a fact without a sentence", files{"facts/data.yaml": "margin: {type: money}\n"}, []string{"data.facts.margin: about is missing"}},
		{"a fact with an unknown key", files{"facts/data.yaml": "margin: {about: x, max_age: 3h}\n"}, []string{"data.facts.margin", `unknown field "max_age"`}},
		{"a fact of no type", files{"facts/data.yaml": "margin: {about: x, type: unlimited}\n"}, []string{`data.facts.margin: type is "unlimited"`}},
		{"a fact of no age", files{"facts/data.yaml": "margin: {about: x, maximum_age: 3 hours}\n"}, []string{`data.facts.margin: maximum_age is "3 hours"`}},
		{"a fact of unknown kinds", files{"facts/data.yaml": "margin: {about: x, expected: [bids]}\n"}, []string{"data.facts.margin", `no kind is called "bids"`}},

		{"a failing test", files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\ntest_sums if {\n\t1 + 1 == 2\n\t1 + 1 == 3\n}\n"},
			[]string{"rules/ceiling_test.rego:3: test bidrail.rules.ceiling_test.test_sums failed at rules/ceiling_test.rego:5 `1 + 1 == 3`"}},
		{"a test that cannot run", files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\ntest_time if time.parse_rfc3339_ns(\"noon\") > 0\n"},
			[]string{"rules/ceiling_test.rego:3: test bidrail.rules.ceiling_test.test_time could not run: ", "parse_rfc3339_ns"}},
		{"a test that calls what it may not", files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\ntest_now if time.now_ns() > 0\n"},
			[]string{"rules/ceiling_test.rego:3: bidrail.rules.ceiling_test: built-in time.now_ns is not allowed"}},

		{"a recursion", probed("block contains {\"message\": text} if text := first\n\nfirst := second\n\nsecond := first"), []string{"rules/probe.rego:12", "recursive"}},
		{"a variable that nothing binds", body("\tx > 5"), []string{"rules/probe.rego:11: ", "unsafe"}},
		{"an import that is not used", probed("import data.bidrail.lib.gone\n\nblock contains {\"message\": \"no\"}"), []string{"rules/probe.rego:10: ", "unused"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := refusal(t, test.over)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
}

// metadata is a revision whose probe has one line of its METADATA replaced, or left out.
func metadata(line, by string) files {
	text := probe("block contains {\"message\": \"no\"}")
	changed := strings.Replace(text, line, by, 1)
	if by == "" {
		changed = strings.Replace(text, "# "+line+"\n", "", 1)
	}
	if changed == text {
		panic(fmt.Sprintf("the probe has no line %q", line))
	}
	return files{"rules/probe.rego": changed}
}

func TestOverridable(t *testing.T) {
	for custom, want := range map[string]bool{"": false, "overridable: emergency": true} {
		engine := compileSmall(t, files{"rules/probe.rego": probeWith(custom, `block contains {"message": "no"}`)})
		for _, rule := range engine.Rules() {
			if rule.Overridable != (want && rule.ID == "test.probe") {
				t.Errorf("with %q %s is overridable: %t", custom, rule.ID, rule.Overridable)
			}
		}
	}
}

func TestRefusalNamesEverythingThatIsWrong(t *testing.T) {
	got := refusal(t, files{
		"rules/one.rego":  strings.ReplaceAll(probe("block contains {\"message\": \"no\"} if input.now > time.now_ns()"), "probe", "one"),
		"rules/two.rego":  strings.ReplaceAll(probe("block contains {\"message\": \"no\"} if input.change.after.micros / 2 > 5"), "probe", "two"),
		"rules/data.yaml": "bid.gone: {mode: off}\n",
	})
	for _, want := range []string{"rules/one.rego:10: ", "rules/two.rego:10: ", "data.rules names bid.gone"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

func TestWaysOfCopingWithAbsenceAreAccepted(t *testing.T) {
	for name, body := range map[string]string{
		"object.get over all limits": "block contains {\"message\": \"no\"} if object.get(input.limits, [\"budget\", \"cap\", \"micros\"], 0) > input.change.after.micros",
		"object.get over all facts":  "block contains {\"message\": \"no\"} if object.get(input.facts, \"spend_today\", {}) == {}",
		"object.get over input":      "block contains {\"message\": \"no\"} if object.get(input, [\"facts\", \"spend_today\"], {}) == {}",
		"object.get of object.get":   "block contains {\"message\": \"no\"} if object.get(object.get(input.facts, \"spend_today\", {}), \"micros\", 0) == 0",
		"not":                        "block contains {\"message\": \"no\"} if not input.facts.spend_today.micros < 5",
		"a test of another input":    "block contains {\"message\": \"no\"} if inner with input as {\"now\": 5}\n\ninner if input.now == 5",
	} {
		t.Run(name, func(t *testing.T) {
			engine := compileSmall(t, probed(body))
			for _, rule := range engine.Rules() {
				if rule.ID == "test.probe" && len(rule.Needs) > 0 {
					t.Errorf("it needs %v", rule.Needs)
				}
			}
		})
	}
}

// A limit is found however deep in the library it is read.
func TestNeedsAreFollowedThroughTheLibrary(t *testing.T) {
	engine := compileSmall(t, files{
		"lib/deep.rego": `package bidrail.lib.deep

step := input.limits.bid.step

spend := object.get(input.facts, "spend_today", {})

over(x) if {
	some share in [y | y := step.ppm]
	x > share
}

under(_) if count({1 | input.facts.daily_budget.micros > 5}) == 0

under(x) if every y in [x] { y < input.facts.current_value.ppm }
`,
		"rules/probe.rego": probe(`import data.bidrail.lib.deep

block contains {"message": "no"} if {
	deep.over(input.change.after.ppm)
	deep.spend == {}
}

warn contains {"message": "low"} if deep.under(5)`),
	})
	want := []string{"input.facts.current_value.ppm", "input.facts.daily_budget.micros", "input.limits.bid.step"}
	for _, rule := range engine.Rules() {
		if rule.ID != "test.probe" {
			continue
		}
		if !slices.Equal(rule.Needs, want) {
			t.Errorf("needs %v, want %v", rule.Needs, want)
		}
		if !slices.Equal(rule.Effects, []Effect{Warn, Blocks}) {
			t.Errorf("effects %v", rule.Effects)
		}
	}
}

func TestDeclaredOptionalPathsAreNotNeeded(t *testing.T) {
	engine := compileSmall(t, files{"rules/probe.rego": probeWith("optional: [input.facts.spend_today]\nundetermined: approve",
		"warn contains {\"message\": \"no\"} if {\n\tinput.facts.spend_today.micros > 5\n\tinput.limits.bid.step.ppm > 5\n}")})
	for _, rule := range engine.Rules() {
		if rule.ID == "test.probe" && (!slices.Equal(rule.Needs, []string{"input.limits.bid.step"}) || rule.Undetermined != Approve) {
			t.Errorf("needs %v, undetermined %s", rule.Needs, rule.Undetermined)
		}
	}
}

func TestFormatsThatAreNotWideAreAccepted(t *testing.T) {
	for _, format := range []string{"%d", "%05d", "%-12s", "%99d", "%.99s", "100%% of %d", "%d%%", "100%%100", "%s and 1000"} {
		if module, problems := parseModules(map[string]string{"a.rego": fmt.Sprintf("package a\n\nx := sprintf(%q, [1])\n", format)}); len(problems) > 0 {
			t.Error(problems)
		} else if refused := refusedCalls(module["a.rego"], "a", false); len(refused) > 0 {
			t.Errorf("%q is refused: %v", format, refused)
		}
	}
}

func TestTestsThatDoNotEndAreToldSo(t *testing.T) {
	revision := readSmall(t, files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\n" + endless + `
test_short if 1 == 1

test_endless if count([1 | some a in many; some b in many; some c in many; some d in many; a + b + c + d < 0]) == 0
`})
	report, err := RunTests(t.Context(), revision, TestOptions{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	failures := report.Failures()
	if len(report.Results) != 2 || len(failures) != 1 || failures[0].Name != "bidrail.rules.ceiling_test.test_endless" ||
		failures[0].Outcome() != "could not run: it took too long" || failures[0].Location != "rules/ceiling_test.rego:7" {
		t.Errorf("got %+v", report.Results)
	}
}

func TestRunTestsCountsEachLineThatDecidesOnce(t *testing.T) {
	revision := readSmall(t, files{"rules/ceiling_test.rego": `package bidrail.rules.ceiling_test

import data.bidrail.rules.ceiling

test_silent if {
	count(ceiling.block) == 0 with input.limits.bid.ceiling as {"micros": 5} with input.change.after as {"micros": 4}
}
`})
	report, err := RunTests(t.Context(), revision, TestOptions{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	// The head and the finding, which is on lines 14 to 19, were not reached.
	want := Coverage{Covered: 2, Total: 9, Missed: []string{"rules/ceiling.rego:11", "rules/ceiling.rego:14", "rules/ceiling.rego:15",
		"rules/ceiling.rego:16", "rules/ceiling.rego:17", "rules/ceiling.rego:18", "rules/ceiling.rego:19"}}
	if diff := cmp.Diff(want, report.Coverage); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShippedPackPassesItsTests(t *testing.T) {
	engine := shippedEngine(t)
	report, err := RunTests(t.Context(), engine.Revision(), TestOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) < 50 {
		t.Errorf("only %d tests were found", len(report.Results))
	}
	for _, failure := range report.Failures() {
		t.Errorf("%s: %s %s", failure.Location, failure.Name, failure.Outcome())
	}
}

// Whoever starts from the shipped pack fills in its registries first, and a revision whose tests fail is refused. So no shipped test may
// rest on what is not in them. Only the tests of what reads one of them are run here.
func TestRegistriesCanBeFilledIn(t *testing.T) {
	more := files{
		"automations": "pacer@example.com: {owner: ana, enabled: true, versions: any, accounts: all, kinds: all, most: unlimited, owns: []}\n",
		"taxonomy":    "  google_ads:\n    campaign:\n      - {label: market}\n",
		"audiences":   "    \"1234567890\": [buyers]\n",
		"creatives":   "  google_ads:\n    ad: [static]\n  meta:\n    ad: [static]\n",
	}
	over := files{}
	for name, text := range more {
		content, err := os.ReadFile("../rego/" + name + "/data.yaml")
		if err != nil {
			t.Fatal(err)
		}
		over[name+"/data.yaml"] = string(content) + text
	}
	// A pattern of a real platform is another one.
	content, err := os.ReadFile("../rego/naming/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	over["naming/data.yaml"] = strings.Replace(string(content), "minimum_tokens: 6", "minimum_tokens: 9", 1)
	tests, err := filepath.Glob("../rego/*/*_test.rego")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tests {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// What stands for all rules of the pack needs all of their tests.
		if name == "../rego/lib/examples_test.rego" || !readers.Match(content) {
			over[strings.TrimPrefix(name, "../rego/")] = ""
		}
	}
	engine := packWith(t, over)
	report, err := RunTests(t.Context(), engine.Revision(), TestOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) < 20 {
		t.Errorf("only %d tests were found", len(report.Results))
	}
	for _, failure := range report.Failures() {
		t.Errorf("%s: %s %s", failure.Location, failure.Name, failure.Outcome())
	}
	examples, err := readExamples(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		if got := engine.askAlone(t.Context(), example.Input, example.Rule).strongest(example.Rule.ID); got != example.Expect {
			t.Errorf("%s: example %q gives %s and expects %s", example.Rule.ID, example.Name, got, example.Expect)
		}
	}
}

// readers matches the tests of what reads a registry.
var readers = regexp.MustCompile(`governance_(authority|registration)|lib\.automation|state_(taxonomy|audiences|creative|naming)`)

// endless is a list so long that going through it four times over does not come to an end.
var endless = "many := [" + strings.Repeat("1,", 400) + "1]\n"

// Where a test fails is said of each of several tests with one name, too.
func TestWhereATestFailsIsSaidOfEachOfOneName(t *testing.T) {
	revision := readSmall(t, files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\ntest_sums if 1 + 1 == 2\n\ntest_sums if 1 + 1 == 3\n\ntest_others if 1 + 1 == 4\n"})
	report, err := RunTests(t.Context(), revision, TestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, failure := range report.Failures() {
		failed = append(failed, failure.Name+" "+failure.Outcome())
	}
	want := []string{"bidrail.rules.ceiling_test.test_others failed at rules/ceiling_test.rego:7 `1 + 1 == 4`",
		"bidrail.rules.ceiling_test.test_sums#01 failed at rules/ceiling_test.rego:5 `1 + 1 == 3`"}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Error(diff)
	}
}
