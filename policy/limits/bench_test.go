package limits

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
)

// benchmarkSet is the shape of a real revision: definitions, defaults, a few entries for platforms, accounts and
// labels, and a table with rows of keywords.
func benchmarkSet(tb testing.TB, rows int) *Set {
	tb.Helper()
	var b Builder
	if err := b.Decode(map[string]any{
		"definitions": map[string]any{
			"bid.ceiling":                   map[string]any{"type": "money", "tighter": "lower", "kinds": []any{"bid", "default_bid"}},
			"bid.floor":                     map[string]any{"type": "money", "tighter": "higher", "kinds": []any{"bid", "default_bid"}},
			"bid.step":                      map[string]any{"type": "ratio", "tighter": "lower", "kinds": []any{"bid"}},
			"bid.step_block":                map[string]any{"type": "ratio", "tighter": "lower", "kinds": []any{"bid"}},
			"bid.budget_multiple":           map[string]any{"type": "count", "tighter": "higher", "kinds": []any{"bid"}},
			"budget.cap":                    map[string]any{"type": "money", "tighter": "lower", "kinds": []any{"daily_budget"}},
			"integrity.magnitude_factor":    map[string]any{"type": "count", "tighter": "lower"},
			"integrity.baseline_age":        map[string]any{"type": "duration", "tighter": "lower"},
			"integrity.batch_repeats":       map[string]any{"type": "count", "tighter": "lower"},
			"state.protected":               map[string]any{"type": "flag", "tighter": "higher"},
			"integrity.unit_slip_tolerance": map[string]any{"type": "ratio", "tighter": "higher"},
		},
		"entries": []any{
			map[string]any{"id": "defaults", "match": map[string]any{}, "set": map[string]any{
				"bid.ceiling": []any{"50.00 USD", "45.00 EUR"}, "bid.floor": "0.02 USD", "bid.step": "30%",
				"bid.step_block": "100%", "bid.budget_multiple": 10, "budget.cap": "unlimited",
				"integrity.magnitude_factor": 10, "integrity.baseline_age": "15m", "integrity.batch_repeats": 0,
				"state.protected": false, "integrity.unit_slip_tolerance": "1%",
			}},
			map[string]any{"id": "google", "match": map[string]any{"platform": "google_ads"}, "set": map[string]any{
				"bid.floor": "0.01 USD"}},
			map[string]any{"id": "brand", "match": map[string]any{"labels": map[string]any{"brand": "yes"}}, "set": map[string]any{
				"state.protected": true}},
		},
	}, "limits/data.yaml"); err != nil {
		tb.Fatal(err)
	}
	table := bytes.NewBufferString("platform,account,campaign,entity_type,entity,bid.ceiling,bid.step\n")
	for row := range rows {
		fmt.Fprintf(table, "google_ads,%s,%s,keyword,%s,%d.%02d USD,%d%%\n",
			account(row), campaign(row), entity(row), 1+row%40, row%100, 5+row%50)
	}
	if err := b.ReadTable(table, "limits/keywords.csv"); err != nil {
		tb.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func account(row int) string  { return fmt.Sprintf("%03d-%03d-%04d", 100+row%37, row%991, row%37) }
func campaign(row int) string { return strconv.Itoa(20_000_000_000 + row/50) }
func entity(row int) string   { return strconv.Itoa(300_000_000_000 + row) }

// residentBytes is how much memory the set made by make takes once everything it was made of is gone.
func residentBytes(make func() *Set) (*Set, uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return s, after.HeapAlloc - before.HeapAlloc
}

// BenchmarkResolve looks up targets that a row of the table matches, in random order. There are so many of them
// that neither the processor's caches nor the branch predictor know the next one; the small set gets as many, so
// that what the targets themselves cost is the same.
func BenchmarkResolve(b *testing.B) {
	for _, rows := range []int{10, 1_000_000} {
		b.Run(fmt.Sprintf("entries=%d", rows), func(b *testing.B) {
			set, resident := residentBytes(func() *Set { return benchmarkSet(b, rows) })
			random := rand.New(rand.NewPCG(1, 2))
			targets := make([]Target, 1<<18)
			for i := range targets {
				row := random.IntN(rows)
				targets[i] = Target{
					Platform: "google_ads", Account: account(row), Channel: "search", Portfolio: "autumn",
					Campaign: campaign(row), AdGroup: "77", EntityType: "keyword", Entity: entity(row),
					Kind: "bid", Currency: "USD",
				}
			}
			var held []Held
			next := 0
			b.ReportAllocs()
			for b.Loop() {
				held = set.Resolve(held[:0], targets[next])
				next = (next + 1) % len(targets)
				if ceiling := held[1]; ceiling.Source.Line == 0 {
					b.Fatalf("got %v, want the row of the table", ceiling)
				}
			}
			b.ReportMetric(float64(resident)/float64(rows), "bytes/entry")
		})
	}
}

// BenchmarkBuild is the time a revision with a large table takes to load, parsing included.
func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		benchmarkSet(b, 100_000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/entry")
}
