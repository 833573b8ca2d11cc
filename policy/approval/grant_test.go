package approval

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

func grant() Grant {
	return Grant{ID: "gra_1", ApprovalID: "apr_1", Automation: "pacer", Scope: ledger.AccountScope("google_ads", "100"), Kind: policy.KindDailyBudget,
		Rules: []string{"budget.step_up", "budget.drift"}, PerChange: usd(50), Together: usd(120), MaxUses: 3, Reason: "the sale", Starts: noon, Ends: noon.Add(48 * time.Hour), Version: 1}
}

func change(before, after policy.Value) policy.Change {
	return policy.Change{ID: "c", Kind: policy.KindDailyBudget, Target: target("more"), Before: before, After: after}
}

func finding(rule string, effect policy.Effect) policy.Finding {
	return policy.Finding{Rule: rule, Effect: effect}
}

func TestGrantsThatMakeNoSense(t *testing.T) {
	sound := grant()
	if err := sound.Validate(LongestGrant); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Grant){
		"no approval":            func(g *Grant) { g.ApprovalID = "" },
		"no automation":          func(g *Grant) { g.Automation = "" },
		"no kind":                func(g *Grant) { g.Kind = policy.KindUnknown },
		"no scope":               func(g *Grant) { g.Scope = ledger.Scope{} },
		"no rules":               func(g *Grant) { g.Rules = nil },
		"a rule without a name":  func(g *Grant) { g.Rules = []string{""} },
		"no uses":                func(g *Grant) { g.MaxUses = 0 },
		"no reason":              func(g *Grant) { g.Reason = "" },
		"no end":                 func(g *Grant) { g.Ends = time.Time{} },
		"no start":               func(g *Grant) { g.Starts = time.Time{} },
		"an end at the start":    func(g *Grant) { g.Ends = g.Starts },
		"too long":               func(g *Grant) { g.Ends = g.Starts.Add(LongestGrant + 1) },
		"one above all":          func(g *Grant) { g.PerChange = usd(121) },
		"units that differ":      func(g *Grant) { g.PerChange = policy.MoneyValue(1, "EUR") },
		"only one of the caps":   func(g *Grant) { g.Together = policy.Value{} },
		"a cap without bounds":   func(g *Grant) { g.PerChange, g.Together = policy.UnlimitedValue(), policy.UnlimitedValue() },
		"a cap that is negative": func(g *Grant) { g.PerChange = usd(-1) },
	} {
		g := grant()
		spoil(&g)
		if err := g.Validate(LongestGrant); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWhatAGrantAnswers(t *testing.T) {
	approve := []policy.Finding{finding("budget.step_up", policy.Approve)}
	revoked := grant().Revoke("dora", noon)
	used, spent := grant(), grant()
	used.Uses, spent.Used = 3, usd(100).Amount
	huge := grant()
	huge.PerChange, huge.Together, huge.Used = policy.MoneyValue(math.MaxInt64, "USD"), policy.MoneyValue(math.MaxInt64, "USD"), math.MaxInt64-1
	status := grant()
	status.Kind, status.PerChange, status.Together = policy.KindStatus, policy.Value{}, policy.Value{}
	uncapped := grant()
	uncapped.PerChange, uncapped.Together = policy.Value{}, policy.Value{}
	shadow := finding("budget.other", policy.Blocks)
	shadow.Shadow = true
	rise := change(usd(100), usd(150))
	elsewhere, other := rise, rise
	elsewhere.Target.Account = "200"
	other.Kind = policy.KindLifetimeBudget
	pause := policy.Change{Kind: policy.KindStatus, Target: target("more"), Before: policy.TextValue("ENABLED"), After: policy.TextValue("PAUSED")}
	for name, test := range map[string]struct {
		grant      Grant
		change     policy.Change
		automation string
		findings   []policy.Finding
		after      time.Duration
		want       error
		used       int64
	}{
		"what it is for":              {grant(), rise, "pacer", approve, 0, nil, usd(50).Amount},
		"both its rules":              {grant(), rise, "pacer", []policy.Finding{finding("budget.drift", policy.Approve), approve[0]}, 0, nil, usd(50).Amount},
		"warnings, and shadows":       {grant(), rise, "pacer", []policy.Finding{approve[0], finding("budget.other", policy.Warn), shadow}, 0, nil, usd(50).Amount},
		"a cut":                       {grant(), change(usd(150), usd(120)), "pacer", approve, 0, nil, usd(30).Amount},
		"a kind without amounts":      {status, pause, "pacer", approve, 0, nil, 0},
		"another automation":          {grant(), rise, "helper", approve, 0, policy.ErrForbidden, 0},
		"another account":             {grant(), elsewhere, "pacer", approve, 0, policy.ErrPrecondition, 0},
		"another kind":                {grant(), other, "pacer", approve, 0, policy.ErrPrecondition, 0},
		"another rule":                {grant(), rise, "pacer", []policy.Finding{approve[0], finding("budget.other", policy.Approve)}, 0, policy.ErrPrecondition, 0},
		"a block by its own rule":     {grant(), rise, "pacer", []policy.Finding{finding("budget.step_up", policy.Blocks)}, 0, policy.ErrPrecondition, 0},
		"an effect that nobody knows": {grant(), rise, "pacer", []policy.Finding{finding("budget.step_up", policy.EffectNone)}, 0, policy.ErrPrecondition, 0},
		"more than one may move":      {grant(), change(usd(100), usd(151)), "pacer", approve, 0, policy.ErrExhausted, 0},
		"a cut that is too deep":      {grant(), change(usd(151), usd(100)), "pacer", approve, 0, policy.ErrExhausted, 0},
		"more than all may move":      {spent, rise, "pacer", approve, 0, policy.ErrExhausted, 0},
		"more than can be added":      {huge, rise, "pacer", approve, 0, policy.ErrExhausted, 0},
		"too often":                   {used, rise, "pacer", approve, 0, policy.ErrExhausted, 0},
		"without bounds":              {grant(), change(usd(100), policy.UnlimitedValue()), "pacer", approve, 0, policy.ErrExhausted, 0},
		"another currency":            {grant(), change(policy.MoneyValue(1, "EUR"), policy.MoneyValue(2, "EUR")), "pacer", approve, 0, policy.ErrPrecondition, 0},
		"an amount without a cap":     {uncapped, rise, "pacer", approve, 0, policy.ErrPrecondition, 0},
		"no amount for the caps":      {grant(), change(policy.TextValue("a"), policy.TextValue("b")), "pacer", approve, 0, policy.ErrPrecondition, 0},
		"before it starts":            {grant(), rise, "pacer", approve, -1, policy.ErrPrecondition, 0},
		"just before it ends":         {grant(), rise, "pacer", approve, 48*time.Hour - 1, nil, usd(50).Amount},
		"when it has ended":           {grant(), rise, "pacer", approve, 48 * time.Hour, policy.ErrPrecondition, 0},
		"when it was revoked":         {revoked, rise, "pacer", approve, time.Hour, policy.ErrPrecondition, 0},
	} {
		got, err := test.grant.Use(&test.change, test.automation, test.findings, noon.Add(test.after))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
			continue
		}
		if test.want != nil {
			if got.Uses != test.grant.Uses || got.Used != test.grant.Used || got.Version != test.grant.Version {
				t.Errorf("%s: refused, and yet it was used", name)
			}
			continue
		}
		if got.Uses != 1 || got.Used != test.used || got.Version != 2 {
			t.Errorf("%s: got %d uses, %d used, version %d", name, got.Uses, got.Used, got.Version)
		}
	}
}

func TestAGrantNeverLetsMoreThroughThanItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grant()
		g.MaxUses = rapid.Int64Range(1, 6).Draw(t, "uses")
		moved, uses := int64(0), int64(0)
		for range 12 {
			before, after := rapid.Int64().Draw(t, "before"), rapid.Int64().Draw(t, "after")
			if rapid.IntRange(0, 4).Draw(t, "small") > 0 {
				before, after = usd(100).Amount, usd(rapid.Int64Range(40, 160).Draw(t, "units")).Amount
			}
			c := change(policy.MoneyValue(before, "USD"), policy.MoneyValue(after, "USD"))
			at := noon.Add(time.Duration(rapid.Int64Range(-10, 60).Draw(t, "hours")) * time.Hour)
			next, err := g.Use(&c, "pacer", nil, at)
			if next.Ends != g.Ends {
				t.Fatal("its end has moved")
			}
			if err == nil {
				uses++
				moved += max(before-after, after-before)
				if at.Before(g.Starts) || !at.Before(g.Ends) || max(before-after, after-before) > g.PerChange.Amount {
					t.Fatalf("at %s from %d to %d", at, before, after)
				}
			}
			g = next
		}
		if uses > g.MaxUses || moved > g.Together.Amount || moved != g.Used || uses != g.Uses || moved < 0 || moved > math.MaxInt64/2 {
			t.Fatalf("%d uses of %d, %d moved of %v", uses, g.MaxUses, moved, g.Together)
		}
	})
}

func TestARevokedGrantStaysAsItWasRevoked(t *testing.T) {
	once := grant().Revoke("dora", noon)
	twice := once.Revoke("fay", noon.Add(time.Hour))
	if once.RevokedBy != "dora" || once.Version != 2 || twice.RevokedBy != "dora" || twice.Version != 2 {
		t.Errorf("got %+v, then %+v", once, twice)
	}
}
