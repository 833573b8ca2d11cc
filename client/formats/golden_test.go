package formats

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// sample is one payload of testdata, with its context.
type sample struct {
	name    string
	format  Format
	payload []byte
	context []byte
}

func samples(t testing.TB) []sample {
	t.Helper()
	found, err := filepath.Glob("testdata/*.context.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("there are no samples: %v", err)
	}
	var all []sample
	for _, file := range found {
		each := sample{name: strings.TrimSuffix(filepath.Base(file), ".context.json")}
		for _, format := range Formats() {
			if strings.HasPrefix(each.name, string(format)) {
				each.format = format
			}
		}
		if each.context, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if each.payload, err = os.ReadFile("testdata/" + each.name + ".json"); err != nil {
			t.Fatal(err)
		}
		all = append(all, each)
	}
	return all
}

func (s sample) read(t testing.TB) *Payload {
	t.Helper()
	context, err := ParseContext(s.context)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	payload, err := Read(s.format, s.payload, context)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return payload
}

// TestGolden holds what payloads are read as against testdata/*.golden. UPDATE_GOLDEN=1 writes the files.
func TestGolden(t *testing.T) {
	for _, each := range samples(t) {
		t.Run(each.name, func(t *testing.T) {
			var out strings.Builder
			for _, operation := range each.read(t).Operations {
				fmt.Fprintf(&out, "%d %s\n", operation.Index, operation.Resource)
				for _, change := range operation.Changes {
					out.WriteString(line(change))
				}
			}
			file := "testdata/" + each.name + ".golden"
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("it is read otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

// line is a change for people who read a golden file.
func line(change *bidrailv1.Change) string {
	target := change.GetTarget()
	at := "never"
	if change.GetBeforeObservedAt() != nil {
		at = change.GetBeforeObservedAt().AsTime().Format("15:04")
	}
	text := fmt.Sprintf("  %s %s: %s -> %s, seen %s, by %s\n    %s %s of %s, campaign %q, ad group %q", change.GetChangeId(),
		strings.ToLower(strings.TrimPrefix(change.GetKind().String(), "KIND_")), said(change.GetBefore()), said(change.GetAfter()), at,
		strings.Join(change.GetFieldMask(), " "), target.GetEntityType(), target.GetEntityId(), target.GetAccount(), target.GetCampaign(), target.GetAdGroup())
	for _, more := range []struct{ what, is string }{{"group", change.GetAtomicGroupId()}, {"name", target.GetCampaignName()}} {
		if more.is != "" {
			text += fmt.Sprintf(", %s %q", more.what, more.is)
		}
	}
	if len(target.GetLabels()) > 0 || len(change.GetFacts()) > 0 {
		text += fmt.Sprintf(", labels %v, %d facts", target.GetLabels(), len(change.GetFacts()))
	}
	return text + "\n"
}

func said(value *bidrailv1.Value) string {
	switch held := value.GetValue().(type) {
	case *bidrailv1.Value_Money:
		return writeDecimal(held.Money.GetMicros()) + " " + held.Money.GetCurrency()
	case *bidrailv1.Value_RatioPpm:
		return "x" + writeDecimal(held.RatioPpm)
	case *bidrailv1.Value_Text:
		return held.Text
	case *bidrailv1.Value_Unlimited:
		return "unlimited"
	case *bidrailv1.Value_Absent:
		return "absent"
	default:
		return "?"
	}
}

// What is emitted reads as a subset: those operations, in their order, with the same changes.
func TestEmitIsASubset(t *testing.T) {
	for _, each := range samples(t) {
		t.Run(each.name, func(t *testing.T) {
			payload := each.read(t)
			context, err := ParseContext(each.context)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				keep := rapid.SliceOfN(rapid.Bool(), len(payload.Operations), len(payload.Operations)).Draw(t, "keep")
				emitted := payload.Emit(func(index int) bool { return keep[index] })
				if !slices.Contains(keep, true) {
					if emitted != nil {
						t.Fatalf("nothing is kept, and this is emitted: %s", emitted)
					}
					return
				}
				if !slices.Contains(keep, false) && !bytes.Equal(emitted, each.payload) {
					t.Fatalf("all is kept, and it is not as it was:\n%s", emitted)
				}
				read, err := Read(each.format, emitted, context)
				if err != nil {
					t.Fatalf("it cannot be read again: %v\n%s", err, emitted)
				}
				var want []*bidrailv1.Change
				for i, operation := range payload.Operations {
					if keep[i] {
						want = append(want, operation.Changes...)
					}
				}
				// Ids and groups have the place in the payload in them.
				places := protocmp.IgnoreFields(&bidrailv1.Change{}, "change_id", "atomic_group_id")
				if diff := cmp.Diff(want, read.Changes(), protocmp.Transform(), places); diff != "" {
					t.Fatalf("other changes (-kept +read):\n%s", diff)
				}
			})
		})
	}
}

// What is read and written again is read as the same changes: switches of strategies and budgets, dates and placements among them.
func TestSamplesComeBack(t *testing.T) {
	for _, each := range samples(t) {
		t.Run(each.name, func(t *testing.T) {
			read := each.read(t)
			context, err := ParseContext(each.context)
			if err != nil {
				t.Fatal(err)
			}
			written, err := Write(each.format, read.Changes(), context)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Read(each.format, written, context)
			if err != nil {
				t.Fatalf("%v\n%s", err, written)
			}
			order := func(a, b *bidrailv1.Change) bool {
				return a.GetAtomicGroupId()+a.GetKind().String() < b.GetAtomicGroupId()+b.GetKind().String()
			}
			if len(again.Operations) != len(read.Operations) {
				t.Fatalf("%d operations come back as %d:\n%s", len(read.Operations), len(again.Operations), written)
			}
			for i := range read.Operations {
				// The fields of an operation may stand in another order, and their numbers are in the ids.
				if diff := cmp.Diff(read.Operations[i].Changes, again.Operations[i].Changes, protocmp.Transform(), cmpopts.SortSlices(order),
					protocmp.IgnoreFields(&bidrailv1.Change{}, "change_id")); diff != "" {
					t.Errorf("operation %d (-read +again):\n%s\n%s", i, diff, written)
				}
			}
		})
	}
}

// The space around an operation is its own.
func TestEmitKeepsSpace(t *testing.T) {
	payload := " {\"keywords\" :[ {\"keywordId\":\"1\",\"bid\":1.0}\n,\t{\"keywordId\":\"2\", \"bid\":2} ,\n\n{\"keywordId\":\"3\",\"bid\":3}\r\n ] }\n"
	read, err := Read(AmazonSP, []byte(payload), &Context{Account: "1", Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	for keep, want := range map[string]string{
		"012": payload,
		"02":  " {\"keywords\" :[ {\"keywordId\":\"1\",\"bid\":1.0} ,\n\n{\"keywordId\":\"3\",\"bid\":3}\r\n ] }\n",
		"12":  " {\"keywords\" :[ {\"keywordId\":\"2\", \"bid\":2} ,\n\n{\"keywordId\":\"3\",\"bid\":3}\r\n ] }\n",
		"1":   " {\"keywords\" :[ {\"keywordId\":\"2\", \"bid\":2}\r\n ] }\n",
	} {
		if got := string(read.Emit(func(index int) bool { return strings.ContainsRune(keep, rune('0'+index)) })); got != want {
			t.Errorf("of %s this is emitted: %q, want %q", keep, got, want)
		}
	}
}

// What is not an operation is written back as it was.
func TestEmitKeepsTheRest(t *testing.T) {
	for _, each := range samples(t) {
		if each.name != "meta" {
			continue
		}
		emitted := string(each.read(t).Emit(func(index int) bool { return index == 1 || index == 4 }))
		want := `{"access_token": "kept as it is", "batch": [
  {"method": "POST", "relative_url": "238002", "body": "lifetime_budget=90000&end_time=2026-04-01T00%3A00%3A00-0800"},
  {"id": "238101", "status": "PAUSED", "name": "Spring"}
]}
`
		if diff := cmp.Diff(want, emitted); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// The same question again is a replay: the same ids. Another reading of what holds now is another question.
func TestChangeIDs(t *testing.T) {
	each := samples(t)[0]
	unnamed := bytes.Replace(each.context, []byte(`"run": "golden",`), nil, 1)
	unnamed = bytes.Replace(unnamed, []byte(`"run": "golden"`), []byte(`"channel": "search"`), 1)
	read := func(context []byte, payload []byte) string {
		parsed, err := ParseContext(context)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(each.format, payload, parsed)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, change := range got.Changes() {
			if ids[change.GetChangeId()] || len(change.GetChangeId()) > 128 {
				t.Errorf("the id %q is there twice, or too long", change.GetChangeId())
			}
			ids[change.GetChangeId()] = true
		}
		return got.Operations[0].Changes[0].GetChangeId()
	}
	first := read(unnamed, each.payload)
	if again := read(unnamed, each.payload); again != first {
		t.Errorf("asked again it is %s, want %s", again, first)
	}
	if other := read(unnamed, append(bytes.Clone(each.payload), '\n')); other == first {
		t.Errorf("another payload has the same id %s", other)
	}
	if other := read(bytes.Replace(unnamed, []byte("09:00"), []byte("09:01"), 1), each.payload); other == first {
		t.Errorf("another reading has the same id %s", other)
	}
}

// Changes of one operation land together, so they are one atomic group; others are not.
func TestGroups(t *testing.T) {
	for _, each := range samples(t) {
		for _, operation := range each.read(t).Operations {
			for _, change := range operation.Changes {
				if grouped := change.GetAtomicGroupId() != ""; grouped != (len(operation.Changes) > 1) {
					t.Errorf("%s: operation %d has %d changes and the group %q", each.name, operation.Index, len(operation.Changes), change.GetAtomicGroupId())
				}
				if change.GetAtomicGroupId() != operation.Changes[0].GetAtomicGroupId() {
					t.Errorf("%s: operation %d has two groups", each.name, operation.Index)
				}
			}
		}
	}
}

// FuzzRead: whatever is sent, Read ends without a panic, and what it reads can be emitted and read again.
func FuzzRead(f *testing.F) {
	for _, each := range samples(f) {
		f.Add(string(each.format), each.payload, each.context)
	}
	f.Fuzz(func(t *testing.T, name string, payload, described []byte) {
		format, err := Parse(name)
		if err != nil {
			return
		}
		context, err := ParseContext(described)
		if err != nil {
			return
		}
		context.Run = "fuzz"
		read, err := Read(format, payload, context)
		if err != nil {
			return
		}
		odd := read.Emit(func(index int) bool { return index%2 == 1 })
		if len(read.Operations) == 1 {
			if odd != nil {
				t.Fatalf("nothing is kept, and this is emitted: %s", odd)
			}
			return
		}
		again, err := Read(format, odd, context)
		if err != nil {
			t.Fatalf("what is emitted is refused: %v\n%s", err, odd)
		}
		if len(again.Operations) != len(read.Operations)/2 {
			t.Fatalf("%d operations are emitted of %d, want every second:\n%s", len(again.Operations), len(read.Operations), odd)
		}
		for i, operation := range again.Operations {
			for j, change := range operation.Changes {
				if kept := read.Operations[2*i+1].Changes[j]; !proto.Equal(change.GetAfter(), kept.GetAfter()) || change.GetKind() != kept.GetKind() {
					t.Fatalf("operation %d is emitted as another", 2*i+1)
				}
			}
		}
	})
}
