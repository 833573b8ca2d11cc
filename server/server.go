package server

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// Config is what a server is made of.
type Config struct {
	// Store keeps the record. Nil only for a server that previews: every check is then a dry run.
	Store store.Store
	// Policy is the active policy. Nil until one is loaded; every change is blocked meanwhile.
	Policy *Policy
	// Now is the clock, for decisions. Default time.Now.
	Now func() time.Time
	// Logger gets one line per decision. Default: none.
	Logger hclog.Logger
	// Workers is how many changes are judged at once, over all calls. Default: the number of processors.
	Workers int
	// Keys signs permits and knows its own. Needed where there is a store.
	Keys Keys
	// Caps are the operator's own limits over time, on every scope of the kind that each names. No policy
	// revision lifts them: what they have no room for is blocked (ledger.cap). Amounts in other currencies are converted by
	// the rates of the active revision. Default: none.
	Caps []ledger.Cap
	// PermitLife is how long a permit can be claimed. Default 60 s.
	PermitLife time.Duration
	// ReportWithin is how long after its claim a permit waits for the report before its outcome counts as
	// unknown. Default 10 min.
	ReportWithin time.Duration
	// Receivers are who is told of approvals outside. What is to be told is written with what it tells of. Default: nobody.
	Receivers []Receiver
	// Wake is called after something was written that is to be told. Default: nothing is.
	Wake func()
	// CommitTimeout bounds how long an answer waits for the record, plus a millisecond for each
	// change of the call. Default 250 ms.
	CommitTimeout time.Duration
}

// TopicApproval is what receivers hear of approvals under.
const TopicApproval = "approval"

// Receiver is somebody outside who is told of what happens.
type Receiver struct {
	Name string
	// Hears reports whether they want to know of something that asks these groups to act; none: it asks nobody.
	Hears func(topic string, groups []string) bool
}

// Keys signs permits, so that executors can tell them from what somebody made up.
type Keys interface {
	// Sign is the permit as a token. The same permit gives the same token for as long as the key is the same.
	Sign(p permit.Permit) (string, error)
	// Verify is the id of the permit that a token of ours is for, whether or not it has expired. The error is a
	// policy.ErrInvalid.
	Verify(token string) (permitID string, err error)
	// Public is the public keys as a JSON Web Key Set.
	Public() []byte
}

// Server is the use cases. Its methods are safe for concurrent use; each of them passes the gate
// first.
type Server struct {
	store         store.Store
	policy        atomic.Pointer[Policy]
	now           func() time.Time
	logger        hclog.Logger
	workers       int
	places        chan struct{} // one for each evaluation that may run at once
	commitTimeout time.Duration
	keys          Keys
	caps          []ledger.Cap
	permitLife    time.Duration
	reportWithin  time.Duration
	modes         atomic.Pointer[modes]   // as last read
	registry      atomic.Pointer[records] // as last read
	receivers     []Receiver
	wake          func()
	tail          tail
	halt          sync.Once
	halted        chan struct{}
}

// Halted is closed when the store has stopped writing for good: the process must end, and a new one
// read what really is on the disk.
func (s *Server) Halted() <-chan struct{} { return s.halted }

// New makes a server. It keeps the policy's revision in the store, so that what it decides can be
// explained later.
func New(ctx context.Context, config Config) (*Server, error) {
	s := &Server{store: config.Store, now: config.Now, logger: config.Logger, workers: config.Workers,
		commitTimeout: config.CommitTimeout, keys: config.Keys, caps: config.Caps,
		receivers: config.Receivers, wake: config.Wake,
		permitLife: config.PermitLife, reportWithin: config.ReportWithin, halted: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = hclog.NewNullLogger()
	}
	if s.workers <= 0 {
		s.workers = runtime.GOMAXPROCS(0)
	}
	s.places = make(chan struct{}, s.workers)
	if s.commitTimeout <= 0 {
		s.commitTimeout = 250 * time.Millisecond
	}
	if s.permitLife <= 0 {
		s.permitLife = time.Minute
	}
	if s.reportWithin <= 0 {
		s.reportWithin = 10 * time.Minute
	}
	if s.store != nil && s.keys == nil {
		return nil, fmt.Errorf("%w: a server with a store needs keys to sign permits with", policy.ErrInvalid)
	}
	if config.Policy != nil {
		if err := s.Activate(ctx, config.Policy); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// noticeHalt closes Halted when err says that the store writes no more.
func (s *Server) noticeHalt(err error) {
	if errors.Is(err, store.ErrHalted) {
		s.halt.Do(func() { close(s.halted) })
	}
}

// newID makes an id that sorts by the time it was made, with a prefix that says what it names.
func newID(prefix string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + "_" + id.String(), nil
}
