package fact

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func TestMerge(t *testing.T) {
	campaign, whole := Entity{"google_ads", "100", "campaign", "101"}, Entity{"google_ads", "100", "account", "100"}
	current := func(kind policy.Kind, of Entity) Record {
		record := spend(of, 7, time.Minute)
		record.Name, record.MaximumAge = CurrentValue(kind), time.Hour
		return record
	}
	conversions := func(of Entity) Record {
		record := spend(of, 7, time.Minute)
		record.Name = "conversions_30d"
		return record
	}
	said := policy.Fact{Value: policy.MoneyValue(99, "USD"), ObservedAt: now, Source: "my own word", FromCaller: true}
	for _, test := range []struct {
		name    string
		records []Record
		callers map[string]policy.Fact
		want    map[string]int64 // the amount of each fact; of the caller's it is 99
		stale   []string         // name and maximum age
	}{
		{"nothing is known", nil, nil, nil, nil},
		{"only the caller says", nil, map[string]policy.Fact{"spend_today": said}, map[string]int64{"spend_today": 99}, nil},
		{"of the account", []Record{spend(whole, 1, 0)}, nil, map[string]int64{"spend_today": 1}, nil},
		{"the narrowest counts", []Record{spend(keyword, 3, 0), spend(whole, 1, 0), spend(campaign, 2, 0)}, nil, map[string]int64{"spend_today": 3}, nil},
		{"of the automation, if of nothing else", []Record{spend(Automation("pacer"), 5, 0)}, nil, map[string]int64{"spend_today": 5}, nil},
		{"of the account before that", []Record{spend(Automation("pacer"), 5, 0), spend(whole, 1, 0)}, nil, map[string]int64{"spend_today": 1}, nil},
		{"of another automation", []Record{spend(Automation("bidder"), 5, 0)}, nil, nil, nil},
		{"of another account", []Record{spend(Entity{"google_ads", "200", "account", "200"}, 5, 0)}, nil, nil, nil},
		{"of another platform", []Record{spend(Entity{"meta", "100", "keyword", "7"}, 5, 0)}, nil, nil, nil},
		{"of another entity of the id", []Record{spend(Entity{"google_ads", "100", "product", "7"}, 5, 0)}, nil, nil, nil},
		{"stale", []Record{spend(keyword, 3, 4*time.Hour)}, nil, nil, []string{"spend_today 3h0m0s"}},
		{"stale and narrow: the wider is not the answer", []Record{spend(keyword, 3, 4*time.Hour), spend(whole, 1, 0)}, nil, nil, []string{"spend_today 3h0m0s"}},
		{"stale and wide: nobody asks it", []Record{spend(keyword, 3, 0), spend(whole, 1, 4*time.Hour)}, nil, map[string]int64{"spend_today": 3}, nil},
		{"before the caller's", []Record{spend(whole, 1, 0)}, map[string]policy.Fact{"spend_today": said}, map[string]int64{"spend_today": 1}, nil},
		{"stale, and the caller says", []Record{spend(keyword, 1, 4*time.Hour)}, map[string]policy.Fact{"spend_today": said}, map[string]int64{"spend_today": 99}, []string{"spend_today 3h0m0s"}},
		{"beside the caller's", []Record{spend(keyword, 1, 0)}, map[string]policy.Fact{"my_own": said}, map[string]int64{"spend_today": 1, "my_own": 99}, nil},
		{"of the field", []Record{current(policy.KindBid, keyword)}, map[string]policy.Fact{"current_value": said}, map[string]int64{"current_value": 7}, nil},
		{"of another field", []Record{current(policy.KindStatus, keyword)}, nil, nil, nil},
		{"of the field of another entity", []Record{current(policy.KindBid, campaign)}, nil, nil, nil},
		{"its own", []Record{conversions(keyword)}, nil, map[string]int64{"conversions_30d": 7}, nil},
		{"its own, and another's", []Record{conversions(campaign), conversions(whole), conversions(Automation("pacer"))}, nil, nil, nil},
		{"of no field in particular", []Record{func() Record { r := current(policy.KindBid, keyword); r.Name = "current_value"; return r }()}, nil, nil, nil},
		{"of a name that is known no more", []Record{func() Record { r := spend(keyword, 1, 0); r.Name = "gone"; return r }()}, nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := change()
			asked.Facts = test.callers
			before := asked.Digest()
			facts, stale := Merge(NewKnown(test.records), asked, "pacer", definitions, now)
			var got map[string]int64
			for name, fact := range facts {
				if got == nil {
					got = map[string]int64{}
				}
				got[name] = fact.Value.Amount
				if fact.FromCaller != (fact.Value.Amount == 99) {
					t.Errorf("%s is the caller's: %v", name, fact.FromCaller)
				}
			}
			var tooOld []string
			for _, each := range stale {
				tooOld = append(tooOld, fmt.Sprint(each.Name, " ", each.MaximumAge))
			}
			if difference := cmp.Diff(test.want, got) + cmp.Diff(test.stale, tooOld); difference != "" {
				t.Errorf("(-want +got):\n%s", difference)
			}
			if asked.Digest() != before {
				t.Error("the change is another one now")
			}
		})
	}
}

// What a record says besides its value reaches the rules.
func TestMergeKeepsWhatWasObserved(t *testing.T) {
	record := spend(keyword, 3, time.Hour)
	record.CompleteThrough = now.Add(-2 * time.Hour)
	facts, _ := Merge(NewKnown([]Record{record}), change(), "pacer", definitions, now)
	want := map[string]policy.Fact{"spend_today": {Value: record.Value, ObservedAt: record.ObservedAt, Source: "google_ads.report", CompleteThrough: record.CompleteThrough}}
	if difference := cmp.Diff(want, facts); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

// drawRecords draws records of entities around the change of the tests, of each entity at most one of a name.
func drawRecords(t *rapid.T) []Record {
	names := []string{"spend_today", "conversions_30d", "period_plan", "current_value_bid", "current_value_status", "current_value", "gone"}
	var records []Record
	for _, entity := range append(Chain(&change().Target, "pacer"), Entity{"google_ads", "100", "campaign", "other"}, Automation("bidder")) {
		for _, name := range names {
			if !rapid.Bool().Draw(t, "there") {
				continue
			}
			// Amounts from 1 on: a zero that comes out was made up.
			record := Record{Entity: entity, Name: name, Value: policy.MoneyValue(rapid.Int64Min(1).Draw(t, "amount"), "USD"), Source: "report",
				ObservedAt: now.Add(-time.Duration(rapid.IntRange(-2, 60).Draw(t, "age")) * time.Hour)}
			record.MaximumAge = time.Duration(rapid.IntRange(0, 60).Draw(t, "maximum age")) * time.Hour
			records = append(records, record)
		}
	}
	return records
}

func drawCallers(t *rapid.T) map[string]policy.Fact {
	facts := map[string]policy.Fact{}
	for _, name := range []string{"spend_today", "conversions_30d", "period_plan", "current_value", "my_own"} {
		if rapid.Bool().Draw(t, "said") {
			facts[name] = policy.Fact{Value: policy.MoneyValue(rapid.Int64Min(1).Draw(t, "amount"), "USD"), Source: "caller", FromCaller: true}
		}
	}
	return facts
}

// asked is the record that counts for a name, said another way than Merge does: the last of the chain that has one.
func asked(records []Record, name string) *Record {
	chain := Chain(&change().Target, "pacer")
	switch name {
	case "current_value":
		name, chain = "current_value_bid", chain[len(chain)-1:]
	case "conversions_30d":
		chain = chain[len(chain)-1:]
	}
	for i := len(chain) - 1; i >= 0; i-- {
		for j := range records {
			if records[j].Entity == chain[i] && records[j].Name == name {
				return &records[j]
			}
		}
	}
	return nil
}

func tooOld(record *Record) bool {
	age := now.Sub(record.ObservedAt)
	name := record.Name
	if name == "current_value_bid" {
		name = "current_value"
	}
	revision := definitions[name].MaximumAge
	return record.MaximumAge == 0 && revision == 0 || record.MaximumAge > 0 && age > record.MaximumAge || revision > 0 && age > revision
}

// Merging lets no stale value through, makes up none, least of all zero, and has no caller's word stand for what a connector knows.
func TestMergeMakesNothingUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records, callers := drawRecords(t), drawCallers(t)
		question := change()
		question.Facts = callers
		facts, stale := Merge(NewKnown(records), question, "pacer", definitions, now)
		for name, fact := range facts {
			record := asked(records, name)
			switch {
			case fact.Value.Amount == 0:
				t.Errorf("%s is %v, which nobody has said", name, fact.Value)
			case fact.FromCaller && fact != callers[name]:
				t.Errorf("%s is %v of the caller, who has said %v", name, fact, callers[name])
			case fact.FromCaller && record != nil && definitions[name].Name != "" && !tooOld(record):
				t.Errorf("%s is the caller's %v, and the connector knows %v", name, fact.Value, record.Value)
			case !fact.FromCaller && (record == nil || record.Value != fact.Value || !record.ObservedAt.Equal(fact.ObservedAt)):
				t.Errorf("%s is %v of a connector, and the record to ask is %v", name, fact, record)
			case !fact.FromCaller && tooOld(record):
				t.Errorf("%s is %v, of %v with the maximum age %v", name, fact.Value, record.ObservedAt, record.MaximumAge)
			}
		}
		told := map[string]bool{}
		for _, each := range stale {
			if told[each.Name] {
				t.Errorf("%s is stale twice", each.Name)
			}
			told[each.Name] = true
			if record := asked(records, each.Name); record == nil || !tooOld(record) {
				t.Errorf("%s is stale, and its record is %v", each.Name, record)
			}
			if fact, known := facts[each.Name]; known && !fact.FromCaller {
				t.Errorf("%s is stale, and known as %v", each.Name, fact)
			}
		}
		for name := range definitions {
			record := asked(records, name)
			if record != nil && tooOld(record) != told[name] {
				t.Errorf("%s: stale is said: %v, and the record is %v", name, told[name], record)
			}
			if _, known := facts[name]; record != nil && !tooOld(record) && !known {
				t.Errorf("%s is not known, and the record is %v", name, record)
			}
		}
		for name := range callers {
			if _, known := facts[name]; !known {
				t.Errorf("the caller's %s is lost", name)
			}
		}
	})
}

// The order in which records are found makes no difference.
func TestMergeHasNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		facts, stale := Merge(NewKnown(records), change(), "pacer", definitions, now)
		again, staleAgain := Merge(NewKnown(rapid.Permutation(records).Draw(t, "shuffled")), change(), "pacer", definitions, now)
		if difference := cmp.Diff(facts, again) + cmp.Diff(stale, staleAgain); difference != "" {
			t.Error(difference)
		}
	})
}
