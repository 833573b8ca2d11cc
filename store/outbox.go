package store

import "time"

// Notice is something that is to be told to somebody outside, once it is committed. It says what has happened to what,
// and nothing else: who hears it reads the rest for themselves.
type Notice struct {
	ID        string    `json:"notice_id"`
	Topic     string    `json:"topic"` // approval
	Object    string    `json:"object"`
	Version   int64     `json:"version"`
	State     string    `json:"state"`              // of the object, as it was then
	Groups    []string  `json:"groups,omitempty"`   // who is asked to do something; empty: whoever listens to the topic
	Coalesce  string    `json:"coalesce,omitempty"` // notices with the same word are told together
	CreatedAt time.Time `json:"created_at"`
}

// DeliveryState is where a delivery is in its life.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting   DeliveryState = "waiting"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryGivenUp   DeliveryState = "given_up"
)

// Delivery is a notice on its way to one receiver.
type Delivery struct {
	Sequence  int64
	Notice    Notice
	Receiver  string // the configured name
	State     DeliveryState
	Attempts  int
	DueAt     time.Time // when it is tried next
	ChangedAt time.Time
	LastError string // of the last attempt that failed, for people; no secrets
}

// OutboxReader shows what is on its way.
type OutboxReader interface {
	// ListDeliveries is one page of the deliveries in that state, "" is any, the newest first.
	ListDeliveries(state DeliveryState, page Page) (deliveries []Delivery, next Cursor, err error)
}

// OutboxWriter is how notices get out: they are written with what they tell of, and taken by whoever delivers them.
// They are under no leaf: what they tell of is.
type OutboxWriter interface {
	// InsertNotices adds a delivery of each notice to each of its receivers, due at once.
	InsertNotices(notices []AddressedNotice) error
	// LeaseDeliveries takes at most limit deliveries (1 to [MaxPage]) that wait and are due at a time, those due first first, counts the
	// attempt, and makes them due again at until, so that no other process tries them meanwhile and a process that dies
	// leaves them to the next.
	LeaseDeliveries(at, until time.Time, limit int) ([]Delivery, error)
	// SettleDeliveries says what came of leased ones: state, when they are due again, the error. Those that have been leased
	// again since, which their attempts tell, are left alone.
	SettleDeliveries(deliveries []Delivery) error
	// PruneDeliveries removes at most limit deliveries (1 to [MaxPage]) that ended before a time.
	PruneDeliveries(before time.Time, limit int) (removed int, err error)
}

// AddressedNotice is a notice and who is to be told.
type AddressedNotice struct {
	Notice    Notice
	Receivers []string
}
