package limits

import (
	"strconv"
	"strings"
)

// Source is the place an entry was read from. It is cheap to carry; String makes the text.
type Source struct {
	File string
	ID   string // the entry's id in a document
	Line int    // the entry's line in a table
}

// String is "limits/data.yaml#defaults" for an entry of a document and "limits/keywords.csv:17" for a row of a table.
func (s Source) String() string {
	switch {
	case s.Line > 0:
		return s.File + ":" + strconv.Itoa(s.Line)
	case s.ID != "" && s.File != "":
		return s.File + "#" + s.ID
	}
	return s.File + s.ID
}

// Error is one thing that is wrong with a revision's limits.
type Error struct {
	Source Source
	Field  string // the key or the column, empty when it is about the whole entry
	Err    error
}

// Error names the place first, the field next and then what is accepted there.
func (e *Error) Error() string {
	var parts []string
	if place := e.Source.String(); place != "" {
		parts = append(parts, place)
	}
	if e.Field != "" {
		parts = append(parts, e.Field)
	}
	return strings.Join(append(parts, e.Err.Error()), ": ")
}

// Unwrap returns what is wrong without the place.
func (e *Error) Unwrap() error { return e.Err }
