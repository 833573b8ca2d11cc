package grpcapi

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// maxChangeBytes is the most that one change may take on the wire.
const maxChangeBytes = 64 << 10

// maxViolations is how many wrong fields an error names.
const maxViolations = 20

// Validator holds requests against what the .proto files say of them, and against what those
// cannot say: text is UTF-8 without NUL, times are real, a change is not too large.
type Validator struct{ rules protovalidate.Validator }

// NewValidator makes a validator. It is safe for concurrent use; one is enough.
func NewValidator() (*Validator, error) {
	rules, err := protovalidate.New(protovalidate.WithMessages(
		&bidrailv1.CheckRequest{}, &bidrailv1.CheckBatchRequest{}, &bidrailv1.CheckStreamRequest{}, &bidrailv1.ListDecisionsRequest{},
		&bidrailv1.GetDecisionRequest{}, &bidrailv1.ExplainRequest{}, &bidrailv1.ListRulesRequest{}, &bidrailv1.GetActiveRevisionRequest{},
		&bidrailv1.ClaimRequest{}, &bidrailv1.ReportRequest{}, &bidrailv1.GetPermitRequest{}, &bidrailv1.ListPermitsRequest{}, &bidrailv1.ListKeysRequest{},
		&bidrailv1.SetModeRequest{}, &bidrailv1.ListModesRequest{}, &bidrailv1.GetLedgerRequest{},
		&bidrailv1.RedeemRequest{}, &bidrailv1.ListApprovalsRequest{}, &bidrailv1.GetApprovalRequest{}, &bidrailv1.ReviewRequest{},
		&bidrailv1.BulkReviewRequest{}, &bidrailv1.CommentRequest{}, &bidrailv1.WithdrawRequest{}, &bidrailv1.RevokeRequest{},
		&bidrailv1.WaitApprovalRequest{}, &bidrailv1.WatchApprovalsRequest{}, &bidrailv1.ListDeliveriesRequest{},
		&bidrailv1.ListSuppressionsRequest{}, &bidrailv1.ClearSuppressionRequest{}, &bidrailv1.ProposeGrantRequest{}, &bidrailv1.ListGrantsRequest{},
		&bidrailv1.RevokeGrantRequest{}, &bidrailv1.CreateOverrideRequest{}, &bidrailv1.ListOverridesRequest{}, &bidrailv1.ReviewOverrideRequest{},
		&bidrailv1.CreateDelegationRequest{}, &bidrailv1.ListDelegationsRequest{}, &bidrailv1.EndDelegationRequest{},
		&bidrailv1.ReportApprovalsRequest{},
		&bidrailv1.PutExperimentRequest{}, &bidrailv1.ListExperimentsRequest{}, &bidrailv1.GetExperimentRequest{}, &bidrailv1.StartExperimentRequest{},
		&bidrailv1.AbortExperimentRequest{}, &bidrailv1.ConcludeExperimentRequest{}, &bidrailv1.ListContaminationsRequest{},
	))
	if err != nil {
		return nil, fmt.Errorf("validation rules: %w", err)
	}
	return &Validator{rules}, nil
}

// Violations is a policy.ErrInvalid that names every field that is wrong.
type Violations []server.FieldError

func (v Violations) Error() string {
	texts := make([]string, len(v))
	for i, violation := range v {
		texts[i] = violation.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap makes it a policy.ErrInvalid.
func (v Violations) Unwrap() error { return policy.ErrInvalid }

// Validate returns nil or [Violations].
func (v *Validator) Validate(message proto.Message) error {
	var found Violations
	if sized, ok := message.(interface{ GetChanges() []*bidrailv1.Change }); ok {
		for i, change := range sized.GetChanges() {
			if size := proto.Size(change); size > maxChangeBytes {
				found = append(found, server.FieldError{Field: fmt.Sprintf("changes[%d]", i),
					Problem: fmt.Sprintf("is %d bytes large; a change may have %d", size, maxChangeBytes)})
			}
		}
	}
	checkText(message.ProtoReflect(), "", &found)
	if len(found) > 0 {
		return found.bounded()
	}
	err := v.rules.Validate(message)
	var violations *protovalidate.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &violations):
		return fmt.Errorf("%w: %v", policy.ErrInvalid, err)
	}
	for _, violation := range violations.Violations {
		found = append(found, server.FieldError{Field: protovalidate.FieldPathString(violation.Proto.GetField()),
			Problem: violation.Proto.GetMessage()})
	}
	return found.bounded()
}

func (v Violations) bounded() error {
	if more := len(v) - maxViolations; more > 0 {
		v = append(v[:maxViolations], server.FieldError{Field: "...", Problem: fmt.Sprintf("and %d more", more)})
	}
	return v
}

// checkText walks the strings and times of a message: text is UTF-8 without NUL. The API's files switch off the decoder's own
// check of UTF-8, because grpc-go would answer INTERNAL without naming the field.
func checkText(message protoreflect.Message, at string, found *Violations) {
	if stamp, ok := message.Interface().(*timestamppb.Timestamp); ok {
		if err := stamp.CheckValid(); err != nil {
			*found = append(*found, server.FieldError{Field: at, Problem: "is not a time: " + strings.TrimPrefix(err.Error(), "proto: ")})
		}
		return
	}
	check := func(text string, path func() string) {
		switch {
		case !utf8.ValidString(text):
			*found = append(*found, server.FieldError{Field: path(), Problem: "is not valid UTF-8"})
		case strings.IndexByte(text, 0) >= 0: // databases refuse it, and would not say where
			*found = append(*found, server.FieldError{Field: path(), Problem: "holds a NUL character"})
		}
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.StringKind && field.Kind() != protoreflect.MessageKind && !field.IsMap() {
			return true
		}
		path := func() string {
			if at == "" {
				return string(field.Name())
			}
			return at + "." + string(field.Name())
		}
		switch {
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, member protoreflect.Value) bool {
				at := func() string { return fmt.Sprintf("%s[%q]", path(), key.String()) }
				check(key.String(), at)
				if field.MapValue().Kind() == protoreflect.MessageKind {
					checkText(member.Message(), at(), found)
				} else {
					check(member.String(), at)
				}
				return true
			})
		case field.IsList():
			for i := range value.List().Len() {
				member := value.List().Get(i)
				if field.Kind() == protoreflect.MessageKind {
					checkText(member.Message(), fmt.Sprintf("%s[%d]", path(), i), found)
				} else {
					check(member.String(), func() string { return fmt.Sprintf("%s[%d]", path(), i) })
				}
			}
		case field.Kind() == protoreflect.MessageKind:
			checkText(value.Message(), path(), found)
		default:
			check(value.String(), path)
		}
		return len(*found) <= maxViolations
	})
}
