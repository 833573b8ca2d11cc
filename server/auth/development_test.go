package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"
	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server/auth"
)

func TestDevelopment(t *testing.T) {
	for name, test := range map[string]struct {
		headers []string
		want    policy.Principal // no subject: refused
	}{
		"no header":       {nil, policy.Principal{Subject: auth.DevelopmentSubject, Roles: []policy.Role{policy.RoleAutomation}}},
		"one role":        {[]string{"ana;auditor"}, policy.Principal{Subject: "ana", Roles: []policy.Role{policy.RoleAuditor}}},
		"all roles":       {[]string{"ana;automation,approver,governance,auditor,admin,break_glass,connector"}, policy.Principal{Subject: "ana", Roles: policy.Roles()}},
		"a role twice":    {[]string{"ana;auditor,auditor"}, policy.Principal{Subject: "ana", Roles: []policy.Role{policy.RoleAuditor}}},
		"spaces":          {[]string{" ana ; auditor "}, policy.Principal{Subject: "ana", Roles: []policy.Role{policy.RoleAuditor}}},
		"empty":           {[]string{""}, policy.Principal{}},
		"no roles":        {[]string{"ana"}, policy.Principal{}},
		"empty role":      {[]string{"ana;"}, policy.Principal{}},
		"trailing comma":  {[]string{"ana;auditor,"}, policy.Principal{}},
		"no subject":      {[]string{";auditor"}, policy.Principal{}},
		"unknown role":    {[]string{"ana;root"}, policy.Principal{}},
		"a second one":    {[]string{"ana;auditor;admin"}, policy.Principal{}},
		"two headers":     {[]string{"ana;auditor", "ben;auditor"}, policy.Principal{}},
		"longer than 1 K": {[]string{strings.Repeat("a", 1024) + ";auditor"}, policy.Principal{}},
	} {
		headers := metadata.MD{}
		headers.Append(auth.DevelopmentHeader, test.headers...)
		got, err := auth.Development{}.Authenticate(t.Context(), headers)
		if test.want.Subject == "" {
			if !errors.Is(err, policy.ErrUnauthenticated) {
				t.Errorf("%s: got %v, want ErrUnauthenticated", name, err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// Whatever is sent, only a name and known roles come of it.
func TestParseDevelopment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z ]{0,3};?(auditor|admin|automation|,|;| )*`)).Draw(t, "header")
		principal, err := auth.ParseDevelopment(header)
		if err != nil {
			if !errors.Is(err, policy.ErrUnauthenticated) || principal.Subject != "" || len(principal.Roles) > 0 {
				t.Fatalf("got %+v and %v", principal, err)
			}
			return
		}
		if principal.Subject == "" || len(principal.Roles) == 0 {
			t.Fatalf("%q gives %+v", header, principal)
		}
		for _, role := range principal.Roles {
			if !slices.Contains(policy.Roles(), role) {
				t.Fatalf("%q gives the role %q", header, role)
			}
		}
	})
}
