package server_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"
)

// This is the ledger of one account as a caller sees it, one call at a time: what porcupine holds histories of many
// calls at once against.

// verb is what a caller asks for.
type verb string

const (
	place    verb = "place"     // answers "allow" or "block"
	claimIt  verb = "claim"     // answers "yes" or "no", as do the next three
	post     verb = "post"      // all of the change was made
	postHalf verb = "post half" // half of it was
	giveBack verb = "give back"
	headroom verb = "headroom" // answers left
)

// asked is the input of one call.
type asked struct {
	account string
	verb    verb
	change  string // which; its permit has the same name here
	amount  int64  // of place
	attempt string // of claim
}

// answered is the output of one call. An answer that is not known is "": what was asked for may have happened or not.
type answered struct {
	answer string
	left   int64
}

// leaf is what became of one change: its amount that counts, and what can be done with it.
type leaf struct {
	state   string // "refused", "issued", "claimed", "posted", "half posted", "given back"
	amount  int64
	attempt string
}

// account is everything that was decided in one account. It is never changed.
type account map[string]leaf

func (a account) used() (sum int64) {
	for _, leaf := range a {
		if leaf.state != "refused" && leaf.state != "given back" {
			sum += leaf.amount
		}
	}
	return sum
}

func (a account) with(change string, next leaf) account {
	other := maps.Clone(a)
	other[change] = next
	return other
}

// step is the account after a call, and the answer to it.
func (a account) step(in asked, limit int64) (account, answered) {
	was, decided := a[in.change]
	to := func(state string, amount int64, attempt string) (account, answered) {
		return a.with(in.change, leaf{state, amount, attempt}), answered{answer: "yes"}
	}
	refused, again := answered{answer: "no"}, answered{answer: "yes"}
	switch in.verb {
	case headroom:
		return a, answered{left: limit - a.used()}
	case place:
		switch {
		case decided && was.state == "refused":
			return a, answered{answer: "block"}
		case decided:
			return a, answered{answer: "allow"}
		case a.used()+in.amount > limit:
			return a.with(in.change, leaf{state: "refused"}), answered{answer: "block"}
		}
		return a.with(in.change, leaf{"issued", in.amount, ""}), answered{answer: "allow"}
	case claimIt:
		switch {
		case was.state == "issued":
			return to("claimed", was.amount, in.attempt)
		case was.state == "claimed" && was.attempt == in.attempt:
			return a, again
		}
	case post, postHalf:
		ends, amount := "posted", was.amount
		if in.verb == postHalf {
			ends, amount = "half posted", was.amount/2
		}
		switch was.state {
		case "claimed":
			return to(ends, amount, was.attempt)
		case ends:
			return a, again
		}
	case giveBack:
		switch was.state {
		case "issued", "claimed":
			return to("given back", 0, was.attempt)
		case "given back":
			return a, again
		}
	}
	return a, refused
}

// ledgerModel is accounts with this limit each.
func ledgerModel(limit int64) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			accounts := map[string][]porcupine.Operation{}
			for _, operation := range history {
				name := operation.Input.(asked).account
				accounts[name] = append(accounts[name], operation)
			}
			return slices.Collect(maps.Values(accounts))
		},
		Init: func() []any { return []any{account{}} },
		Step: func(state, input, output any) []any {
			before, said := state.(account), output.(answered)
			after, answer := before.step(input.(asked), limit)
			switch {
			case said.answer == "" && input.(asked).verb != headroom:
				return []any{before, after}
			case said == answer:
				return []any{after}
			}
			return nil
		},
		Equal: func(a, b any) bool { return maps.Equal(a.(account), b.(account)) },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v: %+v", input, output)
		},
	}
	return model.ToModel()
}
