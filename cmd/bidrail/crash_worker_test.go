package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// crashWorker is one of the goroutines of a client. Units and permits are its own, but for those that are shared.
type crashWorker struct {
	*crashClient
	name    string
	random  *rand.Rand
	next    int
	asked   []string              // units, for asking again
	seen    map[string]bool       // permits
	issued  []*bidrailv1.Decision // allowed and not used yet, each with its token
	claimed []claimedPermit
	claims  int
	waiting []string // approvals that are not over, by id
	waited  map[string]bool
}

type claimedPermit struct {
	permit *bidrailv1.Permit
	before map[string]int64 // micros, by change
}

// crashShared is how many units all workers ask for.
const crashShared = 400

func (c *crashClient) work(number int) {
	w := &crashWorker{
		crashClient: c, name: fmt.Sprintf("p%d-w%d", c.order.Process, number), seen: map[string]bool{}, waited: map[string]bool{},
		random: rand.New(rand.NewPCG(c.order.Seed, uint64(c.order.Process)<<32|uint64(number))),
	}
	for {
		select {
		case <-c.ending:
			for _, name := range w.asked {
				w.check(name)
			}
			return
		default:
			w.step()
		}
	}
}

func (w *crashWorker) step() {
	// One of all workers switches modes, so that they have an order.
	if w.name == "p0-w0" && w.random.IntN(25) == 0 {
		w.switchMode()
		return
	}
	if len(w.waiting) > 0 && w.random.IntN(4) == 0 {
		w.followUp(takeRandom(w.random, &w.waiting))
		return
	}
	switch chance := w.random.IntN(20); {
	case chance < 6:
		w.check(w.unit())
	case chance < 8:
		names := make([]string, 2+w.random.IntN(5))
		for i := range names {
			names[i] = w.unit()
		}
		w.checkBatch(names)
	case chance < 10 && len(w.asked) > 0:
		w.check(w.asked[w.random.IntN(len(w.asked))])
	case chance < 15 && len(w.issued) > 0:
		w.use(takeRandom(w.random, &w.issued))
	case len(w.claimed) > 0:
		claimed := takeRandom(w.random, &w.claimed)
		if w.random.IntN(10) > 0 { // or nobody ever says what became of it
			w.report(claimed)
		}
	default:
		w.check(w.unit())
	}
}

// use does something with a permit.
func (w *crashWorker) use(decision *bidrailv1.Decision) {
	switch w.random.IntN(8) {
	case 0: // let it expire
	case 1:
		w.giveBack(decision)
	case 2: // two want it, one gets it
		first, second := w.claimID(), w.claimID()
		var both sync.WaitGroup
		both.Go(func() { w.claim(decision, first) })
		w.claim(decision, second)
		both.Wait()
	default:
		w.claim(decision, w.claimID())
	}
}

func takeRandom[T any](random *rand.Rand, from *[]T) T {
	at, last := random.IntN(len(*from)), len(*from)-1
	taken := (*from)[at]
	(*from)[at] = (*from)[last]
	*from = (*from)[:last]
	return taken
}

// unit is the name of the next unit: one of this worker's own, or one that others ask for as well.
func (w *crashWorker) unit() string {
	if w.random.IntN(4) == 0 {
		return fmt.Sprint("shared-", w.random.IntN(crashShared))
	}
	w.next++
	return fmt.Sprintf("%s-%d", w.name, w.next)
}

// own reports whether nobody else asks for the change.
func (w *crashWorker) own(change string) bool { return strings.HasPrefix(change, w.name+"-") }

func (w *crashWorker) claimID() string {
	w.claims++
	return fmt.Sprintf("claim-%s-%d", w.name, w.claims)
}

func (w *crashWorker) check(name string) {
	again := slices.Contains(w.asked, name)
	request := &bidrailv1.CheckRequest{Changes: crashUnit(name)}
	var response *bidrailv1.CheckResponse
	cut, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.gate.Check(ctx, request)
		return err
	})
	if err != nil {
		w.unexpected("check of "+name, err)
		return
	}
	w.asked = append(w.asked, name)
	if len(response.Decisions) != len(request.Changes) {
		w.unexpected("check of "+name, fmt.Errorf("got %d decisions on %d changes", len(response.Decisions), len(request.Changes)))
		return
	}
	if cut && !again && w.own(name) && response.Decisions[0].Replayed {
		w.kept.Add(1)
	}
	w.decided(response.Decisions)
}

func (w *crashWorker) checkBatch(names []string) {
	request := &bidrailv1.CheckBatchRequest{}
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			request.Changes = append(request.Changes, crashUnit(name)...)
		}
		seen[name] = true
	}
	var response *bidrailv1.CheckBatchResponse
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.gate.CheckBatch(ctx, request)
		return err
	})
	if err != nil {
		w.unexpected("batch of "+strings.Join(names, " "), err)
		return
	}
	w.asked = append(w.asked, names...)
	var decisions []*bidrailv1.Decision
	for _, result := range response.Results {
		if problem := result.GetProblem(); problem != nil {
			w.unexpected("batch of "+strings.Join(names, " "), fmt.Errorf("%s: %s", problem.Reason, problem.Message))
			continue
		}
		decisions = append(decisions, result.GetDecision())
	}
	w.decided(decisions)
}

// decided writes down what was decided, and keeps each permit that can be used once.
func (w *crashWorker) decided(decisions []*bidrailv1.Decision) {
	for _, decision := range decisions {
		w.write(decidedEntry(crashDecided, decision))
		if id := decision.ApprovalId; id != "" && !w.waited[id] {
			w.waited[id] = true
			w.waiting = append(w.waiting, id)
		}
		permit := decision.Permit
		if permit == nil || permit.Token == "" || permit.State != bidrailv1.PermitState_PERMIT_STATE_ISSUED || w.seen[permit.PermitId] {
			continue
		}
		w.seen[permit.PermitId] = true
		w.issued = append(w.issued, decision)
	}
}

// claim is called by two goroutines for one permit at times, so what it adds to the worker is guarded.
func (w *crashWorker) claim(decision *bidrailv1.Decision, claimID string) {
	var response *bidrailv1.ClaimResponse
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.gate.Claim(ctx, &bidrailv1.ClaimRequest{Token: decision.Permit.Token, ClaimId: claimID})
		return err
	})
	entry := crashEntry{Event: crashClaimed, Permit: decision.Permit.PermitId, Claim: claimID}
	switch status.Code(err) {
	case codes.OK:
		entry.State = response.Permit.State.String()
		w.write(entry)
		w.mutex.Lock()
		w.claimed = append(w.claimed, claimedPermit{response.Permit, beforeOf(decision, response.Permit)})
		w.mutex.Unlock()
	case codes.FailedPrecondition:
		entry.Event, entry.Problem = crashClaimRefused, status.Convert(err).Message()
		w.write(entry)
	default:
		w.unexpected("claim of "+decision.Permit.PermitId, err)
	}
}

// beforeOf is what each field of a permit had before. A permit does not say; the unit that the change belongs to does.
func beforeOf(decision *bidrailv1.Decision, permit *bidrailv1.Permit) map[string]int64 {
	name := decision.ChangeId
	if decision.AtomicGroupId != "" {
		name = decision.AtomicGroupId
	}
	before := map[string]int64{}
	for _, change := range crashUnit(name) {
		before[change.ChangeId] = change.Before.GetMoney().GetMicros()
	}
	if len(before) != len(permit.Changes) {
		crashClientFailed(fmt.Errorf("permit %s is for %d changes, and unit %s has %d", permit.PermitId, len(permit.Changes), name, len(before)))
	}
	return before
}

// report says what became of a permit that this worker has claimed. Nobody else does, so it is taken whatever it is.
func (w *crashWorker) report(claimed claimedPermit) {
	request := &bidrailv1.ReportRequest{PermitId: claimed.permit.PermitId, Reference: w.name}
	switch w.random.IntN(8) {
	case 0:
		request.Outcome = bidrailv1.PermitState_PERMIT_STATE_FAILED
	case 1:
		request.Outcome = bidrailv1.PermitState_PERMIT_STATE_UNKNOWN
	case 2, 3:
		request.Outcome = bidrailv1.PermitState_PERMIT_STATE_PARTIAL
		request.Applied = partOf(claimed)
	default:
		request.Outcome = bidrailv1.PermitState_PERMIT_STATE_APPLIED
	}
	w.send(request)
	if request.Outcome == bidrailv1.PermitState_PERMIT_STATE_UNKNOWN && w.random.IntN(2) == 0 {
		w.claimed = append(w.claimed, claimed) // somebody looks later
	}
	if w.random.IntN(4) == 0 {
		w.send(request) // to say it again changes nothing
	}
}

// partOf is the first leg of a group in full, or a part of the way of one change.
func partOf(claimed claimedPermit) []*bidrailv1.AppliedValue {
	first := claimed.permit.Changes[0]
	if len(claimed.permit.Changes) > 1 {
		return []*bidrailv1.AppliedValue{{ChangeId: first.ChangeId, Value: first.After}}
	}
	half := (claimed.before[first.ChangeId] + first.After.GetMoney().GetMicros()) / 2
	value := &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: half, Currency: "USD"}}}
	return []*bidrailv1.AppliedValue{{ChangeId: first.ChangeId, Value: value}}
}

// giveBack reports that a permit is not used. Of a shared one somebody else may just be making use, so it is left alone.
func (w *crashWorker) giveBack(decision *bidrailv1.Decision) {
	if w.own(decision.ChangeId) {
		w.send(&bidrailv1.ReportRequest{PermitId: decision.Permit.PermitId, Outcome: bidrailv1.PermitState_PERMIT_STATE_FAILED, Note: "not needed"})
	}
}

func (w *crashWorker) send(request *bidrailv1.ReportRequest) {
	var response *bidrailv1.ReportResponse
	_, err := w.call(asAutomation, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.gate.Report(ctx, request)
		return err
	})
	entry := crashEntry{Event: crashReported, Permit: request.PermitId, Outcome: request.Outcome.String()}
	for _, part := range request.Applied {
		if entry.Applied == nil {
			entry.Applied = map[string]int64{}
		}
		entry.Applied[part.ChangeId] = part.Value.GetMoney().GetMicros()
	}
	switch {
	case err == nil:
		entry.State = response.Permit.State.String()
		w.write(entry)
	case status.Code(err) == codes.FailedPrecondition && request.Note != "":
		// Given back too late: it has expired.
		entry.Event, entry.Problem = crashReportRefused, status.Convert(err).Message()
		w.write(entry)
	default:
		w.unexpected("report on "+request.PermitId, err)
	}
}

// switchMode lets an account only lower its risk for a while, which makes every permit of it unusable that is not claimed yet.
func (w *crashWorker) switchMode() {
	request := &bidrailv1.SetModeRequest{
		Scope: fmt.Sprint("account/google_ads/", w.random.IntN(crashAccounts)), Mode: bidrailv1.Mode_MODE_ACTIVE, Reason: "crash test",
	}
	if w.random.IntN(3) == 0 {
		request.Mode = bidrailv1.Mode_MODE_REDUCE_ONLY
	}
	var response *bidrailv1.ScopeMode
	_, err := w.call(asOperator, func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.modes.SetMode(ctx, request)
		return err
	})
	if err != nil {
		w.unexpected("mode of "+request.Scope, err)
		return
	}
	w.write(crashEntry{Event: crashSwitched, Scope: response.Scope, Mode: response.Mode.String(), Epoch: response.Epoch})
}
