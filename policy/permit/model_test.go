package permit

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
)

// life drives one permit through events that come as they like, and remembers what an observer would:
// who was told yes, what was resolved, what was final.
type life struct {
	permit   Permit
	now      time.Time
	standing mode.Standing
	switches int64
	winner   string            // the claim id that was told yes
	resolved map[string]string // hold → how it ended
	applied  int               // steps into APPLIED
	told     []State           // steps, for the error messages
}

func (l *life) take(t *rapid.T, step Step) {
	before := l.permit
	if !step.Changed {
		if diff := cmp.Diff(before, step.Permit); diff != "" {
			t.Fatalf("unchanged, but for (-before +after):\n%s", diff)
		}
		if len(step.Holds) > 0 {
			t.Fatalf("nothing changed, and yet holds end: %v", step.Holds)
		}
		return
	}
	l.permit = step.Permit
	l.told = append(l.told, step.Permit.State)
	if before.State.Final() {
		t.Fatalf("%s became %s", before.State, l.permit.State)
	}
	if l.permit.Version != before.Version+1 {
		t.Fatalf("version %d after %d", l.permit.Version, before.Version)
	}
	if !l.permit.ChangedAt.Equal(l.now) {
		t.Fatalf("it changed at %s, not at %s", l.permit.ChangedAt, l.now)
	}
	if l.permit.State == Unknown && len(step.Holds) > 0 {
		t.Fatalf("nobody knows, and yet holds end: %v", step.Holds)
	}
	if l.permit.State == Applied {
		l.applied++
		if before.State != Claimed && before.State != Unknown {
			t.Fatalf("%s became APPLIED", before.State)
		}
	}
	for _, hold := range step.Holds {
		if earlier, twice := l.resolved[hold.Hold]; twice {
			t.Fatalf("hold %s ended before as %s", hold.Hold, earlier)
		}
		l.resolved[hold.Hold] = l.permit.State.String()
	}
}

func (l *life) claim(t *rapid.T) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "claim id")
	subject := rapid.SampledFrom([]string{"pacer", "pacer", "pacer", "stranger"}).Draw(t, "subject")
	before := l.permit
	step := before.Claim(id, subject, l.standing, reportWithin, l.now)
	l.take(t, step)
	if step.Refusal != nil {
		return
	}
	// A yes. It is the only one that there is, or the same again.
	if subject != "pacer" {
		t.Fatal("a stranger's claim succeeded")
	}
	if l.winner != "" && l.winner != id {
		t.Fatalf("%s claimed what %s had claimed", id, l.winner)
	}
	if l.standing.Epoch != before.Epoch {
		t.Fatalf("a permit of epoch %d was claimed in epoch %d", before.Epoch, l.standing.Epoch)
	}
	if l.permit.State != Claimed {
		t.Fatalf("it was told yes, and is %s", l.permit.State)
	}
	if before.State == Issued && !l.now.Before(before.ExpiresAt) {
		t.Fatalf("claimed at %s, and it expired at %s", l.now, before.ExpiresAt)
	}
	l.winner = id
}

func (l *life) tell(t *rapid.T) {
	report := Report{Outcome: rapid.SampledFrom([]State{Applied, Partial, Failed, Unknown, Expired, None}).Draw(t, "outcome")}
	if report.Outcome == Partial || rapid.IntRange(0, 9).Draw(t, "with values") == 0 {
		for _, leg := range l.permit.Legs {
			value := rapid.SampledFrom([]policy.Value{{}, leg.Before, leg.After, usd(190), usd(110)}).Draw(t, "value")
			if value.Form != policy.Missing {
				report.Applied = append(report.Applied, Part{leg.ChangeID, value})
			}
		}
	}
	subject := rapid.SampledFrom([]string{"pacer", "pacer", "pacer", "stranger"}).Draw(t, "subject")
	before := l.permit
	step := before.Tell(report, subject, l.now)
	l.take(t, step)
	if step.Refusal == nil && (subject != "pacer" || l.permit.State != report.Outcome) {
		t.Fatalf("%s reported %s and was told yes; it is %s", subject, report.Outcome, l.permit.State)
	}
	if again := l.permit.Tell(report, subject, l.now); again.Changed || (step.Refusal == nil) != (again.Refusal == nil) {
		t.Fatalf("the same report again: changed %t, %v; the first time %v", again.Changed, again.Refusal, step.Refusal)
	}
}

func (l *life) pass(*rapid.T) Step { return l.permit.Pass(l.now) }

func (l *life) setMode(t *rapid.T) {
	l.switches++
	scope := ledger.OrganisationScope()
	set := rapid.SampledFrom([]policy.Mode{policy.ModeActive, policy.ModeReduceOnly, policy.ModeHalted}).Draw(t, "mode")
	l.standing = mode.Over([]ledger.Scope{scope}, map[ledger.Scope]mode.Setting{
		scope: {Scope: scope, Mode: set, Epoch: epoch + l.switches, Reason: "why", At: l.now},
	})
}

// wait goes to a time around a deadline as often as to any other.
func (l *life) wait(t *rapid.T) {
	to := l.now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "wait")))
	if due := l.permit.Due(); !due.IsZero() && rapid.Bool().Draw(t, "to the deadline") {
		to = due.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "around")))
	}
	if to.After(l.now) {
		l.now = to
	}
}

func (l *life) check(t *rapid.T) {
	if l.applied > 1 {
		t.Fatalf("APPLIED %d times: %v", l.applied, l.told)
	}
	holds := make([]string, len(l.permit.Legs))
	for i, leg := range l.permit.Legs {
		holds[i] = leg.DecisionID
	}
	switch {
	case l.permit.State.Final() && len(l.resolved) != len(holds):
		t.Fatalf("it is %s, and of the holds %v only %v ended", l.permit.State, holds, l.resolved)
	case !l.permit.State.Final() && len(l.resolved) > 0:
		t.Fatalf("it is %s, and yet holds ended: %v", l.permit.State, l.resolved)
	}
	for hold := range l.resolved {
		if !slices.Contains(holds, hold) {
			t.Fatalf("hold %s ended, which is none of its own", hold)
		}
	}
	if encoded, err := l.permit.Encode(); err != nil {
		t.Fatal(err)
	} else if decoded, err := Decode(encoded); err != nil {
		t.Fatal(err)
	} else if diff := cmp.Diff(l.permit, decoded); diff != "" {
		t.Fatalf("encoded and decoded (-want +got):\n%s", diff)
	}
}

func TestAnyLifeKeepsThePromises(t *testing.T) {
	seen := map[State]bool{}
	rapid.Check(t, func(t *rapid.T) {
		l := &life{permit: shift(), now: noon, standing: under(epoch, policy.ModeActive), resolved: map[string]string{}}
		if rapid.Bool().Draw(t, "alone") {
			l.permit.Legs = l.permit.Legs[:1]
		}
		t.Repeat(map[string]func(*rapid.T){
			"claim":       l.claim,
			"claim again": l.claim,
			"tell":        l.tell,
			"pass":        func(t *rapid.T) { l.take(t, l.pass(t)) },
			"wait":        l.wait,
			"mode": func(t *rapid.T) { // seldom, or nothing else would happen
				if rapid.IntRange(0, 4).Draw(t, "switch") == 0 {
					l.setMode(t)
				}
			},
			"": func(t *rapid.T) { l.check(t); seen[l.permit.State] = true },
		})
	})
	for state := Issued; state < stateEnd; state++ {
		if !seen[state] {
			t.Errorf("no life came to %s: the test has become too narrow", state)
		}
	}
}

// Whichever of a claim and the sweeper comes first at a tick, the permit ends the same way, and one of
// them wins.
func TestExpiryAndClaimAtOneTick(t *testing.T) {
	for _, shiftBy := range []time.Duration{-1, 0, 1} {
		p := shift()
		at := p.ExpiresAt.Add(shiftBy)
		active := under(epoch, policy.ModeActive)
		claimFirst := p.Claim("a", "pacer", active, reportWithin, at).Permit.Pass(at).Permit
		passFirst := p.Pass(at).Permit.Claim("a", "pacer", active, reportWithin, at).Permit
		want := Expired
		if shiftBy < 0 {
			want = Claimed
		}
		if claimFirst.State != want || passFirst.State != want {
			t.Errorf("%v after it expires: claimed first it is %s, swept first %s; want %s", shiftBy, claimFirst.State, passFirst.State, want)
		}
	}
}
