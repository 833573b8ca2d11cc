package limits

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the errors into the files of testdata")

// readRevision reads the document and the tables of a folder.
func readRevision(t *testing.T, folder string) (*Set, error) {
	t.Helper()
	files := os.DirFS(folder)
	data, err := fs.ReadFile(files, "limits/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	var b Builder
	_ = b.Decode(document, "limits/data.yaml") // Build returns the errors
	tables, err := fs.Glob(files, "limits/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables {
		table, err := files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.ReadTable(table, name)
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Build()
}

// TestErrors compares the messages for each folder in testdata/refused with its errors.txt.
func TestErrors(t *testing.T) {
	folders, err := filepath.Glob("testdata/refused/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("got %d folders in testdata/refused, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			_, err := readRevision(t, folder)
			if err == nil {
				t.Fatal("got no error")
			}
			golden, got := filepath.Join(folder, "errors.txt"), err.Error()+"\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (go test -update accepts):\n%s", diff)
			}
		})
	}
}

// An error carries its place, for callers that show it beside the file.
func TestErrorPlace(t *testing.T) {
	var b Builder
	if err := b.Define(Definition{Name: "bid.step", Type: Ratio}); err != nil {
		t.Fatal(err)
	}
	err := b.ReadTable(strings.NewReader("account,bid.step\n1,5%\n2,5\n"), "limits/steps.csv")
	got, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	if want := (Source{File: "limits/steps.csv", Line: 3}); got.Source != want || got.Field != "column bid.step" {
		t.Errorf("got %v, %q; want %v, column bid.step", got.Source, got.Field, want)
	}
	if set, err := b.Build(); set != nil || err == nil {
		t.Errorf("got %v, %v from a builder that failed, want an error", set, err)
	}
}

// What is made in Go is checked like what is read.
func TestNewRefuses(t *testing.T) {
	match := Match{Account: "a1"}
	tests := []struct {
		name        string
		definitions []Definition
		entry       Entry
		want        string
	}{
		{"a definition twice", append(testDefinitions, testDefinitions[0]), ceiling("x", match, usd(1)), "defined twice"},
		{"no id", testDefinitions, ceiling("", match, usd(1)), "id: is empty"},
		{"blanks", testDefinitions, ceiling("x", Match{Account: " a1"}, usd(1)), "blanks around it"},
		{"not UTF-8", testDefinitions, ceiling("x", Match{Account: "\xff"}, usd(1)), "not UTF-8"},
		{"invisible", testDefinitions, ceiling("x", Match{Account: "a\u200b1"}, usd(1)), "cannot be seen"},
		{"an empty label", testDefinitions, ceiling("x", Match{Labels: map[string]string{"brand": ""}}, usd(1)), "labels.brand: the value is empty"},
		{"another type", testDefinitions, ceiling("x", match, percent(30)), "is a ratio, but the limit is a money"},
		{"negative", testDefinitions, ceiling("x", match, usd(-1)), "is negative"},
		{"no currency", testDefinitions, ceiling("x", match, Value{Type: Money, Amount: 1}), "no currency code"},
		{"unlimited with an amount", testDefinitions, ceiling("x", match, Value{Type: Money, Amount: 1, Unlimited: true}), "has no amount"},
		{"a flag of two", testDefinitions, Entry{ID: "x", Set: map[string][]Value{"state.protected": {{Type: Flag, Amount: 2}}}}, "neither 0 nor 1"},
		{"nothing defined", nil, ceiling("x", match, usd(1)), "nothing is defined yet"},
		{"nothing set", testDefinitions, ceiling("x", match), "sets nothing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.definitions, test.entry); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
