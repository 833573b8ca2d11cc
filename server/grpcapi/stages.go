package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// waitOf is absent for no wait.
func waitOf(wait approval.Wait) *durationpb.Duration {
	if wait == 0 {
		return nil
	}
	return durationpb.New(time.Duration(wait))
}

// StageMessage writes what is asked of people at one time for the API.
func StageMessage(stage approval.Stage) *bidrailv1.Stage {
	message := &bidrailv1.Stage{
		Name: stage.Name, DenyQuorum: int32(stage.DenyQuorum), DistinctAcrossStages: stage.Distinct, Deadline: waitOf(stage.Deadline),
		Opened: int32(stage.Opened), Note: stage.Note, Order: int32(stage.Order),
	}
	for _, seat := range stage.Seats {
		message.Seats = append(message.Seats, &bidrailv1.Seat{Group: seat.Group, Min: int32(seat.Min)})
	}
	for _, count := range stage.Counts {
		message.Counts = append(message.Counts, &bidrailv1.Count{Groups: count.Groups, People: int32(count.People)})
	}
	for _, tier := range stage.Tiers {
		message.Tiers = append(message.Tiers, &bidrailv1.Tier{After: waitOf(tier.After), Groups: tier.Groups, Notify: tier.Notify})
	}
	return message
}

// MetStageMessage writes a stage that people have completed for the API.
func MetStageMessage(met approval.Met) *bidrailv1.MetStage {
	message := &bidrailv1.MetStage{Stage: met.Stage, RequirementVersion: met.RequirementVersion, At: stampOf(met.At), Cap: ValueMessage(met.Cap)}
	for _, counted := range met.Counted {
		message.Counted = append(message.Counted, &bidrailv1.CountedPerson{
			Person: counted.Person, InPlaceOf: counted.For, Groups: counted.Groups, ReviewId: counted.Review,
		})
	}
	return message
}
