package grpcapi_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

func fullPermit() permit.Permit {
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	read := domain(change)
	at := func(minutes int) time.Time { return servertest.Start.Add(time.Duration(minutes) * time.Minute) }
	return permit.Permit{
		ID: "per_1", Automation: "pacer", Audience: []string{"google_ads/example"}, Digest: "sha256:d", GroupID: "g",
		Legs: []permit.Leg{{DecisionID: "dec_1", ChangeID: read.ID, ChangeDigest: "sha256:c", Kind: read.Kind, Target: read.Target,
			Before: read.Before, After: read.After, Direction: policy.Rise}},
		Epoch: 7, IssuedAt: at(1), ExpiresAt: at(2), State: permit.Partial, Version: 3, ChangedAt: at(3), ChangedBy: "pacer",
		ClaimID: "c", ClaimedAt: at(4), ReportBy: at(5),
		Report: permit.Report{Outcome: permit.Partial, ClaimID: "c", Applied: []permit.Part{{ChangeID: read.ID, Value: policy.MoneyValue(5, "EUR")}},
			Reference: "r", Note: "n", ObservedAt: at(6)},
		Reason: "why", Redeems: "apr_1",
	}
}

// without is every copy of a struct that lacks one of its fields, by that field's name.
func without[T any](full T) map[string]T {
	copies := map[string]T{}
	for i := range reflect.TypeFor[T]().NumField() {
		lacking := full
		reflect.ValueOf(&lacking).Elem().Field(i).SetZero()
		copies[reflect.TypeFor[T]().Field(i).Name] = lacking
	}
	return copies
}

// carried demands that a message changes with every field of what it is written from, but for those named.
func carried[T any, M proto.Message](t *testing.T, full T, write func(T) M, but ...string) {
	t.Helper()
	message := write(full)
	for name, lacking := range without(full) {
		if same := proto.Equal(message, write(lacking)); same != slices.Contains(but, name) {
			t.Errorf("%s of %T: the message is the same without it: %v", name, full, same)
		}
	}
}

func TestEveryFieldOfAPermitIsWritten(t *testing.T) {
	full := fullPermit()
	if empty := emptyFields(reflect.ValueOf(full), ""); len(empty) > 0 {
		t.Fatalf("the test's permit lacks %v", empty)
	}
	write := func(p permit.Permit) *bidrailv1.Permit { return grpcapi.PermitMessage(p, "token") }
	unset(t, write(full).ProtoReflect(), "")
	// Who asked for what, and why, is the record's; a claim's own name is the claimant's.
	carried(t, full, write, "Version", "ChangedBy", "ClaimID")
	carried(t, full.Legs[0], func(leg permit.Leg) *bidrailv1.Permit {
		with := full
		with.Legs = []permit.Leg{leg}
		return write(with)
	}, "Before", "Direction")
	carried(t, full.Report, func(report permit.Report) *bidrailv1.Permit {
		with := full
		with.Report = report
		return write(with)
	}, "Outcome", "ClaimID")
	carried(t, full.Report.Applied[0], func(part permit.Part) *bidrailv1.Permit {
		with := full
		with.Report.Applied = []permit.Part{part}
		return write(with)
	})
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	if diff := cmp.Diff(change.GetTarget(), write(full).GetChanges()[0].GetTarget(), protocmp.Transform()); diff != "" {
		t.Errorf("(-sent +written):\n%s", diff)
	}
	// What never happened has no time, which is not 1970.
	if fresh := write(permit.Permit{}); fresh.GetClaimedAt() != nil || fresh.GetReportBy() != nil || fresh.GetIssuedAt() != nil || fresh.GetObservedAt() != nil {
		t.Errorf("times that are not there are written: %v", fresh)
	}
}

func TestEveryFieldOfAReportIsRead(t *testing.T) {
	full, next := &bidrailv1.ReportRequest{}, int64(0)
	fill(full.ProtoReflect(), &next)
	read := grpcapi.Report(full)
	if empty := emptyFields(reflect.ValueOf(read), ""); len(empty) > 0 {
		t.Errorf("nothing fills %v of the domain's report", empty)
	}
	for _, place := range leavesOf(full) {
		changed := proto.CloneOf(full)
		place.set(changed, "other")
		if same := cmp.Equal(read, grpcapi.Report(changed)); same != (place.path == "permit_id") {
			t.Errorf("%s is not carried: %v", place.path, same)
		}
	}
}

// The numbers of a permit's states are the API's.
func TestPermitStates(t *testing.T) {
	for number, name := range bidrailv1.PermitState_name {
		if want := strings.TrimPrefix(name, "PERMIT_STATE_"); number != 0 && permit.State(number).String() != want {
			t.Errorf("state %d is %s here and %s in the API", number, permit.State(number), want)
		}
	}
	if beyond := permit.State(len(bidrailv1.PermitState_name)); !strings.HasPrefix(beyond.String(), "STATE(") {
		t.Errorf("%v is not in the API", beyond)
	}
}

func TestEveryFieldOfAModeIsWritten(t *testing.T) {
	full := mode.Setting{Scope: ledger.AccountScope("google_ads", "a/b"), Mode: policy.ModeHalted, Epoch: 3, Reason: "why", By: "root", At: servertest.Start}
	message := grpcapi.ModeMessage(full)
	unset(t, message.ProtoReflect(), "")
	carried(t, full, grpcapi.ModeMessage)
	if got, want := message.GetScope(), "account/google_ads/a%2Fb"; got != want {
		t.Errorf("got the scope %s, want %s", got, want)
	}
	modes := bidrailv1.Mode(0).Descriptor().Values()
	for i := 1; i < modes.Len(); i++ {
		written := grpcapi.ModeMessage(mode.Setting{Mode: policy.Mode(i - 1)}).GetMode()
		want := "MODE_" + strings.ToUpper(policy.Mode(i-1).String())
		if written.String() != want || grpcapi.Mode(written) != policy.Mode(i-1) {
			t.Errorf("%v is written %v and read %v, want %s", policy.Mode(i-1), written, grpcapi.Mode(written), want)
		}
	}
	if policy.Mode(modes.Len()-1).String() != "unknown(3)" {
		t.Errorf("the domain has more modes than the API's %d", modes.Len()-1)
	}
}

func fullLedger() *server.Ledger {
	change, next := &bidrailv1.Change{}, int64(0)
	fill(change.ProtoReflect(), &next)
	read := domain(change)
	read.Kind, read.Before, read.After = policy.KindBid, policy.MoneyValue(1_000_000, "USD"), policy.MoneyValue(1_500_000, "USD")
	hold := ledger.NewHold("dec_1", read, "pacer")
	hold.State, hold.PlacedAt = ledger.Held, servertest.Start
	return &server.Ledger{
		Scope: ledger.OrganisationScope(), Now: servertest.Start, MoreHolds: true, Holds: []ledger.Hold{hold},
		Windows: []server.LedgerWindow{{
			Name: ledger.Name{Name: "day", Length: ledger.Length(24 * time.Hour)}, Unit: ledger.Unit{Kind: policy.KindBid, Currency: "USD"},
			Window: ledger.Window{Raised: 1, Lowered: 2, Moved: 3, NetRise: 4, NetFall: 5, HeldRaised: 6, HeldLowered: 7, Count: 8, Open: 9, Reversals: 10,
				StartKnown: true, StartLow: 11, StartHigh: 12, ValuesKnown: true, Low: 13, Peak: 14},
		}},
		Headroom: []server.Headroom{
			{Cap: ledger.Cap{Name: "daily rise", Measure: ledger.NetRise, Kinds: ledger.Family(policy.KindBid), Limit: 5_000_000, Currency: "USD"}, Window: "day", Used: 3_000_000, Left: 2_000_000, Source: "s"},
			{Cap: ledger.Cap{Name: "daily rise", Measure: ledger.NetRise, Kinds: ledger.Family(policy.KindBid), Limit: 5_000_000, Currency: "USD"}, Window: "day", Problem: errors.New("no rate"), Source: "s"},
		},
	}
}

func TestEveryFieldOfALedgerIsWritten(t *testing.T) {
	full := fullLedger()
	message := grpcapi.LedgerMessage(full)
	both := proto.CloneOf(message) // the two of the headroom between them have everything
	proto.Merge(both.GetHeadroom()[0], both.GetHeadroom()[1])
	both.Headroom = both.GetHeadroom()[:1]
	unset(t, both.ProtoReflect(), "")
	carried(t, *full, func(l server.Ledger) *bidrailv1.Ledger { return grpcapi.LedgerMessage(&l) })
	window := func(w server.LedgerWindow) *bidrailv1.Ledger {
		return grpcapi.LedgerMessage(&server.Ledger{Windows: []server.LedgerWindow{w}})
	}
	carried(t, full.Windows[0], window)
	carried(t, full.Windows[0].Name, func(name ledger.Name) *bidrailv1.Ledger {
		return window(server.LedgerWindow{Name: name, Unit: full.Windows[0].Unit, Window: full.Windows[0].Window})
	})
	carried(t, full.Windows[0].Window, func(w ledger.Window) *bidrailv1.Ledger {
		return window(server.LedgerWindow{Window: w})
	}, "NetFall", "StartKnown", "StartLow", "StartHigh", "ValuesKnown", "Low", "Peak") // falls mirror rises; values are rules' business
	if got := message.GetWindows()[0].GetSeconds(); got != 86_400 {
		t.Errorf("a day has %d seconds, want 86,400", got)
	}
	if diff := cmp.Diff([]bidrailv1.Kind{bidrailv1.Kind_KIND_BID, bidrailv1.Kind_KIND_DEFAULT_BID}, message.GetHeadroom()[0].GetKinds()); diff != "" {
		t.Errorf("the kinds of the headroom (-want +got):\n%s", diff)
	}
	hold := message.GetHolds()[0]
	if got, want := grpcapi.Value(hold.GetAmount()), policy.MoneyValue(500_000, "USD"); got != want || hold.GetDirection() != "rise" ||
		!strings.HasPrefix(hold.GetField(), "field/platform_") || !strings.HasSuffix(hold.GetField(), "/bid") {
		t.Errorf("the hold is written %v", hold)
	}
}

// What a hold moves is told apart from a hold that moves nothing that can be measured.
func TestHoldAmounts(t *testing.T) {
	for name, test := range map[string]struct {
		kind          policy.Kind
		before, after policy.Value
		want          policy.Value
	}{
		"money":     {policy.KindBid, policy.MoneyValue(5, "EUR"), policy.MoneyValue(2, "EUR"), policy.MoneyValue(3, "EUR")},
		"ratio":     {policy.KindBidModifier, policy.RatioValue(1_000_000), policy.RatioValue(1_200_000), policy.RatioValue(200_000)},
		"unlimited": {policy.KindBidLimit, policy.MoneyValue(5, "EUR"), policy.UnlimitedValue(), policy.UnlimitedValue()},
		"text":      {policy.KindName, policy.TextValue("a"), policy.TextValue("b"), policy.Value{}},
		"no move":   {policy.KindBid, policy.MoneyValue(5, "EUR"), policy.MoneyValue(5, "EUR"), policy.MoneyValue(0, "EUR")},
	} {
		hold := ledger.NewHold("dec_1", &policy.Change{Kind: test.kind, Before: test.before, After: test.after}, "pacer")
		written := grpcapi.LedgerMessage(&server.Ledger{Holds: []ledger.Hold{hold}}).GetHolds()[0].GetAmount()
		if got := grpcapi.Value(written); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// Headroom is written for people, in what the limit is in; what is not known is not written as nothing.
func TestHeadroom(t *testing.T) {
	for name, test := range map[string]struct {
		headroom          server.Headroom
		used, limit, left string
		problem           string
	}{
		"money": {server.Headroom{Cap: ledger.Cap{Measure: ledger.NetRise, Limit: 100_000_000_000, Currency: "USD"}, Used: 99_999_500_000, Left: 500_000},
			"99,999.50 USD", "100,000.00 USD", "0.50 USD", ""},
		"below nothing": {server.Headroom{Cap: ledger.Cap{Measure: ledger.NetRise, Limit: 1_000_000, Currency: "USD"}, Used: -2_000_000, Left: 3_000_000},
			"-2.00 USD", "1.00 USD", "3.00 USD", ""},
		"count":        {server.Headroom{Cap: ledger.Cap{Measure: ledger.Count, Limit: 5000}, Used: 4999, Left: 1}, "4999", "5000", "1", ""},
		"reversals":    {server.Headroom{Cap: ledger.Cap{Measure: ledger.Reversals, Limit: 3}, Used: 3}, "3", "3", "0", ""},
		"ratio":        {server.Headroom{Cap: ledger.Cap{Measure: ledger.Moved, Limit: 300_000}, Used: 125_000, Left: 175_000}, "12.5%", "30%", "17.5%", ""},
		"beyond sums":  {server.Headroom{Cap: ledger.Cap{Measure: ledger.Raised, Limit: 1, Currency: "USD"}, Used: math.MaxInt64}, "more than can be written", "0.000001 USD", "0.00 USD", ""},
		"no such rate": {server.Headroom{Cap: ledger.Cap{Measure: ledger.Moved, Limit: 1_000_000, Currency: "USD"}, Problem: errors.New("no rate")}, "", "1.00 USD", "", "no rate"},
	} {
		written := grpcapi.LedgerMessage(&server.Ledger{Headroom: []server.Headroom{test.headroom}}).GetHeadroom()[0]
		got := []string{written.GetUsed(), written.GetLimit(), written.GetLeft(), written.GetProblem()}
		if diff := cmp.Diff([]string{test.used, test.limit, test.left, test.problem}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
