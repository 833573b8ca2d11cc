package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

// The record of a review is that of its event.
const (
	queryAllReviews = "SELECT r.id, r.approval_id, e.record FROM reviews r" +
		" LEFT JOIN events e ON e.kind = 'review' AND e.object = r.id AND e.version = 1"
	queryReviews = queryAllReviews + " WHERE r.approval_id = ? ORDER BY r.seq"
)

// Reviews is described in store.ApprovalReader.
func (r *reader) Reviews(approvalID string) ([]approval.Review, error) {
	var reviews []approval.Review
	err := r.query("reviews of approval "+approvalID, func(rows *sql.Rows) error {
		var (
			id, of string
			record sql.RawBytes
		)
		if err := rows.Scan(&id, &of, &record); err != nil {
			return err
		}
		review, err := approval.DecodeReview(record)
		if err == nil && (review.ID != id || review.ApprovalID != of) {
			err = fmt.Errorf("it is found as one of approval %s", of)
		}
		if err != nil {
			return fmt.Errorf("review %s is damaged: %v; stop the server and run bidrail audit verify", id, err)
		}
		reviews = append(reviews, review)
		return nil
	}, queryReviews, approvalID)
	if err != nil {
		return nil, err
	}
	return reviews, nil
}

// InsertReview is described in store.ApprovalWriter.
func (w *writer) InsertReview(review approval.Review) error {
	if review.ID == "" || review.ApprovalID == "" || review.Reviewer == "" || review.Nonce == "" {
		return w.refuse(fmt.Errorf("%w: a review needs an id, an approval, a reviewer and a nonce", policy.ErrInvalid))
	}
	err := errors.Join(validWord("id", review.ID), validWord("approval id", review.ApprovalID), validWord("reviewer", review.Reviewer), validWord("nonce", review.Nonce))
	if err != nil {
		return w.refuse(err)
	}
	event, leaf, err := store.ReviewEvent(review)
	if err != nil {
		return w.refuse(err)
	}
	first, err := w.appendLeaves([]audit.Leaf{leaf})
	if err != nil {
		return err
	}
	err = w.exec("insert review "+review.ID, "INSERT INTO reviews (id, approval_id, reviewer, nonce) VALUES (?,?,?,?)",
		review.ID, review.ApprovalID, review.Reviewer, review.Nonce)
	if err != nil {
		return err
	}
	return w.insertEvents(first, []store.Event{event})
}
