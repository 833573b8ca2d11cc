package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/keys"
	"github.com/bidrail/bidrail/server/scenario"
	"github.com/bidrail/bidrail/store/sqlite"
)

// runScenarios plays the scenarios of a revision whose file matches, each on a server of its own, and reports whether one was not
// answered as it expects.
func runScenarios(ctx context.Context, out screen, loaded *server.Policy, only *regexp.Regexp, verbose bool) (failed bool, err error) {
	scenarios, err := scenario.Read(loaded.Engine)
	if err != nil {
		return false, err
	}
	played, wrong := 0, 0
	for _, each := range scenarios {
		if only != nil && !only.MatchString(each.File) {
			continue
		}
		began := time.Now()
		failure, err := playScenario(ctx, loaded, each)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		played++
		switch {
		case err != nil: // a step that cannot be played is as wrong as one that is answered otherwise
			wrong++
			fmt.Fprintf(out, "%s %v\n", out.colour(red, "FAIL"), err)
		case failure != nil:
			wrong++
			fmt.Fprintf(out, "%s %s\n", out.colour(red, "FAIL"), failure)
		case verbose:
			fmt.Fprintf(out, "%s   %s: %s %s\n", out.colour(green, "ok"), each.File, clean(each.Title), out.colour(dim, time.Since(began).Round(time.Millisecond).String()))
		}
	}
	switch {
	case played == 0 && only != nil:
		return false, fmt.Errorf("no scenario's file matches %s; they are scenarios/*.yaml", only)
	case played == 0:
		fmt.Fprintln(out, "scenarios: none")
	case wrong == 0:
		fmt.Fprintf(out, "scenarios: %d, all as expected\n", played)
	default:
		fmt.Fprintf(out, "scenarios: %d, %d not as expected\n", played, wrong)
	}
	return wrong > 0, nil
}

// playScenario plays one scenario on a server with a record of its own, which is deleted afterwards.
func playScenario(ctx context.Context, loaded *server.Policy, each *scenario.Scenario) (_ *scenario.Failure, err error) {
	folder, err := os.MkdirTemp("", "bidrail-scenario-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	clock := scenario.NewClock(each.Starts)
	records, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(folder, "bidrail.db"), Now: clock.Now, Synchronous: "OFF"})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	keyring, err := keys.Open(filepath.Join(folder, keysFile), each.Starts)
	if err != nil {
		return nil, err
	}
	core, err := server.New(ctx, server.Config{Store: records, Policy: each.Policy(loaded), Now: clock.Now, Keys: keyring, CommitTimeout: time.Minute})
	if err != nil {
		return nil, err
	}
	return each.Run(ctx, core, clock)
}
