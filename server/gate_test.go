package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bidrail/bidrail/policy"
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
	)
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
		{"get a decision", []policy.Role{automation, approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, err := s.Core.GetDecision(t.Context(), who, decided, store.DecisionKey{})
			return err
		}},
		{"get its input", []policy.Role{automation, approver, governance, auditor, admin}, func(who policy.Principal) error {
			_, err := s.Core.DecisionInput(t.Context(), who, decided)
			return err
		}},
		{"list decisions", []policy.Role{automation, approver, governance, auditor, admin}, func(who policy.Principal) error {
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
