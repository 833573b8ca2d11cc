package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func TestCheckpointGolden(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	signed := new(book).grow(t, 10, "x").signed(t, 10, signer)
	golden(t, "testdata/checkpoint.txt", string(signed.Note))
	opened, err := OpenCheckpoint(signed.Note, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Checkpoint != signed.Checkpoint || !bytes.Equal(opened.Note, signed.Note) {
		t.Errorf("got %+v, want %+v", opened, signed)
	}
}

const goodText = origin + "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\ntime 2026-01-15T12:00:00.000000Z\n"

func TestParseCheckpoint(t *testing.T) {
	checkpoint, err := ParseCheckpoint(goodText)
	if err != nil {
		t.Fatal(err)
	}
	if checkpoint.Origin != origin || checkpoint.Size != 1 || !checkpoint.Time.Equal(noon) {
		t.Errorf("got %+v", checkpoint)
	}
	for _, each := range []struct{ name, old, new string }{
		{"no origin", origin, ""},
		{"plus in the origin", origin, "a+b"},
		{"space in the origin", origin, "a b"},
		{"control character in the origin", origin, "a\x7fb"},
		{"long origin", origin, strings.Repeat("o", maxOrigin+1)},
		{"not UTF-8", origin, "\xff"},
		{"zero in front", "\n1\n", "\n01\n"},
		{"plus in front", "\n1\n", "\n+1\n"},
		{"negative", "\n1\n", "\n-1\n"},
		{"no size", "\n1\n", "\n\n"},
		{"enormous", "\n1\n", "\n281474976710657\n"},
		{"more than a number", "\n1\n", "\n99999999999999999999\n"},
		{"wrong root of no leaves", "\n1\n", "\n0\n"},
		{"short root", "CsUY", ""},
		{"root without padding", "q2I=", "q2I"},
		{"root with spare bits", "q2I=", "q2J="},
		{"URL base64", "m/X", "m_X"},
		{"no time line", "time 2026-01-15T12:00:00.000000Z\n", ""},
		{"no time", "time 2026", "2026"},
		{"short fraction", ".000000Z", ".000Z"},
		{"no fraction", ".000000Z", "Z"},
		{"comma", ".000000Z", ",000000Z"},
		{"other zone", ".000000Z", ".000000+01:00"},
		{"nanoseconds", ".000000Z", ".000000001Z"},
		{"no such day", "01-15", "02-30"},
		{"before 1970", "time 2026", "time 1969"},
		{"no last break", "Z\n", "Z"},
		{"another line", "Z\n", "Z\nmore\n"},
		{"an empty line", "Z\n", "Z\n\n"},
		{"carriage return", "\n1\n", "\r\n1\n"},
	} {
		text := strings.Replace(goodText, each.old, each.new, 1)
		if text == goodText {
			t.Fatalf("%s changes nothing", each.name)
		}
		if _, err := ParseCheckpoint(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", each.name, err)
		}
	}
}

func TestOpenCheckpoint(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	newSigner, newVerifier := key(t, origin, 2)
	witness, witnessVerifier := key(t, "witness.example.com", 3)
	other, otherVerifier := key(t, "other.example.com/log", 4)
	b := new(book).grow(t, 10, "x")
	signed := b.signed(t, 10, signer)

	resign := func(by ...note.Signer) []byte {
		opened, err := note.Open(signed.Note, note.VerifierList(verifier))
		if err != nil {
			t.Fatal(err)
		}
		again, err := note.Sign(opened, by...)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	anew := func(text string, by note.Signer) []byte {
		again, err := note.Sign(&note.Note{Text: text}, by)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	text, err := signed.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []struct {
		name string
		note []byte
		keys []note.Verifier
		want error
	}{
		{"its key", signed.Note, []note.Verifier{verifier}, nil},
		{"old and new key", signed.Note, []note.Verifier{newVerifier, verifier}, nil},
		{"two signatures, either key", resign(newSigner), []note.Verifier{newVerifier}, nil},
		{"with a witness", resign(witness), []note.Verifier{verifier}, nil},
		{"new key only", signed.Note, []note.Verifier{newVerifier}, ErrSignature},
		{"witness only", resign(witness), []note.Verifier{witnessVerifier}, ErrSignature},
		{"no key", signed.Note, nil, ErrSignature},
		{"another log's key", signed.Note, []note.Verifier{otherVerifier}, ErrSignature},
		{"signed by another log", anew(text, other), []note.Verifier{otherVerifier}, ErrSignature},
		{"signed by another log, both known", anew(text, other), []note.Verifier{verifier, otherVerifier}, ErrSignature},
		{"not signed", []byte(text), []note.Verifier{verifier}, ErrMalformed},
		{"no signature behind the line", []byte(text + "\n"), []note.Verifier{verifier}, ErrMalformed},
		{"of another text", bytes.Replace(signed.Note, []byte("\n10\n"), []byte("\n11\n"), 1), []note.Verifier{verifier}, ErrSignature},
		{"no checkpoint", anew("hello\n", signer), []note.Verifier{verifier}, ErrMalformed},
		{"another line, signed", anew(text+"more\n", signer), []note.Verifier{verifier}, ErrMalformed},
		{"too long", append(bytes.Clone(signed.Note), make([]byte, maxNote)...), []note.Verifier{verifier}, ErrMalformed},
		{"empty", nil, []note.Verifier{verifier}, ErrMalformed},
	} {
		got, err := OpenCheckpoint(each.note, each.keys...)
		if !errors.Is(err, each.want) {
			t.Errorf("%s: got %v, want %v", each.name, err, each.want)
		}
		if err == nil && got.Checkpoint != signed.Checkpoint {
			t.Errorf("%s: got %+v, want %+v", each.name, got.Checkpoint, signed.Checkpoint)
		}
	}
	for bit := range 8 * len(signed.Note) {
		changed := bytes.Clone(signed.Note)
		flip(changed, bit)
		if _, err := OpenCheckpoint(changed, verifier); err == nil {
			t.Errorf("accepted with bit %d changed:\n%s", bit, changed)
		}
	}
}

func TestSignRefused(t *testing.T) {
	signer, _ := key(t, origin, 1)
	good := new(book).grow(t, 3, "x").checkpoint(t, 3)
	for name, edit := range map[string]func(*Checkpoint){
		"another log": func(c *Checkpoint) { c.Origin = "other.example.com/log" },
		"no origin":   func(c *Checkpoint) { c.Origin = "" },
		"no time":     func(c *Checkpoint) { c.Time = time.Time{} },
		"nanoseconds": func(c *Checkpoint) { c.Time = c.Time.Add(1) },
		"size":        func(c *Checkpoint) { c.Size = -1 },
	} {
		checkpoint := good
		edit(&checkpoint)
		if _, err := checkpoint.sign(signer); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	_, verifier := key(f, origin, 1)
	signer, _ := key(f, origin, 1)
	f.Add(string(new(book).grow(f, 10, "x").signed(f, 10, signer).Note))
	f.Add(goodText)
	f.Fuzz(func(t *testing.T, text string) {
		if opened, err := OpenCheckpoint([]byte(text), verifier); err == nil {
			body, err := opened.Text()
			if err != nil || !strings.HasPrefix(text, body+"\n") {
				t.Errorf("opened %q, which is written %q, %v", text, body, err)
			}
		} else if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) {
			t.Errorf("got %v, want ErrMalformed or ErrSignature", err)
		}
		checkpoint, err := ParseCheckpoint(text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
			return
		}
		if again, err := checkpoint.Text(); err != nil || again != text {
			t.Errorf("accepted %q, which is written %q, %v", text, again, err)
		}
	})
}
