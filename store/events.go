package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/policy/registry"
)

// Event is something that happened to a record, such as a step of a permit. Events are written by the
// methods that change the records, each with its leaf in the log; nothing writes them alone. Only of a permit
// they begin after it was made, which its decision says.
type Event struct {
	Kind    audit.Kind // any but decision
	Object  string     // what it happened to: its id, or the scope of a mode
	Version int64      // of what it happened to, or the mode's epoch; an object has each version once
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
	// StrayApprovals is the same of approvals, reviews and exceptions, by kind and id: "approval apr_1". A review is stray too
	// when it is not found with the approval that it is of. It reads them all.
	StrayApprovals() ([]string, error)
}

// PermitEvent is the event of a permit's last step and what the log keeps of it, except for its sequence.
// It is for engines.
func PermitEvent(p permit.Permit) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Permit, p.ID, p.Version, p.ChangedAt, p.ChangedBy, p.Encode)
	leaf := event.leaf()
	if len(p.Legs) > 0 {
		leaf.Platform, leaf.Account = p.Legs[0].Target.Platform, p.Legs[0].Target.Account
	}
	return event, leaf, err
}

// ModeEvent is the event of switching a mode and what the log keeps of it, except for its sequence. It is
// for engines.
func ModeEvent(s mode.Setting) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Mode, s.Scope.String(), s.Epoch, s.At, s.By, s.Encode)
	leaf := event.leaf()
	leaf.Platform, leaf.Account, _ = s.Scope.AccountOf()
	return event, leaf, err
}

// RegistryEvent is the event of an edit of the registry and what the log keeps of it, except for its sequence. It is for engines.
func RegistryEvent(e registry.Entry) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Kind(e.Kind), e.ID, e.Version, e.At, e.By, e.Encode)
	return event, event.leaf(), err
}

// ContaminationEvent is the event of a contamination, whose version is its number, and what the log keeps of it, except for its
// sequence. It is for engines.
func ContaminationEvent(c experiment.Contamination) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Contamination, c.Experiment, c.Number, c.At, c.Automation, c.Encode)
	leaf := event.leaf()
	leaf.Platform, leaf.Account = c.Target.Platform, c.Target.Account
	return event, leaf, err
}

// StepEvent is the event of an approval's last step, which may be its first, and what the log keeps of it, except for its
// sequence. It is for engines, as are the next.
func StepEvent(a approval.Approval) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Approval, a.ID, a.Version, a.ChangedAt, a.ChangedBy, a.Encode)
	leaf := event.leaf()
	if len(a.Legs) > 0 {
		leaf.Platform, leaf.Account = a.Legs[0].Target.Platform, a.Legs[0].Target.Account
	}
	return event, leaf, err
}

// ReviewEvent is the event of a review, which is its only version, and its leaf.
func ReviewEvent(r approval.Review) (Event, audit.Leaf, error) {
	event, err := eventOf(audit.Review, r.ID, 1, r.At, r.Reviewer, r.Encode)
	return event, event.leaf(), err
}

// SuppressionEvent is the event of a suppression that was made or cleared, and its leaf. Nobody makes one: it follows from a
// rejection.
func SuppressionEvent(s approval.Suppression) (Event, audit.Leaf, error) {
	at, subject := s.At, ""
	if !s.ClearedAt.IsZero() {
		at, subject = s.ClearedAt, s.ClearedBy
	}
	event, err := eventOf(audit.Suppression, s.ID, s.Version, at, subject, s.Encode)
	leaf := event.leaf()
	leaf.Platform, leaf.Account = s.Target.Platform, s.Target.Account
	return event, leaf, err
}

// GrantEvent is the event of a grant that was made, used or revoked, and its leaf. The people who have agreed to one are on
// its approval, and when it is used is not on its record: that is now.
func GrantEvent(g approval.Grant, now time.Time) (Event, audit.Leaf, error) {
	at, subject := now, ""
	switch {
	case !g.RevokedAt.IsZero():
		at, subject = g.RevokedAt, g.RevokedBy
	case g.Version > 1:
		subject = g.Automation
	}
	event, err := eventOf(audit.Grant, g.ID, g.Version, at, subject, g.Encode)
	leaf := event.leaf()
	leaf.Platform, leaf.Account, _ = g.Scope.AccountOf()
	return event, leaf, err
}

// OverrideEvent is the event of an override that was made, used or reviewed, whichever came last, and its leaf.
func OverrideEvent(o approval.Override) (Event, audit.Leaf, error) {
	at, subject := o.At, o.Actor
	if !o.UsedAt.IsZero() {
		at, subject = o.UsedAt, o.Automation
	}
	if !o.ReviewedAt.IsZero() && !o.ReviewedAt.Before(o.UsedAt) {
		at, subject = o.ReviewedAt, o.ReviewedBy
	}
	event, err := eventOf(audit.Override, o.ID, o.Version, at, subject, o.Encode)
	return event, event.leaf(), err
}

// DelegationEvent is the event of a delegation that was made or ended, and its leaf.
func DelegationEvent(d approval.Delegation) (Event, audit.Leaf, error) {
	at, subject := d.CreatedAt, d.CreatedBy
	if !d.EndedAt.IsZero() {
		at, subject = d.EndedAt, d.EndedBy
	}
	event, err := eventOf(audit.Delegation, d.ID, d.Version, at, subject, d.Encode)
	return event, event.leaf(), err
}

func eventOf(kind audit.Kind, object string, version int64, at time.Time, subject string, encode func() ([]byte, error)) (Event, error) {
	record, err := encode()
	if err != nil {
		return Event{}, fmt.Errorf("encode %s %s: %w", kind, object, err)
	}
	return Event{Kind: kind, Object: object, Version: version, At: wholeMicroseconds(at), Subject: subject, Record: record}, nil
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
