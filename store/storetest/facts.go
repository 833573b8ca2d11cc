package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/fact"
	"github.com/bidrail/bidrail/store"
)

// keywordFact is the fact of a name of the n-th keyword, as it was observed so many minutes after the start.
func keywordFact(n int, name string, minutes int) fact.Record {
	return fact.Record{Entity: fact.Entity{Platform: "google_ads", Account: "123-456", Type: "keyword", ID: fmt.Sprintf("k%05d", n)}, Name: name,
		Value: policy.MoneyValue(int64(1000*n+minutes), "USD"), Source: "report", ObservedAt: start.Add(time.Duration(minutes) * time.Minute),
		MaximumAge: time.Hour, PutBy: "meter", PutAt: start}
}

// wholeFact has a value of each kind in each of its fields.
func wholeFact() fact.Record {
	record := keywordFact(0, "spend_today", 0)
	record.Entity = fact.Entity{Platform: "meta", Account: "a/b%2F", Type: "campaign", ID: "é 1"}
	record.Value, record.CompleteThrough = policy.TextValue("a\nb\x00"), start.Add(-3*time.Hour)
	return record
}

// put stores facts and demands that so many of them are new.
func put(t *testing.T, s store.Store, want int, records ...fact.Record) {
	t.Helper()
	mustUpdate(t, s, func(tx store.Tx) error {
		stored, err := tx.PutFacts(records)
		if stored != want {
			t.Errorf("%d of %d facts were stored, want %d", stored, len(records), want)
		}
		return err
	})
}

// wantFacts demands what is stored of the entities, in the order of how their values are written.
func wantFacts(t *testing.T, s store.Store, entities []fact.Entity, want ...fact.Record) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Facts(entities)
		byText := func(a, b fact.Record) int { return strings.Compare(a.Value.String(), b.Value.String()) }
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("facts (-want +got):\n%s", difference)
		}
		return err
	})
}

func facts(t *testing.T, s store.Store) {
	one, two, pacer := keywordFact(1, "spend_today", 0), keywordFact(2, "spend_today", 0), keywordFact(3, "heartbeat", 0)
	pacer.Entity = fact.Automation("pacer")
	asked := []fact.Entity{one.Entity, two.Entity, pacer.Entity, wholeFact().Entity, one.Entity, {Platform: "google_ads", Account: "123-456", Type: "keyword", ID: "none"}}
	wantFacts(t, s, asked)
	wantFacts(t, s, nil)
	put(t, s, 4, one, two, pacer, wholeFact())
	wantFacts(t, s, asked, one, two, pacer, wholeFact())
	wantFacts(t, s, asked[:1], one)

	// The same again, something else of the same time, and what is older: nothing of it is new.
	other := one
	other.Value = policy.MoneyValue(5, "USD")
	older := keywordFact(1, "spend_today", -1)
	put(t, s, 0, one, two)
	put(t, s, 0, other)
	put(t, s, 0, older)
	wantFacts(t, s, asked[:1], one)

	// Of several in one call the newest counts, in whatever order; another name of the entity is another fact.
	newer, newest, clicks := keywordFact(1, "spend_today", 1), keywordFact(1, "spend_today", 2), keywordFact(1, "clicks", -5)
	put(t, s, 2, newer, older, newest, clicks, newer)
	wantFacts(t, s, asked[:1], newest, clicks)
	put(t, s, 0)
	mustUpdate(t, s, func(tx store.Tx) error { // it reads its writes
		if _, err := tx.PutFacts([]fact.Record{keywordFact(2, "spend_today", 9)}); err != nil {
			return err
		}
		got, err := tx.Facts([]fact.Entity{two.Entity})
		if len(got) != 1 || got[0].Value != keywordFact(2, "spend_today", 9).Value {
			t.Errorf("it reads %v", got)
		}
		return err
	})
}

func factsRefused(t *testing.T, s store.Store) {
	good := keywordFact(1, "spend_today", 0)
	for name, edit := range map[string]func(*fact.Record){
		"of nothing":      func(r *fact.Record) { r.Entity = fact.Entity{} },
		"without a name":  func(r *fact.Record) { r.Name = "" },
		"without a value": func(r *fact.Record) { r.Value = policy.Value{} },
		"a NUL":           func(r *fact.Record) { r.Entity.ID = "a\x00b" },
		"no text":         func(r *fact.Record) { r.Entity.Account = "\xff" },
		"a long name":     func(r *fact.Record) { r.Name = strings.Repeat("a", store.MaxWord+1) },
	} {
		bad := good
		edit(&bad)
		wantError(t, name, s.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.PutFacts([]fact.Record{good, bad})
			return err
		}), policy.ErrInvalid)
	}
	wantFacts(t, s, []fact.Entity{good.Entity}) // all of a call or nothing
}

func listFacts(t *testing.T, s store.Store) {
	var all []fact.Record
	add := func(platform, account, kind, id, name string) {
		record := keywordFact(len(all), name, 0)
		record.Entity = fact.Entity{Platform: platform, Account: account, Type: kind, ID: id}
		all = append(all, record)
	}
	for _, platform := range []string{"google_ads", "google", "meta"} {
		for _, account := range []string{"100", "1000", "10", "10/0", "ü"} {
			add(platform, account, "account", account, "spend_today")
			for _, id := range []string{"1", "10", "1/0", "1!", "2"} {
				add(platform, account, "keyword", id, "clicks")
				add(platform, account, "keyword", id, "spend_today")
				add(platform, account, "keyword_group", id, "clicks")
			}
		}
	}
	add("", "", "automation", "pacer", "heartbeat")
	add("", "", "automation", "pacer2", "heartbeat")
	put(t, s, len(all), all...)
	slices.SortFunc(all, func(a, b fact.Record) int {
		if order := strings.Compare(a.Entity.String(), b.Entity.String()); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, filter := range []store.FactFilter{
		{}, {Name: "clicks"}, {Name: "none"},
		{Platform: "google", Account: "100"}, {Platform: "google", Account: "10"}, {Platform: "google", Account: "10/0", Name: "spend_today"}, {Platform: "goo", Account: "100"},
		{Platform: "meta", Account: "ü", Type: "keyword"}, {Platform: "meta", Account: "100", Type: "keyword", Name: "spend_today"},
		{Platform: "google_ads", Account: "100", Type: "keyword", ID: "1"}, {Platform: "google_ads", Account: "100", Type: "keyword", ID: "1", Name: "clicks"},
		{Platform: "google_ads", Account: "100", Type: "keyword", ID: "1/0"}, {Platform: "google_ads", Account: "100", Type: "keyword", ID: "3"},
		{Type: "automation"}, {Type: "automation", ID: "pacer"}, {Type: "automation", ID: "pacer", Name: "heartbeat"},
	} {
		var want []fact.Record
		for _, record := range all {
			e := record.Entity
			if (filter.Account == "" || e.Platform == filter.Platform && e.Account == filter.Account) && (filter.Type == "" || e.Type == filter.Type) &&
				(filter.ID == "" || e.ID == filter.ID) && (filter.Name == "" || record.Name == filter.Name) {
				want = append(want, record)
			}
		}
		if (len(want) == 0) != (filter.Name == "none" || filter.ID == "3" || filter.Platform == "goo") {
			t.Fatalf("%+v: the test has %d", filter, len(want))
		}
		for _, limit := range []int{1, 7, store.MaxPage} {
			var got []fact.Record
			view(t, s, func(r store.Reader) error {
				for page := (store.Page{Limit: limit}); ; {
					records, next, err := r.ListFacts(filter, page)
					if err != nil || len(records) > limit {
						t.Fatalf("%+v: %d facts of %d, %v", filter, len(records), limit, err)
					}
					got = append(got, records...)
					if page.After = next; next == "" {
						return nil
					}
				}
			})
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("%+v in pages of %d (-want +got):\n%s", filter, limit, difference)
			}
		}
	}
	for name, ask := range map[string]func(store.Reader) error{
		"a platform alone":          listing(store.FactFilter{Platform: "meta"}, store.Page{}),
		"an account alone":          listing(store.FactFilter{Account: "100"}, store.Page{}),
		"a type alone":              listing(store.FactFilter{Type: "keyword"}, store.Page{}),
		"an id alone":               listing(store.FactFilter{Platform: "meta", Account: "100", ID: "1"}, store.Page{}),
		"a page too large":          listing(store.FactFilter{}, store.Page{Limit: store.MaxPage + 1}),
		"a made-up token":           listing(store.FactFilter{}, store.Page{After: "fx"}),
		"a token of decisions":      listing(store.FactFilter{}, store.Page{After: store.CursorAt(1)}),
		"a token of another filter": listing(store.FactFilter{Platform: "meta", Account: "100"}, store.Page{After: store.FactCursorAt(fact.Automation("pacer"), "heartbeat")}),
		"a token of another name":   listing(store.FactFilter{Name: "clicks"}, store.Page{After: store.FactCursorAt(fact.Automation("pacer"), "heartbeat")}),
	} {
		wantError(t, name, s.View(t.Context(), ask), policy.ErrInvalid)
	}
}

func listing(filter store.FactFilter, page store.Page) func(store.Reader) error {
	return func(r store.Reader) error {
		_, _, err := r.ListFacts(filter, page)
		return err
	}
}

// manyFacts: more than one statement takes.
func manyFacts(t *testing.T, s store.Store) {
	const count = 1500
	var records []fact.Record
	var entities []fact.Entity
	for n := range count {
		records = append(records, keywordFact(n, "spend_today", 0), keywordFact(n, "clicks", 0))
		entities = append(entities, keywordFact(n, "", 0).Entity)
	}
	put(t, s, 2*count, records...)
	view(t, s, func(r store.Reader) error {
		got, err := r.Facts(entities)
		if len(got) != 2*count {
			t.Errorf("got %d facts, want %d", len(got), 2*count)
		}
		return err
	})
	put(t, s, 1, append(records, keywordFact(700, "clicks", 1))...)
	put(t, s, 1, append(records, keywordFact(count, "clicks", 1))...)
}

// manyPutOneFact: whoever comes first, the newest observation stays.
func manyPutOneFact(t *testing.T, s store.Store) {
	const writers = 8
	var done sync.WaitGroup
	failed := make([]error, writers)
	for i := range writers {
		done.Go(func() {
			for minute := range 20 {
				failed[i] = errors.Join(failed[i], s.Update(t.Context(), func(tx store.Tx) error {
					_, err := tx.PutFacts([]fact.Record{keywordFact(1, "spend_today", (minute*7+i*11)%97), keywordFact(1, "clicks", minute)})
					return err
				}))
			}
		})
	}
	done.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	last := 0
	for i := range writers {
		for minute := range 20 {
			last = max(last, (minute*7+i*11)%97)
		}
	}
	wantFacts(t, s, []fact.Entity{keywordFact(1, "", 0).Entity}, keywordFact(1, "spend_today", last), keywordFact(1, "clicks", 19))
}
