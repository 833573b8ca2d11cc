package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// The record of an exception is that of its last event. Those that hold at a time are few, and so may be sorted, but not
// with their records.
const (
	selectExceptions   = "SELECT x.seq, x.id, x.version, e.record FROM "
	recordsOfException = " x LEFT JOIN events e ON e.kind = x.kind AND e.object = x.id AND e.version = x.version"
	columnsOfException = "SELECT seq, kind, id, version FROM exceptions WHERE "

	queryException   = selectExceptions + "exceptions" + recordsOfException + " WHERE x.id = ? AND x.kind = ?"
	queryWhoseHold   = selectExceptions + "exceptions" + recordsOfException + " WHERE x.kind = ? AND x.whose = ? AND x.ends > ? AND x.starts <= ?"
	queryExceptions  = selectExceptions + "(" + columnsOfException + "kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?)" + recordsOfException + " ORDER BY x.seq DESC"
	queryWhatHolds   = selectExceptions + "(" + columnsOfException + "kind = ? AND ends > ? AND starts <= ? AND seq + 0 < ? ORDER BY seq DESC LIMIT ?)" + recordsOfException + " ORDER BY x.seq DESC"
	changeException  = "UPDATE exceptions SET version = ?, starts = ?, ends = ? WHERE id = ? AND kind = ? AND version = ?"
	insertExceptions = "INSERT INTO exceptions (kind, id, version, whose, field, starts, ends) VALUES (?,?,?,?,?,?,?)"
)

// querySuppressions repeats the condition of its index, which is of suppressions only.
func querySuppressions(fields int) string {
	return selectExceptions + "exceptions" + recordsOfException +
		" WHERE x.field IN (" + list(fields) + ") AND x.field <> '' AND x.whose = ? AND x.ends > ? AND x.starts <= ?"
}

// exceptions is how one kind of them is read.
type exceptions[Record any] struct {
	kind     audit.Kind
	decode   func([]byte) (Record, error)
	identity func(*Record) (id string, version int64)
}

var (
	suppressions = exceptions[approval.Suppression]{audit.Suppression, approval.DecodeSuppression,
		func(s *approval.Suppression) (string, int64) { return s.ID, s.Version }}
	grants = exceptions[approval.Grant]{audit.Grant, approval.DecodeGrant,
		func(g *approval.Grant) (string, int64) { return g.ID, g.Version }}
	overrides = exceptions[approval.Override]{audit.Override, approval.DecodeOverride,
		func(o *approval.Override) (string, int64) { return o.ID, o.Version }}
	delegations = exceptions[approval.Delegation]{audit.Delegation, approval.DecodeDelegation,
		func(d *approval.Delegation) (string, int64) { return d.ID, d.Version }}
)

func (x *exceptions[Record]) scan(rows *sql.Rows) (record Record, sequence int64, err error) {
	var (
		id, ownID           string
		version, ownVersion int64
		encoded             sql.RawBytes
	)
	if err := rows.Scan(&sequence, &id, &version, &encoded); err != nil {
		return record, 0, err
	}
	if record, err = x.decode(encoded); err == nil {
		if ownID, ownVersion = x.identity(&record); ownID != id || ownVersion != version {
			err = fmt.Errorf("it is found as version %d of %s", version, id)
		}
	}
	if err != nil {
		return record, 0, fmt.Errorf("%s %s is damaged: %v; stop the server and run bidrail audit verify", x.kind, id, err)
	}
	return record, sequence, nil
}

// one is the one with that id.
func (x *exceptions[Record]) one(r *reader, id string) (Record, error) {
	var (
		record Record
		found  bool
	)
	err := r.query(fmt.Sprintf("read %s %s", x.kind, id), func(rows *sql.Rows) (err error) {
		found = true
		record, _, err = x.scan(rows)
		return err
	}, queryException, id, string(x.kind))
	if err == nil && !found {
		err = fmt.Errorf("%s %s: %w", x.kind, id, policy.ErrNotFound)
	}
	return record, err
}

// held is those that hold at a time and are of one automation or to one person, the last made first.
func (x *exceptions[Record]) held(r *reader, whose string, at time.Time) ([]Record, error) {
	found := make(map[int64]Record)
	err := r.query(fmt.Sprintf("read the %ss of %s", x.kind, whose), x.into(found), queryWhoseHold, string(x.kind), whose, at.UnixMicro(), at.UnixMicro())
	if err != nil {
		return nil, err
	}
	return madeLastFirst(found), nil
}

func (x *exceptions[Record]) into(found map[int64]Record) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		record, sequence, err := x.scan(rows)
		found[sequence] = record
		return err
	}
}

func madeLastFirst[Record any](found map[int64]Record) []Record {
	records := make([]Record, 0, len(found))
	for _, sequence := range lastFirst(found) {
		records = append(records, found[sequence])
	}
	return records
}

// list is one page of those that hold at a time, or of all when it is zero.
func (x *exceptions[Record]) list(r *reader, at time.Time, page store.Page) (records []Record, next store.Cursor, err error) {
	limit, before, err := bounds(string(x.kind)+"s", page)
	if err != nil {
		return nil, "", err
	}
	query, arguments := queryExceptions, []any{string(x.kind), before, limit + 1}
	if !at.IsZero() {
		query, arguments = queryWhatHolds, []any{string(x.kind), at.UnixMicro(), at.UnixMicro(), before, limit + 1}
	}
	var last int64
	err = r.query(fmt.Sprintf("list %ss", x.kind), func(rows *sql.Rows) error {
		if len(records) == limit {
			next = store.CursorAt(last)
			return nil
		}
		record, sequence, err := x.scan(rows)
		records, last = append(records, record), sequence
		return err
	}, query, arguments...)
	if err != nil {
		return nil, "", err
	}
	return records, next, nil
}

// Suppressions is described in store.ExceptionReader.
func (r *reader) Suppressions(automation string, fields []ledger.Scope, at time.Time) ([]approval.Suppression, error) {
	found := make(map[int64]approval.Suppression)
	err := inLookups(scopeTexts(fields), func(fields []any) error {
		return r.query("read suppressions", suppressions.into(found), querySuppressions(len(fields)), append(fields, automation, at.UnixMicro(), at.UnixMicro())...)
	})
	if err != nil {
		return nil, err
	}
	return madeLastFirst(found), nil
}

// Grants is described in store.ExceptionReader.
func (r *reader) Grants(automation string, at time.Time) ([]approval.Grant, error) {
	return grants.held(r, automation, at)
}

// Delegations is described in store.ExceptionReader.
func (r *reader) Delegations(to string, at time.Time) ([]approval.Delegation, error) {
	return delegations.held(r, to, at)
}

// Suppression is described in store.ExceptionReader.
func (r *reader) Suppression(id string) (approval.Suppression, error) { return suppressions.one(r, id) }

// Grant is described in store.ExceptionReader.
func (r *reader) Grant(id string) (approval.Grant, error) { return grants.one(r, id) }

// Override is described in store.ExceptionReader.
func (r *reader) Override(id string) (approval.Override, error) { return overrides.one(r, id) }

// Delegation is described in store.ExceptionReader.
func (r *reader) Delegation(id string) (approval.Delegation, error) { return delegations.one(r, id) }

// ListSuppressions is described in store.ExceptionReader.
func (r *reader) ListSuppressions(at time.Time, page store.Page) ([]approval.Suppression, store.Cursor, error) {
	return suppressions.list(r, at, page)
}

// ListGrants is described in store.ExceptionReader.
func (r *reader) ListGrants(at time.Time, page store.Page) ([]approval.Grant, store.Cursor, error) {
	return grants.list(r, at, page)
}

// ListOverrides is described in store.ExceptionReader.
func (r *reader) ListOverrides(at time.Time, page store.Page) ([]approval.Override, store.Cursor, error) {
	return overrides.list(r, at, page)
}

// ListDelegations is described in store.ExceptionReader.
func (r *reader) ListDelegations(at time.Time, page store.Page) ([]approval.Delegation, store.Cursor, error) {
	return delegations.list(r, at, page)
}

// exception is one that is being written. What it holds from and to says the same of it at any time as its own Active does.
type exception struct {
	whose, field string
	starts, ends int64
	event        store.Event
	leaf         audit.Leaf
}

// never is the end of what was taken back as if it had never been.
const never = math.MinInt64

// PutSuppressions is described in store.ExceptionWriter.
func (w *writer) PutSuppressions(suppressions []approval.Suppression) error {
	return put(w, suppressions, func(s *approval.Suppression) (x exception, err error) {
		if err := validField(&s.Target, s.Kind); err != nil {
			return x, err
		}
		x = exception{whose: s.Automation, field: fieldOf(&s.Target, s.Kind), starts: math.MinInt64, ends: microseconds(s.Until)}
		if !s.ClearedAt.IsZero() {
			x.ends = never
		}
		x.event, x.leaf, err = store.SuppressionEvent(*s)
		return x, err
	})
}

// PutGrants is described in store.ExceptionWriter.
func (w *writer) PutGrants(grants []approval.Grant) error {
	return put(w, grants, func(g *approval.Grant) (x exception, err error) {
		x = exception{whose: g.Automation, starts: microseconds(g.Starts), ends: microseconds(g.Ends)}
		if !g.RevokedAt.IsZero() {
			x.ends = never
		}
		x.event, x.leaf, err = store.GrantEvent(*g, w.now)
		return x, err
	})
}

// PutOverrides is described in store.ExceptionWriter.
func (w *writer) PutOverrides(overrides []approval.Override) error {
	return put(w, overrides, func(o *approval.Override) (x exception, err error) {
		x = exception{whose: o.Automation, starts: microseconds(o.At), ends: microseconds(o.ExpiresAt)}
		if !o.UsedAt.IsZero() {
			x.ends = math.MaxInt64
		}
		if !o.ReviewedAt.IsZero() {
			x.ends = min(x.ends, microseconds(o.ReviewedAt))
		}
		x.event, x.leaf, err = store.OverrideEvent(*o)
		return x, err
	})
}

// PutDelegations is described in store.ExceptionWriter.
func (w *writer) PutDelegations(delegations []approval.Delegation) error {
	return put(w, delegations, func(d *approval.Delegation) (x exception, err error) {
		x = exception{whose: d.To, starts: microseconds(d.Starts), ends: microseconds(d.Ends)}
		if !d.EndedAt.IsZero() {
			x.ends = min(x.ends, microseconds(d.EndedAt))
		}
		x.event, x.leaf, err = store.DelegationEvent(*d)
		return x, err
	})
}

// put writes exceptions of one kind, each new or the next version of what is there.
func put[Record any](w *writer, records []Record, of func(*Record) (exception, error)) error {
	written := make([]exception, len(records))
	events := make([]store.Event, len(records))
	leaves := make([]audit.Leaf, len(records))
	for i := range records {
		x, err := of(&records[i])
		if err == nil {
			err = validException(&x)
		}
		if err != nil {
			return w.refuse(err)
		}
		written[i], events[i], leaves[i] = x, x.event, x.leaf
	}
	if len(records) == 0 {
		return nil
	}
	first, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	for i := range written {
		x := &written[i]
		kind, id, version := string(x.event.Kind), x.event.Object, x.event.Version
		if version == 1 {
			if err := w.exec("insert "+kind+" "+id, insertExceptions, kind, id, version, x.whose, x.field, x.starts, x.ends); err != nil {
				return err
			}
			continue
		}
		changed, err := w.change("update "+kind+" "+id, changeException, version, x.starts, x.ends, id, kind, version-1)
		if err != nil {
			return err
		}
		if changed != 1 {
			return w.refuse(fmt.Errorf("%s %s is not at version %d: %w", kind, id, version-1, store.ErrConflict))
		}
	}
	return w.insertEvents(first, events)
}

func validException(x *exception) error {
	kind, id := x.event.Kind, x.event.Object
	switch {
	case id == "" || x.whose == "":
		return fmt.Errorf("%w: a %s needs an id, and somebody that it is for", policy.ErrInvalid, kind)
	case x.event.Version < 1:
		return fmt.Errorf("%w: version %d of %s %s is none: the first is 1", policy.ErrInvalid, x.event.Version, kind, id)
	}
	return errors.Join(validWord("id", id), validWord("subject", x.whose))
}
