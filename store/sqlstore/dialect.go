package sqlstore

import (
	"strconv"
	"strings"
)

// Dialect is how one engine differs from another.
type Dialect struct {
	Name string
	// Numbered is whether placeholders are $1, $2, ... and not ?.
	Numbered bool
	// BeginView begins a transaction that reads one unchanging state, BeginUpdate one that writes.
	BeginView, BeginUpdate string
	// LockMigrations makes a second process that migrates the same database wait for the
	// transaction to end. Empty where beginning the transaction does that already.
	LockMigrations string
	// Conflict is whether a unique constraint refused a row. It goes by the driver's codes;
	// messages change with versions and languages.
	Conflict func(error) bool
}

// rebind writes the placeholders as the engine wants them. No query has a question mark elsewhere.
func (d *Dialect) rebind(query string) string {
	if !d.Numbered {
		return query
	}
	var bound strings.Builder
	bound.Grow(len(query) + 64)
	for position := 1; ; position++ {
		before, after, found := strings.Cut(query, "?")
		bound.WriteString(before)
		if !found {
			return bound.String()
		}
		bound.WriteByte('$')
		bound.WriteString(strconv.Itoa(position))
		query = after
	}
}
