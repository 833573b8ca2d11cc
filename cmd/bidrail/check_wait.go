package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// pollFor is how long one question whether people have answered stays open. Proxies cut off what takes a minute.
const pollFor = 25 * time.Second

// waiting is a check that waits for people: what they have decided by now, by the approval's id.
type waiting struct {
	env          environment
	link         connection
	until        time.Time
	observations string // the file that has them; "": none
	changes      []*bidrailv1.Change
	results      []*bidrailv1.CheckResult // of the changes
	outcomes     map[string]*bidrailv1.Approval
}

// wait waits for the approvals that the results ask for, one after another, and then redeems what people have agreed to: a result that
// was redeemed is the decision with its permit, as if it had been allowed at once.
func (c *checkCommand) wait(ctx context.Context, env environment, changes []*bidrailv1.Change, results []*bidrailv1.CheckResult) (map[string]*bidrailv1.Approval, error) {
	w := &waiting{env: env, link: connection{Server: c.Server, As: c.As, Timeout: c.Timeout}, until: time.Now().Add(c.WaitTimeout),
		observations: c.Observations, changes: changes, results: results, outcomes: map[string]*bidrailv1.Approval{}}
	var ids []string
	for _, result := range results {
		if id := result.GetDecision().GetApprovalId(); id != "" && w.outcomes[id] == nil {
			w.outcomes[id] = &bidrailv1.Approval{ApprovalId: id}
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if err := w.settle(ctx, id, 0); err != nil {
			return nil, w.interrupted(err)
		}
	}
	for _, id := range ids {
		if err := w.redeem(ctx, id); err != nil {
			return nil, w.interrupted(err)
		}
	}
	return w.outcomes, nil
}

func (w *waiting) interrupted(err error) error {
	return fmt.Errorf("%w\n  Nothing is lost by that: the same command, run again, goes on where this one was", err)
}

// settle waits until people have decided on an approval, or the time is over, and says what happens meanwhile.
func (w *waiting) settle(ctx context.Context, id string, known int64) error {
	for {
		left := min(pollFor, time.Until(w.until))
		if left <= 0 && known > 0 {
			return nil
		}
		response, err := w.poll(ctx, id, known, max(left, 0))
		if status.Code(err) == codes.Unavailable && ctx.Err() == nil && time.Until(w.until) > 0 { // a server that starts again
			select {
			case <-time.After(watchPause):
				continue
			case <-ctx.Done():
			}
		}
		if err != nil {
			return err
		}
		a := response.GetApproval()
		w.outcomes[id] = a
		if !response.GetTimedOut() {
			w.tell(a)
		}
		known = a.GetVersion()
		if a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
			return nil
		}
	}
}

func (w *waiting) poll(ctx context.Context, id string, known int64, wait time.Duration) (*bidrailv1.WaitApprovalResponse, error) {
	link := w.link
	link.Timeout += wait
	var response *bidrailv1.WaitApprovalResponse
	err := link.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewApprovalServiceClient(conn).WaitApproval(ctx, &bidrailv1.WaitApprovalRequest{ApprovalId: id, LastVersion: known, Timeout: durationpb.New(wait)})
		return err
	})
	return response, err
}

// tell says where an approval stands, to whoever waits.
func (w *waiting) tell(a *bidrailv1.Approval) {
	if a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		fmt.Fprintf(w.env.stderr, "%s is %s: %s\n", clean(a.GetApprovalId()), approvalStateName(a.GetState()), approvalMeaning(a))
		if a.GetReason() != "" {
			fmt.Fprintf(w.env.stderr, "  because: %s\n", clean(a.GetReason()))
		}
		return
	}
	fmt.Fprintf(w.env.stderr, "%s waits until %s UTC for %s\n", clean(a.GetApprovalId()), endOf(a).UTC().Format(time.DateTime), clean(stageText(openStage(a))))
}

// redeem redeems what people have agreed to. What the rules send back to people is waited for again.
func (w *waiting) redeem(ctx context.Context, id string) error {
	for approves(w.outcomes[id].GetState()) && w.outcomes[id].GetClaimedAt() == nil {
		observed, err := w.observed(id)
		if err != nil {
			return err
		}
		redeemed, err := redeem(ctx, w.link, &bidrailv1.RedeemRequest{ApprovalId: id, Digest: w.outcomes[id].GetDigest(), Observations: observed})
		if err == nil {
			w.outcomes[id] = redeemed.GetApproval()
			return w.place(ctx, redeemed)
		}
		if status.Code(err) != codes.FailedPrecondition {
			return err
		}
		fmt.Fprintf(w.env.stderr, "%s\n", clean(status.Convert(err).Message()))
		before := w.outcomes[id].GetVersion()
		if err := w.settle(ctx, id, 0); err != nil {
			return err
		}
		if w.outcomes[id].GetVersion() == before { // nothing has come of it: asking again would end the same
			return err
		}
	}
	return nil
}

// observed is what the file of observations has of the changes of an approval by now. What is there of a change that was not sent
// is a slip that would leave another one without.
func (w *waiting) observed(id string) (map[string]*bidrailv1.Observation, error) {
	if w.observations == "" {
		return nil, nil
	}
	observed, err := readObservations(w.observations)
	if err != nil {
		return nil, err
	}
	for _, changeID := range slices.Sorted(maps.Keys(observed)) {
		if !slices.ContainsFunc(w.changes, func(change *bidrailv1.Change) bool { return change.GetChangeId() == changeID }) {
			return nil, fmt.Errorf("%s: no change %q was sent; write what was read of those that were", w.observations, changeID)
		}
	}
	maps.DeleteFunc(observed, func(changeID string, _ *bidrailv1.Observation) bool {
		return !slices.ContainsFunc(w.outcomes[id].GetChanges(), func(change *bidrailv1.ApprovalChange) bool { return change.GetChangeId() == changeID })
	})
	return observed, nil
}

// place puts what was redeemed where the decisions were that asked for people.
func (w *waiting) place(ctx context.Context, redeemed *bidrailv1.RedeemResponse) error {
	decisions := map[string]*bidrailv1.Decision{}
	for _, decision := range redeemed.GetDecisions() {
		decisions[decision.GetChangeId()] = decision
	}
	for _, change := range redeemed.GetPermit().GetChanges() {
		decision := decisions[change.GetChangeId()]
		if decision == nil { // the permit was out already
			err := w.link.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
				decision, err = bidrailv1.NewGuardrailServiceClient(conn).GetDecision(ctx, &bidrailv1.GetDecisionRequest{DecisionId: change.GetDecisionId()})
				return err
			})
			if err != nil {
				return err
			}
		}
		decision.Permit = redeemed.GetPermit()
		for _, result := range w.results {
			if asked := result.GetDecision(); asked.GetChangeId() == change.GetChangeId() && asked.GetApprovalId() == redeemed.GetApproval().GetApprovalId() {
				result.Result = &bidrailv1.CheckResult_Decision{Decision: decision}
			}
		}
	}
	return nil
}

// refusedBy reports whether an approval can no longer lead to a permit.
func refusedBy(a *bidrailv1.Approval) bool {
	return a != nil && a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_UNSPECIFIED && a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING
}

// reasonOf is the machine-readable reason of an error; "" for none.
func reasonOf(err error) string {
	described, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return ""
	}
	for _, detail := range described.GRPCStatus().Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
