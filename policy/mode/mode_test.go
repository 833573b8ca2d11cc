package mode

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

var (
	noon         = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	organisation = ledger.OrganisationScope()
	account      = ledger.AccountScope("google_ads", "100")
	campaign     = ledger.CampaignScope("google_ads", "100", "200")
	elsewhere    = ledger.AccountScope("google_ads", "999")
)

func setting(scope ledger.Scope, mode policy.Mode, epoch int64) Setting {
	return Setting{Scope: scope, Mode: mode, Epoch: epoch, Reason: "why", By: "ana", At: noon.Add(time.Duration(epoch) * time.Minute)}
}

func TestOverTakesTheStrictestModeAndTheNewestEpoch(t *testing.T) {
	const active, reduce, halted = policy.ModeActive, policy.ModeReduceOnly, policy.ModeHalted
	for name, test := range map[string]struct {
		settings   []Setting
		mode       policy.Mode
		by, newest int64 // epochs of the settings
	}{
		"never set":               {nil, active, 0, 0},
		"set elsewhere":           {[]Setting{setting(elsewhere, halted, 9)}, active, 0, 0},
		"one":                     {[]Setting{setting(account, halted, 3)}, halted, 3, 3},
		"strictest is the oldest": {[]Setting{setting(organisation, halted, 1), setting(account, reduce, 2), setting(campaign, active, 3)}, halted, 1, 3},
		"strictest is the newest": {[]Setting{setting(organisation, active, 1), setting(account, reduce, 2), setting(campaign, halted, 3)}, halted, 3, 3},
		"strictest in the middle": {[]Setting{setting(organisation, active, 4), setting(account, reduce, 2)}, reduce, 2, 4},
		"back to active counts":   {[]Setting{setting(account, active, 5)}, active, 5, 5},
		"all active":              {[]Setting{setting(organisation, active, 4), setting(account, active, 6), setting(campaign, active, 5)}, active, 6, 6},
		"two equally strict":      {[]Setting{setting(organisation, halted, 2), setting(account, halted, 1)}, halted, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			settings := map[ledger.Scope]Setting{}
			for _, each := range test.settings {
				settings[each.Scope] = each
			}
			scopes := []ledger.Scope{campaign, account, organisation}
			for range 2 { // whatever the order
				got := Over(scopes, settings)
				if got.Mode != test.mode || got.Epoch != test.newest || got.By.Epoch != test.by || got.Newest.Epoch != test.newest {
					t.Errorf("got %s in epoch %d, by the setting of epoch %d, newest %d; want %s in epoch %d, by %d",
						got.Mode, got.Epoch, got.By.Epoch, got.Newest.Epoch, test.mode, test.newest, test.by)
				}
				slices.Reverse(scopes)
			}
		})
	}
}

func TestMoreScopesAreNeverLaxer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []ledger.Scope{campaign, account, organisation, elsewhere}
		settings := map[ledger.Scope]Setting{}
		for i, scope := range rapid.Permutation(all).Draw(t, "order") {
			if rapid.Bool().Draw(t, "set") {
				settings[scope] = setting(scope, rapid.SampledFrom([]policy.Mode{policy.ModeActive, policy.ModeReduceOnly, policy.ModeHalted}).Draw(t, "mode"), int64(i+1))
			}
		}
		fewer := rapid.SliceOfDistinct(rapid.SampledFrom(all), func(s ledger.Scope) string { return s.String() }).Draw(t, "scopes")
		narrow, wide := Over(fewer, settings), Over(all, settings)
		for direction := policy.Unordered; direction <= policy.Cut; direction++ {
			if wide.Admits(direction) && !narrow.Admits(direction) {
				t.Fatalf("more scopes admit a %s that fewer do not: %+v, %+v", direction, wide, narrow)
			}
		}
		if wide.Epoch < narrow.Epoch {
			t.Fatalf("more scopes have an older epoch: %d, %d", wide.Epoch, narrow.Epoch)
		}
	})
}

func TestAdmits(t *testing.T) {
	for mode, want := range map[policy.Mode][]policy.Direction{
		policy.ModeActive:     {policy.Unordered, policy.Same, policy.Rise, policy.Cut},
		policy.ModeReduceOnly: {policy.Cut},
		policy.ModeHalted:     nil,
		policy.ModeHalted + 1: nil, // of a later version
	} {
		var got []policy.Direction
		for direction := policy.Unordered; direction <= policy.Cut; direction++ {
			if (Standing{Mode: mode}).Admits(direction) {
				got = append(got, direction)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s admits (-want +got):\n%s", mode, diff)
		}
	}
}

func TestValidate(t *testing.T) {
	field := ledger.FieldScope(policy.TargetKey{Platform: "google_ads", Account: "100", EntityType: "keyword", EntityID: "1"}, policy.KindBid)
	for name, test := range map[string]struct {
		setting Setting
		want    string // "": it is fine
	}{
		"fine":             {setting(account, policy.ModeHalted, 0), ""},
		"an ad group":      {setting(ledger.AdGroupScope("google_ads", "100", "300"), policy.ModeActive, 0), ""},
		"an automation":    {setting(ledger.AutomationScope("pacer"), policy.ModeReduceOnly, 0), ""},
		"everything":       {setting(organisation, policy.ModeHalted, 0), ""},
		"longest reason":   {Setting{Scope: account, Reason: strings.Repeat("x", MaxReason)}, ""},
		"no scope":         {Setting{Reason: "why"}, "a mode is of a scope"},
		"no known scope":   {Setting{Scope: ledger.Scope{Kind: ledger.Organisation + 1}, Reason: "why"}, "a mode is of a scope"},
		"a field":          {setting(field, policy.ModeHalted, 0), "not of a field"},
		"a run":            {setting(ledger.RunScope("pacer", "1"), policy.ModeHalted, 0), "not of a run"},
		"no known mode":    {setting(account, policy.ModeHalted+1, 0), "there is no mode"},
		"no reason":        {Setting{Scope: account}, "say why"},
		"an empty reason":  {Setting{Scope: account, Reason: " \n"}, "say why"},
		"too long a story": {Setting{Scope: account, Reason: strings.Repeat("x", MaxReason+1)}, "1025 bytes"},
	} {
		err := test.setting.Validate()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want it invalid with %q", name, err, test.want)
		}
	}
}

func TestEncodedSettingsComeBack(t *testing.T) {
	for mode := policy.ModeActive; mode <= policy.ModeHalted; mode++ {
		want := setting(ledger.CampaignScope("google_ads", "100", "a/b ü"), mode, 3)
		encoded, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	const golden = `{"scope":"account/google_ads/100","mode":"halted","epoch":3,"reason":"why","by":"ana","at":"2026-01-15T12:03:00Z"}`
	if encoded, err := setting(account, policy.ModeHalted, 3).Encode(); err != nil || string(encoded) != golden {
		t.Errorf("got %s, %v\nwant %s", encoded, err, golden)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, record := range []string{"", "{}", `{"scope":"organisation"}`, `{"scope":"organisation","mode":"off"}`, `{"scope":"nowhere","mode":"active"}`, `{"mode":2}`} {
		if got, err := Decode([]byte(record)); err == nil {
			t.Errorf("%s: got %+v, want an error", record, got)
		}
	}
}

func TestASettingSaysWhatWasSet(t *testing.T) {
	if got, want := setting(account, policy.ModeReduceOnly, 3).String(), "account/google_ads/100 was set to reduce_only at 2026-01-15T12:03:00Z: why"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (Setting{}).String(), "no mode is set any more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
