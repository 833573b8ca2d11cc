package store

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/fact"
)

// FactReader finds what connectors have observed, of each name of an entity the newest.
//
// Facts are not in the log: they come by the thousand, and what rules saw of them is in the input document of the decision, which is. Nor
// is there a history of them: what was observed before is gone.
type FactReader interface {
	// Facts is all facts of these entities, in no order.
	Facts(entities []fact.Entity) ([]fact.Record, error)
	// ListFacts is one page of the facts that the filter lets pass, in the order of their entities and names as they are written. A fact
	// that is put between two pages is in one of them or in none, and never in two.
	ListFacts(filter FactFilter, page Page) (records []fact.Record, next Cursor, err error)
}

// FactWriter takes what connectors have observed.
type FactWriter interface {
	// PutFacts stores each record that was observed later than the one of the same name and entity that is there, or whose name and
	// entity nothing is stored under, and returns how many it has stored. Of several records of one name and entity the newest counts.
	PutFacts(records []fact.Record) (stored int, err error)
}

// FactFilter says which facts to list. A zero field lets every fact pass; all the others must hold.
type FactFilter struct {
	Platform string // together with Account
	Account  string
	Type     string // together with Account; an automation has none
	ID       string // together with Type
	Name     string
}

// Validate says which words are missing for a list to be found by the others.
func (f FactFilter) Validate() error {
	automation := f.Platform == "" && f.Account == "" && f.Type == fact.Automation("").Type
	switch {
	case (f.Platform == "") != (f.Account == ""):
		return fmt.Errorf("%w: name the platform and the account, or none of them", policy.ErrInvalid)
	case f.Type != "" && f.Account == "" && !automation:
		return fmt.Errorf("%w: name the platform and the account of the %s as well", policy.ErrInvalid, f.Type)
	case f.ID != "" && f.Type == "":
		return fmt.Errorf("%w: name the type of entity that has this id as well", policy.ErrInvalid)
	}
	return nil
}

// factCursorMark is what the cursor of a fact begins with.
const factCursorMark = "f"

// FactCursorAt is the position right after the fact of that name and entity. It is for engines.
func FactCursorAt(entity fact.Entity, name string) Cursor {
	place := strings.Join([]string{entity.Platform, entity.Account, entity.Type, entity.ID, name}, "\x00") // none of them holds a NUL
	return Cursor(factCursorMark + base64.RawURLEncoding.EncodeToString([]byte(place)))
}

// Fact is the inverse of [FactCursorAt]. It is for engines.
func (c Cursor) Fact() (entity fact.Entity, name string, err error) {
	encoded, ok := strings.CutPrefix(string(c), factCursorMark)
	place, err := base64.RawURLEncoding.DecodeString(encoded)
	parts := strings.Split(string(place), "\x00")
	if !ok || err != nil || len(parts) != 5 {
		return fact.Entity{}, "", fmt.Errorf("%w: %w", policy.ErrInvalid, errCursor)
	}
	return fact.Entity{Platform: parts[0], Account: parts[1], Type: parts[2], ID: parts[3]}, parts[4], nil
}
