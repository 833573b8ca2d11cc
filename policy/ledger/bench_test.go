package ledger

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/bidrail/bidrail/policy"
)

// busy is a state after a campaign's budget has changed every so often for 31 days.
func busy(b *testing.B, every time.Duration) *book {
	state := newBook(b)
	from := noon
	for state.now = from; state.now.Before(from.Add(31 * 24 * time.Hour)); state.now = state.now.Add(every) {
		state.apply(budget("1", 100, 110))
		state.now = state.now.Add(every)
		state.apply(budget("1", 110, 100))
	}
	return state
}

var rhythms = []struct {
	name  string
	every time.Duration
}{{"once", 31 * 24 * time.Hour}, {"daily", 24 * time.Hour}, {"hourly", time.Hour}, {"minutely", time.Minute}}

// BenchmarkWindow sums up one window; the tally's sizes come with it.
func BenchmarkWindow(b *testing.B) {
	for _, rhythm := range rhythms {
		state := busy(b, rhythm.every)
		for _, kind := range []ScopeKind{Field, Account} {
			for scope, sheet := range state.state {
				if scope.Kind != kind {
					continue
				}
				tally := &sheet[0]
				head, older := inFull(*tally)
				spans := 0
				for i := range tally.older {
					if tally.older[i].values != nil {
						spans++
					}
				}
				resident := unsafe.Sizeof(Tally{}) + uintptr(cap(tally.older))*unsafe.Sizeof(bucket{}) + uintptr(spans)*unsafe.Sizeof(span{})
				for _, length := range []Length{hour, Horizon} {
					b.Run(fmt.Sprintf("changes=%s/scope=%v/length=%v", rhythm.name, kind, length), func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if _, err := tally.Window(length, state.now); err != nil {
								b.Fatal(err)
							}
						}
						b.ReportMetric(float64(len(head)), "bytes/head")
						b.ReportMetric(float64(len(older)), "bytes/older")
						b.ReportMetric(float64(resident), "bytes/memory")
						b.ReportMetric(float64(len(tally.older)+1), "buckets")
					})
				}
			}
		}
	}
}

// BenchmarkRead reads a tally from bytes, as for every scope that is not in memory.
func BenchmarkRead(b *testing.B) {
	for _, rhythm := range rhythms {
		state := busy(b, rhythm.every)
		tally := state.state[account()][0]
		head, older := inFull(tally)
		b.Run("changes="+rhythm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeTally(head, older); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("changes="+rhythm.name+"/head", func(b *testing.B) {
			b.ReportAllocs()
			tally.Encode() // from here on older is known
			for b.Loop() {
				if _, complete, err := (Sheet{tally}).Reread(head); err != nil || !complete {
					b.Fatal(complete, err)
				}
			}
		})
		b.Run("changes="+rhythm.name+"/write", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				inFull(tally)
			}
		})
		b.Run("changes="+rhythm.name+"/write head", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tally.Encode()
			}
		})
	}
}

// BenchmarkPlace places a hold in all its scopes under eight caps, and posts it.
func BenchmarkPlace(b *testing.B) {
	for _, rhythm := range rhythms {
		state := busy(b, rhythm.every)
		var caps []Cap
		for _, measure := range []Measure{NetRise, Moved, Raised, Count} {
			for _, length := range []Length{hour, Horizon} {
				limit := budgetCap(measure, 1_000_000_000)
				if !measure.hasAmount() {
					limit.Currency, limit.Kinds = "", []policy.Kind{policy.KindDailyBudget}
				}
				limit.Length = length
				caps = append(caps, limit)
			}
		}
		proposed := budget("1", 100, 110)
		b.Run("changes="+rhythm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				changed, hold, err := Place(state.state, NewHold("h", proposed, "bidder"), caps, state.rates, state.now)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := Post(changed, hold, proposed.After, state.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
