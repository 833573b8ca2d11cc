package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// The whole table of who may do what, operation by operation and role by role.
func TestGate(t *testing.T) {
	s := servertest.New(t)
	decided := decide(t, s, servertest.Bid("decided", 100, 110))[0].Decision.ID
	const (
		automation = policy.RoleAutomation
		approver   = policy.RoleApprover
		governance = policy.RoleGovernance
		auditor    = policy.RoleAuditor
		admin      = policy.RoleAdmin
		breakGlass = policy.RoleBreakGlass
	)
	exceptions := []policy.Role{approver, governance, auditor, admin, breakGlass}
	// reached is that somebody got past the gate, and no further.
	reached := func(err error) error {
		if errors.Is(err, policy.ErrNotFound) || errors.Is(err, policy.ErrInvalid) {
			return nil
		}
		return err
	}
	calls := 0
	for _, operation := range []struct {
		name string
		may  []policy.Role
		ask  func(policy.Principal) error
	}{
		{"check", []policy.Role{automation}, func(who policy.Principal) error {
			calls++
			_, err := s.Core.Check(t.Context(), who, server.CheckRequest{Changes: servertest.Domain(servertest.Bid(fmt.Sprint("gate ", calls), 100, 110))})
			return err
		}},
		{"dry run", []policy.Role{automation}, func(who policy.Principal) error {
			_, err := s.Core.Check(t.Context(), who, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("dry", 100, 110)), DryRun: true})
			return err
		}},
		{"get a decision", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, err := s.Core.GetDecision(t.Context(), who, decided, store.DecisionKey{})
			return err
		}},
		{"get its input", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, err := s.Core.DecisionInput(t.Context(), who, decided)
			return err
		}},
		{"list decisions", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, err := s.Core.ListDecisions(t.Context(), who, store.DecisionFilter{}, store.Page{})
			return err
		}},
		{"explain a decision", []policy.Role{automation, approver, governance, auditor}, func(who policy.Principal) error {
			_, _, err := s.Core.Explain(t.Context(), who, decided)
			return err
		}},
		{"explain changes", []policy.Role{automation, approver, governance, auditor}, func(who policy.Principal) error {
			_, _, err := s.Core.ExplainChanges(t.Context(), who, servertest.Domain(servertest.Bid("explain", 100, 110)))
			return err
		}},
		{"list rules", []policy.Role{automation, approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, _, err := s.Core.Rules(t.Context(), who)
			return err
		}},
		{"get the active revision", []policy.Role{automation, approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, err := s.Core.ActiveRevision(t.Context(), who)
			return err
		}},
		{"list approvals", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, _, err := s.Core.ListApprovals(t.Context(), who, server.ApprovalFilter{}, store.Page{})
			return err
		}},
		{"list approvals of one's own", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, _, err := s.Core.ListApprovals(t.Context(), who, server.ApprovalFilter{Mine: true}, store.Page{})
			return err
		}},
		{"get an approval", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, err := s.Core.GetApproval(t.Context(), who, "apr_none")
			return reached(err)
		}},
		{"wait for an approval", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, _, err := s.Core.WaitApproval(t.Context(), who, "apr_none", 0, 0)
			return reached(err)
		}},
		{"watch approvals", []policy.Role{automation, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := s.Core.WatchApprovals(ctx, who, server.WatchFilter{}, server.FromNow, func(store.ApprovalEvent) error { return nil })
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}},
		{"review", []policy.Role{approver}, func(who policy.Principal) error {
			_, err := s.Core.Review(t.Context(), who, server.ReviewRequest{ApprovalID: "apr_none", Kind: approval.Approve})
			return reached(err)
		}},
		{"take a review back", []policy.Role{approver}, func(who policy.Principal) error {
			_, err := s.Core.Review(t.Context(), who, server.ReviewRequest{ApprovalID: "apr_none", Kind: approval.Retract})
			return reached(err)
		}},
		{"review in bulk", []policy.Role{approver}, func(who policy.Principal) error {
			_, err := s.Core.BulkReview(t.Context(), who, server.BulkRequest{})
			return reached(err)
		}},
		{"comment", []policy.Role{approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, err := s.Core.Review(t.Context(), who, server.ReviewRequest{ApprovalID: "apr_none", Kind: approval.Comment})
			return reached(err)
		}},
		{"withdraw", []policy.Role{automation, approver, governance, admin}, func(who policy.Principal) error {
			_, err := s.Core.WithdrawApproval(t.Context(), who, "apr_none", "r")
			return reached(err)
		}},
		{"revoke", []policy.Role{approver, governance, admin}, func(who policy.Principal) error {
			_, err := s.Core.RevokeApproval(t.Context(), who, "apr_none", "r")
			return reached(err)
		}},
		{"redeem", []policy.Role{automation}, func(who policy.Principal) error {
			_, err := s.Core.Redeem(t.Context(), who, server.RedeemRequest{ApprovalID: "apr_none"})
			return reached(err)
		}},
		{"list suppressions", exceptions, func(who policy.Principal) error {
			_, _, err := s.Core.ListSuppressions(t.Context(), who, false, store.Page{})
			return err
		}},
		{"list grants", exceptions, func(who policy.Principal) error {
			_, _, err := s.Core.ListGrants(t.Context(), who, false, store.Page{})
			return err
		}},
		{"list overrides", exceptions, func(who policy.Principal) error {
			_, _, err := s.Core.ListOverrides(t.Context(), who, false, store.Page{})
			return err
		}},
		{"list delegations", exceptions, func(who policy.Principal) error {
			_, _, err := s.Core.ListDelegations(t.Context(), who, false, store.Page{})
			return err
		}},
		{"list deliveries", []policy.Role{governance, auditor, admin}, func(who policy.Principal) error {
			_, _, err := s.Core.ListDeliveries(t.Context(), who, "", store.Page{})
			return err
		}},
		{"read the calendar", policy.Roles(), func(who policy.Principal) error {
			_, err := s.Core.Calendar(t.Context(), who, false)
			return err
		}},
		{"put a calendar entry", []policy.Role{governance}, func(who policy.Principal) error {
			_, err := s.Core.PutCalendarEntry(t.Context(), who, calendar.Entry{}, 0, "")
			return reached(err)
		}},
		{"remove a calendar entry", []policy.Role{governance}, func(who policy.Principal) error {
			_, err := s.Core.RemoveCalendarEntry(t.Context(), who, "none", "r")
			return reached(err)
		}},
		{"clear a suppression", []policy.Role{approver, governance}, func(who policy.Principal) error {
			_, err := s.Core.ClearSuppression(t.Context(), who, "sup_none", "r")
			return reached(err)
		}},
		{"propose a grant", []policy.Role{governance}, func(who policy.Principal) error {
			_, err := s.Core.ProposeGrant(t.Context(), who, approval.Grant{})
			return reached(err)
		}},
		{"revoke a grant", []policy.Role{governance}, func(who policy.Principal) error {
			_, err := s.Core.RevokeGrant(t.Context(), who, "gra_none")
			return reached(err)
		}},
		{"break the glass", []policy.Role{breakGlass}, func(who policy.Principal) error {
			_, err := s.Core.CreateOverride(t.Context(), who, server.OverrideRequest{DecisionID: "dec_none"})
			return reached(err)
		}},
		{"look at an override", []policy.Role{governance, auditor}, func(who policy.Principal) error {
			_, err := s.Core.ReviewOverride(t.Context(), who, "ovr_none", true, "f")
			return reached(err)
		}},
		{"delegate", []policy.Role{approver}, func(who policy.Principal) error {
			_, err := s.Core.CreateDelegation(t.Context(), who, approval.Delegation{})
			return reached(err)
		}},
		{"end a delegation", []policy.Role{approver}, func(who policy.Principal) error {
			_, err := s.Core.EndDelegation(t.Context(), who, "dlg_none")
			return reached(err)
		}},
		{"put facts", []policy.Role{policy.RoleConnector}, func(who policy.Principal) error {
			_, err := s.Core.PutFacts(t.Context(), who, nil)
			return reached(err)
		}},
		{"list facts", []policy.Role{policy.RoleConnector, approver, governance, auditor, admin, breakGlass}, func(who policy.Principal) error {
			_, _, err := s.Core.ListFacts(t.Context(), who, store.FactFilter{}, store.Page{})
			return err
		}},
		{"read a report", []policy.Role{approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, err := s.Core.ReportApprovals(t.Context(), who, time.Time{}, time.Time{})
			return err
		}},
	} {
		t.Run(operation.name, func(t *testing.T) {
			for _, role := range policy.Roles() {
				// The automation whose decision it is, so that the role alone makes the difference.
				err := operation.ask(policy.Principal{Subject: "pacer", Roles: []policy.Role{role}})
				if slices.Contains(operation.may, role) {
					if err != nil {
						t.Errorf("%s: %v", role, err)
					}
				} else if !errors.Is(err, policy.ErrForbidden) {
					t.Errorf("%s: got %v, want ErrForbidden", role, err)
				}
			}
			if err := operation.ask(policy.Principal{Subject: "nobody's"}); !errors.Is(err, policy.ErrForbidden) {
				t.Errorf("without roles: got %v, want ErrForbidden", err)
			}
			if err := operation.ask(policy.Principal{Subject: "x", Roles: []policy.Role{"root", ""}}); !errors.Is(err, policy.ErrForbidden) {
				t.Errorf("with made-up roles: got %v, want ErrForbidden", err)
			}
			if err := operation.ask(policy.Principal{Roles: policy.Roles()}); !errors.Is(err, policy.ErrUnauthenticated) {
				t.Errorf("without a name: got %v, want ErrUnauthenticated", err)
			}
		})
	}
}

// Who is refused reads which roles would do.
func TestGateSaysWhoMay(t *testing.T) {
	s := servertest.New(t)
	for name, test := range map[string]struct {
		roles []policy.Role
		ask   func(policy.Principal) error
		want  string
	}{
		"one would do": {[]policy.Role{policy.RoleAuditor}, func(who policy.Principal) error {
			_, err := s.Core.Claim(t.Context(), who, "token", "c")
			return err
		}, "to claim permits takes the role automation, and ana has auditor"},
		"one of several, who has two": {[]policy.Role{policy.RoleAutomation, policy.RoleAuditor}, func(who policy.Principal) error {
			_, err := s.Core.SetMode(t.Context(), who, ledger.OrganisationScope(), policy.ModeHalted, "r")
			return err
		}, "to switch modes takes one of the roles approver, governance or admin, and ana has automation and auditor"},
		"one of several, who has none": {nil, func(who policy.Principal) error {
			_, err := s.Core.Ledger(t.Context(), who, ledger.OrganisationScope(), 0)
			return err
		}, "to read the ledger takes one of the roles approver, governance, auditor or admin, and ana has none"},
	} {
		err := test.ask(policy.Principal{Subject: "ana", Roles: test.roles})
		if !errors.Is(err, policy.ErrForbidden) || !strings.HasSuffix(err.Error(), ": "+test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// An automation learns nothing of others' decisions, not even that there are any.
func TestAutomationSeesItsOwn(t *testing.T) {
	s := servertest.New(t)
	ctx := t.Context()
	decided := decide(t, s, servertest.Bid("secret", 100, 110))[0].Decision
	other := s.OtherAutomation.Principal
	for name, ask := range map[string]func(id string, key store.DecisionKey) error{
		"get": func(id string, key store.DecisionKey) error {
			_, err := s.Core.GetDecision(ctx, other, id, key)
			return err
		},
		"input": func(id string, _ store.DecisionKey) error {
			_, err := s.Core.DecisionInput(ctx, other, id)
			return err
		},
		"explain": func(id string, _ store.DecisionKey) error {
			_, _, err := s.Core.Explain(ctx, other, id)
			return err
		},
	} {
		theirs, none := ask(decided.ID, store.DecisionKey{}), ask("dec_none", store.DecisionKey{})
		if !errors.Is(theirs, policy.ErrNotFound) || !errors.Is(none, policy.ErrNotFound) {
			t.Errorf("%s: got %v for another's decision and %v for none, want ErrNotFound twice", name, theirs, none)
		}
	}
	key := store.DecisionKey{Automation: "pacer", ChangeID: "secret"}
	if _, err := s.Core.GetDecision(ctx, other, "", key); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("by another's key: got %v, want ErrNotFound", err)
	}
	if _, err := s.Core.GetDecision(ctx, other, "", store.DecisionKey{ChangeID: "secret"}); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("by a key of its own that it never used: got %v, want ErrNotFound", err)
	}
	if page, err := s.Core.ListDecisions(ctx, other, store.DecisionFilter{}, store.Page{}); err != nil || len(page.Records) != 0 {
		t.Errorf("list: got %d decisions and %v, want none", len(page.Records), err)
	}
	if _, err := s.Core.ListDecisions(ctx, other, store.DecisionFilter{Automation: "pacer"}, store.Page{}); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("list of another's: got %v, want ErrForbidden", err)
	}
	// Somebody who is an automation and an auditor sees all.
	both := policy.Principal{Subject: "bidder", Roles: []policy.Role{policy.RoleAutomation, policy.RoleAuditor}}
	if record, err := s.Core.GetDecision(ctx, both, "", key); err != nil || record.Decision.ID != decided.ID {
		t.Errorf("as an auditor too: got %v, want the decision", err)
	}
	if record, err := s.Core.GetDecision(ctx, s.Automation.Principal, "", store.DecisionKey{ChangeID: "secret"}); err != nil || record.Decision.ID != decided.ID {
		t.Errorf("by its own key: got %v, want the decision", err)
	}
}
