package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// ApplyOption is a choice made at [Client.Apply].
type ApplyOption func(*applying)

type applying struct {
	waits bool
	read  func(context.Context) (map[string]*bidrailv1.Observation, error)
}

// WaitForPeople has Apply wait where the decisions ask for people, and redeem what they agree to. ctx bounds the waiting, which may take
// hours. Without it, what people are asked about is not made.
func WaitForPeople() ApplyOption { return func(a *applying) { a.waits = true } }

// ReadAgain has Apply read what holds of the changes once people have agreed, right before the rules are asked again, by change_id. It goes
// with [WaitForPeople]. An error of the function ends Apply, and nothing is changed.
func ReadAgain(read func(context.Context) (map[string]*bidrailv1.Observation, error)) ApplyOption {
	return func(a *applying) { a.read = read }
}

// Apply makes the changes that the decisions allow: it claims their permit, runs the function, and reports what became of them. The
// decisions are those of one [Client.Check]: of one change, or of all legs of a group.
//
// The function makes exactly the changes that were asked about, and returns nil when it has seen the platform take them. Its error
// decides what is reported:
//
//   - [ErrNotMade] in its chain: nothing was changed. What was held for the changes is given back.
//   - a [*PartialError] in its chain: a part was made.
//   - any other error, or a panic: nobody knows. What was held stays held until somebody looks, and calls [Client.Report].
//
// The text of the error goes on record as well. The function never runs without a claim, so it runs once for each permit, whoever else
// holds it. The report is made even if ctx has ended meanwhile.
//
// Apply returns nil when the changes were made and that is on record. Otherwise the function's error is in the chain of its own, and
// [ErrNotReported] is when what became of the changes could not be reported, which can be so after they were made.
//
// With [WaitForPeople] it waits for people where the decisions ask for them; [ErrNotApproved] says that they did not agree. When they have
// agreed to a part only, the function would go too far: it does not run, and the error is an [ErrCapped].
func (c *Client) Apply(ctx context.Context, decisions Decisions, change func(context.Context) error, choices ...ApplyOption) error {
	allowed, err := c.allow(ctx, decisions, choices)
	if err != nil {
		return err
	}
	for i, decision := range allowed {
		if asked := decisions[i]; decision.GetRedeems() != "" && !proto.Equal(asked.GetAfter(), decision.GetAfter()) {
			return errors.Join(fmt.Errorf("%w: %q may be set to %s, not to %s; nothing was changed", ErrCapped, decision.GetChangeId(), Describe(decision.GetAfter()), Describe(asked.GetAfter())),
				c.GiveBack(ctx, decision.Permit()))
		}
	}
	return c.ApplyPermitted(ctx, allowed, func(ctx context.Context, _ *bidrailv1.Permit) error { return change(ctx) })
}

// ApplyPermitted is [Client.Apply] with a function that makes what the permit says, which can be less than was asked for where people have
// agreed to a part: Permit.changes has the values to set.
func (c *Client) ApplyPermitted(ctx context.Context, decisions Decisions, change func(context.Context, *bidrailv1.Permit) error, choices ...ApplyOption) error {
	allowed, err := c.allow(ctx, decisions, choices)
	if err != nil {
		return err
	}
	permit, err := permitOf(allowed)
	if err != nil {
		return err
	}
	claimID := rand.Text()
	claimed, err := c.Claim(ctx, permit, claimID)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if ctx.Err() != nil { // the function would find it ended, and could say less of what that meant
		return errors.Join(fmt.Errorf("%w: %w", ErrNotMade, context.Cause(ctx)), c.tell(ctx, claimed, claimID, outcomeOf(ErrNotMade)))
	}
	returned := false
	defer func() {
		if !returned { // it panics: what it did, nobody can say, and the panic goes on
			_ = c.tell(ctx, claimed, claimID, Outcome{State: bidrailv1.PermitState_PERMIT_STATE_UNKNOWN, Note: "the function that makes the change did not return"})
		}
	}()
	failure := change(ctx, permit)
	returned = true
	return errors.Join(failure, c.tell(ctx, claimed, claimID, outcomeOf(failure)))
}

// allow is the decisions, or those that they lead to once people have agreed where that is waited for.
func (c *Client) allow(ctx context.Context, decisions Decisions, choices []ApplyOption) (Decisions, error) {
	var how applying
	for _, choose := range choices {
		choose(&how)
	}
	if !how.waits || len(decisions) == 0 || !decisions[0].NeedsApproval() {
		return decisions, nil
	}
	for {
		if _, err := c.Wait(ctx, decisions[0]); err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", err)
		}
		var terms Terms
		if how.read != nil {
			var err error
			if terms.Observations, err = how.read(ctx); err != nil {
				return nil, fmt.Errorf("nothing was changed: %w", err)
			}
		}
		allowed, err := c.Redeem(ctx, decisions, terms)
		switch {
		case err == nil:
			return allowed, nil
		case !askedAgain(err):
			return nil, fmt.Errorf("nothing was changed: %w", err)
		}
	}
}
