package permit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
)

const (
	lifetime     = time.Minute
	reportWithin = 10 * time.Minute
	epoch        = int64(7)
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func usd(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }

func leg(id string, before, after policy.Value, direction policy.Direction) Leg {
	return Leg{DecisionID: "dec_" + id, ChangeID: id, ChangeDigest: "sha256:" + id, Kind: policy.KindDailyBudget,
		Target: policy.Target{Platform: "google_ads", Account: "100", EntityType: "campaign", EntityID: id, Labels: map[string]string{"brand": "acme"}},
		Before: before, After: after, Direction: direction}
}

// shift is a permit for a group: a budget moves from one campaign to another.
func shift() Permit {
	return Issue(Permit{ID: "per_1", Automation: "pacer", Audience: []string{"google_ads/100"}, Digest: "sha256:g", GroupID: "shift",
		Legs: []Leg{leg("less", usd(200), usd(180), policy.Cut), leg("more", usd(100), usd(120), policy.Rise)}, Epoch: epoch,
		IssuedAt: noon, ExpiresAt: noon.Add(lifetime)})
}

// under is the standing after the account was set to a mode.
func under(epoch int64, set policy.Mode) mode.Standing {
	scope := ledger.AccountScope("google_ads", "100")
	return mode.Over([]ledger.Scope{scope}, map[ledger.Scope]mode.Setting{
		scope: {Scope: scope, Mode: set, Epoch: epoch, Reason: "stop the shoe campaign", By: "ana", At: noon},
	})
}

// halfway is the report that only the first leg was made, and only in part.
func halfway() Report {
	return Report{Outcome: Partial, Applied: []Part{{"less", usd(190)}}}
}

// must takes a step that is to go through.
func must(t testing.TB, step Step) Permit {
	t.Helper()
	if step.Refusal != nil || !step.Changed {
		t.Fatalf("got changed %t, refusal %v", step.Changed, step.Refusal)
	}
	return step.Permit
}

// inState is the permit after the steps that lead to a state, and the time of the last of them.
func inState(t testing.TB, state string) (Permit, time.Time) {
	t.Helper()
	p, at := shift(), noon.Add(time.Second)
	claimed := func() Permit {
		return must(t, p.Claim("mine", "pacer", under(epoch, policy.ModeActive), reportWithin, at))
	}
	told := func(report Report) (Permit, time.Time) { return must(t, claimed().Tell(report, "pacer", at)), at }
	switch state {
	case "ISSUED":
		return p, noon
	case "CLAIMED":
		return claimed(), at
	case "APPLIED", "FAILED", "UNKNOWN":
		var outcome State
		if err := outcome.UnmarshalText([]byte(state)); err != nil {
			t.Fatal(err)
		}
		return told(Report{Outcome: outcome})
	case "PARTIAL":
		return told(halfway())
	case "silent": // unknown because nothing was reported
		p = claimed()
		return must(t, p.Pass(p.ReportBy)), p.ReportBy
	case "given back":
		return must(t, p.Tell(Report{Outcome: Failed}, "pacer", at)), at
	case "EXPIRED":
		return must(t, p.Pass(p.ExpiresAt)), p.ExpiresAt
	case "REVOKED":
		return p.Claim("mine", "pacer", under(epoch+1, policy.ModeActive), reportWithin, at).Permit, at
	}
	t.Fatalf("how does a permit become %s?", state)
	return p, at
}

// outcome writes a step as the table below does: the state that it led to ("-": none), what becomes of
// the holds, and the refusal.
func outcome(step Step) string {
	words := []string{"-"}
	if step.Changed {
		words[0] = step.Permit.State.String()
	}
	ends := map[Outcome]string{Post: "post", Void: "void", Expire: "expire"}
	for _, hold := range step.Holds {
		word := strings.TrimPrefix(hold.Hold, "dec_") + ":" + ends[hold.Outcome]
		if hold.Outcome == Post {
			word += "@" + strings.TrimSuffix(hold.Applied.String(), ".00 USD")
		}
		words = append(words, word)
	}
	for word, kind := range map[string]error{"precondition": policy.ErrPrecondition, "forbidden": policy.ErrForbidden, "invalid": policy.ErrInvalid} {
		if errors.Is(step.Refusal, kind) {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

const (
	posted  = "APPLIED less:post@180 more:post@120"
	inPart  = "PARTIAL less:post@190 more:void"
	voided  = "FAILED less:void more:void"
	expired = "EXPIRED less:expire more:expire precondition"
	revoked = "REVOKED less:void more:void precondition"
	refused = "- precondition"
	same    = "-"
)

func TestEveryEventInEveryState(t *testing.T) {
	states := []string{"ISSUED", "CLAIMED", "APPLIED", "PARTIAL", "FAILED", "given back", "UNKNOWN", "silent", "EXPIRED", "REVOKED"}
	now := func(time.Time, Permit) time.Time { return noon.Add(2 * time.Second) }
	claim := func(id, subject string, standing mode.Standing, at func(time.Time, Permit) time.Time) func(Permit, time.Time) Step {
		return func(p Permit, last time.Time) Step { return p.Claim(id, subject, standing, reportWithin, at(last, p)) }
	}
	tell := func(report Report, subject string, at func(time.Time, Permit) time.Time) func(Permit, time.Time) Step {
		return func(p Permit, last time.Time) Step { return p.Tell(report, subject, at(last, p)) }
	}
	// due is a time relative to the deadline of the state that the permit is in; without one, an hour later.
	due := func(shift time.Duration) func(time.Time, Permit) time.Time {
		return func(last time.Time, p Permit) time.Time {
			if p.Due().IsZero() {
				return last.Add(time.Hour)
			}
			return p.Due().Add(shift)
		}
	}
	active := under(epoch, policy.ModeActive)
	all := func(result string) map[string]string {
		want := map[string]string{}
		for _, state := range states {
			want[state] = result
		}
		return want
	}
	but := func(rest string, exceptions map[string]string) map[string]string {
		want := all(rest)
		for state, result := range exceptions {
			want[state] = result
		}
		return want
	}
	const late = "UNKNOWN precondition"
	for _, test := range []struct {
		event string
		apply func(Permit, time.Time) Step
		want  map[string]string
	}{
		{"claim", claim("mine", "pacer", active, now), but(refused, map[string]string{"ISSUED": "CLAIMED", "CLAIMED": same})},
		{"claim with another id", claim("theirs", "pacer", active, now), but(refused, map[string]string{"ISSUED": "CLAIMED"})},
		{"claim by another", claim("mine", "stranger", active, now), all("- forbidden")},
		{"claim by another, too late", claim("mine", "stranger", active, due(0)), all("- forbidden")},
		{"claim without an id", claim("", "pacer", active, now), all("- invalid")},
		{"claim with a long id", claim(strings.Repeat("x", MaxClaimID+1), "pacer", active, now), all("- invalid")},
		{"claim just before the deadline", claim("mine", "pacer", active, due(-1)), but(refused, map[string]string{"ISSUED": "CLAIMED", "CLAIMED": same})},
		{"claim at the deadline", claim("mine", "pacer", active, due(0)), but(refused, map[string]string{"ISSUED": expired, "CLAIMED": late})},
		{"claim after the deadline", claim("mine", "pacer", active, due(1)), but(refused, map[string]string{"ISSUED": expired, "CLAIMED": late})},
		{"claim with another id at the deadline", claim("theirs", "pacer", active, due(0)), but(refused, map[string]string{"ISSUED": expired, "CLAIMED": late})},
		{"claim in a later epoch", claim("mine", "pacer", under(epoch+1, policy.ModeActive), now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim in an earlier epoch", claim("mine", "pacer", under(epoch-1, policy.ModeActive), now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim without any mode", claim("mine", "pacer", mode.Standing{}, now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim when halted", claim("mine", "pacer", under(epoch+1, policy.ModeHalted), now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim when halted in the same epoch", claim("mine", "pacer", under(epoch, policy.ModeHalted), now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim a rise when only cuts may be made", claim("mine", "pacer", under(epoch, policy.ModeReduceOnly), now), but(refused, map[string]string{"ISSUED": revoked})},
		{"claim in a later epoch at the deadline", claim("mine", "pacer", under(epoch+1, policy.ModeHalted), due(0)), but(refused, map[string]string{"ISSUED": expired, "CLAIMED": late})},

		{"tell APPLIED", tell(Report{Outcome: Applied}, "pacer", now),
			but(refused, map[string]string{"CLAIMED": posted, "APPLIED": same, "UNKNOWN": posted, "silent": posted})},
		{"tell PARTIAL", tell(halfway(), "pacer", now),
			but(refused, map[string]string{"CLAIMED": inPart, "PARTIAL": same, "UNKNOWN": inPart, "silent": inPart})},
		{"tell PARTIAL of the other leg", tell(Report{Outcome: Partial, Applied: []Part{{"more", usd(110)}}}, "pacer", now),
			but(refused, map[string]string{"CLAIMED": "PARTIAL less:void more:post@110", "UNKNOWN": "PARTIAL less:void more:post@110", "silent": "PARTIAL less:void more:post@110"})},
		{"tell FAILED", tell(Report{Outcome: Failed}, "pacer", now),
			but(refused, map[string]string{"ISSUED": voided, "CLAIMED": voided, "FAILED": same, "given back": same, "UNKNOWN": voided, "silent": voided})},
		{"tell UNKNOWN", tell(Report{Outcome: Unknown}, "pacer", now),
			but(refused, map[string]string{"CLAIMED": "UNKNOWN", "UNKNOWN": same, "silent": "UNKNOWN"})},
		{"tell by another", tell(Report{Outcome: Applied}, "stranger", now), all("- forbidden")},
		{"tell what is no outcome", tell(Report{Outcome: Issued}, "pacer", now), all("- invalid")},
		{"tell APPLIED after the deadline", tell(Report{Outcome: Applied}, "pacer", due(1)),
			but(refused, map[string]string{"ISSUED": expired, "CLAIMED": posted, "APPLIED": same, "UNKNOWN": posted, "silent": posted})},
		{"give back just before the deadline", tell(Report{Outcome: Failed}, "pacer", due(-1)),
			but(refused, map[string]string{"ISSUED": voided, "CLAIMED": voided, "FAILED": same, "given back": same, "UNKNOWN": voided, "silent": voided})},
		{"give back at the deadline", tell(Report{Outcome: Failed}, "pacer", due(0)),
			but(refused, map[string]string{"ISSUED": expired, "CLAIMED": voided, "FAILED": same, "given back": same, "UNKNOWN": voided, "silent": voided})},

		{"time before the deadline", func(p Permit, last time.Time) Step { return p.Pass(due(-1)(last, p)) }, all(same)},
		{"time at the deadline", func(p Permit, last time.Time) Step { return p.Pass(due(0)(last, p)) },
			but(same, map[string]string{"ISSUED": strings.TrimSuffix(expired, " precondition"), "CLAIMED": "UNKNOWN"})},
		{"time after the deadline", func(p Permit, last time.Time) Step { return p.Pass(due(time.Hour)(last, p)) },
			but(same, map[string]string{"ISSUED": strings.TrimSuffix(expired, " precondition"), "CLAIMED": "UNKNOWN"})},
	} {
		for _, state := range states {
			t.Run(test.event+"/"+state, func(t *testing.T) {
				before, last := inState(t, state)
				step := test.apply(before, last)
				if got := outcome(step); got != test.want[state] {
					t.Errorf("got %s\nwant %s\nrefusal: %v", got, test.want[state], step.Refusal)
				}
				if !step.Changed {
					if diff := cmp.Diff(before, step.Permit); diff != "" {
						t.Errorf("nothing changed, but for (-before +after):\n%s", diff)
					}
					if len(step.Holds) > 0 {
						t.Errorf("nothing changed, but for the holds %v", step.Holds)
					}
				} else if step.Permit.Version != before.Version+1 {
					t.Errorf("got version %d after %d", step.Permit.Version, before.Version)
				}
			})
		}
	}
}

func TestAClaimIsOnRecord(t *testing.T) {
	at := noon.Add(time.Second)
	got := must(t, shift().Claim("mine", "pacer", under(epoch, policy.ModeActive), reportWithin, at))
	want := shift()
	want.State, want.Version, want.ChangedAt, want.ChangedBy = Claimed, 2, at, "pacer"
	want.ClaimID, want.ClaimedAt, want.ReportBy = "mine", at, at.Add(reportWithin)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatTimeDidIsNobodys(t *testing.T) {
	for _, state := range []string{"EXPIRED", "silent", "REVOKED"} {
		if p, _ := inState(t, state); p.ChangedBy != "" {
			t.Errorf("%s: it was changed by %q, want by nobody", state, p.ChangedBy)
		}
	}
}

func TestARevokedPermitSaysWhichSwitchItWas(t *testing.T) {
	step := shift().Claim("mine", "pacer", under(epoch+1, policy.ModeHalted), reportWithin, noon)
	const want = "account/google_ads/100 was set to halted at 2026-01-15T12:00:00Z: stop the shoe campaign"
	if step.Permit.Reason != want || !strings.Contains(step.Refusal.Error(), want) {
		t.Errorf("got reason %q and refusal %v, want both to say %q", step.Permit.Reason, step.Refusal, want)
	}
}

func TestOnlyCutsAreClaimedWhereOnlyCutsAreAdmitted(t *testing.T) {
	cut := shift()
	cut.Legs = cut.Legs[:1]
	if step := cut.Claim("mine", "pacer", under(epoch, policy.ModeReduceOnly), reportWithin, noon); step.Permit.State != Claimed {
		t.Errorf("a permit for a cut: got %s, want it claimed", outcome(step))
	}
}

func TestReportsThatMakeNoSense(t *testing.T) {
	parts := func(parts ...Part) Report { return Report{Outcome: Partial, Applied: parts} }
	claimed, at := inState(t, "CLAIMED")
	for name, test := range map[string]struct {
		report Report
		want   string
	}{
		"no outcome":             {Report{}, "not NONE"},
		"a state, no outcome":    {Report{Outcome: Expired}, "not EXPIRED"},
		"an unknown outcome":     {Report{Outcome: stateEnd}, "not STATE(9)"},
		"values with APPLIED":    {Report{Outcome: Applied, Applied: halfway().Applied}, "PARTIAL only"},
		"values with FAILED":     {Report{Outcome: Failed, Applied: halfway().Applied}, "PARTIAL only"},
		"values with UNKNOWN":    {Report{Outcome: Unknown, Applied: halfway().Applied}, "PARTIAL only"},
		"PARTIAL without values": {parts(), "which value each changed field has"},
		"another change":         {parts(Part{"other", usd(1)}), `not for change "other"`},
		"a change twice":         {parts(Part{"less", usd(190)}, Part{"less", usd(195)}), "twice"},
		"the old value":          {parts(Part{"less", usd(200)}), "leave it out"},
		"no value":               {parts(Part{"less", policy.Value{}}), "which value"},
		"all of it":              {parts(Part{"less", usd(180)}, Part{"more", usd(120)}), "report APPLIED"},
		"a long reference":       {Report{Outcome: Applied, Reference: strings.Repeat("x", MaxText+1)}, "1024 bytes"},
		"a long note":            {Report{Outcome: Applied, Note: strings.Repeat("x", MaxText+1)}, "1024 bytes"},
	} {
		step := claimed.Tell(test.report, "pacer", at)
		if got := outcome(step); got != "- invalid" || !strings.Contains(step.Refusal.Error(), test.want) {
			t.Errorf("%s: got %s, %v, want it refused with %q", name, got, step.Refusal, test.want)
		}
	}
	whole := parts(Part{"more", usd(120)}, Part{"less", usd(190)})
	if got := outcome(claimed.Tell(whole, "pacer", at)); got != "PARTIAL less:post@190 more:post@120" {
		t.Errorf("one leg whole, one in part: got %s", got)
	}
}

func TestTheSamePartsInAnotherOrderAreTheSame(t *testing.T) {
	claimed, at := inState(t, "CLAIMED")
	parts := []Part{{"more", usd(120)}, {"less", usd(190)}}
	partial := must(t, claimed.Tell(Report{Outcome: Partial, Applied: parts}, "pacer", at))
	slices.Reverse(parts)
	again := partial.Tell(Report{Outcome: Partial, Applied: slices.Clone(parts), Note: "told again"}, "pacer", at)
	if again.Changed || again.Refusal != nil {
		t.Errorf("got changed %t, %v", again.Changed, again.Refusal)
	}
	for _, other := range [][]Part{{{"more", usd(120)}, {"less", usd(191)}}, {{"less", usd(190)}}} {
		if step := partial.Tell(Report{Outcome: Partial, Applied: other}, "pacer", at); !errors.Is(step.Refusal, policy.ErrPrecondition) {
			t.Errorf("%v: got %v, want it refused", other, step.Refusal)
		}
	}
}

func TestAReferenceThatComesLateIsKept(t *testing.T) {
	silent, at := inState(t, "silent")
	told := must(t, silent.Tell(Report{Outcome: Unknown, Reference: "op-77"}, "pacer", at))
	if told.State != Unknown || told.Report.Reference != "op-77" {
		t.Errorf("got %s with reference %q, want UNKNOWN with op-77", told.State, told.Report.Reference)
	}
}

func TestWhenTimeIsDue(t *testing.T) {
	for _, state := range []string{"APPLIED", "PARTIAL", "FAILED", "given back", "UNKNOWN", "silent", "EXPIRED", "REVOKED"} {
		if p, _ := inState(t, state); !p.Due().IsZero() {
			t.Errorf("%s is due at %s, want never", state, p.Due())
		}
	}
	if p, _ := inState(t, "ISSUED"); !p.Due().Equal(noon.Add(lifetime)) {
		t.Errorf("issued: due at %s", p.Due())
	}
	if p, at := inState(t, "CLAIMED"); !p.Due().Equal(at.Add(reportWithin)) {
		t.Errorf("claimed: due at %s", p.Due())
	}
}

func TestFinalStates(t *testing.T) {
	var open []State
	for state := range stateEnd + 1 {
		if !state.Final() {
			open = append(open, state)
		}
	}
	if diff := cmp.Diff([]State{Issued, Claimed, Unknown}, open); diff != "" {
		t.Errorf("states that something follows (-want +got):\n%s", diff)
	}
}

// A record of a state that this version does not know, or of none, gives no authority.
func TestNothingHappensToAPermitInNoKnownState(t *testing.T) {
	for _, state := range []State{None, stateEnd} {
		p := shift()
		p.State = state
		if got := outcome(p.Claim("mine", "pacer", under(epoch, policy.ModeActive), reportWithin, noon)); got != refused {
			t.Errorf("claim in %s: got %s", state, got)
		}
		for _, told := range []State{Applied, Failed, Unknown} {
			if got := outcome(p.Tell(Report{Outcome: told}, "pacer", noon)); got != refused {
				t.Errorf("tell %s in %s: got %s", told, state, got)
			}
		}
		if got := outcome(p.Pass(noon.AddDate(1, 0, 0))); got != same {
			t.Errorf("time in %s: got %s", state, got)
		}
	}
}

func TestEncodedPermitsComeBack(t *testing.T) {
	for _, state := range []string{"ISSUED", "CLAIMED", "APPLIED", "PARTIAL", "FAILED", "given back", "UNKNOWN", "silent", "EXPIRED", "REVOKED"} {
		want, _ := inState(t, state)
		want.Report.Note, want.Report.Reference = "line\n<two>", "op-77"
		encoded, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
		again, err := got.Encode()
		if err != nil || string(again) != string(encoded) {
			t.Errorf("%s is encoded otherwise the second time, %v:\n%s\n%s", state, err, encoded, again)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, record := range []string{"", "{", "{}", `{"permit_id":"per_1"}`, `{"state":"NONE"}`, `{"state":"issued"}`, `{"state":2}`, `{"state":"STATE(9)"}`} {
		if p, err := Decode([]byte(record)); err == nil {
			t.Errorf("%s: got %+v, want an error", record, p)
		}
	}
}

func TestStatesAreReadAsTheyAreWritten(t *testing.T) {
	for state := range stateEnd {
		text, err := state.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got State
		if err := got.UnmarshalText(text); err != nil || got != state {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	if got := fmt.Sprint(stateEnd); got != "STATE(9)" {
		t.Errorf("got %s", got)
	}
}

func TestLeg(t *testing.T) {
	p := shift()
	if got, found := p.Leg("more"); !found || got.DecisionID != "dec_more" {
		t.Errorf("got %v, %t, want the second leg", got, found)
	}
	if got, found := p.Leg("other"); found {
		t.Errorf("got %v for a change that is not there", got)
	}
}

// A report that names a claim is about that claim. Whoever lost the answer to its own may say FAILED, and
// whoever hands back an unused permit does not take it from somebody who uses it.
func TestAReportIsAboutItsClaim(t *testing.T) {
	at := noon
	issued := Issue(Permit{ID: "p", Automation: "pacer", Legs: []Leg{{DecisionID: "d", ChangeID: "c"}}, IssuedAt: at, ExpiresAt: at.Add(time.Minute)})
	claimed := issued.Claim("mine", "pacer", mode.Standing{}, time.Minute, at).Permit
	failed := func(claimID string) Report { return Report{Outcome: Failed, ClaimID: claimID} }
	for name, tt := range map[string]struct {
		from    Permit
		claimID string
		refused bool
	}{
		"its own claim":                  {claimed, "mine", false},
		"whichever there is":             {claimed, "", false},
		"another's claim":                {claimed, "theirs", true},
		"a claim that never got through": {issued, "mine", false},
	} {
		step := tt.from.Tell(failed(tt.claimID), "pacer", at)
		if (step.Refusal != nil) != tt.refused || !tt.refused && step.Permit.State != Failed || tt.refused && (step.Changed || !errors.Is(step.Refusal, policy.ErrPrecondition)) {
			t.Errorf("%s: %v, refusal %v", name, step.Permit.State, step.Refusal)
		}
	}
	if step := claimed.Tell(failed(strings.Repeat("x", MaxClaimID+1)), "pacer", at); !errors.Is(step.Refusal, policy.ErrInvalid) {
		t.Errorf("a claim id that is too long: %v, want ErrInvalid", step.Refusal)
	}
}

// Others settle what is unknown, and nothing else.
func TestReconcile(t *testing.T) {
	at := noon
	issued := Issue(Permit{ID: "p", Automation: "pacer", Legs: []Leg{{DecisionID: "d", ChangeID: "c"}}, IssuedAt: at, ExpiresAt: at.Add(time.Minute)})
	claimed := issued.Claim("mine", "pacer", mode.Standing{}, time.Minute, at).Permit
	unknown := claimed.Pass(at.Add(time.Hour)).Permit
	for _, from := range []Permit{issued, claimed, claimed.Tell(Report{Outcome: Applied}, "pacer", at).Permit} {
		if step := from.Reconcile(Report{Outcome: Failed}, "gita", at); step.Changed || !errors.Is(step.Refusal, policy.ErrPrecondition) {
			t.Errorf("a permit that is %v: changed %v, refusal %v; want ErrPrecondition", from.State, step.Changed, step.Refusal)
		}
	}
	step := unknown.Reconcile(Report{Outcome: Applied}, "gita", at)
	if step.Refusal != nil || step.Permit.State != Applied || step.Permit.ChangedBy != "gita" || len(step.Holds) != 1 || step.Holds[0].Outcome != Post {
		t.Errorf("got %+v, want APPLIED by gita and the hold posted", step)
	}
}
