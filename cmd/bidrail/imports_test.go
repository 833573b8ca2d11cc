package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bidrail/bidrail"

// edges is which packages of ours a package may import; its tests may import anything. A new edge is
// a change of the architecture: say in docs/architecture.md why it is there.
var edges = map[string][]string{
	"policy":            {"policy/limits", "policy/plan", "policy/term"}, // the one parent that imports children: they know nothing of policy
	"policy/limits":     {},
	"policy/term":       {},
	"policy/plan":       {"policy/term"},
	"policy/experiment": {"policy", "policy/limits"},
	"policy/fact":       {"policy"},
	"policy/calendar":   {"policy"},
	"policy/registry":   {"policy"},
	"policy/ledger":     {"policy"},
	"policy/mode":       {"policy", "policy/ledger"},
	"policy/permit":     {"policy", "policy/mode"},
	"policy/audit":      {},
	"policy/approval":   {"policy", "policy/ledger", "policy/limits", "policy/permit"},

	"store":           {"policy", "policy/approval", "policy/audit", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/mode", "policy/permit", "policy/registry"},
	"store/sqlstore":  {"policy", "policy/approval", "policy/audit", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/mode", "policy/permit", "policy/registry", "store"},
	"store/sqlite":    {"policy", "store", "store/sqlstore"},
	"store/storetest": {"policy", "policy/approval", "policy/audit", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/mode", "policy/permit", "policy/registry", "store"},

	"server":            {"policy", "policy/approval", "policy/audit", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/mode", "policy/permit", "policy/registry", "store"},
	"server/auth":       {"policy"},
	"server/config":     {"policy"}, // the names of evaluators
	"server/grpcapi":    {"policy", "policy/approval", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/mode", "policy/permit", "proto/bidrail/v1", "server", "store"},
	"server/keys":       {"policy", "policy/permit"},
	"server/notify":     {"store"},
	"server/scenario":   {"policy", "policy/approval", "policy/calendar", "policy/experiment", "policy/fact", "policy/ledger", "policy/limits", "policy/permit", "server"},
	"server/servertest": {"policy", "policy/ledger", "proto/bidrail/v1", "rego", "server", "server/auth", "server/grpcapi", "server/keys", "store", "store/sqlite"},

	"proto":            {},
	"proto/bidrail/v1": {},
	"rego":             {},

	"client":                   {"proto/bidrail/v1"},
	"client/formats":           {"proto/bidrail/v1"},
	"client/examples/data":     {},
	"client/examples/recorded": {"client", "client/examples/data", "proto/bidrail/v1"},
	"client/examples/pacer":    {"client", "client/examples/data", "proto/bidrail/v1"},
	"client/examples/demo":     {"client", "client/examples/pacer", "client/examples/recorded", "proto/bidrail/v1"},

	"tools/mutants": {},

	"cmd/bidrail": {
		"client", "client/formats", "policy", "policy/audit", "policy/calendar", "policy/experiment", "policy/ledger", "policy/limits", "proto/bidrail/v1", "rego",
		"server", "server/auth", "server/config", "server/grpcapi", "server/keys", "server/notify", "server/scenario", "store", "store/sqlite",
	},
}

// planned are packages that are being built; their edges go above with the commit that brings them.
var planned = []string{"store/postgres", "server/console"}

// copies of rego are what the README's tour leaves behind, which git ignores. They hold embed.go as well.
var copies = []string{"my-policy", "with-people"}

// owners is who may import a heavy dependency.
var owners = map[string][]string{
	"github.com/open-policy-agent/opa": {"policy", "policy/plan", "policy/term"},
	"modernc.org/":                     {"store/sqlite"},
	"golang.org/x/mod":                 {"policy/audit", "store", "store/sqlstore", "store/storetest", "store/sqlite"},
	"database/sql":                     {"store/sqlstore", "store/sqlite", "store/postgres"},
	"google.golang.org/grpc": {"server/grpcapi", "server/servertest", "client", "client/formats", "client/examples/demo", "client/examples/pacer", "client/examples/recorded",
		"proto/bidrail/v1", "cmd/bidrail"},
	"github.com/grpc-ecosystem/grpc-gateway": {"server/grpcapi", "proto/bidrail/v1"},
	"buf.build/":                             {"server/grpcapi", "proto/bidrail/v1"},
	"google.golang.org/protobuf": {"server/grpcapi", "server/servertest", "client", "client/examples/demo", "client/examples/pacer", "client/examples/recorded",
		"client/formats", "proto", "proto/bidrail/v1", "cmd/bidrail"},
	"github.com/alecthomas/kong":         {"cmd/bidrail"},
	"github.com/knadh/koanf":             {"server/config"},
	"github.com/bojanz/currency":         {"policy"},
	"github.com/lestrrat-go/jwx":         {"server/keys", "client"},
	"github.com/nicholas-fedor/shoutrrr": {"server/notify"},
	"github.com/standard-webhooks/":      {"server/notify"},
	"github.com/wneessen/go-mail":        {"server/notify"},
	"net/http":                           {"server/grpcapi", "server/console", "server/notify", "proto/bidrail/v1", "cmd/bidrail"},
}

// alone are packages of a heavy dependency that may be imported beside its owners.
var alone = map[string][]string{
	"google.golang.org/grpc/metadata": {"server/auth"}, // headers are what credentials come in
}

// TestImports holds every package against the table.
func TestImports(t *testing.T) {
	listing := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	output, err := listing.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var each struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&each); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(each.ImportPath, module+"/")
		if slices.Contains(copies, name) {
			continue
		}
		seen[name] = true
		allowed, listed := edges[name]
		if !listed && slices.ContainsFunc(planned, func(p string) bool { return name == p || strings.HasPrefix(name, p+"/") }) {
			continue
		}
		if !listed {
			t.Errorf("%s is not in the table; say what it may import", name)
			continue
		}
		for _, path := range each.Imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok {
				if !slices.Contains(allowed, ours) {
					t.Errorf("%s may not import %s", name, ours)
				}
				continue
			}
			for dependency, who := range owners {
				if (path == dependency || strings.HasPrefix(path, strings.TrimSuffix(dependency, "/")+"/")) && !slices.Contains(who, name) && !slices.Contains(alone[path], name) {
					t.Errorf("%s may not import %s, which belongs to %v", name, path, who)
				}
			}
		}
	}
	for name := range edges {
		if !seen[name] {
			t.Errorf("the table has %s, which is not there", name)
		}
	}
}

// The table itself keeps the rule that a child may import its parent and never the reverse.
func TestParentsDoNotImportChildren(t *testing.T) {
	for name, imports := range edges {
		for _, path := range imports {
			if strings.HasPrefix(path, name+"/") && !(name == "policy" && slices.Contains([]string{"policy/limits", "policy/plan", "policy/term"}, path)) {
				t.Errorf("the table lets %s import its child %s", name, path)
			}
		}
	}
}
