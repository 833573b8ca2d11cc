package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Notify says who is told of approvals, and how they are reached.
type Notify struct {
	// Link is the address that links in messages begin with, such as https://bidrail.shop.example. Empty, the default:
	// messages name the command that shows the approval.
	Link string `koanf:"link"`
	// AllowPrivate are the addresses that may be reached although they are not public, such as [10.1.0.0/16]. Only to these is
	// anything sent that is not encrypted. Default: none.
	AllowPrivate []string `koanf:"allow_private"`
	// Receivers are those who are told. Only in a file. Default: nobody.
	Receivers []Receiver `koanf:"receivers"`
}

// Receiver is somebody who is told, such as:
//
//	{name: audit-hook, kind: webhook, url: "https://hooks.shop.example/bidrail", secret_file: /etc/bidrail/hook}
//	{name: budget-mail, kind: email, smtp: "mail.shop.example:587", from: bidrail@shop.example, to: [budget@shop.example], groups: [budget_owners]}
//	{name: team-chat, kind: chat, url_file: /etc/bidrail/chat, groups: [performance]}
//
// What is secret is in files of its own, which hold it and nothing else.
type Receiver struct {
	// Name is what deliveries and the log call it. Each has its own.
	Name string `koanf:"name"`
	// Kind is webhook, email or chat.
	Kind string `koanf:"kind"`
	// Topics are what it hears of: approval. Default: everything.
	Topics []string `koanf:"topics"`
	// Groups are whose work it hears of: what asks one of them to do something. Default: everything of its topics.
	Groups []string `koanf:"groups"`

	// URL is where a webhook's requests go. https, or http to addresses in allow_private.
	URL string `koanf:"url"`
	// SecretFile holds what a webhook's requests are signed with: whsec_ and the base64 of 24 to 64 random bytes.
	SecretFile string `koanf:"secret_file"`

	// SMTP is host and port of the mail server.
	SMTP string `koanf:"smtp"`
	// TLS is starttls, implicit (as on port 465) or none (to addresses in allow_private, without a password). Default starttls.
	TLS string `koanf:"tls"`
	// From is the sender's address.
	From string `koanf:"from"`
	// To are the addresses that mail goes to.
	To []string `koanf:"to"`
	// Username is what the mail server knows us by. Empty, the default: it wants no password.
	Username string `koanf:"username"`
	// PasswordFile holds the password that goes with it.
	PasswordFile string `koanf:"password_file"`

	// URLFile holds the URL of a chat's room as shoutrrr has it, such as slack://hook:AAA-BBB-CCC@webhook.
	URLFile string `koanf:"url_file"`
}

// The kinds of receivers, and what each can be told of.
const (
	Webhook = "webhook"
	Email   = "email"
	Chat    = "chat"
)

var topics = []string{"approval"}

var receiverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// problems is everything that is wrong, without a look into files.
func (n Notify) problems() []error {
	var problems []error
	wrong := func(setting, format string, arguments ...any) {
		problems = append(problems, fmt.Errorf("notify."+setting+": "+format, arguments...))
	}
	if n.Link != "" && !isAddress(n.Link) {
		wrong("link", "%q is not an address such as https://bidrail.shop.example", n.Link)
	}
	for i, text := range n.AllowPrivate {
		if _, err := netip.ParsePrefix(text); err != nil {
			wrong(fmt.Sprintf("allow_private[%d]", i), "%q is not a range of addresses such as 10.1.0.0/16 or fd00::/8", text)
		}
	}
	names := map[string]int{}
	for i, receiver := range n.Receivers {
		at := fmt.Sprintf("receivers[%d]", i)
		if first, twice := names[receiver.Name]; twice && receiver.Name != "" {
			wrong(at+".name", "%q is the name of receivers[%d] too; each has its own", receiver.Name, first)
		}
		names[receiver.Name] = i
		receiver.check(func(setting, format string, arguments ...any) { wrong(at+"."+setting, format, arguments...) })
		if len(n.AllowPrivate) == 0 && receiver.plain() {
			wrong(at, "what is not encrypted goes only to addresses in notify.allow_private; encrypt, or say there which ones")
		}
	}
	return problems
}

// plain reports whether what is sent is not encrypted.
func (r Receiver) plain() bool {
	return r.Kind == Webhook && strings.HasPrefix(r.URL, "http:") || r.Kind == Email && r.TLS == "none"
}

func (r Receiver) check(wrong func(setting, format string, arguments ...any)) {
	if !receiverName.MatchString(r.Name) {
		wrong("name", "%q is no name: up to 64 letters, digits, dots, hyphens and underscores", r.Name)
	}
	for _, topic := range r.Topics {
		if !slices.Contains(topics, topic) {
			wrong("topics", "nothing is told of %q; write one of %s", topic, strings.Join(topics, ", "))
		}
	}
	if slices.Contains(r.Groups, "") {
		wrong("groups", "a group has a name")
	}
	if kinds := []string{Webhook, Email, Chat}; !slices.Contains(kinds, r.Kind) {
		wrong("kind", "%q is not one of %s", r.Kind, strings.Join(kinds, ", "))
		return // nobody knows which settings it needs
	}
	for _, setting := range []struct {
		name, kind string
		set, must  bool
	}{
		{"url", Webhook, r.URL != "", true},
		{"secret_file", Webhook, r.SecretFile != "", true},
		{"smtp", Email, r.SMTP != "", true},
		{"tls", Email, r.TLS != "", false},
		{"from", Email, r.From != "", true},
		{"to", Email, len(r.To) > 0, true},
		{"username", Email, r.Username != "", false},
		{"password_file", Email, r.PasswordFile != "", false},
		{"url_file", Chat, r.URLFile != "", true},
	} {
		switch {
		case setting.set && setting.kind != r.Kind:
			wrong(setting.name, "is for receivers of kind %s, and this one is of kind %s", setting.kind, r.Kind)
		case setting.must && !setting.set && setting.kind == r.Kind:
			wrong(setting.name, "a receiver of kind %s needs it", r.Kind)
		}
	}
	if r.Kind == Webhook && r.URL != "" && !isAddress(r.URL) {
		wrong("url", "it must be an address such as https://hooks.shop.example/bidrail, without a user name") // not shown: it may hold a password
	}
	if r.Kind == Email {
		r.checkMail(wrong)
	}
}

func (r Receiver) checkMail(wrong func(setting, format string, arguments ...any)) {
	if host, port, err := net.SplitHostPort(r.SMTP); r.SMTP != "" && (err != nil || host == "" || port == "") {
		wrong("smtp", "%q is not host and port such as mail.shop.example:587", r.SMTP)
	}
	if kinds := []string{"", "starttls", "implicit", "none"}; !slices.Contains(kinds, r.TLS) {
		wrong("tls", "%q is not one of %s", r.TLS, strings.Join(kinds[1:], ", "))
	}
	if r.From != "" {
		if err := mailAddress(r.From); err != nil {
			wrong("from", "%v", err)
		}
	}
	for i, address := range r.To {
		if err := mailAddress(address); err != nil {
			wrong(fmt.Sprintf("to[%d]", i), "%v", err)
		}
	}
	switch {
	case (r.Username == "") != (r.PasswordFile == ""):
		wrong("username", "username and password_file go together")
	case r.TLS == "none" && r.Username != "":
		wrong("username", "a password is not sent in the clear; set tls to starttls or implicit, or leave out username and password_file")
	}
}

func mailAddress(text string) error {
	if _, err := mail.ParseAddress(text); err != nil {
		return fmt.Errorf("%q is not an address such as bidrail@shop.example", text)
	}
	return nil
}

// isAddress reports whether a text is an address of the web that a path can be added to.
func isAddress(text string) bool {
	read, err := url.Parse(text)
	return err == nil && (read.Scheme == "https" || read.Scheme == "http") && read.Host != "" && read.User == nil && read.Fragment == ""
}
