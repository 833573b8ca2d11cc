package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// policies serves PolicyService.
type policies struct {
	bidrailv1.UnimplementedPolicyServiceServer
	server *server.Server
}

func (p *policies) ListRules(ctx context.Context, _ *bidrailv1.ListRulesRequest) (*bidrailv1.ListRulesResponse, error) {
	rules, revision, err := p.server.Rules(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListRulesResponse{Revision: revision}
	for _, rule := range rules {
		response.Rules = append(response.Rules, RuleMessage(rule))
	}
	return response, nil
}

func (p *policies) GetActiveRevision(ctx context.Context, _ *bidrailv1.GetActiveRevisionRequest) (*bidrailv1.Revision, error) {
	info, err := p.server.ActiveRevision(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &bidrailv1.Revision{
		Digest: info.Digest, LoadedAt: timestamppb.New(info.LoadedAt), Source: info.Source,
		ModuleCount: int32(info.Modules), RuleCount: int32(info.Rules), LimitEntryCount: int64(info.LimitEntries),
	}, nil
}
