package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// maxEvidence is how long JSON can be: two notes of full length, escaped, and their proofs.
const maxEvidence = 4 * maxNote

// member reads the value of one member of an object.
type member func(*json.Decoder) error

// into reads a value that must be there: null is none.
func into[T any](target *T) member {
	return func(decoder *json.Decoder) error {
		var value *T
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if value == nil {
			return fmt.Errorf("null is no value")
		}
		*target = *value
		return nil
	}
}

func exactly(want string) member {
	return func(decoder *json.Decoder) error {
		var got string
		if err := into(&got)(decoder); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%.80q is not %q; a newer version of this program may read it", got, want)
		}
		return nil
	}
}

// decodeObject reads one JSON object in which each of members is named exactly once, and nothing else. The standard
// decoder would take the last of two values, and names that differ in case: two readers could see two receipts.
func decodeObject(encoded []byte, members map[string]member) error {
	if len(encoded) > maxEvidence {
		return fmt.Errorf("%w: at most %d bytes are read, these are %d", ErrMalformed, maxEvidence, len(encoded))
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return fmt.Errorf("%w: expected a JSON object", ErrMalformed)
	}
	seen := make(map[string]bool, len(members))
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		name, _ := token.(string)
		read, known := members[name]
		if !known || seen[name] {
			return fmt.Errorf("%w: %.80q is not known, or there twice", ErrMalformed, name)
		}
		seen[name] = true
		if err := read(decoder); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
		}
	}
	for name := range members {
		if !seen[name] {
			return fmt.Errorf("%w: %s is missing", ErrMalformed, name)
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows its end", ErrMalformed)
	}
	return nil
}

func hashTexts(hashes []tlog.Hash) []string {
	texts := make([]string, len(hashes))
	for i, hash := range hashes {
		texts[i] = hash.String()
	}
	return texts
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	if len(texts) > maxProof {
		return nil, fmt.Errorf("%w: no proof has %d hashes", ErrMalformed, len(texts))
	}
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		var err error
		if hashes[i], err = parseHash(text); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}
