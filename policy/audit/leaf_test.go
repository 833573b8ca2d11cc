package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sampleLeaf() Leaf {
	leaf, _, _ := decision(0, "sample")
	leaf.Sequence = 41
	return leaf
}

func encode(t testing.TB, leaf Leaf) []byte {
	t.Helper()
	encoded, err := leaf.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestLeafGolden(t *testing.T) {
	golden(t, "testdata/leaf.txt", string(encode(t, sampleLeaf())))
	odd := Leaf{Kind: "mode.set", Time: time.UnixMicro(0), Subject: "ops\n7:", Object: "ünïcode", Record: Sum(nil)}
	golden(t, "testdata/leaf_odd.txt", string(encode(t, odd)))
}

func drawLeaf(t *rapid.T) Leaf {
	text := rapid.StringN(0, 40, MaxWord).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	word := text.Filter(func(s string) bool { return s != "" })
	digest := func(name string, least int) Digest {
		content := rapid.SliceOfN(rapid.Byte(), least, 8).Draw(t, name)
		if len(content) == 0 {
			return Digest{}
		}
		return Sum(content)
	}
	return Leaf{
		Kind:         Kind(rapid.StringMatching(`[a-z][a-z0-9_.]{0,20}`).Draw(t, "kind")),
		Sequence:     rapid.Int64Range(0, MaxSize-1).Draw(t, "sequence"),
		Organisation: text.Draw(t, "organisation"),
		Platform:     text.Draw(t, "platform"),
		Account:      text.Draw(t, "account"),
		Time:         time.UnixMicro(rapid.Int64Range(0, maxMicros).Draw(t, "time")).UTC(),
		Subject:      word.Draw(t, "subject"),
		Object:       word.Draw(t, "object"),
		Record:       digest("record", 1),
		Input:        digest("input", 0),
	}
}

func TestLeafRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaf := drawLeaf(t)
		encoded, err := leaf.Encode()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeLeaf(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(leaf, decoded); diff != "" {
			t.Errorf("decoded is not what was encoded (-want +got):\n%s", diff)
		}
		// Different leaves never look the same.
		flip(encoded, rapid.IntRange(0, 8*len(encoded)-1).Draw(t, "bit"))
		if other, err := DecodeLeaf(encoded); err == nil && cmp.Equal(leaf, other) {
			t.Errorf("two encodings of one leaf; the second:\n%s", encoded)
		}
	})
}

func TestLeafRefused(t *testing.T) {
	for name, edit := range map[string]func(*Leaf){
		"no kind":               func(l *Leaf) { l.Kind = "" },
		"kind with a capital":   func(l *Leaf) { l.Kind = "Decision" },
		"kind with a break":     func(l *Leaf) { l.Kind = "decision\n" },
		"long kind":             func(l *Leaf) { l.Kind = Kind(strings.Repeat("k", MaxKind+1)) },
		"negative sequence":     func(l *Leaf) { l.Sequence = -1 },
		"sequence beyond a log": func(l *Leaf) { l.Sequence = MaxSize },
		"no time":               func(l *Leaf) { l.Time = time.Time{} },
		"nanoseconds":           func(l *Leaf) { l.Time = l.Time.Add(1) },
		"year 10000":            func(l *Leaf) { l.Time = time.UnixMicro(maxMicros + 1) },
		"no subject":            func(l *Leaf) { l.Subject = "" },
		"no object":             func(l *Leaf) { l.Object = "" },
		"no record":             func(l *Leaf) { l.Record = Digest{} },
		"long account":          func(l *Leaf) { l.Account = strings.Repeat("1", MaxWord+1) },
		"NUL in the platform":   func(l *Leaf) { l.Platform = "a\x00b" },
		"not UTF-8":             func(l *Leaf) { l.Organisation = "\xff" },
	} {
		leaf := sampleLeaf()
		edit(&leaf)
		if _, err := leaf.Encode(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", name, err)
		}
		if _, err := (Tree{}).Append(leaf); !errors.Is(err, ErrMalformed) && !strings.Contains(name, "sequence") {
			t.Errorf("append with %s: got %v, want ErrMalformed", name, err)
		}
	}
}

func TestDecodeLeafRefused(t *testing.T) {
	good := string(encode(t, sampleLeaf()))
	for _, each := range []struct{ name, old, new string }{
		{"another version", "leaf.v1", "leaf.v2"},
		{"no version", "bidrail.leaf.v1\n", ""},
		{"zero in front", "sequence 41", "sequence 041"},
		{"plus in front", "sequence 41", "sequence +41"},
		{"negative", "sequence 41", "sequence -41"},
		{"negative zero", "sequence 41", "sequence -0"},
		{"too large for a number", "sequence 41", "sequence 99999999999999999999"},
		{"no sequence", "sequence 41\n", ""},
		{"short length", "3:100", "2:100"},
		{"long length", "3:100", "4:100"},
		{"length beyond the end", "3:100", "9999:100"},
		{"negative length", "3:100", "-3:100"},
		{"length with a zero", "3:100", "03:100"},
		{"no length", "3:100", "100"},
		{"two spaces", "account 3", "account  3"},
		{"carriage return", "sequence 41\n", "sequence 41\r\n"},
		{"capital hex", "record sha256:", "record SHA256:"},
		{"capital digits", "sha256:5e", "sha256:5E"},
		{"long digest", "record sha256:", "record sha256:00"},
		{"no record", "record sha256:", "record -"},
		{"zero digest", "\ninput sha256:", "\ninput sha256:" + strings.Repeat("0", 64)},
		{"order", "kind 8:decision\nsequence 41\n", "sequence 41\nkind 8:decision\n"},
	} {
		text := strings.Replace(good, each.old, each.new, 1)
		if text == good {
			t.Fatalf("%s changes nothing", each.name)
		}
		if _, err := DecodeLeaf([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", each.name, err)
		}
	}
	for end := range len(good) {
		if _, err := DecodeLeaf([]byte(good[:end])); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut off at %d: got %v, want ErrMalformed", end, err)
		}
	}
	for _, more := range []string{"\n", " ", "input -\n", strings.Repeat("x", maxLeaf)} {
		if _, err := DecodeLeaf([]byte(good + more)); !errors.Is(err, ErrMalformed) {
			t.Errorf("with %.10q behind: got %v, want ErrMalformed", more, err)
		}
	}
}

func FuzzLeaf(f *testing.F) {
	f.Add(encode(f, sampleLeaf()))
	f.Add([]byte("bidrail.leaf.v1\nkind 1:a\nsequence 0\n"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		leaf, err := DecodeLeaf(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
			return
		}
		if again := encode(t, leaf); !bytes.Equal(again, encoded) {
			t.Errorf("accepted %q, which is written %q", encoded, again)
		}
	})
}
