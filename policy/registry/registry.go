// Package registry is what people keep beside the rules: tests and the calendar, entry by entry, each with every edit of it. What an entry
// says is read by the package of its kind ([Experiment], [Calendar]); here it is a text with a version. Start with [Entry].
package registry

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Kind is what an entry is about. It is also the kind of its events in the log.
type Kind string

// The kinds.
const (
	Experiment Kind = "experiment" // package policy/experiment reads it
	Calendar   Kind = "calendar"   // package policy/calendar reads it
)

// Entry is one version of an entry.
type Entry struct {
	Kind    Kind
	ID      string // unique within the kind
	Version int64  // the first is 1
	At      time.Time
	By      string // the authenticated subject that made it; of a safety stop, the automation
	Reason  string
	Removed bool
	Body    json.RawMessage // as the package of the kind writes it; of a removed entry, as it was
}

// maxReason is how long a reason may be, in bytes.
const maxReason = 4096

var entryID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,127}$`)

// Validate says what is wrong with an entry besides its body, as a policy.ErrInvalid.
func (e Entry) Validate() error {
	switch {
	case e.Kind != Experiment && e.Kind != Calendar:
		return fmt.Errorf("%w: an entry of the registry is an experiment or one of the calendar, not %q", policy.ErrInvalid, e.Kind)
	case !entryID.MatchString(e.ID):
		return fmt.Errorf("%w: the id is %.200q; write lower-case letters, digits, - and _, at most 128", policy.ErrInvalid, e.ID)
	case e.Version < 1 || e.By == "":
		return fmt.Errorf("%w: an entry is made by somebody, from version 1 on; not by %q as version %d", policy.ErrInvalid, e.By, e.Version)
	case len(e.Reason) > maxReason:
		return fmt.Errorf("%w: the reason has %d bytes; at most %d", policy.ErrInvalid, len(e.Reason), maxReason)
	case !json.Valid(e.Body):
		return fmt.Errorf("%w: the body of %s %s is not JSON", policy.ErrInvalid, e.Kind, e.ID)
	}
	return nil
}

type record struct {
	Kind    Kind            `json:"kind"`
	ID      string          `json:"id"`
	Version int64           `json:"version"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Reason  string          `json:"reason,omitempty"`
	Removed bool            `json:"removed,omitempty"`
	Body    json.RawMessage `json:"body"`
}

// Encode is the stored form of the entry, which its leaf in the log stands for.
func (e Entry) Encode() ([]byte, error) { return json.Marshal(record(e)) }

// Decode reads what [Entry.Encode] wrote.
func Decode(encoded []byte) (Entry, error) {
	var r record
	if err := json.Unmarshal(encoded, &r); err != nil {
		return Entry{}, fmt.Errorf("record of an entry of the registry: %w", err)
	}
	return Entry(r), nil
}
