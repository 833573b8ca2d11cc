package server_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// extraRule is a rule that blocks everything, by a name of its own.
func extraRule(name string) string {
	return fmt.Sprintf(`# METADATA
# title: All of it
# description: Nothing passes.
# custom: {id: test.%[1]s, owner: nobody, source: test}
package bidrail.rules.%[1]s

block contains finding if {
	input.change.after
	finding := {"message": "nothing passes"}
}
`, name)
}

func strict(t testing.TB, name string) fs.FS {
	return servertest.Pack(t, map[string]string{"rules/" + name + ".rego": extraRule(name)})
}

// The policy is replaced while changes are judged: each decision is of one revision, whole.
func TestPolicyIsReplacedUnderLoad(t *testing.T) {
	s := servertest.New(t)
	lax, tight := servertest.Load(t, servertest.Pack(t, nil)), servertest.Load(t, strict(t, "nothing"))
	stop := make(chan struct{})
	var running sync.WaitGroup
	seen := sync.Map{}
	for worker := range 4 {
		running.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				group := fmt.Sprintf("%d-%d", worker, i)
				results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(
					servertest.InGroup(group, servertest.Bid(group+"a", 100, 110), servertest.Bid(group+"b", 100, 110))...)})
				if err != nil {
					t.Error(err)
					return
				}
				for _, result := range results {
					d := result.Decision
					blocked := findingOf(d, "test.nothing") != nil
					switch {
					case d.Revision != results[0].Decision.Revision:
						t.Error("two revisions decided one call")
					case d.Revision == lax.Engine.Digest() && !blocked && d.Verdict == policy.Allow:
					case d.Revision == tight.Engine.Digest() && blocked && d.Verdict == policy.Block:
					default:
						t.Errorf("revision %s answered %v with %+v", d.Revision, d.Verdict, d.Findings)
					}
					seen.Store(d.Revision, true)
				}
			}
		})
	}
	for i := range 20 {
		next := tight
		if i%2 == 1 {
			next = lax
		}
		if err := s.Core.Activate(t.Context(), next); err != nil {
			t.Error(err)
		}
		decide(t, s, servertest.Bid(fmt.Sprint("between ", i), 100, 110))
	}
	close(stop)
	running.Wait()
	for _, loaded := range []*server.Policy{lax, tight} {
		if _, ok := seen.Load(loaded.Engine.Digest()); !ok {
			t.Logf("revision %s decided nothing under load", loaded.Engine.Digest())
		}
	}
}

func TestActivate(t *testing.T) {
	s := servertest.New(t)
	before, err := s.Core.ActiveRevision(t.Context(), s.Auditor.Principal)
	if err != nil {
		t.Fatal(err)
	}
	if !before.LoadedAt.Equal(servertest.Start) || before.Source != "shipped" || before.Rules == 0 || before.LimitEntries == 0 {
		t.Errorf("the active revision: %+v", before)
	}
	next := servertest.Load(t, strict(t, "nothing"))
	if err := s.Core.Activate(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	after, err := s.Core.ActiveRevision(t.Context(), s.Auditor.Principal)
	if err != nil {
		t.Fatal(err)
	}
	if after.Digest != next.Engine.Digest() || after.Rules != before.Rules+1 {
		t.Errorf("after: got %+v, want %s with one rule more", after, next.Engine.Digest())
	}
	rules, digest, err := s.Core.Rules(t.Context(), s.Auditor.Principal)
	if err != nil || digest != after.Digest || len(rules) != after.Rules {
		t.Errorf("got %d rules of %s and %v, want %d of %s", len(rules), digest, err, after.Rules, after.Digest)
	}
	if !slices.IsSortedFunc(rules, func(a, b *policy.Rule) int { return cmpText(a.ID, b.ID) }) {
		t.Error("the catalogue is not sorted by id")
	}
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// A revision that cannot be kept must not decide: its decisions could not be explained.
func TestActivateCannotKeep(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	was := decide(t, s, servertest.Bid("a", 100, 110))[0].Decision.Revision
	fake.OnUpdate(func(context.Context, func(store.Tx) error) error { return store.ErrHalted })
	if err := s.Core.Activate(t.Context(), servertest.Load(t, strict(t, "nothing"))); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	fake.OnUpdate(nil)
	if is := decide(t, s, servertest.Bid("b", 100, 110))[0].Decision.Revision; is != was {
		t.Errorf("revision %s decides, want %s still", is, was)
	}
}

func TestExplain(t *testing.T) {
	s := servertest.New(t)
	decided := decide(t, s, servertest.Bid("a", 100, 6000))[0].Decision
	explain := func(t *testing.T) {
		t.Helper()
		record, explanation, err := s.Core.Explain(t.Context(), s.Automation.Principal, decided.ID)
		if err != nil {
			t.Fatal(err)
		}
		if record.Decision.ID != decided.ID {
			t.Errorf("got decision %s, want %s", record.Decision.ID, decided.ID)
		}
		fired := map[string]bool{}
		for _, rule := range explanation.Rules {
			fired[rule.Rule.ID] = rule.Effect != policy.EffectNone
		}
		if !fired["bid.ceiling"] || fired["state.protected"] {
			t.Errorf("fired: %v, want bid.ceiling and not state.protected", fired)
		}
		if _, there := fired["test.nothing"]; there {
			t.Error("explained by another revision")
		}
	}
	t.Run("by the active revision", explain)
	if err := s.Core.Activate(t.Context(), servertest.Load(t, strict(t, "nothing"))); err != nil {
		t.Fatal(err)
	}
	t.Run("by a revision that was kept", explain)
}

func TestExplainWithoutItsRevision(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	decided := decide(t, s, servertest.Bid("a", 100, 110))[0].Decision
	if err := s.Core.Activate(t.Context(), servertest.Load(t, strict(t, "nothing"))); err != nil {
		t.Fatal(err)
	}
	var lost error
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		return fake.Store.View(ctx, func(r store.Reader) error { return fn(revisionless{r, lost}) })
	})
	for name, test := range map[string]struct{ lost, want, not error }{
		"it is gone":        {policy.ErrNotFound, policy.ErrPrecondition, policy.ErrNotFound},
		"it cannot be read": {policy.ErrUnavailable, policy.ErrUnavailable, policy.ErrPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			lost = test.lost
			_, _, err := s.Core.Explain(t.Context(), s.Auditor.Principal, decided.ID)
			// The door looks for one after the other, so it must be the one and not both.
			if !errors.Is(err, test.want) || errors.Is(err, test.not) {
				t.Errorf("got %v, want %v and not %v", err, test.want, test.not)
			}
		})
	}
}

// revisionless is a reader that has lost its revisions.
type revisionless struct {
	store.Reader
	err error
}

func (r revisionless) Revision(string) (store.Revision, error) { return store.Revision{}, r.err }

// Tables are not kept with a revision, so what needed them is not explained by guessing.
func TestExplainWithoutItsTables(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{
		"limits/keywords.csv": "platform,account,entity,bid.ceiling\ngoogle_ads,example,k-a,2.00 USD\n",
	})))
	decided := decide(t, s, servertest.Bid("a", 200, 220))[0].Decision
	if decided.Verdict != policy.Block {
		t.Fatalf("the table's ceiling did not hold: %v %+v", decided.Verdict, decided.Findings)
	}
	if _, _, err := s.Core.Explain(t.Context(), s.Auditor.Principal, decided.ID); err != nil {
		t.Errorf("while it is active: %v", err)
	}
	if err := s.Core.Activate(t.Context(), servertest.Load(t, servertest.Pack(t, nil))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Core.Explain(t.Context(), s.Auditor.Principal, decided.ID); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("afterwards: got %v, want ErrPrecondition", err)
	}
}

func TestExplainChanges(t *testing.T) {
	s := servertest.New(t)
	legs := servertest.InGroup("g", servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 6000))
	result, explanation, err := s.Core.ExplainChanges(t.Context(), s.Automation.Principal, servertest.Domain(legs...))
	if err != nil {
		t.Fatal(err)
	}
	if result.Decision.ChangeID != "a" || result.Decision.Verdict != policy.Block || !result.DryRun || result.Decision.ID != "" {
		t.Errorf("got %+v, want a held by its group, unrecorded", result.Decision)
	}
	if len(explanation.Rules) == 0 {
		t.Error("no rules are explained")
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Core.ExplainChanges(ctx, s.Automation.Principal, servertest.Domain(servertest.Bid("c", 100, 110))); !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller who is gone: got %v, want context.Canceled", err)
	}
}

func TestARouteNamesRulesThatThereAre(t *testing.T) {
	files := servertest.Company(t, map[string]string{"routes/data.yaml": "routes:\n  - {name: typo, rules: [bid.stepp], stages: [{name: s, any_of: [{group: growth}]}]}\n"})
	revision, err := policy.ReadRevision(files, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.LoadPolicy(t.Context(), revision, policy.Options{SkipTests: true}); !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), `"bid.stepp"`) {
		t.Errorf("got %v", err)
	}
}
