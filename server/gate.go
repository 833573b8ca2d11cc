package server

import (
	"fmt"

	"github.com/bidrail/bidrail/policy"
)

// operation is something a principal may ask for.
type operation string

const (
	opCheck         operation = "check changes"
	opReadDecisions operation = "read decisions"
	opExplain       operation = "explain decisions"
	opReadRules     operation = "read rules"
)

// permitted is the only table of who may do what. What is not in it nobody may do.
var permitted = map[operation][]policy.Role{
	opCheck:         {policy.RoleAutomation},
	opReadDecisions: {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opExplain:       {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor},
	opReadRules:     {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
}

// admit is the gate: every method of the server passes it before it does anything.
func (s *Server) admit(principal policy.Principal, asked operation) error {
	if principal.Subject == "" {
		return fmt.Errorf("%w: nobody is named", policy.ErrUnauthenticated)
	}
	roles := permitted[asked]
	if !principal.Has(roles...) {
		s.logger.Warn("refused at the gate", "subject", principal.Subject, "roles", principal.Roles, "operation", asked)
		return fmt.Errorf("%w: to %s takes one of the roles %v, and %s has %v",
			policy.ErrForbidden, asked, roles, principal.Subject, principal.Roles)
	}
	return nil
}

// seesAll reports whether a principal may see decisions on others' changes. An automation that is
// nothing else sees its own.
func seesAll(principal policy.Principal) bool {
	return principal.Has(policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin)
}
