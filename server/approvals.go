package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// ApprovalFilter says which approvals to list: those of the store's filter, and of them only those that the caller can review now.
type ApprovalFilter struct {
	store.ApprovalFilter
	Mine bool
}

// takeApprovalSteps writes the steps of approvals with all that follows from them: reviews, permits that are taken back,
// suppressions, grants, and who is to hear of it. Of an approval that was just opened, the first step is written
// already.
func (s *Server) takeApprovalSteps(tx store.Tx, active *Policy, steps []approval.Step) error {
	var changed []approval.Approval
	var revoked []permit.Step
	var suppressions []approval.Suppression
	var grants []approval.Grant
	var notices []store.AddressedNotice
	for _, step := range steps {
		if step.Review.ID != "" {
			if err := tx.InsertReview(step.Review); err != nil {
				return err
			}
		}
		if !step.Changed {
			continue
		}
		a := step.Approval
		if a.Version > 1 {
			changed = append(changed, a)
		}
		if step.Permit != "" {
			found, err := tx.Permits([]string{step.Permit})
			if err != nil {
				return err
			}
			given := found[step.Permit]
			revoked = append(revoked, given.Revoke(a.ChangedBy, fmt.Sprintf("its approval %s is %s: %s", a.ID, a.State, a.Reason), tx.Now()))
		}
		more, err := suppressionsOf(&a, active)
		if err != nil {
			return err
		}
		suppressions = append(suppressions, more...)
		if a.Grant != nil && a.State.Approves() {
			grants = append(grants, *a.Grant)
		}
		notice, err := s.noticeOf(step, tx.Now())
		if err != nil {
			return err
		}
		if len(notice.Receivers) > 0 {
			notices = append(notices, notice)
		}
	}
	if err := tx.UpdateApprovals(changed); err != nil {
		return err
	}
	if err := tx.PutSuppressions(suppressions); err != nil {
		return err
	}
	if err := tx.PutGrants(grants); err != nil {
		return err
	}
	if err := tx.InsertNotices(notices); err != nil {
		return err
	}
	return s.takeSteps(tx, revoked, tx.Now())
}

// suppressionsOf is what a rejection keeps away.
func suppressionsOf(a *approval.Approval, active *Policy) ([]approval.Suppression, error) {
	if a.State != approval.Rejected || active == nil || active.routes.Suppress() == 0 {
		return nil, nil
	}
	ids := make([]string, len(a.Legs))
	for i := range ids {
		id, err := newID("sup")
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return a.Suppress(ids, active.routes.Suppress()), nil
}

// noticeOf is what is told of a step outside, and to whom.
func (s *Server) noticeOf(step approval.Step, now time.Time) (store.AddressedNotice, error) {
	if len(s.receivers) == 0 {
		return store.AddressedNotice{}, nil
	}
	a := step.Approval
	id, err := newID("ntc")
	if err != nil {
		return store.AddressedNotice{}, err
	}
	notice := store.Notice{ID: id, Topic: TopicApproval, Object: a.ID, Version: a.Version, State: a.State.String(), Groups: step.Notify, CreatedAt: now}
	if a.Run != "" && len(a.Items) > 0 {
		notice.Coalesce = a.Automation + "/" + a.Run + "/" + a.Items[0].Rule
	}
	addressed := store.AddressedNotice{Notice: notice}
	for _, receiver := range s.receivers {
		if receiver.Hears(notice.Topic, notice.Groups) {
			addressed.Receivers = append(addressed.Receivers, receiver.Name)
		}
	}
	return addressed, nil
}

// tellApprovals is what steps of permits mean for the approvals that they were redeemed from: one that was claimed uses
// its approval up, and one that died unclaimed, or was given back so, leaves it for another.
func (s *Server) tellApprovals(tx store.Tx, permits []permit.Permit, at time.Time) error {
	events := map[string]approval.Event{}
	var ids []string
	for _, given := range permits {
		var event approval.Event
		switch {
		case given.State == permit.Claimed:
			event = approval.Claim{By: given.ChangedBy, Permit: given.ID}
		case given.State.Final() && given.ClaimedAt.IsZero():
			event = approval.Return{Permit: given.ID}
		}
		if given.Redeems != "" && event != nil {
			events[given.Redeems] = event
			ids = append(ids, given.Redeems)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	approvals, err := tx.Approvals(ids) // what was redeemed from an override is in none of them
	if err != nil {
		return err
	}
	var steps []approval.Step
	for _, id := range ids {
		a, found := approvals[id]
		if !found {
			continue
		}
		step := a.Apply(events[id], at)
		if step.Refusal != nil {
			return fmt.Errorf("%w: permit of approval %s: %w", errDamaged, id, step.Refusal)
		}
		if step.Changed {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return s.takeApprovalSteps(tx, s.policy.Load(), steps)
}

// stepApproval takes one step of an approval: reads it, asks what follows, and writes that.
func (s *Server) stepApproval(ctx context.Context, principal policy.Principal, id string, next func(store.Tx, approval.Approval) (approval.Step, error)) (approval.Step, error) {
	active := s.policy.Load()
	var taken approval.Step
	err := s.update(ctx, 1, func(tx store.Tx) error {
		found, err := tx.Approvals([]string{id})
		if err != nil {
			return err
		}
		a, there := found[id]
		if !there || !mayReadApproval(principal, &a) {
			return noApproval(id, principal)
		}
		if taken, err = next(tx, a); err != nil {
			return err
		}
		return s.takeApprovalSteps(tx, active, []approval.Step{taken})
	})
	if err != nil {
		return approval.Step{}, err
	}
	s.told(taken)
	return taken, nil
}

// told logs a step that was committed, and wakes whoever waits for one.
func (s *Server) told(steps ...approval.Step) {
	if len(steps) == 0 {
		return
	}
	for _, step := range steps {
		if a := step.Approval; step.Changed {
			s.logger.Info("approval", "state", a.State, "approval_id", a.ID, "version", a.Version, "automation", a.Automation, "by", a.ChangedBy, "reason", a.Reason)
		}
	}
	s.stir()
}

// stir wakes whoever waits for what has become of approvals, and whoever tells of it outside.
func (s *Server) stir() {
	s.tail.notice()
	if s.wake != nil {
		s.wake()
	}
}

func mayReadApproval(principal policy.Principal, a *approval.Approval) bool {
	return seesAll(principal) || a.Automation == principal.Subject
}

func noApproval(id string, principal policy.Principal) error {
	return fmt.Errorf("%w: there is no approval %s that %s may see", policy.ErrNotFound, id, principal.Subject)
}

// WithdrawApproval is that the proposer, whoever it acts for, or an owner no longer wants the change.
func (s *Server) WithdrawApproval(ctx context.Context, principal policy.Principal, id, reason string) (approval.Approval, error) {
	if err := s.admit(principal, opWithdraw); err != nil {
		return approval.Approval{}, err
	}
	step, err := s.stepApproval(ctx, principal, id, func(tx store.Tx, a approval.Approval) (approval.Step, error) {
		return a.Apply(approval.Withdraw{By: principal.Subject, Reason: reason, People: s.policy.Load().person}, tx.Now()), nil
	})
	return step.Approval, errors.Join(err, step.Refusal)
}

// RevokeApproval takes a yes back, and the permit that is out for it if nobody has claimed it.
func (s *Server) RevokeApproval(ctx context.Context, principal policy.Principal, id, reason string) (approval.Approval, error) {
	if err := s.admit(principal, opRevoke); err != nil {
		return approval.Approval{}, err
	}
	step, err := s.stepApproval(ctx, principal, id, func(tx store.Tx, a approval.Approval) (approval.Step, error) {
		return a.Apply(approval.Revoke{By: principal.Subject, Reason: reason}, tx.Now()), nil
	})
	return step.Approval, errors.Join(err, step.Refusal)
}

// ListApprovals returns one page of the approvals that the principal may see, the last created first. A page of those that
// somebody can review may be shorter than it could be.
func (s *Server) ListApprovals(ctx context.Context, principal policy.Principal, filter ApprovalFilter, page store.Page) (approvals []approval.Approval, next store.Cursor, err error) {
	if err := s.admit(principal, opReadApprovals); err != nil {
		return nil, "", err
	}
	if !seesAll(principal) {
		if filter.Automation != "" && filter.Automation != principal.Subject {
			return nil, "", fmt.Errorf("%w: %s sees only its own approvals; leave the automation filter empty", policy.ErrForbidden, principal.Subject)
		}
		filter.Automation = principal.Subject
	}
	if !filter.Mine {
		err = s.store.View(ctx, func(r store.Reader) (err error) {
			approvals, next, err = r.ListApprovals(filter.ApprovalFilter, page)
			return err
		})
		return approvals, next, err
	}
	active := s.policy.Load()
	people := active.person
	filter.Open = true
	err = s.store.View(ctx, func(r store.Reader) error {
		approvals, next = nil, ""
		delegations, err := r.Delegations(principal.Subject, r.Now())
		if err != nil {
			return err
		}
		filter.Asks = people(principal.Subject).Groups
		for _, d := range delegations {
			filter.Asks = append(slices.Clone(filter.Asks), people(d.From).Groups...)
		}
		if len(filter.Asks) == 0 {
			return nil
		}
		var found []approval.Approval
		if found, next, err = r.ListApprovals(filter.ApprovalFilter, page); err != nil {
			return err
		}
		for i := range found {
			known := approval.Known{People: people, Delegations: delegations}
			concerned := active.withStakes(found[i])
			if placeOf(&concerned, principal.Subject, known, r.Now()).Approve {
				approvals = append(approvals, found[i])
			}
		}
		return nil
	})
	return approvals, next, err
}

// placeOf is what somebody can do with an approval now.
func placeOf(a *approval.Approval, subject string, known approval.Known, now time.Time) Place {
	var at Place
	whyNot := a.MayReview(subject, "", approval.Approve, known, now)
	if whyNot == nil {
		at.Approve = true
	}
	for _, d := range known.Delegations {
		if a.MayReview(subject, d.From, approval.Approve, known, now) == nil {
			at.Approve, at.For = true, append(at.For, d.From)
		}
	}
	at.Reject = a.MayReview(subject, "", approval.Reject, known, now) == nil || at.Approve
	if !at.Approve && !at.Reject {
		at.Why = whyNot.Error()
	}
	return at
}
