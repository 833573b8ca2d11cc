package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Kind is what a review says.
type Kind uint8

// The kinds of review, numbered as in the API.
const (
	KindNone Kind = iota
	Approve
	Reject
	RequestChanges // no, but something like it: the proposer is to send another change
	Comment        // counts for nothing
	Retract        // what the reviewer has said before no longer counts

	kindEnd
)

var kindNames = [kindEnd]string{"NONE", "APPROVE", "REJECT", "REQUEST_CHANGES", "COMMENT", "RETRACT"}

// String returns the kind's name.
func (k Kind) String() string {
	if k < kindEnd {
		return kindNames[k]
	}
	return fmt.Sprintf("KIND(%d)", uint8(k))
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	at := slices.Index(kindNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("%w: no kind of review is called %q", policy.ErrInvalid, text)
	}
	*k = Kind(at)
	return nil
}

// Review is what one person says of an approval, as it is kept. It is never changed; a newer one of the same person
// takes its place.
type Review struct {
	ID         string `json:"review_id"`
	ApprovalID string `json:"approval_id"`
	Reviewer   string `json:"reviewer"`      // the subject of the credentials
	For        string `json:"for,omitempty"` // the subject that lent the reviewer its groups

	Kind               Kind         `json:"kind"`
	Cap                policy.Value `json:"cap,omitzero"` // of APPROVE: up to this value; Missing: all of it
	Reason             string       `json:"reason,omitempty"`
	Digest             string       `json:"digest"` // what the reviewer saw
	RequirementVersion int64        `json:"requirement_version"`
	Stage              string       `json:"stage"`
	Nonce              string       `json:"nonce"` // the reviewer's own, so that a review can be sent again
	Channel            string       `json:"channel,omitempty"`
	FirstSeenAt        time.Time    `json:"first_seen_at,omitzero"` // when the reviewer was shown it, as their program says

	// Filled in when the review is accepted, whatever the caller says.
	Person string    `json:"person"` // who the reviewer is
	Groups []string  `json:"groups,omitempty"`
	At     time.Time `json:"at"`
}

// Bounds of what callers write into an approval, in bytes.
const (
	MaxNonce = 128
	MaxText  = 1024
)

// check says what is wrong with a review whatever the state of things.
func (r *Review) check(a *Approval) error {
	invalid := func(format string, arguments ...any) error {
		return fmt.Errorf("%w: review of approval %s: %s", policy.ErrInvalid, a.ID, fmt.Sprintf(format, arguments...))
	}
	switch {
	case r.ID == "" || r.Reviewer == "" || r.ApprovalID != a.ID:
		return invalid("it has no id or no reviewer, or is of another approval")
	case r.Kind == KindNone || r.Kind >= kindEnd:
		return invalid("its kind is APPROVE, REJECT, REQUEST_CHANGES, COMMENT or RETRACT, not %s", r.Kind)
	case r.Nonce == "" || len(r.Nonce) > MaxNonce:
		return invalid("the nonce has %d bytes; choose one of 1 to %d", len(r.Nonce), MaxNonce)
	case max(len(r.Digest), len(r.Stage), len(r.For), len(r.Channel)) > MaxText:
		return invalid("digest, stage, channel and whose place it is in have at most %d bytes each", MaxText)
	case len(r.Reason) > MaxText:
		return invalid("the reason has %d bytes, more than %d", len(r.Reason), MaxText)
	case r.Cap.Form != policy.Missing && r.Kind != Approve:
		return invalid("a cap goes with APPROVE only")
	case r.Reason == "" && (r.Kind == Reject || r.Kind == RequestChanges || r.Kind == Comment || r.Cap.Form != policy.Missing):
		return invalid("say why; whoever proposed it will read that")
	}
	if r.Cap.Form != policy.Missing {
		return a.checkCap(r.Cap)
	}
	return nil
}

// Dwell is how long the reviewer had the page before them, if that is known. It is only for reports: it goes by what the
// reviewer's program says.
func (r *Review) Dwell() (time.Duration, bool) {
	if r.FirstSeenAt.IsZero() || r.FirstSeenAt.After(r.At) {
		return 0, false
	}
	return r.At.Sub(r.FirstSeenAt), true
}

// Encode is the stored form of the review.
func (r Review) Encode() ([]byte, error) { return json.Marshal(r) }

// DecodeReview reads what [Review.Encode] wrote.
func DecodeReview(encoded []byte) (Review, error) { return decode[Review](encoded, "a review") }

// same reports whether two reviews say the same, whenever and under whatever id. When the page was shown is not a part of it: a
// program that sends a review again may not know.
func (r *Review) same(other *Review) bool {
	return r.Reviewer == other.Reviewer && r.For == other.For && r.Kind == other.Kind && r.Cap == other.Cap && r.Reason == other.Reason &&
		r.Digest == other.Digest && r.RequirementVersion == other.RequirementVersion && r.Stage == other.Stage
}

// Reason is why something is refused, as the API names it.
type Reason string

// The reasons.
const (
	StaleDigest     Reason = "STALE_DIGEST"     // it is about another change than this
	StaleVersion    Reason = "STALE_VERSION"    // rules have asked for more since
	WrongStage      Reason = "WRONG_STAGE"      // another stage is open
	SelfApproval    Reason = "SELF_APPROVAL"    // the reviewer has a stake in the change
	AlreadyReviewed Reason = "ALREADY_REVIEWED" // the reviewer was counted in another stage
	NotEligible     Reason = "NOT_ELIGIBLE"     // nobody has asked the reviewer
	NotPending      Reason = "NOT_PENDING"      // people have agreed already
	NotApproved     Reason = "NOT_APPROVED"     // people have not agreed
	Ended           Reason = "ENDED"            // what has become of it is final
	TimedOut        Reason = "TIMED_OUT"        // it comes too late
	NoCap           Reason = "NO_CAP"           // the change cannot be made in part
	CapUnjudged     Reason = "CAP_UNJUDGED"     // ask the rules of the capped value first
	CapRefused      Reason = "CAP_REFUSED"      // the rules are against the capped value
	OutOfBounds     Reason = "OUT_OF_BOUNDS"    // more is asked for than was agreed to
	PermitOut       Reason = "PERMIT_OUT"       // there is a permit, and there is only one at a time
	NoPermit        Reason = "NO_PERMIT"        // that permit is not out
	NotCovered      Reason = "NOT_COVERED"      // the rules say what no reviewer has seen
)

// RefusedError says why something is not done. It is a [policy.ErrPrecondition].
type RefusedError struct {
	Reason  Reason
	Message string
}

// Error says what does not fit, and what to do.
func (e *RefusedError) Error() string { return e.Message }

// Unwrap makes every RefusedError a policy.ErrPrecondition.
func (e *RefusedError) Unwrap() error { return policy.ErrPrecondition }

func refused(reason Reason, format string, arguments ...any) error {
	return &RefusedError{reason, fmt.Sprintf(format, arguments...)}
}

// MayReview says why somebody cannot review what the approval asks now; nil: they can. lender is in whose place; "": their own.
func (a *Approval) MayReview(reviewer, lender string, kind Kind, known Known, now time.Time) error {
	if ends := a.ends(); a.State == Pending && !now.Before(ends) {
		return refused(TimedOut, "approval %s ended at %s", a.ID, ends.Format(time.RFC3339))
	}
	escalated := a.escalate(now)
	_, err := escalated.admit(Review{ApprovalID: a.ID, Reviewer: reviewer, For: lender, Kind: kind, Digest: a.Digest,
		RequirementVersion: a.RequirementVersion, Stage: a.open().Name}, known, now)
	return err
}

// admit fills in who the reviewer is, and says why the review is not taken.
func (a *Approval) admit(r Review, known Known, now time.Time) (Review, error) {
	stage := a.open()
	switch {
	case a.State != Pending:
		return r, refused(NotPending, "approval %s is %s since %s; to take that back, revoke it", a.ID, a.State, a.ChangedAt.Format(time.RFC3339))
	case r.Digest != a.Digest:
		return r, refused(StaleDigest, "the review is of %s, and approval %s is for %s; look at it again", r.Digest, a.ID, a.Digest)
	case r.RequirementVersion != a.RequirementVersion:
		return r, refused(StaleVersion, "the review is for requirement version %d, and approval %s has %d: %s; look at it again",
			r.RequirementVersion, a.ID, a.RequirementVersion, a.Reason)
	case r.Stage != stage.Name:
		return r, refused(WrongStage, "the review is for stage %q, and approval %s is at %q", r.Stage, a.ID, stage.Name)
	}
	reviewer := known.People(r.Reviewer)
	if !reviewer.Human || reviewer.ID == "" {
		return r, refused(NotEligible, "%s is not known to be a person; only people review", r.Reviewer)
	}
	lender, groups := reviewer, reviewer.Groups
	if r.For != "" {
		at := slices.IndexFunc(known.Delegations, func(d Delegation) bool {
			return d.From == r.For && d.To == r.Reviewer && d.Active(now)
		})
		if at < 0 {
			return r, refused(NotEligible, "%s has not let %s review in their place, or not at this time", r.For, r.Reviewer)
		}
		if lender = known.People(r.For); !lender.Human || lender.ID == "" {
			return r, refused(NotEligible, "%s is not known to be a person; only people can be stood in for", r.For)
		}
		groups = known.Delegations[at].lends(lender.Groups)
	}
	stakes := a.stakes(known.People)
	for _, who := range []struct {
		subject string
		person  Person
	}{{r.Reviewer, reviewer}, {r.For, lender}} {
		if stake := stakes.of(who.subject, who.person); stake != "" {
			return r, refused(SelfApproval, "approval %s: %s has a stake in it (%s) and so no say; others review it", a.ID, who.subject, stake)
		}
	}
	if earlier := a.countedElsewhere(reviewer.ID, lender.ID); earlier != "" {
		return r, refused(AlreadyReviewed, "approval %s: stage %q has counted %s already, and stage %q wants somebody else", a.ID, earlier, r.Reviewer, stage.Name)
	}
	asked := stage.approvers(a.Tier)
	if r.Kind != Approve {
		asked = stage.deniers(a.Tier)
	}
	if !meet(groups, asked) {
		return r, refused(NotEligible, "stage %q of approval %s asks %s, and %s is in none of them", stage.Name, a.ID, list(asked), r.Reviewer)
	}
	r.Person, r.Groups, r.At = reviewer.ID, sortedSet(groups), now
	return r, nil
}

// countedElsewhere is the other stage that has counted any of the people, where either stage wants people of its own.
func (a *Approval) countedElsewhere(people ...string) string {
	stage := a.open()
	for _, met := range a.Met {
		at := slices.IndexFunc(a.Requirement, func(s Stage) bool { return s.Name == met.Stage })
		if met.Stage == stage.Name || !stage.Distinct && (at < 0 || !a.Requirement[at].Distinct) {
			continue
		}
		for _, counted := range met.Counted {
			if slices.Contains(people, counted.Person) || counted.For != "" && slices.Contains(people, counted.For) {
				return met.Stage
			}
		}
	}
	return ""
}
