package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// Those that have ended have an index of their own, which a query uses only where its condition is repeated as it is.
const (
	selectDeliveries = "SELECT seq, notice, receiver, state, attempts, due_at, changed_at, last_error FROM deliveries WHERE "

	queryAllDeliveries     = selectDeliveries + "seq < ? ORDER BY seq DESC LIMIT ?"
	queryDeliveriesByState = selectDeliveries + "state = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
	queryDueDeliveries     = selectDeliveries + "state = 'waiting' AND due_at <= ? ORDER BY due_at, seq LIMIT ?"

	leaseDelivery  = "UPDATE deliveries SET attempts = ?, due_at = ?, changed_at = ? WHERE seq = ? AND attempts = ? AND state = 'waiting'"
	settleDelivery = "UPDATE deliveries SET state = ?, due_at = ?, changed_at = ?, last_error = ? WHERE seq = ? AND attempts = ? AND state = 'waiting'"

	pruneDeliveries = "DELETE FROM deliveries WHERE seq IN" +
		" (SELECT seq FROM deliveries WHERE state <> 'waiting' AND changed_at < ? ORDER BY changed_at LIMIT ?)"
)

// ListDeliveries is described in store.OutboxReader.
func (r *reader) ListDeliveries(state store.DeliveryState, page store.Page) (deliveries []store.Delivery, next store.Cursor, err error) {
	limit, before, err := bounds("deliveries", page)
	if err != nil {
		return nil, "", err
	}
	query, arguments := queryAllDeliveries, []any{before, limit + 1}
	if state != "" {
		query, arguments = queryDeliveriesByState, []any{string(state), before, limit + 1}
	}
	err = r.query("list deliveries", func(rows *sql.Rows) error {
		if len(deliveries) == limit {
			next = store.CursorAt(deliveries[limit-1].Sequence)
			return nil
		}
		delivery, err := scanDelivery(rows)
		deliveries = append(deliveries, delivery)
		return err
	}, query, arguments...)
	if err != nil {
		return nil, "", err
	}
	return deliveries, next, nil
}

func scanDelivery(rows *sql.Rows) (store.Delivery, error) {
	var (
		d              store.Delivery
		notice         sql.RawBytes
		due, changedAt int64
	)
	if err := rows.Scan(&d.Sequence, &notice, &d.Receiver, &d.State, &d.Attempts, &due, &changedAt, &d.LastError); err != nil {
		return store.Delivery{}, err
	}
	d.DueAt, d.ChangedAt = timeOf(due), timeOf(changedAt)
	if err := json.Unmarshal(notice, &d.Notice); err != nil {
		return store.Delivery{}, fmt.Errorf("delivery %d is damaged: %v; restore the folder from a backup", d.Sequence, err)
	}
	return d, nil
}

// InsertNotices is described in store.OutboxWriter.
func (w *writer) InsertNotices(notices []store.AddressedNotice) error {
	var rows []any
	now := w.now.UnixMicro()
	for i := range notices {
		notice := &notices[i].Notice
		if notice.ID == "" || notice.Topic == "" {
			return w.refuse(fmt.Errorf("%w: a notice needs an id and a topic", policy.ErrInvalid))
		}
		encoded, err := json.Marshal(notice)
		if err != nil {
			return w.refuse(fmt.Errorf("%w: encode notice %s: %w", policy.ErrInvalid, notice.ID, err))
		}
		for _, receiver := range notices[i].Receivers {
			err := validWord("receiver", receiver)
			if err == nil && receiver == "" {
				err = fmt.Errorf("%w: notice %s is for a receiver without a name", policy.ErrInvalid, notice.ID)
			}
			if err != nil {
				return w.refuse(err)
			}
			rows = append(rows, encoded, receiver, string(store.DeliveryWaiting), int64(0), now, now, "")
		}
	}
	return w.insertRows("insert deliveries",
		"INSERT INTO deliveries (notice, receiver, state, attempts, due_at, changed_at, last_error) VALUES ", 7, rows, "")
}

// LeaseDeliveries is described in store.OutboxWriter. Where another process has come first to one that was read, it is left
// to that one.
func (w *writer) LeaseDeliveries(at, until time.Time, limit int) ([]store.Delivery, error) {
	if err := validLimit("deliveries", limit); err != nil {
		return nil, w.refuse(err)
	}
	if !until.After(at) {
		return nil, w.refuse(fmt.Errorf("%w: a lease ends later than it begins", policy.ErrInvalid))
	}
	var due []store.Delivery
	err := w.query("read deliveries that are due", func(rows *sql.Rows) error {
		delivery, err := scanDelivery(rows)
		due = append(due, delivery)
		return err
	}, queryDueDeliveries, at.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	var leased []store.Delivery
	for _, d := range due {
		changed, err := w.change("lease a delivery", leaseDelivery, int64(d.Attempts+1), microseconds(until), w.now.UnixMicro(), d.Sequence, int64(d.Attempts))
		if err != nil {
			return nil, err
		}
		if changed == 1 {
			d.Attempts++
			d.DueAt, d.ChangedAt = timeOf(microseconds(until)), w.now
			leased = append(leased, d)
		}
	}
	return leased, nil
}

// SettleDeliveries is described in store.OutboxWriter.
func (w *writer) SettleDeliveries(deliveries []store.Delivery) error {
	for i := range deliveries {
		d := &deliveries[i]
		switch d.State {
		case store.DeliveryWaiting, store.DeliveryDelivered, store.DeliveryGivenUp:
		default:
			return w.refuse(fmt.Errorf("%w: a delivery is waiting, delivered or given_up, not %q", policy.ErrInvalid, d.State))
		}
		err := w.exec("settle a delivery", settleDelivery, string(d.State), microseconds(d.DueAt), w.now.UnixMicro(), d.LastError, d.Sequence, int64(d.Attempts))
		if err != nil {
			return err
		}
	}
	return nil
}

// PruneDeliveries is described in store.OutboxWriter.
func (w *writer) PruneDeliveries(before time.Time, limit int) (removed int, err error) {
	if err := validLimit("deliveries", limit); err != nil {
		return 0, w.refuse(err)
	}
	rows, err := w.change("remove deliveries", pruneDeliveries, microseconds(before), limit)
	return int(rows), err
}
