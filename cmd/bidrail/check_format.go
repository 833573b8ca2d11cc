package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/bidrail/bidrail/client/formats"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// formatFlags are how check reads a platform's own payload and writes what is allowed of it.
type formatFlags struct {
	Format      string `help:"The file is a platform's own payload: google-ads, amazon-sp, meta, microsoft or tiktok. docs/formats.md says what each is." enum:",google-ads,amazon-sp,meta,microsoft,tiktok" default:"" placeholder:"NAME"`
	Context     string `help:"With --format: what the payload does not say, above all what holds now, as JSON." placeholder:"FILE"`
	RunID       string `help:"With --format: the name of this run, which change_ids begin with. Default: a digest of the payload and the context, so that the same again is a replay." placeholder:"ID" name:"run"`
	EmitAllowed string `help:"With --format: write the payload with only the operations that are allowed; - is standard output, and the results then go to standard error." placeholder:"FILE|-"`
}

// check says which flags do not go together.
func (f formatFlags) check(dryRun bool, file string) error {
	switch {
	case f.Format == "" && (f.Context != "" || f.RunID != "" || f.EmitAllowed != ""):
		return errors.New("--context, --run and --emit-allowed are for a platform's own payload: say which with --format")
	case f.Format == "":
		return nil
	case f.Context == "":
		return errors.New("--format needs --context: a payload does not say what holds now, and without that nothing is allowed; docs/formats.md shows one")
	case f.Context == "-" && file == "-":
		return errors.New("the payload and the context cannot both be standard input; name a file for one of them")
	case f.EmitAllowed != "" && dryRun:
		return errors.New("--emit-allowed writes what is to be sent, and --dry-run allows nothing: leave one of them out")
	case f.EmitAllowed == "" || f.EmitAllowed == "-":
		return nil
	}
	if folder, err := os.Stat(filepath.Dir(f.EmitAllowed)); err != nil || !folder.IsDir() {
		return fmt.Errorf("--emit-allowed %s: there is no such folder", f.EmitAllowed)
	}
	for _, input := range []string{file, f.Context} {
		if sameFile(input, f.EmitAllowed) {
			return fmt.Errorf("--emit-allowed %s would overwrite what is read; name another file", f.EmitAllowed)
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// payload reads the payload and its context. What an earlier run has emitted is taken away first: whatever happens from here on, nobody
// finds it and sends it again.
func (f formatFlags) payload(env environment, file string) (*formats.Payload, error) {
	if f.EmitAllowed != "" && f.EmitAllowed != "-" {
		if err := takeAway(f.EmitAllowed); err != nil {
			return nil, err
		}
	}
	described, err := readWhole(env, f.Context)
	if err != nil {
		return nil, fmt.Errorf("%w; name a file that says what holds now", err)
	}
	context, err := formats.ParseContext(described)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Context, err)
	}
	if f.RunID != "" {
		context.Run = f.RunID
	}
	content, err := readWhole(env, file)
	if err != nil {
		return nil, fmt.Errorf("%w; name a file with a payload, or - for standard input", err)
	}
	format, err := formats.Parse(f.Format)
	if err != nil {
		return nil, err
	}
	payload, err := formats.Read(format, content, context)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return payload, nil
}

// takeAway removes a file, and nothing that is not one.
func takeAway(name string) error {
	there, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !there.Mode().IsRegular():
		return fmt.Errorf("--emit-allowed %s: it is no file; name one, or - for standard output", name)
	}
	return os.Remove(name)
}

// readWhole reads a file, or standard input for -, up to the most that a payload may have.
func readWhole(env environment, name string) ([]byte, error) {
	input := env.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		input = file
	}
	content, err := io.ReadAll(io.LimitReader(input, formats.MaxBytes+1))
	if err == nil && len(content) > formats.MaxBytes {
		err = fmt.Errorf("%s: it is larger than %d MiB", name, formats.MaxBytes>>20)
	}
	return content, err
}

// operations says of each change which operation of the payload it is of, for the table.
func operations(payload *formats.Payload) []string {
	if payload == nil {
		return nil
	}
	var names []string
	for i := range payload.Operations {
		name := clean(fmt.Sprintf("%d %s", i, payload.Operations[i].Resource))
		for range payload.Operations[i].Changes {
			names = append(names, name)
		}
	}
	return names
}

// inOperation puts the operation beside the verdict in a change's rows, where there are operations; -1 is the heading.
func inOperation(of []string, change int, rows [][]string) [][]string {
	if of == nil {
		return rows
	}
	for i, row := range rows {
		cell := ""
		switch {
		case change < 0:
			cell = "OPERATION"
		case i == 0:
			cell = of[change]
		}
		rows[i] = append([]string{row[0], cell}, row[1:]...)
	}
	return rows
}

// emit writes the payload with the operations all of whose changes may be made as they were asked for.
func (f formatFlags) emit(env environment, payload *formats.Payload, results []*bidrailv1.CheckResult, recorded bool) error {
	keep := make([]bool, len(payload.Operations))
	kept, at := 0, 0
	for i := range payload.Operations {
		keep[i] = true
		for _, change := range payload.Operations[i].Changes {
			keep[i] = keep[i] && at < len(results) && mayBeMade(change, results[at], recorded)
			at++
		}
		if keep[i] {
			kept++
		}
	}
	if at != len(results) {
		return fmt.Errorf("there are %d results for %d changes, so nothing is emitted", len(results), at)
	}
	emitted := payload.Emit(func(index int) bool { return keep[index] })
	if f.EmitAllowed == "-" {
		if _, err := io.Copy(env.stdout, bytes.NewReader(emitted)); err != nil {
			return err
		}
	} else if err := writeWhole(f.EmitAllowed, emitted); err != nil {
		return err
	}
	of := plural(len(payload.Operations), "operation")
	switch {
	case kept == 0:
		fmt.Fprintf(env.stderr, "none of %s may be made, so what is emitted is empty and not a payload\n", of)
	case recorded:
		fmt.Fprintf(env.stderr, "%d of %s emitted; each has a permit to claim before the payload is sent: bidrail permit claim TOKEN (-o json shows tokens)\n", kept, of)
	default:
		fmt.Fprintf(env.stderr, "%d of %s emitted; nothing is on record of it\n", kept, of)
	}
	return nil
}

// mayBeMade says whether a change may be made as it was asked for. People may have agreed to a part of it, which is another change, and
// where there is a record nothing may be made whose permit cannot be claimed.
func mayBeMade(change *bidrailv1.Change, result *bidrailv1.CheckResult, recorded bool) bool {
	decision := result.GetDecision()
	if result.GetProblem() != nil || decision.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW || decision.GetChangeId() != change.GetChangeId() ||
		!proto.Equal(decision.GetAfter(), change.GetAfter()) {
		return false
	}
	if !recorded {
		return true
	}
	return decision.GetPermit().GetToken() != "" && slices.ContainsFunc(decision.GetPermit().GetChanges(), func(permitted *bidrailv1.PermittedChange) bool {
		return permitted.GetChangeId() == change.GetChangeId() && proto.Equal(permitted.GetAfter(), change.GetAfter())
	})
}

// writeWhole writes a file whole or not at all.
func writeWhole(name string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
