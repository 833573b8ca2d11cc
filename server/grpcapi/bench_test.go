package grpcapi_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

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
// whole of the shipped rules, SQLite with synchronous FULL. BenchmarkEcho is the same call with
// nothing behind it.
func BenchmarkCheck(b *testing.B) {
	s := servertest.New(b)
	benchmarkCalls(b, s.Automation.Guardrail)
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
	benchmarkCalls(b, there.Call(b, "pacer", "automation").Guardrail)
}

func benchmarkCalls(b *testing.B, guardrail bidrailv1.GuardrailServiceClient) {
	var count atomic.Int64
	template := servertest.Bid("", 100, 110)
	call := func(b *testing.B) time.Duration {
		change := proto.CloneOf(template)
		change.ChangeId = fmt.Sprintf("%s-%d", b.Name(), count.Add(1))
		began := time.Now()
		response, err := guardrail.Check(b.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{change}})
		if err != nil {
			b.Error(err)
		} else if response.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
			b.Errorf("got %v", response)
		}
		return time.Since(began)
	}
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		var took []time.Duration
		for b.Loop() {
			took = append(took, call(b))
		}
		percentiles(b, took)
	})
	b.Run("parallel-64", func(b *testing.B) {
		b.ReportAllocs()
		var took []time.Duration
		var mutex sync.Mutex
		next := make(chan struct{})
		var running sync.WaitGroup
		for range 64 {
			running.Go(func() {
				var mine []time.Duration
				for range next {
					mine = append(mine, call(b))
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
	round := 0
	for b.Loop() {
		b.StopTimer()
		round++
		request := &bidrailv1.CheckBatchRequest{}
		for i := range 10_000 {
			request.Changes = append(request.Changes, servertest.Bid(fmt.Sprintf("%d-%d", round, i), 100, 110))
		}
		b.StartTimer()
		response, err := s.Automation.Guardrail.CheckBatch(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		for _, result := range response.GetResults() {
			if result.GetDecision().GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
				b.Fatalf("got %v", result)
			}
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
