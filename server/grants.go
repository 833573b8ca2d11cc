package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
)

// ProposeGrant opens an approval for a grant. The caller fills in Automation, Scope, Kind, Rules, PerChange, Together,
// MaxUses, Reason, Starts and Ends. Whoever proposes it, and whoever answers for the automation, have no say in it. It holds
// from when people have agreed.
func (s *Server) ProposeGrant(ctx context.Context, principal policy.Principal, grant approval.Grant) (approval.Approval, error) {
	if err := s.admit(principal, opGrant); err != nil {
		return approval.Approval{}, err
	}
	active := s.policy.Load()
	if active == nil {
		return approval.Approval{}, fmt.Errorf("%w: no policy is loaded, so it is not known whom to ask", policy.ErrUnavailable)
	}
	var err error
	if grant.ID, err = newID("gra"); err != nil {
		return approval.Approval{}, err
	}
	a := approval.Approval{Automation: principal.Subject, OnBehalfOf: active.directory.OnBehalfOf(grant.Automation),
		Owners: slices.Concat(active.directory.Owners(grant.Automation), []string{grant.Automation}), Waits: active.routes.Waits(), Lives: active.routes.Lives()}
	if a.ID, err = newID("apr"); err != nil {
		return approval.Approval{}, err
	}
	grant.ApprovalID, grant.Version, grant.Uses, grant.Used = a.ID, 1, 0, 0
	if err := grant.Validate(approval.LongestGrant); err != nil {
		return approval.Approval{}, err
	}
	for _, id := range grant.Rules {
		if !slices.ContainsFunc(active.Engine.Rules(), func(rule *policy.Rule) bool { return rule.ID == id }) {
			return approval.Approval{}, &FieldError{"rules", fmt.Sprintf("no rule is called %q; see bidrail rules list", id)}
		}
	}
	encoded, err := grant.Encode()
	if err != nil {
		return approval.Approval{}, err
	}
	sum := sha256.Sum256(encoded)
	a.Digest, a.Grant = "sha256:"+hex.EncodeToString(sum[:]), &grant
	var step approval.Step
	err = s.update(ctx, 1, func(tx store.Tx) error {
		a.CreatedAt = tx.Now()
		if !grant.Ends.After(a.CreatedAt) {
			return &FieldError{"ends", "is over already"}
		}
		if step, err = approval.Open(a, active.routes.Grants(), active.roster()); err != nil {
			return err
		}
		if err := tx.InsertApprovals([]store.NewApproval{{Approval: step.Approval, Changes: encoded}}); err != nil {
			return err
		}
		return s.takeApprovalSteps(tx, active, []approval.Step{step})
	})
	if err != nil {
		return approval.Approval{}, err
	}
	s.told(step)
	return step.Approval, nil
}

// ListGrants returns one page of those that hold, or of all there ever were, the last made first.
func (s *Server) ListGrants(ctx context.Context, principal policy.Principal, all bool, page store.Page) (found []approval.Grant, next store.Cursor, err error) {
	if err := s.admit(principal, opReadExceptions); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		found, next, err = r.ListGrants(heldAt(r, all), page)
		return err
	})
	return found, next, err
}

// RevokeGrant ends a grant. What was allowed by it stays allowed.
func (s *Server) RevokeGrant(ctx context.Context, principal policy.Principal, id string) (revoked approval.Grant, err error) {
	if err := s.admit(principal, opGrant); err != nil {
		return approval.Grant{}, err
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		found, err := tx.Grant(id)
		if err != nil {
			return fmt.Errorf("grant %s: %w", id, err)
		}
		if revoked = found.Revoke(principal.Subject, tx.Now()); revoked.Version == found.Version {
			return nil
		}
		return tx.PutGrants([]approval.Grant{revoked})
	})
	return revoked, err
}
