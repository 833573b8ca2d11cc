package grpcapi

import (
	"context"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// registry serves RegistryService.
type registry struct {
	bidrailv1.UnimplementedRegistryServiceServer
	server *server.Server
}

func (r *registry) SetMode(ctx context.Context, request *bidrailv1.SetModeRequest) (*bidrailv1.ScopeMode, error) {
	scope, err := scopeOf(request.GetScope())
	if err != nil {
		return nil, err
	}
	setting, err := r.server.SetMode(ctx, principalOf(ctx), scope, Mode(request.GetMode()), request.GetReason())
	if err != nil {
		return nil, err
	}
	return ModeMessage(setting), nil
}

func (r *registry) ListModes(ctx context.Context, _ *bidrailv1.ListModesRequest) (*bidrailv1.ListModesResponse, error) {
	settings, err := r.server.Modes(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListModesResponse{}
	for _, setting := range settings {
		response.Modes = append(response.Modes, ModeMessage(setting))
	}
	return response, nil
}

// scopeOf reads a scope. One without an id that it should have would be of nothing at all, and whoever halts it would
// think that something has stopped.
func scopeOf(text string) (ledger.Scope, error) {
	scope, err := ledger.ParseScope(text)
	if err != nil {
		return ledger.Scope{}, &server.FieldError{Field: "scope", Problem: strings.TrimPrefix(err.Error(), policy.ErrInvalid.Error()+": ")}
	}
	if slices.Contains(scope.IDs(), "") {
		return ledger.Scope{}, &server.FieldError{Field: "scope", Problem: "\"" + text + "\" has an id that is empty, and nothing is in such a scope"}
	}
	return scope, nil
}

// Mode reads a mode, which must have passed [Validator.Validate]. The API's numbers begin after the one that is never sent.
func Mode(m bidrailv1.Mode) policy.Mode { return policy.Mode(m - bidrailv1.Mode_MODE_ACTIVE) }

// ModeMessage writes the mode of a scope for the API.
func ModeMessage(setting mode.Setting) *bidrailv1.ScopeMode {
	return &bidrailv1.ScopeMode{Scope: setting.Scope.String(), Mode: bidrailv1.Mode(setting.Mode) + bidrailv1.Mode_MODE_ACTIVE, Epoch: setting.Epoch, Reason: setting.Reason,
		By: setting.By, At: stampOf(setting.At)}
}
