package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is a bug that somebody could make, as a patch of the tree, and the test that has to find it.
type mutant struct {
	name    string // of its file
	what    string
	files   []string // that it changes, from the root of the tree
	pkg     string   // of the test, such as ./server
	test    string
	patch   string // the path of its file
	overlay string // the path of a file for go test -overlay; see plant
}

// outcome is what became of a mutant.
type outcome string

const (
	caught   outcome = "caught"
	survived outcome = "survived"
	broken   outcome = "does not compile"
)

var (
	header  = regexp.MustCompile(`^What: (.+)\nCaught by: (\./\S+) (Test\w+)\n\n--- a/`)
	changed = regexp.MustCompile(`(?m)^\+\+\+ b/(\S+)$`)
)

// readMutants reads every patch of a folder, by name.
func readMutants(folder string) ([]mutant, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	mutants := make([]mutant, len(paths))
	for i, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		head := header.FindSubmatch(content)
		if head == nil {
			return nil, fmt.Errorf("%s does not begin with: What: ..., Caught by: PACKAGE TEST, an empty line and a unified diff", path)
		}
		mutants[i] = mutant{name: strings.TrimSuffix(filepath.Base(path), ".patch"), what: string(head[1]), pkg: string(head[2]), test: string(head[3]), patch: path}
		for _, file := range changed.FindAllSubmatch(content, -1) {
			mutants[i].files = append(mutants[i].files, string(file[1]))
		}
	}
	return mutants, nil
}

// plant makes the files that the mutant changes, changed, in a folder of its own. The tree stays as it is: go test
// takes the changed files in the place of its own.
func (m *mutant) plant(ctx context.Context, root, folder string) error {
	replace := map[string]string{}
	for _, file := range m.files {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		copied := filepath.Join(folder, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(copied), 0o700), os.WriteFile(copied, content, 0o600)); err != nil {
			return err
		}
		replace[filepath.Join(root, file)] = copied
	}
	apply := exec.CommandContext(ctx, "git", "apply", "-C1", m.patch)
	apply.Dir = folder
	apply.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(folder)) // the folder is in no repository
	if output, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not apply any more; plant the same bug in the code as it is now: %s", m.name, bytes.TrimSpace(output))
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	m.overlay = filepath.Join(folder, "overlay.json")
	return os.WriteFile(m.overlay, encoded, 0o600)
}

// run runs the test that has to find the mutant, which is planted.
func (m *mutant) run(ctx context.Context, root string) (outcome, []byte, error) {
	output, err := goTest(ctx, root, m.pkg, []string{m.test}, "-overlay", m.overlay)
	switch {
	case err == nil:
		return survived, output, nil
	case ctx.Err() != nil:
		return "", output, ctx.Err()
	case slices.ContainsFunc([]string{"[build failed]", "[setup failed]"}, func(mark string) bool { return bytes.Contains(output, []byte(mark)) }):
		return broken, output, nil
	}
	return caught, output, nil
}

// goTest runs tests of one package, and demands that there are such tests.
func goTest(ctx context.Context, root, pkg string, tests []string, flags ...string) ([]byte, error) {
	arguments := append([]string{"test", "-count=1", "-timeout=5m", "-run", "^(" + strings.Join(tests, "|") + ")$"}, flags...)
	command := exec.CommandContext(ctx, "go", append(arguments, pkg)...)
	command.Dir = root
	output, err := command.CombinedOutput()
	if err == nil && bytes.Contains(output, []byte("[no tests to run]")) {
		err = fmt.Errorf("%s has none of the tests %v", pkg, tests)
	}
	return output, err
}
