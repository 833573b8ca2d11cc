package sqlstore

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/fact"
	"github.com/bidrail/bidrail/store"
)

const (
	queryFactList   = "SELECT entity, name, record FROM facts WHERE (entity, name) > (?, ?) AND entity < ? ORDER BY entity, name LIMIT ?"
	queryFactsNamed = "SELECT entity, name, record FROM facts WHERE name = ? AND entity >= ? AND entity < ? ORDER BY entity LIMIT ?"

	// An observation that is no newer than what is there changes nothing, and does not count as changed.
	insertFacts = "INSERT INTO facts (entity, name, observed_at, record) VALUES "
	unlessNewer = " ON CONFLICT (entity, name) DO UPDATE SET observed_at = excluded.observed_at, record = excluded.record" +
		" WHERE excluded.observed_at > facts.observed_at"
)

// queryFacts joins for the reason that queryHeads does.
func queryFacts(entities int) string {
	return "SELECT f.entity, f.name, f.record FROM (VALUES " + values(entities, 1) + ") AS wanted JOIN facts f ON f.entity = wanted.column1"
}

// Facts is described in store.FactReader.
func (r *reader) Facts(entities []fact.Entity) ([]fact.Record, error) {
	// Thousands of changes share their account and their campaigns, so each entity is written once.
	seen := make(map[fact.Entity]struct{}, len(entities)/3)
	wanted := make(map[string]fact.Entity, len(entities)/3)
	texts := make([]any, 0, len(entities)/3)
	for _, entity := range entities {
		if _, twice := seen[entity]; twice {
			continue
		}
		text := entity.String()
		seen[entity], wanted[text] = struct{}{}, entity
		texts = append(texts, text)
	}
	var records []fact.Record
	scan := func(rows *sql.Rows) error {
		var entity, name, record sql.RawBytes
		if err := rows.Scan(&entity, &name, &record); err != nil {
			return err
		}
		known, err := fact.Decode(wanted[string(entity)], string(name), record)
		if err != nil {
			return damagedFact(string(entity), string(name), err)
		}
		records = append(records, known)
		return nil
	}
	err := inLookups(texts, func(texts []any) error {
		return r.query("read facts", scan, queryFacts(len(texts)), texts...)
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// damagedFact gives the reason as text only, as damagedTally does.
func damagedFact(entity, name string, reason error) error {
	return fmt.Errorf("the fact %s of %s is damaged: %v; stop the server, delete its row from the table facts, and have its connector put it again", name, entity, reason)
}

// Entities are written with characters from $ to ~ and slashes only, so these are below and above all that can follow.
const (
	belowAll = "!"
	aboveAll = "\x7f"
)

// factRange is the first entity that a filter lets pass, and what comes after the last, as they are written.
func factRange(filter store.FactFilter) (first, end string) {
	whole := fact.Entity{Platform: filter.Platform, Account: filter.Account, Type: filter.Type, ID: filter.ID}.String()
	switch {
	case filter.ID != "":
		return whole, whole + belowAll
	case filter.Type != "": // an empty id ends it, so that it ends in a slash
		return whole, whole + aboveAll
	case filter.Account != "":
		all := whole[:len(whole)-1] // without the slash after the empty type
		return all, all + aboveAll
	}
	return "", aboveAll
}

// ListFacts is described in store.FactReader.
func (r *reader) ListFacts(filter store.FactFilter, page store.Page) (records []fact.Record, next store.Cursor, err error) {
	if err := filter.Validate(); err != nil {
		return nil, "", err
	}
	limit, _, err := bounds("facts", store.Page{Limit: page.Limit})
	if err != nil {
		return nil, "", err
	}
	first, end := factRange(filter)
	after, name := first, ""
	if page.After != "" {
		entity, last, err := page.After.Fact()
		if err != nil {
			return nil, "", err
		}
		after, name = entity.String(), last
		if after < first || after >= end || filter.Name != "" && name != filter.Name {
			return nil, "", fmt.Errorf("%w: %w", policy.ErrInvalid, errors.New("the page token is of a list with another filter; start again from the first page"))
		}
	}
	query, arguments := queryFactList, []any{after, name, end, limit + 1}
	if filter.Name != "" {
		if page.After != "" {
			after += belowAll
		}
		query, arguments = queryFactsNamed, []any{filter.Name, after, end, limit + 1}
	}
	err = r.query("list facts", func(rows *sql.Rows) error {
		if len(records) == limit {
			last := &records[limit-1]
			next = store.FactCursorAt(last.Entity, last.Name)
			return nil
		}
		var (
			text, name string
			encoded    sql.RawBytes
		)
		if err := rows.Scan(&text, &name, &encoded); err != nil {
			return err
		}
		entity, err := fact.ParseEntity(text)
		if err == nil {
			var record fact.Record
			record, err = fact.Decode(entity, name, encoded)
			records = append(records, record)
		}
		if err != nil {
			return damagedFact(text, name, err)
		}
		return nil
	}, query, arguments...)
	if err != nil {
		return nil, "", err
	}
	return records, next, nil
}

// PutFacts is described in store.FactWriter.
func (w *writer) PutFacts(records []fact.Record) (stored int, err error) {
	type key struct{ entity, name string }
	newest := make(map[key]*fact.Record, len(records))
	keys := make([]key, 0, len(records))
	for i := range records {
		record := &records[i]
		if err := validFact(record); err != nil {
			return 0, w.refuse(err)
		}
		at := key{record.Entity.String(), record.Name}
		known, twice := newest[at]
		if !twice {
			keys = append(keys, at)
		}
		if !twice || record.ObservedAt.UnixMicro() > known.ObservedAt.UnixMicro() {
			newest[at] = record
		}
	}
	// In one order, so that two who put the same facts do not wait for each other.
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.name, b.name)) })
	const columns = 4
	rows := make([]any, 0, columns*len(keys))
	for _, at := range keys {
		record := newest[at]
		rows = append(rows, at.entity, at.name, record.ObservedAt.UnixMicro(), record.Encode())
	}
	err = inPortions(len(keys), func(from, to int) error {
		changed, err := w.change("put facts", insertFacts+values(to-from, columns)+unlessNewer, rows[columns*from:columns*to]...)
		stored += int(changed)
		return err
	})
	return stored, err
}

func validFact(record *fact.Record) error {
	if err := record.Validate(); err != nil {
		return err
	}
	for _, word := range [...]struct{ name, text string }{
		{"platform", record.Entity.Platform}, {"account", record.Entity.Account}, {"entity type", record.Entity.Type}, {"entity id", record.Entity.ID},
		{"name", record.Name}, {"source", record.Source},
	} {
		if err := validWord(word.name, word.text); err != nil {
			return err
		}
	}
	return nil
}
