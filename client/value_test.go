package client

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func TestParseMoneyIsExact(t *testing.T) {
	for amount, want := range map[string]int64{
		"12.50": 12_500_000, "33.51": 33_510_000, "0": 0, "0.0": 0, "5.0": 5_000_000, "2000": 2_000_000_000, "0.000001": 1,
		"007.10": 7_100_000, "1.1000000000": 1_100_000, "55052500000": 55_052_500_000_000_000, "9223372036854.775807": math.MaxInt64,
	} {
		value, err := ParseMoney(amount, "USD")
		if err != nil {
			t.Errorf("%s: %v", amount, err)
		} else if got := value.GetMoney().GetMicros(); got != want {
			t.Errorf("%s: got %d micros, want %d", amount, got, want)
		}
	}
}

func TestParseMoneyRefusesWhatItCannotReadExactly(t *testing.T) {
	for _, amount := range []string{
		"", " ", ".", ".5", "5.", "-1", "+1", "1,000", "1.000,00", "1e3", "0x10", "NaN", "inf", "1.2.3", " 1", "1 ", "١٢", "1_000",
		"0.0000001", "1.1234567", "9223372036854.775808", "9223372036855", "18446744073709.551616", strings.Repeat("9", 40),
	} {
		if value, err := ParseMoney(amount, "USD"); err == nil {
			t.Errorf("%q: got %v, want an error", amount, value)
		}
	}
	for _, currency := range []string{"", "usd", "US", "USDT", "U$D", "ÄÖÜ"} {
		if _, err := ParseMoney("1.00", currency); err == nil {
			t.Errorf("currency %q was taken", currency)
		}
	}
}

func TestParseMoneyReadsWhatDescribeWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Min(0).Draw(t, "micros")
		amount, currency, _ := strings.Cut(Describe(Money(micros, "EUR")), " ")
		value, err := ParseMoney(strings.ReplaceAll(amount, ",", ""), currency)
		if err != nil {
			t.Fatal(err)
		}
		if got := value.GetMoney().GetMicros(); got != micros {
			t.Fatalf("%s: got %d micros, want %d", amount, got, micros)
		}
	})
}

func TestDescribe(t *testing.T) {
	for want, value := range map[string]*bidrailv1.Value{
		"12.50 USD": Money(12_500_000, "USD"), "0.00 USD": Money(0, "USD"), "0.000001 USD": Money(1, "USD"), "999.99 USD": Money(999_990_000, "USD"),
		"1,000.00 USD": Money(1_000_000_000, "USD"), "1,234,567.891 USD": Money(1_234_567_891_000, "USD"), "-1.25 USD": Money(-1_250_000, "USD"),
		"-9,223,372,036,854.775808 USD": Money(math.MinInt64, "USD"),
		"125%":                          Ratio(1_250_000), "400%": Ratio(4_000_000), "0%": Ratio(0), "12.5%": Ratio(125_000), "0.0001%": Ratio(1), "2,000%": Ratio(20_000_000),
		"paused": Text("paused"), "yes": Flag(true), "no": Flag(false), "unlimited": Unlimited(), "not set": Absent(), "not given": nil,
	} {
		if got := Describe(value); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
