package server

import (
	"fmt"
	"strings"

	"github.com/bidrail/bidrail/policy"
)

// operation is something a principal may ask for.
type operation string

const (
	opCheck         operation = "check changes"
	opReadDecisions operation = "read decisions"
	opExplain       operation = "explain decisions"
	opReadRules     operation = "read rules"
	opClaim         operation = "claim permits"
	opReport        operation = "report on permits"
	opListPermits   operation = "list permits"
	opReadLedger    operation = "read the ledger"
	opReadModes     operation = "read modes"
	opSetMode       operation = "switch modes"
	opReadReports   operation = "read reports"

	opReadApprovals    operation = "read approvals"
	opReview           operation = "review approvals"
	opComment          operation = "comment on approvals"
	opWithdraw         operation = "withdraw approvals"
	opRevoke           operation = "revoke approvals"
	opRedeem           operation = "redeem approvals"
	opReadExceptions   operation = "read suppressions, grants, overrides and delegations"
	opClearSuppression operation = "clear suppressions"
	opGrant            operation = "propose and revoke grants"
	opBreakGlass       operation = "break the glass"
	opReviewOverride   operation = "review overrides"
	opDelegate         operation = "delegate reviews"
	opReadDeliveries   operation = "read deliveries"

	opEditCalendar       operation = "edit the calendar"
	opReadCalendar       operation = "read the calendar"
	opPutFacts           operation = "put facts"
	opReadFacts          operation = "read facts"
	opPutExperiment      operation = "register, start and conclude experiments"
	opAbortExperiment    operation = "abort experiments"
	opReadExperiments    operation = "read experiments"
	opReadContaminations operation = "read what has disturbed experiments"
)

// permitted is the only table of who may do what. What is not in it nobody may do.
var permitted = map[operation][]policy.Role{
	opCheck:         {policy.RoleAutomation},
	opReadDecisions: {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass},
	opExplain:       {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor},
	opReadRules:     {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opClaim:         {policy.RoleAutomation},
	opReport:        {policy.RoleAutomation, policy.RoleGovernance, policy.RoleAdmin},
	opListPermits:   {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opReadLedger:    {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opReadModes:     {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opSetMode:       {policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin}, // whoever is there in an emergency
	opReadReports:   {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},

	opReadApprovals:    {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass},
	opReview:           {policy.RoleApprover},
	opComment:          {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},
	opWithdraw:         {policy.RoleAutomation, policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin}, // of them, who has a stake in it
	opRevoke:           {policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin},                        // like the kill switch: it only takes away
	opRedeem:           {policy.RoleAutomation},
	opReadExceptions:   {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass},
	opClearSuppression: {policy.RoleApprover, policy.RoleGovernance},
	opGrant:            {policy.RoleGovernance},
	opBreakGlass:       {policy.RoleBreakGlass},
	opReviewOverride:   {policy.RoleGovernance, policy.RoleAuditor},
	opDelegate:         {policy.RoleApprover},
	opReadDeliveries:   {policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin},

	opEditCalendar:       {policy.RoleGovernance},
	opReadCalendar:       policy.Roles(),         // whoever asks for changes plans by it
	opPutFacts:           {policy.RoleConnector}, // and nobody besides: whose facts they are must not depend on who is in a hurry
	opReadFacts:          {policy.RoleConnector, policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass},
	opPutExperiment:      {policy.RoleGovernance},
	opAbortExperiment:    {policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin}, // like the kill switch, and whoever ends a test early says so
	opReadExperiments:    policy.Roles(),
	opReadContaminations: {policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass, policy.RoleConnector},
}

// admit is the gate: every method of the server passes it before it does anything.
func (s *Server) admit(principal policy.Principal, asked operation) error {
	if principal.Subject == "" {
		return fmt.Errorf("%w: nobody is named", policy.ErrUnauthenticated)
	}
	roles := permitted[asked]
	if !principal.Has(roles...) {
		s.logger.Warn("refused at the gate", "subject", principal.Subject, "roles", principal.Roles, "operation", asked)
		return fmt.Errorf("%w: to %s takes %s, and %s has %s",
			policy.ErrForbidden, asked, anyOf(roles), principal.Subject, allOf(principal.Roles))
	}
	return nil
}

// anyOf writes the roles of which one will do: "one of the roles approver, governance or admin".
func anyOf(roles []policy.Role) string {
	if len(roles) == 1 {
		return "the role " + string(roles[0])
	}
	return "one of the roles " + listed(roles, "or")
}

// allOf writes the roles that somebody has.
func allOf(roles []policy.Role) string {
	if len(roles) == 0 {
		return "none"
	}
	return listed(roles, "and")
}

func listed(roles []policy.Role, word string) string {
	words := make([]string, len(roles))
	for i, role := range roles {
		words[i] = string(role)
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " " + word + " " + words[last]
}

// seesAll reports whether a principal may see decisions on others' changes. An automation that is
// nothing else sees its own.
func seesAll(principal policy.Principal) bool {
	return principal.Has(policy.RoleApprover, policy.RoleGovernance, policy.RoleAuditor, policy.RoleAdmin, policy.RoleBreakGlass)
}
