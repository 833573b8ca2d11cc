package policy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestMoneyIsWrittenForPeople(t *testing.T) {
	for _, test := range []struct {
		micros   int64
		currency string
		want     string
	}{
		{0, "USD", "0.00 USD"},
		{12_500_000, "USD", "12.50 USD"},
		{1_250_000_000, "EUR", "1,250.00 EUR"},
		{7_000_000_000, "JPY", "7,000 JPY"},
		{500_000, "JPY", "0.5 JPY"},
		{1_234_000, "KWD", "1.234 KWD"},
		{1_000_000, "KWD", "1.000 KWD"},
		{5_000, "USD", "0.005 USD"},
		{1, "USD", "0.000001 USD"},
		{999_999, "USD", "0.999999 USD"},
		{-12_500_000, "USD", "-12.50 USD"},
		{-1, "USD", "-0.000001 USD"},
		{55_000_000_000_000_000, "COP", "55,000,000,000.00 COP"},
		{math.MaxInt64, "USD", "9,223,372,036,854.775807 USD"},
		{math.MinInt64, "USD", "-9,223,372,036,854.775808 USD"},
		{1_000_000, "", "1.00"},
		{1_000_000, "QQQ", "1.00 QQQ"},
	} {
		if got := FormatMoney(test.micros, test.currency); got != test.want {
			t.Errorf("FormatMoney(%d, %q) = %q, want %q", test.micros, test.currency, got, test.want)
		}
	}
}

func TestRatiosAreWrittenAsPercentages(t *testing.T) {
	for _, test := range []struct {
		ppm  int64
		want string
	}{
		{0, "0%"}, {300_000, "30%"}, {125_000, "12.5%"}, {1, "0.0001%"}, {-1, "-0.0001%"}, {-125_000, "-12.5%"},
		{10_000_000, "1,000%"}, {1_000_001, "100.0001%"},
		{math.MaxInt64, "922,337,203,685,477.5807%"}, {math.MinInt64, "-922,337,203,685,477.5808%"},
	} {
		if got := FormatRatio(test.ppm); got != test.want {
			t.Errorf("FormatRatio(%d) = %q, want %q", test.ppm, got, test.want)
		}
	}
}

func TestMovesAreWrittenAsSignedPercentages(t *testing.T) {
	for _, test := range []struct {
		from, to int64
		want     string
	}{
		{100, 118, "+18%"}, {100, 50, "-50%"}, {100, 100, "+0%"}, {3, 4, "+33.3%"}, {3, 2, "-33.3%"}, {1000, 1125, "+12.5%"},
		{100, 0, "-100%"}, {0, 5, "from zero"}, {0, 0, "from zero"}, {1, 100, "+9,900%"},
		{math.MaxInt64, math.MaxInt64, "+0%"}, {math.MaxInt64, 0, "-100%"},
		{1, math.MaxInt64, "more than can be written"}, {1, math.MinInt64, "more than can be written"},
		{1, -9_223_372_036_854_775, "more than can be written"},
		{-100, -50, "-50%"}, {100, -100, "-200%"},
	} {
		if got := FormatChange(test.from, test.to); got != test.want {
			t.Errorf("FormatChange(%d, %d) = %q, want %q", test.from, test.to, got, test.want)
		}
	}
}

func TestDurationsAndCountsAreWrittenForPeople(t *testing.T) {
	for _, test := range []struct {
		seconds int64
		want    string
	}{
		{0, "0 seconds"}, {1, "1 second"}, {60, "1 minute"}, {90, "90 seconds"}, {900, "15 minutes"}, {7200, "2 hours"},
		{86400, "1 day"}, {1_000_000 * 86400, "1,000,000 days"}, {-60, "-60 seconds"},
	} {
		if got := formatSeconds(test.seconds); got != test.want {
			t.Errorf("formatSeconds(%d) = %q, want %q", test.seconds, got, test.want)
		}
	}
	if got := groupSigned(math.MinInt64); got != "-9,223,372,036,854,775,808" {
		t.Errorf("the least integer is written %q", got)
	}
}

func TestValuesSayWhatTheyAre(t *testing.T) {
	for want, value := range map[string]Value{
		"12.50 USD": MoneyValue(12_500_000, "USD"), "30%": RatioValue(300_000), "PAUSED": TextValue("PAUSED"),
		"true": FlagValue(true), "unlimited": UnlimitedValue(), "not set": AbsentValue(), "missing": {},
	} {
		if got := value.String(); got != want {
			t.Errorf("%#v is written %q, want %q", value, got, want)
		}
	}
}

func TestFormsRoundTripAsText(t *testing.T) {
	for form := range formCount {
		text, _ := form.MarshalText()
		var back Form
		if err := back.UnmarshalText(text); err != nil || back != form {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	var form Form
	if err := form.UnmarshalText([]byte("number")); err == nil {
		t.Error(`a form called "number" was read`)
	}
	if got := formCount.String(); got != "unknown(7)" {
		t.Errorf("a form that there is not is called %q", got)
	}
}

// A rounded percentage is within half a tenth of the exact one.
func TestMovesAreRoundedToTheNearestTenth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(1, 1<<40).Draw(t, "from")
		to := rapid.Int64Range(0, 1<<40).Draw(t, "to")
		tenths := mulDivRound(to, 1000, from)
		if tenths == nil {
			t.Fatal("it fits")
		}
		// |to×1000 - tenths×from| ≤ from/2; the sides stay below 2^63 as tenths×from ≤ to×1000 + from.
		if difference := to*1000 - *tenths*from; difference*2 > from || difference*2 < -from {
			t.Fatalf("from %d to %d is %d tenths, off by %d", from, to, *tenths, difference)
		}
	})
}
