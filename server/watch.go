package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// tailEvery is how often the record is looked at for steps that another process has taken. Those of this one are
// noticed at once.
const tailEvery = 500 * time.Millisecond

// tail wakes those who wait for something to be written. Whoever is woken reads the record: what is told here is
// that there may be something, not what.
type tail struct {
	mutex   sync.Mutex
	waiting chan struct{} // closed at the next notice; nil while nobody waits
	waiters int
	stop    context.CancelFunc // of the goroutine that looks, which there is while somebody waits
}

// notice wakes everybody who waits now.
func (t *tail) notice() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.waiting != nil {
		close(t.waiting)
		t.waiting = nil
	}
}

// next is closed at the next notice. Whoever asks for it before they read misses nothing that is written after.
func (t *tail) next() <-chan struct{} {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.waiting == nil {
		t.waiting = make(chan struct{})
	}
	return t.waiting
}

// follow has the record looked at for as long as somebody follows, and returns how to stop.
func (s *Server) follow() (stop func()) {
	s.tail.mutex.Lock()
	defer s.tail.mutex.Unlock()
	if s.tail.waiters++; s.tail.waiters == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		s.tail.stop = cancel
		go s.look(ctx)
	}
	return func() {
		s.tail.mutex.Lock()
		defer s.tail.mutex.Unlock()
		if s.tail.waiters--; s.tail.waiters == 0 {
			s.tail.stop()
		}
	}
}

// look notices what other processes have written, until ctx ends.
func (s *Server) look(ctx context.Context) {
	ticker := time.NewTicker(tailEvery)
	defer ticker.Stop()
	seen := int64(-2) // unlike any sequence: the first look wakes everybody once
	for {
		last := seen
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			last, err = r.LastApprovalEvent()
			return err
		})
		if err == nil && last != seen {
			seen = last
			s.tail.notice()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// MaxWait is how long one WaitApproval can wait.
const MaxWait = time.Minute

// WaitApproval returns an approval as soon as its version is above lastVersion, or as it is when the time is over, which
// is no error. timeout is at most [MaxWait].
func (s *Server) WaitApproval(ctx context.Context, principal policy.Principal, id string, lastVersion int64, timeout time.Duration) (a approval.Approval, timedOut bool, err error) {
	if err := s.admit(principal, opReadApprovals); err != nil {
		return approval.Approval{}, false, err
	}
	if timeout < 0 || timeout > MaxWait {
		return approval.Approval{}, false, &FieldError{"timeout", fmt.Sprintf("is %v; wait for at most %v, and then again", timeout, MaxWait)}
	}
	defer s.follow()()
	over := time.NewTimer(timeout)
	defer over.Stop()
	for {
		next := s.tail.next()
		if a, err = s.approval(ctx, principal, id); err != nil || a.Version > lastVersion || timedOut {
			return a, timedOut && a.Version <= lastVersion, err
		}
		select {
		case <-next:
		case <-over.C:
			timedOut = true
		case <-ctx.Done():
			return approval.Approval{}, false, ctx.Err()
		}
	}
}

// approval reads one that the principal may see.
func (s *Server) approval(ctx context.Context, principal policy.Principal, id string) (approval.Approval, error) {
	var found map[string]approval.Approval
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Approvals([]string{id})
		return err
	})
	if err != nil {
		return approval.Approval{}, err
	}
	a, there := found[id]
	if !there || !mayReadApproval(principal, &a) {
		return approval.Approval{}, noApproval(id, principal)
	}
	return a, nil
}

// WatchFilter says which approvals to watch. A zero field lets all pass; all the others must hold.
type WatchFilter struct {
	ApprovalID string
	Automation string
	Platform   string // of any of its changes, and so the account
	Account    string
	Group      string // its open stage asks it
}

func (f *WatchFilter) passes(a *approval.Approval) bool {
	return (f.ApprovalID == "" || f.ApprovalID == a.ID) && (f.Automation == "" || f.Automation == a.Automation) &&
		(f.Group == "" || slices.Contains(a.Asks(), f.Group)) &&
		(f.Platform == "" && f.Account == "" || slices.ContainsFunc(a.Legs, func(leg permit.Leg) bool {
			return (f.Platform == "" || f.Platform == leg.Target.Platform) && (f.Account == "" || f.Account == leg.Target.Account)
		}))
}

// FromNow is what WatchApprovals begins after where nothing that has been is to be sent. It is not -1, which is where somebody
// stands who has read a record that is empty.
const FromNow int64 = -2

// WatchApprovals sends every step of the approvals that the principal may see and the filter lets pass, in the order of
// the log and without a gap, until ctx ends or send fails. Of [FromNow] the first that is sent has no approval: it says that from here on
// nothing is missed. It begins after the event of that sequence, which is that of
// the last one sent where somebody goes on; -1 is the beginning of the log.
func (s *Server) WatchApprovals(ctx context.Context, principal policy.Principal, filter WatchFilter, after int64, send func(store.ApprovalEvent) error) error {
	if err := s.admit(principal, opReadApprovals); err != nil {
		return err
	}
	defer s.follow()()
	if after == FromNow {
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			after, err = r.LastApprovalEvent()
			return err
		})
		if err == nil {
			err = send(store.ApprovalEvent{Sequence: after})
		}
		if err != nil {
			return err
		}
	}
	const together = 100
	for {
		next := s.tail.next()
		var events []store.ApprovalEvent
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			events, err = r.ApprovalEvents(after, together)
			return err
		})
		if err != nil {
			return err
		}
		for _, event := range events {
			after = event.Sequence
			if !mayReadApproval(principal, &event.Approval) || !filter.passes(&event.Approval) {
				continue
			}
			if err := send(event); err != nil {
				return err
			}
		}
		if len(events) == together {
			continue
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
