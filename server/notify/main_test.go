package notify

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the clock of tests begins.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

const testSecret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

// noticeOf is a notice of a version of an approval. What it holds beside may not be told: see [unspeakable].
func noticeOf(approval string, version int64, state string) store.Notice {
	return store.Notice{
		ID: fmt.Sprintf("ntc_%s_%d", approval, version), Topic: "approval", Object: approval, Version: version, State: state,
		Groups: []string{"budget_owners"}, CreatedAt: start,
	}
}

// together has notices told in one message.
func together(word string, notices ...store.Notice) []store.Notice {
	for i := range notices {
		notices[i].Coalesce = word
	}
	return notices
}

// unspeakable is what must not be found outside.
var unspeakable = []string{"budget_owners", "nightly-run", "budget.step"}

func deliveriesOf(notices ...store.Notice) []store.Delivery {
	var deliveries []store.Delivery
	for i, notice := range notices {
		deliveries = append(deliveries, store.Delivery{Sequence: int64(i + 1), Notice: notice, Receiver: "them", State: store.DeliveryWaiting, Attempts: 1})
	}
	return deliveries
}

// messageOf is one message.
func messageOf(t *testing.T, notices ...store.Notice) message {
	t.Helper()
	messages := messagesOf(deliveriesOf(notices...))
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want 1", len(messages))
	}
	return messages[0]
}
