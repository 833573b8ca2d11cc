package sqlstore

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// Holds that are held have an index of their own, which a query uses only where its condition is
// repeated as it is: 1 is ledger.Held.
const (
	queryOpenHolds = "SELECT hold FROM holds WHERE state = 1 ORDER BY placed_at, id LIMIT ?"
	queryLaterHold = "SELECT hold FROM holds WHERE state = 1 AND (placed_at, id) > (SELECT placed_at, id FROM holds WHERE id = ?)" +
		" ORDER BY placed_at, id LIMIT ?"
	changeHold = "UPDATE holds SET state = ?, hold = ? WHERE id = ? AND state = 1"
)

// queryHeads joins and does not say IN, for which SQLite would make a table first: that takes as long as
// all the rest.
func queryHeads(scopes int) string {
	return "SELECT t.scope, t.head FROM (VALUES " + values(scopes, 1) + ") AS wanted JOIN tallies t ON t.scope = wanted.column1"
}

func queryOlder(scopes int) string {
	return "SELECT scope, kind, currency, older FROM tallies_older WHERE scope IN (" + list(scopes) + ")"
}

func queryHolds(ids int) string {
	return "SELECT hold FROM holds WHERE id IN (" + list(ids) + ")"
}

// tallyKey is what a tally is stored under.
type tallyKey struct {
	scope    string
	kind     int64
	currency string
}

func keyOf(scope string, unit ledger.Unit) tallyKey {
	return tallyKey{scope, int64(unit.Kind), unit.Currency}
}

// Sheets is described in store.LedgerReader.
func (r *reader) Sheets(scopes []ledger.Scope) (ledger.State, error) {
	s := sheets{reader: r, state: make(ledger.State, len(scopes)), scopes: make(map[string]ledger.Scope, len(scopes))}
	texts := make([]any, 0, len(scopes))
	for _, scope := range scopes {
		if _, twice := s.state[scope]; twice {
			continue
		}
		s.state[scope] = nil
		text := scope.String()
		s.scopes[text] = scope
		texts = append(texts, text)
	}
	err := inLookups(texts, func(texts []any) error {
		return r.query("read tallies", s.scanHead, queryHeads(len(texts)), texts...)
	})
	if err == nil && len(s.wanting) > 0 {
		err = s.readOlder()
	}
	if err != nil {
		return nil, err
	}
	return s.state, nil
}

// sheets is a State being read.
type sheets struct {
	reader  *reader
	state   ledger.State
	scopes  map[string]ledger.Scope
	wanting map[tallyKey][]byte // heads whose older buckets are not in memory
}

func (s *sheets) scanHead(rows *sql.Rows) error {
	var text, head sql.RawBytes
	if err := rows.Scan(&text, &head); err != nil {
		return err
	}
	scope := s.scopes[string(text)]
	tally, complete, err := s.reader.connection.recent.of(string(text)).Reread(head)
	switch {
	case err != nil:
		return damagedTally(string(text), err)
	case complete:
		s.state[scope] = append(s.state[scope], tally)
		return nil
	}
	if s.wanting == nil {
		s.wanting = make(map[tallyKey][]byte)
	}
	s.wanting[keyOf(string(text), tally.Unit())] = append([]byte(nil), head...)
	return nil
}

// readOlder completes the tallies whose older buckets are stored apart and not in memory.
func (s *sheets) readOlder() error {
	var texts []any
	seen := make(map[string]bool)
	for key := range s.wanting {
		if !seen[key.scope] {
			seen[key.scope] = true
			texts = append(texts, key.scope)
		}
	}
	err := inLookups(texts, func(texts []any) error {
		return s.reader.query("read older tallies", s.scanOlder, queryOlder(len(texts)), texts...)
	})
	if err != nil {
		return err
	}
	for key := range s.wanting {
		return s.reader.keep("read older tallies", damagedTally(key.scope, fmt.Errorf("its older buckets are not there")))
	}
	return nil
}

func (s *sheets) scanOlder(rows *sql.Rows) error {
	var (
		key   tallyKey
		older sql.RawBytes
	)
	if err := rows.Scan(&key.scope, &key.kind, &key.currency, &older); err != nil {
		return err
	}
	head, wanted := s.wanting[key]
	if !wanted {
		return nil
	}
	tally, err := ledger.DecodeTally(head, older)
	if err != nil {
		return damagedTally(key.scope, err)
	}
	delete(s.wanting, key)
	scope := s.scopes[key.scope]
	s.state[scope] = append(s.state[scope], tally)
	s.reader.connection.recent.keep(key.scope, tally)
	return nil
}

// damagedTally gives the reason as text only: what is wrong with it is not wrong with what the caller
// asks for.
func damagedTally(scope string, reason error) error {
	return fmt.Errorf("a tally of %s is damaged: %v; restore the folder from a backup", scope, reason)
}

// Holds is described in store.LedgerReader.
func (r *reader) Holds(ids []string) (map[string]ledger.Hold, error) {
	found := make(map[string]ledger.Hold, len(ids))
	scan := func(rows *sql.Rows) error {
		hold, err := scanHold(rows)
		found[hold.ID] = hold
		return err
	}
	err := inLookups(words(ids), func(ids []any) error {
		return r.query("read holds", scan, queryHolds(len(ids)), ids...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanHold(rows *sql.Rows) (ledger.Hold, error) {
	var encoded sql.RawBytes
	if err := rows.Scan(&encoded); err != nil {
		return ledger.Hold{}, err
	}
	hold, err := ledger.DecodeHold(encoded)
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("a hold is damaged: %v; restore the folder from a backup", err)
	}
	return hold, nil
}

// OpenHolds is described in store.LedgerReader.
func (r *reader) OpenHolds(after string, limit int) ([]ledger.Hold, error) {
	if err := validLimit("holds", limit); err != nil {
		return nil, err
	}
	var open []ledger.Hold
	scan := func(rows *sql.Rows) error {
		hold, err := scanHold(rows)
		open = append(open, hold)
		return err
	}
	query, arguments := queryOpenHolds, []any{limit}
	if after != "" {
		known, err := r.Holds([]string{after})
		if err == nil && len(known) == 0 {
			err = fmt.Errorf("hold %s: %w", after, policy.ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		query, arguments = queryLaterHold, []any{after, limit}
	}
	if err := r.query("list open holds", scan, query, arguments...); err != nil {
		return nil, err
	}
	return open, nil
}

// PutTallies is described in store.LedgerWriter.
func (w *writer) PutTallies(tallies []store.ScopeTally) error {
	heads := make([]any, 0, 4*len(tallies))
	var olders []any
	for i := range tallies {
		text, tally := tallies[i].Scope.String(), tallies[i].Tally
		if len(text) > store.MaxScope {
			return w.refuse(fmt.Errorf("%w: a scope has %d bytes, more than the %d that can be stored: %.80s", policy.ErrInvalid, len(text), store.MaxScope, text))
		}
		key := keyOf(text, tally.Unit())
		head, older := tally.Encode()
		heads = append(heads, key.scope, key.kind, key.currency, head)
		if older != nil {
			olders = append(olders, key.scope, key.kind, key.currency, older)
			w.connection.recent.keep(text, tally)
		}
	}
	err := w.insertRows("write tallies", "INSERT INTO tallies (scope, kind, currency, head) VALUES ", 4, heads,
		" ON CONFLICT (scope, kind, currency) DO UPDATE SET head = excluded.head")
	if err != nil {
		return err
	}
	return w.insertRows("write older tallies", "INSERT INTO tallies_older (scope, kind, currency, older) VALUES ", 4, olders,
		" ON CONFLICT (scope, kind, currency) DO UPDATE SET older = excluded.older")
}

// InsertHolds is described in store.LedgerWriter.
func (w *writer) InsertHolds(holds []ledger.Hold) error {
	rows := make([]any, 0, 4*len(holds))
	for i := range holds {
		hold := &holds[i]
		if hold.ID == "" || hold.State != ledger.Held {
			return w.refuse(fmt.Errorf("%w: a hold to be stored is held and has an id, not %v %q", policy.ErrInvalid, hold.State, hold.ID))
		}
		if err := validWord("id", hold.ID); err != nil {
			return w.refuse(err)
		}
		encoded, err := hold.MarshalBinary()
		if err != nil {
			return w.refuse(fmt.Errorf("encode hold %s: %w", hold.ID, err))
		}
		rows = append(rows, hold.ID, int64(hold.State), hold.PlacedAt.UnixMicro(), encoded)
	}
	return w.insertRows("insert holds", "INSERT INTO holds (id, state, placed_at, hold) VALUES ", 4, rows, "")
}

// ResolveHolds is described in store.LedgerWriter.
func (w *writer) ResolveHolds(holds []ledger.Hold) error {
	for i := range holds {
		hold := &holds[i]
		switch hold.State {
		case ledger.Posted, ledger.Voided, ledger.Expired:
		default:
			return w.refuse(fmt.Errorf("%w: hold %s is resolved by being POSTED, VOIDED or EXPIRED, not %v", policy.ErrInvalid, hold.ID, hold.State))
		}
		encoded, err := hold.MarshalBinary()
		if err != nil {
			return w.refuse(fmt.Errorf("encode hold %s: %w", hold.ID, err))
		}
		changed, err := w.change("resolve hold "+hold.ID, changeHold, int64(hold.State), encoded, hold.ID)
		if err != nil {
			return err
		}
		if changed != 1 {
			return w.refuse(fmt.Errorf("hold %s is not held: %w", hold.ID, store.ErrConflict))
		}
	}
	return nil
}

func validLimit(what string, limit int) error {
	if limit < 1 || limit > store.MaxPage {
		return fmt.Errorf("%w: 1 to %d %s can be read at once, not %d", policy.ErrInvalid, store.MaxPage, what, limit)
	}
	return nil
}

func timeOf(microseconds int64) time.Time { return time.UnixMicro(microseconds).UTC() }
