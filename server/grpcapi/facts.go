package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bidrail/bidrail/policy/fact"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

func (r *registry) PutFacts(ctx context.Context, request *bidrailv1.PutFactsRequest) (*bidrailv1.PutFactsResponse, error) {
	records := make([]fact.Record, len(request.GetFacts()))
	for i, message := range request.GetFacts() {
		records[i] = Fact(message)
	}
	stored, err := r.server.PutFacts(ctx, principalOf(ctx), records)
	if err != nil {
		return nil, err
	}
	return &bidrailv1.PutFactsResponse{Stored: int32(stored), Outdated: int32(len(records) - stored)}, nil
}

func (r *registry) ListFacts(ctx context.Context, request *bidrailv1.ListFactsRequest) (*bidrailv1.ListFactsResponse, error) {
	filter := store.FactFilter{Platform: request.GetPlatform(), Account: request.GetAccount(), Type: request.GetEntityType(), ID: request.GetEntityId(), Name: request.GetName()}
	facts, next, err := r.server.ListFacts(ctx, principalOf(ctx), filter, pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListFactsResponse{NextPageToken: string(next)}
	for _, each := range facts {
		response.Facts = append(response.Facts, FactMessage(each))
	}
	return response, nil
}

// Fact reads what a connector has observed, which must have passed [Validator.Validate].
func Fact(m *bidrailv1.EntityFact) fact.Record {
	entity := m.GetEntity()
	return fact.Record{
		Entity: fact.Entity{Platform: entity.GetPlatform(), Account: entity.GetAccount(), Type: entity.GetEntityType(), ID: entity.GetEntityId()},
		Name:   m.GetName(), Value: Value(m.GetValue()), Source: m.GetSource(), ObservedAt: timeOf(m.GetObservedAt()), CompleteThrough: timeOf(m.GetCompleteThrough()),
		MaximumAge: m.GetMaximumAge().AsDuration(),
	}
}

// FactMessage writes a fact for the API.
func FactMessage(f server.ListedFact) *bidrailv1.EntityFact {
	message := &bidrailv1.EntityFact{
		Entity: &bidrailv1.Entity{Platform: f.Entity.Platform, Account: f.Entity.Account, EntityType: f.Entity.Type, EntityId: f.Entity.ID},
		Name:   f.Name, Value: ValueMessage(f.Value), ObservedAt: stampOf(f.ObservedAt), CompleteThrough: stampOf(f.CompleteThrough), Source: f.Source,
		PutBy: f.PutBy, Stale: f.Stale,
	}
	if f.MaximumAge > 0 {
		message.MaximumAge = durationpb.New(f.MaximumAge)
	}
	return message
}
