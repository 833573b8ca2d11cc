package policy

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// An upgrade of OPA that brings a built-in must make somebody decide which list it belongs in: add it to
// allowedBuiltins, or to the file of those that rules may not call.
func TestEveryBuiltinOfOPAWasReviewed(t *testing.T) {
	const name = "testdata/builtins_refused.txt"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			refused = append(refused, line)
		}
	}
	existing := map[string]bool{}
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		existing[builtin.Name] = true
		allowed := slices.Contains(allowedBuiltins, builtin.Name)
		switch {
		case allowed && slices.Contains(refused, builtin.Name):
			t.Errorf("%s is both allowed and in %s", builtin.Name, name)
		case !allowed && !slices.Contains(refused, builtin.Name):
			t.Errorf("%s is new: may rules call it? Review it, then put it into allowedBuiltins or into %s", builtin.Name, name)
		}
	}
	for _, each := range slices.Concat(allowedBuiltins, testBuiltins, refused) {
		if !existing[each] {
			t.Errorf("OPA has no %s any more", each)
		}
	}
	for each := range builtinAdvice {
		if !existing[each] && each != "print" {
			t.Errorf("there is advice for %s, which OPA does not have", each)
		}
		if isAllowed(each, false) {
			t.Errorf("there is advice against %s, which is allowed", each)
		}
	}
	for _, each := range testBuiltins {
		if !slices.Contains(refused, each) {
			t.Errorf("%s is for tests, so rules are refused it: it belongs in %s", each, name)
		}
	}
}

// What is not deterministic, by OPA's own word, must never be allowed: a decision could not be derived
// again from its record.
func TestAllowedBuiltinsAreDeterministicAndStayInside(t *testing.T) {
	for _, name := range allowedBuiltins {
		builtin := ast.BuiltinMap[name]
		if builtin == nil {
			t.Errorf("OPA has no %s", name)
			continue
		}
		if builtin.IsNondeterministic() {
			t.Errorf("%s is not deterministic", name)
		}
		if builtin.IsDeprecated() {
			t.Errorf("%s is deprecated", name)
		}
	}
	if got := capabilities(false); len(got.Builtins) != len(allowedBuiltins) || len(got.AllowNet) != 0 || got.AllowNet == nil {
		t.Errorf("%d built-ins and the hosts %v are allowed", len(got.Builtins), got.AllowNet)
	}
}

// Each refused built-in is refused however it is reached: the compiler would refuse it even if the check
// of the source missed it.
func TestCompilerKnowsOnlyAllowedBuiltins(t *testing.T) {
	for name := range builtinAdvice {
		for _, known := range capabilities(true).Builtins {
			if known.Name == name {
				t.Errorf("the compiler knows %s", name)
			}
		}
	}
}
