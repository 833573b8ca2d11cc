package server_test

import (
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// story is all that the record has of one approval.
type story struct {
	steps    []approval.Approval // as it was after each, oldest first
	reviews  []approval.Review
	permits  []permit.Permit
	findings map[string][]policy.Finding // of the decisions that its permits came with, by permit
}

func readStory(r store.Reader, id string, permits []permit.Permit) (*story, error) {
	st := &story{permits: permits, findings: map[string][]policy.Finding{}}
	events, err := r.Events(audit.Approval, id)
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		step, err := approval.Decode(event.Record)
		if err != nil {
			return nil, err
		}
		st.steps = append(st.steps, step)
	}
	for _, given := range permits {
		for _, leg := range given.Legs {
			record, err := r.Decision(leg.DecisionID)
			if err != nil {
				return nil, err
			}
			st.findings[given.ID] = append(st.findings[given.ID], record.Decision.Findings...)
		}
	}
	st.reviews, err = r.Reviews(id)
	st.reviews = slices.DeleteFunc(st.reviews, func(review approval.Review) bool { return review.Kind == approval.Comment })
	return st, err
}

// ended reports whether nothing may follow.
func ended(a *approval.Approval) bool {
	switch a.State {
	case approval.Pending:
		return false
	case approval.Approved, approval.ApprovedCapped:
		return !a.ClaimedAt.IsZero()
	}
	return true
}

// became names the step from one state of an approval to the next; "": there is no such step.
func became(was, now *approval.Approval) string {
	if ended(was) {
		return ""
	}
	if was.State == approval.Pending {
		switch now.State {
		case approval.Pending:
			if now.ChangedBy == "" {
				return "a tier opened"
			}
			return "reviewed"
		case approval.Approved, approval.ApprovedCapped, approval.Rejected, approval.ChangesRequested:
			return "reviewed"
		case approval.Expired:
			return "expired"
		case approval.Withdrawn:
			return "withdrawn"
		case approval.Superseded:
			return "superseded"
		}
		return ""
	}
	switch now.State {
	case was.State:
		switch {
		case was.PermitID == "" && now.PermitID != "" && now.ClaimedAt.IsZero():
			return "redeemed"
		case was.PermitID != "" && now.PermitID == was.PermitID && !now.ClaimedAt.IsZero():
			return "used"
		case was.PermitID != "" && now.PermitID == "":
			return "returned"
		}
	case approval.Pending:
		return "reopened"
	case approval.Invalidated:
		return "invalidated"
	case approval.Lapsed:
		return "lapsed"
	case approval.Revoked:
		return "revoked"
	}
	return ""
}
