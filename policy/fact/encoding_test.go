package fact

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func drawRecord(t *rapid.T) Record {
	instant := func(name string) time.Time {
		return time.UnixMicro(rapid.Int64Range(-1, 1<<53).Draw(t, name)).UTC()
	}
	text := rapid.StringN(0, 20, 60)
	record := Record{Entity: keyword, Name: "spend_today", Source: text.Draw(t, "source"), PutBy: text.Draw(t, "put by"), ObservedAt: instant("observed"),
		MaximumAge: time.Duration(rapid.Int64().Draw(t, "maximum age"))}
	record.Value = rapid.SampledFrom([]policy.Value{policy.MoneyValue(rapid.Int64().Draw(t, "micros"), "USD"), policy.RatioValue(rapid.Int64().Draw(t, "ppm")),
		policy.TextValue(text.Draw(t, "text")), policy.FlagValue(true), policy.FlagValue(false), policy.UnlimitedValue(), policy.AbsentValue(), {}}).Draw(t, "value")
	if rapid.Bool().Draw(t, "complete") {
		record.CompleteThrough = instant("complete through")
	}
	if rapid.Bool().Draw(t, "was put") {
		record.PutAt = instant("put")
	}
	return record
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		encoded := want.Encode()
		got, err := Decode(want.Entity, want.Name, encoded)
		if difference := cmp.Diff(want, got); err != nil || difference != "" {
			t.Fatalf("%v\n(-want +got):\n%s", err, difference)
		}
		cut := rapid.IntRange(0, len(encoded)-1).Draw(t, "cut")
		if got, err := Decode(want.Entity, want.Name, encoded[:cut]); err == nil {
			t.Errorf("%d of %d bytes are read as %v", cut, len(encoded), got)
		}
		if got, err := Decode(want.Entity, want.Name, append(encoded, 0)); err == nil {
			t.Errorf("with a byte more it is read as %v", got)
		}
	})
}

func FuzzDecode(f *testing.F) {
	record := spend(keyword, 5, time.Hour)
	f.Add(record.Encode())
	f.Add([]byte{format, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		record, err := Decode(keyword, "spend_today", encoded)
		if err != nil {
			return
		}
		again, err := Decode(keyword, "spend_today", record.Encode())
		if difference := cmp.Diff(record, again); err != nil || difference != "" {
			t.Errorf("%v\n%s", err, difference)
		}
	})
}
