package plan

import (
	"context"
	"errors"
	"fmt"
)

// ErrBudget is wrapped by the error of a run that took more steps or more memory than it may.
var ErrBudget = errors.New("over budget")

// budget is what one run may still use.
type budget struct {
	ctx    context.Context
	steps  int64
	memory int64 // bytes
	heed   int64 // below this many steps the context is looked at again
}

// heedEvery is how many steps go by between two looks at the context: some tens of microseconds.
const heedEvery = 1024

func newBudget(ctx context.Context, steps, memory int64) budget {
	return budget{ctx: ctx, steps: steps, memory: memory, heed: steps}
}

// spend takes steps off the budget. A step is a statement, a turn of a loop, or a built-in's look at one member or some sixteen
// bytes of text. The error says that the run must end.
func (b *budget) spend(steps int64) error {
	b.steps -= steps
	if b.steps < b.heed {
		return b.look()
	}
	return nil
}

func (b *budget) look() error {
	if b.steps < 0 {
		return fmt.Errorf("%w: the rules take too many steps", ErrBudget)
	}
	b.heed = b.steps - heedEvery
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return nil
}

// grow takes bytes off the budget, before they are made.
func (b *budget) grow(bytes int64) error {
	b.memory -= bytes
	if b.memory < 0 {
		return fmt.Errorf("%w: the rules need too much memory", ErrBudget)
	}
	return nil
}

// over reports whether an error is the end of the run, and not of one call.
func (b *budget) over(err error) bool {
	return errors.Is(err, ErrBudget) || b.ctx.Err() != nil
}
