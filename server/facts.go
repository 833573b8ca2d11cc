package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/fact"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// MaxFacts is how many facts one call may put.
const MaxFacts = 10_000

// know finds out what connectors know of the targets of the candidates that are open. It is done once for a call, with the rules to be
// asked, and not again when what they said is settled: a fact that comes in between is one that came too late.
func (p *Policy) know(r store.FactReader, automation string, candidates []*candidate, now time.Time) error {
	if p == nil { // nothing will be asked
		return nil
	}
	entities := make([]fact.Entity, 0, 6*len(candidates)) // a chain has at most six
	for _, c := range candidates {
		if !c.settled {
			entities = append(entities, fact.Chain(&c.change.Target, automation)...)
		}
	}
	records, err := r.Facts(entities)
	if err != nil {
		return err
	}
	known := fact.NewKnown(records)
	for _, c := range candidates {
		if !c.settled {
			c.facts, c.stale = fact.Merge(known, c.change, automation, p.facts, now)
			// How much of its account's delivery a change takes away is among what is known.
			c.hold.Movement = ledger.MovementKnowing(c.change, c.facts)
		}
	}
	return nil
}

// PutFacts stores what a connector has observed, all of it or nothing, and says how many facts are new; the others are no newer than what
// is there. An error of a fact is a [FieldError] that names it.
func (s *Server) PutFacts(ctx context.Context, principal policy.Principal, records []fact.Record) (stored int, err error) {
	if err := s.admit(principal, opPutFacts); err != nil {
		return 0, err
	}
	if len(records) == 0 || len(records) > MaxFacts {
		return 0, &FieldError{"facts", fmt.Sprintf("there are %d; a call takes 1 to %d", len(records), MaxFacts)}
	}
	active := s.policy.Load()
	if active == nil {
		return 0, fmt.Errorf("%w: no policy is loaded, so it is not known which facts there are", policy.ErrUnavailable)
	}
	now := s.now().UTC()
	put := make([]fact.Record, len(records))
	for i, record := range records {
		record.ObservedAt, record.CompleteThrough = record.ObservedAt.UTC().Truncate(time.Microsecond), record.CompleteThrough.UTC().Truncate(time.Microsecond)
		if err := checkFact(&record, active.facts, now); err != nil {
			if wrong, ok := errors.AsType[*fact.Error](err); ok {
				return 0, &FieldError{fmt.Sprintf("facts[%d].%s", i, wrong.Field), wrong.Problem}
			}
			return 0, err
		}
		record.PutBy = principal.Subject
		put[i] = record
	}
	err = s.update(ctx, len(put), func(tx store.Tx) (err error) {
		for i := range put {
			put[i].PutAt = tx.Now()
		}
		stored, err = tx.PutFacts(put)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.logger.Debug("facts put", "connector", principal.Subject, "stored", stored, "outdated", len(put)-stored)
	return stored, nil
}

// checkFact says what is against a fact. Names are held to what those of targets are held to: under "77 " it would never be found.
func checkFact(record *fact.Record, definitions map[string]policy.FactDefinition, now time.Time) error {
	if err := record.Validate(); err != nil {
		return err
	}
	for _, word := range []struct{ field, text string }{
		{"entity.platform", record.Entity.Platform}, {"entity.entity_type", record.Entity.Type}, {"name", record.Name},
	} {
		if word.text != "" && !isWord(word.text, "_") {
			return &fact.Error{Field: word.field, Problem: fmt.Sprintf("is %q; write lower-case letters, digits and _ only", word.text)}
		}
	}
	for _, name := range []struct{ field, text string }{
		{"entity.account", record.Entity.Account}, {"entity.entity_id", record.Entity.ID}, {"value.text", record.Value.Text}, {"source", record.Source},
	} {
		if problem := unclear(name.text); problem != "" {
			return &fact.Error{Field: name.field, Problem: fmt.Sprintf("%q %s", name.text, problem)}
		}
	}
	return record.Admit(definitions, now)
}

// ListedFact is a fact with whether it is unknown by now.
type ListedFact struct {
	fact.Record
	Stale bool
}

// ListFacts returns one page of what connectors have observed, by entity and name, stale facts too.
func (s *Server) ListFacts(ctx context.Context, principal policy.Principal, filter store.FactFilter, page store.Page) (facts []ListedFact, next store.Cursor, err error) {
	if err := s.admit(principal, opReadFacts); err != nil {
		return nil, "", err
	}
	var records []fact.Record
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		records, next, err = r.ListFacts(filter, page)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	var definitions map[string]policy.FactDefinition
	if active := s.policy.Load(); active != nil {
		definitions = active.facts
	}
	now := s.now()
	for _, record := range records {
		facts = append(facts, ListedFact{record, record.Stale(definitions, now)})
	}
	return facts, next, nil
}
