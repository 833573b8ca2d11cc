package ledger

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

// tallies are a few of every sort: empty, posted, held, merged, overflowed, without amounts.
func tallies(t testing.TB) []Tally {
	t.Helper()
	b := newBook(t)
	b.apply(change(policy.KindStatus, campaign("1"), policy.TextValue("PAUSED"), policy.TextValue("ENABLED")))
	b.mustPlace(change(policy.KindDailyBudget, campaign("2"), usd(1), policy.UnlimitedValue()))
	b.apply(change(policy.KindDailyBudget, campaign("3"), policy.MoneyValue(math.MinInt64, "USD"), policy.MoneyValue(math.MaxInt64, "USD")))
	for step := range int64(60) {
		b.now = noon.Add(time.Duration(step*step) * 10 * time.Minute)
		hold := b.mustPlace(budget("1", 100+step%3, 101))
		if step%4 > 0 {
			b.post(hold, usd(101))
		}
	}
	all := []Tally{{}, newTally(Unit{policy.KindBid, "EUR"}, true)}
	for _, sheet := range b.state {
		all = append(all, sheet...)
	}
	return all
}

func TestTallyEncoding(t *testing.T) {
	for _, tally := range tallies(t) {
		encoded, err := tally.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeTally(encoded)
		if err != nil {
			t.Fatalf("%x: %v", encoded, err)
		}
		for _, length := range DefaultLengths() {
			want, _ := tally.Window(length, noon.Add(300*time.Hour))
			got, _ := back.Window(length, noon.Add(300*time.Hour))
			if diff := cmp.Diff(want, got); diff != "" || back.Unit() != tally.Unit() {
				t.Errorf("%v: (-want +got):\n%s", length, diff)
			}
		}
		for cut := range encoded {
			if _, err := DecodeTally(encoded[:cut]); !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("%x, %d bytes of it: got %v", encoded, cut, err)
			}
		}
		if _, err := DecodeTally(append(encoded, 0)); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("one byte more: got %v", err)
		}
		encoded[0]++
		if _, err := DecodeTally(encoded); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("another version: got %v", err)
		}
	}
}

func TestDecodeTallyRefusesLongNumbers(t *testing.T) {
	var none Tally
	encoded, _ := none.MarshalBinary()
	long := append([]byte{}, encoded[:3]...)
	long = append(append(long, 0x80, 0), encoded[4:]...) // the length of the currency, 0, in two bytes
	if _, err := DecodeTally(long); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// Whatever can be read is written back byte for byte, and can be used.
func FuzzDecodeTally(f *testing.F) {
	for _, tally := range tallies(f) {
		encoded, _ := tally.MarshalBinary()
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tally, err := DecodeTally(data)
		if err != nil {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			return
		}
		if again, _ := tally.MarshalBinary(); string(again) != string(data) {
			t.Fatalf("%x became %x", data, again)
		}
		now := moment(tally.latest).Add(3 * time.Hour)
		for _, length := range DefaultLengths() {
			before, _ := tally.Window(length, now)
			m := measure(tally.unit.Kind, policy.MoneyValue(2, "USD"), policy.MoneyValue(5, "USD"))
			placed, _, _ := tally.place(&m, 0, instant(now))
			if after, _ := placed.Window(length, now); after.Raised < before.Raised || after.Lowered < before.Lowered || after.Moved < before.Moved || after.Count <= before.Count && before.Count < math.MaxInt64 {
				t.Fatalf("%v: %+v became %+v", length, before, after)
			}
		}
	})
}

func FuzzDecodeHold(f *testing.F) {
	b := newBook(f)
	for _, hold := range []Hold{{}, NewHold("new", budget("1", 1, 2), "bid/der"), b.mustPlace(budget("1", 1, 2)), b.apply(budget("1", 2, 1)),
		b.apply(change(policy.KindStatus, campaign("1"), policy.FlagValue(true), policy.AbsentValue())),
		b.apply(change(policy.KindTargetROAS, campaign("1"), policy.RatioValue(3), policy.UnlimitedValue())),
		b.void(b.mustPlace(change(policy.KindBidStrategy, keyword(), policy.TextValue("A"), policy.TextValue("B"))))} {
		encoded, _ := hold.MarshalBinary()
		back, err := DecodeHold(encoded)
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff(hold, back); diff != "" {
			f.Fatalf("(-want +got):\n%s", diff)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		hold, err := DecodeHold(data)
		if err != nil {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			return
		}
		if again, _ := hold.MarshalBinary(); string(again) != string(data) {
			t.Fatalf("%x became %x", data, again)
		}
	})
}
