package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/server/servertest"
)

// TestExperimentsManual reads the tests that the manual tells people to write.
func TestExperimentsManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/experiments.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(manual)
	if block == nil {
		t.Fatal("the manual has no tests")
	}
	file := filepath.Join(t.TempDir(), "tests.yaml")
	if err := os.WriteFile(file, block[1], 0o600); err != nil {
		t.Fatal(err)
	}
	tests, err := (&experimentsApplyCommand{File: file}).read(environment{})
	if err != nil || len(tests) != 2 {
		t.Fatalf("got %+v, %v", tests, err)
	}
	if south, spring := tests[0], tests[1]; south.ID != "north-south" || south.State != experiment.Draft || spring.ID != "spring-headlines" || len(spring.Envelope) != 2 {
		t.Errorf("got %+v", tests)
	}
	piped, err := (&experimentsApplyCommand{File: "-"}).read(environment{stdin: bytes.NewReader(block[1])})
	if err != nil || len(piped) != 2 {
		t.Errorf("from standard input: %+v, %v", piped, err)
	}
	for text, want := range map[string]string{
		"- a list":                       "cannot unmarshal",
		"a: {type: ab}\na: {type: lift}": "already defined",
		"a: {type: ab, arms: {x: [}}":    "did not find",
		"a: {type: ab, owner: x, arms: {x: {campaigns: [7]}}}": "experiment a: arms.campaigns cannot be a number; write it in quotes",
	} {
		_, err := (&experimentsApplyCommand{File: "-"}).read(environment{stdin: strings.NewReader(text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// answer is somebody at a terminal, to whom something happens before they answer.
type answer struct {
	io.Reader
	first func()
}

func (a *answer) Read(into []byte) (int, error) {
	if a.first != nil {
		a.first()
		a.first = nil
	}
	return a.Reader.Read(into)
}

// What was shown is what is applied, or nothing is: not without a yes, and not when somebody else has edited the test meanwhile.
func TestWhatIsShownIsWhatIsApplied(t *testing.T) {
	s := servertest.New(t)
	test := experiment.Experiment{ID: "spring", Type: "ab", Owner: "growth", Starts: servertest.Start.Add(time.Hour), Ends: servertest.Start.Add(30 * 24 * time.Hour),
		Arms: []experiment.Arm{{Name: "base", Campaigns: []string{"101"}}}}
	put := func(name string, version int64) {
		t.Helper()
		test.Name = name
		if _, err := s.Core.PutExperiment(t.Context(), s.Governance.Principal, test, version, ""); err != nil {
			t.Error(err)
		}
	}
	put("first", 0)
	test.Name = "mine"
	body, err := test.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tests.yaml")
	if err := os.WriteFile(file, []byte("spring: "+string(body)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, answer string
		first        func()
		code         int
		says         string
		want         string
	}{
		{"no", "n\n", nil, 1, "nothing was said", "first"},
		{"yes, and somebody was faster", "y\n", func() { put("theirs", 1) }, 1, "is at version 2 by gita, and you have edited version 1; read it again", "theirs"},
		{"yes", "y\n", nil, 0, "apply what is shown above, 1 test? [y/N]", "mine"},
	} {
		var out, problems bytes.Buffer
		stdin := &answer{strings.NewReader(step.answer), step.first}
		code := run(t.Context(), []string{"experiments", "apply", "-f", file, "--server", s.Address, "--as", "gita:governance"}, environment{stdin, &out, &problems, nil})
		if code != step.code || !strings.Contains(problems.String(), step.says) || !strings.Contains(out.String(), "→ mine") {
			t.Errorf("%s: exit %d\n%s%s", step.name, code, out.String(), problems.String())
		}
		now, _, err := s.Core.GetExperiment(t.Context(), s.Auditor.Principal, "spring")
		if err != nil || now.Experiment.Name != step.want {
			t.Errorf("%s: it is %q, want %q; %v", step.name, now.Experiment.Name, step.want, err)
		}
	}
}
