package client

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// factBook is a registry that takes facts.
type factBook struct {
	bidrailv1.UnimplementedRegistryServiceServer
	put func(attempt int, facts []*bidrailv1.EntityFact) (stored int, err error)

	attempts int
}

func (b *factBook) PutFacts(_ context.Context, request *bidrailv1.PutFactsRequest) (*bidrailv1.PutFactsResponse, error) {
	b.attempts++
	stored, err := b.put(b.attempts, request.GetFacts())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.PutFactsResponse{Stored: int32(stored), Outdated: int32(len(request.GetFacts()) - stored)}, nil
}

// manyFacts is facts whose names are their numbers.
func manyFacts(count int) []*bidrailv1.EntityFact {
	facts := make([]*bidrailv1.EntityFact, count)
	for i := range facts {
		facts[i] = &bidrailv1.EntityFact{Name: strconv.Itoa(i), Value: Ratio(int64(i))}
	}
	return facts
}

func TestPutFactsInAsManyCallsAsItTakes(t *testing.T) {
	var first []string
	service := &fakeService{}
	service.facts.put = func(attempt int, facts []*bidrailv1.EntityFact) (int, error) {
		if attempt == 2 {
			return 0, status.Error(codes.Unavailable, "the disk is slow")
		}
		if len(facts) > MaxFacts {
			return 0, status.Error(codes.InvalidArgument, "too many")
		}
		first = append(first, facts[0].GetName())
		return len(facts) - 1, nil
	}
	stored, err := service.dial(t, WithRetry(3, time.Millisecond)).PutFacts(t.Context(), manyFacts(2*MaxFacts+5)...)
	if err != nil || stored != 2*MaxFacts+5-3 || strings.Join(first, " ") != "0 10000 20000" || service.facts.attempts != 4 {
		t.Errorf("%d were stored in calls from %v on, in %d attempts, %v", stored, first, service.facts.attempts, err)
	}
}

func TestPutFactsSaysHowFarItGot(t *testing.T) {
	service := &fakeService{}
	service.facts.put = func(attempt int, facts []*bidrailv1.EntityFact) (int, error) {
		if attempt == 2 {
			return 0, status.Error(codes.InvalidArgument, "facts[0].name: is missing")
		}
		return len(facts), nil
	}
	guard := service.dial(t)
	stored, err := guard.PutFacts(t.Context(), manyFacts(MaxFacts+1)...)
	if stored != MaxFacts || status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "from the 10001. on") {
		t.Errorf("%d were stored, %v", stored, err)
	}
	if _, err := guard.PutFacts(t.Context()); err == nil || service.facts.attempts != 2 {
		t.Errorf("none were put: %v", err)
	}
}
