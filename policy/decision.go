package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Verdict is the answer to a change. The zero Verdict is no answer, and is never ALLOW.
type Verdict uint8

// The verdicts, numbered as in the API.
const (
	VerdictNone Verdict = iota
	Allow
	Block
	RequireApproval
)

var verdictNames = [...]string{"NONE", "ALLOW", "BLOCK", "REQUIRE_APPROVAL"}

// String returns the verdict as people write it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("VERDICT(%d)", uint8(v))
}

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's name.
func (v *Verdict) UnmarshalText(text []byte) error {
	at := slices.Index(verdictNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("%w: no verdict is called %q", ErrInvalid, text)
	}
	*v = Verdict(at)
	return nil
}

// strictness orders verdicts: the larger one wins. No answer is as strict as BLOCK.
func (v Verdict) strictness() int {
	switch v {
	case Allow:
		return 0
	case RequireApproval:
		return 1
	default:
		return 2
	}
}

// Laxer reports whether v lets through more than other does.
func (v Verdict) Laxer(other Verdict) bool { return v.strictness() < other.strictness() }

// Worst returns the strictest of the verdicts; of none, it is VerdictNone.
func Worst(verdicts ...Verdict) Verdict {
	worst := VerdictNone
	for i, verdict := range verdicts {
		if i == 0 || worst.Laxer(verdict) {
			worst = verdict
		}
	}
	return worst
}

// Effect is what one finding asks for.
type Effect uint8

// The effects, numbered as in the API.
const (
	EffectNone Effect = iota
	Warn
	Approve
	Blocks
)

var effectNames = [...]string{"none", "warn", "approve", "block"}

// String returns the effect's name, which is the name of the set in a rule.
func (e Effect) String() string {
	if int(e) < len(effectNames) {
		return effectNames[e]
	}
	return fmt.Sprintf("effect(%d)", uint8(e))
}

// MarshalText writes the effect's name.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads an effect's name.
func (e *Effect) UnmarshalText(text []byte) error {
	at := slices.Index(effectNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("%w: no effect is called %q", ErrInvalid, text)
	}
	*e = Effect(at)
	return nil
}

// Verdict is the verdict that the effect alone would give. An effect that is none of the known
// ones blocks.
func (e Effect) Verdict() Verdict {
	switch e {
	case Warn:
		return Allow
	case Approve:
		return RequireApproval
	default:
		return Block
	}
}

// Finding is what one rule says of a change.
type Finding struct {
	Rule         string `json:"rule"`
	Effect       Effect `json:"effect"`
	Shadow       bool   `json:"shadow,omitempty"` // recorded, not counted
	Message      string `json:"message"`
	Observed     string `json:"observed,omitempty"`
	Limit        string `json:"limit,omitempty"`
	MaxPermitted Value  `json:"max_permitted,omitzero"` // a hint, never applied silently; Missing for none
	Source       string `json:"source,omitempty"`       // where the threshold comes from
	Location     string `json:"location,omitempty"`     // file:line, for what went wrong inside a rule

	Severity  string `json:"severity,omitempty"`  // of approve: the rule's own word for how bad it is; people agree to that and no worse
	Magnitude Value  `json:"magnitude,omitzero"`  // of approve: how far it goes; people agree to that and no more. Missing: it is yes or no
	Approval  Stages `json:"approval,omitempty"`  // of approve: the stages that the rule asks for, as written; package approval reads them
	LiftedBy  string `json:"lifted_by,omitempty"` // the approval, grant or override by which people have answered it; it does not count then

	Contaminates Contamination `json:"contaminates,omitzero"` // the test that the change disturbs, should it be allowed all the same
}

// Contamination is what a finding says of a test that the change disturbs. It counts once the change is allowed, whatever became of the
// finding: it only warned, or people have answered it. The zero Contamination is of no test.
type Contamination struct {
	Experiment string `json:"experiment"`
	Arm        string `json:"arm,omitempty"`       // that the target is in; empty: none
	Emergency  bool   `json:"emergency,omitempty"` // the rule lets it through because it is one
	Aborts     bool   `json:"aborts,omitempty"`    // the change ends the test
}

// Stages is whom a finding asks for, as a JSON list: the "stages" of its "approval". Package approval reads it. "" asks for
// nobody in particular.
type Stages string

// MarshalJSON writes the list as it is.
func (s Stages) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// UnmarshalJSON reads any JSON, and leaves it to package approval to understand it.
func (s *Stages) UnmarshalJSON(text []byte) error {
	*s = Stages(text)
	return nil
}

// The ids of the findings the engine itself makes. They cannot be switched off or put in shadow.
// Those that begin with policy., group., ledger. or approval. are no rule's; those of integrity and governance are shared with the rules
// that go further into the same questions. [OwnFindings] says what each means.
const (
	FindingUndetermined = "policy.undetermined"
	FindingTimeout      = "policy.timeout"
	FindingNoPolicy     = "policy.none"
	FindingNoRule       = "policy.no_rule"
	FindingSchema       = "integrity.schema"
	FindingCurrency     = "integrity.currency"
	FindingGroup        = "group.held"
	FindingMode         = "governance.mode"
	FindingCap          = "ledger.cap"
	FindingSuppressed   = "approval.suppressed"
)

// OwnFinding is a finding that no rule makes, for people.
type OwnFinding struct {
	ID      string
	Effects []Effect // those that it can have
	About   string   // when it is made
}

// OwnFindings are all findings that no rule makes.
func OwnFindings() []OwnFinding {
	return []OwnFinding{
		{FindingUndetermined, []Effect{Approve, Blocks}, "a rule could not be decided: something that it reads is not there, a built-in failed, rules conflict or a result has the wrong form. METADATA of the rule says what it answers where something is missing; everything else blocks"},
		{FindingTimeout, []Effect{Blocks}, "the rules did not end within their deadline"},
		{FindingNoPolicy, []Effect{Blocks}, "no revision is loaded"},
		{FindingNoRule, []Effect{Approve}, "no enforced rule concerns the kind of the change"},
		{FindingSchema, []Effect{Blocks}, "the input is not what its schema says: the value now is missing, a value does not fit the kind, the kind is unknown"},
		{FindingCurrency, []Effect{Blocks}, "a currency is missing, malformed or not that of the other side"},
		{FindingGroup, []Effect{Approve, Blocks}, "another leg of the atomic group is not allowed, and the legs land together or not at all"},
		{FindingMode, []Effect{Blocks}, "people have switched the mode of a scope that the target is in, which forbids the change; the rule of this name says so too, and this one holds where a revision has no such rule"},
		{FindingCap, []Effect{Blocks}, "a cap of the operator, which no revision lifts, has no room"},
		{FindingSuppressed, []Effect{Blocks}, "people have rejected this move, and nobody has let it be proposed again"},
	}
}

// Decide folds findings into a verdict: the strictest effect wins. Findings in shadow do not count, nor do those that
// people have answered. No findings is ALLOW; that rules were asked at all is the engine's to make sure of.
func Decide(findings []Finding) Verdict {
	verdict := Allow
	for _, finding := range findings {
		if !finding.Shadow && finding.LiftedBy == "" && verdict.Laxer(finding.Effect.Verdict()) {
			verdict = finding.Effect.Verdict()
		}
	}
	return verdict
}

// Decision is the verdict on one change, with everything needed to read it alone. It is stored as
// its JSON and never changed.
type Decision struct {
	ID            string    `json:"decision_id"`
	ChangeID      string    `json:"change_id"`
	BatchID       string    `json:"batch_id,omitempty"`
	AtomicGroupID string    `json:"atomic_group_id,omitempty"`
	Automation    string    `json:"automation"` // the authenticated subject, not the caller's word
	Actor         Actor     `json:"actor,omitzero"`
	Kind          Kind      `json:"kind"`
	Target        Target    `json:"target"`
	Before        Value     `json:"before"`
	After         Value     `json:"after"`
	Verdict       Verdict   `json:"verdict"`
	Findings      []Finding `json:"findings"`
	Revision      string    `json:"revision"`      // digest of the policy that decided
	ChangeDigest  string    `json:"change_digest"` // see [Change.Digest]
	GroupDigest   string    `json:"group_digest,omitempty"`
	DecidedAt     time.Time `json:"decided_at"`
	PermitID      string    `json:"permit_id,omitempty"`   // of an ALLOW: the authority to make the change once; shared by a group
	ApprovalID    string    `json:"approval_id,omitempty"` // of a REQUIRE_APPROVAL: what waits for people; shared by a group
	Redeems       string    `json:"redeems,omitempty"`     // the approval or override that was redeemed for it; empty: it came of a check
}

// Encode is the stored form of the decision.
func (d *Decision) Encode() ([]byte, error) { return json.Marshal(d) }

// DecodeDecision reads what [Decision.Encode] wrote.
func DecodeDecision(record []byte) (*Decision, error) {
	var decision Decision
	if err := json.Unmarshal(record, &decision); err != nil {
		return nil, fmt.Errorf("decision record: %w", err)
	}
	return &decision, nil
}
