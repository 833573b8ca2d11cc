package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of a log at one time: so many leaves, and the root that fixes each of them.
type Checkpoint struct {
	Origin string // the name of the log and of its keys, such as "bidrail.example.com/log"
	Size   int64
	Root   tlog.Hash
	Time   time.Time // whole microseconds, in UTC; the operator's word
}

// Signed is a checkpoint together with the note that carries its signatures.
type Signed struct {
	Checkpoint
	Note []byte // as it was signed or read
}

// Empty is the checkpoint of a log without leaves, from which the first extension starts.
func Empty(origin string, at time.Time) Checkpoint {
	return Checkpoint{Origin: origin, Root: Tree{}.Root(), Time: at}
}

const (
	maxOrigin = 255
	maxNote   = 64 << 10 // room for many witnesses
	timeLine  = "time "
	// Six digits of a second, always: there is one way to write a time.
	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// Text is the body of the checkpoint's note, in the form of a C2SP tlog-checkpoint: origin, size, root in base64, each
// on a line, and the time as an extension line ("time 2026-01-15T12:00:00.000000Z").
func (c Checkpoint) Text() (string, error) {
	if err := c.valid(); err != nil {
		return "", err
	}
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n" +
		timeLine + c.Time.UTC().Format(timeLayout) + "\n", nil
}

func (c Checkpoint) valid() error {
	switch micros := c.Time.UnixMicro(); {
	case !validOrigin(c.Origin):
		return fmt.Errorf("%w: checkpoint: the origin %.80q is not a name without spaces and plus signs", ErrMalformed, c.Origin)
	case c.Size < 0 || c.Size > MaxSize:
		return fmt.Errorf("%w: checkpoint: no log has %d leaves", ErrMalformed, c.Size)
	case c.Size == 0 && c.Root != sha256.Sum256(nil):
		return fmt.Errorf("%w: checkpoint: this is not the root of a log without leaves", ErrMalformed)
	case micros < 0 || micros > maxMicros || c.Time.Nanosecond()%1000 != 0:
		return fmt.Errorf("%w: checkpoint: the time %s is not in whole microseconds between 1970 and 9999", ErrMalformed, c.Time)
	}
	return nil
}

// validOrigin is what can also be the name of a key.
func validOrigin(origin string) bool {
	return origin != "" && len(origin) <= maxOrigin && utf8.ValidString(origin) && !strings.Contains(origin, "+") &&
		strings.IndexFunc(origin, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) < 0
}

// ParseCheckpoint reads what [Checkpoint.Text] writes, and nothing else. What it returns is nobody's word yet;
// [OpenCheckpoint] reads signed ones.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 6)
	if len(lines) != 5 || lines[4] != "" {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: expected four lines: origin, size, root and time", ErrMalformed)
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: size: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: root: %w", err)
	}
	moment, found := strings.CutPrefix(lines[3], timeLine)
	at, err := time.Parse(timeLayout, moment)
	if !found || err != nil || at.Format(timeLayout) != moment {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: %.80q is not a time line", ErrMalformed, lines[3])
	}
	checkpoint := Checkpoint{Origin: lines[0], Size: size, Root: root, Time: at}
	if err := checkpoint.valid(); err != nil {
		return Checkpoint{}, err
	}
	return checkpoint, nil
}

// OpenCheckpoint reads a signed checkpoint and checks that one of keys signed it. The keys are those of one log, all
// under its origin as their name: the present one and any that it replaced. Signatures by others, such as witnesses,
// are left in the note and not looked at.
func OpenCheckpoint(signed []byte, keys ...note.Verifier) (Signed, error) {
	if len(signed) > maxNote {
		return Signed{}, fmt.Errorf("%w: checkpoint: a note has at most %d bytes, this one %d", ErrMalformed, maxNote, len(signed))
	}
	if len(keys) == 0 {
		return Signed{}, fmt.Errorf("%w: checkpoint: no key of the log was given to check it with", ErrSignature)
	}
	if err := canonicalSignatures(signed); err != nil {
		return Signed{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Signed{}, fmt.Errorf("checkpoint: %w: %w", signatureError(err), err)
	}
	checkpoint, err := ParseCheckpoint(opened.Text)
	if err != nil {
		return Signed{}, err
	}
	for _, key := range keys {
		// Otherwise somebody whose key is trusted for another log could speak for this one.
		if key.Name() != checkpoint.Origin {
			return Signed{}, fmt.Errorf("%w: checkpoint: it is of log %q, the key is that of %q", ErrSignature, checkpoint.Origin, key.Name())
		}
	}
	return Signed{Checkpoint: checkpoint, Note: bytes.Clone(signed)}, nil
}

func signatureError(err error) error {
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return ErrSignature
	}
	if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return ErrSignature
	}
	return ErrMalformed
}

// canonicalSignatures refuses signatures whose last character of base64 carries bits that decoding would drop: a note
// that was changed must never pass for the one that was signed.
func canonicalSignatures(signed []byte) error {
	_, block, _ := bytes.Cut(signed, []byte("\n\n"))
	for line := range bytes.Lines(block) {
		encoded := bytes.TrimSuffix(line[bytes.LastIndexByte(line, ' ')+1:], []byte("\n"))
		if _, err := strictBase64.DecodeString(string(encoded)); err != nil {
			return fmt.Errorf("%w: checkpoint: signature: %w", ErrMalformed, err)
		}
	}
	return nil
}

// strictBase64 accepts one way to write given bytes, but for line breaks.
var strictBase64 = base64.StdEncoding.Strict()

func parseBase64(text string) ([]byte, error) {
	content, err := strictBase64.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: %.60q is not base64", ErrMalformed, text)
	}
	return content, nil
}

func parseHash(text string) (hash tlog.Hash, err error) {
	content, err := parseBase64(text)
	if err == nil && len(content) != len(hash) {
		err = fmt.Errorf("%w: %.60q is not a hash", ErrMalformed, text)
	}
	copy(hash[:], content)
	return hash, err
}

// sign puts the checkpoint under the signer's name, which must be the log's.
func (c Checkpoint) sign(signer note.Signer) (Signed, error) {
	text, err := c.Text()
	if err != nil {
		return Signed{}, err
	}
	if signer.Name() != c.Origin {
		return Signed{}, fmt.Errorf("%w: the key of %q cannot sign for the log %q", ErrSignature, signer.Name(), c.Origin)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return Signed{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	return Signed{Checkpoint: c, Note: signed}, nil
}
