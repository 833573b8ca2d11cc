package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/store"
)

// ExperimentRecord is one version of a registered test, or a test of the active revision.
type ExperimentRecord struct {
	Experiment   experiment.Experiment
	State        string // as of when it was asked for; of an earlier version, as of when that was made
	Version      int64  // 0 for one of the revision
	By           string // who made it; of a safety stop, the automation
	At           time.Time
	Reason       string
	FromRevision bool // declared in the active revision, and edited there
}

// PutExperiment registers a test or edits one. version is the one that the caller has seen; 0 for a new one.
func (s *Server) PutExperiment(ctx context.Context, principal policy.Principal, next experiment.Experiment, version int64, reason string) (ExperimentRecord, error) {
	if err := s.admit(principal, opPutExperiment); err != nil {
		return ExperimentRecord{}, err
	}
	active := s.policy.Load()
	if problem := active.strangeOwner(next.Owner); problem != "" {
		return ExperimentRecord{}, &FieldError{"experiment.owner", problem}
	}
	if _, err := next.Encode(); err != nil { // what could not be read is wrong whichever version it is of
		return ExperimentRecord{}, err
	}
	return s.edit(ctx, principal, next.ID, reason, func(known *records, current *ExperimentRecord, now time.Time) (experiment.Experiment, error) {
		if _, declared := active.experiment(next.ID); declared {
			return next, fmt.Errorf("%w: experiment %s is declared in the active policy revision; edit it there, or take another id", policy.ErrPrecondition, next.ID)
		}
		seen := int64(0)
		if current != nil {
			seen = current.Version
		}
		switch {
		case version != seen && seen == 0:
			return next, fmt.Errorf("%w: there is no experiment %s, and you have edited version %d of it", policy.ErrPrecondition, next.ID, version)
		case version != seen:
			return next, fmt.Errorf("%w: experiment %s is at version %d by %s, and you have edited version %d; read it again", policy.ErrPrecondition, next.ID, seen, current.By, version)
		case current != nil:
			edited, err := current.Experiment.Edit(next, now)
			if err != nil {
				return next, err
			}
			next = edited
		case next.Ended():
			return next, fmt.Errorf("%w: experiment %s would be %s before it was registered; leave the state out, or write draft", policy.ErrPrecondition, next.ID, next.State)
		}
		return next, active.alone(known, &next)
	})
}

// StartExperiment ends the draft of a test: from now on its dates hold or, at once, it begins now.
func (s *Server) StartExperiment(ctx context.Context, principal policy.Principal, id string, atOnce bool, reason string) (ExperimentRecord, error) {
	if err := s.admit(principal, opPutExperiment); err != nil {
		return ExperimentRecord{}, err
	}
	active := s.policy.Load()
	return s.edit(ctx, principal, id, reason, func(known *records, current *ExperimentRecord, now time.Time) (experiment.Experiment, error) {
		if current == nil {
			return experiment.Experiment{}, active.noExperiment(id)
		}
		started, err := current.Experiment.Start(now, atOnce)
		if err != nil {
			return started, err
		}
		return started, active.alone(known, &started)
	})
}

// AbortExperiment stops a test for good.
func (s *Server) AbortExperiment(ctx context.Context, principal policy.Principal, id, reason string) (ExperimentRecord, error) {
	if err := s.admit(principal, opAbortExperiment); err != nil {
		return ExperimentRecord{}, err
	}
	return s.end(ctx, principal, id, reason, experiment.Experiment.Abort)
}

// ConcludeExperiment ends a test that is being evaluated.
func (s *Server) ConcludeExperiment(ctx context.Context, principal policy.Principal, id, reason string) (ExperimentRecord, error) {
	if err := s.admit(principal, opPutExperiment); err != nil {
		return ExperimentRecord{}, err
	}
	return s.end(ctx, principal, id, reason, experiment.Experiment.Conclude)
}

func (s *Server) end(ctx context.Context, principal policy.Principal, id, reason string, end func(experiment.Experiment, time.Time) (experiment.Experiment, error)) (ExperimentRecord, error) {
	if reason == "" {
		return ExperimentRecord{}, &FieldError{"reason", "is missing: whoever reads the record wants to know why"}
	}
	active := s.policy.Load()
	return s.edit(ctx, principal, id, reason, func(_ *records, current *ExperimentRecord, now time.Time) (experiment.Experiment, error) {
		if current == nil {
			return experiment.Experiment{}, active.noExperiment(id)
		}
		return end(current.Experiment, now)
	})
}

// edit writes the next version of a test, in the transaction in which it was read.
func (s *Server) edit(ctx context.Context, principal policy.Principal, id, reason string,
	next func(known *records, current *ExperimentRecord, now time.Time) (experiment.Experiment, error)) (written ExperimentRecord, err error) {
	err = s.update(ctx, 1, func(tx store.Tx) error {
		known, err := s.readRegistry(tx)
		if err != nil {
			return err
		}
		current, err := known.experiment(id, tx.Now())
		if err != nil {
			return err
		}
		edited, err := next(known, current, tx.Now())
		if err != nil {
			return err
		}
		version := int64(1)
		if current != nil {
			version = current.Version + 1
		}
		written, err = putExperiment(tx, edited, version, principal.Subject, reason)
		return err
	})
	if err != nil {
		return ExperimentRecord{}, err
	}
	s.logger.Info("experiment edited", "experiment", id, "version", written.Version, "state", written.State, "by", written.By, "reason", reason)
	return written, nil
}

// putExperiment writes a version of a test.
func putExperiment(tx store.Tx, e experiment.Experiment, version int64, by, reason string) (ExperimentRecord, error) {
	body, err := e.Encode()
	if err != nil {
		return ExperimentRecord{}, err
	}
	entry := registry.Entry{Kind: registry.Experiment, ID: e.ID, Version: version, At: tx.Now(), By: by, Reason: reason, Body: body}
	if err := tx.PutEntry(entry); err != nil {
		return ExperimentRecord{}, err
	}
	return recordOf(entry, tx.Now())
}

// recordOf reads an entry of a test.
func recordOf(entry registry.Entry, now time.Time) (ExperimentRecord, error) {
	e, err := experiment.DecodeEntry(entry.ID, entry.Body)
	if err != nil {
		return ExperimentRecord{}, fmt.Errorf("registry: %w", err)
	}
	return ExperimentRecord{Experiment: e, State: e.StateAt(now), Version: entry.Version, By: entry.By, At: entry.At, Reason: entry.Reason}, nil
}

// experiment is the newest version of a test of the registry; nil: there is none.
func (k *records) experiment(id string, now time.Time) (*ExperimentRecord, error) {
	for _, entry := range k.entries {
		if entry.Kind == registry.Experiment && entry.ID == id && !entry.Removed {
			record, err := recordOf(entry, now)
			return &record, err
		}
	}
	return nil, nil
}

// experiment is a test that the revision declares.
func (p *Policy) experiment(id string) (experiment.Experiment, bool) {
	if p == nil {
		return experiment.Experiment{}, false
	}
	at := slices.IndexFunc(p.experiments, func(e experiment.Experiment) bool { return e.ID == id })
	if at < 0 {
		return experiment.Experiment{}, false
	}
	return p.experiments[at], true
}

// noExperiment says why there is nothing to edit.
func (p *Policy) noExperiment(id string) error {
	if _, declared := p.experiment(id); declared {
		return fmt.Errorf("%w: experiment %s is declared in the active policy revision; edit it there", policy.ErrPrecondition, id)
	}
	return fmt.Errorf("%w: there is no experiment %q", policy.ErrNotFound, id)
}

// strangeOwner says what is wrong with an owner: its test would be one that nobody may answer for. Where nobody is named at all there
// is nothing to go by.
func (p *Policy) strangeOwner(owner string) string {
	if p == nil || p.directory.Empty() || len(p.roster().Members(owner)) > 0 {
		return ""
	}
	return fmt.Sprintf("%q is no group of people/data.yaml, and the owner is asked about what may disturb the test; name a group, of one person if need be", owner)
}

// alone refuses a test that would have something in it that another one has at the same time.
func (p *Policy) alone(known *records, e *experiment.Experiment) error {
	if err := e.Overlap(known.experiments); err != nil || p == nil {
		return err
	}
	return e.Overlap(p.experiments)
}

// ListExperiments returns the tests by id, those of the active revision among them.
func (s *Server) ListExperiments(ctx context.Context, principal policy.Principal, ended bool) ([]ExperimentRecord, error) {
	if err := s.admit(principal, opReadExperiments); err != nil {
		return nil, err
	}
	var found []ExperimentRecord
	err := s.store.View(ctx, func(r store.Reader) error {
		found = nil
		known, err := s.readRegistry(r)
		if err != nil {
			return err
		}
		for _, entry := range known.entries {
			if entry.Kind != registry.Experiment || entry.Removed {
				continue
			}
			record, err := recordOf(entry, r.Now())
			if err != nil {
				return err
			}
			found = append(found, record)
		}
		if active := s.policy.Load(); active != nil {
			for _, e := range active.experiments {
				found = append(found, ExperimentRecord{Experiment: e, State: e.StateAt(r.Now()), FromRevision: true})
			}
		}
		return nil
	})
	if !ended {
		found = slices.DeleteFunc(found, func(record ExperimentRecord) bool { return record.Experiment.Ended() })
	}
	slices.SortStableFunc(found, func(a, b ExperimentRecord) int { return strings.Compare(a.Experiment.ID, b.Experiment.ID) })
	return found, err
}

// GetExperiment returns a test, and how it was after each edit, the first first: none for one of the revision.
func (s *Server) GetExperiment(ctx context.Context, principal policy.Principal, id string) (now ExperimentRecord, versions []ExperimentRecord, err error) {
	if err := s.admit(principal, opReadExperiments); err != nil {
		return now, nil, err
	}
	err = s.store.View(ctx, func(r store.Reader) error {
		versions = nil
		events, err := r.Events(audit.Experiment, id)
		if err != nil {
			return err
		}
		for _, event := range events {
			entry, err := registry.Decode(event.Record)
			if err != nil {
				return err
			}
			record, err := recordOf(entry, entry.At)
			if err != nil {
				return err
			}
			versions = append(versions, record)
		}
		if len(versions) > 0 {
			now = versions[len(versions)-1]
			now.State = now.Experiment.StateAt(r.Now())
			return nil
		}
		active := s.policy.Load()
		declared, there := active.experiment(id)
		if !there {
			return active.noExperiment(id)
		}
		now = ExperimentRecord{Experiment: declared, State: declared.StateAt(r.Now()), FromRevision: true}
		return nil
	})
	return now, versions, err
}

// Contaminations returns what was allowed although it disturbs a test, the first first.
func (s *Server) Contaminations(ctx context.Context, principal policy.Principal, id string) (found []experiment.Contamination, err error) {
	if err := s.admit(principal, opReadContaminations); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		if found, err = r.Contaminations(id); err != nil || len(found) > 0 {
			return err
		}
		events, err := r.Events(audit.Experiment, id)
		if err != nil || len(events) > 0 {
			return err
		}
		active := s.policy.Load()
		if _, declared := active.experiment(id); !declared {
			return active.noExperiment(id)
		}
		return nil
	})
	return found, err
}
