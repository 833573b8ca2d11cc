package main

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// sawApproval writes down how somebody was told that an approval stands.
func (c *crashClient) sawApproval(a *bidrailv1.Approval) {
	c.write(crashEntry{Event: crashSeen, Approval: a.ApprovalId, State: a.State.String(), Version: a.Version, Content: contentOf(a)})
}

// followUp looks how an approval stands that this worker has asked for, and goes on from there. It comes back to it until it
// is over.
func (w *crashWorker) followUp(id string) {
	if w.random.IntN(40) == 0 {
		w.withdraw(id)
	}
	var page *bidrailv1.ApprovalPage
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		page, err = to.approvals.GetApproval(ctx, &bidrailv1.GetApprovalRequest{ApprovalId: id})
		return err
	})
	if err != nil {
		w.unexpected("look at approval "+id, err)
		return
	}
	a := page.Approval
	w.sawApproval(a)
	switch {
	case a.State == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
		w.waiting = append(w.waiting, id)
	case isYes(a) && a.ClaimedAt == nil:
		w.waiting = append(w.waiting, id)
		w.redeem(a)
	case w.random.IntN(4) == 0: // it is over, and is asked for all the same
		w.redeem(a)
	}
}

func isYes(a *bidrailv1.Approval) bool {
	return a.State == bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED || a.State == bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED
}

// redeem asks for the permit of an approval, in one of the ways that there are, and mostly goes on with it at once.
func (w *crashWorker) redeem(a *bidrailv1.Approval) {
	defer func(before int) {
		if last := len(w.issued) - 1; last >= before && w.random.IntN(4) > 0 {
			decision := w.issued[last]
			w.issued = w.issued[:last]
			w.use(decision)
		}
	}(len(w.issued))
	request := &bidrailv1.RedeemRequest{ApprovalId: a.ApprovalId, Digest: a.Digest}
	switch w.random.IntN(8) {
	case 0: // nobody has agreed to that
		request.Digest = a.Changes[0].DecisionId
	case 1:
		request.Value = w.partWay(a)
	case 3: // all that was asked for, whatever people have agreed to
		if len(a.Changes) == 1 {
			request.Value = a.Changes[0].After
		}
	case 2: // two ask for it, and there is one
		var both sync.WaitGroup
		both.Go(func() { w.sendRedemption(a, request) })
		w.sendRedemption(a, request)
		both.Wait()
		return
	}
	w.sendRedemption(a, request)
}

// partWay is a value between the one that an approval begins at and the one that it ends at; nil for a group.
func (c *crashClient) partWay(a *bidrailv1.Approval) *bidrailv1.Value {
	if len(a.Changes) != 1 {
		return nil
	}
	before, after := a.Changes[0].Before.GetMoney(), a.Changes[0].After.GetMoney()
	if a.Cap != nil {
		after = a.Cap.GetMoney()
	}
	middle := before.GetMicros() + (after.GetMicros()-before.GetMicros())*3/4
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: middle, Currency: before.GetCurrency()}}}
}

// sendRedemption is called by two goroutines at times, so what it adds to the worker is guarded.
func (w *crashWorker) sendRedemption(a *bidrailv1.Approval, request *bidrailv1.RedeemRequest) {
	var response *bidrailv1.RedeemResponse
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.gate.Redeem(ctx, request)
		return err
	})
	entry := crashEntry{Event: crashRedeemed, Approval: a.ApprovalId}
	switch code := status.Code(err); {
	case err == nil && request.Digest != a.Digest:
		w.unexpected("redemption of "+a.ApprovalId, errors.New("it was redeemed for what it is not"))
	case err == nil:
		entry.Permit, entry.Digest = response.Permit.PermitId, response.Permit.Digest
		w.write(entry)
		w.sawApproval(response.Approval)
		for _, decision := range response.Decisions {
			w.write(decidedEntry(crashDecidedAgain, decision))
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		if response.Permit.Token != "" && !w.seen[entry.Permit] {
			w.seen[entry.Permit] = true
			w.issued = append(w.issued, &bidrailv1.Decision{ChangeId: a.Changes[0].ChangeId, AtomicGroupId: a.AtomicGroupId, Permit: response.Permit})
		}
	case code == codes.FailedPrecondition || code == codes.ResourceExhausted:
		entry.Event, entry.Problem = crashRedeemRefused, status.Convert(err).Message()
		w.write(entry)
	default:
		w.unexpected("redemption of "+a.ApprovalId, err)
	}
}

// withdraw is that the automation no longer wants what it has asked for.
func (w *crashWorker) withdraw(id string) {
	var a *bidrailv1.Approval
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		a, err = to.approvals.Withdraw(ctx, &bidrailv1.WithdrawRequest{ApprovalId: id, Reason: "crash test"})
		return err
	})
	switch {
	case err == nil:
		w.sawApproval(a)
	case status.Code(err) != codes.FailedPrecondition: // people were faster, or time
		w.unexpected("withdrawal of "+id, err)
	}
}
