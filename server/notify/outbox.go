package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bidrail/bidrail/store"
)

const (
	// everyRound is how often the outbox is looked at where nobody wakes the notifier.
	everyRound = time.Second
	// everyPrune is how often deliveries that ended long ago are removed.
	everyPrune = time.Hour
	// mostAtOnce is how many deliveries a round takes.
	mostAtOnce = 200
	// lease is how long nobody else takes what a round has taken. It is longer than a round: roundWithin, a message that was begun
	// just before that, and the settling.
	lease        = 2 * time.Minute
	roundWithin  = time.Minute
	settleWithin = 10 * time.Second
)

// Wake has the outbox looked at now rather than within a second. It never waits.
func (n *Notifier) Wake() {
	select {
	case n.wake <- struct{}{}:
	default: // somebody has woken it already
	}
}

// Run delivers until ctx ends, and then returns nil. What goes wrong is logged and tried again.
func (n *Notifier) Run(ctx context.Context) error {
	ticker := time.NewTicker(n.every)
	defer ticker.Stop()
	var pruned time.Time
	for {
		if time.Since(pruned) >= everyPrune {
			n.report(ctx, "old deliveries could not be removed", n.prune(ctx))
			pruned = time.Now()
		}
		_, more, err := n.round(ctx)
		n.report(ctx, "the outbox could not be read or written; notices wait", err)
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-n.wake:
		}
	}
}

func (n *Notifier) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		n.logger.Error(what, "error", err)
	}
}

// Deliver makes one round: it takes what is due, sends it and settles it. It returns how many notices were delivered. The
// error is the store's alone; what receivers do is in the outbox and in the log.
func (n *Notifier) Deliver(ctx context.Context) (delivered int, err error) {
	delivered, _, err = n.round(ctx)
	return delivered, err
}

// round is Deliver, and says whether there may be more to deliver at once.
func (n *Notifier) round(ctx context.Context) (delivered int, more bool, err error) {
	leased, err := n.lease(ctx)
	if err != nil {
		return 0, false, err
	}
	byReceiver := map[string][]store.Delivery{}
	for _, delivery := range leased {
		byReceiver[delivery.Receiver] = append(byReceiver[delivery.Receiver], delivery)
	}
	var (
		sending sync.WaitGroup
		mutex   sync.Mutex
		errs    []error
	)
	for receiver, deliveries := range byReceiver {
		sending.Go(func() {
			// Settled as soon as this receiver is done: others may be slow.
			told, err := n.settle(ctx, n.tell(ctx, receiver, deliveries))
			mutex.Lock()
			defer mutex.Unlock()
			delivered, errs = delivered+told, append(errs, err)
		})
	}
	sending.Wait()
	return delivered, len(leased) == mostAtOnce, errors.Join(errs...)
}

// lease takes what is due. It looks before it takes, since looking holds up nobody.
func (n *Notifier) lease(ctx context.Context) (leased []store.Delivery, err error) {
	var waiting []store.Delivery
	err = n.store.View(ctx, func(reader store.Reader) (err error) {
		waiting, _, err = reader.ListDeliveries(store.DeliveryWaiting, store.Page{Limit: 1})
		return err
	})
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	err = n.store.Update(ctx, func(tx store.Tx) (err error) {
		leased, err = tx.LeaseDeliveries(tx.Now(), tx.Now().Add(lease), mostAtOnce)
		return err
	})
	return leased, err
}

// attempt is what came of one delivery.
type attempt struct {
	delivery store.Delivery
	outcome  Outcome
}

// tell sends one receiver what is for it. Once nobody answers, the rest is not tried: it would only wait as long again.
func (n *Notifier) tell(ctx context.Context, receiver string, deliveries []store.Delivery) (attempts []attempt) {
	sender, known := n.senders[receiver]
	until := time.Now().Add(roundWithin)
	var down error
	if !known {
		down = errors.New("no receiver of this name is configured any more")
	}
	for _, message := range messagesOf(deliveries) {
		outcome, err := Untried, down
		switch {
		case down != nil:
			outcome = Failed
		case ctx.Err() == nil && time.Now().Before(until):
			if err = sender.send(ctx, message); errors.Is(err, errUnreachable) {
				down = err
			}
			outcome = outcomeOf(err)
		}
		if ctx.Err() != nil && outcome == Failed {
			outcome, err = Untried, nil // it was stopped, and says nothing of the receiver
		}
		for _, delivery := range message.deliveries {
			if err != nil {
				delivery.LastError = shortened(err.Error())
			}
			attempts = append(attempts, attempt{delivery, outcome})
		}
	}
	return attempts
}

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Delivered
	case errors.Is(err, errGone):
		return Gone
	default:
		return Failed
	}
}

// shortened keeps what a person needs of an error.
func shortened(text string) string {
	const most = 500
	if len(text) > most {
		return text[:most]
	}
	return text
}

// settle writes down what came of attempts, also when ctx has ended: what was sent would otherwise be sent again.
func (n *Notifier) settle(ctx context.Context, attempts []attempt) (delivered int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	settled := make([]store.Delivery, len(attempts))
	err = n.store.Update(ctx, func(tx store.Tx) error {
		for i, each := range attempts {
			settled[i] = Next(each.delivery, each.outcome, tx.Now())
		}
		return tx.SettleDeliveries(settled)
	})
	if err != nil {
		return 0, fmt.Errorf("settle deliveries: %w; what was delivered may come again", err)
	}
	for i, delivery := range settled {
		about := []any{"receiver", delivery.Receiver, "notice_id", delivery.Notice.ID, "approval_id", delivery.Notice.Object, "attempts", delivery.Attempts}
		switch {
		case delivery.State == store.DeliveryDelivered:
			delivered++
			n.logger.Debug("delivered", about...)
		case delivery.State == store.DeliveryGivenUp:
			n.logger.Error("given up: the receiver was not told", append(about, "error", delivery.LastError)...)
		case attempts[i].outcome == Failed:
			n.logger.Warn("not delivered; it will be tried again", append(about, "due_at", delivery.DueAt, "error", delivery.LastError)...)
		}
	}
	return delivered, nil
}

// prune removes deliveries that ended long ago.
func (n *Notifier) prune(ctx context.Context) error {
	for ctx.Err() == nil {
		var removed int
		err := n.store.Update(ctx, func(tx store.Tx) (err error) {
			removed, err = tx.PruneDeliveries(tx.Now().Add(-n.keep), mostAtOnce)
			return err
		})
		if err != nil || removed < mostAtOnce {
			return err
		}
	}
	return nil
}
