package fact

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

// definitions are what the revision of the tests says.
var definitions = map[string]policy.FactDefinition{
	"current_value":   {Name: "current_value"},
	"spend_today":     {Name: "spend_today", Form: policy.Money, MaximumAge: 3 * time.Hour},
	"conversions_30d": {Name: "conversions_30d", Form: policy.Ratio, MaximumAge: 48 * time.Hour, Own: true},
	"period_plan":     {Name: "period_plan"}, // of any form, and as old as its connector says
}

// keyword is the entity that the changes of the tests are of.
var keyword = Entity{"google_ads", "100", "keyword", "7"}

func change() *policy.Change {
	return &policy.Change{ID: "c", Kind: policy.KindBid, Target: policy.Target{Platform: "google_ads", Account: "100", Portfolio: "p", Campaign: "101", AdGroup: "11",
		EntityType: "keyword", EntityID: "7"}}
}

// spend is a record of spend_today that was observed so long ago.
func spend(of Entity, amount int64, ago time.Duration) Record {
	return Record{Entity: of, Name: "spend_today", Value: policy.MoneyValue(amount, "USD"), Source: "google_ads.report", ObservedAt: now.Add(-ago), PutBy: "meter", PutAt: now}
}

func TestEntitiesAreReadAsTheyAreWritten(t *testing.T) {
	for _, entity := range []Entity{keyword, Automation("pacer"), {}, {"a/b", "%2F", "keyword", "a b\x00\xff"}} {
		got, err := ParseEntity(entity.String())
		if err != nil || got != entity {
			t.Errorf("%q is read as %+v, %v; want %+v", entity, got, err, entity)
		}
	}
	for _, text := range []string{"", "a/b/c", "a/b/c/d/e", "a/b/c/%"} {
		if _, err := ParseEntity(text); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Entity {
			part := rapid.StringMatching(`[a-b/%. é]{0,3}`)
			return Entity{part.Draw(t, name), part.Draw(t, name), part.Draw(t, name), part.Draw(t, name)}
		}
		if a, b := draw("a"), draw("b"); (a == b) != (a.String() == b.String()) {
			t.Errorf("%+v and %+v are written %s and %s", a, b, a, b)
		}
	})
}

func TestChain(t *testing.T) {
	in := func(kind, id string) Entity { return Entity{"google_ads", "100", kind, id} }
	whole := &change().Target
	if difference := cmp.Diff([]Entity{Automation("pacer"), in("account", "100"), in("portfolio", "p"), in("campaign", "101"), in("ad_group", "11"), keyword},
		Chain(whole, "pacer")); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
	bare := &policy.Target{Platform: "google_ads", Account: "100", EntityType: "account", EntityID: "100"}
	if difference := cmp.Diff([]Entity{in("account", "100"), in("account", "100")}, Chain(bare, "")); difference != "" {
		t.Errorf("of an account (-want +got):\n%s", difference)
	}
}

func TestWhatIsNoRecord(t *testing.T) {
	good := spend(keyword, 1, time.Hour)
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	pacer := good
	pacer.Entity = Automation("pacer")
	if err := pacer.Validate(); err != nil {
		t.Errorf("of an automation: %v", err)
	}
	whole := good
	whole.Entity = Entity{"google_ads", "100", "account", "100"}
	if err := whole.Validate(); err != nil {
		t.Errorf("of an account: %v", err)
	}
	for _, test := range []struct {
		field string
		edit  func(*Record)
	}{
		{"entity.entity_type", func(r *Record) { r.Entity.Type = "" }},
		{"entity.entity_id", func(r *Record) { r.Entity.ID = "" }},
		{"entity.platform", func(r *Record) { r.Entity.Platform = "" }},
		{"entity.account", func(r *Record) { r.Entity.Account = "" }},
		{"entity.platform", func(r *Record) { r.Entity.Type = "automation" }},
		{"entity.platform", func(r *Record) { r.Entity = Entity{"", "100", "automation", "pacer"} }},
		{"entity.entity_id", func(r *Record) { r.Entity = Entity{"google_ads", "100", "account", "200"} }},
		{"name", func(r *Record) { r.Name = "" }},
		{"value", func(r *Record) { r.Value = policy.Value{} }},
		{"source", func(r *Record) { r.Source = "" }},
		{"observed_at", func(r *Record) { r.ObservedAt = time.Time{} }},
		{"complete_through", func(r *Record) { r.CompleteThrough = r.ObservedAt.Add(1) }},
		{"maximum_age", func(r *Record) { r.MaximumAge = -1 }},
	} {
		bad := good
		test.edit(&bad)
		wantField(t, bad.Validate(), test.field)
	}
}

func wantField(t *testing.T, err error, field string) {
	t.Helper()
	wrong, ok := errors.AsType[*Error](err)
	if !ok || wrong.Field != field || !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("got %v, want an error of %s", err, field)
	}
}

func TestAdmit(t *testing.T) {
	good := spend(keyword, 1, time.Hour)
	for name, edit := range map[string]func(*Record){
		"as it is":             func(*Record) {},
		"a clock runs before":  func(r *Record) { r.ObservedAt = now.Add(maxAhead) },
		"old":                  func(r *Record) { r.ObservedAt = now.Add(-1000 * time.Hour) },
		"of any form":          func(r *Record) { r.Name, r.Value, r.MaximumAge = "period_plan", policy.UnlimitedValue(), time.Hour },
		"the value of a field": func(r *Record) { r.Name, r.MaximumAge = "current_value_daily_budget", time.Hour },
	} {
		record := good
		edit(&record)
		if err := record.Admit(definitions, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, test := range []struct {
		field, says string
		edit        func(*Record)
	}{
		{"name", "knows no fact", func(r *Record) { r.Name = "spend_tomorrow" }},
		{"name", "current_value_bid", func(r *Record) { r.Name = "current_value" }},
		{"name", "knows no fact", func(r *Record) { r.Name = "current_value_of_money" }},
		{"value", "data.facts says that spend_today is money", func(r *Record) { r.Value = policy.RatioValue(1) }},
		{"value", "is unlimited", func(r *Record) { r.Value = policy.UnlimitedValue() }},
		{"value", "is absent", func(r *Record) { r.Value = policy.AbsentValue() }},
		{"maximum_age", "its connector has to", func(r *Record) { r.Name = "period_plan" }},
		{"observed_at", "in the future", func(r *Record) { r.ObservedAt = now.Add(maxAhead + time.Microsecond) }},
	} {
		bad := good
		test.edit(&bad)
		err := bad.Admit(definitions, now)
		wantField(t, err, test.field)
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v does not say %q", err, test.says)
		}
	}
}

func TestStale(t *testing.T) {
	for _, test := range []struct {
		name    string
		fact    string
		own     time.Duration // of the connector
		age     time.Duration
		stale   bool
		maximum time.Duration
	}{
		{"fresh", "spend_today", 0, time.Hour, false, 3 * time.Hour},
		{"at the limit", "spend_today", 0, 3 * time.Hour, false, 3 * time.Hour},
		{"beyond it", "spend_today", 0, 3*time.Hour + time.Microsecond, true, 3 * time.Hour},
		{"its connector's is shorter", "spend_today", time.Hour, 2 * time.Hour, true, time.Hour},
		{"its connector's is longer", "spend_today", 9 * time.Hour, 4 * time.Hour, true, 3 * time.Hour},
		{"only its connector says", "period_plan", time.Hour, time.Hour, false, time.Hour},
		{"only its connector says, beyond", "period_plan", time.Hour, 2 * time.Hour, true, time.Hour},
		{"nobody says", "period_plan", 0, 0, true, 0},
		{"of a name that is known no more", "gone", time.Hour, 0, false, time.Hour},
		{"a clock runs before", "spend_today", 0, -time.Minute, false, 3 * time.Hour},
		{"of a field", "current_value_bid", 5 * time.Minute, 6 * time.Minute, true, 5 * time.Minute},
	} {
		record := spend(keyword, 1, test.age)
		record.Name, record.MaximumAge = test.fact, test.own
		if got, limit := record.Stale(definitions, now), record.Limit(definitions); got != test.stale || limit != test.maximum {
			t.Errorf("%s: stale is %v with the maximum age %v; want %v and %v", test.name, got, limit, test.stale, test.maximum)
		}
	}
}
