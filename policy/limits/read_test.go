package limits

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadRevision(t *testing.T) {
	set, err := readRevision(t, "testdata/revision")
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 5 {
		t.Errorf("got %d entries, want 5", set.Len())
	}
	wantDefinition := Definition{Name: "bid.ceiling", Type: Money, Tighter: Lower, Kinds: []string{"bid", "default_bid"},
		About: "The highest bid that may be set.", Source: "two open-source gates ship 50 per click"}
	if diff := cmp.Diff(wantDefinition, set.Definitions()[1]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	target := testTarget
	target.Currency = "EUR"
	var got []string
	for _, held := range set.Resolve(nil, target) {
		got = append(got, held.Name+" "+held.Value.String()+" "+held.Source.String())
	}
	want := []string{
		"bid.budget_multiple 10 limits/data.yaml#defaults",
		"bid.ceiling 11.00 EUR limits/keywords.csv:3",
		"bid.step 30% limits/data.yaml#defaults",
		"integrity.baseline_age 15m limits/data.yaml#defaults",
		"state.protected yes limits/data.yaml#brand",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeNumbers(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string // the value or part of the error
	}{
		{7, "7"},
		{int64(7), "7"},
		{uint64(7), "7"},
		{json.Number("9007199254740993"), "9007199254740993"},
		{json.Number("1e3"), "cannot be read"},
		{json.Number("-1"), "is negative"},
		{float64(7), "not a whole number"},
		{true, "cannot be read as a count"},
	} {
		got, err := decodeValue(Count, test.value)
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, test.want) {
			t.Errorf("decoding %#v: got %q, want %q", test.value, text, test.want)
		}
	}
}

func TestDecodeNothing(t *testing.T) {
	var b Builder
	err := b.Decode(nil, "limits/data.yaml")
	want := "limits/data.yaml: is empty: write a mapping with definitions and entries"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestReadTableByteOrderMark(t *testing.T) {
	var b Builder
	if err := b.Define(Definition{Name: "bid.step", Type: Ratio}); err != nil {
		t.Fatal(err)
	}
	if err := b.ReadTable(strings.NewReader("\ufeffaccount,bid.step\r\n1,5%\r\n"), "steps.csv"); err != nil {
		t.Error(err)
	}
}

// A table that breaks off is an error, not a shorter table.
func TestReadTableBreaksOff(t *testing.T) {
	var b Builder
	if err := b.Define(Definition{Name: "bid.step", Type: Ratio}); err != nil {
		t.Fatal(err)
	}
	table := bytes.NewBufferString("account,bid.step\n1,5%\n")
	err := b.ReadTable(io.MultiReader(table, iotest.ErrReader(io.ErrUnexpectedEOF)), "steps.csv")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if _, err := b.Build(); err == nil {
		t.Error("got a set of half a table")
	}
}
