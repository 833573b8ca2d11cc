package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// escalation is what one transaction that decides changes does to approvals: it opens new ones, and those that wait on
// the same fields for the same automation make way for what was proposed later.
type escalation struct {
	server    *Server
	tx        store.Tx
	principal policy.Principal
	active    *Policy
	now       time.Time // the store's
	pending   []approval.Approval
	opened    []store.NewApproval
	steps     []approval.Step
}

func (s *Server) newEscalation(tx store.Tx, principal policy.Principal, active *Policy, candidates []*candidate, now time.Time) (*escalation, error) {
	var fields []ledger.Scope
	for _, c := range candidates {
		if !c.settled {
			fields = append(fields, ledger.FieldScope(c.change.Target.Key(), c.change.Kind))
		}
	}
	pending, err := tx.OpenApprovals(principal.Subject, fields)
	if err != nil {
		return nil, err
	}
	return &escalation{server: s, tx: tx, principal: principal, active: active, now: now, pending: pending}, nil
}

// open opens the approval of a unit, and says so in its decisions.
func (e *escalation) open(members unit) error {
	id, err := newID("apr")
	if err != nil {
		return err
	}
	first := members[0]
	a := approval.Approval{ID: id, Automation: e.principal.Subject, OnBehalfOf: e.active.directory.OnBehalfOf(e.principal.Subject),
		Owners: e.active.directory.Owners(e.principal.Subject), Run: first.change.Actor.Run, Digest: members.digest(), GroupID: first.change.AtomicGroupID,
		CreatedAt: e.now, Waits: e.active.routes.Waits(), Lives: e.active.routes.Lives()}
	var requirement approval.Requirement
	changes := make([]*policy.Change, len(members))
	for i, c := range members {
		a.Legs = append(a.Legs, c.leg(c.known.Direction))
		for _, asked := range c.asked {
			a.Items = append(a.Items, asked.Item)
			requirement = requirement.Merge(asked.Requirement)
		}
		changes[i] = c.change
		c.decision.ApprovalID = id
	}
	step, err := approval.Open(a, requirement, e.active.roster())
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(changes)
	if err != nil {
		return fmt.Errorf("encode the changes of approval %s: %w", id, err)
	}
	e.supersede(members, id)
	e.opened = append(e.opened, store.NewApproval{Approval: step.Approval, Changes: encoded})
	e.pending = append(e.pending, step.Approval)
	e.steps = append(e.steps, step)
	return nil
}

// supersede is that a unit was proposed after what waits on any of its fields.
func (e *escalation) supersede(members unit, by string) {
	about := func(a approval.Approval) bool {
		return slices.ContainsFunc(a.Legs, func(leg permit.Leg) bool {
			return slices.ContainsFunc(members, func(c *candidate) bool {
				return leg.Kind == c.change.Kind && leg.Target.Key() == c.change.Target.Key()
			})
		})
	}
	for i, a := range e.pending {
		if a.State != approval.Pending || !about(a) {
			continue
		}
		step := a.Apply(approval.Supersede{By: by}, e.now)
		if step.Changed { // else its time was over, or it says so
			e.pending[i] = step.Approval
			e.steps = append(e.steps, step)
		}
	}
}

// write writes what was opened, then what became of the others.
func (e *escalation) write() error {
	if len(e.opened) == 0 && len(e.steps) == 0 {
		return nil
	}
	if err := e.tx.InsertApprovals(e.opened); err != nil {
		return err
	}
	return e.server.takeApprovalSteps(e.tx, e.active, e.steps)
}

// decodeChanges reads what open has kept, and holds it against what people see.
func decodeChanges(encoded []byte, a *approval.Approval) ([]*policy.Change, error) {
	var changes []*policy.Change
	if err := json.Unmarshal(encoded, &changes); err != nil {
		return nil, fmt.Errorf("%w: the changes of approval %s: %w", errDamaged, a.ID, err)
	}
	if digest := digestOf(changes); digest != a.Digest {
		return nil, fmt.Errorf("%w: the changes kept with approval %s are %s, and people have seen %s", errDamaged, a.ID, digest, a.Digest)
	}
	return changes, nil
}

// digestOf is the digest of a change that stands alone, or of a group.
func digestOf(changes []*policy.Change) string {
	if len(changes) == 1 && changes[0].AtomicGroupID == "" {
		return changes[0].Digest()
	}
	return policy.GroupDigest(changes)
}
