package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/fact"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// meter is a connector.
var meter = policy.Principal{Subject: "meter", Roles: []policy.Role{policy.RoleConnector}}

// entity is one of the shipped account.
func entity(kind, id string) fact.Entity {
	return fact.Entity{Platform: "google_ads", Account: "example", Type: kind, ID: id}
}

// observed is a fact that was observed so long ago, and holds for an hour.
func observed(s *servertest.Server, of fact.Entity, name string, value policy.Value, ago time.Duration) fact.Record {
	return fact.Record{Entity: of, Name: name, Value: value, Source: "report", ObservedAt: s.Clock.Now().Add(-ago), MaximumAge: time.Hour}
}

// put has the connector put facts, all of which are new.
func putFacts(t *testing.T, s *servertest.Server, records ...fact.Record) {
	t.Helper()
	stored, err := s.Core.PutFacts(t.Context(), meter, records)
	if err != nil || stored != len(records) {
		t.Fatalf("%d of %d facts were stored, %v", stored, len(records), err)
	}
}

// sawOf is what the rules saw of facts.
type sawOf struct {
	Facts   map[string]map[string]any `json:"facts"`
	Unknown []map[string]any          `json:"unknown"`
}

func saw(t *testing.T, input []byte) sawOf {
	t.Helper()
	var document sawOf
	if err := json.Unmarshal(input, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func recordedInput(t *testing.T, s *servertest.Server, decision string) sawOf {
	t.Helper()
	input, err := s.Core.DecisionInput(t.Context(), s.Auditor.Principal, decision)
	if err != nil {
		t.Fatal(err)
	}
	return saw(t, input)
}

// What connectors have put reaches the rules, as theirs; what is too old does not, and that is said.
func TestFactsReachTheRules(t *testing.T) {
	s := servertest.New(t)
	usd := func(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }
	putFacts(t, s, observed(s, entity("account", "example"), "spend_today", usd(50), time.Minute),
		observed(s, entity("campaign", "101"), "spend_today", usd(5), time.Minute),
		observed(s, entity("campaign", "101"), "daily_budget", usd(90), time.Minute),
		observed(s, entity("keyword", "k-a"), "current_value_bid", usd(1), time.Minute),
		observed(s, entity("keyword", "k-a"), "current_value_status", policy.TextValue("ENABLED"), time.Minute),
		observed(s, entity("keyword", "k-a"), "conversions_30d", policy.RatioValue(12_500_000), 2*time.Hour),
		observed(s, fact.Automation("pacer"), "automation_heartbeat", policy.FlagValue(true), time.Minute))
	change := servertest.Domain(servertest.Bid("a", 100, 110))
	said := policy.Fact{Value: usd(3), ObservedAt: s.Clock.Now(), Source: "my own word", FromCaller: true}
	change[0].Facts = map[string]policy.Fact{"spend_today": said, "clicks_30d": said}
	digest := change[0].Digest()
	results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: change})
	if err != nil {
		t.Fatal(err)
	}
	if got := results[0].Decision; got.Verdict != policy.RequireApproval || len(got.Findings) != 1 || got.Findings[0].Rule != "governance.freshness" {
		t.Fatalf("got %v, %+v; what is too old needs a person, and nothing else does", got.Verdict, got.Findings)
	}
	if results[0].Decision.ChangeDigest != digest {
		t.Error("the digest is no longer that of what was asked for")
	}
	document := recordedInput(t, s, results[0].Decision.ID)
	got := map[string]string{}
	for name, each := range document.Facts {
		amount := each["micros"]
		if amount == nil {
			amount = each["flag"]
		}
		got[name] = fmt.Sprint(each["caller"], " ", each["source"], " ", amount)
	}
	want := map[string]string{"spend_today": "false report 5e+06", "daily_budget": "false report 9e+07", "current_value": "false report 1e+06",
		"automation_heartbeat": "false report true", "clicks_30d": "true my own word 3e+06"}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("facts (-want +got):\n%s", difference)
	}
	stale := []map[string]any{{"name": "conversions_30d", "why": "stale", "source": "report", "age_s": 7200.0, "maximum_age_s": 3600.0}}
	if difference := cmp.Diff(stale, document.Unknown); difference != "" {
		t.Errorf("unknown (-want +got):\n%s", difference)
	}

	// The same question gets the same answer, whatever is known by now.
	s.Clock.Advance(time.Minute)
	putFacts(t, s, observed(s, entity("campaign", "101"), "daily_budget", usd(1), 0))
	again, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: change})
	if err != nil || !again[0].Replayed || again[0].Decision.ID != results[0].Decision.ID {
		t.Errorf("got %+v, %v; want the decision again", again, err)
	}
	// Another's keyword in another campaign has only what is known of the account.
	other := servertest.Bid("b", 100, 110)
	other.Target.Campaign = "102"
	decided, err := s.Core.Check(t.Context(), s.OtherAutomation.Principal, server.CheckRequest{Changes: servertest.Domain(other)})
	if err != nil {
		t.Fatal(err)
	}
	if document := recordedInput(t, s, decided[0].Decision.ID); len(document.Facts) != 1 || document.Facts["spend_today"]["micros"] != 5e7 {
		t.Errorf("of another campaign, rules saw %v", document.Facts)
	}
	// Dry runs and explanations know the same.
	dry, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{DryRun: true, Changes: servertest.Domain(servertest.Bid("dry", 100, 110))})
	if err != nil || findingOf(dry[0].Decision, "bid.vs_budget") == nil {
		t.Errorf("a dry run against a budget of 1 USD: got %+v, %v", dry[0].Decision, err)
	}
	explained, _, err := s.Core.ExplainChanges(t.Context(), s.Automation.Principal, servertest.Domain(servertest.Bid("explained", 100, 110)))
	if err != nil || findingOf(explained.Decision, "bid.vs_budget") == nil {
		t.Errorf("an explanation against a budget of 1 USD: got %+v, %v", explained.Decision, err)
	}
}

// How much delivery a pause takes away is what a connector knows, in what rules see of it and in what is counted; the caller's word is
// for where none knows.
func TestDeliveryShareOfConnectors(t *testing.T) {
	pause := func(id string, share int64) *policy.Change {
		change := servertest.Domain(&bidrailv1.Change{ChangeId: id, Kind: bidrailv1.Kind_KIND_STATUS, Target: servertest.Budget(id, id, 1, 1).GetTarget(),
			BeforeObservedAt: servertest.Bid(id, 1, 1).GetBeforeObservedAt(), Reason: servertest.Bid(id, 1, 1).GetReason(), Actor: servertest.Bid(id, 1, 1).GetActor()})[0]
		change.Before, change.After = policy.TextValue("ENABLED"), policy.TextValue("PAUSED")
		change.Facts = map[string]policy.Fact{"delivery_share": {Value: policy.RatioValue(share), ObservedAt: servertest.Start, Source: "my own word", FromCaller: true}}
		return change
	}
	moved := func(s *servertest.Server) (most int64) {
		t.Helper()
		shown, err := s.Core.Ledger(t.Context(), s.Auditor.Principal, ledger.AccountScope("google_ads", "example"), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, window := range shown.Windows {
			most = max(most, window.Window.Lowered)
		}
		return most
	}
	for name, test := range map[string]struct {
		put     func(*servertest.Server)
		verdict policy.Verdict
		want    int64
	}{
		"only the caller says": {func(*servertest.Server) {}, policy.Allow, 1_000},
		"a connector knows": {func(s *servertest.Server) {
			putFacts(t, s, observed(s, entity("campaign", "c"), "delivery_share", policy.RatioValue(80_000), time.Minute))
		}, policy.Allow, 80_000},
		"a connector knew": {func(s *servertest.Server) {
			putFacts(t, s, observed(s, entity("campaign", "c"), "delivery_share", policy.RatioValue(80_000), 2*time.Hour))
		}, policy.RequireApproval, 0}, // what is unknown by now is not nothing, whatever the caller says
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t)
			test.put(s)
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{pause("c", 1_000)}})
			if err != nil || results[0].Decision.Verdict != test.verdict {
				t.Fatalf("got %+v, %v; want %v", results[0].Decision, err, test.verdict)
			}
			if got := moved(s); got != test.want {
				t.Errorf("the ledger counts %d ppm, want %d", got, test.want)
			}
		})
	}
	t.Run("which rules hold against what was taken away before", func(t *testing.T) {
		s := servertest.New(t)
		for i := range 4 { // 7% each; from 10% on a person decides, who is not there
			id := fmt.Sprint("c", i)
			putFacts(t, s, observed(s, entity("campaign", id), "delivery_share", policy.RatioValue(70_000), time.Minute))
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{pause(id, 0)}})
			if err != nil {
				t.Fatal(err)
			}
			if found := findingOf(results[0].Decision, "state.delivery_removed"); (found != nil) != (i > 0) {
				t.Errorf("pause %d: %+v", i, found)
			}
		}
	})
}

// At redemption the facts of now count, of connectors as of callers.
func TestFactsAtRedemption(t *testing.T) {
	for name, test := range map[string]struct {
		micros int64
		ago    time.Duration
		want   approval.Reason
	}{
		"as it was read":                {1_000_000, 0, ""},
		"the value has moved":           {1_200_000, 0, approval.NotCovered},
		"it had moved, a long time ago": {1_200_000, 2 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t)
			read := func() {
				putFacts(t, s, observed(s, entity("keyword", "k-b"), "current_value_bid", policy.MoneyValue(test.micros, "USD"), test.ago))
			}
			if test.ago > 0 { // people are to see that it is not known any more (governance.freshness), or they are asked again
				read()
			}
			a := agreedTo(t, s, servertest.Bid("b", 100, 150))
			if test.ago == 0 {
				read()
			}
			// The caller says that nothing has moved.
			request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Observations: facts("current_value", 1_000_000, s.Clock.Now())}
			redeemed, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request)
			if test.want != "" {
				if reasonOf(err) != test.want {
					t.Errorf("got %v, want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if caller := recordedInput(t, s, redeemed.Decisions[0].ID).Facts["current_value"]["caller"]; caller != (test.ago > 0) {
				t.Errorf("the value of now is the caller's word: %v", caller)
			}
		})
	}
}

// What would be left of a change is asked about with what connectors know.
func TestFactsUnderACap(t *testing.T) {
	for name, test := range map[string]struct {
		micros int64
		want   approval.Reason
	}{"as it was read": {1_000_000, ""}, "the value has moved": {1_200_000, approval.CapRefused}} {
		t.Run(name, func(t *testing.T) {
			s := company(t)
			a := escalated(t, s, servertest.Bid("b", 100, 150))
			putFacts(t, s, observed(s, entity("keyword", "k-b"), "current_value_bid", policy.MoneyValue(test.micros, "USD"), 0))
			request := of(a, approval.Approve)
			request.Cap = policy.MoneyValue(1_300_000, "USD")
			_, err := s.Core.Review(t.Context(), servertest.Person("ana"), request)
			if test.want == "" && err != nil || test.want != "" && reasonOf(err) != test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A connector's confirmation lets an old reading pass; the caller's own does not (TestFactsOfACallerConfirmNothing).
func TestAConnectorConfirmsAReading(t *testing.T) {
	s := servertest.New(t)
	s.Clock.Advance(20 * time.Minute)
	if got := decide(t, s, servertest.Bid("old", 100, 110))[0].Decision; got.Verdict == policy.Allow {
		t.Fatal("an old reading is allowed by itself")
	}
	putFacts(t, s, observed(s, entity("keyword", "k-b"), "current_value_bid", policy.MoneyValue(1_000_000, "USD"), time.Minute))
	if got := decide(t, s, servertest.Bid("b", 100, 110))[0].Decision; got.Verdict != policy.Allow {
		t.Errorf("got %v, %+v; want ALLOW", got.Verdict, got.Findings)
	}
}

// Facts are read once for a call, and not again inside of the transaction.
func TestFactsAreReadOutsideOfTheTransaction(t *testing.T) {
	counting := &factCounter{}
	s := servertest.New(t, servertest.WithStore(func(real store.Store) store.Store { counting.Store = real; return counting }))
	decide(t, s, servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 110), servertest.Bid("c", 100, 110))
	if counting.viewed != 1 || counting.updated != 0 {
		t.Errorf("facts were read %d times in a View and %d times in an Update, want once in a View", counting.viewed, counting.updated)
	}
}

// factCounter counts how often facts are read.
type factCounter struct {
	store.Store
	viewed, updated int
}

func (c *factCounter) View(ctx context.Context, fn func(store.Reader) error) error {
	return c.Store.View(ctx, func(r store.Reader) error { return fn(countedReader{r, &c.viewed}) })
}

func (c *factCounter) Update(ctx context.Context, fn func(store.Tx) error) error {
	return c.Store.Update(ctx, func(tx store.Tx) error { return fn(countedTx{tx, &c.updated}) })
}

type countedReader struct {
	store.Reader
	count *int
}

func (r countedReader) Facts(entities []fact.Entity) ([]fact.Record, error) {
	*r.count++
	return r.Reader.Facts(entities)
}

type countedTx struct {
	store.Tx
	count *int
}

func (x countedTx) Facts(entities []fact.Entity) ([]fact.Record, error) {
	*x.count++
	return x.Tx.Facts(entities)
}

func TestPutFactsRefuses(t *testing.T) {
	s := servertest.New(t)
	good := observed(s, entity("keyword", "k-a"), "spend_today", policy.MoneyValue(5, "USD"), time.Minute)
	for _, test := range []struct {
		field, says string
		edit        func(*fact.Record)
	}{
		{"name", `knows no fact "spend_tomorrow"`, func(r *fact.Record) { r.Name = "spend_tomorrow" }},
		{"name", "lower-case", func(r *fact.Record) { r.Name = "Spend Today" }},
		{"name", "current_value_KIND", func(r *fact.Record) { r.Name = "current_value" }},
		{"value", "conversions_30d is ratio", func(r *fact.Record) { r.Name = "conversions_30d" }},
		{"value.text", "ends with a blank", func(r *fact.Record) { r.Name, r.Value = "match_type", policy.TextValue("EXACT ") }},
		{"entity.platform", "lower-case", func(r *fact.Record) { r.Entity.Platform = "Google" }},
		{"entity.platform", "is missing", func(r *fact.Record) { r.Entity.Platform = "" }},
		{"entity.account", "is missing", func(r *fact.Record) { r.Entity.Account = "" }},
		{"entity.entity_type", "lower-case", func(r *fact.Record) { r.Entity.Type = "ad group" }},
		{"entity.entity_id", "cannot be seen", func(r *fact.Record) { r.Entity.ID = "77\u200b" }},
		{"maximum_age", "is missing", func(r *fact.Record) { r.MaximumAge = 0 }},
		{"observed_at", "in the future", func(r *fact.Record) { r.ObservedAt = s.Clock.Now().Add(3 * time.Minute) }},
		{"complete_through", "after observed_at", func(r *fact.Record) { r.CompleteThrough = s.Clock.Now() }},
		{"source", "is missing", func(r *fact.Record) { r.Source = "" }},
	} {
		bad := good
		test.edit(&bad)
		_, err := s.Core.PutFacts(t.Context(), meter, []fact.Record{good, bad})
		wrong, ok := errors.AsType[*server.FieldError](err)
		if !ok || wrong.Field != "facts[1]."+test.field || !strings.Contains(wrong.Problem, test.says) {
			t.Errorf("got %v, want facts[1].%s that says %q", err, test.field, test.says)
		}
	}
	for count := range map[int]bool{0: true, server.MaxFacts + 1: true} {
		if _, err := s.Core.PutFacts(t.Context(), meter, make([]fact.Record, count)); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%d facts: %v", count, err)
		}
	}
	listed, _, err := s.Core.ListFacts(t.Context(), meter, store.FactFilter{}, page())
	if err != nil || len(listed) != 0 {
		t.Errorf("what was refused is there: %v, %v", listed, err)
	}
	none := servertest.New(t, servertest.WithoutPolicy())
	if _, err := none.Core.PutFacts(t.Context(), meter, []fact.Record{good}); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("without a policy: %v", err)
	}
}

func TestListFacts(t *testing.T) {
	s := servertest.New(t)
	putFacts(t, s, observed(s, entity("keyword", "k-a"), "clicks_30d", policy.RatioValue(5_000_000), 30*time.Minute),
		observed(s, entity("keyword", "k-a"), "spend_today", policy.MoneyValue(5, "USD"), 90*time.Minute))
	stored, err := s.Core.PutFacts(t.Context(), meter, []fact.Record{observed(s, entity("keyword", "k-a"), "spend_today", policy.MoneyValue(7, "USD"), 90*time.Minute)})
	if err != nil || stored != 0 {
		t.Errorf("of the same time: %d were stored, %v", stored, err)
	}
	listed, _, err := s.Core.ListFacts(t.Context(), s.Auditor.Principal, store.FactFilter{Platform: "google_ads", Account: "example"}, page())
	if err != nil || len(listed) != 2 {
		t.Fatalf("got %+v, %v", listed, err)
	}
	if listed[0].Stale || !listed[1].Stale || listed[1].PutBy != "meter" || !listed[1].PutAt.Equal(s.Clock.Now()) || listed[1].Value.Amount != 5 {
		t.Errorf("got %+v; want what was put first, the second of them stale", listed)
	}
	if _, _, err := s.Core.ListFacts(t.Context(), s.Auditor.Principal, store.FactFilter{Account: "example"}, page()); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("by an account alone: %v", err)
	}
}

// A full call is one transaction, and quick.
func TestManyFacts(t *testing.T) {
	s := servertest.New(t)
	records := make([]fact.Record, server.MaxFacts)
	for i := range records {
		records[i] = observed(s, entity("keyword", fmt.Sprint("k-", i/5)), []string{"spend_today", "conversion_rate", "clicks_30d", "conversions_30d", "delivery_share"}[i%5],
			policy.RatioValue(int64(i)), time.Minute)
		if i%5 == 0 {
			records[i].Value = policy.MoneyValue(int64(i), "USD")
		}
	}
	began := time.Now()
	putFacts(t, s, records...)
	first := time.Since(began)
	began = time.Now()
	if stored, err := s.Core.PutFacts(t.Context(), meter, records); err != nil || stored != 0 {
		t.Errorf("again: %d were stored, %v", stored, err)
	}
	t.Logf("%d facts take %v, and %v again", len(records), first, time.Since(began))
	if first > servertest.Soon {
		t.Errorf("they took %v", first)
	}
}
