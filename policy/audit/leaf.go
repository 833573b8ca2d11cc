package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Kind says what happened, as a lower-case word: "decision".
type Kind string

// The kinds of leaf. Their records are what package store keeps.
const (
	// Decision is a verdict on one change; the object is the decision, the subject the automation that asked.
	Decision Kind = "decision"
	// Permit is one step of a permit after it was given out, which its decision says. The object is the permit and its
	// version, such as "permit_1#2"; the record is the permit as it was then; the subject is whoever took the step, or
	// "(time)" when nobody did.
	Permit Kind = "permit"
	// Mode is one switch of a scope's mode. The object is the scope and the epoch, such as "account/meta/100#17"; the
	// record is the setting, the subject whoever set it.
	Mode Kind = "mode"
	// Approval is one step of an approval, the first included; Review is what one person said of one, Suppression, Grant,
	// Override and Delegation are what people have said ahead of changes. The object is the id and the version, the record
	// the object as it was then, the subject whoever took the step, or "(time)" when nobody did.
	Approval    Kind = "approval"
	Review      Kind = "review"
	Suppression Kind = "suppression"
	Grant       Kind = "grant"
	Override    Kind = "override"
	Delegation  Kind = "delegation"
	// Experiment and Calendar are edits of what people keep beside the rules. The object is the entry and its version, such as
	// "spring#2"; the record is the entry, the subject whoever edited it. Contamination is a change that was allowed although it disturbs a
	// test; the object is the test and the number of the disturbance, the subject the automation.
	Experiment    Kind = "experiment"
	Calendar      Kind = "calendar"
	Contamination Kind = "contamination"
)

// How long, in bytes, the parts of a leaf can be.
const (
	MaxKind = 64
	MaxWord = 1024 // any other text; as much as the store can index
	maxLeaf = 8 << 10
)

// Leaf is one entry of the log: what happened, and the digest of the record that says so. It holds no content of the
// record, which can therefore be redacted without breaking the log.
type Leaf struct {
	Kind         Kind
	Sequence     int64 // its position in the log, from 0
	Organisation string
	Platform     string // together with Account: account ids are unique only within a platform
	Account      string
	Time         time.Time // whole microseconds, in UTC
	Subject      string    // who did it, as the credentials said
	Object       string    // the id of what the record is about
	Record       Digest    // of the record as it is stored
	Input        Digest    // of the document the rules saw; zero when they saw none
}

// Digest is a SHA-256. The zero Digest is none.
type Digest [sha256.Size]byte

// Sum is the digest of content.
func Sum(content []byte) Digest { return sha256.Sum256(content) }

// IsZero reports whether d is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

const digestMark = "sha256:"

// String writes the digest as sha256sum does, behind "sha256:".
func (d Digest) String() string { return digestMark + hex.EncodeToString(d[:]) }

// CheckRecord reports whether record is the one the leaf stands for: nil, or [ErrUnproven].
func (l Leaf) CheckRecord(record []byte) error { return l.check("record", l.Record, record) }

// CheckInput reports whether input is the document the rules saw: nil, or [ErrUnproven].
func (l Leaf) CheckInput(input []byte) error { return l.check("input", l.Input, input) }

func (l Leaf) check(name string, want Digest, content []byte) error {
	if got := Sum(content); got != want {
		if want.IsZero() {
			return fmt.Errorf("%w: %s %s was logged without %s, but one is there", ErrUnproven, l.Kind, l.Object, name)
		}
		return fmt.Errorf("%w: the %s of %s %s has the digest %s; logged was %s", ErrUnproven, name, l.Kind, l.Object, got, want)
	}
	return nil
}

// LeafHash is the hash of an encoded leaf in the tree.
func LeafHash(encoded []byte) tlog.Hash { return tlog.RecordHash(encoded) }

const leafMark = "bidrail.leaf.v1"

// The largest time that is still written with four digits for the year.
const maxMicros = 253402300799_999999

// Encode is the canonical form of the leaf, which is what the log hashes. Equal leaves have equal bytes and different
// leaves different ones. It is "bidrail.leaf.v1" and then, for each field in the order of [Leaf], its name, its value
// and a line break. Text is written with its length in bytes in front ("3:100"), numbers in decimal, the time in
// microseconds since 1970, digests as "sha256:" and lower-case hex, and none as "-".
func (l Leaf) Encode() ([]byte, error) {
	if err := l.valid(); err != nil {
		return nil, err
	}
	w := make([]byte, 0, 448)
	w = append(w, leafMark...)
	w = append(w, '\n')
	w = appendText(w, "kind", string(l.Kind))
	w = appendNumber(w, "sequence", l.Sequence)
	w = appendText(w, "organisation", l.Organisation)
	w = appendText(w, "platform", l.Platform)
	w = appendText(w, "account", l.Account)
	w = appendNumber(w, "time", l.Time.UnixMicro())
	w = appendText(w, "subject", l.Subject)
	w = appendText(w, "object", l.Object)
	w = appendDigest(w, "record", l.Record)
	return appendDigest(w, "input", l.Input), nil
}

func appendText(w []byte, name, text string) []byte {
	w = append(append(w, name...), ' ')
	w = append(strconv.AppendInt(w, int64(len(text)), 10), ':')
	return append(append(w, text...), '\n')
}

func appendNumber(w []byte, name string, number int64) []byte {
	w = append(append(w, name...), ' ')
	return append(strconv.AppendInt(w, number, 10), '\n')
}

func appendDigest(w []byte, name string, digest Digest) []byte {
	w = append(append(w, name...), ' ')
	if digest.IsZero() {
		return append(w, "-\n"...)
	}
	return append(hex.AppendEncode(append(w, digestMark...), digest[:]), '\n')
}

// DecodeLeaf reads what [Leaf.Encode] writes, and nothing else: whatever it accepts, Encode gives back byte for byte.
func DecodeLeaf(encoded []byte) (Leaf, error) {
	if len(encoded) > maxLeaf {
		return Leaf{}, fmt.Errorf("%w: a leaf has at most %d bytes, this one %d", ErrMalformed, maxLeaf, len(encoded))
	}
	r := leafReader{rest: string(encoded)}
	r.expect(leafMark + "\n")
	var l Leaf
	l.Kind = Kind(r.text("kind"))
	l.Sequence = r.number("sequence")
	l.Organisation = r.text("organisation")
	l.Platform = r.text("platform")
	l.Account = r.text("account")
	l.Time = time.UnixMicro(r.number("time")).UTC()
	l.Subject = r.text("subject")
	l.Object = r.text("object")
	l.Record = r.digest("record")
	l.Input = r.digest("input")
	if r.err == nil && len(r.rest) > 0 {
		r.fail("something follows its end")
	}
	if r.err == nil {
		r.err = l.valid()
	}
	if r.err != nil {
		return Leaf{}, r.err
	}
	return l, nil
}

// valid tells what would not survive encoding, or would name nothing.
func (l *Leaf) valid() error {
	switch micros := l.Time.UnixMicro(); {
	case !validKind(string(l.Kind)):
		return fmt.Errorf("%w: leaf: the kind %.80q is not a lower-case word", ErrMalformed, l.Kind)
	case l.Sequence < 0 || l.Sequence >= MaxSize:
		return fmt.Errorf("%w: leaf: no log has a position %d", ErrMalformed, l.Sequence)
	case micros < 0 || micros > maxMicros || l.Time.Nanosecond()%1000 != 0:
		return fmt.Errorf("%w: leaf: the time %s is not in whole microseconds between 1970 and 9999", ErrMalformed, l.Time)
	case l.Subject == "" || l.Object == "":
		return fmt.Errorf("%w: leaf: a subject and an object are needed", ErrMalformed)
	case l.Record.IsZero():
		return fmt.Errorf("%w: leaf: the digest of its record is needed", ErrMalformed)
	}
	words := [...]struct{ name, text string }{
		{"organisation", l.Organisation}, {"platform", l.Platform}, {"account", l.Account}, {"subject", l.Subject}, {"object", l.Object},
	}
	for _, word := range words {
		if len(word.text) > MaxWord || !utf8.ValidString(word.text) || strings.IndexByte(word.text, 0) >= 0 {
			return fmt.Errorf("%w: leaf: the %s is not text of at most %d bytes: %.80q", ErrMalformed, word.name, MaxWord, word.text)
		}
	}
	return nil
}

func validKind(kind string) bool {
	if len(kind) == 0 || len(kind) > MaxKind || kind[0] < 'a' || kind[0] > 'z' {
		return false
	}
	for i := range len(kind) {
		c := kind[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// leafReader reads a leaf from its front. After the first error it only returns zeros.
type leafReader struct {
	rest string
	err  error
}

func (r *leafReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: leaf: %s", ErrMalformed, what)
	}
}

func (r *leafReader) expect(text string) {
	rest, found := strings.CutPrefix(r.rest, text)
	if r.err == nil && !found {
		// A copy, so that text costs nothing where it is found.
		r.fail(fmt.Sprintf("expected %q at %.40q", strings.Clone(text), r.rest))
	}
	r.rest = rest
}

func (r *leafReader) until(end byte) string {
	at := strings.IndexByte(r.rest, end)
	if r.err != nil || at < 0 {
		r.fail("it ends too early")
		return ""
	}
	field := r.rest[:at]
	r.rest = r.rest[at+1:]
	return field
}

func (r *leafReader) number(name string) int64 {
	r.expect(name + " ")
	return r.decimal(name, r.until('\n'))
}

func (r *leafReader) decimal(name, digits string) int64 {
	number, err := parseDecimal(digits)
	if err != nil {
		r.fail(fmt.Sprintf("%s: %.40q is not a number", name, digits))
	}
	return number
}

func (r *leafReader) text(name string) string {
	r.expect(name + " ")
	length := r.decimal(name, r.until(':'))
	if r.err != nil || length > int64(len(r.rest)) {
		r.fail(name + " ends too early")
		return ""
	}
	text := r.rest[:length]
	r.rest = r.rest[length:]
	r.expect("\n")
	return text
}

func (r *leafReader) digest(name string) (digest Digest) {
	r.expect(name + " ")
	field := r.until('\n')
	if r.err != nil || field == "-" {
		return Digest{}
	}
	digits, found := strings.CutPrefix(field, digestMark)
	canonical := found && len(digits) == 2*len(digest) && !strings.ContainsAny(digits, "ABCDEF")
	if canonical {
		_, err := hex.Decode(digest[:], []byte(digits))
		canonical = err == nil && !digest.IsZero()
	}
	if !canonical {
		r.fail(fmt.Sprintf("%s: %.80q is not a digest", name, field))
		return Digest{}
	}
	return digest
}

// parseDecimal reads a number that is not negative, written in the only way there is.
func parseDecimal(digits string) (int64, error) {
	number, err := strconv.ParseInt(digits, 10, 64)
	// What begins with another digit, and no sign or zero, has no other way to be written.
	if err != nil || digits != "0" && (digits[0] < '1' || digits[0] > '9') {
		return 0, fmt.Errorf("%w: %.40q is not a decimal number", ErrMalformed, digits)
	}
	return number, nil
}
