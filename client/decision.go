package client

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Decision is the answer to one change. The zero Decision allows nothing.
type Decision struct {
	*bidrailv1.Decision
}

// Allowed reports whether the change may be made. A dry run is no leave to act.
func (d Decision) Allowed() bool {
	return d.GetVerdict() == bidrailv1.Verdict_VERDICT_ALLOW && !d.GetDryRun()
}

// Permit is the authority that came with the decision, to be used with [Client.Apply] or [Client.Claim]; the legs of a group share one.
// Without one, which is nil, the change must not be made.
func (d Decision) Permit() *bidrailv1.Permit { return d.GetPermit() }

// NeedsApproval reports whether people must approve the change first.
func (d Decision) NeedsApproval() bool {
	return d.GetVerdict() == bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL
}

// Reasons returns the findings that count, strictest first. Findings of rules in shadow are left out, and those that people have
// answered. A change that is allowed may still have warnings among them.
func (d Decision) Reasons() []*bidrailv1.Finding {
	return slices.DeleteFunc(slices.Clone(d.GetFindings()), func(finding *bidrailv1.Finding) bool {
		return finding.GetShadow() || finding.GetLiftedBy() != ""
	})
}

// Decisions are the answers to the changes of one [Client.Check], in their order.
type Decisions []Decision

// Allowed reports whether all of the changes may be made. Without decisions there is nothing to act on, and it is false.
func (d Decisions) Allowed() bool {
	return len(d) > 0 && !slices.ContainsFunc(d, func(decision Decision) bool { return !decision.Allowed() })
}

// Result is what became of one change of a batch: a decision, or an error that says why there is none.
type Result struct {
	Decision
	Err error
}

// Allowed reports whether the change may be made.
func (r Result) Allowed() bool { return r.Err == nil && r.Decision.Allowed() }

func resultOf(result *bidrailv1.CheckResult, change *bidrailv1.Change) Result {
	if problem := result.GetProblem(); problem != nil {
		return Result{Err: &Problem{change.GetChangeId(), problem}}
	}
	if err := answers(result.GetDecision(), change); err != nil {
		return Result{Err: err}
	}
	return Result{Decision: Decision{result.GetDecision()}}
}

// Problem is the error of one change of a batch that could not be decided. It is an [ErrKeyReused] or an [ErrNoAnswer] where the call
// for that change alone would have been.
type Problem struct {
	ChangeID string
	*bidrailv1.Problem
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%q was not decided: %s (%s)", p.ChangeID, p.GetMessage(), p.GetReason())
}

// Is makes errors.Is work for the errors of this package.
func (p *Problem) Is(target error) bool {
	switch codes.Code(p.GetCode()) {
	case codes.AlreadyExists:
		return target == ErrKeyReused
	case codes.Unavailable, codes.DeadlineExceeded:
		return target == ErrNoAnswer
	default:
		return false
	}
}
