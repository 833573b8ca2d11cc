package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const root = "../.."

// Every planted bug can still be planted, and the test that has to find it is there. Whether it does, make mutants shows.
func TestMutantsApply(t *testing.T) {
	mutants, err := readMutants(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(mutants) < 18 {
		t.Errorf("there are %d mutants, want at least 18", len(mutants))
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			if m.patch, err = filepath.Abs(m.patch); err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			if err := m.plant(t.Context(), top, folder); err != nil {
				t.Fatal(err)
			}
			for _, file := range m.files {
				before, err := os.ReadFile(filepath.Join(root, file))
				if err != nil {
					t.Fatal(err)
				}
				after, err := os.ReadFile(filepath.Join(folder, file))
				if err != nil || string(after) == string(before) {
					t.Errorf("%s is as it was (error %v)", file, err)
				}
			}
			if !hasTest(t, filepath.Join(root, m.pkg), m.test) {
				t.Errorf("%s has no test %s", m.pkg, m.test)
			}
		})
	}
}

func hasTest(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`(?m)^func ` + test + `\(t \*testing\.T\)`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if wanted.Match(content) {
			return true
		}
	}
	return false
}
