package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRulesDocs holds docs/rules.md against the rules, which it is written from.
func TestRulesDocs(t *testing.T) {
	written, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"rules", "docs"}, environment{nil, &out, &problems, nil}); code != 0 {
		t.Fatalf("exit %d: %s", code, problems.String())
	}
	if difference := cmp.Diff(string(written), out.String()); difference != "" {
		t.Errorf("docs/rules.md is not what the rules say; run make rules-docs (-written +said):\n%s", difference)
	}
}
