package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// CheckRequest asks for decisions.
type CheckRequest struct {
	Changes []*policy.Change
	// BatchID is for changes that name no batch of their own; empty: one is made up.
	BatchID string
	// DryRun decides and records nothing.
	DryRun bool
}

// Result is what became of one change: a decision, or the reason why there is none.
type Result struct {
	Decision *policy.Decision
	Encoded  []byte // the stored bytes of the decision; nil in a dry run
	Replayed bool   // it had been decided before
	DryRun   bool
	Permit   *permit.Permit // with a recorded ALLOW: the authority to make the change
	Token    string         // the permit, signed; "" once it cannot be claimed any more
	Err      error          // policy.ErrKeyReused
}

// Check decides the changes of a call, in the order of the request, and returns once the decisions
// are durable. An error concerns the whole call. A part of it may have been decided all the same; asking again with the
// same change ids is safe, and answers that part as it was decided.
func (s *Server) Check(ctx context.Context, principal policy.Principal, request CheckRequest) ([]Result, error) {
	if err := s.admit(principal, opCheck); err != nil {
		return nil, err
	}
	began := time.Now() // of the process, for the log; the decision's time is s.now
	if len(request.Changes) == 0 || len(request.Changes) > MaxBatch {
		return nil, &FieldError{"changes", fmt.Sprintf("there are %d; a call takes 1 to %d", len(request.Changes), MaxBatch)}
	}
	batchID := request.BatchID
	if batchID == "" && len(request.Changes) > 1 {
		id, err := newID("bat")
		if err != nil {
			return nil, err
		}
		batchID = id
	}
	now := s.now().UTC().Truncate(time.Microsecond) // as the store keeps it
	candidates, err := arrange(principal, request.Changes, batchID, now)
	if err != nil {
		return nil, err
	}
	dryRun := request.DryRun || s.store == nil
	if !dryRun {
		for _, c := range candidates {
			if c.id, err = newID("dec"); err != nil {
				return nil, err
			}
		}
	}
	if err := s.decide(ctx, principal, candidates, dryRun, now); err != nil {
		return nil, err
	}
	s.sign(candidates, now)
	results := make([]Result, len(candidates))
	for i, c := range candidates {
		results[i] = c.result
	}
	s.logDecisions(principal, results, time.Since(began))
	return results, nil
}

// maxAttempts bounds how often a call is judged anew because somebody switched a mode meanwhile.
const maxAttempts = 3

// errGroundChanged: a mode was switched between judging and recording, or the registry was edited.
var errGroundChanged = fmt.Errorf("%w: modes are being switched, or tests and the calendar edited; ask again", policy.ErrUnavailable)

// decide settles every candidate.
func (s *Server) decide(ctx context.Context, principal policy.Principal, candidates []*candidate, dryRun bool, now time.Time) error {
	for attempt := 1; ; attempt++ {
		err := s.decideOnce(ctx, principal, candidates, dryRun, now)
		if !errors.Is(err, errGroundChanged) || attempt == maxAttempts {
			return err
		}
	}
}

func (s *Server) decideOnce(ctx context.Context, principal policy.Principal, candidates []*candidate, dryRun bool, now time.Time) error {
	active := s.policy.Load()
	g, err := s.lookUp(ctx, principal, active, candidates, now)
	if err != nil {
		return err
	}
	open := units(candidates)
	if len(open) == 0 {
		return nil
	}
	s.judge(ctx, active, principal, candidates, g, now)
	// The caller has gone or runs out of time. What the engine made of it is not worth keeping:
	// the same ids will be asked again.
	if err := ctx.Err(); err != nil {
		return err
	}
	if !dryRun {
		return s.record(ctx, principal, active, candidates, g, now)
	}
	settlement := s.newSettlement(active, principal, g, now)
	for _, members := range open {
		settlement.settle(ctx, members)
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, c := range members {
			c.conclude(principal, active, now)
			c.settle(Result{Decision: c.decision, DryRun: true})
		}
	}
	return nil
}

// lookUp settles the candidates that were decided before, and reads what is known of the targets of the others, and the ground.
func (s *Server) lookUp(ctx context.Context, principal policy.Principal, active *Policy, candidates []*candidate, now time.Time) (g *ground, err error) {
	if s.store == nil {
		return bare(candidates, now), nil
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		if err := replayFrom(r, principal, candidates); err != nil {
			return err
		}
		if err := active.know(r, principal.Subject, candidates, now); err != nil {
			return err
		}
		g, err = s.survey(r, principal.Subject, candidates)
		return err
	})
	return g, err
}

// replayFrom settles the candidates whose keys are stored.
func replayFrom(r store.Reader, principal policy.Principal, candidates []*candidate) error {
	stored, err := r.DecisionsByKeys(keysOf(principal, candidates))
	if err != nil || len(stored) == 0 {
		return err
	}
	var ids []string
	for _, record := range stored {
		if record.Decision.PermitID != "" {
			ids = append(ids, record.Decision.PermitID)
		}
	}
	permits, err := r.Permits(ids)
	if err != nil {
		return err
	}
	replay(principal, candidates, stored, permits)
	return nil
}

func keysOf(principal policy.Principal, candidates []*candidate) []store.DecisionKey {
	keys := make([]store.DecisionKey, 0, len(candidates))
	for _, c := range candidates {
		if !c.settled {
			keys = append(keys, store.DecisionKey{Automation: principal.Subject, ChangeID: c.change.ID})
		}
	}
	return keys
}

// conclude makes the decision of an outcome.
func (c *candidate) conclude(principal policy.Principal, active *Policy, now time.Time) {
	revision := ""
	if active != nil {
		revision = active.Engine.Digest()
	}
	c.decision = &policy.Decision{
		ID: c.id, ChangeID: c.change.ID, BatchID: c.change.BatchID, AtomicGroupID: c.change.AtomicGroupID,
		Automation: principal.Subject, Actor: c.change.Actor, Kind: c.change.Kind, Target: c.change.Target,
		Before: c.change.Before, After: c.change.After, Verdict: c.outcome.Verdict, Findings: c.outcome.Findings,
		Revision: revision, ChangeDigest: c.digest, GroupDigest: c.groupDigest(), DecidedAt: now,
	}
}

// maxTogether is how many changes are recorded in one transaction, but for the legs of a group, which are
// never apart. A large batch must not hold up everybody else for as long as it takes to write it.
const maxTogether = 256

// portions is the units in runs that are recorded together.
func portions(all []unit) [][]unit {
	var runs [][]unit
	count := maxTogether
	for _, members := range all {
		if count += len(members); count > maxTogether {
			runs, count = append(runs, nil), len(members)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], members)
	}
	return runs
}

// record settles and commits what was judged, and only then answers it. When a portion fails, those before it
// stay decided: asked again, they are replayed.
func (s *Server) record(ctx context.Context, principal policy.Principal, active *Policy, candidates []*candidate, g *ground, now time.Time) error {
	// The caller's hanging up must not undo a decision half-way; the time is bounded all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout+time.Duration(len(candidates))*time.Millisecond)
	defer cancel()
	for _, portion := range portions(units(candidates)) {
		if err := s.recordPortion(ctx, principal, active, portion, g, now); err != nil {
			return err
		}
	}
	return nil
}

// recordPortion commits one portion. Somebody else may have decided the same keys meanwhile: then theirs
// stands, and ours was never said.
func (s *Server) recordPortion(ctx context.Context, principal policy.Principal, active *Policy, portion []unit, g *ground, now time.Time) error {
	candidates := slices.Concat(portion...)
	// Every conflict settles what it was about, so this comes to an end; a store that reports
	// conflicts with nothing does not keep us.
	for stalled := 0; stalled < 3; {
		open := len(keysOf(principal, candidates))
		if open == 0 {
			return nil
		}
		if len(portion) > 1 {
			if err := s.rehearse(ctx, principal, active, candidates, g, now); err != nil {
				return err
			}
		}
		for _, c := range candidates {
			if !c.settled {
				c.document() // while the transaction is open nobody else writes
			}
		}
		var written *writing
		err := s.store.Update(ctx, func(tx store.Tx) (err error) {
			written, err = s.write(ctx, tx, principal, active, candidates, g, now)
			return err
		})
		switch {
		case err == nil:
			written.answer()
			if written.edited > 0 { // by ourselves: what is still to come was judged as if the test were on, which is stricter
				judged := *g.registry
				judged.epoch = written.edited
				g.registry = &judged
			}
			s.told(written.escalated.steps...)
			return nil
		case errors.Is(err, errGroundChanged):
			return err
		case !errors.Is(err, store.ErrConflict):
			return s.notRecorded(err, open)
		}
		err = s.store.View(ctx, func(r store.Reader) error { return replayFrom(r, principal, candidates) })
		if err != nil {
			return err
		}
		if len(keysOf(principal, candidates)) == open {
			stalled++
		}
	}
	return fmt.Errorf("%w: others are deciding the same changes; ask again", policy.ErrUnavailable)
}

// rehearse settles a portion outside of its transaction: see settle.go.
func (s *Server) rehearse(ctx context.Context, principal policy.Principal, active *Policy, candidates []*candidate, judged *ground, now time.Time) error {
	var g *ground
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		g, err = s.survey(r, principal.Subject, candidates)
		return err
	})
	if err != nil {
		return err
	}
	g.now = judged.now
	settlement := s.newSettlement(active, principal, g, now)
	for _, members := range units(candidates) {
		settlement.settle(ctx, members)
	}
	return nil
}

// writing is what one transaction decides.
type writing struct {
	candidates []*candidate
	records    []store.DecisionRecord
	permits    []*permit.Permit // of each candidate; nil for none
	escalated  *escalation
	edited     int64 // the epoch of the registry, which a safety stop has edited; 0: none has
}

// write settles the open candidates on the ground as the transaction has it, and writes everything that
// follows: decisions with their keys, inputs and leaves, holds, tallies, permits.
func (s *Server) write(ctx context.Context, tx store.Tx, principal policy.Principal, active *Policy, candidates []*candidate, judged *ground, now time.Time) (*writing, error) {
	g, err := s.survey(tx, principal.Subject, candidates)
	if err != nil {
		return nil, err
	}
	issuedAt := g.now
	g.now = judged.now // windows reach back from when the changes were judged, on the strict side
	settlement := s.newSettlement(active, principal, g, now)
	escalated, err := s.newEscalation(tx, principal, active, candidates, issuedAt)
	if err != nil {
		return nil, err
	}
	w := &writing{escalated: escalated}
	var holds []ledger.Hold
	var permits []permit.Permit
	if g.registry.epoch != judged.registry.epoch {
		return nil, errGroundChanged
	}
	for _, members := range units(candidates) {
		for _, c := range members {
			if g.modes.epoch != judged.modes.epoch && g.standing(c).Mode != c.standing.Mode {
				return nil, errGroundChanged
			}
		}
		settlement.settle(ctx, members)
		for _, c := range members {
			c.conclude(principal, active, now)
		}
		var issued *permit.Permit
		switch members[0].outcome.Verdict {
		case policy.Allow:
			id, err := newID("per")
			if err != nil {
				return nil, err
			}
			given := s.issue(id, principal, members, "", g, issuedAt)
			issued = &given
			permits = append(permits, given)
			escalated.supersede(members, members[0].id)
		case policy.RequireApproval:
			if err := escalated.open(members); err != nil {
				return nil, err
			}
		}
		for _, c := range members {
			if issued != nil {
				c.decision.PermitID = issued.ID
				holds = append(holds, c.placed)
			}
			record, err := store.NewDecisionRecord(c.decision, c.document())
			if err != nil {
				return nil, err
			}
			w.candidates, w.records, w.permits = append(w.candidates, c), append(w.records, record), append(w.permits, issued)
		}
	}
	if err := tx.InsertDecisions(w.records); err != nil {
		return nil, err
	}
	if err := tx.PutTallies(talliesOf(g.state, settlement.moved)); err != nil {
		return nil, err
	}
	if err := tx.InsertPermits(permits); err != nil {
		return nil, err
	}
	if err := tx.InsertHolds(holds); err != nil {
		return nil, err
	}
	if err := tx.PutReverts(settlement.reverts()); err != nil {
		return nil, err
	}
	if w.edited, err = s.contaminate(tx, principal, g.registry, w.allowed(), issuedAt); err != nil {
		return nil, err
	}
	var grants []approval.Grant
	for _, id := range slices.Sorted(maps.Keys(settlement.used)) {
		grants = append(grants, g.grants[id])
	}
	if err := tx.PutGrants(grants); err != nil {
		return nil, err
	}
	return w, escalated.write()
}

// allowed is the changes that have a permit.
func (w *writing) allowed() []*candidate {
	var found []*candidate
	for i, c := range w.candidates {
		if w.permits[i] != nil {
			found = append(found, c)
		}
	}
	return found
}

// answer gives out what has been committed.
func (w *writing) answer() {
	for i, c := range w.candidates {
		c.settle(Result{Decision: c.decision, Encoded: w.records[i].Encoded, Permit: w.permits[i]})
	}
}

func (s *Server) logDecisions(principal policy.Principal, results []Result, took time.Duration) {
	if !s.logger.IsInfo() {
		return
	}
	for _, result := range results {
		if result.Err != nil {
			s.logger.Info("refused", "automation", principal.Subject, "error", result.Err)
			continue
		}
		d := result.Decision
		rules := make([]string, 0, len(d.Findings))
		for _, finding := range d.Findings {
			if !finding.Shadow && finding.Effect > policy.Warn && !slices.Contains(rules, finding.Rule) {
				rules = append(rules, finding.Rule)
			}
		}
		s.logger.Info("decided", "verdict", d.Verdict, "decision_id", d.ID, "change_id", d.ChangeID, "automation", d.Automation,
			"platform", d.Target.Platform, "account", d.Target.Account, "kind", d.Kind, "rules", rules,
			"replayed", result.Replayed, "dry_run", result.DryRun, "call_us", took.Microseconds())
	}
}

// GetDecision returns a decision by its id, or by its key. Who may not see it is told the same as
// when there is none.
func (s *Server) GetDecision(ctx context.Context, principal policy.Principal, id string, key store.DecisionKey) (store.DecisionRecord, error) {
	if err := s.admit(principal, opReadDecisions); err != nil {
		return store.DecisionRecord{}, err
	}
	if key.Automation == "" {
		key.Automation = principal.Subject
	}
	var record store.DecisionRecord
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		if id != "" {
			record, err = r.Decision(id)
		} else {
			record, err = r.DecisionByKey(key)
		}
		return err
	})
	what := id
	if what == "" {
		what = fmt.Sprintf("for change_id %q of %s", key.ChangeID, key.Automation)
	}
	if errors.Is(err, policy.ErrNotFound) || err == nil && !mayRead(principal, record) {
		return store.DecisionRecord{}, fmt.Errorf("%w: there is no decision %s that %s may see", policy.ErrNotFound, what, principal.Subject)
	}
	return record, err
}

func mayRead(principal policy.Principal, record store.DecisionRecord) bool {
	return seesAll(principal) || record.Decision.Automation == principal.Subject
}

// DecisionInput returns the exact document that the rules saw.
func (s *Server) DecisionInput(ctx context.Context, principal policy.Principal, id string) ([]byte, error) {
	if _, err := s.GetDecision(ctx, principal, id, store.DecisionKey{}); err != nil {
		return nil, err
	}
	var input []byte
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		input, err = r.DecisionInput(id)
		return err
	})
	return input, err
}

// ListDecisions returns one page of the decisions that the principal may see, newest first.
func (s *Server) ListDecisions(ctx context.Context, principal policy.Principal, filter store.DecisionFilter, page store.Page) (store.DecisionPage, error) {
	if err := s.admit(principal, opReadDecisions); err != nil {
		return store.DecisionPage{}, err
	}
	if !seesAll(principal) {
		if filter.Automation != "" && filter.Automation != principal.Subject {
			return store.DecisionPage{}, fmt.Errorf("%w: %s sees only its own decisions; leave the automation filter empty", policy.ErrForbidden, principal.Subject)
		}
		filter.Automation = principal.Subject
	}
	var found store.DecisionPage
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.ListDecisions(filter, page)
		return err
	})
	return found, err
}

// Explain shows how a recorded decision came about, by the revision that decided it.
func (s *Server) Explain(ctx context.Context, principal policy.Principal, id string) (store.DecisionRecord, *policy.Explanation, error) {
	if err := s.admit(principal, opExplain); err != nil {
		return store.DecisionRecord{}, nil, err
	}
	record, err := s.GetDecision(ctx, principal, id, store.DecisionKey{})
	if err != nil {
		return store.DecisionRecord{}, nil, err
	}
	if record.Decision.Revision == "" {
		return store.DecisionRecord{}, nil, fmt.Errorf("%w: no policy was loaded when %s was decided, so there are no rules to explain", policy.ErrPrecondition, id)
	}
	input, err := s.DecisionInput(ctx, principal, id)
	if err != nil {
		return store.DecisionRecord{}, nil, err
	}
	engine, err := s.engineFor(ctx, record.Decision.Revision)
	if err != nil {
		return store.DecisionRecord{}, nil, err
	}
	explanation, err := engine.Explain(ctx, input)
	if err == nil {
		err = inTime(explanation, record.Decision.Findings)
	}
	return record, explanation, err
}

// inTime refuses an explanation that ran out of time where the decision did not: it would say of
// rules that did fire that they had nothing to say.
func inTime(explanation *policy.Explanation, decided []policy.Finding) error {
	late := func(finding policy.Finding) bool { return finding.Rule == policy.FindingTimeout }
	if slices.ContainsFunc(explanation.Outcome.Findings, late) && !slices.ContainsFunc(decided, late) {
		return fmt.Errorf("%w: the rules did not come to an end in time when they were run again; ask again", policy.ErrUnavailable)
	}
	return nil
}

// ExplainChanges judges changes now, records nothing, and shows how the first of them came out.
func (s *Server) ExplainChanges(ctx context.Context, principal policy.Principal, changes []*policy.Change) (Result, *policy.Explanation, error) {
	if err := s.admit(principal, opExplain); err != nil {
		return Result{}, nil, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	candidates, err := arrange(principal, changes, "", now)
	if err != nil {
		return Result{}, nil, err
	}
	active := s.policy.Load()
	if active == nil {
		return Result{}, nil, fmt.Errorf("%w: no policy is loaded", policy.ErrUnavailable)
	}
	g := bare(candidates, now)
	if s.store != nil {
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			if err := active.know(r, principal.Subject, candidates, now); err != nil {
				return err
			}
			g, err = s.survey(r, principal.Subject, candidates)
			return err
		})
		if err != nil {
			return Result{}, nil, err
		}
	}
	s.judge(ctx, active, principal, candidates, g, now)
	if err := ctx.Err(); err != nil {
		return Result{}, nil, err
	}
	settlement := s.newSettlement(active, principal, g, now)
	for _, members := range units(candidates) {
		settlement.settle(ctx, members)
	}
	first := candidates[0]
	first.conclude(principal, active, now)
	explanation, err := active.Engine.Explain(ctx, first.document())
	if err == nil {
		err = inTime(explanation, first.decision.Findings)
	}
	return Result{Decision: first.decision, DryRun: true}, explanation, err
}
