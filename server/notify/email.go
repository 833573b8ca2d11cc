package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"
)

// Encryption is how a connection to a mail server is kept from being read.
type Encryption string

// The kinds of encryption.
const (
	// StartTLS begins in the clear and goes on only when the server encrypts. It is the default.
	StartTLS Encryption = "starttls"
	// Implicit is encrypted from the beginning, as on port 465.
	Implicit Encryption = "implicit"
	// Unencrypted is for a relay in the house: it is only used towards addresses in [Config.AllowPrivate], and never with a
	// password.
	Unencrypted Encryption = "none"
)

// Mailbox is a receiver that gets e-mail.
type Mailbox struct {
	Receiver
	// Server is host and port of the mail server.
	Server     string
	Encryption Encryption
	From       string
	To         []string
	// Username and Password are for the server. Empty: it wants none.
	Username string
	Password Secret
}

type mailbox struct {
	settings Mailbox
	host     string
	port     int
	domain   string // of the sender, which ids of messages end with
	link     link
	network  network
}

func newMailbox(settings Mailbox, link link, network network) (*mailbox, error) {
	made := &mailbox{settings: settings, link: link, network: network}
	if made.settings.Encryption == "" {
		made.settings.Encryption = StartTLS
	}
	var problems []error
	host, port, err := net.SplitHostPort(settings.Server)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numberErr != nil || host == "" || number == 0 {
		problems = append(problems, fmt.Errorf("its server %q is not one such as mail.shop.example:587", settings.Server))
	}
	made.host, made.port = host, int(number)
	from, err := netmail.ParseAddress(settings.From)
	if err != nil {
		problems = append(problems, fmt.Errorf("its sender %q is no address of e-mail", settings.From))
	} else {
		made.domain = from.Address[strings.LastIndex(from.Address, "@")+1:]
	}
	if len(settings.To) == 0 {
		problems = append(problems, errors.New("it names nobody to send to"))
	}
	for _, address := range settings.To {
		if _, err := netmail.ParseAddress(address); err != nil {
			problems = append(problems, fmt.Errorf("%q, whom it sends to, is no address of e-mail", address))
		}
	}
	if kinds := []Encryption{StartTLS, Implicit, Unencrypted}; !slices.Contains(kinds, made.settings.Encryption) {
		problems = append(problems, fmt.Errorf("its encryption %q is not one of %v", settings.Encryption, kinds))
	}
	switch {
	case (settings.Username == "") != (settings.Password == ""):
		problems = append(problems, errors.New("a user name needs a password, and a password a user name"))
	case made.settings.Encryption == Unencrypted && settings.Username != "":
		problems = append(problems, errors.New("a password is not sent in the clear; encrypt, or leave out the user name"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return made, nil
}

func (m *mailbox) send(ctx context.Context, message message) error {
	letter, err := m.letter(message)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return fmt.Errorf("prepare for the mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, letter)
	if err == nil || letter.IsDelivered() {
		return nil // what goes wrong after the server has taken it would only make it come twice
	}
	return mailError(err)
}

// letter is the message as e-mail. Its Message-ID is the same whenever the same notices are told.
func (m *mailbox) letter(message message) (*mail.Msg, error) {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	err := errors.Join(letter.From(m.settings.From), letter.To(m.settings.To...))
	if err != nil {
		return nil, fmt.Errorf("address the message: %w", err)
	}
	letter.Subject(message.subject())
	letter.SetMessageIDWithValue(message.id + "@" + m.domain)
	letter.SetDate()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // so that nobody's absence note comes back
	letter.SetBodyString(mail.TypeTextPlain, message.text(m.link, "\n  ")+"\n")
	return letter, nil
}

// client is for one message: it connects by network, and gives up when ctx ends.
func (m *mailbox) client(ctx context.Context) (*mail.Client, error) {
	encrypted := m.settings.Encryption != Unencrypted
	dialer := m.network.dialer(encrypted)
	dial := func(dialing context.Context, kind, address string) (net.Conn, error) {
		connection, err := dialer.DialContext(dialing, kind, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = connection.Close() }) // go-mail looks at its context only while it connects
		if m.settings.Encryption != Implicit {
			return connection, nil
		}
		// go-mail encrypts from the beginning only what it has dialled itself.
		secured := tls.Client(connection, m.network.tls(m.host))
		if err := secured.HandshakeContext(dialing); err != nil {
			return nil, errors.Join(err, connection.Close())
		}
		return secured, nil
	}
	policy := mail.NoTLS
	if m.settings.Encryption == StartTLS {
		policy = mail.TLSMandatory
	}
	options := []mail.Option{
		mail.WithPort(m.port), mail.WithTimeout(sendWithin), mail.WithDialContextFunc(dial),
		mail.WithTLSConfig(m.network.tls(m.host)), mail.WithTLSPolicy(policy),
	}
	if m.settings.Username != "" {
		options = append(options, mail.WithUsername(m.settings.Username), mail.WithPassword(string(m.settings.Password)),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	return mail.NewClient(m.host, options...)
}

// mailError says what went wrong without what the server wrote: some repeat the line that they do not like, and that may
// be the one with the password.
func mailError(err error) error {
	if failure, ok := errors.AsType[*mail.SendError](err); ok && failure.ErrorCode() != 0 {
		return fmt.Errorf("the mail server answered %d to the message", failure.ErrorCode())
	}
	if failure, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("the mail server answered %d", failure.Code)
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return errors.New("the mail server does not speak SMTP")
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}
