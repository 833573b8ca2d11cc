package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
)

// Event is something that happened to a record after it was made, such as a step of a permit. Events
// are written by the methods that change the records, each with its leaf in the log; nothing writes
// them alone.
type Event struct {
	Kind    audit.Kind // permit or mode
	Object  string     // what it happened to: the id of a permit, a scope
	Version int64      // the permit's, or the mode's epoch; an object has each version once
	At      time.Time  // in whole microseconds
	Subject string     // who did it; empty: time
	Record  []byte     // the object as it was then
}

// EventReader reads what happened.
type EventReader interface {
	// Events is what happened to one object, in order.
	Events(kind audit.Kind, object string) ([]Event, error)
	// CountEvents is how many events there are. It reads them all.
	CountEvents() (int64, error)
	// StrayPermits is the ids of a few permits that are not at the version their events have led to, none
	// if all is well. It reads them all.
	StrayPermits() ([]string, error)
}

// PermitEvent is the event of a permit's last step and what the log keeps of it, except for its sequence.
// It is for engines.
func PermitEvent(p permit.Permit) (Event, audit.Leaf, error) {
	record, err := p.Encode()
	if err != nil {
		return Event{}, audit.Leaf{}, fmt.Errorf("encode permit %s: %w", p.ID, err)
	}
	event := Event{Kind: audit.Permit, Object: p.ID, Version: p.Version, At: wholeMicroseconds(p.ChangedAt), Subject: p.ChangedBy, Record: record}
	leaf := event.leaf()
	if len(p.Legs) > 0 {
		leaf.Platform, leaf.Account = p.Legs[0].Target.Platform, p.Legs[0].Target.Account
	}
	return event, leaf, nil
}

// ModeEvent is the event of switching a mode and what the log keeps of it, except for its sequence. It is
// for engines.
func ModeEvent(s mode.Setting) (Event, audit.Leaf, error) {
	record, err := s.Encode()
	if err != nil {
		return Event{}, audit.Leaf{}, fmt.Errorf("encode the mode of %s: %w", s.Scope, err)
	}
	event := Event{Kind: audit.Mode, Object: s.Scope.String(), Version: s.Epoch, At: wholeMicroseconds(s.At), Subject: s.By, Record: record}
	leaf := event.leaf()
	leaf.Platform, leaf.Account, _ = s.Scope.AccountOf()
	return event, leaf, nil
}

// timeSubject stands for nobody in the log, where every leaf has a subject.
const timeSubject = "(time)"

func (e *Event) leaf() audit.Leaf {
	leaf := audit.Leaf{Kind: e.Kind, Time: e.At, Subject: e.Subject, Object: EventObject(e.Object, e.Version), Record: audit.Sum(e.Record)}
	if leaf.Subject == "" {
		leaf.Subject = timeSubject
	}
	return leaf
}

func wholeMicroseconds(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }

// EventObject is how a leaf names an object and its version: "permit_1#2". What is behind the last # is a
// decimal number, so no two are named alike.
func EventObject(object string, version int64) string {
	return object + "#" + strconv.FormatInt(version, 10)
}

// ParseEventObject is the inverse of [EventObject].
func ParseEventObject(text string) (object string, version int64, ok bool) {
	at := strings.LastIndexByte(text, '#')
	if at < 0 {
		return "", 0, false
	}
	version, err := strconv.ParseInt(text[at+1:], 10, 64)
	if object = text[:at]; err != nil || EventObject(object, version) != text {
		return "", 0, false
	}
	return object, version, true
}
