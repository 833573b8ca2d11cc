// Package approval is the life of an approval: a change that rules want people to see, what those people have to
// say, and for how long their yes is good. Start with [Open], then [Approval.Apply].
//
//	PENDING(stage, tier)
//	  enough people of a stage say yes   → PENDING at the next stage
//	  … of the last stage                → APPROVED
//	  … but only up to a cap             → APPROVED_CAPPED
//	  the deny quorum of a stage says no → REJECTED
//	  a reviewer wants something else    → CHANGES_REQUESTED
//	  nobody has answered for a while    → PENDING at the next tier: more people, never fewer of them needed
//	  a deadline passes                  → EXPIRED
//	  the proposer or an owner           → WITHDRAWN
//	  a newer proposal                   → SUPERSEDED
//	APPROVED, APPROVED_CAPPED
//	  redeemed for a permit              → the same, with a permit out; one at a time
//	  the permit is claimed              → the same, final
//	  not used in time                   → LAPSED
//	  somebody takes it back             → REVOKED
//	PENDING, APPROVED, APPROVED_CAPPED, when rules are asked again
//	  a rule blocks                      → INVALIDATED
//	  a finding that nobody has seen     → PENDING with the next requirement version
//
// It is values in and values out: no clock, no storage, no context. The caller reads the approval and its reviews,
// applies an [Event], and writes what the [Step] says, all in one transaction. Who is in which group, and what the
// rules say, come in as arguments.
//
// # What it promises
//
//   - An approval is for one digest: that of a change or of an atomic group. A review names the digest, the
//     requirement version and the stage that the reviewer saw, and counts for nothing else.
//   - What is required is frozen when the approval is opened ([Requirement.Freeze]). When rules ask for more later, it is
//     merged in and never replaces what was there ([Requirement.Merge]).
//   - People are counted, not groups and not accounts: each once, by their newest review, and each in one seat. Whoever
//     has a stake in the change ([Approval.Stake]) and whatever is not a person never counts. Both are looked at again
//     when a stage is completed, so that whoever has left meanwhile does not complete it.
//   - A no is looked at before a yes.
//   - Nobody's yes reaches further than they said ([Stage] and cap.go), and no approval reaches further than the request.
//   - Time never approves. Each state that is not final has a time at which it ends ([Approval.Due]), and whatever comes
//     at that time or later comes too late, whether or not anybody has looked at the clock before.
//   - A final state stays.
//   - What asks for nobody approves nothing: a stage that nothing can be counted for is never met.
package approval

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/permit"
)

// State is where an approval is in its life.
type State uint8

// The states, numbered as in the API.
const (
	None State = iota
	Pending
	Approved
	ApprovedCapped
	Rejected
	ChangesRequested
	Expired
	Withdrawn
	Superseded
	Invalidated
	Lapsed
	Revoked

	stateEnd
)

var stateNames = [stateEnd]string{"NONE", "PENDING", "APPROVED", "APPROVED_CAPPED", "REJECTED", "CHANGES_REQUESTED", "EXPIRED",
	"WITHDRAWN", "SUPERSEDED", "INVALIDATED", "LAPSED", "REVOKED"}

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
		return fmt.Errorf("%w: no state of an approval is called %q", policy.ErrInvalid, text)
	}
	*s = State(at)
	return nil
}

// Approves reports whether the state is a yes.
func (s State) Approves() bool { return s == Approved || s == ApprovedCapped }

// How long an approval waits for people, and how long their yes is good, where nobody says otherwise.
const (
	DefaultWaits = Wait(4 * time.Hour)
	DefaultLives = Wait(30 * time.Minute)
)

// Approval is a change, or the changes of an atomic group, before people, and what became of it. It is a record:
// every step returns another.
type Approval struct {
	ID         string       `json:"approval_id"`
	Automation string       `json:"automation"`             // the subject that proposed it; nobody else may redeem it
	OnBehalfOf string       `json:"on_behalf_of,omitempty"` // whom it was proposed for
	Owners     []string     `json:"owners,omitempty"`       // who answers for the automation, changed it last, or wrote an exception for it
	Run        string       `json:"run,omitempty"`          // of the automation, as it says
	Digest     string       `json:"digest"`                 // of the change, or of the group
	GroupID    string       `json:"atomic_group_id,omitempty"`
	Legs       []permit.Leg `json:"legs,omitempty"`
	Grant      *Grant       `json:"grant,omitempty"` // what is asked for where it is no change
	Items      []Item       `json:"items,omitempty"` // what the reviewers are shown: the findings that want people
	CreatedAt  time.Time    `json:"created_at"`
	Waits      Wait         `json:"waits"` // how long all stages together may take
	Lives      Wait         `json:"lives"` // how long the yes is good

	Requirement        Requirement `json:"requirement"`
	RequirementVersion int64       `json:"requirement_version"` // 1, and one more each time that rules asked for more

	State     State     `json:"state"`
	Version   int64     `json:"version"` // 1 when it was opened, and one more with every step
	ChangedAt time.Time `json:"changed_at"`
	ChangedBy string    `json:"changed_by,omitempty"` // the subject behind the last step; empty: time, or the rules
	Reason    string    `json:"reason,omitempty"`     // why it ended, or went back to PENDING

	Deadline   time.Time `json:"deadline"` // of all stages; each may have an earlier one
	Stage      int       `json:"stage"`    // which of the requirement's is open
	StageSince time.Time `json:"stage_since"`
	Tier       int       `json:"tier"` // how many tiers of the stage are open
	Met        []Met     `json:"met,omitempty"`

	Cap          policy.Value `json:"cap,omitzero"` // of APPROVED_CAPPED: the value that is allowed instead of the one asked for
	ApprovedAt   time.Time    `json:"approved_at,omitzero"`
	ExpiresAt    time.Time    `json:"expires_at,omitzero"` // of a yes: redeemed before then, or never
	PermitID     string       `json:"permit_id,omitempty"` // the one that is out
	PermitUntil  time.Time    `json:"permit_until,omitzero"`
	ClaimedAt    time.Time    `json:"claimed_at,omitzero"`
	SupersededBy string       `json:"superseded_by,omitempty"` // the newer approval, or the decision that allowed a newer change
}

// Met is a stage that people have completed.
type Met struct {
	Stage              string       `json:"stage"`
	RequirementVersion int64        `json:"requirement_version"`
	At                 time.Time    `json:"at"`
	Cap                policy.Value `json:"cap,omitzero"` // Missing: all of the request
	Counted            []Counted    `json:"counted"`
}

// Counted is one person who was counted, with the groups they were counted for.
type Counted struct {
	Person string   `json:"person"`
	For    string   `json:"for,omitempty"` // the person whose place they took
	Groups []string `json:"groups"`
	Review string   `json:"review_id"`
}

// Open makes an approval out of what the caller has filled in, which is everything down to Lives, and of what the
// rules and routes require. It fails when nothing is required, since then nobody could ever be said to have agreed:
// the caller requires its fallback.
func Open(a Approval, requirement Requirement, roster Roster) (Step, error) {
	invalid := func(why string) (Step, error) {
		return Step{}, fmt.Errorf("%w: approval %s: %s", policy.ErrInvalid, a.ID, why)
	}
	switch {
	case a.ID == "" || a.Automation == "" || a.Digest == "" || (len(a.Legs) == 0) != (a.Grant != nil):
		return invalid("it has no id, no automation or no digest, or it is not for either changes or a grant")
	case a.Waits <= 0 || a.Lives <= 0:
		return invalid("say how long it waits for people, and how long their yes is good")
	}
	if err := requirement.validate(); err != nil {
		return Step{}, fmt.Errorf("approval %s: %w", a.ID, err)
	}
	a.Items = mergeItems(nil, a.Items)
	a.Requirement, a.RequirementVersion = requirement.Freeze(&a, roster), 1
	a.State, a.Version, a.ChangedAt, a.ChangedBy = Pending, 1, a.CreatedAt, a.Automation
	a.Deadline = a.CreatedAt.Add(time.Duration(a.Waits))
	a.Met, a.Reason = nil, ""
	a = a.enter(0, a.CreatedAt)
	return Step{Approval: a, Changed: true, Notify: a.told(&Approval{})}, nil
}

// Final reports whether nothing follows.
func (a *Approval) Final() bool {
	return a.State != Pending && !(a.State.Approves() && a.ClaimedAt.IsZero())
}

// Due is when time alone will change the approval; zero: never. A sweeper that applies [Pass] at that time or later
// misses nothing.
func (a *Approval) Due() time.Time {
	if a.State == Pending {
		due := a.ends()
		if next := a.nextTier(); !next.IsZero() && next.Before(due) {
			due = next
		}
		return due
	}
	return a.ends()
}

// ends is when time alone will end the state; zero: never.
func (a *Approval) ends() time.Time {
	switch {
	case a.Final():
		return time.Time{}
	case a.State == Pending:
		ends := a.Deadline
		if stage := a.open(); stage.Deadline > 0 {
			if own := a.StageSince.Add(time.Duration(stage.Deadline)); own.Before(ends) {
				ends = own
			}
		}
		return ends
	case a.PermitID != "" && a.PermitUntil.After(a.ExpiresAt): // the permit may still be claimed
		return a.PermitUntil
	default:
		return a.ExpiresAt
	}
}

// open is the stage that is open; of an approval that is not PENDING, the last that was.
func (a *Approval) open() *Stage {
	if a.Stage < 0 || a.Stage >= len(a.Requirement) { // only in a damaged record: nobody can review it
		return &Stage{}
	}
	return &a.Requirement[a.Stage]
}

// nextTier is when the next tier of the open stage opens; zero: there is none.
func (a *Approval) nextTier() time.Time {
	stage := a.open()
	if a.Tier >= len(stage.Tiers) {
		return time.Time{}
	}
	return a.StageSince.Add(time.Duration(stage.Tiers[a.Tier].After))
}

// enter opens a stage.
func (a Approval) enter(stage int, now time.Time) Approval {
	a.Stage, a.StageSince = stage, now
	a.Tier = a.open().Opened
	return a.escalate(now)
}

// escalate opens the tiers whose time has come.
func (a Approval) escalate(now time.Time) Approval {
	for next := a.nextTier(); !next.IsZero() && !now.Before(next); next = a.nextTier() {
		a.Tier++
	}
	return a
}

// Asks is the groups whose people may approve now; nil unless the approval is PENDING.
func (a *Approval) Asks() []string {
	if a.State != Pending {
		return nil
	}
	return a.open().approvers(a.Tier)
}

// told is which groups are to hear of the open stage now: its own, if it has opened since before, and those of the tiers
// that have.
func (a *Approval) told(before *Approval) []string {
	if a.State != Pending {
		return nil
	}
	stage, first := a.open(), 0
	var groups []string
	if before.State == Pending && before.Stage == a.Stage && before.RequirementVersion == a.RequirementVersion {
		first = before.Tier
	} else {
		groups = append(groups, stage.groups()...)
	}
	for _, tier := range stage.Tiers[min(first, a.Tier):a.Tier] {
		groups = append(append(groups, tier.Groups...), tier.Notify...)
	}
	return sortedSet(groups)
}

// Encode is the stored form of the approval, which its leaves in the log stand for.
func (a Approval) Encode() ([]byte, error) { return json.Marshal(a) }

// Decode reads what [Approval.Encode] wrote.
func Decode(encoded []byte) (Approval, error) {
	a, err := decode[Approval](encoded, "an approval")
	if err != nil {
		return Approval{}, err
	}
	if a.State == None {
		return Approval{}, errors.New("record of an approval: it has no state")
	}
	if err := a.Requirement.validate(); err != nil {
		return Approval{}, fmt.Errorf("record of an approval: %w", err)
	}
	return a, nil
}

func decode[Record any](encoded []byte, of string) (Record, error) {
	var record, none Record
	if err := json.Unmarshal(encoded, &record); err != nil {
		return none, fmt.Errorf("record of %s: %w", of, err)
	}
	return record, nil
}
