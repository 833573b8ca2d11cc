package server_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// gate stands before a store and lets one call through at a time, when it is told to: whoever says which decides
// the order of everything that many callers do.
type gate struct {
	store.Store

	mutex   sync.Mutex
	waiting []*visit
	state   gateState
}

type gateState int

const (
	guarded gateState = iota // calls wait
	open                     // calls go through
	gone                     // there is no store any more
)

// visit is a call that waits.
type visit struct {
	who   string
	write bool
	fate  chan fate
}

// fate is what becomes of a call.
type fate string

const (
	through  fate = "through"
	fails    fate = "fails"    // and everybody knows that it did
	lost     fate = "lost"     // and nobody knows that it did
	unheard  fate = "unheard"  // it is stored, and nobody knows
	undone   fate = "undone"   // all of it was written, and then taken back
	crashed  fate = "crashed"  // the process ends
	patience fate = "patience" // of the caller, which ended first
)

// caller is the key of the name of a caller in a context. Those without a name do not wait.
type caller struct{}

func (g *gate) visit(ctx context.Context, write bool) fate {
	who, named := ctx.Value(caller{}).(string)
	g.mutex.Lock()
	if g.state == gone || g.state == open || !named {
		defer g.mutex.Unlock()
		if g.state == gone {
			return crashed
		}
		return through
	}
	v := &visit{who, write, make(chan fate, 1)}
	g.waiting = append(g.waiting, v)
	g.mutex.Unlock()
	select {
	case fate := <-v.fate:
		return fate
	case <-ctx.Done():
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.waiting = slices.DeleteFunc(g.waiting, func(other *visit) bool { return other == v })
		return patience
	}
}

// View implements store.Store.
func (g *gate) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := g.meet(ctx, g.visit(ctx, false)); err != nil {
		return err
	}
	return g.Store.View(ctx, fn)
}

// Update implements store.Store.
func (g *gate) Update(ctx context.Context, fn func(store.Tx) error) error {
	switch fate := g.visit(ctx, true); fate {
	case unheard:
		if err := g.Store.Update(ctx, fn); err != nil {
			return err
		}
		return store.ErrUnknownOutcome
	case undone:
		return g.Store.Update(ctx, func(tx store.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return g.meet(ctx, fails)
		})
	default:
		if err := g.meet(ctx, fate); err != nil {
			return err
		}
		return g.Store.Update(ctx, fn)
	}
}

// meet is the error of what does not go through.
func (g *gate) meet(ctx context.Context, fate fate) error {
	switch fate {
	case through, unheard, undone:
		return nil
	case fails:
		return fmt.Errorf("%w: simulated", policy.ErrUnavailable)
	case patience:
		return ctx.Err()
	default:
		return store.ErrUnknownOutcome
	}
}

// visits is the calls that wait, in an order that does not depend on who came first.
func (g *gate) visits() []*visit {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	slices.SortFunc(g.waiting, func(a, b *visit) int { return cmp.Compare(a.who, b.who) })
	return slices.Clone(g.waiting)
}

// grant decides about one call.
func (g *gate) grant(v *visit, fate fate) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *visit) bool { return other == v })
	v.fate <- fate
}

// become lets all that wait go, in the new state.
func (g *gate) become(state gateState) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.state = state
	for _, v := range g.waiting {
		v.fate <- map[gateState]fate{open: through, gone: crashed}[state]
	}
	g.waiting = nil
}

// lives is every step that a permit may take.
var lives = map[permit.State][]permit.State{
	permit.None:    {permit.Issued},
	permit.Issued:  {permit.Claimed, permit.Failed, permit.Expired, permit.Revoked},
	permit.Claimed: {permit.Applied, permit.Partial, permit.Failed, permit.Unknown},
	permit.Unknown: {permit.Applied, permit.Partial, permit.Failed, permit.Unknown},
}

// compare says where a step from one state of the store to the next, made by one transaction, breaks a promise. before is the
// permits by id.
func (w *whole) compare(before map[string]permit.Permit) []string {
	var found []string
	seen := 0
	for _, now := range w.permits {
		was, known := before[now.ID]
		if known {
			seen++
		}
		if problem := w.step(was, now); problem != "" {
			found = append(found, fmt.Sprintf("permit %s went from %v to %v: %s", now.ID, was.State, now.State, problem))
		}
	}
	if seen != len(before) {
		found = append(found, fmt.Sprintf("of %d permits %d are left", len(before), seen))
	}
	return found
}

// step says what is wrong with a step of one permit.
func (w *whole) step(was, now permit.Permit) string {
	if now.Version == was.Version {
		before, _ := was.Encode()
		after, _ := now.Encode()
		if string(before) != string(after) {
			return "it has changed and its version has not"
		}
		return ""
	}
	standing := w.standing(now)
	switch {
	case was.State.Final() && was.State != permit.None:
		return "I8: that was its end"
	case now.Version != was.Version+1 || !slices.Contains(lives[was.State], now.State):
		return fmt.Sprintf("from version %d to %d there is no such step", was.Version, now.Version)
	}
	switch now.State {
	case permit.Issued, permit.Claimed:
		if standing.Epoch != now.Epoch {
			return fmt.Sprintf("I12: it is of epoch %d, and the modes are of %d", now.Epoch, standing.Epoch)
		}
		if standing.Mode != policy.ModeActive {
			return "I12: the mode is " + standing.Mode.String()
		}
		if !w.now.Before(now.ExpiresAt) {
			return "it had expired"
		}
	case permit.Expired:
		if w.now.Before(now.ExpiresAt) {
			return "it had not expired"
		}
	case permit.Revoked:
		if standing.Epoch == now.Epoch && now.Redeems == "" { // else its approval has ended: see story.problems
			return "no mode was switched"
		}
	case permit.Unknown:
		if now.Report.Outcome != permit.Unknown && w.now.Before(now.ReportBy) {
			return "there was time to report"
		}
	}
	return ""
}

// standing is what holds for all legs together: the newest epoch, and the strictest mode that is against one of them.
func (w *whole) standing(given permit.Permit) mode.Standing {
	var standing mode.Standing
	for _, leg := range given.Legs {
		hold := w.holds[leg.DecisionID]
		one := mode.Over(hold.Scopes(), w.modes)
		standing.Epoch = max(standing.Epoch, one.Epoch)
		if !one.Admits(leg.Direction) {
			standing.Mode = max(standing.Mode, one.Mode)
		}
	}
	return standing
}
