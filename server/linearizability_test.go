package server_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/hashicorp/go-hclog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

var (
	histories   = flag.Int("histories", 5, "how many histories of the ledger are checked")
	historySize = flag.Int("histories.calls", 320, "how many calls each history has")
)

const (
	historyClients  = 16
	historyAccounts = 4
	historyLimit    = 40 * micros
	// Every so many updates one is not acknowledged, and may have been stored or not.
	historyFaults = 25
)

// What 16 clients at once are told of the ledger could have been told to them one after another, each at a moment
// while it was waiting for the answer, whether or not the store acknowledged everything.
func TestHistoriesAreLinearizable(t *testing.T) {
	answers := map[string]int{}
	for number := range *histories {
		t.Run(fmt.Sprint("history ", number), func(t *testing.T) {
			history, unknown := record(t, uint64(number))
			result, _ := porcupine.CheckOperationsVerbose(ledgerModel(historyLimit), history, 5*time.Minute)
			if result != porcupine.Ok {
				t.Errorf("history %d of %d calls is %s, want Ok", number, len(history), result)
			}
			for _, operation := range history {
				answers[string(operation.Input.(asked).verb)+" "+operation.Output.(answered).answer]++
			}
			answers["unknown"] += unknown
		})
	}
	// Of all histories together: who comes first is another one at each run, and in one alone nobody may have come to report.
	for _, answer := range []string{"place allow", "place block", "claim yes", "claim no", "post yes", "post half yes", "give back yes", "headroom ", "unknown"} {
		if answers[answer] == 0 {
			t.Errorf("no call was answered %q, so this shows nothing of that", answer)
		}
	}
	t.Logf("answers of %d histories: %v", *histories, answers)
}

// historian asks for many, and writes down what they are told.
type historian struct {
	s       *servertest.Server
	began   time.Time
	mutex   sync.Mutex
	history []porcupine.Operation
	unknown int
	permits map[string]server.Result // by change
	allowed []int                    // numbers of changes
}

// record has many clients ask at once.
func record(t *testing.T, seed uint64) (history []porcupine.Operation, unknown int) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithoutSync(), servertest.WithLogger(hclog.NewNullLogger()), servertest.WithRevision(netRiseRules()),
		servertest.WithCaps(netRiseCap(ledger.Account, historyLimit/micros)))
	var mutex sync.Mutex
	faults := rand.New(rand.NewPCG(seed, 0))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		mutex.Lock()
		fault := faults.IntN(historyFaults * 2)
		mutex.Unlock()
		if fault == 0 {
			return store.ErrUnknownOutcome // and it is not stored
		}
		if err := fake.Store.Update(ctx, fn); err != nil || fault > 1 {
			return err
		}
		return store.ErrUnknownOutcome // and it is
	})
	h := &historian{s: s, began: time.Now(), permits: map[string]server.Result{}}
	var clients sync.WaitGroup
	for client := range historyClients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client+1)))
			for range *historySize / historyClients {
				h.call(t, client, h.choose(random, client))
			}
		})
	}
	clients.Wait()
	return h.history, h.unknown
}

// choose is something to ask: of new changes, and of those that others have asked for.
func (h *historian) choose(random *rand.Rand, client int) asked {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	change := func(number int) asked {
		return asked{account: fmt.Sprint("acc", number%historyAccounts), change: fmt.Sprint("ch", number),
			amount: int64(number%9+1) * 2 * micros, attempt: fmt.Sprint("by ", client%2)}
	}
	if len(h.allowed) == 0 || random.IntN(3) == 0 {
		in := change(random.IntN(*historySize / 3))
		in.verb = []verb{place, place, headroom}[random.IntN(3)]
		return in
	}
	in := change(h.allowed[random.IntN(len(h.allowed))])
	in.verb = []verb{place, claimIt, claimIt, claimIt, post, postHalf, giveBack}[random.IntN(7)]
	return in
}

// call asks and writes down when, and what came of it.
func (h *historian) call(t *testing.T, client int, in asked) {
	h.mutex.Lock()
	given := h.permits[in.change]
	h.mutex.Unlock()
	operation := porcupine.Operation{ClientId: client, Input: in, Call: int64(time.Since(h.began))}
	said, result, err := h.ask(t.Context(), in, given)
	operation.Return = int64(time.Since(h.began))
	h.mutex.Lock()
	defer h.mutex.Unlock()
	switch {
	case errors.Is(err, policy.ErrUnavailable):
		h.unknown++
		said, operation.Return = answered{}, math.MaxInt64 // it may happen at any time from now on, or never
	case err != nil:
		t.Errorf("%+v: %v", in, err)
		return
	}
	operation.Output = said
	h.history = append(h.history, operation)
	if _, known := h.permits[in.change]; !known && result != nil {
		h.permits[in.change] = *result
		var number int
		_, _ = fmt.Sscanf(in.change, "ch%d", &number)
		h.allowed = append(h.allowed, number)
	}
}

// ask makes the call.
func (h *historian) ask(ctx context.Context, in asked, given server.Result) (answered, *server.Result, error) {
	core, automation := h.s.Core, h.s.Automation.Principal
	yes := func(err error) (answered, *server.Result, error) {
		switch {
		case errors.Is(err, policy.ErrPrecondition):
			return answered{answer: "no"}, nil, nil
		case err != nil:
			return answered{}, nil, err
		}
		return answered{answer: "yes"}, nil, nil
	}
	tell := func(report permit.Report) (answered, *server.Result, error) {
		_, err := core.Report(ctx, automation, given.Permit.ID, report)
		return yes(err)
	}
	switch in.verb {
	case place:
		change := bidIn(in.account, in.change, 1, 1, in.amount/micros)
		results, err := core.Check(ctx, automation, server.CheckRequest{Changes: []*policy.Change{change}})
		if err != nil {
			return answered{}, nil, err
		}
		if results[0].Decision.Verdict == policy.Allow {
			return answered{answer: "allow"}, &results[0], nil
		}
		return answered{answer: "block"}, nil, nil
	case claimIt:
		_, err := core.Claim(ctx, automation, given.Token, in.attempt)
		return yes(err)
	case post:
		return tell(permit.Report{Outcome: permit.Applied})
	case postHalf:
		half := given.Permit.Legs[0].Before
		half.Amount += in.amount / 2
		return tell(permit.Report{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: in.change, Value: half}}})
	case giveBack:
		return tell(permit.Report{Outcome: permit.Failed})
	default:
		shown, err := core.Ledger(ctx, h.s.Auditor.Principal, ledger.AccountScope("google_ads", in.account), 0)
		if err != nil {
			return answered{}, nil, err
		}
		return answered{left: shown.Headroom[0].Left}, nil, shown.Headroom[0].Problem
	}
}

// What must not happen is found when it does: the model is strict enough.
func TestWrongHistoriesAreFound(t *testing.T) {
	type call struct {
		verb    verb
		change  string
		amount  int64
		attempt string
		answer  string
		left    int64
	}
	allowed := call{place, "a", 30, "", "allow", 0}
	for name, tt := range map[string]struct {
		together bool // all calls at the same time, and not one after another
		calls    []call
		want     porcupine.CheckResult
	}{
		"one after another":            {false, []call{allowed, {place, "b", 20, "", "block", 0}, {headroom, "", 0, "", "", 10}}, porcupine.Ok},
		"one of two fits":              {true, []call{allowed, {place, "b", 20, "", "block", 0}}, porcupine.Ok},
		"a lost update":                {true, []call{allowed, {place, "b", 20, "", "allow", 0}}, porcupine.Illegal},
		"a refusal with room":          {false, []call{allowed, {place, "b", 10, "", "block", 0}}, porcupine.Illegal},
		"an old sum":                   {false, []call{allowed, {headroom, "", 0, "", "", 40}}, porcupine.Illegal},
		"claimed by two":               {true, []call{allowed, {claimIt, "a", 0, "x", "yes", 0}, {claimIt, "a", 0, "y", "yes", 0}}, porcupine.Illegal},
		"claimed again":                {false, []call{allowed, {claimIt, "a", 0, "x", "yes", 0}, {claimIt, "a", 0, "x", "yes", 0}}, porcupine.Ok},
		"another answer on asking":     {false, []call{{place, "a", 50, "", "block", 0}, {place, "a", 50, "", "allow", 0}}, porcupine.Illegal},
		"posted and given back":        {false, []call{allowed, {claimIt, "a", 0, "x", "yes", 0}, {post, "a", 0, "", "yes", 0}, {giveBack, "a", 0, "", "yes", 0}}, porcupine.Illegal},
		"given back twice over":        {false, []call{allowed, {giveBack, "a", 0, "", "yes", 0}, {headroom, "", 0, "", "", 70}}, porcupine.Illegal},
		"half is given back":           {false, []call{allowed, {claimIt, "a", 0, "x", "yes", 0}, {postHalf, "a", 0, "", "yes", 0}, {headroom, "", 0, "", "", 25}}, porcupine.Ok},
		"a post that frees all":        {false, []call{allowed, {claimIt, "a", 0, "x", "yes", 0}, {post, "a", 0, "", "yes", 0}, {headroom, "", 0, "", "", 40}}, porcupine.Illegal},
		"unknown, and it happened":     {false, []call{{place, "a", 30, "", "", 0}, {place, "b", 20, "", "block", 0}}, porcupine.Ok},
		"unknown, and it did not":      {false, []call{{place, "a", 30, "", "", 0}, {place, "b", 40, "", "allow", 0}}, porcupine.Ok},
		"unknown, and it did and not":  {false, []call{{place, "a", 30, "", "", 0}, {place, "b", 40, "", "allow", 0}, {place, "a", 30, "", "allow", 0}}, porcupine.Illegal},
		"given back before it was had": {false, []call{{giveBack, "a", 0, "", "yes", 0}, allowed}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			var history []porcupine.Operation
			for i, call := range tt.calls {
				operation := porcupine.Operation{ClientId: i, Input: asked{"acc", call.verb, call.change, call.amount, call.attempt},
					Output: answered{call.answer, call.left}, Call: int64(2 * i), Return: int64(2*i + 1)}
				if tt.together {
					operation.Call, operation.Return = 0, 100
				}
				history = append(history, operation)
			}
			if got := porcupine.CheckOperationsTimeout(ledgerModel(40), history, time.Minute); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
