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
	for _, pattern := range []string{"rules/*.rego", "lib/*_test.rego", "scenarios/*.yaml"} {
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

var scenarioBlock = regexp.MustCompile("(?s)```yaml\n(title: .*?)```")

// TestScenarioGuides plays the scenarios that the guides show.
func TestScenarioGuides(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, rego.Files()); err != nil {
		t.Fatal(err)
	}
	for name, guide := range map[string]string{"scenarios": "../../docs/scenarios.md", "policy": "../../docs/policy-guide.md"} {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		blocks := scenarioBlock.FindAllSubmatch(text, -1)
		if len(blocks) != 1 {
			t.Fatalf("%s has %d scenarios, and should have one", guide, len(blocks))
		}
		if err := os.WriteFile(filepath.Join(folder, "scenarios", "guide_"+name+".yaml"), blocks[0][1], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"policy", "test", folder, "--scenario", "guide_"}, environment{nil, &out, &problems, nil}); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out.String(), problems.String())
	}
	if got := out.String(); got != "scenarios: 2, all as expected\n" {
		t.Errorf("got %q", got)
	}
}
