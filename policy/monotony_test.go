package policy

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullRequest has 9223372036854775807 moved in the field's day, 3 in the account's, and 5 changes in the ad group's hour.
func TestARuleThatIsLaxerWhenMoreIsUsedIsReported(t *testing.T) {
	for _, test := range []struct {
		name, custom, body, expect string
		more                       []string
	}{
		{"more than a limit", "", `block contains {"message": "no"} if input.windows.account.day.moved > 2`, "block", nil},
		{"less than a limit", "", `block contains {"message": "no"} if input.windows.account.day.moved < 5`, "block", []string{"input.windows.account.day.moved"}},
		{"exactly so much", "", `warn contains {"message": "no"} if input.windows.ad_group.hour.count == 5`, "warn", []string{"input.windows.ad_group.hour.count"}},
		{"a sum that goes around", "", `block contains {"message": "no"} if input.windows.account.day.moved % 4 == 3`, "block", []string{"input.windows.account.day.moved"}},
		{"laxer, and not passing", "", "block contains {\"message\": \"no\"} if input.windows.account.day.raised < 2\n\napprove contains {\"message\": \"ask\"}", "block", []string{"input.windows.account.day.raised"}},
		{"the highest value", "", `block contains {"message": "no"} if input.windows.field.hour.peak < 4200000`, "block", []string{"input.windows.field.hour.peak"}},
		{"a new highest value", "", `block contains {"message": "no"} if input.change.after.micros > input.windows.field.hour.peak`, "block", nil},
		{"where the value began", "", `block contains {"message": "no"} if input.windows.field.hour.start_low < 4000000`, "block", nil},
		{"how low it was", "", `block contains {"message": "no"} if input.windows.field.hour.low < 4000000`, "block", nil},
		{"an age", "", `block contains {"message": "no"} if input.windows.field.last_change_age_s < 900`, "block", []string{}},
		{"a default", "", `block contains {"message": "no"} if object.get(input.windows, ["account", "day", "moved"], 0) < 5`, "block", []string{"input.windows.account.day.moved"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := checkAbsence(t, withExamples(t, test.custom, test.body, [2]string{"{}", test.expect}))
			if len(report.Wrong) > 0 || len(report.Untested) > 0 {
				t.Fatalf("got %+v", report)
			}
			var paths []string
			for _, more := range report.More {
				paths = append(paths, more.Path)
			}
			if slices.Sort(paths); !slices.Equal(slices.Compact(paths), test.more) {
				t.Errorf("laxer with more of %v, want %v", paths, test.more)
			}
			if none := test.more != nil && len(test.more) == 0; none != (report.Raises == 0) {
				t.Errorf("%d were raised", report.Raises)
			}
		})
	}
}

// In fullRequest the new value is 4.50 and the peak of the hour 4.00. A peak that is above the new value may go any higher.
func TestAPeakBelowTheNewValueStaysBelowIt(t *testing.T) {
	for after, want := range map[int64][]int64{
		4_500_000: {4_000_001, 4_499_999}, 9_000_000: {4_000_001, 8_000_000, 8_999_999}, 4_000_001: nil,
		4_000_000: {4_000_001, 8_000_000, math.MaxInt64 / 2}, 3_900_000: {4_000_001, 8_000_000, math.MaxInt64 / 2},
	} {
		for _, kind := range []Kind{KindBid, KindTargetROAS} {
			request := fullRequest()
			request.Change.Kind, request.Change.After = kind, MoneyValue(after, "EUR")
			if kind == KindTargetROAS {
				request.Change.After = RatioValue(after)
			}
			document := compileSmall(t, nil).document(request)
			if got := moreOf(document, "peak", 4_000_000); !slices.Equal(got, want) {
				t.Errorf("%s of %d: got %v, want %v", kind, after, got, want)
			}
			if got := moreOf(document, "raised", 4_000_000); len(got) != 3 {
				t.Errorf("%s of %d: a sum is raised to %v", kind, after, got)
			}
		}
	}
}

func TestWhatIsLaxerSaysHow(t *testing.T) {
	report := checkAbsence(t, withExamples(t, "", `block contains {"message": "no"} if input.windows.account.day.count < 3`, [2]string{"{}", "block"}))
	want := []More{
		{"test.probe", "a", "input.windows.account.day.count", 2, 3, Block, Allow},
		{"test.probe", "a", "input.windows.account.day.count", 2, 4, Block, Allow},
		{"test.probe", "a", "input.windows.account.day.count", 2, math.MaxInt64 / 2, Block, Allow},
	}
	if diff := cmp.Diff(want, report.More); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if got, want := report.More[0].String(), `test.probe: example "a": with input.windows.account.day.count raised from 2 to 3 the verdict is ALLOW instead of BLOCK; more use must never be laxer`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEverythingIsRaisedToSomethingLarger(t *testing.T) {
	for number, want := range map[int64][]int64{
		0: {1, math.MaxInt64 / 2}, 1: {2, math.MaxInt64 / 2}, 2: {3, 4, math.MaxInt64 / 2}, -5: {-4, math.MaxInt64 / 2},
		math.MaxInt64/2 - 1: {math.MaxInt64 / 2, math.MaxInt64 - 3}, math.MaxInt64 / 2: nil, math.MaxInt64: nil, math.MinInt64: {math.MinInt64 + 1, 0, math.MaxInt64 / 2},
	} {
		if got := largerThan(number); !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", number, got, want)
		}
	}
}
