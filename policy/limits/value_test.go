package limits

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseValue(t *testing.T) {
	tests := []struct {
		typ  Type
		text string
		want Value
	}{
		{Money, "50.00 USD", Value{Amount: 50_000_000, Currency: "USD"}},
		{Money, "0 EUR", Value{Currency: "EUR"}},
		{Money, "7000 JPY", Value{Amount: 7_000_000_000, Currency: "JPY"}},
		{Money, "0.000001 USD", Value{Amount: 1, Currency: "USD"}},
		{Money, "33.51 USD", Value{Amount: 33_510_000, Currency: "USD"}},
		{Money, "55052500000 COP", Value{Amount: 55_052_500_000_000_000, Currency: "COP"}},
		{Money, "9223372036854.775807 USD", Value{Amount: math.MaxInt64, Currency: "USD"}},
		{Money, "unlimited", Value{Unlimited: true}},
		{Ratio, "30%", Value{Amount: 300_000}},
		{Ratio, "12.5%", Value{Amount: 125_000}},
		{Ratio, "0.0001%", Value{Amount: 1}},
		{Ratio, "900%", Value{Amount: 9_000_000}},
		{Count, "0", Value{}},
		{Count, "9223372036854775807", Value{Amount: math.MaxInt64}},
		{Count, "unlimited", Value{Unlimited: true}},
		{Duration, "90s", Value{Amount: 90}},
		{Duration, "15m", Value{Amount: 900}},
		{Duration, "36h", Value{Amount: 129_600}},
		{Duration, "7d", Value{Amount: 604_800}},
		{Flag, "yes", Value{Amount: 1}},
		{Flag, "true", Value{Amount: 1}},
		{Flag, "no", Value{}},
		{Flag, "false", Value{}},
	}
	for _, test := range tests {
		test.want.Type = test.typ
		got, err := ParseValue(test.typ, test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseValue(%v, %q) = %+v, %v; want %+v", test.typ, test.text, got, err, test.want)
		}
	}
}

func TestParseValueRefuses(t *testing.T) {
	tests := []struct {
		typ  Type
		text string
		want string // part of the error
	}{
		{Money, "", "cannot be read"},
		{Money, "50", "cannot be read"},
		{Money, "USD 50", "no currency code"},
		{Money, "50 usd", "no currency code"},
		{Money, "50 USDT", "no currency code"},
		{Money, "50  USD", "no currency code"},
		{Money, "50 USD ", "no currency code"},
		{Money, "1,000 USD", "cannot be read"},
		{Money, "1_000 USD", "cannot be read"},
		{Money, "1e3 USD", "cannot be read"},
		{Money, "+1 USD", "cannot be read"},
		{Money, ".5 USD", "cannot be read"},
		{Money, "5. USD", "cannot be read"},
		{Money, "1.2.3 USD", "cannot be read"},
		{Money, "050 USD", "cannot be read"},
		{Money, "NaN USD", "cannot be read"},
		{Money, "٥ USD", "cannot be read"},
		{Money, "-1 USD", "is negative"},
		{Money, "0.0000001 USD", "more decimals"},
		{Money, "9223372036854.775808 USD", "too large"},
		{Money, "99999999999999999999999999 USD", "too large"},
		{Money, "Unlimited", "cannot be read"},
		{Money, "unlimited USD", "cannot be read"},
		{Ratio, "30", "cannot be read"},
		{Ratio, "0.3", "cannot be read"},
		{Ratio, "30 %", "cannot be read"},
		{Ratio, "-30%", "is negative"},
		{Ratio, "0.00001%", "more decimals"},
		{Ratio, "922337203685478%", "too large"},
		{Count, "1.0", "cannot be read"},
		{Count, "-1", "is negative"},
		{Count, "ten", "cannot be read"},
		{Count, "9223372036854775808", "too large"},
		{Duration, "15", "cannot be read"},
		{Duration, "m", "cannot be read"},
		{Duration, "15min", "cannot be read"},
		{Duration, "1h30m", "cannot be read"},
		{Duration, "1.5h", "cannot be read"},
		{Duration, "106751991167301d", "too large"},
		{Flag, "on", "cannot be read"},
		{Flag, "1", "cannot be read"},
		{Flag, "unlimited", "cannot be read"},
		{0, "1", "not a type"},
	}
	for _, test := range tests {
		got, err := ParseValue(test.typ, test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ParseValue(%v, %q) = %+v, %v; want an error with %q", test.typ, test.text, got, err, test.want)
		}
	}
}

func TestValueString(t *testing.T) {
	for _, test := range []struct {
		value Value
		want  string
	}{
		{Value{Type: Money, Amount: 50_000_000, Currency: "USD"}, "50.00 USD"},
		{Value{Type: Money, Amount: 1_234_500, Currency: "USD"}, "1.2345 USD"},
		{Value{Type: Money, Amount: 1, Currency: "USD"}, "0.000001 USD"},
		{Value{Type: Money, Amount: -1_500_000, Currency: "USD"}, "-1.50 USD"},
		{Value{Type: Ratio, Amount: 300_000}, "30%"},
		{Value{Type: Ratio, Amount: 125_000}, "12.5%"},
		{Value{Type: Duration}, "0s"},
		{Value{Type: Duration, Amount: 86_400}, "1d"},
		{Value{Type: Duration, Amount: 90}, "90s"},
		{Value{Type: Flag, Amount: 1}, "yes"},
		{Value{Type: Count, Unlimited: true}, "unlimited"},
	} {
		if got := test.value.String(); got != test.want {
			t.Errorf("%#v is written %q, want %q", test.value, got, test.want)
		}
	}
}

// Every value can be written and read again.
func TestValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Value{Type: Type(rapid.IntRange(int(Money), int(Flag)).Draw(t, "type"))}
		switch {
		case want.Type == Flag:
			want.Amount = rapid.Int64Range(0, 1).Draw(t, "flag")
		case rapid.Bool().Draw(t, "unlimited"):
			want.Unlimited = true
		default:
			want.Amount = rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount")
			if want.Type == Money {
				want.Currency = "EUR"
			}
		}
		if got, err := ParseValue(want.Type, want.String()); err != nil || got != want {
			t.Fatalf("%#v is written %q and read as %#v, %v", want, want, got, err)
		}
	})
}

// FuzzParseValue compares what is accepted as money or a ratio with exact rational arithmetic.
func FuzzParseValue(f *testing.F) {
	for _, text := range []string{"50.00 USD", "0.000001 EUR", "9223372036854.775807 USD", "30%", "12.5%", "unlimited",
		"-1%", "1e9 USD", "00 USD", "922337203685477.5807%", "1/3%", "0x10 USD"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, typ := range []Type{Money, Ratio} {
			got, err := ParseValue(typ, text)
			if err != nil {
				if got != (Value{}) {
					t.Errorf("%q is refused and still gives %+v", text, got)
				}
				continue
			}
			if err := got.check(); err != nil {
				t.Errorf("%q gives a value that cannot be: %v", text, err)
			}
			if again, err := ParseValue(typ, got.String()); err != nil || again != got {
				t.Errorf("%q is written %q and read as %+v, %v", text, got, again, err)
			}
			if got.Unlimited {
				continue
			}
			number, unit := strings.TrimSuffix(text, "%"), int64(10_000)
			if typ == Money {
				number, unit = strings.TrimSuffix(text, " "+got.Currency), 1_000_000
			}
			want, ok := new(big.Rat).SetString(number)
			if !ok {
				t.Fatalf("%q is accepted, but %q is no number", text, number)
			}
			want.Mul(want, big.NewRat(unit, 1))
			if want.Cmp(new(big.Rat).SetInt64(got.Amount)) != 0 {
				t.Errorf("%q is %s and was read as %d", text, want, got.Amount)
			}
		}
	})
}
