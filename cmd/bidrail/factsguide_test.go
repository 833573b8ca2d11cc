package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/rego"
)

var factsTable = regexp.MustCompile(`(?s)(<!-- facts: [^>]*-->\n).*?(<!-- end -->)`)

// TestFactsGuide holds the table of docs/facts.md against what the shipped revision says of its facts and which rules read them.
// UPDATE_GOLDEN=1 writes it anew.
func TestFactsGuide(t *testing.T) {
	revision, err := policy.ReadRevision(rego.Files(), "shipped")
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := revision.FactDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policy.Compile(t.Context(), revision, policy.Options{SkipTests: true})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| fact | type | maximum age | rules that read it | what it is |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		definition := definitions[name]
		form, age, rules := "any", "–", "–"
		if definition.Form != policy.Missing {
			form = definition.Form.String()
		}
		if definition.MaximumAge > 0 {
			age = strings.TrimSuffix(strings.TrimSuffix(definition.MaximumAge.String(), "0s"), "0m")
		}
		about := definition.About
		if definition.Own {
			about += "; own"
		}
		var readers []string
		for _, rule := range engine.Rules() {
			if slices.ContainsFunc(rule.Reads, func(path string) bool {
				return path == "input.facts."+name || strings.HasPrefix(path, "input.facts."+name+".")
			}) {
				readers = append(readers, "`"+rule.ID+"`")
			}
		}
		if len(readers) > 0 {
			rules = strings.Join(readers, ", ")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", name, form, age, rules, about)
	}
	const path = "../../docs/facts.md"
	guide, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := factsTable.FindSubmatchIndex(guide)
	if found == nil {
		t.Fatal("docs/facts.md has no place for the table of facts")
	}
	if got := string(guide[found[3]:found[4]]); got != table.String() {
		if os.Getenv("UPDATE_GOLDEN") == "" {
			t.Fatalf("the table of docs/facts.md is not what the revision says; UPDATE_GOLDEN=1 go test ./cmd/bidrail -run TestFactsGuide writes\n%s", table.String())
		}
		written := string(guide[:found[3]]) + table.String() + string(guide[found[4]:])
		if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
