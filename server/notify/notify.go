// Package notify tells people and machines outside that something has happened to an approval: by webhook, e-mail or
// chat. Start with [New], then [Notifier.Run].
//
// Notices are written into the store's outbox in the transaction that they tell of, so nothing is told that did not
// happen, and nothing that happened goes untold because a process ended. A notifier leases what is due, sends it, and
// settles what came of it.
//
// # What it promises
//
//   - Each notice reaches each of its receivers at least once, and while no process dies between sending and settling,
//     exactly once, however many notifiers share the store. What may come twice can be told by its id: the webhook-id
//     header and the Message-ID are the same each time.
//   - What cannot be delivered is tried again, less and less often, for a day and two hours ([Next]): a receiver that was
//     away for a day misses nothing.
//   - Nothing leaves but ids, versions, states and links: no amount, no account, no name of a person. Whoever wants to know
//     more signs in. Nothing can be approved by what is sent, nor by following a link.
//   - Connections go to public addresses, and to others only where [Config.AllowPrivate] says so. The address is looked
//     at when it is connected to, after names have been resolved. Redirects are not followed, and no proxy is used.
//   - What is not encrypted goes only to addresses in [Config.AllowPrivate].
//   - Secrets are in no error, in no log and not in the store.
package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/bidrail/bidrail/store"
)

// Config says who is told, and how they are reached.
type Config struct {
	// Store has the outbox.
	Store store.Store
	// Logger is told what was delivered and what was not. Nil: nobody is.
	Logger hclog.Logger
	// Link is the address that links begin with, such as https://bidrail.shop.example. Empty: messages name the command
	// that shows the approval.
	Link string
	// AllowPrivate are the addresses that may be reached although they are not public.
	AllowPrivate []netip.Prefix
	// Roots are the authorities whose certificates are accepted. Nil: those of the system.
	Roots *x509.CertPool
	// Keep is how long deliveries that ended can still be looked at. 0: 30 days.
	Keep time.Duration

	Webhooks  []Webhook
	Mailboxes []Mailbox
	Chats     []Chat
}

// Receiver is somebody who is told.
type Receiver struct {
	// Name is what deliveries call it. Each receiver has its own.
	Name string
	// Topics are what it hears of. Empty: everything.
	Topics []string
	// Groups, where there are any, are whose work it hears of: notices that ask one of them to do something.
	Groups []string
}

// Hears reports whether a receiver is told of a notice with this topic that asks these groups: a receiver without groups
// hears all of its topics; one with groups hears only what asks one of them.
func (r Receiver) Hears(topic string, groups []string) bool {
	if len(r.Topics) > 0 && !slices.Contains(r.Topics, topic) {
		return false
	}
	return len(r.Groups) == 0 || slices.ContainsFunc(groups, func(group string) bool { return slices.Contains(r.Groups, group) })
}

// Secret is a text that shows itself to nobody who prints it.
type Secret string

// String hides the secret.
func (Secret) String() string { return "(secret)" }

// GoString hides the secret.
func (Secret) GoString() string { return "(secret)" }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Notifier delivers what is in the outbox. It is safe for concurrent use.
type Notifier struct {
	store     store.Store
	logger    hclog.Logger
	keep      time.Duration
	every     time.Duration // how often the outbox is looked at
	receivers []Receiver
	senders   map[string]sender // by the receiver's name
	wake      chan struct{}
}

// sender takes messages to one receiver. send returns nil when the receiver has the message, an error that wraps errGone
// when it wants none any more, and one that wraps errUnreachable when nobody answered. No error holds a secret.
type sender interface {
	send(ctx context.Context, message message) error
}

var (
	errGone        = errors.New("the receiver wants no more of these")
	errUnreachable = errors.New("could not get through to it")
)

// sendWithin is how long one message may take.
const sendWithin = 10 * time.Second

// New prepares to deliver. It reports everything that is wrong with the receivers at once.
func New(config Config) (*Notifier, error) {
	if config.Store == nil {
		return nil, errors.New("notify: a store is needed")
	}
	made := &Notifier{
		store: config.Store, logger: config.Logger, keep: config.Keep, every: everyRound, senders: map[string]sender{}, wake: make(chan struct{}, 1),
	}
	if made.logger == nil {
		made.logger = hclog.NewNullLogger()
	}
	if made.keep == 0 {
		made.keep = 30 * 24 * time.Hour
	}
	link, err := linkOf(config.Link)
	problems := []error{err}
	add := func(receiver Receiver, sender sender, err error) {
		switch _, twice := made.senders[receiver.Name]; {
		case err != nil:
			problems = append(problems, fmt.Errorf("receiver %q: %w", receiver.Name, err))
		case receiver.Name == "" || twice:
			problems = append(problems, fmt.Errorf("receiver %q: give each receiver a name of its own", receiver.Name))
		}
		made.senders[receiver.Name] = sender
		made.receivers = append(made.receivers, receiver)
	}
	network := network{allowed: config.AllowPrivate, roots: config.Roots}
	for _, each := range config.Webhooks {
		sender, err := newWebhook(each, network)
		add(each.Receiver, sender, err)
	}
	for _, each := range config.Mailboxes {
		sender, err := newMailbox(each, link, network)
		add(each.Receiver, sender, err)
	}
	for _, each := range config.Chats {
		sender, err := newChat(each, link, network)
		add(each.Receiver, sender, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return made, nil
}

// Receivers are all who are told. Whoever writes notices asks each of them whether it hears.
func (n *Notifier) Receivers() []Receiver { return slices.Clone(n.receivers) }
