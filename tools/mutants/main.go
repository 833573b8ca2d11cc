// Mutants plants bugs, one at a time, and demands that each is found by the test that is named for it. A test
// suite that finds nothing wrong says little until it is known what it would find.
//
//	go run ./tools/mutants [NAME...]
//
// Each bug is a patch in this folder. Its first two lines say what it is and which test finds it:
//
//	What: a cut frees room before it is made
//	Caught by: ./policy/ledger TestI14_TwoPendingShiftsCannotFundEachOther
//
// The tree is not touched. A patch that no longer applies, a mutant that does not compile and one that
// survives are failures alike.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run plants the mutants with these names, or all of them, and says what became of each.
func run(ctx context.Context, names []string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	mutants, err := readMutants(filepath.Join(root, "tools", "mutants"))
	if err != nil {
		return err
	}
	if len(names) > 0 {
		mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !slices.Contains(names, m.name) })
	}
	if len(mutants) == 0 || len(names) > 0 && len(mutants) != len(names) {
		return fmt.Errorf("of %v, %d are there; run it in the root of the project, with names of patches without their ending", names, len(mutants))
	}
	folder, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := checkUnmutated(ctx, root, mutants); err != nil {
		return err
	}

	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "mutant\twhat\ttest\toutcome\tseconds")
	failed := 0
	for i := range mutants {
		m := &mutants[i]
		fmt.Fprintf(os.Stderr, "%d of %d: %s\n", i+1, len(mutants), m.name)
		began := time.Now()
		became, err := try(ctx, root, filepath.Join(folder, m.name), m)
		if err != nil {
			return err
		}
		if became != caught {
			failed++
		}
		fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%.0f\n", m.name, m.what, m.pkg, m.test, became, time.Since(began).Seconds())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d were not caught", failed, len(mutants))
	}
	fmt.Printf("all %d were caught\n", len(mutants))
	return nil
}

// try plants one mutant and runs its test.
func try(ctx context.Context, root, folder string, m *mutant) (outcome, error) {
	if err := m.plant(ctx, root, folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return "does not apply", ctx.Err()
	}
	became, output, err := m.run(ctx, root)
	if err == nil && became != caught {
		fmt.Fprintf(os.Stderr, "%s %s:\n%s\n", m.name, became, output)
	}
	return became, err
}

// checkUnmutated demands that the tests pass as long as no bug is planted: one that always fails catches everything.
func checkUnmutated(ctx context.Context, root string, mutants []mutant) error {
	tests := map[string][]string{}
	for _, m := range mutants {
		if !slices.Contains(tests[m.pkg], m.test) {
			tests[m.pkg] = append(tests[m.pkg], m.test)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		fmt.Fprintf(os.Stderr, "without a bug: %s %v\n", pkg, tests[pkg])
		if output, err := goTest(ctx, root, pkg, tests[pkg]); err != nil {
			return fmt.Errorf("tests of %s fail without any bug planted: %w\n%s", pkg, err, output)
		}
	}
	return nil
}
