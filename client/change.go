package client

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Reading is a value as the automation saw it on the platform, and when. The zero Reading says that nothing was read.
type Reading struct {
	value *bidrailv1.Value
	at    time.Time
}

// Seen returns the reading of a value at a time. The time is when the platform was asked, not when the change is proposed.
func Seen(value *bidrailv1.Value, at time.Time) Reading { return Reading{value, at} }

// NewChange returns the change of one field of the target from what was read to what is wanted. The id is the change's key, 1 to
// 128 characters, unique for the automation; see the package's documentation for how to make one. Everything else that a change can
// say (the reason, the experiment, facts) is set on the result.
func NewChange(id string, kind bidrailv1.Kind, target *bidrailv1.Target, before Reading, after *bidrailv1.Value) *bidrailv1.Change {
	change := &bidrailv1.Change{ChangeId: id, Kind: kind, Target: target, Before: before.value, After: after}
	if !before.at.IsZero() {
		change.BeforeObservedAt = timestamppb.New(before.at)
	}
	return change
}

// Group marks the changes as the legs of one atomic group: they are allowed together or not at all. All of them must go into one
// call. It returns them for that call:
//
//	guard.Check(ctx, client.Group("shift-7", less, more)...)
func Group(id string, legs ...*bidrailv1.Change) []*bidrailv1.Change {
	for _, leg := range legs {
		leg.AtomicGroupId = id
	}
	return legs
}
