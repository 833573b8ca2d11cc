package experiment

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	ids := func(prefix string) *rapid.Generator[[]string] {
		return rapid.Custom(func(t *rapid.T) []string {
			if rapid.Bool().Draw(t, "none") {
				return nil
			}
			return rapid.SliceOfNDistinct(rapid.Map(rapid.StringMatching("[a-z0-9 -]{1,5}"), func(id string) string { return prefix + id }), 1, 3, rapid.ID[string]).Draw(t, "ids")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		starts := at("2026-03-01T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "starts")) * time.Microsecond)
		e := Experiment{ID: "spring", Name: rapid.String().Draw(t, "name"), Type: rapid.SampledFrom([]string{"ab", "geo_holdout", "audience_holdout", "lift", "incrementality"}).Draw(t, "type"),
			Platform: "google_ads", Account: rapid.SampledFrom([]string{"", "1"}).Draw(t, "account"), Owner: "growth", Hypothesis: "more", Metric: "conversions",
			Starts: starts, Ends: starts.Add(time.Hour), State: rapid.SampledFrom([]string{"", Draft, Aborted, Concluded}).Draw(t, "state")}
		e.Sync = e.Type == "ab" && rapid.Bool().Draw(t, "sync")
		e.PurchaseCycle = time.Duration(rapid.Int64Range(0, int64(maxCycle/time.Second)).Draw(t, "cycle")) * time.Second
		if rapid.Bool().Draw(t, "baseline") {
			e.BaselineStarts = starts.Add(-time.Hour)
		}
		if rapid.Bool().Draw(t, "cooldown") {
			e.CooldownEnds = e.Ends
		}
		switch rapid.IntRange(0, 2).Draw(t, "frozen") {
		case 0:
			e.FrozenFields = []policy.Kind{}
		case 1:
			e.FrozenFields = []policy.Kind{policy.KindBid, policy.KindStatus}
		}
		if rapid.Bool().Draw(t, "enveloped") {
			e.Envelope = []Envelope{{Kind: policy.KindBid, SharePPM: rapid.Int64Range(1, 5_000_000).Draw(t, "share")},
				{Kind: policy.KindDailyBudget, Most: policy.MoneyValue(rapid.Int64Min(0).Draw(t, "most"), "USD")}}
		}
		first := rapid.Int64Range(1, whole-1).Draw(t, "split")
		for i, split := range []int64{first, whole - first} {
			name := []string{"base", "trial"}[i]
			e.Arms = append(e.Arms, Arm{Name: name, Control: i == 0, SplitPPM: split, Campaigns: []string{name}, AdGroups: ids(name).Draw(t, "ad groups"),
				Geos: ids(name).Draw(t, "geos"), Audiences: ids(name).Draw(t, "audiences")})
		}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEntry("spring", body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("written as %s (-want +got):\n%s", body, diff)
		}
	})
}

func TestRecordsThatSayNothingClearAreRefused(t *testing.T) {
	const good = `{"type": "ab", "owner": "growth", "platform": "google_ads", "starts": "2026-03-02T00:00:00Z", "ends": "2026-03-23T00:00:00Z", "purchase_cycle": "20d",
		"envelope": [{"kind": "bid", "share": "20%"}, {"kind": "daily_budget", "most": "1.00 USD"}],
		"arms": {"base": {"campaigns": ["101"], "split": "60%", "control": true}, "trial": {"campaigns": ["102"], "split": "40%"}}}`
	if _, err := DecodeEntry("spring", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, from, to, want string }{
		{"something behind it", good, good + "{}", "something follows the record"},
		{"an account without a platform", `"platform": "google_ads"`, `"account": "1"`, "platform is missing: on which is the account?"},
		{"sync of another type", `"type": "ab"`, `"type": "lift", "sync": true`, "sync is for type ab"},
		{"a cycle in weeks", `"20d"`, `"3w"`, "purchase_cycle: "},
		{"an endless cycle", `"20d"`, `"unlimited"`, "purchase_cycle is unlimited"},
		{"a cycle of centuries", `"20d"`, `"99999999d"`, "at most ten years"},
		{"an envelope of no kind", `"kind": "bid", `, ``, "envelope[0] has no kind"},
		{"an envelope that says nothing", `"kind": "bid", "share": "20%"`, `"kind": "bid"`, "envelope[0] has neither share nor most"},
		{"two envelopes of a kind", `"daily_budget"`, `"bid"`, "envelope[1]: bid is there twice"},
		{"a share that is none", `"20%"`, `"20"`, `envelope[0].share is "20"`},
		{"a share of nothing", `"20%"`, `"0%"`, `envelope[0].share is "0%"`},
		{"a share without end", `"20%"`, `"unlimited"`, "envelope[0].share is"},
		{"a most without a currency", `"1.00 USD"`, `"1.00"`, `envelope[1].most is "1.00"`},
		{"a most without end", `"1.00 USD"`, `"unlimited"`, "envelope[1].most is"},
		{"a campaign in both arms", `"102"`, `"101"`, "the campaign 101 is in the arms base and trial"},
		{"an empty id", `"102"`, `""`, "the arm trial has an empty id among its campaigns"},
		{"a split that is no share", `"60%"`, `"0.6"`, `split of the arm base is "0.6"`},
		{"splits that are not all", `"60%"`, `"50%"`, "add up to 90%"},
		{"an arm without a split", `, "split": "40%"`, ``, "1 of 2 arms have one"},
		{"an id that is a number", `"102"`, `102`, "arms.campaigns cannot be a number; write it in quotes"},
		{"a key that there is not", `"owner"`, `"owned_by"`, `unknown field "owned_by"`},
		{"a day alone", `"2026-03-23T00:00:00Z"`, `"2026-03-23"`, "2026-03-23 is no time; write 2026-03-02T00:00:00Z"},
		{"an arm without a name", `"trial"`, `""`, "an arm has no name"},
	} {
		text := strings.Replace(good, test.from, test.to, 1)
		_, err := DecodeEntry("spring", []byte(text))
		if text == good || !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	read, err := DecodeEntry("spring", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Experiment){
		"two arms of a name":         func(e *Experiment) { e.Arms = append(e.Arms, e.Arms[0]) },
		"half a second":              func(e *Experiment) { e.PurchaseCycle = time.Millisecond },
		"an envelope without an end": func(e *Experiment) { e.Envelope = []Envelope{{Kind: policy.KindBid, Most: policy.UnlimitedValue()}} },
		"no owner":                   func(e *Experiment) { e.Owner = "" },
	} {
		wrong := read
		edit(&wrong)
		if _, err := wrong.Encode(); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAContaminationIsReadAsItWasWritten(t *testing.T) {
	want := Contamination{Experiment: "spring", Arm: "trial", Number: 3, At: at("2026-03-10T00:00:00Z"), DecisionID: "dec_1", Automation: "pacer", Kind: policy.KindBid,
		Target: policy.Target{Platform: "google_ads", Account: "1", EntityType: "keyword", EntityID: "7"}, Before: policy.MoneyValue(2, "USD"), After: policy.MoneyValue(1, "USD"),
		ReasonCode: "overspend", Rules: []string{"experiment.freeze"}, Emergency: true, Aborted: true}
	encoded, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeContamination(encoded)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*Contamination){
		"experiment": func(c *Contamination) { c.Experiment = "" },
		"decision":   func(c *Contamination) { c.DecisionID = "" },
		"automation": func(c *Contamination) { c.Automation = "" },
		"time":       func(c *Contamination) { c.At = time.Time{} },
		"kind":       func(c *Contamination) { c.Kind = policy.KindUnknown },
	} {
		wrong := want
		edit(&wrong)
		if err := wrong.Validate(); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("without its %s: %v", name, err)
		}
	}
	if _, err := DecodeContamination([]byte("{")); err == nil {
		t.Error("half a record was read")
	}
}
