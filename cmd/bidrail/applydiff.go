package main

import (
	"fmt"
	"strings"
)

// What a command that applies a file would do is shown before it is done: records that are added, changed and taken away, with what is
// said of them field by field.

// field is one thing that a record says, as people write it; an empty text is not said.
type field struct{ name, text string }

// edit is what becomes of one record.
type edit struct {
	noun, id      string
	before, after []field // nil: it is not there
}

// same reports whether nothing becomes of it.
func (e *edit) same() bool { return e.before != nil && e.after != nil && len(e.changes()) == 0 }

// changes is a line for each field that differs.
func (e *edit) changes() []string {
	was := map[string]string{}
	for _, f := range e.before {
		was[f.name] = f.text
	}
	var lines []string
	line := func(name, before, after string) {
		if before == after {
			return
		}
		text := after
		switch {
		case e.before == nil || e.after == nil:
			text = before + after
		case before == "":
			text = "(none) -> " + after
		case after == "":
			text = before + " -> (none)"
		default:
			text = before + " -> " + after
		}
		lines = append(lines, fmt.Sprintf("    %-10s %s", name, clean(text)))
	}
	now := map[string]bool{}
	for _, f := range e.after {
		now[f.name] = true
		line(f.name, was[f.name], f.text)
	}
	for _, f := range e.before {
		if !now[f.name] {
			line(f.name, f.text, "")
		}
	}
	return lines
}

// printEdits shows what is to be done, and returns how much that is.
func printEdits(out screen, edits []edit) (count int, err error) {
	var text strings.Builder
	for i := range edits {
		e := &edits[i]
		if e.same() {
			continue
		}
		count++
		mark, colour := "~ ", yellow
		switch {
		case e.before == nil:
			mark, colour = "+ ", green
		case e.after == nil:
			mark, colour = "- ", red
		}
		fmt.Fprintln(&text, out.colour(colour, mark+e.noun+" "+clean(e.id)))
		if e.after != nil {
			fmt.Fprintln(&text, strings.Join(e.changes(), "\n"))
		}
	}
	_, err = fmt.Fprint(out, text.String())
	return count, err
}
