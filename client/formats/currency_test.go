package formats

import (
	"io/fs"
	"math"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/rego"
)

// The three units of each currency are those of the shipped policy: what is read here is what rules judge.
func TestUnitsAreThoseOfThePolicy(t *testing.T) {
	var currencies map[string]struct {
		Unit int64 `yaml:"unit_micros"`
	}
	var platforms map[string]struct {
		Units map[string]int64 `yaml:"unit_micros"`
	}
	for file, into := range map[string]any{"currencies/data.yaml": &currencies, "platforms/data.yaml": &platforms} {
		content, err := fs.ReadFile(rego.Files(), file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(content, into); err != nil {
			t.Fatal(err)
		}
	}
	if len(currencies) < 40 || len(platforms["meta"].Units) == 0 {
		t.Fatalf("%d currencies and %d units of Meta are too few", len(currencies), len(platforms["meta"].Units))
	}
	for code, want := range currencies {
		got, err := currencyOf(code)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if got.iso != want.Unit || got.google != want.Unit {
			t.Errorf("%s: ISO %d and Google %d, want %d", code, got.iso, got.google, want.Unit)
		}
		meta := want.Unit
		if own, there := platforms["meta"].Units[code]; there {
			meta = own
		}
		// KWD is not on Meta's page; it is read like the other currencies with three decimals.
		if got.meta != meta && code != "KWD" {
			t.Errorf("%s: Meta %d, want %d", code, got.meta, meta)
		}
	}
	for _, code := range []string{"", "usd", "XXX", "US", "BTC", "USDT"} {
		if got, err := currencyOf(code); err == nil {
			t.Errorf("%q has the units %v, want an error", code, got)
		}
	}
}

func TestExponentsAreKeptApart(t *testing.T) {
	for _, c := range []struct {
		code              string
		iso, google, meta int64
	}{
		{"USD", 10_000, 10_000, 10_000},
		{"JPY", 1_000_000, 1_000_000, 1_000_000},
		{"HUF", 10_000, 10_000, 1_000_000},
		{"TWD", 10_000, 10_000, 1_000_000},
		{"IDR", 10_000, 10_000, 1_000_000},
		{"BHD", 1_000, 1_000, 10_000},
		{"JOD", 1_000, 1_000, 10_000},
	} {
		if got, err := currencyOf(c.code); err != nil || got != (currency{c.iso, c.google, c.meta}) {
			t.Errorf("%s: %v %v, want %v", c.code, got, err, c)
		}
	}
	// 5,000 of each, as each platform writes it.
	for _, c := range []struct {
		form   form
		code   string
		number string
	}{
		{micros, "JPY", "5000000000"}, {micros, "USD", "5000000000"}, {decimal, "JPY", "5000"}, {decimal, "USD", "5000.00"}, {decimal, "BHD", "5000.000"},
		{minor, "USD", "500000"}, {minor, "JPY", "5000"}, {minor, "HUF", "5000"}, {minor, "BHD", "500000"},
	} {
		u, err := unitsOf(&Context{Currency: c.code})
		if err != nil {
			t.Fatal(err)
		}
		f := field{form: c.form}
		if got, err := f.amount(u, c.number); err != nil || got != 5_000_000_000 {
			t.Errorf("%s %s is read as %d %v", c.number, c.code, got, err)
		}
	}
}

func TestDecimals(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1_000_000, "12.50": 12_500_000, "33.51": 33_510_000, "0.000001": 1, "007": 7_000_000, "1.10000000": 1_100_000,
		"9223372036854.775807": math.MaxInt64, "55052500000": 55_052_500_000_000_000,
	} {
		if got, err := decimalMicros(text); err != nil || got != want {
			t.Errorf("%s is %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1e3", "1E3", "NaN", "Infinity", "0x10", "1,000", "1 ", "1.0000001", "9223372036854.775808",
		"99999999999999999999", "1.1.1", "१", "33.50999999",
	} {
		if got, err := decimalMicros(text); err == nil {
			t.Errorf("%q is read as %d, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(0, math.MaxInt64).Draw(t, "micros")
		if got, err := decimalMicros(writeDecimal(micros)); err != nil || got != micros {
			t.Fatalf("%d is written as %s and read as %d %v", micros, writeDecimal(micros), got, err)
		}
	})
}
