package approval

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Override breaks the glass: somebody lets one exact change through that rules block, at once and in their own name, and
// answers for it to somebody else afterwards. It lifts only what the rules themselves declare that it may, and it is over soon.
type Override struct {
	ID         string      `json:"override_id"`
	Automation string      `json:"automation"` // whose change it is
	ChangeID   string      `json:"change_id"`
	Digest     string      `json:"digest"` // of the change, or of the group
	Role       policy.Role `json:"role"`   // by which the actor may
	Actor      string      `json:"actor"`
	Reason     string      `json:"reason"`
	Ticket     string      `json:"ticket"`
	At         time.Time   `json:"at"`
	ExpiresAt  time.Time   `json:"expires_at"`
	ReviewDue  time.Time   `json:"review_due"`

	Version    int64     `json:"version"` // 1 when it was made, and one more with every step
	UsedAt     time.Time `json:"used_at,omitzero"`
	PermitID   string    `json:"permit_id,omitempty"` // what it was used for
	ReviewedAt time.Time `json:"reviewed_at,omitzero"`
	ReviewedBy string    `json:"reviewed_by,omitempty"`
	Justified  bool      `json:"justified,omitempty"` // what the reviewer found
	Finding    string    `json:"finding,omitempty"`
}

// LongestOverride is how long an override can be good for, and LatestReview how long afterwards somebody has to have
// looked at it.
const (
	LongestOverride = time.Hour
	LatestReview    = 3 * 24 * time.Hour
)

// Validate says what is wrong with an override that somebody asks for. The actor is as the credentials prove it, and
// needs the role for it, which comes with no other.
func (o *Override) Validate(actor policy.Principal, people People) error {
	invalid := func(format string, arguments ...any) error {
		return fmt.Errorf("%w: override %s: %s", policy.ErrInvalid, o.ID, fmt.Sprintf(format, arguments...))
	}
	actorPerson := people(o.Actor)
	switch {
	case o.Role == "" || actor.Subject != o.Actor || !actor.Has(o.Role):
		return fmt.Errorf("%w: override %s: %s has not the role that it takes", policy.ErrForbidden, o.ID, actor.Subject)
	case !actorPerson.Human || actorPerson.ID == "":
		return fmt.Errorf("%w: override %s: only people break the glass", policy.ErrForbidden, o.ID)
	case o.ID == "" || o.Automation == "" || o.ChangeID == "" || o.Digest == "":
		return invalid("it is for one exact change")
	case o.Reason == "" || o.Ticket == "" || len(o.Reason) > MaxText || len(o.Ticket) > MaxText:
		return invalid("say why, and in which ticket, in at most %d bytes each", MaxText)
	case !o.ExpiresAt.After(o.At) || o.ExpiresAt.Sub(o.At) > LongestOverride:
		return invalid("it is good for some time, at most %v", LongestOverride)
	case !o.ReviewDue.After(o.At) || o.ReviewDue.Sub(o.At) > LatestReview:
		return invalid("somebody looks at it afterwards, within %v", LatestReview)
	}
	return nil
}

// Lift uses the override up for a change that rules block. What rules want people for, it answers too; of what blocks, only
// where the rule declares that it may be overridden. The engine's own findings never are: overridable says no to them.
func (o Override) Lift(digest string, findings []policy.Finding, overridable func(rule string) bool, now time.Time) (Override, error) {
	refuse := func(format string, arguments ...any) (Override, error) {
		return o, fmt.Errorf("%w: override %s: %s", policy.ErrPrecondition, o.ID, fmt.Sprintf(format, arguments...))
	}
	switch {
	case digest != o.Digest:
		return refuse("it is for %s, not for %s", o.Digest, digest)
	case !o.UsedAt.IsZero():
		return refuse("it was used at %s; another takes another override", o.UsedAt.Format(time.RFC3339))
	case !now.Before(o.ExpiresAt):
		return refuse("it was good until %s", o.ExpiresAt.Format(time.RFC3339))
	}
	for _, finding := range findings {
		answered := finding.Shadow || finding.Effect == policy.Warn || finding.Effect == policy.Approve
		if !answered && !overridable(finding.Rule) {
			return refuse("%s does not let itself be overridden: %s", finding.Rule, cmp.Or(finding.Message, "it blocks"))
		}
	}
	o.UsedAt = now
	o.Version++
	return o, nil
}

// Review records what somebody else found afterwards. It is said once.
func (o Override) Review(by string, people People, justified bool, finding string, now time.Time) (Override, error) {
	reviewer := people(by)
	switch {
	case !reviewer.Human || reviewer.ID == "":
		return o, fmt.Errorf("%w: override %s: a person looks at it", policy.ErrForbidden, o.ID)
	case by == o.Actor || reviewer.ID == people(o.Actor).ID:
		return o, fmt.Errorf("%w: override %s: somebody else looks at it", policy.ErrForbidden, o.ID)
	case finding == "" || len(finding) > MaxText:
		return o, fmt.Errorf("%w: override %s: say what you found, in at most %d bytes", policy.ErrInvalid, o.ID, MaxText)
	case o.UsedAt.IsZero() && now.Before(o.ExpiresAt):
		return o, fmt.Errorf("%w: override %s was not used yet; look at it when it was, or when it can be no longer, at %s", policy.ErrPrecondition, o.ID, o.ExpiresAt.Format(time.RFC3339))
	case !o.ReviewedAt.IsZero():
		return o, fmt.Errorf("%w: override %s was reviewed at %s by %s; that stands", policy.ErrPrecondition, o.ID, o.ReviewedAt.Format(time.RFC3339), o.ReviewedBy)
	}
	o.ReviewedAt, o.ReviewedBy, o.Justified, o.Finding = now, by, justified, finding
	o.Version++
	return o, nil
}

// Encode is the stored form of the override.
func (o Override) Encode() ([]byte, error) { return json.Marshal(o) }

// DecodeOverride reads what [Override.Encode] wrote.
func DecodeOverride(encoded []byte) (Override, error) {
	return decode[Override](encoded, "an override")
}

// Overdue reports whether somebody should have looked at it by now. An override that was never used needs nobody to.
func (o *Override) Overdue(now time.Time) bool {
	return !o.UsedAt.IsZero() && o.ReviewedAt.IsZero() && !now.Before(o.ReviewDue)
}
