package notify

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/bidrail/bidrail/store"
)

// How often and for how long a delivery is tried.
const (
	// FirstWait is how long the second attempt waits after the first. Each wait is twice the one before.
	FirstWait = 5 * time.Second
	// LongestWait is how long any attempt waits at most, save for the up to a fifth more that keeps deliveries that failed
	// together from coming again together.
	LongestWait = time.Hour
	// GiveUpAfter is how long after the notice the last attempt may be. It is more than a day by more than the longest wait:
	// a receiver that was away for a day is tried again after that.
	GiveUpAfter = 26 * time.Hour
	// MostAttempts is reached only where processes die while they deliver; else time is up before.
	MostAttempts = 40
)

// Outcome is what came of an attempt.
type Outcome uint8

// The outcomes.
const (
	// Untried: there was no time for it.
	Untried Outcome = iota
	// Delivered: the receiver has it.
	Delivered
	// Failed: the receiver does not have it, or nobody knows.
	Failed
	// Gone: the receiver wants no more of these.
	Gone
)

// Next is what becomes of a delivery after its latest attempt, which Attempts has counted already: its state, and when it
// is due again.
func Next(delivery store.Delivery, outcome Outcome, now time.Time) store.Delivery {
	switch outcome {
	case Delivered:
		delivery.State = store.DeliveryDelivered
		delivery.LastError = ""
	case Gone:
		delivery.State = store.DeliveryGivenUp
	default:
		wait := waitAfter(delivery.Attempts, delivery.Sequence)
		if outcome == Untried {
			wait = 0
		}
		delivery.DueAt = now.Add(wait)
		if delivery.Attempts >= MostAttempts || delivery.DueAt.Sub(delivery.Notice.CreatedAt) > GiveUpAfter {
			delivery.State = store.DeliveryGivenUp
		}
	}
	return delivery
}

// waitAfter is how long a delivery waits after so many attempts.
func waitAfter(attempts int, sequence int64) time.Duration {
	wait := LongestWait
	if doublings := max(attempts-1, 0); doublings < 10 {
		wait = min(FirstWait<<doublings, LongestWait)
	}
	return wait + wait/5*time.Duration(scatter(attempts, sequence))/256
}

// scatter is a number from 0 to 255 that differs between deliveries and between attempts, and is always the same for one.
func scatter(attempts int, sequence int64) byte {
	hash := fnv.New32a()
	var text [16]byte
	binary.BigEndian.PutUint64(text[:8], uint64(sequence))
	binary.BigEndian.PutUint64(text[8:], uint64(attempts))
	_, _ = hash.Write(text[:]) // a hash takes everything
	return byte(hash.Sum32() >> 24)
}
