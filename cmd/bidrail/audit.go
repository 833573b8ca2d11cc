package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Read the whole log of decisions again and find the first thing that is not as it was logged. For a folder that no server is using."`
}

type auditVerifyCommand struct {
	Data string `help:"Folder of the record." placeholder:"DIR" default:"bidrail-data"`
}

// Help is shown by bidrail audit verify --help.
func (auditVerifyCommand) Help() string {
	return "Every decision and the document its rules saw are held against their digests in the log, the log against its hashes, and the hashes against its root. " +
		"It exits 1 when something is wrong, and names the first leaf that is.\n\n" +
		"A record that was made anew from its beginning verifies too, with another root: note the number of leaves and the root where nobody who can write to the folder can change them."
}

func (c *auditVerifyCommand) Run(ctx context.Context, env environment) (err error) {
	path := filepath.Join(c.Data, "bidrail.db")
	// Opening makes what is not there, and an empty record has nothing wrong with it.
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no record in %s; name the folder that the server was given with --data", c.Data)
	} else if err != nil {
		return err
	}
	records, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	var report audit.Report
	err = records.View(ctx, func(r store.Reader) (err error) {
		report, err = store.VerifyLog(r)
		return err
	})
	out := newScreen(env.stdout, env)
	if broken, ok := errors.AsType[*audit.Break](err); ok {
		fmt.Fprintf(out, "%s the log is broken at %s\n", out.colour(red, "FAIL"), clean(broken.Error()))
		return exitCode(exitFailed)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s every decision with what its rules saw, every step of permits, approvals and exceptions, every review, every switch of a mode, every edit of tests and of the calendar and everything that disturbed a test is as it was logged\nleaves %d\nroot   %s\n", out.colour(green, "ok"), report.Tree.Size(), report.Tree.Root())
	return err
}
