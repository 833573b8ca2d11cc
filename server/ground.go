package server

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/store"
)

// ground is what decisions stand on besides the change and the policy: what has moved, the modes of scopes
// and the registry, as one state of the store has them.
type ground struct {
	now      time.Time // the store's
	state    ledger.State
	modes    *modes
	registry *records
	reverts  map[ledger.Scope]calendar.Revert // of fields
	// What people have said ahead of the automation's changes, as it holds now.
	suppressions []approval.Suppression
	grants       map[string]approval.Grant
}

// modes is the setting of every scope that was ever switched, as of an epoch. It does not change.
type modes struct {
	epoch    int64
	settings map[ledger.Scope]mode.Setting
}

// survey reads the ground that the candidates stand on.
func (s *Server) survey(r store.Reader, automation string, candidates []*candidate) (*ground, error) {
	scopes := map[ledger.Scope]struct{}{}
	var fields []ledger.Scope
	for _, c := range candidates {
		if c.settled {
			continue
		}
		for _, scope := range c.scopes {
			scopes[scope] = struct{}{}
		}
		if field, found := c.scope(ledger.Field.String()); found {
			fields = append(fields, field)
		}
	}
	state, err := r.Sheets(slices.Collect(maps.Keys(scopes)))
	if err != nil {
		return nil, err
	}
	modes, err := s.readModes(r)
	if err != nil {
		return nil, err
	}
	records, err := s.readRegistry(r)
	if err != nil {
		return nil, err
	}
	g := &ground{now: r.Now(), state: state, modes: modes, registry: records, grants: map[string]approval.Grant{}}
	if g.reverts, err = r.Reverts(fields); err != nil {
		return nil, err
	}
	if g.suppressions, err = r.Suppressions(automation, fields, g.now); err != nil {
		return nil, err
	}
	grants, err := r.Grants(automation, g.now)
	for _, grant := range grants {
		g.grants[grant.ID] = grant
	}
	return g, err
}

// bare is the ground where there is no store: nothing has moved.
func bare(candidates []*candidate, now time.Time) *ground {
	g := &ground{now: now, state: ledger.State{}, modes: &modes{}, registry: noRecords, reverts: map[ledger.Scope]calendar.Revert{}}
	for _, c := range candidates {
		for _, scope := range c.scopes {
			g.state[scope] = nil
		}
	}
	return g
}

// readModes reads the modes, or nothing but their epoch when they are known.
func (s *Server) readModes(r store.ModeReader) (*modes, error) {
	epoch, err := r.ModeEpoch()
	if err != nil {
		return nil, err
	}
	if known := s.modes.Load(); known != nil && known.epoch == epoch {
		return known, nil
	}
	settings, err := r.Modes()
	if err != nil {
		return nil, err
	}
	read := &modes{epoch, make(map[ledger.Scope]mode.Setting, len(settings))}
	for _, setting := range settings {
		read.settings[setting.Scope] = setting
	}
	// What an Update sees may yet be undone, by the store too, which commits several together; then another
	// switch takes the same epoch. Only what a View has seen is there to stay.
	if _, writing := r.(store.ModeWriter); !writing {
		s.modes.Store(read)
	}
	return read, nil
}

// standing is the mode that holds for a candidate.
func (g *ground) standing(c *candidate) mode.Standing { return mode.Over(c.scopes, g.modes.settings) }

// suppressed says why people do not want to be asked again, as they have said after a time; "": they do.
func (g *ground) suppressed(c *candidate, automation string, since time.Time) string {
	if len(g.suppressions) == 0 { // as for nearly every change
		return ""
	}
	_, contradicted := g.known(c)
	for i := range g.suppressions {
		s, change := &g.suppressions[i], *c.change
		if contradicted { // where it says that it begins is not where it begins
			change.Before = s.Before
		}
		if s.At.After(since) && s.Blocks(&change, automation, g.now) {
			return fmt.Sprintf("people have rejected this move (approval %s: %s); it can be proposed again from %s on, or when somebody has cleared suppression %s",
				s.ApprovalID, s.Reason, s.Until.UTC().Format(time.RFC3339), s.ID)
		}
	}
	return ""
}

// contradicts reports whether a candidate claims to be a cut, and is none from what the ledger knows of its field.
func (g *ground) contradicts(c *candidate) bool {
	_, contradicted := g.known(c)
	return contradicted
}

// known is the movement of a candidate, as the ledger sees it.
func (g *ground) known(c *candidate) (ledger.Movement, bool) {
	field, found := c.scope(ledger.Field.String())
	if !found {
		return c.hold.Movement, false
	}
	return g.state[field].Known(c.hold.Movement, g.now)
}

// windows is what the rules that concern the change see of what has moved: the sums that they read, and
// no others.
func (p *Policy) windows(c *candidate, g *ground) policy.Windows {
	if p == nil {
		return nil
	}
	var windows policy.Windows
	for _, read := range p.Engine.WindowReads(c.change.Kind) {
		scope, found := c.scope(read.Scope)
		if !found {
			continue
		}
		sheet := g.state[scope]
		last := len(windows) - 1
		if last < 0 || windows[last].Scope != read.Scope {
			entry := policy.ScopeWindows{Scope: read.Scope}
			entry.LastChange, _ = sheet.LastChange()
			if scope.Kind == ledger.Field {
				known, _ := g.known(c)
				entry.Reverses = sheet.Reverses(&known)
			}
			windows, last = append(windows, entry), last+1
		}
		if length, named := p.lengths[read.Window]; named {
			windows[last].Sums = append(windows[last].Sums, sums(read.Window, length, sheet, scope, c, p.rates, g.now))
		}
	}
	return windows
}

func sums(name string, length ledger.Length, sheet ledger.Sheet, scope ledger.Scope, c *candidate, rates ledger.Rates, now time.Time) policy.WindowSums {
	movement := &c.hold.Movement
	s := policy.WindowSums{Window: name, AmountsKnown: true}
	window, err := sheet.Sum(ledger.Family(movement.Unit.Kind), movement.Unit.Currency, rates, length, now)
	if err != nil {
		s.AmountsKnown, s.Problem = false, err.Error()
	} else {
		s.Raised, s.Lowered, s.NetRise, s.NetFall = window.Raised, window.Lowered, window.NetRise, window.NetFall
	}
	s.Count, s.Reversals, s.HeldOpen = window.Count, window.Reversals, window.Open
	if scope.Kind != ledger.Field {
		s.Count, s.Reversals, s.HeldOpen = coarse(s.Count), coarse(s.Reversals), coarse(s.HeldOpen)
		return s
	}
	tally, _ := sheet.Tally(movement.Unit)
	if window, err = tally.Window(length, now); err == nil && window.StartKnown && window.ValuesKnown {
		s.ValuesKnown, s.StartLow, s.StartHigh, s.Low, s.Peak = true, window.StartLow, window.StartHigh, window.Low, window.Peak
	} else if before := c.change.Before; window.Count == 0 && (before.Form == policy.Money || before.Form == policy.Ratio) {
		s.ValuesKnown, s.StartLow, s.StartHigh, s.Low, s.Peak = true, before.Amount, before.Amount, before.Amount, before.Amount
	}
	return s
}

// coarse rounds a number of changes up, by at most a 32nd: 64 and less are exact. Of a scope that thousands of changes share,
// each of them would move the number and have the rules asked again for all others that are under way.
func coarse(count int64) int64 {
	step := int64(1)
	for ; count > 64*step; step *= 2 {
	}
	return (count + step - 1) / step * step
}
