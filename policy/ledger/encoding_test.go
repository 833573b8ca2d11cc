package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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

// inFull is both parts of a tally, whatever of it was read or written before.
func inFull(tally Tally) (head, older []byte) {
	tally.apart = digest{}
	return tally.Encode()
}

// shelf keeps encoded tallies as a store does: older buckets only when they are to be written.
type shelf map[tallyName]*encoded

type encoded struct {
	head, older []byte
	tally       Tally // of the store's memory, as it was last written
}

// store writes a tally and reads it back, in both ways there are.
func (s shelf) store(scope Scope, tally *Tally) (Tally, error) {
	name := tallyName{scope, tally.unit}
	kept := s[name]
	if kept == nil {
		kept = &encoded{}
		s[name] = kept
	}
	head, older := tally.Encode()
	kept.head = head
	if older != nil {
		kept.older = older
	}
	older = kept.older
	if !tally.Apart() {
		older = nil
	}
	back, err := DecodeTally(head, older)
	if err != nil {
		return Tally{}, fmt.Errorf("%x, %x: %w", head, older, err)
	}
	same := func(read Tally) error {
		wantHead, wantOlder := inFull(*tally)
		if gotHead, gotOlder := inFull(read); !bytes.Equal(gotHead, wantHead) || !bytes.Equal(gotOlder, wantOlder) {
			return fmt.Errorf("%x, %x became %x, %x", wantHead, wantOlder, gotHead, gotOlder)
		}
		return nil
	}
	if err := same(back); err != nil {
		return Tally{}, err
	}
	switch short, complete, err := (Sheet{{}, kept.tally}).Reread(head); {
	case err != nil:
		return Tally{}, fmt.Errorf("%x: %w", head, err)
	case complete != (!tally.Apart() || kept.tally.Apart() && kept.tally.apart == tally.apart):
		return Tally{}, fmt.Errorf("%x: read again without its older buckets: %v", head, complete)
	case complete:
		if err := same(short); err != nil {
			return Tally{}, err
		}
	}
	kept.tally = *tally
	return back, nil
}

func TestTallyEncoding(t *testing.T) {
	apart := 0
	for _, tally := range tallies(t) {
		head, older := inFull(tally)
		back, err := DecodeTally(head, older)
		if err != nil {
			t.Fatalf("%x: %v", head, err)
		}
		for _, length := range DefaultLengths() {
			want, _ := tally.Window(length, noon.Add(300*time.Hour))
			got, _ := back.Window(length, noon.Add(300*time.Hour))
			if diff := cmp.Diff(want, got); diff != "" || back.Unit() != tally.Unit() {
				t.Errorf("%v: (-want +got):\n%s", length, diff)
			}
		}
		if (len(older) > 0) != tally.Apart() {
			t.Errorf("%d buckets: %d bytes apart", len(tally.older), len(older))
		}
		refused := func(name string, head, older []byte) {
			t.Helper()
			if _, err := DecodeTally(head, older); !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("%s: %x, %x: got %v", name, head, older, err)
			}
		}
		for cut := range head {
			refused("cut", head[:cut], older)
		}
		for cut := range older {
			refused("cut", head, older[:cut])
		}
		refused("one byte more", append(slices.Clone(head), 0), older)
		refused("one byte more", head, append(slices.Clone(older), 0))
		head[0]++
		if _, err := DecodeTally(head, older); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("another version: got %v", err)
		}
		if len(older) > 0 {
			apart++
		}
	}
	if apart == 0 {
		t.Error("no tally has older buckets apart")
	}
}

// Through days and weeks of placing and resolving, a wide scope's tally is the same in memory and when
// it was stored in parts, whatever of it was written when.
func TestTallyStoredInParts(t *testing.T) {
	apart, kept := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		b, stored, open := book{state: State{}, now: noon}, shelf{}, []Hold(nil)
		keep := func(changed State) {
			for scope, sheet := range changed {
				for i := range sheet {
					before := stored[tallyName{scope, sheet[i].unit}]
					if before != nil && before.tally.Apart() && sheet[i].apart == before.tally.apart {
						kept++
					}
					tally, err := stored.store(scope, &sheet[i])
					if err != nil {
						t.Fatal(err)
					}
					if sheet[i].Apart() {
						apart++
					}
					if rapid.Bool().Draw(t, "read back") {
						sheet[i] = tally
					}
				}
			}
			b.keep(changed)
		}
		place := func() {
			hold := NewHold("h", budget("1", 1, 2), "")
			for _, scope := range hold.Scopes() {
				if _, read := b.state[scope]; !read {
					b.state[scope] = nil
				}
			}
			changed, held, err := Place(b.state, hold, nil, b.rates, b.now)
			if err != nil {
				t.Fatal(err)
			}
			keep(changed)
			open = append(open, held)
		}
		for range rapid.IntRange(inline-4, inline+4).Draw(t, "hours") {
			place()
			b.now = b.now.Add(time.Hour)
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			most := rapid.SampledFrom([]time.Duration{time.Second, 20 * time.Minute, 20 * time.Hour}).Draw(t, "most")
			b.now = b.now.Add(time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, "later")))
			if len(open) > 0 && rapid.Bool().Draw(t, "resolve") {
				at := rapid.IntRange(0, len(open)-1).Draw(t, "hold")
				changed, _, err := Post(b.state, open[at], open[at].Movement.After, b.now)
				if rapid.Bool().Draw(t, "void") {
					changed, _, err = Void(b.state, open[at], b.now)
				}
				if err != nil {
					t.Fatal(err)
				}
				keep(changed)
				open = slices.Delete(open, at, at+1)
				continue
			}
			place()
		}
	})
	if apart < 100 || kept < 10 {
		t.Errorf("of %d tallies with older buckets apart, %d did not write them again: too few to say anything", apart, kept)
	}
}

func TestDecodeTallyRefusesPartsOfTwo(t *testing.T) {
	var wide []Tally
	for _, tally := range tallies(t) {
		if tally.Apart() {
			wide = append(wide, tally)
		}
	}
	head, older := inFull(wide[0])
	var narrow Tally
	narrowHead, _ := inFull(narrow)
	_, other := inFull(wide[0].withdraw(&Movement{}, 0, instant(noon))) // no longer the same past
	for name, parts := range map[string][2][]byte{
		"none":             {head, nil},
		"of another time":  {head, other},
		"where none is":    {narrowHead, older},
		"one bit is wrong": {head, append([]byte{older[0] ^ 1}, older[1:]...)},
	} {
		if _, err := DecodeTally(parts[0], parts[1]); !errors.Is(err, policy.ErrInvalid) || bytes.Equal(parts[1], older) && name != "where none is" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if now, complete, err := (Sheet{narrow}).Reread(head); complete || err != nil || now.Unit() != wide[0].Unit() {
		t.Errorf("read without its older buckets: got %v, %v, %v; want only the unit", complete, now.Unit(), err)
	}
}

func TestDecodeTallyRefusesLongNumbers(t *testing.T) {
	var none Tally
	encoded, _ := none.Encode()
	long := append([]byte{}, encoded[:3]...)
	long = append(append(long, 0x80, 0), encoded[4:]...) // the length of the currency, 0, in two bytes
	if _, err := DecodeTally(long, nil); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// Whatever can be read is written back byte for byte, and can be used.
func FuzzDecodeTally(f *testing.F) {
	for _, tally := range tallies(f) {
		head, older := inFull(tally)
		f.Add(head, older)
	}
	f.Fuzz(func(t *testing.T, head, older []byte) {
		tally, err := DecodeTally(head, older)
		if err != nil {
			// Nobody guesses a digest, so this lets older buckets be read that are no tally's.
			if at := len(head) - len(digest{}); at > 0 && len(older) > 0 {
				sum := digestOf(older)
				head = append(slices.Clone(head[:at]), sum[:]...)
				tally, err = DecodeTally(head, older)
			}
		}
		if err != nil {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			return
		}
		againHead, againOlder := inFull(tally)
		if !bytes.Equal(againHead, head) || !bytes.Equal(againOlder, older) {
			t.Fatalf("%x, %x became %x, %x", head, older, againHead, againOlder)
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
