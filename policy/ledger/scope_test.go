package ledger

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func names(scopes []Scope) []string {
	var texts []string
	for _, scope := range scopes {
		texts = append(texts, scope.String())
	}
	return texts
}

func TestScopesOf(t *testing.T) {
	odd := keyword()
	odd.Account, odd.EntityID = "a/b", "50% ∞\x00"
	for _, tt := range []struct {
		name       string
		target     policy.Target
		automation string
		want       []string
	}{
		{"everything", keyword(), "bidder", []string{"field/google_ads/100/keyword/400/bid", "ad_group/google_ads/100/300",
			"campaign/google_ads/100/200", "portfolio/google_ads/100/autumn", "channel/google_ads/100/search",
			"account/google_ads/100", "automation/bidder", "organisation"}},
		{"a campaign is in itself", policy.Target{Platform: "p", Account: "a", EntityType: "campaign", EntityID: "1"}, "",
			[]string{"field/p/a/campaign/1/bid", "campaign/p/a/1", "account/p/a", "organisation"}},
		{"once when the target says so too", campaign("1"), "", []string{"field/google_ads/100/campaign/1/bid",
			"campaign/google_ads/100/1", "channel/google_ads/100/search", "account/google_ads/100", "organisation"}},
		{"ad groups and portfolios too", policy.Target{EntityType: "ad_group", EntityID: "1", Portfolio: "2"}, "",
			[]string{"field///ad_group/1/bid", "ad_group///1", "portfolio///2", "account//", "organisation"}},
		{"a portfolio's own field", policy.Target{EntityType: "portfolio", EntityID: "1"}, "",
			[]string{"field///portfolio/1/bid", "portfolio///1", "account//", "organisation"}},
		{"odd ids", odd, "", []string{"field/google_ads/a%2Fb/keyword/50%25%20%E2%88%9E%00/bid", "ad_group/google_ads/a%2Fb/300",
			"campaign/google_ads/a%2Fb/200", "portfolio/google_ads/a%2Fb/autumn", "channel/google_ads/a%2Fb/search",
			"account/google_ads/a%2Fb", "organisation"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ScopesOf(&policy.Change{Kind: policy.KindBid, Target: tt.target}, tt.automation)
			if diff := cmp.Diff(tt.want, names(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !slices.IsSortedFunc(got, Scope.Compare) {
				t.Error("not in the lock order")
			}
		})
	}
}

func TestScopesOfRun(t *testing.T) {
	target := policy.Target{Platform: "p", Account: "a", EntityType: "keyword", EntityID: "1"}
	for _, tt := range []struct {
		name, automation, run, batch string
		want                         []string
	}{
		{"named", "bid/der", "run 7", "", []string{"run/bid%2Fder/run%207", "automation/bid%2Fder", "organisation"}},
		{"its batch", "bidder", "", "bat_1", []string{"run/bidder/bat_1", "automation/bidder", "organisation"}},
		{"its own name before that", "bidder", "7", "bat_1", []string{"run/bidder/7", "automation/bidder", "organisation"}},
		{"neither", "bidder", "", "", []string{"automation/bidder", "organisation"}},
		{"of nobody", "", "7", "bat_1", []string{"organisation"}},
	} {
		change := &policy.Change{Kind: policy.KindBid, Target: target, BatchID: tt.batch, Actor: policy.Actor{Automation: "another", Run: tt.run}}
		want := append([]string{"field/p/a/keyword/1/bid", "account/p/a"}, tt.want...)
		if diff := cmp.Diff(want, names(ScopesOf(change, tt.automation))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAccountOf(t *testing.T) {
	for _, tt := range []struct {
		scope             Scope
		platform, account string
		found             bool
	}{
		{FieldScope(policy.TargetKey{Platform: "p/q", Account: "1%", EntityType: "keyword", EntityID: "2"}, policy.KindBid), "p/q", "1%", true},
		{CampaignScope("meta", "1", "2"), "meta", "1", true},
		{AccountScope("", ""), "", "", true},
		{AutomationScope("a/b"), "", "", false},
		{RunScope("a", "b"), "", "", false},
		{OrganisationScope(), "", "", false},
		{Scope{}, "", "", false},
	} {
		platform, account, found := tt.scope.AccountOf()
		if platform != tt.platform || account != tt.account || found != tt.found {
			t.Errorf("%s: got %q, %q, %v", tt.scope, platform, account, found)
		}
	}
}

func TestParseScopeRefuses(t *testing.T) {
	for _, text := range []string{"", "organisation/", "organisation/x", "planet/x", "account/x", "account/x/y/z", "automation",
		"account/a%2fb/c", "account/a b/c", "account/%zz/c", "account/%41/c", "field/p/a/t/i/nothing", "/account"} {
		if scope, err := ParseScope(text); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%q: got %v, %v", text, scope, err)
		}
	}
}

// Who writes a scope with too few or too many ids reads how it is written.
func TestScopeForms(t *testing.T) {
	for kind := Field; kind < scopeKindEnd; kind++ {
		form := scopeForms[kind]
		if name, _, _ := strings.Cut(form, "/"); name != kind.String() || strings.Count(form, "/") != scopeParts[kind] {
			t.Errorf("%v, which has %d ids, is written %s", kind, scopeParts[kind], form)
		}
		if _, err := ParseScope(form + "/more"); err == nil || !strings.Contains(err.Error(), "is not written "+form+"; ") {
			t.Errorf("%s/more: got %v, want to read %s", form, err, form)
		}
	}
}

// Whatever is in ids, a scope has one name, and no other scope has it.
func TestScopeNames(t *testing.T) {
	id := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("/%2F a")), 0, 4, -1),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(bytes []byte) string { return string(bytes) }))
	rapid.Check(t, func(t *rapid.T) {
		draw := func() []Scope {
			return ScopesOf(&policy.Change{Kind: policy.KindBid, Target: policy.Target{
				Platform: id.Draw(t, "platform"), Account: id.Draw(t, "account"), Campaign: id.Draw(t, "campaign"),
				EntityType: id.Draw(t, "type"), EntityID: id.Draw(t, "id"),
			}}, id.Draw(t, "automation"))
		}
		scopes := append(draw(), draw()...)
		for _, scope := range scopes {
			back, err := ParseScope(scope.String())
			if err != nil || back != scope {
				t.Fatalf("%q: got %v, %v", scope, back, err)
			}
		}
		for _, other := range scopes {
			if (scopes[0] == other) != (scopes[0].String() == other.String()) || (scopes[0] == other) != (scopes[0].Compare(other) == 0) {
				t.Fatalf("%q and %q", scopes[0], other)
			}
		}
	})
}

func FuzzParseScope(f *testing.F) {
	for _, scope := range ScopesOf(change(policy.KindBid, keyword(), usd(1), usd(2)), "bid/der") {
		f.Add(scope.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		if scope, err := ParseScope(text); err == nil && scope.String() != text {
			t.Errorf("%q is read as %q", text, scope)
		}
	})
}
