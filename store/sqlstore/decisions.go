package sqlstore

import (
	"database/sql"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

const (
	queryByID  = "SELECT record FROM decisions WHERE id = ?"
	queryByKey = "SELECT record FROM decisions WHERE change_id = ? AND automation = ? AND redemption = ?"
	queryInput = "SELECT input FROM inputs JOIN decisions USING (seq) WHERE id = ?"
)

func queryByKeys(changes int) string {
	return "SELECT record FROM decisions WHERE change_id IN (" + list(changes) + ") AND automation = ? AND redemption = ?"
}

// Decision is described in store.DecisionReader.
func (r *reader) Decision(id string) (store.DecisionRecord, error) {
	return r.oneDecision("decision "+id, queryByID, id)
}

// DecisionByKey is described in store.DecisionReader.
func (r *reader) DecisionByKey(key store.DecisionKey) (store.DecisionRecord, error) {
	return r.oneDecision("decision for change "+key.ChangeID, queryByKey, key.ChangeID, key.Automation, key.Redemption)
}

func (r *reader) oneDecision(doing, query string, arguments ...any) (store.DecisionRecord, error) {
	var record store.DecisionRecord
	err := r.query(doing, func(rows *sql.Rows) error { return scanDecision(rows, &record) }, query, arguments...)
	if err == nil && record.Decision == nil {
		err = fmt.Errorf("%s: %w", doing, policy.ErrNotFound)
	}
	return record, err
}

// scanDecision reads the stored record that is the last column of a row, after the others.
func scanDecision(rows *sql.Rows, record *store.DecisionRecord, others ...any) error {
	var encoded []byte
	if err := rows.Scan(append(others, &encoded)...); err != nil {
		return err
	}
	decision, err := policy.DecodeDecision(encoded)
	*record = store.DecisionRecord{Decision: decision, Encoded: encoded}
	return err
}

// DecisionsByKeys is described in store.DecisionReader.
func (r *reader) DecisionsByKeys(keys []store.DecisionKey) (map[store.DecisionKey]store.DecisionRecord, error) {
	found := make(map[store.DecisionKey]store.DecisionRecord)
	// The keys of a batch are those of one automation and of checks, or those that a permit was redeemed for, so grouping by
	// both leaves one list of change ids.
	changes := make(map[store.DecisionKey][]any)
	seen := make(map[store.DecisionKey]bool, len(keys))
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			of := store.DecisionKey{Automation: key.Automation, Redemption: key.Redemption}
			changes[of] = append(changes[of], key.ChangeID)
		}
	}
	scan := func(rows *sql.Rows) error {
		var record store.DecisionRecord
		if err := scanDecision(rows, &record); err != nil {
			return err
		}
		found[record.Key()] = record
		return nil
	}
	for of, ids := range changes {
		err := inPortions(len(ids), func(from, to int) error {
			return r.query("decisions by key", scan, queryByKeys(to-from), append(ids[from:to:to], of.Automation, of.Redemption)...)
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// DecisionInput is described in store.DecisionReader.
func (r *reader) DecisionInput(id string) ([]byte, error) {
	var input []byte
	err := r.query("input of decision "+id, func(rows *sql.Rows) error { return rows.Scan(&input) }, queryInput, id)
	if err == nil && input == nil {
		err = fmt.Errorf("input of decision %s: %w", id, policy.ErrNotFound)
	}
	return input, err
}

// CountDecisions is described in store.DecisionReader.
func (r *reader) CountDecisions() (int64, error) {
	var count int64
	err := r.query("count decisions", func(rows *sql.Rows) error { return rows.Scan(&count) }, "SELECT count(*) FROM decisions")
	return count, err
}

// InsertDecisions is described in store.DecisionWriter.
func (w *writer) InsertDecisions(records []store.DecisionRecord) error {
	if len(records) == 0 {
		return nil
	}
	for i := range records {
		if err := validate(&records[i]); err != nil {
			return w.refuse(err)
		}
	}
	// First of all, because whoever holds the head of the log holds up others who write, and they
	// must do so before they hold anything but the tallies they have read.
	leaves := make([]audit.Leaf, len(records))
	for i := range records {
		leaves[i] = records[i].Leaf()
	}
	leaf, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	sequences := make(map[string]int64, len(records))
	scan := func(rows *sql.Rows) error {
		var (
			sequence int64
			id       string
		)
		err := rows.Scan(&sequence, &id)
		sequences[id] = sequence
		return err
	}
	var arguments []any
	err = inPortions(len(records), func(from, to int) error {
		arguments = arguments[:0]
		for i, record := range records[from:to] {
			d := record.Decision
			arguments = append(arguments, d.ID, d.Automation, d.ChangeID, record.Key().Redemption, int64(d.Verdict), int64(d.Kind),
				d.Target.Platform, d.Target.Account, d.Target.Campaign, d.Target.EntityType, d.Target.EntityID, d.BatchID, d.DecidedAt.UnixMicro(), d.Revision, leaf+int64(from+i), record.Encoded)
		}
		// The rows of RETURNING come in any order.
		return w.query("insert decisions", scan,
			"INSERT INTO decisions (id, automation, change_id, redemption, verdict, kind, platform, account, campaign, entity_type, entity_id, batch_id, decided_at, revision, leaf_seq, record)"+
				" VALUES "+values(to-from, 16)+" RETURNING seq, id", arguments...)
	})
	if err != nil {
		return err
	}

	var inputs, findings []any
	for _, record := range records {
		sequence := sequences[record.Decision.ID]
		if len(record.Input) > 0 {
			inputs = append(inputs, sequence, record.Input)
		}
		for i, finding := range record.Decision.Findings {
			if firstOfRule(record.Decision.Findings, i) {
				findings = append(findings, finding.Rule, sequence)
			}
		}
	}
	if err := w.insertRows("insert inputs", "INSERT INTO inputs (seq, input) VALUES ", 2, inputs, ""); err != nil {
		return err
	}
	return w.insertRows("insert findings", "INSERT INTO findings (rule, seq) VALUES ", 2, findings, "")
}

// insertRows inserts rows of so many columns; rest is what follows them in the statement.
func (w *writer) insertRows(doing, insert string, columns int, rows []any, rest string) error {
	return inPortions(len(rows)/columns, func(from, to int) error {
		return w.exec(doing, insert+values(to-from, columns)+rest, rows[columns*from:columns*to]...)
	})
}

// refuse makes err the error of the transaction: half of what was meant to be written together
// must not be stored.
func (w *writer) refuse(err error) error {
	if w.failed == nil {
		w.failed = err
	}
	return w.failed
}

func firstOfRule(findings []policy.Finding, at int) bool {
	for _, earlier := range findings[:at] {
		if earlier.Rule == findings[at].Rule {
			return false
		}
	}
	return true
}

func validate(record *store.DecisionRecord) error {
	d := record.Decision
	switch {
	case d == nil || len(record.Encoded) == 0:
		return fmt.Errorf("%w: a decision record needs a decision and its encoding", policy.ErrInvalid)
	case d.ID == "" || d.Automation == "" || d.ChangeID == "":
		return fmt.Errorf("%w: a decision needs an id, an automation and a change id", policy.ErrInvalid)
	}
	words := [...]struct{ name, text string }{
		{"id", d.ID}, {"automation", d.Automation}, {"change id", d.ChangeID}, {"platform", d.Target.Platform},
		{"account", d.Target.Account}, {"campaign", d.Target.Campaign}, {"entity type", d.Target.EntityType}, {"entity id", d.Target.EntityID},
		{"batch id", d.BatchID}, {"permit id", d.PermitID}, {"revision", d.Revision},
	}
	for _, word := range words {
		if err := validWord(word.name, word.text); err != nil {
			return err
		}
	}
	for _, finding := range d.Findings {
		if err := validWord("rule", finding.Rule); err != nil {
			return err
		}
	}
	return nil
}

func validWord(name, text string) error {
	switch {
	case len(text) > store.MaxWord:
		return fmt.Errorf("%w: the %s has %d bytes, more than the %d that can be stored", policy.ErrInvalid, name, len(text), store.MaxWord)
	case !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0:
		return fmt.Errorf("%w: the %s is not text: %q", policy.ErrInvalid, name, text)
	}
	return nil
}
