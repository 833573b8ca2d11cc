package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
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
	Err      error // policy.ErrKeyReused
}

// Check decides the changes of a call, in the order of the request, and returns once the decisions
// are durable. An error concerns the whole call: nothing was recorded then, or, with
// policy.ErrUnavailable, it is not known; asking again with the same change ids is safe.
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
	candidates, groups, err := arrange(principal, request.Changes, batchID, now)
	if err != nil {
		return nil, err
	}
	dryRun := request.DryRun || s.store == nil
	if err := s.decide(ctx, principal, candidates, groups, dryRun, now); err != nil {
		return nil, err
	}
	results := make([]Result, len(candidates))
	for i, c := range candidates {
		results[i] = c.result
	}
	s.logDecisions(principal, results, time.Since(began))
	return results, nil
}

// decide settles every candidate.
func (s *Server) decide(ctx context.Context, principal policy.Principal, candidates []*candidate, groups []*group, dryRun bool, now time.Time) error {
	if s.store != nil {
		if err := s.replayStored(ctx, principal, candidates); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(candidates, func(c *candidate) bool { return !c.settled }) {
		return nil
	}
	active := s.policy.Load()
	s.judge(ctx, active, principal, candidates, now)
	// The caller has gone or runs out of time. What the engine made of it is not worth keeping:
	// the same ids will be asked again.
	if err := ctx.Err(); err != nil {
		return err
	}
	hold(slices.DeleteFunc(slices.Clone(groups), func(g *group) bool { return g.members[0].settled }))
	for _, c := range candidates {
		if c.settled {
			continue
		}
		if err := c.conclude(principal, active, dryRun, now); err != nil {
			return err
		}
	}
	if dryRun {
		for _, c := range candidates {
			if !c.settled {
				c.settle(Result{Decision: c.decision, DryRun: true})
			}
		}
		return nil
	}
	return s.record(ctx, principal, candidates)
}

func (s *Server) replayStored(ctx context.Context, principal policy.Principal, candidates []*candidate) error {
	var stored map[store.DecisionKey]store.DecisionRecord
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		stored, err = r.DecisionsByKeys(keysOf(principal, candidates))
		return err
	})
	if err != nil {
		return err
	}
	replay(principal, candidates, stored)
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
func (c *candidate) conclude(principal policy.Principal, active *Policy, dryRun bool, now time.Time) error {
	id := ""
	if !dryRun {
		made, err := newID("dec")
		if err != nil {
			return err
		}
		id = made
	}
	revision := ""
	if active != nil {
		revision = active.Engine.Digest()
	}
	c.decision = &policy.Decision{
		ID: id, ChangeID: c.change.ID, BatchID: c.change.BatchID, AtomicGroupID: c.change.AtomicGroupID,
		Automation: principal.Subject, Actor: c.change.Actor, Kind: c.change.Kind, Target: c.change.Target,
		Before: c.change.Before, After: c.change.After, Verdict: c.outcome.Verdict, Findings: c.outcome.Findings,
		Revision: revision, ChangeDigest: c.digest, GroupDigest: c.groupDigest(), DecidedAt: now,
	}
	return nil
}

// record commits what was decided, and only then settles it. Somebody else may have decided the
// same keys meanwhile: then theirs stands, and ours was never said.
func (s *Server) record(ctx context.Context, principal policy.Principal, candidates []*candidate) error {
	// The caller's hanging up must not undo a decision half-way; the time is bounded all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout+time.Duration(len(candidates))*time.Millisecond)
	defer cancel()
	// Every conflict settles what it was about, so this comes to an end; a store that reports
	// conflicts with nothing does not keep us.
	for stalled := 0; stalled < 3; {
		pending := make([]*candidate, 0, len(candidates))
		records := make([]store.DecisionRecord, 0, len(candidates))
		for _, c := range candidates {
			if c.settled {
				continue
			}
			record, err := store.NewDecisionRecord(c.decision, c.outcome.Input)
			if err != nil {
				return err
			}
			pending, records = append(pending, c), append(records, record)
		}
		if len(records) == 0 {
			return nil
		}
		err := s.store.Update(ctx, func(tx store.Tx) error { return tx.InsertDecisions(records) })
		switch {
		case err == nil:
			for i, c := range pending {
				c.settle(Result{Decision: c.decision, Encoded: records[i].Encoded})
			}
			return nil
		case !errors.Is(err, store.ErrConflict):
			switch {
			case errors.Is(err, policy.ErrInvalid), errors.Is(err, policy.ErrUnavailable):
			case errors.Is(err, context.DeadlineExceeded):
				err = fmt.Errorf("%w: the record was not written in time: %w", policy.ErrUnavailable, err)
			default:
				err = fmt.Errorf("%w: the record was not written: %w", policy.ErrUnavailable, err)
			}
			s.logger.Error("decisions were not recorded", "changes", len(records), "error", err)
			s.noticeHalt(err)
			return err
		}
		if err := s.replayStored(ctx, principal, candidates); err != nil {
			return err
		}
		if len(keysOf(principal, candidates)) == len(pending) {
			stalled++
		}
	}
	return fmt.Errorf("%w: others are deciding the same changes; ask again", policy.ErrUnavailable)
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
	candidates, groups, err := arrange(principal, changes, "", now)
	if err != nil {
		return Result{}, nil, err
	}
	active := s.policy.Load()
	if active == nil {
		return Result{}, nil, fmt.Errorf("%w: no policy is loaded", policy.ErrUnavailable)
	}
	s.judge(ctx, active, principal, candidates, now)
	if err := ctx.Err(); err != nil {
		return Result{}, nil, err
	}
	hold(groups)
	first := candidates[0]
	if err := first.conclude(principal, active, true, now); err != nil {
		return Result{}, nil, err
	}
	explanation, err := active.Engine.Explain(ctx, first.outcome.Input)
	if err == nil {
		err = inTime(explanation, first.decision.Findings)
	}
	return Result{Decision: first.decision, DryRun: true}, explanation, err
}
