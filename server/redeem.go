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

// RedeemRequest asks for the permit of what people have agreed to.
type RedeemRequest struct {
	ApprovalID string // this
	OverrideID string // or this
	Digest     string
	Value      policy.Value // of an approval that can be made in part; Missing: as far as it was agreed to
	// Changes are the changes as they were proposed. Of an approval they are on record; of an override they are needed.
	Changes []*policy.Change
	// Observations are readings that are newer than the proposal's, by change id.
	Observations map[string]Observation
}

// Observation is what is known of a change's field by now. It is no part of what people have agreed to.
type Observation struct {
	BeforeObservedAt time.Time              // when the value before was read again; zero: it was not
	Facts            map[string]policy.Fact // in place of the change's of the same names
}

// Redemption is what came of a yes.
type Redemption struct {
	Approval  approval.Approval // zero for an override
	Override  approval.Override // zero for an approval
	Permit    permit.Permit
	Token     string             // the permit, signed; "" once it cannot be claimed any more
	Decisions []*policy.Decision // of the changes, as they were decided now; none when the permit was out already
}

// redemption is a Redeem on its way: what is redeemed, and the changes, judged again.
type redemption struct {
	request    RedeemRequest
	principal  policy.Principal
	active     *Policy
	candidates unit
	judged     *ground
	permitID   string
	value      policy.Value // as which the changes were judged; Missing: all of what was asked for
	out        string       // the permit that is out for the approval
	now        time.Time    // of the decisions

	// What the transaction came to.
	result  Redemption
	steps   []approval.Step
	refusal error
}

// Redeem asks the rules again, of the changes as they are and with the facts of now, and gives out the one permit for
// what people have agreed to. What blocks now ends the approval; what nobody has seen goes back to people. While a permit
// is out, to redeem again returns that one.
func (s *Server) Redeem(ctx context.Context, principal policy.Principal, request RedeemRequest) (Redemption, error) {
	if err := s.admit(principal, opRedeem); err != nil {
		return Redemption{}, err
	}
	if (request.ApprovalID == "") == (request.OverrideID == "") {
		return Redemption{}, &FieldError{"approval_id", "name an approval or an override, and not both"}
	}
	for attempt := 1; ; attempt++ {
		d, err := s.redeemOnce(ctx, principal, request)
		if (errors.Is(err, errGroundChanged) || errors.Is(err, errCapChanged)) && attempt < maxAttempts {
			continue
		}
		if err != nil {
			return Redemption{}, err
		}
		s.told(d.steps...)
		if d.refusal != nil {
			return Redemption{Approval: d.result.Approval}, d.refusal
		}
		if d.result.Permit.State == permit.Issued {
			if d.result.Token, err = s.keys.Sign(d.result.Permit); err != nil {
				s.logger.Error("a permit could not be signed, so it cannot be used", "permit_id", d.result.Permit.ID, "error", err)
			}
		}
		s.logger.Info("redeemed", "approval_id", request.ApprovalID, "override_id", request.OverrideID, "permit_id", d.result.Permit.ID, "automation", principal.Subject)
		return d.result, nil
	}
}

// errCapChanged: people have agreed to something else between judging and recording, or a permit is over that was out.
var errCapChanged = fmt.Errorf("%w: the approval has just changed; ask again", policy.ErrUnavailable)

func (s *Server) redeemOnce(ctx context.Context, principal policy.Principal, request RedeemRequest) (*redemption, error) {
	d := &redemption{request: request, principal: principal, active: s.policy.Load(), now: s.now().UTC().Truncate(time.Microsecond)}
	if d.active == nil {
		return nil, fmt.Errorf("%w: no policy is loaded, so the rules cannot be asked again", policy.ErrUnavailable)
	}
	var err error
	if d.permitID, err = newID("per"); err != nil {
		return nil, err
	}
	var over bool
	err = s.store.View(ctx, func(r store.Reader) error {
		changes, err := d.proposed(r)
		if err != nil {
			return err
		}
		if d.candidates, err = d.arrange(changes); err != nil {
			return err
		}
		if err := d.active.know(r, principal.Subject, d.candidates, d.now); err != nil {
			return err
		}
		if d.judged, err = s.survey(r, principal.Subject, d.candidates); err != nil {
			return err
		}
		over, err = s.over(r, d.out)
		return err
	})
	if err != nil {
		return nil, err
	}
	if over { // and nobody has settled it yet
		if _, err := s.settleDue(ctx, []string{d.out}); err != nil {
			return nil, s.notRecorded(err, len(d.candidates))
		}
	}
	s.judge(ctx, d.active, principal, d.candidates, d.judged, d.now)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.update(ctx, len(d.candidates), func(tx store.Tx) error {
		d.result, d.steps, d.refusal = Redemption{}, nil, nil
		return d.write(ctx, s, tx)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// proposed is the changes as they were proposed.
func (d *redemption) proposed(r store.Reader) ([]*policy.Change, error) {
	if id := d.request.OverrideID; id != "" {
		o, err := r.Override(id)
		if errors.Is(err, policy.ErrNotFound) || err == nil && o.Automation != d.principal.Subject {
			return nil, fmt.Errorf("%w: there is no override %s that %s may use", policy.ErrNotFound, id, d.principal.Subject)
		}
		if err != nil {
			return nil, err
		}
		if len(d.request.Changes) == 0 {
			return nil, &FieldError{"changes", "send the changes as they were proposed; the record has only what the rules saw of them"}
		}
		for i, change := range d.request.Changes { // as when they were decided
			if err := place(i, change); err != nil {
				return nil, err
			}
		}
		if digest := digestOf(d.request.Changes); digest != o.Digest || d.request.Digest != o.Digest {
			return nil, fmt.Errorf("%w: override %s is for %s, not for %s", policy.ErrPrecondition, id, o.Digest, digest)
		}
		return d.request.Changes, nil
	}
	id := d.request.ApprovalID
	found, err := r.Approvals([]string{id})
	if err != nil {
		return nil, err
	}
	a, there := found[id]
	if !there || a.Automation != d.principal.Subject {
		return nil, noApproval(id, d.principal)
	}
	if a.Grant != nil {
		return nil, fmt.Errorf("%w: approval %s is for a grant, which holds as soon as people agree; there is nothing to redeem", policy.ErrPrecondition, id)
	}
	d.out = a.PermitID
	if !a.State.Approves() || a.Final() || d.request.Digest != a.Digest { // no need to ask the rules
		ask := approval.Redeem{By: d.principal.Subject, Digest: d.request.Digest, Permit: d.permitID, Until: r.Now().Add(time.Second)}
		if refusal := a.Apply(ask, r.Now()).Refusal; refusal != nil {
			return nil, refusal
		}
	}
	encoded, err := r.ApprovalChanges(id)
	if err != nil {
		return nil, err
	}
	changes, err := decodeChanges(encoded, &a)
	if err != nil {
		return nil, err
	}
	d.value = d.request.Value // whether that is agreed to is seen in the transaction
	if d.value.Form == policy.Missing {
		d.value = a.Cap
	}
	madePart(changes, &a, d.value)
	return changes, nil
}

// madePart makes of the changes of an approval what they are up to a value.
func madePart(changes []*policy.Change, a *approval.Approval, value policy.Value) {
	for i, made := range a.Made(value) {
		at := slices.IndexFunc(changes, func(change *policy.Change) bool { return change.ID == a.Legs[i].ChangeID })
		if at >= 0 {
			changes[at].After = made
		}
	}
}

// arrange lays the changes out to be judged. What is known of them by now is no part of their digests.
func (d *redemption) arrange(changes []*policy.Change) (unit, error) {
	candidates, err := arrange(d.principal, changes, changes[0].BatchID, d.now)
	if err != nil {
		return nil, err
	}
	for id := range d.request.Observations {
		if !slices.ContainsFunc(candidates, func(c *candidate) bool { return c.change.ID == id }) {
			return nil, &FieldError{"observations", fmt.Sprintf("there is no change %q", id)}
		}
	}
	for _, c := range candidates {
		if c.id, err = newID("dec"); err != nil {
			return nil, err
		}
		seen, there := d.request.Observations[c.change.ID]
		if !there {
			continue
		}
		now := *c.change
		now.Facts = maps.Clone(now.Facts)
		if now.Facts == nil {
			now.Facts = map[string]policy.Fact{}
		}
		for name, fact := range seen.Facts {
			fact.FromCaller = true
			now.Facts[name] = fact
		}
		if !seen.BeforeObservedAt.IsZero() {
			now.BeforeObservedAt = seen.BeforeObservedAt
		}
		if err := checkTimes(c.index, &now, d.now); err != nil {
			return nil, err
		}
		if err := checkNames(c.index, &now); err != nil {
			return nil, err
		}
		c.change, c.facts = &now, now.Facts
	}
	return candidates, nil
}

// write settles the changes on the ground as the transaction has it, and writes the permit with everything that goes
// with it, or what became of the approval instead.
func (d *redemption) write(ctx context.Context, s *Server, tx store.Tx) error {
	g, err := s.survey(tx, d.principal.Subject, d.candidates)
	if err != nil {
		return err
	}
	if g.registry.epoch != d.judged.registry.epoch {
		return errGroundChanged
	}
	at := g.now
	g.now = d.judged.now // as in a check: windows reach back from when the changes were judged
	settlement := s.newSettlement(d.active, d.principal, g, d.now)
	before := undo{ledger.State{}, map[string]approval.Grant{}}
	var against error // what is in the way now, and does not end the yes: modes are switched back, caps have room again
	for _, c := range d.candidates {
		if g.modes.epoch != d.judged.modes.epoch && g.standing(c).Mode != c.standing.Mode {
			return errGroundChanged
		}
		movement, contradicted := g.known(c)
		if standing := g.standing(c); !standing.Admits(movement.Direction) { // before rules say so, which would end the approval
			return notNow(refused(policy.Outcome{}, policy.FindingMode, standing.By.String()))
		}
		if contradicted && d.value.Form != policy.Missing {
			return fmt.Errorf("%w: the value that %s said was there is not the one that the ledger knows, so a part of the move is not what people agreed to; read it again and send another change",
				policy.ErrPrecondition, c.change.ID)
		}
		settlement.judgeAgain(ctx, c, contradicted)
		// Each leg is asked about with those before it in place.
		if !settlement.count(c, movement, before) && against == nil {
			against = notNow(c.outcome)
		}
		c.outcome = c.judgement.Outcome
	}
	if d.request.OverrideID != "" {
		d.suppress(g)
	}
	source, err := d.agree(s, tx, g, at)
	switch {
	case err != nil || source == "":
		return err
	case against != nil:
		return against
	}
	settlement.keep(d.candidates)
	return d.insert(s, tx, settlement, source, at)
}

// agree has what is redeemed answer what the rules have to say now. source is its id, and "" when it does not.
func (d *redemption) agree(s *Server, tx store.Tx, g *ground, at time.Time) (source string, err error) {
	if id := d.request.OverrideID; id != "" {
		return d.override(s, tx, at)
	}
	id := d.request.ApprovalID
	found, err := tx.Approvals([]string{id})
	if err != nil {
		return "", err
	}
	a, there := found[id]
	if !there {
		return "", noApproval(id, d.principal)
	}
	if out, err := d.permitOut(s, tx, &a, at); err != nil || out {
		return "", err
	}
	if d.request.Value.Form == policy.Missing && d.value != a.Cap {
		return "", errCapChanged
	}
	for _, c := range d.candidates {
		if reason := g.suppressed(c, d.principal.Subject, a.ApprovedAt); reason != "" && a.State.Approves() {
			return "", fmt.Errorf("%w: since people agreed, %s", policy.ErrPrecondition, reason)
		}
	}
	outcome, err := outcomeOf(d.active, d.candidates)
	if err != nil {
		return "", err
	}
	step := a.Apply(approval.Redeem{By: d.principal.Subject, Digest: d.request.Digest, Value: d.value, Permit: d.permitID, Until: at.Add(s.permitLife),
		Outcome: outcome, Roster: d.active.roster()}, at)
	d.result.Approval, d.steps = step.Approval, []approval.Step{step}
	if step.Refusal != nil {
		d.refusal = step.Refusal
		return "", s.takeApprovalSteps(tx, d.active, d.steps)
	}
	for _, c := range d.candidates {
		c.outcome = lifted(c.outcome, a.ID, func(finding policy.Finding) bool { return finding.Effect == policy.Approve })
	}
	return a.ID, nil
}

// over reports whether a permit that is out can be claimed no more: its time has come, or a mode was switched.
func (s *Server) over(r store.Reader, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	found, err := r.Permits([]string{id})
	if err != nil {
		return false, err
	}
	step, err := s.recall(r, found[id], r.Now())
	return step.Changed, err
}

// permitOut answers with the permit that is out, if that is what is asked for. One whose time is over is out no longer,
// whether or not the sweeper has come by.
func (d *redemption) permitOut(s *Server, tx store.Tx, a *approval.Approval, at time.Time) (bool, error) {
	if a.PermitID == "" || a.Final() || d.request.Digest != a.Digest {
		return false, nil
	}
	found, err := tx.Permits([]string{a.PermitID})
	if err != nil {
		return false, err
	}
	given, there := found[a.PermitID]
	if !there || given.State != permit.Issued {
		return false, nil
	}
	step, err := s.recall(tx, given, at)
	if err != nil {
		return false, err
	}
	if step.Changed { // in this very moment; it is settled before the ground is read
		return false, errCapChanged
	}
	for i, c := range d.candidates {
		if i >= len(given.Legs) || given.Legs[i].ChangeDigest != c.digest {
			return false, nil
		}
	}
	d.result.Approval, d.result.Permit = *a, given
	return true, nil
}

// suppress is that people have rejected the changes, which nobody overrides: whoever wants them clears that.
func (d *redemption) suppress(g *ground) {
	for _, c := range d.candidates {
		if reason := g.suppressed(c, d.principal.Subject, time.Time{}); reason != "" {
			c.outcome = refused(c.outcome, policy.FindingSuppressed, reason)
		}
	}
}

// override uses an override up.
func (d *redemption) override(s *Server, tx store.Tx, at time.Time) (source string, err error) {
	o, err := tx.Override(d.request.OverrideID)
	if err != nil {
		return "", err
	}
	if o.PermitID != "" && o.Digest == d.request.Digest { // its answer may have got lost
		found, err := tx.Permits([]string{o.PermitID})
		if err != nil {
			return "", err
		}
		given := found[o.PermitID]
		over, err := s.recall(tx, given, at)
		if err != nil {
			return "", err
		}
		if given.State == permit.Issued && !over.Changed {
			d.result.Override, d.result.Permit = o, given
			return "", nil
		}
	}
	if _, err := outcomeOf(d.active, d.candidates); err != nil {
		return "", err
	}
	var findings []policy.Finding
	for _, c := range d.candidates {
		findings = append(findings, c.outcome.Findings...)
	}
	if o, err = o.Lift(d.request.Digest, findings, d.active.overridable, at); err != nil {
		return "", err
	}
	o.PermitID = d.permitID
	for _, c := range d.candidates {
		c.outcome = lifted(c.outcome, o.ID, func(policy.Finding) bool { return true })
	}
	d.result.Override = o
	return o.ID, tx.PutOverrides([]approval.Override{o})
}

// overridable reports whether a block of the rule can be lifted in an emergency. The engine's own findings are no rule's.
func (p *Policy) overridable(id string) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(p.Engine.Rules(), func(rule *policy.Rule) bool { return rule.ID == id && rule.Overridable })
}

// insert writes what was redeemed.
func (d *redemption) insert(s *Server, tx store.Tx, settlement *settlement, source string, at time.Time) error {
	given := s.issue(d.permitID, d.principal, d.candidates, source, settlement.ground, at)
	if d.request.ApprovalID == "" || d.value.Form == policy.Missing {
		given.Digest = d.request.Digest
	}
	records := make([]store.DecisionRecord, len(d.candidates))
	holds := make([]ledger.Hold, len(d.candidates))
	for i, c := range d.candidates {
		c.conclude(d.principal, d.active, d.now)
		c.decision.PermitID, c.decision.Redeems = given.ID, source
		var err error
		if records[i], err = store.NewDecisionRecord(c.decision, c.document()); err != nil {
			return err
		}
		d.result.Decisions = append(d.result.Decisions, c.decision)
		holds[i] = c.placed
	}
	d.result.Permit = given
	if err := tx.InsertDecisions(records); err != nil {
		return err
	}
	if err := tx.PutTallies(talliesOf(settlement.ground.state, settlement.moved)); err != nil {
		return err
	}
	if err := tx.InsertPermits([]permit.Permit{given}); err != nil {
		return err
	}
	if err := tx.InsertHolds(holds); err != nil {
		return err
	}
	if err := tx.PutReverts(settlement.reverts()); err != nil {
		return err
	}
	if _, err := s.contaminate(tx, d.principal, settlement.ground.registry, d.candidates, at); err != nil {
		return err
	}
	return s.takeApprovalSteps(tx, d.active, d.steps)
}

// notNow says what is against a change that people have agreed to, and that does not end their yes.
func notNow(outcome policy.Outcome) error {
	finding := outcome.Findings[0] // of a mode or a cap: see refused
	if finding.Rule == policy.FindingCap {
		return fmt.Errorf("%w: %s; the approval stays good for its time", policy.ErrExhausted, finding.Message)
	}
	return fmt.Errorf("%w: %s: %s; the approval stays good for its time", policy.ErrPrecondition, finding.Rule, finding.Message)
}
