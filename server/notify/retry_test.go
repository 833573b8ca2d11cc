package notify

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/store"
)

func TestNext(t *testing.T) {
	for _, test := range []struct {
		name     string
		attempts int
		age      time.Duration
		outcome  Outcome
		state    store.DeliveryState
		from, to time.Duration // when it is due again, from now
	}{
		{"delivered", 1, 0, Delivered, store.DeliveryDelivered, 0, 0},
		{"delivered late", 30, 25 * time.Hour, Delivered, store.DeliveryDelivered, 0, 0},
		{"gone", 1, 0, Gone, store.DeliveryGivenUp, 0, 0},
		{"first failure", 1, 0, Failed, store.DeliveryWaiting, 5 * time.Second, 6 * time.Second},
		{"second failure", 2, 6 * time.Second, Failed, store.DeliveryWaiting, 10 * time.Second, 12 * time.Second},
		{"tenth failure", 10, time.Hour, Failed, store.DeliveryWaiting, 2560 * time.Second, 3072 * time.Second},
		{"eleventh failure", 11, 2 * time.Hour, Failed, store.DeliveryWaiting, time.Hour, 72 * time.Minute},
		{"after a day", 33, 24 * time.Hour, Failed, store.DeliveryWaiting, time.Hour, 72 * time.Minute},
		{"after a day and an hour", 34, 25*time.Hour + time.Minute, Failed, store.DeliveryGivenUp, 0, 2 * time.Hour},
		{"most attempts", MostAttempts, time.Minute, Failed, store.DeliveryGivenUp, 0, 2 * time.Hour},
		{"untried", 3, time.Minute, Untried, store.DeliveryWaiting, 0, 0},
	} {
		now := start.Add(test.age)
		before := store.Delivery{Sequence: 7, Notice: noticeOf("apr_1", 1, "PENDING"), State: store.DeliveryWaiting, Attempts: test.attempts, DueAt: now}
		got := Next(before, test.outcome, now)
		wait := got.DueAt.Sub(now)
		if got.State != test.state || wait < test.from || wait > test.to {
			t.Errorf("%s: got %s, due in %s; want %s, due in %s to %s", test.name, got.State, wait, test.state, test.from, test.to)
		}
	}
}

// TestNextEnds has an end for every delivery, and none before a day has passed.
func TestNextEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		delivery := store.Delivery{Sequence: rapid.Int64Min(1).Draw(t, "sequence"), Notice: noticeOf("apr_1", 1, "PENDING"), State: store.DeliveryWaiting}
		down := time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "down for"))
		now := start
		var last time.Duration
		for delivery.State == store.DeliveryWaiting {
			delivery.Attempts++
			outcome := Failed
			if now.Sub(start) >= down {
				outcome = Delivered
			}
			if delivery = Next(delivery, outcome, now); delivery.State != store.DeliveryWaiting {
				break
			}
			wait := delivery.DueAt.Sub(now)
			if wait < FirstWait || wait > LongestWait+LongestWait/5 {
				t.Fatalf("attempt %d waits %s", delivery.Attempts, wait)
			}
			if wait < last && wait < LongestWait {
				t.Fatalf("attempt %d waits %s, and the one before waited %s", delivery.Attempts, wait, last)
			}
			last, now = wait, delivery.DueAt
		}
		switch {
		case down <= 24*time.Hour && delivery.State != store.DeliveryDelivered:
			t.Fatalf("a receiver that was down for %s was given up after %d attempts, %s after the notice", down, delivery.Attempts, now.Sub(start))
		case down > GiveUpAfter && delivery.State != store.DeliveryGivenUp:
			t.Fatalf("a receiver that was down for %s was told %s after the notice", down, now.Sub(start))
		case now.Sub(start) > GiveUpAfter:
			t.Fatalf("still tried %s after the notice", now.Sub(start))
		}
	})
}

// Deliveries that failed together come again at different times.
func TestNextScatters(t *testing.T) {
	due := map[time.Time]int{}
	for sequence := range int64(100) {
		due[Next(store.Delivery{Sequence: sequence, Notice: noticeOf("apr_1", 1, "PENDING"), Attempts: 8}, Failed, start).DueAt]++
	}
	if len(due) < 50 {
		t.Errorf("100 deliveries are due at only %d times", len(due))
	}
}
