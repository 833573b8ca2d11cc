package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
)

// crashClientVariable makes the test binary a client of the crash tests: its value is a crashOrder in JSON.
const crashClientVariable = "BIDRAIL_TEST_CRASH_CLIENT"

// crashOrder is what a client process is told. The addresses of the server come line by line on its standard input, one
// for each time that the server starts; where they end it finishes what it has begun, asks for all of it once more and
// ends.
type crashOrder struct {
	Process int
	Seed    uint64
	Workers int
	Journal string // the file
}

// crashEntry is one line of a client's journal: what the client was told, written after it was told.
type crashEntry struct {
	Event string `json:"event"`

	// Of a decision.
	Change     string `json:"change,omitempty"`
	Decision   string `json:"decision,omitempty"`
	Verdict    string `json:"verdict,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Revision   string `json:"revision,omitempty"`
	DecidedAt  int64  `json:"decided_at,omitempty"` // microseconds since 1970
	Content    string `json:"content,omitempty"`    // digest of the whole answer, without what may change later
	Incomplete string `json:"incomplete,omitempty"` // what an answer lacks that it must have

	// Of a mode.
	Scope string `json:"scope,omitempty"`
	Mode  string `json:"mode,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`

	// Of a permit.
	Permit  string           `json:"permit,omitempty"`
	Claim   string           `json:"claim,omitempty"`
	Outcome string           `json:"outcome,omitempty"`
	Applied map[string]int64 `json:"applied,omitempty"` // micros, by change
	State   string           `json:"state,omitempty"`

	Problem string `json:"problem,omitempty"`

	// Of the last line: how many answers said that nothing was recorded, and how long the slowest took.
	Refusals int64 `json:"refusals,omitempty"`
	Slowest  int64 `json:"slowest,omitempty"` // microseconds
	// How many calls were cut off without an answer, and how many of those that asked for a new decision had been decided all the same.
	Cut  int64 `json:"cut,omitempty"`
	Kept int64 `json:"kept,omitempty"`
}

// What a journal tells of.
const (
	crashDecided       = "decided"
	crashClaimed       = "claimed"
	crashClaimRefused  = "claim refused"
	crashReported      = "reported"
	crashReportRefused = "report refused"
	crashSwitched      = "mode switched"
	crashUnexpected    = "unexpected"
	crashFinished      = "finished"
)

// crashClient is the process.
type crashClient struct {
	order   crashOrder
	server  atomic.Pointer[crashPeer]
	ending  chan struct{} // closed: begin nothing more
	mutex   sync.Mutex
	journal *json.Encoder

	refusals, slowest, cut, kept atomic.Int64
}

// crashPeer is a server while it lives.
type crashPeer struct {
	gate  bidrailv1.GuardrailServiceClient
	modes bidrailv1.RegistryServiceClient
	next  chan struct{} // closed when there is another
}

func runCrashClient(text string) {
	var order crashOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		crashClientFailed(err)
	}
	file, err := os.OpenFile(order.Journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		crashClientFailed(err)
	}
	c := &crashClient{order: order, ending: make(chan struct{}), journal: json.NewEncoder(file)}
	c.server.Store(&crashPeer{next: make(chan struct{})})
	var workers sync.WaitGroup
	for worker := range order.Workers {
		workers.Go(func() { c.work(worker) })
	}
	addresses := bufio.NewScanner(os.Stdin)
	for addresses.Scan() {
		connection, err := grpc.NewClient(addresses.Text(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			crashClientFailed(err)
		}
		old := c.server.Swap(&crashPeer{
			gate: bidrailv1.NewGuardrailServiceClient(connection), modes: bidrailv1.NewRegistryServiceClient(connection), next: make(chan struct{}),
		})
		close(old.next)
	}
	close(c.ending)
	workers.Wait()
	c.write(crashEntry{Event: crashFinished, Refusals: c.refusals.Load(), Slowest: c.slowest.Load(), Cut: c.cut.Load(), Kept: c.kept.Load()})
	if err := file.Close(); err != nil {
		crashClientFailed(err)
	}
	os.Exit(0)
}

func crashClientFailed(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (c *crashClient) write(entry crashEntry) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := c.journal.Encode(entry); err != nil {
		crashClientFailed(err)
	}
}

// As whom clients call.
const (
	asAutomation = crashAutomation + ";automation"
	asOperator   = "operator;admin"
)

// How long a client waits before it asks a living server again, and for another server when the one it knows is gone.
const (
	crashRetry = 20 * time.Millisecond
	crashGone  = time.Second
)

// call repeats a call until it is answered, by whichever server there is then. A server that was killed answers as little
// as one that cannot record: whoever gets no answer asks again, with the same ids. It reports whether the call was cut off.
func (c *crashClient) call(as string, ask func(context.Context, *crashPeer) error) (cut bool, err error) {
	for {
		peer := c.server.Load()
		if peer.gate == nil {
			<-peer.next
			continue
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		ctx = metadata.AppendToOutgoingContext(ctx, auth.DevelopmentHeader, as)
		err := ask(ctx, peer)
		cancel()
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted:
		default:
			return cut, err
		}
		wait := crashRetry
		if saysNotRecorded(err) {
			c.refusals.Add(1)
			took := time.Since(began).Microseconds()
			for slowest := c.slowest.Load(); took > slowest && !c.slowest.CompareAndSwap(slowest, took); slowest = c.slowest.Load() {
			}
		} else {
			c.cut.Add(1)
			cut, wait = true, crashGone
		}
		select {
		case <-peer.next:
		case <-time.After(wait):
		}
	}
}

// saysNotRecorded reports whether it is Bidrail that answered, and not the network.
func saysNotRecorded(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason == "RECORD_UNAVAILABLE"
		}
	}
	return false
}

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
}

type claimedPermit struct {
	permit *bidrailv1.Permit
	before map[string]int64 // micros, by change
}

// crashShared is how many units all workers ask for.
const crashShared = 400

func (c *crashClient) work(number int) {
	w := &crashWorker{
		crashClient: c, name: fmt.Sprintf("p%d-w%d", c.order.Process, number), seen: map[string]bool{},
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
		decision := takeRandom(w.random, &w.issued)
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
	case len(w.claimed) > 0:
		claimed := takeRandom(w.random, &w.claimed)
		if w.random.IntN(10) > 0 { // or nobody ever says what became of it
			w.report(claimed)
		}
	default:
		w.check(w.unit())
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
		w.write(decidedEntry(decision))
		permit := decision.Permit
		if permit == nil || permit.Token == "" || permit.State != bidrailv1.PermitState_PERMIT_STATE_ISSUED || w.seen[permit.PermitId] {
			continue
		}
		w.seen[permit.PermitId] = true
		w.issued = append(w.issued, decision)
	}
}

// decidedEntry is what a decision says for ever: all but whether it was said before, and how its permit fares.
func decidedEntry(decision *bidrailv1.Decision) crashEntry {
	entry := crashEntry{
		Event: crashDecided, Change: decision.ChangeId, Decision: decision.DecisionId, Verdict: decision.Verdict.String(),
		Digest: decision.ChangeDigest, Revision: decision.Revision, DecidedAt: decision.DecidedAt.AsTime().UnixMicro(),
		Permit: decision.Permit.GetPermitId(),
	}
	allowed := decision.Verdict == bidrailv1.Verdict_VERDICT_ALLOW
	if (entry.Permit != "") != allowed || decision.DecisionId == "" || decision.DryRun {
		entry.Incomplete = fmt.Sprintf("verdict %s with permit %q and decision %q", entry.Verdict, entry.Permit, entry.Decision)
	}
	lasting := proto.CloneOf(decision)
	lasting.Replayed = false
	if lasting.Permit != nil {
		p := decision.Permit
		lasting.Permit = &bidrailv1.Permit{PermitId: p.PermitId, Automation: p.Automation, Audience: p.Audience, Digest: p.Digest, Changes: p.Changes,
			AtomicGroupId: p.AtomicGroupId, IssuedAt: p.IssuedAt, ExpiresAt: p.ExpiresAt, Epoch: p.Epoch}
	}
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(lasting)
	if err != nil {
		entry.Incomplete = err.Error()
	}
	digest := sha256.Sum256(content)
	entry.Content = hex.EncodeToString(digest[:])
	return entry
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

func (w *crashWorker) unexpected(what string, err error) {
	w.write(crashEntry{Event: crashUnexpected, Problem: fmt.Sprintf("%s: %v", what, err)})
}
