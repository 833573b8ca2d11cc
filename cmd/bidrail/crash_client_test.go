package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
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
	Process   int
	Seed      uint64
	Workers   int    // of the automation
	Reviewers int    // of approvals
	Journal   string // the file
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

	// Of an approval: its id, and as which version it was seen with what Content. A decision has one when it waits for people, or came of one.
	Approval string       `json:"approval,omitempty"`
	Version  int64        `json:"version,omitempty"`
	Review   *crashReview `json:"review,omitempty"`

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
	crashSeen          = "approval seen"
	crashReviewed      = "reviewed"
	crashReviewRefused = "review refused"
	crashRedeemed      = "redeemed"
	crashRedeemRefused = "redemption refused"
	crashDecidedAgain  = "decided again"
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
	gate      bidrailv1.GuardrailServiceClient
	modes     bidrailv1.RegistryServiceClient
	approvals bidrailv1.ApprovalServiceClient
	next      chan struct{} // closed when there is another
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
	for reviewer := range order.Reviewers {
		workers.Go(func() { c.review(reviewer) })
	}
	addresses := bufio.NewScanner(os.Stdin)
	for addresses.Scan() {
		connection, err := grpc.NewClient(addresses.Text(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			crashClientFailed(err)
		}
		old := c.server.Swap(&crashPeer{
			gate: bidrailv1.NewGuardrailServiceClient(connection), modes: bidrailv1.NewRegistryServiceClient(connection),
			approvals: bidrailv1.NewApprovalServiceClient(connection), next: make(chan struct{}),
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

// decidedEntry is what a decision says for ever: all but whether it was said before, and how its permit fares.
func decidedEntry(event string, decision *bidrailv1.Decision) crashEntry {
	entry := crashEntry{
		Event: event, Change: decision.ChangeId, Decision: decision.DecisionId, Verdict: decision.Verdict.String(),
		Digest: decision.ChangeDigest, Revision: decision.Revision, DecidedAt: decision.DecidedAt.AsTime().UnixMicro(),
		Permit: decision.Permit.GetPermitId(), Approval: decision.ApprovalId + decision.Redeems,
	}
	allowed, waits := decision.Verdict == bidrailv1.Verdict_VERDICT_ALLOW, decision.Verdict == bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL
	if (entry.Permit != "") != allowed || (decision.ApprovalId != "") != waits || decision.DecisionId == "" || decision.DryRun {
		entry.Incomplete = fmt.Sprintf("verdict %s with permit %q, approval %q and decision %q", entry.Verdict, entry.Permit, decision.ApprovalId, entry.Decision)
	}
	lasting := proto.CloneOf(decision)
	lasting.Replayed = false
	if lasting.Permit != nil {
		p := decision.Permit
		lasting.Permit = &bidrailv1.Permit{PermitId: p.PermitId, Automation: p.Automation, Audience: p.Audience, Digest: p.Digest, Changes: p.Changes,
			AtomicGroupId: p.AtomicGroupId, IssuedAt: p.IssuedAt, ExpiresAt: p.ExpiresAt, Epoch: p.Epoch}
	}
	entry.Content = contentOf(lasting)
	return entry
}

// contentOf is the digest of everything that a message says.
func contentOf(message proto.Message) string {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		crashClientFailed(err)
	}
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func (c *crashClient) unexpected(what string, err error) {
	c.write(crashEntry{Event: crashUnexpected, Problem: fmt.Sprintf("%s: %v", what, err)})
}
