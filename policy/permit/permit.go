// Package permit is the life of a permit: the authority to make one decided change, or the changes of
// one atomic group, once and soon. Start with [Permit.Claim].
//
//	ISSUED  → CLAIMED    once, by whoever was allowed the change
//	        → FAILED     given back without use
//	        → EXPIRED    nobody claimed it in time
//	        → REVOKED    a mode was switched since it was given out
//	CLAIMED → APPLIED, PARTIAL, FAILED    as reported
//	        → UNKNOWN    as reported, or nothing was reported in time
//	UNKNOWN → APPLIED, PARTIAL, FAILED    once somebody has looked
//
// It is arithmetic on values: no clock, no storage, no signatures. Every step returns what is to be
// done with the holds behind the permit. What nobody knows stays held: an unknown outcome gives
// nothing back.
package permit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/mode"
)

// State is where a permit is in its life.
type State uint8

// The states, numbered as in the API.
const (
	None State = iota
	Issued
	Claimed
	Applied
	Partial
	Failed
	Unknown
	Expired
	Revoked

	stateEnd
)

var stateNames = [stateEnd]string{"NONE", "ISSUED", "CLAIMED", "APPLIED", "PARTIAL", "FAILED", "UNKNOWN", "EXPIRED", "REVOKED"}

// String returns the state's name.
func (s State) String() string {
	if s < stateEnd {
		return stateNames[s]
	}
	return fmt.Sprintf("STATE(%d)", uint8(s))
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(text []byte) error {
	at := slices.Index(stateNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("%w: no state of a permit is called %q", policy.ErrInvalid, text)
	}
	*s = State(at)
	return nil
}

// Final reports whether nothing follows the state.
func (s State) Final() bool { return s != Issued && s != Claimed && s != Unknown }

// Permit is the authority and what became of it. It is a record: every step returns another.
type Permit struct {
	ID         string    `json:"permit_id"`
	Automation string    `json:"automation"` // the subject it was given to; nobody else may use it
	Audience   []string  `json:"audience"`   // where it may be used: platform/account, each once
	Digest     string    `json:"digest"`     // of the change, or of the group
	GroupID    string    `json:"atomic_group_id,omitempty"`
	Redeems    string    `json:"redeems,omitempty"` // the approval or override that it was redeemed from; empty: it came with an ALLOW
	Legs       []Leg     `json:"legs"`
	Epoch      int64     `json:"epoch"` // of the modes it was given out under
	IssuedAt   time.Time `json:"issued_at"`
	ExpiresAt  time.Time `json:"expires_at"` // claimed before then, or never

	State     State     `json:"state"`
	Version   int64     `json:"version"` // 1 when it was issued, and one more with every step
	ChangedAt time.Time `json:"changed_at"`
	ChangedBy string    `json:"changed_by,omitempty"` // the subject behind the last step; empty: time

	ClaimID   string    `json:"claim_id,omitempty"`
	ClaimedAt time.Time `json:"claimed_at,omitzero"`
	ReportBy  time.Time `json:"report_by,omitzero"` // of a claimed one: unknown from then on
	Report    Report    `json:"report,omitzero"`
	Reason    string    `json:"reason,omitempty"` // why it was revoked
}

// Leg is one change that the permit is for.
type Leg struct {
	DecisionID   string           `json:"decision_id"` // the hold behind it has the same id
	ChangeID     string           `json:"change_id"`
	ChangeDigest string           `json:"change_digest"`
	Kind         policy.Kind      `json:"kind"`
	Target       policy.Target    `json:"target"`
	Before       policy.Value     `json:"before"`
	After        policy.Value     `json:"after"`
	Direction    policy.Direction `json:"direction"`
}

// Report is what the executor says became of the changes.
type Report struct {
	Outcome    State     `json:"outcome"`            // Applied, Partial, Failed or Unknown
	ClaimID    string    `json:"claim_id,omitempty"` // with it, the report is about that claim and no other
	Applied    []Part    `json:"applied,omitempty"`
	Reference  string    `json:"reference,omitempty"` // the platform's id of the change, or whatever helps to find it
	Note       string    `json:"note,omitempty"`
	ObservedAt time.Time `json:"observed_at,omitzero"`
}

// Part is what a field really has after a partial success.
type Part struct {
	ChangeID string       `json:"change_id"`
	Value    policy.Value `json:"value"`
}

// Bounds of what callers write into a permit, in bytes.
const (
	MaxClaimID = 128
	MaxText    = 1024
)

// Step is what follows from an event.
type Step struct {
	Permit  Permit       // as it is now
	Changed bool         // it is another than before, to be stored
	Holds   []Resolution // what is to be done with the holds; the others stay as they are
	Refusal error        // why what was asked for is not done; there may be a change all the same
}

// Resolution is the end of one hold.
type Resolution struct {
	Hold    string // its id, which is that of the decision
	Outcome Outcome
	Applied policy.Value // of Post
}

// Outcome is how a hold ends.
type Outcome uint8

// The ends of a hold.
const (
	Post Outcome = iota + 1
	Void
	Expire
)

// Issue makes a permit out of what the caller has filled in: everything down to ExpiresAt.
func Issue(p Permit) Permit {
	p.State, p.Version, p.ChangedAt, p.ChangedBy = Issued, 1, p.IssuedAt, p.Automation
	return p
}

// Claim uses the permit up. The claim id is the caller's, so that a claim whose answer got lost can be
// repeated: with the same id it says yes again for as long as nothing else has happened, with another
// it is refused. standing is over the scopes of all legs, as it is now: no claim is said yes to under
// another epoch than the permit's, not even again.
func (p Permit) Claim(claimID, subject string, standing mode.Standing, reportWithin time.Duration, now time.Time) Step {
	again := p.State == Claimed && p.ClaimID == claimID
	switch {
	case subject != p.Automation:
		return p.refuse(policy.ErrForbidden, "permit %s was given to another automation", p.ID)
	case claimID == "" || len(claimID) > MaxClaimID:
		return p.refuse(policy.ErrInvalid, "claim of permit %s: the claim id has %d bytes; choose one of 1 to %d", p.ID, len(claimID), MaxClaimID)
	case p.State == Issued && !now.Before(p.ExpiresAt):
		return p.expire(now).refuse(policy.ErrPrecondition, "permit %s expired at %s; ask again with a new change_id",
			p.ID, p.ExpiresAt.Format(time.RFC3339))
	case p.State == Claimed && !now.Before(p.ReportBy):
		step := p.step(Unknown, "", now)
		return step.refuse(policy.ErrPrecondition, "permit %s was claimed at %s and nothing was reported in time%s",
			p.ID, p.ClaimedAt.Format(time.RFC3339), step.Permit.advice())
	case p.State != Issued && !again:
		return p.refuse(policy.ErrPrecondition, "permit %s is %s since %s and cannot be claimed%s",
			p.ID, p.State, p.ChangedAt.Format(time.RFC3339), p.advice())
	}
	reason := p.withdrawn(standing)
	switch {
	case reason != "" && again: // whoever claimed it may have made the change: the holds stay
		return p.refuse(policy.ErrPrecondition, "permit %s was claimed, but since then %s; if the change was not made, report FAILED", p.ID, reason)
	case reason != "":
		return p.revoke(reason, now).refuse(policy.ErrPrecondition, "permit %s is revoked: %s; ask again with a new change_id", p.ID, reason)
	case again:
		return Step{Permit: p}
	}
	p.ClaimID, p.ClaimedAt, p.ReportBy = claimID, now, now.Add(reportWithin)
	return p.step(Claimed, subject, now)
}

// Recall takes back a permit that nobody has claimed and that the modes no longer let be used.
func (p Permit) Recall(standing mode.Standing, now time.Time) Step {
	reason := p.withdrawn(standing)
	if p.State != Issued || reason == "" {
		return Step{Permit: p}
	}
	return p.revoke(reason, now)
}

// withdrawn says why the modes no longer let the permit be used; "": they do.
func (p Permit) withdrawn(standing mode.Standing) string {
	if standing.Epoch != p.Epoch {
		return standing.Newest.String()
	}
	for _, leg := range p.Legs {
		if !standing.Admits(leg.Direction) { // no epoch without a switch: a second look at the same thing
			return standing.By.String()
		}
	}
	return ""
}

// Tell records what became of the changes. To say the same again changes nothing; to say something
// else of what is settled is refused. A permit that was not claimed can only be given back, and only
// before it expires.
func (p Permit) Tell(report Report, subject string, now time.Time) Step {
	if subject != p.Automation {
		return p.refuse(policy.ErrForbidden, "permit %s was given to another automation", p.ID)
	}
	return p.tell(report, subject, now)
}

// Reconcile is Tell for somebody who has looked on the platform, in place of the automation: it settles what is
// unknown, and nothing else.
func (p Permit) Reconcile(report Report, subject string, now time.Time) Step {
	if p.State != Unknown {
		return p.refuse(policy.ErrPrecondition, "permit %s is %s; as long as it is not UNKNOWN only its automation reports on it", p.ID, p.State)
	}
	return p.tell(report, subject, now)
}

func (p Permit) tell(report Report, subject string, now time.Time) Step {
	if err := p.check(report); err != nil {
		return Step{Permit: p, Refusal: err}
	}
	switch {
	case p.ClaimID != "" && report.ClaimID != "" && p.ClaimID != report.ClaimID:
		return p.refuse(policy.ErrPrecondition, "permit %s was claimed by another attempt, which reports on it", p.ID)
	case p.State == Issued && !now.Before(p.ExpiresAt): // as if time had been there first
		return p.expire(now).refuse(policy.ErrPrecondition, "permit %s expired at %s; there is nothing to report", p.ID, p.ExpiresAt.Format(time.RFC3339))
	case p.State == Issued && report.Outcome == Failed:
		p.Report = report
		return p.step(Failed, subject, now, p.all(Void)...)
	case p.State == Issued:
		return p.refuse(policy.ErrPrecondition, "permit %s was not claimed; claim it before the change is made", p.ID)
	case p.State == Unknown && report.Outcome == Unknown && p.Report.Outcome == None: // time said it first, and without a word
		p.Report = report
		return p.step(Unknown, subject, now)
	case p.State == report.Outcome && p.State == Partial && !sameParts(p.Report.Applied, report.Applied):
		return p.refuse(policy.ErrPrecondition, "permit %s was reported PARTIAL with other values; that stands", p.ID)
	case p.State == report.Outcome:
		return Step{Permit: p}
	case p.State.Final():
		return p.refuse(policy.ErrPrecondition, "permit %s is %s since %s; that stands", p.ID, p.State, p.ChangedAt.Format(time.RFC3339))
	}
	p.Report = report
	switch report.Outcome {
	case Applied:
		return p.step(Applied, subject, now, p.all(Post)...)
	case Partial:
		return p.step(Partial, subject, now, p.parts(report)...)
	case Failed:
		return p.step(Failed, subject, now, p.all(Void)...)
	default:
		return p.step(Unknown, subject, now)
	}
}

// Pass is what time alone does to the permit: one that nobody claimed expires, one that nobody
// reported on is unknown, and its holds stay.
func (p Permit) Pass(now time.Time) Step {
	switch {
	case p.State == Issued && !now.Before(p.ExpiresAt):
		return p.expire(now)
	case p.State == Claimed && !now.Before(p.ReportBy):
		return p.step(Unknown, "", now)
	}
	return Step{Permit: p}
}

// Revoke takes back a permit that nobody has claimed, since what it was redeemed from no longer holds. One that was claimed
// stays as it is.
func (p Permit) Revoke(by, reason string, now time.Time) Step {
	if p.State != Issued {
		return Step{Permit: p}
	}
	step := p.revoke(reason, now)
	step.Permit.ChangedBy = by
	return step
}

// Due is when time alone will change the permit; zero: never.
func (p Permit) Due() time.Time {
	switch p.State {
	case Issued:
		return p.ExpiresAt
	case Claimed:
		return p.ReportBy
	}
	return time.Time{}
}

// Leg returns the leg of a change.
func (p *Permit) Leg(changeID string) (Leg, bool) {
	at := slices.IndexFunc(p.Legs, func(leg Leg) bool { return leg.ChangeID == changeID })
	if at < 0 {
		return Leg{}, false
	}
	return p.Legs[at], true
}

func (p Permit) check(report Report) error {
	invalid := func(format string, arguments ...any) error {
		return fmt.Errorf("%w: report on permit %s: %s", policy.ErrInvalid, p.ID, fmt.Sprintf(format, arguments...))
	}
	switch report.Outcome {
	case Applied, Failed, Unknown:
		if len(report.Applied) > 0 {
			return invalid("values go with PARTIAL only")
		}
	case Partial:
		if len(report.Applied) == 0 {
			return invalid("PARTIAL says which value each changed field has now")
		}
	default:
		return invalid("the outcome is APPLIED, PARTIAL, FAILED or UNKNOWN, not %s", report.Outcome)
	}
	if len(report.ClaimID) > MaxClaimID {
		return invalid("the claim id has %d bytes, more than %d", len(report.ClaimID), MaxClaimID)
	}
	if len(report.Reference) > MaxText || len(report.Note) > MaxText {
		return invalid("reference and note have at most %d bytes each", MaxText)
	}
	whole := 0
	for i, part := range report.Applied {
		leg, found := p.Leg(part.ChangeID)
		if !found {
			return invalid("the permit is not for change %q", part.ChangeID)
		}
		if slices.ContainsFunc(report.Applied[:i], func(earlier Part) bool { return earlier.ChangeID == part.ChangeID }) {
			return invalid("change %q is there twice", part.ChangeID)
		}
		if part.Value.Form == policy.Missing {
			return invalid("which value has change %q?", part.ChangeID)
		}
		if part.Value == leg.Before {
			return invalid("change %q was not applied: leave it out", part.ChangeID)
		}
		if part.Value == leg.After {
			whole++
		}
	}
	if whole == len(p.Legs) {
		return invalid("every change was applied in full: report APPLIED")
	}
	return nil
}

func (p Permit) advice() string {
	switch p.State {
	case Claimed:
		return "; whoever claimed it makes the change"
	case Applied, Partial:
		return "; another change needs another change_id"
	case Unknown:
		return "; look at the platform, and report what became of the change"
	}
	return "; ask again with a new change_id"
}

// sameParts reports whether two reports say the same of every change, in whatever order.
func sameParts(a, b []Part) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(part Part) bool { return !slices.Contains(b, part) })
}

func (p Permit) refuse(kind error, format string, arguments ...any) Step {
	return Step{Permit: p}.refuse(kind, format, arguments...)
}

// refuse says no to whoever asked; what the step changes, it changes all the same.
func (s Step) refuse(kind error, format string, arguments ...any) Step {
	s.Refusal = fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, arguments...))
	return s
}

func (p Permit) expire(now time.Time) Step { return p.step(Expired, "", now, p.all(Expire)...) }

func (p Permit) revoke(reason string, now time.Time) Step {
	p.Reason = reason
	return p.step(Revoked, "", now, p.all(Void)...)
}

func (p Permit) step(to State, by string, now time.Time, holds ...Resolution) Step {
	p.State, p.ChangedBy, p.ChangedAt = to, by, now
	p.Version++
	return Step{Permit: p, Changed: true, Holds: holds}
}

// all ends every hold alike.
func (p Permit) all(outcome Outcome) []Resolution {
	holds := make([]Resolution, len(p.Legs))
	for i, leg := range p.Legs {
		holds[i] = Resolution{Hold: leg.DecisionID, Outcome: outcome}
		if outcome == Post {
			holds[i].Applied = leg.After
		}
	}
	return holds
}

// parts posts what was applied and voids what was not.
func (p Permit) parts(report Report) []Resolution {
	holds := p.all(Void)
	for i, leg := range p.Legs {
		at := slices.IndexFunc(report.Applied, func(part Part) bool { return part.ChangeID == leg.ChangeID })
		if at >= 0 {
			holds[i] = Resolution{Hold: leg.DecisionID, Outcome: Post, Applied: report.Applied[at].Value}
		}
	}
	return holds
}

// Encode is the stored form of the permit, which its leaves in the log stand for.
func (p Permit) Encode() ([]byte, error) { return json.Marshal(p) }

// Decode reads what [Permit.Encode] wrote.
func Decode(encoded []byte) (Permit, error) {
	var p Permit
	if err := json.Unmarshal(encoded, &p); err != nil {
		return Permit{}, fmt.Errorf("record of a permit: %w", err)
	}
	if p.State == None {
		return Permit{}, errors.New("record of a permit: it has no state")
	}
	return p, nil
}
