package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

// echo answers every Check with the same response: what gRPC itself takes.
type echo struct {
	bidrailv1.UnimplementedGuardrailServiceServer
	response *bidrailv1.CheckResponse
}

func (e *echo) Check(context.Context, *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
	return e.response, nil
}

// BenchmarkCheck is a decision over gRPC on this machine, on the record before it is answered: the
// whole of the shipped rules, limits over time among them, a signed permit, SQLite with synchronous FULL. Each
// change is of another keyword, in one account, so that all of them move the same sums.
// BenchmarkCheckWithoutSync is the same server that waits for no disk; BenchmarkEcho is the same call
// with nothing behind it.
func BenchmarkCheck(b *testing.B) {
	s := servertest.New(b)
	benchmarkCalls(b, s, s.Automation.Guardrail)
}

func BenchmarkCheckWithoutSync(b *testing.B) {
	s := servertest.New(b, servertest.WithoutSync())
	benchmarkCalls(b, s, s.Automation.Guardrail)
}

func BenchmarkEcho(b *testing.B) {
	s := servertest.New(b)
	response, err := s.Automation.Guardrail.Check(b.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
	if err != nil {
		b.Fatal(err)
	}
	// The options of the real door that have to do with a call.
	bare := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.MaxSendMsgSize(64<<20), grpc.MaxConcurrentStreams(128), grpc.MaxHeaderListSize(16<<10))
	bidrailv1.RegisterGuardrailServiceServer(bare, &echo{response: response})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- bare.Serve(listener) }()
	b.Cleanup(func() { bare.Stop(); <-served })
	there := *s
	there.Address = listener.Addr().String()
	benchmarkCalls(b, s, there.Call(b, "pacer", "automation").Guardrail)
}

// BenchmarkCheckBesideDisk is 64 callers, and beside them somebody who appends to a file in the same folder and
// waits for the disk each time: what a disk under that load takes, beside what a decision takes.
func BenchmarkCheckBesideDisk(b *testing.B) {
	folder := b.TempDir()
	s := servertest.New(b, servertest.WithFolder(folder))
	caller := caller{server: s, guardrail: s.Automation.Guardrail}
	file, err := os.Create(filepath.Join(folder, "beside"))
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	var syncs []time.Duration
	var syncing sync.WaitGroup
	syncing.Go(func() {
		page := make([]byte, 4096)
		for {
			select {
			case <-done:
				return
			default:
			}
			began := time.Now()
			_, err := file.Write(page)
			if err := errors.Join(err, file.Sync()); err != nil {
				b.Error(err)
				return
			}
			syncs = append(syncs, time.Since(began))
		}
	})
	took := caller.parallel(b)
	close(done)
	syncing.Wait()
	if err := file.Close(); err != nil {
		b.Error(err)
	}
	percentiles(b, took)
	slices.Sort(syncs)
	if len(syncs) > 0 {
		disk := syncs[len(syncs)*99/100]
		b.ReportMetric(float64(disk.Microseconds()), "disk-p99-µs")
		b.ReportMetric(float64(took[len(took)*99/100])/float64(disk), "p99/disk-p99")
	}
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
}

// caller asks for one decision after another.
type caller struct {
	server    *servertest.Server
	guardrail bidrailv1.GuardrailServiceClient
	count     atomic.Int64
}

// bid is another keyword's each time, at another time. One run makes ten thousand.
func (c *caller) bid(name string) *bidrailv1.Change {
	n := c.count.Add(1)
	change := servertest.Bid(fmt.Sprintf("%s-%d", name, n), 100, 110)
	change.Actor.Run = fmt.Sprintf("run-%d", n/10_000)
	return change
}

// call demands leave to act: a decision that is refused is another amount of work.
func (c *caller) call(b *testing.B) time.Duration {
	change := c.bid(b.Name())
	c.server.Clock.Advance(time.Millisecond)
	began := time.Now()
	response, err := c.guardrail.Check(b.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{change}})
	took := time.Since(began)
	if err != nil {
		b.Error(err)
	} else if response.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW || response.GetDecisions()[0].GetPermit().GetToken() == "" {
		b.Errorf("got %v", response)
	}
	return took
}

// parallel is 64 callers who share the benchmark's calls.
func (c *caller) parallel(b *testing.B) []time.Duration {
	b.ReportAllocs()
	var took []time.Duration
	var mutex sync.Mutex
	next := make(chan struct{})
	var running sync.WaitGroup
	for range 64 {
		running.Go(func() {
			var mine []time.Duration
			for range next {
				mine = append(mine, c.call(b))
			}
			mutex.Lock()
			defer mutex.Unlock()
			took = append(took, mine...)
		})
	}
	for b.Loop() {
		next <- struct{}{}
	}
	close(next)
	running.Wait()
	return took
}

func benchmarkCalls(b *testing.B, s *servertest.Server, guardrail bidrailv1.GuardrailServiceClient) {
	caller := caller{server: s, guardrail: guardrail}
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		var took []time.Duration
		for b.Loop() {
			took = append(took, caller.call(b))
		}
		percentiles(b, took)
		b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
	})
	b.Run("parallel-64", func(b *testing.B) {
		took := caller.parallel(b)
		percentiles(b, took)
		b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
	})
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkCheckBatch10000 is the largest batch: 10,000 changes decided and on the record.
func BenchmarkCheckBatch10000(b *testing.B) {
	s := servertest.New(b)
	caller := caller{server: s}
	for b.Loop() {
		b.StopTimer()
		s.Clock.Advance(time.Second)
		request := &bidrailv1.CheckBatchRequest{}
		for range 10_000 {
			request.Changes = append(request.Changes, caller.bid(b.Name()))
		}
		b.StartTimer()
		response, err := s.Automation.Guardrail.CheckBatch(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		for _, result := range response.GetResults() {
			if result.GetDecision().GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW || result.GetDecision().GetPermit().GetToken() == "" {
				b.Fatalf("got %v", result)
			}
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
