package pacer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// fakeGuard gives every change the same verdict.
type fakeGuard bidrailv1.Verdict

func (g fakeGuard) CheckBatch(_ context.Context, changes ...*bidrailv1.Change) ([]client.Result, error) {
	results := make([]client.Result, len(changes))
	for i, change := range changes {
		results[i].Decision = client.Decision{Decision: &bidrailv1.Decision{ChangeId: change.GetChangeId(), Verdict: bidrailv1.Verdict(g)}}
	}
	return results, nil
}

// run plays the whole history and returns every proposal.
func run(t *testing.T, guard Guard) []*bidrailv1.Change {
	t.Helper()
	pacer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var proposals []*bidrailv1.Change
	err = pacer.Run(t.Context(), guard, func(answer Answer) { proposals = append(proposals, answer.Proposals...) })
	if err != nil {
		t.Fatal(err)
	}
	return proposals
}

func line(change *bidrailv1.Change) string {
	return fmt.Sprintf("%s %s: %s to %s", change.GetActor().GetRun(), change.GetTarget().GetEntityId(),
		client.Describe(change.GetBefore()), client.Describe(change.GetAfter()))
}

func TestProposalsFollowFromWhatIsAllowed(t *testing.T) {
	proposals := run(t, fakeGuard(bidrailv1.Verdict_VERDICT_ALLOW))
	holds := map[string]*bidrailv1.Value{}
	keys := map[string]bool{}
	for _, change := range proposals {
		entity := change.GetTarget().GetPlatform() + change.GetTarget().GetEntityId()
		before, after := change.GetBefore().GetMoney().GetMicros(), change.GetAfter().GetMoney().GetMicros()
		if held := holds[entity]; held != nil && held.GetMoney().GetMicros() != before {
			t.Errorf("%s: but %s holds", line(change), client.Describe(held))
		}
		holds[entity] = change.GetAfter()
		if after%cent != 0 || after == before || 2*after < before || after > 2*before {
			t.Errorf("%s: not whole cents between half and double", line(change))
		}
		if keys[change.GetChangeId()] {
			t.Errorf("%s: the key %s is used twice", line(change), change.GetChangeId())
		}
		keys[change.GetChangeId()] = true
	}
	if len(proposals) < 500 {
		t.Errorf("got %d proposals, want some for every campaign and day", len(proposals))
	}
}

func TestWhatIsNotAllowedDoesNotTakeHold(t *testing.T) {
	for _, change := range run(t, fakeGuard(bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL)) {
		if change.GetKind() == bidrailv1.Kind_KIND_BID {
			continue
		}
		want := map[string]string{"359751135": "100.00 USD", "349886458": "200.00 USD", "2": "150.00 USD", "9935249409": "50.00 USD"}
		if got := client.Describe(change.GetBefore()); got != want[change.GetTarget().GetEntityId()] {
			t.Fatalf("%s: want the recorded budget to stay", line(change))
		}
	}
}

func TestRunStopsWhenThereIsNoAnswer(t *testing.T) {
	pacer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	down := guardFunc(func() ([]client.Result, error) { calls++; return nil, client.ErrNoAnswer })
	if err := pacer.Run(t.Context(), down, func(Answer) { t.Error("an answer was reported") }); !errors.Is(err, client.ErrNoAnswer) || calls != 1 {
		t.Errorf("got %v after %d calls, want it to stop at the first", err, calls)
	}
}

type guardFunc func() ([]client.Result, error)

func (g guardFunc) CheckBatch(context.Context, ...*bidrailv1.Change) ([]client.Result, error) {
	return g()
}

func TestPace(t *testing.T) {
	day := func(day int) time.Time { return time.Date(2026, time.April, day, 0, 0, 0, 0, time.UTC) }
	campaign := &campaign{
		currency: "USD", daily: 100_000_000, budget: 100_000_000, first: day(11), last: day(30),
		spend: map[time.Time]int64{day(11): 50_000_000, day(12): 80_000_000, day(13): 2_000_000_000},
	}
	// The plan is 20 days of 100.00, since the campaign begins on the 11th.
	for day, want := range map[time.Time]int64{
		day(11): 100_000_000, // 2000.00 over 20 days
		day(12): 102_630_000, // 1950.00 over 19 days is 102.6315...
		day(13): 103_880_000, // 1870.00 over 18 days is 103.8888...
		day(14): 50_000_000,  // nothing is left, and half of the present is the least
	} {
		if got, reason := campaign.pace(day); got != want || reason == nil {
			t.Errorf("%s: got %d, want %d", day.Format(time.DateOnly), got, want)
		}
	}
	campaign.spend = nil
	if got, _ := campaign.pace(day(30)); got != 200_000_000 {
		t.Errorf("on the last day: got %d, want no more than double", got)
	}
	if _, reason := campaign.pace(day(10)); reason != nil {
		t.Error("there is a proposal for a day before the campaign")
	}
}

func TestBidsOfTheRecordedKeywords(t *testing.T) {
	var got []string
	for _, change := range run(t, fakeGuard(bidrailv1.Verdict_VERDICT_ALLOW)) {
		if change.GetKind() == bidrailv1.Kind_KIND_BID {
			got = append(got, line(change))
		}
	}
	want := []string{
		"2019-05-07 83700472809459: 9.87 USD to 19.74 USD", // two conversions for 9.87: far below the target, so double
		"2021-01-25 59284563270: 0.75 USD to 0.61 USD",     // 48.42 without a conversion
		"2021-03-20 59284563270: 0.61 USD to 0.44 USD",     // 54.56 without a conversion
		"2021-04-01 59284563270: 0.44 USD to 0.88 USD",     // a conversion for 16.37
		"2021-04-24 59284563270: 0.88 USD to 0.76 USD",     // 45.80 without a conversion
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bids (-want +got):\n%s", diff)
	}
}

func TestTimesOverIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value, factor := rapid.Int64Min(0).Draw(t, "value"), rapid.Int64Min(0).Draw(t, "factor")
		divisor := rapid.Int64Min(1).Draw(t, "divisor")
		want := new(big.Int).Mul(big.NewInt(value), big.NewInt(factor))
		want.Quo(want, big.NewInt(divisor))
		if !want.IsInt64() {
			want.SetInt64(math.MaxInt64)
		}
		if got := timesOver(value, factor, divisor); got != want.Int64() {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}
