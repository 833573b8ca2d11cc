package grpcapi

import (
	"context"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/store"
)

func (a *approvals) ListDeliveries(ctx context.Context, request *bidrailv1.ListDeliveriesRequest) (*bidrailv1.ListDeliveriesResponse, error) {
	listed, next, err := a.server.ListDeliveries(ctx, principalOf(ctx), DeliveryState(request.GetState()), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListDeliveriesResponse{NextPageToken: string(next)}
	for _, each := range listed {
		response.Deliveries = append(response.Deliveries, DeliveryMessage(each))
	}
	return response, nil
}

// deliveryStatePrefix is how the API's names of states begin; the rest is the store's word in capitals.
const deliveryStatePrefix = "DELIVERY_STATE_"

// DeliveryState reads a state, which must have passed [Validator.Validate]; "" is any.
func DeliveryState(m bidrailv1.DeliveryState) store.DeliveryState {
	if m == bidrailv1.DeliveryState_DELIVERY_STATE_UNSPECIFIED {
		return ""
	}
	return store.DeliveryState(strings.ToLower(strings.TrimPrefix(m.String(), deliveryStatePrefix)))
}

// DeliveryMessage writes a delivery for the API.
func DeliveryMessage(d store.Delivery) *bidrailv1.Delivery {
	message := &bidrailv1.Delivery{
		Sequence: d.Sequence, NoticeId: d.Notice.ID, Topic: d.Notice.Topic, Object: d.Notice.Object, Version: d.Notice.Version, ObjectState: d.Notice.State,
		Groups: d.Notice.Groups, Coalesce: d.Notice.Coalesce, CreatedAt: stampOf(d.Notice.CreatedAt), Receiver: d.Receiver,
		State: bidrailv1.DeliveryState(bidrailv1.DeliveryState_value[deliveryStatePrefix+strings.ToUpper(string(d.State))]), Attempts: int32(d.Attempts),
		ChangedAt: stampOf(d.ChangedAt), LastError: d.LastError,
	}
	if d.State == store.DeliveryWaiting {
		message.DueAt = stampOf(d.DueAt)
	}
	return message
}
