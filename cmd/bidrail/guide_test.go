package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/bidrail/bidrail/rego"
)

var guideBlock = regexp.MustCompile("(?s)`(rules/[a-z_]+\\.rego)`:\n\n```rego\n(.*?)```")

// TestPolicyGuide runs the rule that the policy guide tells a governance owner to start from.
func TestPolicyGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/policy-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, rego.Files()); err != nil {
		t.Fatal(err)
	}
	// Alone with the library: the other rules are tested where they are.
	for _, pattern := range []string{"rules/*.rego", "lib/*_test.rego"} {
		others, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(others) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range others {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	blocks := guideBlock.FindAllSubmatch(guide, -1)
	if len(blocks) != 2 {
		t.Fatalf("the guide has %d files of a rule, and should have the rule and its test", len(blocks))
	}
	for _, block := range blocks {
		if err := os.WriteFile(filepath.Join(folder, string(block[1])), block[2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"policy", "test", folder}, environment{nil, &out, &problems, nil}); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out.String(), problems.String())
	}
}
