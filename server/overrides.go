package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// OverrideRequest breaks the glass for one blocked change, or for the group that it is a leg of.
type OverrideRequest struct {
	DecisionID string // of the BLOCK
	Digest     string // of the change, or of the group
	Reason     string
	Ticket     string
	Life       time.Duration // how long it can be redeemed; 0: 15 minutes
}

// How long an override is good for, and how long afterwards somebody has to have looked at it, where nobody says.
const (
	overrideLife   = 15 * time.Minute
	overrideReview = 24 * time.Hour
)

// CreateOverride lets one exact change through that was blocked, at once and in the caller's name. Its automation redeems
// it; what rules do not let be overridden still blocks then.
func (s *Server) CreateOverride(ctx context.Context, principal policy.Principal, request OverrideRequest) (made approval.Override, err error) {
	if err := s.admit(principal, opBreakGlass); err != nil {
		return approval.Override{}, err
	}
	if request.Life == 0 {
		request.Life = overrideLife
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		record, err := tx.Decision(request.DecisionID)
		if err != nil {
			return fmt.Errorf("decision %s: %w", request.DecisionID, err)
		}
		d := record.Decision
		digest := d.ChangeDigest
		if d.GroupDigest != "" {
			digest = d.GroupDigest
		}
		switch {
		case d.Verdict != policy.Block:
			return fmt.Errorf("%w: decision %s is %s; only what is blocked is overridden", policy.ErrPrecondition, d.ID, d.Verdict)
		case request.Digest != digest:
			return fmt.Errorf("%w: decision %s is of %s, not of %s; look at it again", policy.ErrPrecondition, d.ID, digest, request.Digest)
		}
		id, err := overrideID(tx, digest)
		if err != nil {
			return err
		}
		made = approval.Override{ID: id, Automation: d.Automation, ChangeID: d.ChangeID, Digest: digest, Role: policy.RoleBreakGlass, Actor: principal.Subject,
			Reason: request.Reason, Ticket: request.Ticket, At: tx.Now(), ExpiresAt: tx.Now().Add(request.Life), ReviewDue: tx.Now().Add(overrideReview), Version: 1}
		active := s.policy.Load()
		if err := made.Validate(principal, active.person); err != nil {
			return err
		}
		if active.owns(principal.Subject, d.Automation) {
			return fmt.Errorf("%w: %s answers for %s; somebody else breaks the glass for it", policy.ErrForbidden, principal.Subject, d.Automation)
		}
		return tx.PutOverrides([]approval.Override{made})
	})
	if err == nil {
		s.logger.Warn("the glass was broken", "override_id", made.ID, "by", made.Actor, "change_id", made.ChangeID, "automation", made.Automation, "ticket", made.Ticket, "reason", made.Reason)
	}
	return made, err
}

// overrideID is the id of the next override for a digest. Ids follow from digests, so that of one exact change there is one
// override that can still be used, or was used, however many ask for it at once.
func overrideID(tx store.Tx, digest string) (string, error) {
	for n := 1; ; n++ {
		id := fmt.Sprintf("ovr_%s_%d", strings.TrimPrefix(digest, "sha256:"), n)
		earlier, err := tx.Override(id)
		switch {
		case errors.Is(err, policy.ErrNotFound):
			return id, nil
		case err != nil:
			return "", err
		case earlier.UsedAt.IsZero() && tx.Now().Before(earlier.ExpiresAt):
			return "", fmt.Errorf("%w: override %s is there for it until %s; use that", policy.ErrPrecondition, id, earlier.ExpiresAt.Format(time.RFC3339))
		case earlier.UsedAt.IsZero():
			continue
		}
		permits, err := tx.Permits([]string{earlier.PermitID})
		if err != nil {
			return "", err
		}
		if state := permits[earlier.PermitID].State; state != permit.Expired && state != permit.Revoked {
			return "", fmt.Errorf("%w: override %s was used for it, and permit %s is %s; another change takes another change_id", policy.ErrPrecondition, id, earlier.PermitID, state)
		}
	}
}

// owns reports whether somebody has a stake in what the automation proposes.
func (p *Policy) owns(subject, automation string) bool {
	stakeholders := approval.Approval{Automation: automation, Owners: p.directory.Owners(automation), OnBehalfOf: p.directory.OnBehalfOf(automation)}
	return stakeholders.Stake(subject, p.person) != ""
}

// ListOverrides returns one page of those that nobody has looked at yet, or of all there ever were, the last made first.
func (s *Server) ListOverrides(ctx context.Context, principal policy.Principal, all bool, page store.Page) (found []approval.Override, next store.Cursor, err error) {
	if err := s.admit(principal, opReadExceptions); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		found, next, err = r.ListOverrides(heldAt(r, all), page)
		return err
	})
	return found, next, err
}

// ReviewOverride records what somebody else found afterwards. It is said once.
func (s *Server) ReviewOverride(ctx context.Context, principal policy.Principal, id string, justified bool, finding string) (reviewed approval.Override, err error) {
	if err := s.admit(principal, opReviewOverride); err != nil {
		return approval.Override{}, err
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		found, err := tx.Override(id)
		if err != nil {
			return fmt.Errorf("override %s: %w", id, err)
		}
		if active := s.policy.Load(); active != nil && active.owns(principal.Subject, found.Automation) {
			return fmt.Errorf("%w: %s answers for %s; somebody else looks at what was let through for it", policy.ErrForbidden, principal.Subject, found.Automation)
		}
		if reviewed, err = found.Review(principal.Subject, s.policy.Load().person, justified, finding, tx.Now()); err != nil {
			return err
		}
		return tx.PutOverrides([]approval.Override{reviewed})
	})
	return reviewed, err
}
