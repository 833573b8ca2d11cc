package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/test/cases"
	"github.com/open-policy-agent/opa/v1/test/cases/testdata"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/bidrail/bidrail/policy/term"
)

// unlike are OPA's cases that come out differently, each with the reason. Rules like these are for topdown.
var unlike = map[string]string{
	"data/toplevel integer": "OPA's store finds what the data has at the key \"2\" by the number 2; a plan is given the data as a value",
	"data/nested integer":   "the same",

	"jwtdecodeverify/rs256-exp-now-expired":          noClock,
	"jwtdecodeverify/rs256-exp-now-explicit-expired": noClock,
	"jwtdecodeverify/rs256-nbf-now-ok":               noClock,

	"net.lookup_ip_addr/localhost":                      noNetwork,
	"net.lookup_ip_addr/simple ip4 returns that ip4":    noNetwork,
	"net.lookup_ip_addr/simple ip6 returns that ip6":    noNetwork,
	"rand.intn/consistent values for same arguments":    noChance,
	"uuid.rfc4122/consistent values for same arguments": noChance,
}

const (
	noClock   = "a run reads no clock"
	noNetwork = "a run does not reach out"
	noChance  = "a run comes to the same each time"
)

// unplanned are OPA's cases for which there is no plan, each with the reason.
var unplanned = map[string]string{
	"time/time caching": "it calls a function that only OPA's own test has",
}

// What OPA tests its evaluators with holds for this one.
func TestConformance(t *testing.T) {
	planned, passed := 0, 0
	refused, failed := map[string]error{}, map[string]error{}
	for _, test := range conformanceCases(t) {
		policy, err := planCase(t.Context(), test)
		if err != nil {
			refused[test.Note] = err
			continue
		}
		planned++
		if err := runCase(t.Context(), test, policy); err != nil {
			failed[test.Note] = err
			continue
		}
		passed++
	}
	compareListed(t, "is not planned", refused, unplanned)
	compareListed(t, "comes out differently", failed, unlike)
	if planned == 0 || passed*100 < planned*99 {
		t.Error("fewer than 99 of 100 cases pass")
	}
	t.Logf("conformance: %d of %d planned cases pass; OPA's planner refuses %d", passed, planned, len(refused))
}

// compareListed complains of each case of which something is the case and not listed, or listed and not the case.
func compareListed(t *testing.T, what string, found map[string]error, listed map[string]string) {
	t.Helper()
	for _, note := range slices.Sorted(maps.Keys(found)) {
		if listed[note] == "" {
			t.Errorf("%q %s: %v", note, what, found[note])
		}
	}
	for _, note := range slices.Sorted(maps.Keys(listed)) {
		if found[note] == nil {
			t.Errorf("it is said that %q %s (%s), which is not so: take it from the list", note, what, listed[note])
		}
	}
}

func conformanceCases(t *testing.T) []cases.TestCase {
	var all []cases.TestCase
	err := fs.WalkDir(testdata.V1, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := testdata.V1.ReadFile(name)
		if err != nil {
			return err
		}
		var set cases.Set
		if err := util.Unmarshal(text, &set); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, set.Cases...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func planCase(ctx context.Context, test cases.TestCase) (*plannedQuery, error) {
	options := ast.ParserOptions{RegoVersion: ast.RegoV1}
	if test.ExperimentalKeywords {
		options.Capabilities = ast.CapabilitiesForThisVersion(ast.CapabilitiesExperimentalKeywords(true))
	}
	modules := map[string]*ast.Module{}
	for i, text := range test.Modules {
		name := fmt.Sprintf("test-%d.rego", i)
		module, err := ast.ParseModuleWithOpts(name, text, options)
		if err != nil {
			return nil, err
		}
		modules[name] = module
	}
	query, err := ast.ParseBody(test.Query)
	if err != nil {
		return nil, err
	}
	return planQuery(ctx, modules, query)
}

// runCase runs a case and says in what it differs from what is wanted.
func runCase(ctx context.Context, test cases.TestCase, planned *plannedQuery) (failure error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			failure = fmt.Errorf("panic: %v", panicked)
		}
	}()
	data, input, err := documentsOf(test)
	if err != nil {
		return err
	}
	program, err := Compile(planned.policy, data, Options{BuiltinErrors: test.StrictError, Steps: 1 << 30, Memory: 1 << 30})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	results, err := program.Run(ctx, []int{0}, input)
	if err != nil {
		return err
	}
	switch {
	case test.WantError != nil || test.WantErrorCode != nil:
		return compareError(test, results[0].Err)
	case results[0].Err != nil:
		return results[0].Err
	}
	return compareRows(test, planned.rows(results[0]))
}

func documentsOf(test cases.TestCase) (data, input term.Value, err error) {
	document := map[string]any{}
	if test.Data != nil {
		document = *test.Data
	}
	if data, err = valueOfJSON(document); err != nil {
		return data, input, err
	}
	switch {
	case test.InputTerm != nil:
		read, err := ast.ParseTerm(*test.InputTerm)
		if err != nil {
			return data, input, err
		}
		input, err = term.FromAST(read.Value)
		return data, input, err
	case test.Input != nil:
		input, err = valueOfJSON(*test.Input)
	}
	return data, input, err
}

func valueOfJSON(document any) (term.Value, error) {
	value, err := ast.InterfaceToValue(document)
	if err != nil {
		return term.Value{}, err
	}
	return term.FromAST(value)
}

// compareError compares errors: their sort, and of a built-in function's the words too, which are OPA's own.
func compareError(test cases.TestCase, got error) error {
	failure, ok := errors.AsType[*Error](got)
	if !ok {
		return fmt.Errorf("got %v instead of an error", got)
	}
	conflict := test.WantErrorCode != nil && *test.WantErrorCode == "eval_conflict_error"
	if conflict != (failure.Kind == ConflictError) && test.WantErrorCode != nil {
		return fmt.Errorf("got %s (%v) instead of %s", failure.Kind, failure, *test.WantErrorCode)
	}
	if test.WantError == nil || failure.Kind == ConflictError {
		return nil
	}
	if want := errorPrefix.ReplaceAllString(*test.WantError, ""); !strings.Contains(failure.Message, want) {
		return fmt.Errorf("got the error %q instead of %q", failure.Message, want)
	}
	return nil
}

// errorPrefix is the place and the code in the text of an error of topdown's.
var errorPrefix = regexp.MustCompile(`^(\S+: )?(eval_\w+: )?`)

// compareRows compares as OPA's own test does: as JSON, in any order.
func compareRows(test cases.TestCase, rows []ast.Object) error {
	want, got := ast.NewSet(), ast.NewSet()
	for _, row := range *test.WantResult {
		value, err := ast.InterfaceToValue(row)
		if err != nil {
			return err
		}
		want.Add(ast.NewTerm(value))
	}
	for _, row := range rows {
		plain := ast.NewObject()
		for _, key := range row.Keys() {
			value, err := ast.JSON(row.Get(key).Value)
			if err != nil {
				return err
			}
			if list, ok := value.([]any); ok && test.SortBindings {
				slices.SortFunc(list, util.Compare)
			}
			plain.Insert(key, ast.NewTerm(ast.MustInterfaceToValue(value)))
		}
		got.Add(ast.NewTerm(plain))
	}
	if want.Compare(got) != 0 {
		return fmt.Errorf("got %v instead of %v", got, want)
	}
	return nil
}
