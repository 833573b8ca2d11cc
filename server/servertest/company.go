package servertest

import (
	"io/fs"
	"maps"
	"testing"

	"github.com/bidrail/bidrail/policy"
)

// The company of the tests: who reviews what the automations of the tests propose. ines answers for pacer, and has two logins.
const (
	companyPeople = `people:
  - {id: ana, groups: [growth]}
  - {id: ben, groups: [growth]}
  - {id: cleo, groups: [growth, finance]}
  - {id: fay, groups: [finance]}
  - {id: finn, groups: [finance]}
  - {id: gita, groups: [leads]}
  - {id: ines, subjects: [ines, ines-admin], groups: [growth, finance]}
automations:
  - {subject: pacer, owners: [ines]}
fallback: [leads]
`
	companyRoutes = `waits: 4h
lives: 30m
suppress: 24h
default:
  - {name: review, any_of: [{group: growth}], quorum: 1}
routes:
  - name: budgets
    kinds: [daily_budget, shared_budget]
    stages:
      - {name: growth, any_of: [{group: growth}], quorum: 2}
      - {name: finance, any_of: [{group: finance}], quorum: 1, distinct_across_stages: true}
`
)

// Company is the shipped rules with people and routes, and some files changed besides. A bid waits for one of growth; a
// budget for two of growth, then one of finance who is none of them.
func Company(t testing.TB, changed map[string]string) fs.FS {
	t.Helper()
	files := map[string]string{"people/data.yaml": companyPeople, "routes/data.yaml": companyRoutes}
	maps.Copy(files, changed)
	return Pack(t, files)
}

// Person is somebody of the company who calls as an approver.
func Person(subject string) policy.Principal {
	return policy.Principal{Subject: subject, Roles: []policy.Role{policy.RoleApprover}}
}
