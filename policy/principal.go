package policy

import "slices"

// Role is what a principal may do. Roles do not contain one another: a person with several jobs
// has several roles.
type Role string

// The roles.
const (
	RoleAutomation Role = "automation" // proposes changes and sees its own decisions
	RoleApprover   Role = "approver"   // decides what was escalated
	RoleGovernance Role = "governance" // owns rules and limits
	RoleAuditor    Role = "auditor"    // reads everything, changes nothing
	RoleAdmin      Role = "admin"      // runs the service; not an approver
	// RoleBreakGlass lets one blocked change through at once, and answers for it afterwards. No other role has it.
	RoleBreakGlass Role = "break_glass"
	RoleConnector  Role = "connector" // puts facts, and does nothing else
)

// Roles returns every role there is.
func Roles() []Role {
	return []Role{RoleAutomation, RoleApprover, RoleGovernance, RoleAuditor, RoleAdmin, RoleBreakGlass, RoleConnector}
}

// Principal is who calls, as the credentials prove it.
type Principal struct {
	Subject string
	Roles   []Role
}

// Has reports whether the principal has any of the roles.
func (p Principal) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(role Role) bool { return slices.Contains(p.Roles, role) })
}
