package grpcapi_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// fillDomain sets every field of a value to something of its own; of a list it sets one entry.
func fillDomain(value reflect.Value, next *int64) {
	*next++
	switch {
	case value.Type() == reflect.TypeFor[time.Time]():
		value.Set(reflect.ValueOf(servertest.Start.Add(time.Duration(*next) * time.Second)))
	case value.Type() == reflect.TypeFor[approval.State]():
		value.Set(reflect.ValueOf(approval.Lapsed))
	case value.Kind() == reflect.Struct:
		for i := range value.NumField() {
			fillDomain(value.Field(i), next)
		}
	case value.Kind() == reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fillDomain(value.Index(0), next)
	case value.Kind() == reflect.String:
		value.SetString("text " + string(rune('a'+*next%26)))
	case value.Kind() == reflect.Bool:
		value.SetBool(true)
	default:
		value.SetInt(*next)
	}
}

func TestEveryFieldOfAReportIsWritten(t *testing.T) {
	var full approval.Summary
	fillDomain(reflect.ValueOf(&full).Elem(), new(int64))
	if empty := emptyFields(reflect.ValueOf(full), ""); len(empty) > 0 {
		t.Fatalf("the test's report lacks %v", empty)
	}
	unset(t, grpcapi.ReportMessage(full).ProtoReflect(), "")
	carried(t, full, grpcapi.ReportMessage)
	of := func(set func(*approval.Summary)) *bidrailv1.ApprovalsReport {
		var s approval.Summary
		set(&s)
		return grpcapi.ReportMessage(s)
	}
	carried(t, full.States[0], func(each approval.StateShare) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.States = []approval.StateShare{each} })
	})
	carried(t, full.Claim, func(each approval.Spread) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Claim = each })
	})
	carried(t, full.Reviewers[0], func(each approval.Reviewer) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Reviewers = []approval.Reviewer{each} })
	})
	carried(t, full.Rules[0], func(each approval.Rule) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Rules = []approval.Rule{each} })
	})
	carried(t, full.Unused[0], func(each approval.Unused) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Unused = []approval.Unused{each} })
	})
	carried(t, full.Overrides, func(each approval.Overrides) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Overrides = each })
	})
	carried(t, full.Overrides.Overdue[0], func(each approval.Overdue) *bidrailv1.ApprovalsReport {
		return of(func(s *approval.Summary) { s.Overrides.Overdue = []approval.Overdue{each} })
	})
}

// A time of one thing does not stand where that of another belongs.
func TestReportTimesAreNotMixedUp(t *testing.T) {
	message := grpcapi.ReportMessage(approval.Summary{FirstSeen: approval.Spread{Max: 1}, FirstReview: approval.Spread{Max: 2}, Decision: approval.Spread{Max: 3},
		Redemption: approval.Spread{Max: 4}, Claim: approval.Spread{Max: 5}})
	for i, spread := range []*bidrailv1.DurationSpread{message.GetFirstSeen(), message.GetFirstReview(), message.GetDecision(), message.GetRedemption(), message.GetClaim()} {
		if spread.GetMax() != int64(i+1) {
			t.Errorf("%d: got %v", i+1, spread)
		}
	}
}

func TestReportOverTheWire(t *testing.T) {
	s := servertest.New(t)
	ask := func(from, until *timestamppb.Timestamp) (*bidrailv1.ApprovalsReport, error) {
		return s.Auditor.Reports.ReportApprovals(t.Context(), &bidrailv1.ReportApprovalsRequest{From: from, Until: until})
	}
	now := timestamppb.New(s.Clock.Now())
	got, err := ask(nil, nil)
	if err != nil || got.GetNow().AsTime() != s.Clock.Now() || got.GetUntil().AsTime() != s.Clock.Now() ||
		got.GetFrom().AsTime() != s.Clock.Now().Add(-server.DefaultReport) || len(got.GetStates()) != 11 || got.GetOverrides() == nil {
		t.Errorf("got %v, %v", got, err)
	}
	from := timestamppb.New(s.Clock.Now().Add(-time.Hour))
	if got, err := ask(from, now); err != nil || !got.GetFrom().AsTime().Equal(from.AsTime()) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, test := range map[string]struct {
		from, until *timestamppb.Timestamp
		field       string
	}{
		"the wrong way round": {now, from, "from"}, "too long": {timestamppb.New(s.Clock.Now().Add(-server.LongestReport - 1)), now, "from"},
		"since ever": {timestamppb.New(time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)), nil, "from"}, "for ever": {nil, &timestamppb.Timestamp{Seconds: math.MaxInt64}, "until"},
		"no time": {&timestamppb.Timestamp{Nanos: -1}, nil, "from"},
	} {
		_, err := ask(test.from, test.until)
		if names := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); len(names) != 1 || names[0] != test.field {
			t.Errorf("%s: got fields %v, want %s", name, names, test.field)
		}
	}
	_, err = s.Automation.Reports.ReportApprovals(t.Context(), &bidrailv1.ReportApprovalsRequest{})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
}
