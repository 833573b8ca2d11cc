package server

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// The most that one call may ask for.
const (
	MaxBatch = 10_000
	MaxLegs  = 100
)

// maxAhead is how far a caller's clock may run before ours in what it says it observed.
const maxAhead = 2 * time.Minute

// candidate is one change of a call on its way to a decision.
type candidate struct {
	index        int
	change       *policy.Change
	digest       string
	group        *group // nil when the change stands alone
	batch        policy.Batch
	id           string                 // of the decision to be; empty in a dry run
	scopes       []ledger.Scope         // what it counts in
	hold         ledger.Hold            // to be placed
	facts        map[string]policy.Fact // what is known of its target: connectors' facts and the caller's
	stale        []policy.StaleFact     // what connectors knew of it, and is too old
	tests        []string               // live ones that it is in, of a leg of a group
	contradicted bool                   // by what the ledger knows of its field: it is no cut, whatever it says
	standing     mode.Standing          // the mode it is judged under
	windows      policy.Windows         // what it is judged under
	reverts      []policy.Revert        // likewise
	baseline     policy.Value           // the value before, as far as the ledger knows it
	judgement    *policy.Judgement
	written      []byte            // the document of writtenOf
	writtenOf    *policy.Judgement // the judgement as it was when its document was written
	outcome      policy.Outcome
	known        ledger.Movement  // as the ledger knows it
	granted      string           // the grant that answers what rules want people for
	asked        []approval.Asked // what they want people for, and whom
	placed       ledger.Hold      // of an allowed one
	decision     *policy.Decision
	result       Result
	settled      bool // the result is known: replayed or refused
}

// group is the legs of one atomic group, in the order of the request.
type group struct {
	id      string
	digest  string
	members []*candidate
}

// arrange checks the changes against one another and lays out keys, groups and repeats. What it
// refuses is the caller's mistake, named by field.
func arrange(principal policy.Principal, changes []*policy.Change, batchID string, now time.Time) ([]*candidate, error) {
	candidates := make([]*candidate, len(changes))
	seen := make(map[string]int, len(changes))
	groups := map[string]*group{}
	var order []*group
	type field struct {
		key  policy.TargetKey
		kind policy.Kind
	}
	repeats := map[field][]policy.Value{}
	for i, change := range changes {
		if first, twice := seen[change.ID]; twice {
			return nil, fieldError(i, "change_id", "%q is used for changes[%d] too; every change needs its own", change.ID, first)
		}
		seen[change.ID] = i
		if err := checkTimes(i, change, now); err != nil {
			return nil, err
		}
		if err := checkNames(i, change); err != nil {
			return nil, err
		}
		if err := place(i, change); err != nil {
			return nil, err
		}
		if change.BatchID == "" {
			change.BatchID = batchID
		}
		c := &candidate{index: i, change: change, digest: change.Digest(), facts: change.Facts}
		c.hold = ledger.NewHold("", change, principal.Subject)
		c.scopes = c.hold.Scopes()
		c.batch = policy.Batch{ID: change.BatchID, Size: len(changes), Index: i}
		at := field{change.Target.Key(), change.Kind}
		for _, earlier := range repeats[at] {
			c.batch.SameField++
			if earlier == change.After {
				c.batch.SameValue++
			}
		}
		repeats[at] = append(repeats[at], change.After)
		candidates[i] = c
		if id := change.AtomicGroupID; id != "" {
			if groups[id] == nil {
				groups[id] = &group{id: id}
				order = append(order, groups[id])
			}
			c.group = groups[id]
			c.group.members = append(c.group.members, c)
		}
	}
	for _, g := range order {
		if len(g.members) < 2 {
			return nil, fieldError(g.members[0].index, "atomic_group_id", "the group %q has one leg here; all legs of a group are sent in one call, and a change that stands alone has no group", g.id)
		}
		if len(g.members) > MaxLegs {
			return nil, fieldError(g.members[MaxLegs].index, "atomic_group_id", "the group %q has %d legs; a group has at most %d", g.id, len(g.members), MaxLegs)
		}
		g.seal()
	}
	return candidates, nil
}

// checkTimes refuses readings from the future: they would count as fresh for ever.
func checkTimes(index int, change *policy.Change, now time.Time) error {
	if ahead := change.BeforeObservedAt.Sub(now); ahead > maxAhead {
		return fieldError(index, "before_observed_at", "is %v in the future; use the time at which the value was read", ahead.Round(time.Second))
	}
	for _, name := range slices.Sorted(maps.Keys(change.Facts)) {
		if ahead := change.Facts[name].ObservedAt.Sub(now); ahead > maxAhead {
			return fieldError(index, fmt.Sprintf("facts[%q].observed_at", name), "is %v in the future; use the time at which the fact was read", ahead.Round(time.Second))
		}
	}
	return nil
}

// place fills in where a campaign, an ad group or a portfolio itself stands, so that what is registered for it
// is found however the caller names it.
func place(index int, change *policy.Change) error {
	level, field := &change.Target.Campaign, "target.campaign"
	switch change.Target.EntityType {
	case "campaign":
	case "ad_group":
		level, field = &change.Target.AdGroup, "target.ad_group"
	case "portfolio":
		level, field = &change.Target.Portfolio, "target.portfolio"
	default:
		return nil
	}
	if *level != "" && *level != change.Target.EntityID {
		return fieldError(index, field, "is %q, and the %s that is changed is %q; leave one out or make them the same",
			*level, change.Target.EntityType, change.Target.EntityID)
	}
	*level = change.Target.EntityID
	return nil
}

func (g *group) seal() {
	legs := make([]*policy.Change, len(g.members))
	for i, member := range g.members {
		legs[i] = member.change
	}
	g.digest = policy.GroupDigest(legs)
}

// FieldError is an ErrInvalid that names the field that is wrong.
type FieldError struct {
	Field   string // such as changes[3].change_id
	Problem string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Unwrap makes it a policy.ErrInvalid.
func (e *FieldError) Unwrap() error { return policy.ErrInvalid }

func fieldError(index int, field, format string, arguments ...any) error {
	return &FieldError{fmt.Sprintf("changes[%d].%s", index, field), fmt.Sprintf(format, arguments...)}
}

// replay settles the candidates whose keys were used before: with the stored decision when it was
// for the same change in the same group, else with a refusal.
func replay(principal policy.Principal, candidates []*candidate, stored map[store.DecisionKey]store.DecisionRecord, permits map[string]permit.Permit) {
	for _, c := range candidates {
		record, found := stored[store.DecisionKey{Automation: principal.Subject, ChangeID: c.change.ID}]
		if !found || c.settled {
			continue
		}
		switch {
		case record.Decision.ChangeDigest != c.digest:
			c.refuse(fmt.Errorf("%w: change_id %q was used before for another change (decision %s); send a new change_id",
				policy.ErrKeyReused, c.change.ID, record.Decision.ID))
		case record.Decision.GroupDigest != c.groupDigest():
			c.refuse(fmt.Errorf("%w: change_id %q was decided before in an atomic group with other legs (decision %s); send new change_ids for the new group",
				policy.ErrKeyReused, c.change.ID, record.Decision.ID))
		default:
			c.settle(Result{Decision: record.Decision, Encoded: record.Encoded, Replayed: true})
			if given, found := permits[record.Decision.PermitID]; found {
				c.result.Permit = &given
			}
		}
	}
	// One leg that is refused holds the whole group: it can no longer land together.
	for _, c := range candidates {
		if c.group == nil || !c.settled || c.result.Err == nil {
			continue
		}
		for _, leg := range c.group.members {
			if !leg.settled || leg.result.Err == nil {
				leg.refuse(fmt.Errorf("leg %q of the atomic group %q: %w", c.change.ID, c.group.id, c.result.Err))
			}
		}
	}
}

// digest is that of the change, or of the group.
func (u unit) digest() string {
	if group := u[0].group; group != nil {
		return group.digest
	}
	return u[0].digest
}

// document is what the rules saw, as it is recorded.
func (c *candidate) document() []byte {
	if c.writtenOf != c.judgement {
		c.written, c.writtenOf = c.judgement.Input(), c.judgement
	}
	return c.written
}

func (c *candidate) groupDigest() string {
	if c.group == nil {
		return ""
	}
	return c.group.digest
}

func (c *candidate) settle(result Result) { c.result, c.settled = result, true }

func (c *candidate) refuse(err error) { c.settle(Result{Err: err}) }

// judge evaluates what is not settled on the ground as it was read, on as many workers as there are
// processors. What changes of a call mean for one another over time is seen to when they are settled.
func (s *Server) judge(ctx context.Context, active *Policy, principal policy.Principal, candidates []*candidate, g *ground, now time.Time) {
	open := make([]*candidate, 0, len(candidates))
	for _, c := range candidates {
		if !c.settled {
			open = append(open, c)
		}
	}
	var engine *policy.Engine
	if active != nil {
		engine = active.Engine
	}
	for _, c := range open { // before any is judged: the legs of a group see one another's
		c.contradicted = g.contradicts(c)
		if c.group != nil {
			c.tests = active.liveTests(c.change, g, now)
		}
	}
	evaluate := func(c *candidate) {
		// A place first: what runs once it has begun is not slowed down by what waits, so that many
		// callers at once do not push evaluations past their deadline.
		select {
		case s.places <- struct{}{}:
			defer func() { <-s.places }()
		case <-ctx.Done():
			return // nobody waits for it: who calls judge looks at ctx before using what it left
		}
		defer func() {
			if panicked := recover(); panicked != nil {
				s.logger.Error("panic while judging a change", "change_id", c.change.ID, "panic", panicked, "stack", string(debug.Stack()))
				c.judgement = &policy.Judgement{Outcome: policy.Outcome{Verdict: policy.Block, Findings: []policy.Finding{{Rule: policy.FindingUndetermined, Effect: policy.Blocks,
					Message: "the change could not be judged for a bug in the service; its log says more"}}}}
			}
		}()
		c.standing, c.windows, c.reverts = g.standing(c), active.windows(c, g), g.revertsOf(c)
		c.judgement = engine.Judge(ctx, active.request(c, principal, g, now))
	}
	workers := min(s.workers, len(open))
	if workers <= 1 {
		for _, c := range open {
			evaluate(c)
		}
		return
	}
	next := make(chan *candidate)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for c := range next {
				evaluate(c)
			}
		})
	}
	for _, c := range open {
		next <- c
	}
	close(next)
	running.Wait()
}

// holdBack gives every leg of a group the strictest verdict of the group, and says why to the legs
// that would have passed.
func holdBack(members unit) {
	worst := members[0]
	for _, member := range members[1:] {
		if worst.outcome.Verdict.Laxer(member.outcome.Verdict) {
			worst = member
		}
	}
	for _, member := range members {
		if !member.outcome.Verdict.Laxer(worst.outcome.Verdict) {
			continue
		}
		effect := policy.Blocks
		if worst.outcome.Verdict == policy.RequireApproval {
			effect = policy.Approve
		}
		finding := policy.Finding{Rule: policy.FindingGroup, Effect: effect,
			Message: fmt.Sprintf("the legs of the atomic group %q land together or not at all, and %q is answered %s",
				member.change.AtomicGroupID, worst.change.ID, worst.outcome.Verdict)}
		member.outcome.Findings = append([]policy.Finding{finding}, member.outcome.Findings...)
		// A finding in shadow may be stricter than what holds the leg.
		slices.SortStableFunc(member.outcome.Findings, func(a, b policy.Finding) int { return int(b.Effect) - int(a.Effect) })
		member.outcome.Verdict = worst.outcome.Verdict
	}
}

// scope is the candidate's scope of the kind that rules know by a name.
func (c *candidate) scope(name string) (ledger.Scope, bool) {
	at := slices.IndexFunc(c.scopes, func(scope ledger.Scope) bool { return scope.Kind.String() == name })
	if at < 0 {
		return ledger.Scope{}, false
	}
	return c.scopes[at], true
}
