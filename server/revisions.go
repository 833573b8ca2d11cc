package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// Policy is a revision made ready to decide: its compiled rules, and the records that are data of
// the revision. It is immutable and replaced whole.
type Policy struct {
	Engine      *policy.Engine
	experiments []experiment.Experiment
	tests       *experiment.Index // of these
	calendar    *calendar.Calendar
	names       []ledger.Name // of the windows, short ones first
	lengths     map[string]ledger.Length
	rates       ledger.Rates
	directory   *approval.Directory
	routes      *approval.Routes
	facts       map[string]policy.FactDefinition
	loadedAt    time.Time
}

// LoadPolicy compiles a revision and reads its records, or refuses it with everything that is
// wrong with it. Nothing is active until [Server.Activate].
func LoadPolicy(ctx context.Context, revision *policy.Revision, options policy.Options) (*Policy, error) {
	engine, err := policy.Compile(ctx, revision, options)
	if err != nil {
		return nil, err
	}
	experiments, err := experiment.Decode(revision.Data("experiments"))
	if err != nil {
		return nil, err
	}
	entries, err := calendar.Decode(revision.Data("calendar"))
	if err != nil {
		return nil, err
	}
	names, err := ledger.DecodeLengths(revision.Data("windows"))
	if err != nil {
		return nil, err
	}
	rates, err := ledger.DecodeRates(revision.Data("rates"))
	if err != nil {
		return nil, err
	}
	directory, err := approval.DecodeDirectory(revision.Data("people"))
	if err != nil {
		return nil, err
	}
	routes, err := approval.DecodeRoutes(revision.Data("routes"))
	if err != nil {
		return nil, err
	}
	for _, id := range routes.Rules() {
		if !slices.ContainsFunc(engine.Rules(), func(rule *policy.Rule) bool { return rule.ID == id }) {
			return nil, fmt.Errorf("%w: routes/data.yaml names the rule %q, which there is not; see bidrail rules list", policy.ErrInvalid, id)
		}
	}
	facts, err := revision.FactDefinitions()
	if err != nil {
		return nil, err
	}
	lengths := make(map[string]ledger.Length, len(names))
	for _, name := range names {
		lengths[name.Name] = name.Length
	}
	return &Policy{Engine: engine, experiments: experiments, tests: experiment.NewIndex(experiments), calendar: entries, names: names, lengths: lengths, rates: rates,
		directory: directory, routes: routes, facts: facts}, nil
}

// Given is what is registered while something is tried out.
type Given struct {
	Experiments []experiment.Experiment // beside those of the revision
	Calendar    calendar.Calendar       // beside that of the revision
	Directory   *approval.Directory     // in place of the revision's; nil: that one
}

// With is the policy with what is given, to try out what the rules make of it.
func (p *Policy) With(given Given) *Policy {
	with := *p
	with.experiments = slices.Concat(p.experiments, given.Experiments)
	with.tests = experiment.NewIndex(with.experiments)
	with.calendar = calendar.Join(p.calendar, &given.Calendar)
	if given.Directory != nil {
		with.directory = given.Directory
	}
	return &with
}

// person is who a subject is, by the active policy; nobody where there is none.
func (p *Policy) person(subject string) approval.Person {
	if p == nil {
		return approval.Person{}
	}
	return p.directory.Person(subject)
}

// roster is who there is, by the active policy.
func (p *Policy) roster() approval.Roster {
	if p == nil {
		return approval.Roster{People: p.person, Members: func(string) []approval.Person { return nil }}
	}
	return p.directory.Roster()
}

// Activate makes a policy the one that decides, from the next change on. A call that is under way
// ends with the policy it began with.
func (s *Server) Activate(ctx context.Context, next *Policy) error {
	revision := next.Engine.Revision()
	active := *next
	active.loadedAt = s.now()
	if s.store != nil {
		archive, err := revision.Archive()
		if err != nil {
			return fmt.Errorf("keep revision %s: %w", revision.Digest, err)
		}
		err = s.store.Update(ctx, func(tx store.Tx) error {
			return tx.PutRevision(revision.Digest, active.loadedAt, archive)
		})
		s.noticeHalt(err)
		if err != nil {
			return fmt.Errorf("keep revision %s: %w", revision.Digest, err)
		}
	}
	s.policy.Store(&active)
	if active.directory.Empty() {
		s.logger.Warn("people/data.yaml names nobody, so whatever needs people will expire; the policy guide says how to name them")
	}
	evaluator, fallBack := active.Engine.Evaluator()
	if fallBack != nil {
		s.logger.Warn("this policy cannot be compiled, so OPA's own evaluator runs it: slower, and less of what rules read and is not there is noticed",
			"revision", revision.Digest, "reason", fallBack)
	}
	s.logger.Info("policy active", "revision", revision.Digest, "source", revision.Source,
		"rules", len(active.Engine.Rules()), "limit_entries", revision.Limits().Len(), "evaluator", evaluator)
	return nil
}

// RevisionInfo describes the active revision.
type RevisionInfo struct {
	Digest       string
	Source       string
	LoadedAt     time.Time
	Modules      int
	Rules        int
	LimitEntries int
}

// ActiveRevision describes the active policy.
func (s *Server) ActiveRevision(_ context.Context, principal policy.Principal) (RevisionInfo, error) {
	if err := s.admit(principal, opReadRules); err != nil {
		return RevisionInfo{}, err
	}
	active := s.policy.Load()
	if active == nil {
		return RevisionInfo{}, fmt.Errorf("%w: no policy is loaded", policy.ErrUnavailable)
	}
	revision := active.Engine.Revision()
	return RevisionInfo{revision.Digest, revision.Source, active.loadedAt, revision.Modules(),
		len(active.Engine.Rules()), revision.Limits().Len()}, nil
}

// Rules returns the catalogue of the active policy and its digest.
func (s *Server) Rules(_ context.Context, principal policy.Principal) ([]*policy.Rule, string, error) {
	if err := s.admit(principal, opReadRules); err != nil {
		return nil, "", err
	}
	active := s.policy.Load()
	if active == nil {
		return nil, "", fmt.Errorf("%w: no policy is loaded", policy.ErrUnavailable)
	}
	return active.Engine.Rules(), active.Engine.Digest(), nil
}

// explainDeadline bounds rules that are run again by a revision that is no longer active. Nobody's
// bid waits for it.
const explainDeadline = 5 * time.Second

// engineFor returns the engine of a revision: the active one, or one compiled from what was kept.
func (s *Server) engineFor(ctx context.Context, digest string) (*policy.Engine, error) {
	if active := s.policy.Load(); active != nil && active.Engine.Digest() == digest {
		return active.Engine, nil
	}
	var kept store.Revision
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		kept, err = r.Revision(digest)
		return err
	})
	switch {
	case errors.Is(err, policy.ErrNotFound):
		return nil, fmt.Errorf("%w: revision %s decided, and it was not kept", policy.ErrPrecondition, digest)
	case err != nil:
		return nil, err
	}
	revision, err := policy.ReadBundle(bytes.NewReader(kept.Archive), "kept revision "+digest)
	if err != nil {
		return nil, err
	}
	if revision.Digest != digest {
		return nil, fmt.Errorf("%w: revision %s decided; its limits tables were not kept with it, so load that folder again to explain the decision",
			policy.ErrPrecondition, digest)
	}
	return policy.Compile(ctx, revision, policy.Options{SkipTests: true, Deadline: explainDeadline})
}
