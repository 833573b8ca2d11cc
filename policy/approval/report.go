package approval

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy/permit"
)

// History is one approval with all that happened to it.
type History struct {
	Approval Approval   // as it is now
	Steps    []Approval // every version, as it was then
	Reviews  []Review
}

// Report counts what became of the approvals that were opened in a period, and of the overrides made in it. It takes them
// one by one, in any order, and keeps only what it counts, so that a year of them fits. Start with [NewReport].
type Report struct {
	from, until, now time.Time

	opened, escalated int64
	states            [stateEnd]int64
	agreed, capped    int64
	cuts              int64 // ppm, of all that were capped
	firstSeen         []time.Duration
	firstReview       []time.Duration
	decision          []time.Duration
	redemption        []time.Duration
	claim             []time.Duration
	reviewers         map[string]*reviewing
	rules             map[string]*Rule
	unused            []Unused
	overrides         Overrides
}

type reviewing struct {
	Reviewer
	dwells []time.Duration
}

// NewReport starts a report on what was opened at from or later and before until, as things are now.
func NewReport(from, until, now time.Time) *Report {
	return &Report{from: from, until: until, now: now, reviewers: map[string]*reviewing{}, rules: map[string]*Rule{}}
}

// Summary is what a report has counted. Shares are in parts per million.
type Summary struct {
	From, Until, Now time.Time

	Opened int64
	// States is every state once, in their order; PENDING is what is still open. The shares add up to a million, unless
	// there are none.
	States    []StateShare
	Escalated int64 // approvals that had to wait until a later tier was let in

	Agreed    int64 // those that people said yes to, whatever became of them afterwards
	Capped    int64 // those of them that they said yes to only up to a cap
	CapShare  int64 // of the agreed
	Reduction int64 // the mean of what caps took off, as a share of the move that was asked for

	// From when the approval was opened.
	FirstSeen   Spread // until the first of its reviewers was shown it, as their programs say
	FirstReview Spread // until the first yes, no or request for changes
	Decision    Spread // until people had decided, for the first time
	Redemption  Spread // until the first permit was given out; not of grants
	Claim       Spread // until a permit was claimed; not of grants

	Reviewers []Reviewer // those who reviewed most first
	Rules     []Rule     // those that asked most often first

	Unused      []Unused // the last agreed to first, at most MaxListed
	UnusedCount int64
	Overrides   Overrides
}

// MaxListed is how many entries the lists of a summary have at most that grow with the period: Unused and Overdue.
const MaxListed = 200

// StateShare is how many approvals are in a state.
type StateShare struct {
	State State
	Count int64
	Share int64
}

// Spread is how long something took, in whole seconds. Median and P90 are times that it did take in one of the cases: the
// shortest for which half of all took no longer, and nine of ten.
type Spread struct {
	Count  int64
	Median int64
	P90    int64
	Max    int64
}

// Reviewer is what one person has said, of the approvals in the report.
type Reviewer struct {
	Person    string
	Approvals int64 // that they said anything of
	Reviews   int64 // a yes, a no or a request for changes
	Approved  int64 // of the reviews
	Share     int64 // of Approved
	Dwells    int64 // reviews of which it is known how long the page was shown
	Dwell     int64 // the median of that, in seconds
	// RubberStamp is that they say yes to nearly all, and hardly look: more than 95 % of the reviews, and a median under 5 s
	// over 20 reviews or more. It is a reason to ask, not a finding: programs can say what they like.
	RubberStamp bool
}

// Rule is what came of one rule's asking for people, of the approvals in the report. What was agreed to counts as that,
// whatever became of it afterwards.
type Rule struct {
	Rule        string
	Escalations int64 // approvals with a finding of it
	PerWeek     int64 // in thousandths
	Approved    int64 // agreed to as it was
	Capped      int64 // agreed to up to a cap
	Rejected    int64
	// The shares are of the escalations. What was neither agreed to nor rejected is in none of them.
	ApprovedShare int64
	CappedShare   int64
	RejectedShare int64
	// Noisy is that people say yes to nearly all it asks about, and so need not have been asked: more than 95 % agreed to as
	// it was, of 20 or more.
	Noisy bool
}

// Unused is an approval that was given and that nobody has used, yet or in time.
type Unused struct {
	ApprovalID string
	Automation string
	State      State // a yes, or LAPSED
	ApprovedAt time.Time
	ExpiresAt  time.Time
}

// Overrides is what became of the overrides that were made in the period.
type Overrides struct {
	Made      int64
	Used      int64
	Reviewed  int64
	Justified int64 // of the reviewed
	// Overdue is those that somebody should have looked at by now, whenever they were made, the longest overdue first; at
	// most MaxListed.
	Overdue      []Overdue
	OverdueCount int64
}

// Overdue is an override that somebody should have looked at.
type Overdue struct {
	OverrideID string
	Actor      string
	Automation string
	ChangeID   string
	At         time.Time
	Due        time.Time
}

// What it takes to be flagged. Shares are per cent, and have to be exceeded.
const (
	flagCount = 20
	flagShare = 95
	flagDwell = 5 * time.Second
)

const million = 1_000_000

func (r *Report) covers(at time.Time) bool { return !at.Before(r.from) && at.Before(r.until) }

// Add counts an approval. It is given each approval at most once; one that was opened at another time does not count.
func (r *Report) Add(history History) {
	a := &history.Approval
	if !r.covers(a.CreatedAt) {
		return
	}
	r.opened++
	if a.State < stateEnd {
		r.states[a.State]++
	}
	if slices.ContainsFunc(history.Steps, func(step Approval) bool { return step.Tier > step.open().Opened }) {
		r.escalated++
	}
	agreed, capped := !a.ApprovedAt.IsZero(), false
	if agreed {
		r.agreed++
		if leg, possible := a.capped(); possible && within(leg, a.Cap) {
			capped = true
			r.capped++
			r.cuts += cut(leg, a.Cap.Amount)
		}
	}
	if agreed && a.ClaimedAt.IsZero() && (a.State.Approves() || a.State == Lapsed) {
		r.unused = append(r.unused, Unused{a.ID, a.Automation, a.State, a.ApprovedAt, a.ExpiresAt})
	}
	r.addTimes(history)
	r.addReviews(history.Reviews)
	for _, name := range sortedSet(mapped(a.Items, func(item Item) string { return item.Rule })) {
		rule := r.rules[name]
		if rule == nil {
			rule = &Rule{Rule: name}
			r.rules[name] = rule
		}
		rule.Escalations++
		switch {
		case capped:
			rule.Capped++
		case agreed:
			rule.Approved++
		case a.State == Rejected:
			rule.Rejected++
		}
	}
}

// cut is what a cap takes off, as a share of the move.
func cut(leg permit.Leg, limit int64) int64 {
	move := distance(leg.Before.Amount, leg.After.Amount)
	return int64(portion(distance(limit, leg.After.Amount), million, move))
}

// distance is how far apart two amounts are; the whole range fits.
func distance(a, b int64) uint64 { return uint64(max(a, b)) - uint64(min(a, b)) }

// portion is part × scale ÷ whole, rounded down, however large the product. Part is at most whole, which is above zero.
func portion(part, scale, whole uint64) uint64 {
	high, low := bits.Mul64(part, scale)
	quotient, _ := bits.Div64(high, low, whole)
	return quotient
}

// share is part of whole in ppm, and of nothing it is nothing.
func share(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return int64(portion(uint64(part), million, uint64(whole)))
}

func (r *Report) addTimes(history History) {
	a := &history.Approval
	var seen, reviewed, decided, redeemed time.Time
	earliest := func(so *time.Time, at time.Time) {
		if !at.IsZero() && (so.IsZero() || at.Before(*so)) {
			*so = at
		}
	}
	for _, review := range history.Reviews {
		if _, known := review.Dwell(); known && !review.FirstSeenAt.Before(a.CreatedAt) {
			earliest(&seen, review.FirstSeenAt)
		}
		if review.Kind.decides() {
			earliest(&reviewed, review.At)
		}
	}
	for _, step := range history.Steps {
		if step.State.Approves() || step.State == Rejected || step.State == ChangesRequested {
			earliest(&decided, step.ChangedAt)
		}
		if step.PermitID != "" {
			earliest(&redeemed, step.ChangedAt)
		}
	}
	took := func(into *[]time.Duration, until time.Time) {
		if !until.IsZero() {
			*into = append(*into, max(until.Sub(a.CreatedAt), 0))
		}
	}
	took(&r.firstSeen, seen)
	took(&r.firstReview, reviewed)
	took(&r.decision, decided)
	if a.Grant == nil { // a grant is made when it is agreed to
		took(&r.redemption, redeemed)
		took(&r.claim, a.ClaimedAt)
	}
}

// decides reports whether a review of the kind says yes or no.
func (k Kind) decides() bool { return k == Approve || k == Reject || k == RequestChanges }

func (r *Report) addReviews(reviews []Review) {
	looked := map[string]bool{}
	for _, review := range reviews {
		person := cmp.Or(review.Person, review.Reviewer)
		reviewer := r.reviewers[person]
		if reviewer == nil {
			reviewer = &reviewing{Reviewer: Reviewer{Person: person}}
			r.reviewers[person] = reviewer
		}
		if !looked[person] {
			looked[person] = true
			reviewer.Approvals++
		}
		if !review.Kind.decides() {
			continue
		}
		reviewer.Reviews++
		if review.Kind == Approve {
			reviewer.Approved++
		}
		if dwell, known := review.Dwell(); known {
			reviewer.dwells = append(reviewer.dwells, dwell)
		}
	}
}

// AddOverride counts an override. It is given each at most once. One that was made at another time counts only when it is overdue.
func (r *Report) AddOverride(o Override) {
	if o.Overdue(r.now) {
		r.overrides.Overdue = append(r.overrides.Overdue, Overdue{o.ID, o.Actor, o.Automation, o.ChangeID, o.At, o.ReviewDue})
	}
	if !r.covers(o.At) {
		return
	}
	r.overrides.Made++
	if !o.UsedAt.IsZero() {
		r.overrides.Used++
	}
	if !o.ReviewedAt.IsZero() {
		r.overrides.Reviewed++
		if o.Justified {
			r.overrides.Justified++
		}
	}
}

// Summary is what was counted so far. It does not depend on the order in which it was.
func (r *Report) Summary() Summary {
	s := Summary{From: r.from, Until: r.until, Now: r.now, Opened: r.opened, States: r.shares(), Escalated: r.escalated,
		Agreed: r.agreed, Capped: r.capped, CapShare: share(r.capped, r.agreed),
		FirstSeen: spread(r.firstSeen), FirstReview: spread(r.firstReview), Decision: spread(r.decision),
		Redemption: spread(r.redemption), Claim: spread(r.claim), UnusedCount: int64(len(r.unused)), Overrides: r.overrides}
	if r.capped > 0 {
		s.Reduction = r.cuts / r.capped
	}
	for _, reviewer := range r.reviewers {
		s.Reviewers = append(s.Reviewers, reviewer.summary())
	}
	slices.SortFunc(s.Reviewers, func(a, b Reviewer) int {
		return cmp.Or(cmp.Compare(b.Reviews, a.Reviews), strings.Compare(a.Person, b.Person))
	})
	for _, rule := range r.rules {
		s.Rules = append(s.Rules, rule.summary(r.elapsed()))
	}
	slices.SortFunc(s.Rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(b.Escalations, a.Escalations), strings.Compare(a.Rule, b.Rule))
	})
	s.Unused = slices.SortedFunc(slices.Values(r.unused), func(a, b Unused) int {
		return cmp.Or(b.ApprovedAt.Compare(a.ApprovedAt), strings.Compare(a.ApprovalID, b.ApprovalID))
	})
	s.Unused = s.Unused[:min(len(s.Unused), MaxListed)]
	s.Overrides.OverdueCount = int64(len(r.overrides.Overdue))
	s.Overrides.Overdue = slices.SortedFunc(slices.Values(r.overrides.Overdue), func(a, b Overdue) int {
		return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.OverrideID, b.OverrideID))
	})
	s.Overrides.Overdue = s.Overrides.Overdue[:min(len(s.Overrides.Overdue), MaxListed)]
	return s
}

// shares divides a million among the states as their counts do. What rounding down leaves over goes to those that it took
// most from.
func (r *Report) shares() []StateShare {
	var shares []StateShare
	left := int64(million)
	for state := Pending; state < stateEnd; state++ {
		each := StateShare{state, r.states[state], share(r.states[state], r.opened)}
		left -= each.Share
		shares = append(shares, each)
	}
	if r.opened == 0 {
		return shares
	}
	remainder := func(at int) int64 { return shares[at].Count * million % r.opened }
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder(b), remainder(a)) })
	for _, at := range order[:min(left, int64(len(order)))] {
		shares[at].Share++
	}
	return shares
}

// elapsed is how much of the period is over, in seconds, at least one.
func (r *Report) elapsed() uint64 {
	until := r.until
	if r.now.Before(until) {
		until = r.now
	}
	return uint64(max(until.Sub(r.from)/time.Second, 1))
}

func (r *reviewing) summary() Reviewer {
	s := r.Reviewer
	s.Share = share(s.Approved, s.Reviews)
	slices.Sort(r.dwells)
	s.Dwells = int64(len(r.dwells))
	median := rank(r.dwells, 50)
	s.Dwell = int64(median / time.Second)
	s.RubberStamp = s.Dwells >= flagCount && s.Approved*100 > s.Reviews*flagShare && median < flagDwell
	return s
}

func (r Rule) summary(elapsed uint64) Rule {
	const week = 7 * 24 * 60 * 60
	r.PerWeek = int64(uint64(r.Escalations) * 1000 * week / elapsed)
	r.ApprovedShare, r.CappedShare, r.RejectedShare = share(r.Approved, r.Escalations), share(r.Capped, r.Escalations), share(r.Rejected, r.Escalations)
	r.Noisy = r.Escalations >= flagCount && r.Approved*100 > r.Escalations*flagShare
	return r
}

func spread(took []time.Duration) Spread {
	slices.Sort(took)
	seconds := func(percent int) int64 { return int64(rank(took, percent) / time.Second) }
	return Spread{int64(len(took)), seconds(50), seconds(90), seconds(100)}
}

// rank is the shortest of the sorted times for which so many per cent took no longer; 0 of none.
func rank(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
