package approval

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

func decodedRoutes(t testing.TB, text string) *Routes {
	t.Helper()
	routes, err := DecodeRoutes(document(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

// budget is a change of a daily budget.
func budget(before, after policy.Value) policy.Change {
	change := policy.Change{ID: "more", Kind: policy.KindDailyBudget, Target: target("more"), Before: before, After: after}
	change.Target.Channel = "search"
	change.Target.Labels = map[string]string{"market": "de"}
	return change
}

// people names the stages of a requirement, and how many of which groups each asks for.
func people(requirement Requirement) string {
	var stages []string
	for _, stage := range requirement {
		text := stage.Name
		for _, count := range stage.Counts {
			text += strings.Repeat("+", count.People) + strings.Join(count.Groups, "|")
		}
		stages = append(stages, text)
	}
	return strings.Join(stages, " ")
}

func TestRoutesDefaults(t *testing.T) {
	review := Requirement{{Name: "review", Counts: []Count{{[]string{"approvers"}, 1}}, DenyQuorum: 1}}
	for _, text := range []string{"", "routes: []", "{waits: , lives: , suppress: , default: , grants: , routes: }"} {
		routes := decodedRoutes(t, text)
		if routes.Waits() != DefaultWaits || routes.Lives() != DefaultLives || routes.Suppress() != Wait(24*time.Hour) {
			t.Errorf("%q: waits %v, lives %v, suppress %v", text, routes.Waits(), routes.Lives(), routes.Suppress())
		}
		change := budget(usd(100), usd(150))
		got, err := routes.Require(&change, policy.Finding{Rule: "budget.step_up", Effect: policy.Approve})
		if diff := cmp.Diff(review, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
		if diff := cmp.Diff(review, routes.Grants()); diff != "" {
			t.Errorf("%q: grants (-want +got):\n%s", text, diff)
		}
	}
}

func TestRoutesTimes(t *testing.T) {
	routes := decodedRoutes(t, `{waits: 90m, lives: 5m, suppress: 0s}`)
	if routes.Waits() != Wait(90*time.Minute) || routes.Lives() != Wait(5*time.Minute) || routes.Suppress() != 0 {
		t.Errorf("waits %v, lives %v, suppress %v", routes.Waits(), routes.Lives(), routes.Suppress())
	}
}

func TestRoutesGrants(t *testing.T) {
	asked := decodedRoutes(t, `{default: [{name: review, any_of: [{group: a}]}], grants: [{name: leads, any_of: [{group: b}], quorum: 2}]}`)
	if got := people(asked.Grants()); got != "leads++b" {
		t.Errorf("their own: %s", got)
	}
	same := decodedRoutes(t, `default: [{name: review, any_of: [{group: a}]}]`)
	if got := people(same.Grants()); got != "review+a" {
		t.Errorf("as the default: %s", got)
	}
}

func TestRoutesMatch(t *testing.T) {
	const stages = `, stages: [{name: finance, any_of: [{group: finance}]}]`
	rise := budget(usd(100), usd(200))
	for name, test := range map[string]struct {
		route  string
		change policy.Change
		want   bool
	}{
		"everything":             {``, rise, true},
		"kind":                   {`, kinds: [bid, daily_budget]`, rise, true},
		"another kind":           {`, kinds: [bid]`, rise, false},
		"platform":               {`, platforms: [google_ads]`, rise, true},
		"another platform":       {`, platforms: [amazon_ads]`, rise, false},
		"account":                {`, accounts: ["100"]`, rise, true},
		"another account":        {`, accounts: ["101"]`, rise, false},
		"channel":                {`, channels: [search]`, rise, true},
		"another channel":        {`, channels: [display]`, rise, false},
		"market":                 {`, markets: [fr, de]`, rise, true},
		"another market":         {`, markets: [fr]`, rise, false},
		"rule":                   {`, rules: [budget.step_up]`, rise, true},
		"another rule":           {`, rules: [budget.drift]`, rise, false},
		"all but one":            {`, kinds: [daily_budget], markets: [de], rules: [budget.drift]`, rise, false},
		"moves more":             {`, above: 99.999999 USD`, rise, true},
		"moves so much":          {`, above: 100.00 USD`, rise, false},
		"falls more":             {`, above: 99.00 USD`, budget(usd(200), usd(100)), true},
		"falls so much":          {`, above: 100.00 USD`, budget(usd(200), usd(100)), false},
		"does not move":          {`, above: 0.00 USD`, budget(usd(200), usd(200)), false},
		"other currency":         {`, above: 1000.00 EUR`, rise, true},
		"changes currency":       {`, above: 1000.00 USD`, budget(usd(100), policy.MoneyValue(1, "EUR")), true},
		"changed currency":       {`, above: 1000.00 USD`, budget(policy.MoneyValue(1, "EUR"), usd(100)), true},
		"to unlimited":           {`, above: 1000.00 USD`, budget(usd(100), policy.UnlimitedValue()), true},
		"from unlimited":         {`, above: 1000.00 USD`, budget(policy.UnlimitedValue(), usd(100)), true},
		"from nothing":           {`, above: 1000.00 USD`, budget(policy.AbsentValue(), usd(100)), true},
		"to nothing":             {`, above: 1000.00 USD`, budget(usd(100), policy.AbsentValue()), true},
		"never said":             {`, above: 1000.00 USD`, budget(policy.Value{}, usd(100)), true},
		"a ratio":                {`, above: 1000.00 USD`, budget(policy.RatioValue(1), policy.RatioValue(2)), true},
		"a word":                 {`, above: 1000.00 USD`, budget(policy.TextValue("PAUSED"), policy.TextValue("ENABLED")), true},
		"further than is stored": {`, above: 1000.00 USD`, budget(policy.MoneyValue(math.MinInt64, "USD"), policy.MoneyValue(math.MaxInt64, "USD")), true},
	} {
		routes := decodedRoutes(t, `{default: [{name: review, any_of: [{group: a}]}], routes: [{name: one`+test.route+stages+`}]}`)
		got, err := routes.Require(&test.change, policy.Finding{Rule: "budget.step_up", Effect: policy.Approve})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "review+a"
		if test.want {
			want = "finance+finance"
		}
		if people(got) != want {
			t.Errorf("%s: asks for %s, want %s", name, people(got), want)
		}
	}
}

func TestRoutesRequireMerges(t *testing.T) {
	routes := decodedRoutes(t, `
default: [{name: review, any_of: [{group: a}]}]
routes:
  - {name: budgets, kinds: [daily_budget], stages: [{name: peers, any_of: [{group: growth}], quorum: 2}]}
  - {name: large, above: 1000.00 USD, stages: [{name: peers, any_of: [{group: growth}], quorum: 3}, {name: finance, any_of: [{group: finance}]}]}
`)
	small, large := budget(usd(100), usd(150)), budget(usd(100), usd(5000))
	bid := small
	bid.Kind = policy.KindBid
	for name, test := range map[string]struct {
		change policy.Change
		stages policy.Stages
		want   string
	}{
		"neither":         {bid, "", "review+a"},
		"the finding":     {bid, `[{"name": "leads", "any_of": [{"group": "leads"}]}]`, "leads+leads"},
		"a route":         {small, "", "peers++growth"},
		"both":            {small, `[{"name": "leads", "any_of": [{"group": "leads"}]}]`, "leads+leads peers++growth"},
		"two routes":      {large, "", "peers+++growth finance+finance"},
		"the same stage":  {small, `[{"name": "peers", "any_of": [{"group": "growth"}], "quorum": 4}]`, "peers++++growth"},
		"a weaker one":    {small, `[{"name": "peers", "any_of": [{"group": "growth"}]}]`, "peers++growth"},
		"another pool":    {small, `[{"name": "peers", "any_of": [{"group": "leads"}]}]`, "peers++growth+leads"},
		"its own default": {bid, `[{"name": "review", "any_of": [{"group": "b"}]}]`, "review+b"},
	} {
		got, err := routes.Require(&test.change, policy.Finding{Rule: "budget.step_up", Effect: policy.Approve, Approval: test.stages})
		if err != nil || people(got) != test.want {
			t.Errorf("%s: got %s, %v; want %s", name, people(got), err, test.want)
		}
	}
}

// What a finding asks for and nobody can read asks for nobody less.
func TestRoutesRequireRefuses(t *testing.T) {
	routes := decodedRoutes(t, "")
	change := budget(usd(100), usd(150))
	for name, stages := range map[string]policy.Stages{
		"none":           `[]`,
		"null":           `null`,
		"no list":        `{}`,
		"no JSON":        `[`,
		"two lists":      `[] []`,
		"unknown field":  `[{"name": "leads", "any_of": [{"group": "leads"}], "quorumm": 2}]`,
		"nobody":         `[{"name": "leads"}]`,
		"half a person":  `[{"name": "leads", "any_of": [{"group": "leads"}], "quorum": 1.5}]`,
		"fewer than one": `[{"name": "leads", "any_of": [{"group": "leads"}], "quorum": -1}]`,
	} {
		finding := policy.Finding{Rule: "budget.step_up", Effect: policy.Approve, Approval: stages}
		got, err := routes.Require(&change, finding)
		if !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), "budget.step_up") || got != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if asked, err := AskedOf(&change, []policy.Finding{finding}, routes); !errors.Is(err, policy.ErrInvalid) || asked != nil {
			t.Errorf("%s: asks %v, %v", name, asked, err)
		}
	}
}

func TestRoutesRefused(t *testing.T) {
	const stages = `stages: [{name: a, any_of: [{group: a}]}]`
	for name, test := range map[string]struct{ text, want string }{
		"unknown part":       {`waitt: 4h`, "waitt"},
		"unknown field":      {`routes: [{name: a, kind: [bid], ` + stages + `}]`, `routes[0]: json: unknown field "kind"`},
		"a wait of none":     {`waits: 0s`, "waits and lives"},
		"a life of none":     {`lives: 0s`, "waits and lives"},
		"a wait in days":     {`waits: 4d`, `"4d" is no wait`},
		"a wait before":      {`suppress: -1h`, `"-1h" is no wait`},
		"a number":           {`waits: 4`, "routes/data.yaml"},
		"no default":         {`default: []`, "default: invalid: a requirement without stages"},
		"nobody":             {`default: [{name: a}]`, `default: invalid: stage "a"`},
		"nobody for grants":  {`grants: [{name: a}]`, `grants: invalid: stage "a"`},
		"unknown in a stage": {`default: [{name: a, any: [{group: a}]}]`, `unknown field "any"`},
		"no name":            {`routes: [{` + stages + `}]`, "routes[0]: it has no name"},
		"nothing":            {`routes: [null]`, "routes[0]: it has no name"},
		"same name":          {`routes: [{name: a, ` + stages + `}, {name: a, ` + stages + `}]`, "routes[1]: a: there is another route"},
		"no stages":          {`routes: [{name: a}]`, "routes[0]: a: stages: invalid: a requirement without stages"},
		"unknown kind":       {`routes: [{name: a, kinds: [budget], ` + stages + `}]`, `routes[0]: invalid: no kind is called "budget"`},
		"empty kind":         {`routes: [{name: a, kinds: [null], ` + stages + `}]`, "routes[0]: a: kinds"},
		"empty market":       {`routes: [{name: a, markets: [""], ` + stages + `}]`, "routes[0]: a: a list has an empty name"},
		"no currency":        {`routes: [{name: a, above: "100.00", ` + stages + `}]`, "routes[0]: a: above"},
		"a number above":     {`routes: [{name: a, above: 100, ` + stages + `}]`, "routes[0]: json"},
		"unlimited above":    {`routes: [{name: a, above: unlimited, ` + stages + `}]`, "routes[0]: a: above: nothing is above unlimited"},
		"a tier at once":     {`routes: [{name: a, stages: [{name: a, any_of: [{group: a}], tiers: [{after: 0s, groups: [b]}]}]}]`, "routes[0]: a: stages"},
	} {
		routes, err := DecodeRoutes(document(t, test.text))
		if !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), test.want) || routes != nil {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	_, err := DecodeRoutes(document(t, `{lives: 0s, default: [], grants: [], routes: [{name: a, above: "1"}, {}]}`))
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"waits and lives", "default", "grants", "above", "a: stages", "routes[1]"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %s:\n%v", want, err)
		}
	}
}

func TestAskedOf(t *testing.T) {
	change := budget(usd(100), usd(150))
	finding := policy.Finding{Rule: "budget.step_up", Effect: policy.Approve, Message: "a lot", Severity: "high", Magnitude: usd(50)}
	with := func(edit func(*policy.Finding)) policy.Finding {
		edited := finding
		edit(&edited)
		return edited
	}
	asked, err := AskedOf(&change, []policy.Finding{
		with(func(f *policy.Finding) { f.Rule, f.Effect = "warns", policy.Warn }),
		with(func(f *policy.Finding) { f.Rule, f.Effect = "blocks", policy.Blocks }),
		with(func(f *policy.Finding) { f.Rule, f.Shadow = "in shadow", true }),
		with(func(f *policy.Finding) { f.Rule, f.LiftedBy = "answered", "gra_1" }),
		with(func(f *policy.Finding) { f.Rule = policy.FindingGroup }),
		finding,
		{Rule: policy.FindingNoRule, Effect: policy.Approve, Message: "nothing concerns it"},
	}, decodedRoutes(t, `routes: [{name: a, rules: [budget.step_up], stages: [{name: finance, any_of: [{group: finance}]}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Asked{
		{Item{Rule: "budget.step_up", Field: field("more"), Severity: "high", Magnitude: usd(50), Message: "a lot", ChangeID: "more"},
			require(Ask{Name: "finance", AnyOf: anyOf("finance")})},
		{Item{Rule: policy.FindingNoRule, Field: field("more"), Message: "nothing concerns it", ChangeID: "more"},
			require(Ask{Name: "review", AnyOf: anyOf("approvers")})},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := AskedOf(&change, nil, decodedRoutes(t, "")); err != nil || len(none) != 0 {
		t.Errorf("of no findings: %v, %v", none, err)
	}
}
