// Package auth makes a [policy.Principal] of a caller's credentials. Until an identity provider is
// configured there is only [Development], which believes what it is told.
package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/bidrail/bidrail/policy"
)

// DevelopmentHeader names the caller under the development identity: "subject;role,role".
const DevelopmentHeader = "bidrail-dev-principal"

// DevelopmentSubject is who calls when the header is not there.
const DevelopmentSubject = "dev-automation"

// maxHeader bounds what is parsed of the header.
const maxHeader = 1024

// Development believes the header, and takes a caller without it for an automation. It proves
// nothing, so a server that uses it listens on loopback only.
type Development struct{}

// Authenticate implements the doors' authenticator.
func (Development) Authenticate(_ context.Context, headers metadata.MD) (policy.Principal, error) {
	values := headers.Get(DevelopmentHeader)
	switch len(values) {
	case 0:
		return policy.Principal{Subject: DevelopmentSubject, Roles: []policy.Role{policy.RoleAutomation}}, nil
	case 1:
		return ParseDevelopment(values[0])
	default:
		return policy.Principal{}, fmt.Errorf("%w: %s is sent %d times; send it once", policy.ErrUnauthenticated, DevelopmentHeader, len(values))
	}
}

// ParseDevelopment reads "subject;role,role".
func ParseDevelopment(header string) (policy.Principal, error) {
	refuse := func(format string, arguments ...any) (policy.Principal, error) {
		return policy.Principal{}, fmt.Errorf("%w: %s: %s", policy.ErrUnauthenticated, DevelopmentHeader, fmt.Sprintf(format, arguments...))
	}
	if len(header) > maxHeader {
		return refuse("longer than %d bytes", maxHeader)
	}
	subject, list, found := strings.Cut(header, ";")
	subject = strings.TrimSpace(subject)
	if subject == "" || !found {
		return refuse("write subject;role,role, such as ana;approver,auditor")
	}
	principal := policy.Principal{Subject: subject}
	for name := range strings.SplitSeq(list, ",") {
		role := policy.Role(strings.TrimSpace(name))
		if !slices.Contains(policy.Roles(), role) {
			return refuse("%q is not a role; the roles are %v", role, policy.Roles())
		}
		if !slices.Contains(principal.Roles, role) {
			principal.Roles = append(principal.Roles, role)
		}
	}
	return principal, nil
}
