package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// blind keeps a server from finding out by looking at the record that something was written; it tells of each look, and of
// each reading of an approval.
type blind struct {
	store.Reader
	looked, read func()
}

func (b blind) LastApprovalEvent() (int64, error) {
	b.looked()
	return 0, nil
}

func (b blind) Approvals(ids []string) (map[string]approval.Approval, error) {
	found, err := b.Reader.Approvals(ids)
	b.read()
	return found, err
}

// waited is what came of a wait.
type waited struct {
	approval approval.Approval
	timedOut bool
	err      error
}

func wait(t *testing.T, core *server.Server, who policy.Principal, a approval.Approval) <-chan waited {
	done := make(chan waited, 1)
	go func() {
		var w waited
		w.approval, w.timedOut, w.err = core.WaitApproval(t.Context(), who, a.ID, a.Version, server.MaxWait)
		done <- w
	}()
	return done
}

// soon is what comes of a wait that ends without delay.
func soon(t *testing.T, done <-chan waited) waited {
	t.Helper()
	select {
	case w := <-done:
		return w
	case <-time.After(servertest.Soon):
		t.Fatal("nobody woke who waits")
		return waited{}
	}
}

// Whatever this process writes wakes those who wait for it, and they need not look for it.
func TestAWaitIsWokenByWhatThisProcessWrites(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := company(t, servertest.WithStore(fake.Under))
	looking, reading := make(chan struct{}, 1), make(chan struct{}, 1)
	tell := func(told chan<- struct{}) func() {
		return func() {
			select {
			case told <- struct{}{}:
			default: // it is told already
			}
		}
	}
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		return fake.Store.View(ctx, func(r store.Reader) error { return fn(blind{r, tell(looking), tell(reading)}) })
	})
	// Somebody else watches all the time, so that who looks for others has looked before, and wakes nobody any more.
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() {
		watched <- s.Core.WatchApprovals(ctx, s.Auditor.Principal, server.WatchFilter{}, -1, func(store.ApprovalEvent) error { return nil })
	}()
	defer func() { cancel(); <-watched }()
	<-looking
	<-looking // what came of the first look was told before the second
	var got server.Redemption
	for _, test := range []struct {
		name string
		do   func(a approval.Approval)
	}{
		{"a review", func(a approval.Approval) { review(t, s, "ana", a.ID, approval.Approve) }},
		{"a redemption", func(a approval.Approval) {
			var err error
			if got, err = redeem(t, s, a); err != nil {
				t.Error(err)
			}
		}},
		{"a permit that expires", func(approval.Approval) {
			s.Clock.Advance(time.Minute)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		{"another redemption", func(a approval.Approval) {
			var err error
			if got, err = redeem(t, s, a); err != nil {
				t.Error(err)
			}
		}},
		{"a claim", func(approval.Approval) {
			if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got.Permit.ID == "" && test.name == "a review" {
				escalated(t, s, servertest.Bid("b", 100, 150))
			}
			found, _, err := s.Core.ListApprovals(t.Context(), s.Auditor.Principal, server.ApprovalFilter{}, page())
			if err != nil || len(found) != 1 {
				t.Fatalf("got %d approvals, %v", len(found), err)
			}
			select {
			case <-reading: // for what was done before
			default:
			}
			done := wait(t, s.Core, s.Automation.Principal, found[0])
			<-reading
			test.do(found[0])
			if w := soon(t, done); w.err != nil || w.timedOut || w.approval.Version != found[0].Version+1 {
				t.Errorf("got version %d, timed out %t, %v; want version %d", w.approval.Version, w.timedOut, w.err, found[0].Version+1)
			}
		})
	}
}

func TestAWaitIsOver(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	for _, timeout := range []time.Duration{0, 10 * time.Millisecond} {
		got, timedOut, err := s.Core.WaitApproval(t.Context(), s.Automation.Principal, a.ID, a.Version, timeout)
		if err != nil || !timedOut || got.Version != a.Version {
			t.Errorf("after %v: got version %d, timed out %t, %v", timeout, got.Version, timedOut, err)
		}
	}
	if got, timedOut, err := s.Core.WaitApproval(t.Context(), s.Automation.Principal, a.ID, a.Version-1, server.MaxWait); err != nil || timedOut || got.Version != a.Version {
		t.Errorf("there is news already: got version %d, timed out %t, %v", got.Version, timedOut, err)
	}
	for _, timeout := range []time.Duration{-1, server.MaxWait + 1} {
		if _, _, err := s.Core.WaitApproval(t.Context(), s.Automation.Principal, a.ID, a.Version, timeout); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("for %v: got %v, want ErrInvalid", timeout, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Core.WaitApproval(ctx, s.Automation.Principal, a.ID, a.Version, server.MaxWait)
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the caller is gone: got %v", err)
		}
	case <-time.After(servertest.Soon):
		t.Error("the caller is gone, and the wait goes on")
	}
}

// beside is another process over the same record, as far as the record can tell.
func beside(t *testing.T, s *servertest.Server) *server.Server {
	t.Helper()
	other, err := server.New(t.Context(), server.Config{Store: s.Store, Now: s.Clock.Now, Keys: s.Keys, CommitTimeout: servertest.Soon,
		Policy: servertest.Load(t, servertest.Company(t, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// What another process writes is found by looking.
func TestAWaitHearsOfOtherProcesses(t *testing.T) {
	s := company(t)
	other := beside(t, s)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	done := wait(t, other, s.Automation.Principal, a)
	watched := make(chan store.ApprovalEvent, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	after := lastEvent(t, s)
	go func() {
		_ = other.WatchApprovals(ctx, s.Auditor.Principal, server.WatchFilter{}, after, func(event store.ApprovalEvent) error {
			watched <- event
			return nil
		})
	}()
	review(t, s, "ana", a.ID, approval.Approve)
	if w := soon(t, done); w.err != nil || w.timedOut || w.approval.State != approval.Approved {
		t.Errorf("got %s, timed out %t, %v", w.approval.State, w.timedOut, w.err)
	}
	select {
	case event := <-watched:
		if event.Approval.ID != a.ID || event.Approval.State != approval.Approved {
			t.Errorf("got %+v", event)
		}
	case <-time.After(servertest.Soon):
		t.Error("nothing was seen")
	}
}

func lastEvent(t *testing.T, s *servertest.Server) (last int64) {
	t.Helper()
	err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
		last, err = r.LastApprovalEvent()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// watcher is somebody who watches, and whose connection breaks now and then.
type watcher struct {
	name   string
	who    policy.Principal
	filter server.WatchFilter
	sees   func(*approval.Approval) bool
	breaks []int          // after so many events each time; then never again
	keeps  []bool         // whether the event at which it broke was still taken in
	events chan [2]string // sequence and state, as taken in
}

var errGone = errors.New("the connection is gone")

// watch goes on from where it was each time, until ctx ends.
func (w *watcher) watch(ctx context.Context, core *server.Server, after int64) error {
	for connection := 0; ; connection++ {
		left := -1
		if connection < len(w.breaks) {
			left = w.breaks[connection]
		}
		err := core.WatchApprovals(ctx, w.who, w.filter, after, func(event store.ApprovalEvent) error {
			if left == 0 && !w.keeps[connection] {
				return errGone
			}
			after = event.Sequence
			w.events <- told(event)
			if left == 0 {
				return errGone
			}
			left--
			return nil
		})
		if !errors.Is(err, errGone) {
			return err
		}
	}
}

func told(event store.ApprovalEvent) [2]string {
	return [2]string{fmt.Sprint(event.Sequence), fmt.Sprintf("%s %s %d", event.Approval.ID, event.Approval.State, event.Approval.Version)}
}

// However often the connection breaks, and whatever happens meanwhile: each step that is somebody's to see is seen, once and
// in order.
func TestAWatchMissesNothing(t *testing.T) {
	s := company(t)
	serial := 0 // of changes, over all runs
	rapid.Check(t, func(rt *rapid.T) {
		after := lastEvent(t, s)
		watchers := []*watcher{
			{name: "an auditor", who: s.Auditor.Principal, sees: func(*approval.Approval) bool { return true }},
			{name: "an automation", who: s.OtherAutomation.Principal, sees: func(a *approval.Approval) bool { return a.Automation == "bidder" }},
			{name: "of one automation", who: s.Auditor.Principal, filter: server.WatchFilter{Automation: "pacer"}, sees: func(a *approval.Approval) bool { return a.Automation == "pacer" }},
			{name: "an automation, of another", who: s.Automation.Principal, filter: server.WatchFilter{Automation: "bidder"}, sees: func(*approval.Approval) bool { return false }},
			{name: "what waits for growth", who: s.Approver.Principal, filter: server.WatchFilter{Group: "growth"}, sees: func(a *approval.Approval) bool { return a.State == approval.Pending }},
			{name: "of one account", who: s.Auditor.Principal, filter: server.WatchFilter{Platform: "google_ads", Account: "second"}, sees: func(a *approval.Approval) bool { return a.Legs[0].Target.Account == "second" }},
		}
		for _, w := range watchers {
			w.events = make(chan [2]string, 1000)
			w.breaks = rapid.SliceOfN(rapid.IntRange(0, 4), 0, 6).Draw(rt, w.name+" breaks")
			for range w.breaks {
				w.keeps = append(w.keeps, rapid.Bool().Draw(rt, "keeps"))
			}
		}
		happens := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 12).Draw(rt, "happens")
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, w := range watchers {
			running.Go(func() {
				if err := w.watch(ctx, s.Core, after); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", w.name, err)
				}
			})
		}
		defer running.Wait()
		defer cancel()

		var open []string
		for _, what := range happens {
			serial++
			change := servertest.Bid(fmt.Sprint("w", serial), 100, 150)
			who := s.Automation.Principal
			switch what {
			case 0: // a new one
			case 1: // one that may take the place of another
				change.Target.EntityId = "k-same"
			case 2:
				change.Target.Account = "second"
			case 3:
				who, change.Actor.Automation = s.OtherAutomation.Principal, "bidder"
			case 4, 5:
				if len(open) > 0 {
					id := open[serial%len(open)]
					if what == 4 {
						_, _ = s.Core.Review(t.Context(), servertest.Person("ana"), of(approvalNow(t, s, id), approval.Approve)) // it may have ended
					} else {
						_, _ = s.Core.RevokeApproval(t.Context(), servertest.Person("ben"), id, "a mistake")
					}
				}
				continue
			}
			results, err := s.Core.Check(t.Context(), who, checkRequest(change))
			if err != nil {
				rt.Fatal(err)
			}
			if id := results[0].Decision.ApprovalID; id != "" {
				open = append(open, id)
			}
		}

		var all []store.ApprovalEvent
		err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
			all, err = r.ApprovalEvents(after, store.MaxPage)
			return err
		})
		if err != nil {
			rt.Fatal(err)
		}
		for _, w := range watchers {
			var want, got [][2]string
			for _, event := range all {
				if w.sees(&event.Approval) {
					want = append(want, told(event))
				}
			}
			for range want {
				select {
				case event := <-w.events:
					got = append(got, event)
				case <-time.After(servertest.Soon):
					rt.Fatalf("%s: got %d events, want %d", w.name, len(got), len(want))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Errorf("%s (-want +got):\n%s", w.name, diff)
			}
		}
		cancel()
		running.Wait()
		for _, w := range watchers {
			if len(w.events) > 0 {
				rt.Errorf("%s: %v came besides", w.name, <-w.events)
			}
		}
	})
}

// A thousand who watch hear of a step within a second on a machine that has nothing else to do, and leave nothing behind.
func TestAThousandWatch(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	beginning := lastEvent(t, s) - 1
	ignored := goleak.IgnoreCurrent()
	const watchers = 1000
	var first, second, running sync.WaitGroup
	first.Add(watchers)
	second.Add(watchers)
	var slowest atomic.Int64
	var began atomic.Pointer[time.Time]
	ctx, cancel := context.WithCancel(t.Context())
	for i := range watchers {
		who := []policy.Principal{s.Automation.Principal, s.Auditor.Principal}[i%2]
		running.Go(func() {
			heard := 0
			err := s.Core.WatchApprovals(ctx, who, server.WatchFilter{}, beginning, func(store.ApprovalEvent) error {
				switch heard++; heard {
				case 1:
					first.Done()
				case 2:
					took := int64(time.Since(*began.Load()))
					for known := slowest.Load(); took > known && !slowest.CompareAndSwap(known, took); known = slowest.Load() {
					}
					second.Done()
				default:
					t.Errorf("watcher %d has heard %d steps of two", i, heard)
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	first.Wait() // all of them are there
	now := time.Now()
	began.Store(&now)
	review(t, s, "ana", a.ID, approval.Approve)
	second.Wait()
	cancel()
	running.Wait()
	took := time.Duration(slowest.Load())
	t.Logf("the slowest of %d heard of it after %v, the review included", watchers, took)
	if took > servertest.Soon {
		t.Errorf("the slowest of %d heard of it after %v", watchers, took)
	}
	goleak.VerifyNone(t, ignored)
}

// Who watches for what is new is not told what was.
func TestAWatchFromNow(t *testing.T) {
	s := company(t)
	escalated(t, s, servertest.Bid("before", 100, 150))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan store.ApprovalEvent, 10)
	done := make(chan error, 1)
	go func() {
		done <- s.Core.WatchApprovals(ctx, s.Auditor.Principal, server.WatchFilter{}, server.FromNow, func(event store.ApprovalEvent) error {
			seen <- event
			return nil
		})
	}()
	began := <-seen
	if began.Approval.ID != "" || began.Sequence != lastEvent(t, s) {
		t.Errorf("it began with %+v, want the last sequence and no approval", began)
	}
	after := escalated(t, s, servertest.Bid("after", 100, 150))
	if heard := <-seen; heard.Approval.ID != after.ID {
		t.Errorf("heard of %s, want %s", heard.Approval.ID, after.ID)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Who has read an empty record and goes on from there is told everything, which is not what it is to begin now.
func TestAWatchFromTheBeginning(t *testing.T) {
	s := company(t)
	beginning := lastEvent(t, s)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	ctx, cancel := context.WithTimeout(t.Context(), servertest.Soon)
	defer cancel()
	var seen string
	err := s.Core.WatchApprovals(ctx, s.Auditor.Principal, server.WatchFilter{}, beginning, func(event store.ApprovalEvent) error {
		seen = event.Approval.ID
		return errGone
	})
	if !errors.Is(err, errGone) || seen != a.ID {
		t.Errorf("got %q, %v; want %s", seen, err, a.ID)
	}
}
