package policy

import (
	"fmt"
	"slices"
	"time"
)

// Request is everything one decision is made from. Nothing else is read: no clock, no network, no
// store.
type Request struct {
	Change    *Change
	Group     []Leg // the legs of the atomic group, the change among them; empty when there is none
	Principal Principal
	Batch     Batch
	Mode      Mode
	Windows   Windows
	// Contradicted: the ledger knows the field's value, and from there the change is no cut, whatever it says. Its
	// direction is unordered then.
	Contradicted bool
	Facts        map[string]Fact // merged; a connector's fact stands before the caller's
	Stale        []StaleFact     // what connectors have observed of the target and is too old to count
	Reverts      []Revert        // values of the field that were promised to be put back
	Experiments  []Participation
	Freezes      []OpenFreeze
	Promos       []OpenPromo
	Now          time.Time
}

// Leg is one change of an atomic group as the others see it.
type Leg struct {
	Change       *Change
	Experiments  []string // ids of the live experiments that touch it
	Contradicted bool     // as of a Request
}

// direction is which way a change moves risk, as far as anybody but its caller can tell.
func direction(change *Change, contradicted bool) Direction {
	if contradicted {
		return Unordered
	}
	return change.Direction()
}

// Batch says where in a call the change stands.
type Batch struct {
	ID        string
	Size      int
	Index     int
	SameField int // earlier changes of the call to the same field of the same target
	SameValue int // those of them with the same new value
}

// Mode is what a scope lets through. The zero Mode is ModeActive.
type Mode uint8

// The modes.
const (
	ModeActive Mode = iota
	ModeReduceOnly
	ModeHalted
)

var modeNames = [...]string{"active", "reduce_only", "halted"}

// String returns the name rules use.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("unknown(%d)", uint8(m))
}

// ParseMode is the inverse of [Mode.String].
func ParseMode(name string) (Mode, error) {
	if i := slices.Index(modeNames[:], name); i >= 0 {
		return Mode(i), nil
	}
	return 0, fmt.Errorf("%w: no mode is called %q; write active, reduce_only or halted", ErrInvalid, name)
}

// StaleFact is a fact that is known and too old to count, so that it is unknown.
type StaleFact struct {
	Name       string
	Source     string
	ObservedAt time.Time
	MaximumAge time.Duration
}

// Revert is a value that somebody has promised to put back, as a rise for a promotion must.
type Revert struct {
	DecisionID string // that allowed the rise
	PromoID    string
	Baseline   Value // what the field is to be put back to, or below
	Due        time.Time
}

// Participation is one experiment that touches a target, or may.
type Participation struct {
	ID           string
	Name         string
	Type         string
	State        string
	Owner        string
	Sync         bool // edits of the base campaign reach the trial
	Relation     Relation
	Arm          string   // of a member; empty otherwise
	FrozenFields []string // names of kinds
	Arms         []Arm
	Envelope     []Envelope
	// What the change adds or takes away that belongs to the control of the test, which in a holdout test gets no ads.
	HoldoutGeos      []string
	HoldoutAudiences []string
	Starts           time.Time
	Ends             time.Time
	MinimumEnds      time.Time // before which ending it would prove nothing
}

// Relation is how a target has to do with an experiment.
type Relation string

// The relations.
const (
	Member  Relation = "member"  // it is in an arm
	Reach   Relation = "reach"   // it is in none, and shows ads where the test measures, or does not say that it shows none there
	Unclear Relation = "unclear" // the test goes by regions or audiences, and the target does not say which are its own
)

// Arm is one side of an experiment.
type Arm struct {
	Name      string
	Control   bool
	Campaigns []string // of those that the change and the other legs of its group are in
	SplitPPM  int64    // 0: not given
}

// Envelope lets changes of one kind through in the arms that are not the control.
type Envelope struct {
	Kind     string
	SharePPM int64 // by at most this share of the value before; 0: none is given
	Most     Value // to at most this value; Missing: none is given
}

// The words that participations use for type, state and relation.
var (
	experimentTypes  = []string{"ab", "geo_holdout", "audience_holdout", "lift", "incrementality"}
	relations        = []string{string(Member), string(Reach), string(Unclear)}
	experimentStates = []string{"draft", "scheduled", "baseline", "running", "cooldown", "analysis", "concluded", "aborted"}
)

// OpenFreeze is a freeze that holds now for a target.
type OpenFreeze struct {
	ID     string
	Reason string
	Effect Effect // Approve or Blocks
	Until  time.Time
}

// OpenPromo is a promo that runs now for a target.
type OpenPromo struct {
	ID       string
	Until    time.Time
	RaisePPM int64 // by how much budgets may exceed what is usual
}
