package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/config"
	"github.com/bidrail/bidrail/server/notify"
	"github.com/bidrail/bidrail/store"
)

// notifierOf prepares to tell the configured receivers, whose secrets it reads. It reports everything that is wrong with them at
// once, and says no secret. Settings that config.Load has refused are not for it.
func notifierOf(settings config.Notify, records store.Store, logger hclog.Logger) (*notify.Notifier, error) {
	prepared := notify.Config{Store: records, Logger: logger, Link: settings.Link}
	var problems []error
	for _, text := range settings.AllowPrivate {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("notify.allow_private: %q is not a range of addresses such as 10.1.0.0/16", text))
			continue
		}
		prepared.AllowPrivate = append(prepared.AllowPrivate, prefix.Masked())
	}
	for i, setting := range settings.Receivers {
		secret := func(name, path string) notify.Secret {
			read, err := secretIn(path)
			if err != nil {
				problems = append(problems, fmt.Errorf("notify.receivers[%d].%s: %w", i, name, err))
			}
			return read
		}
		receiver := notify.Receiver{Name: setting.Name, Topics: setting.Topics, Groups: setting.Groups}
		switch setting.Kind {
		case config.Webhook:
			prepared.Webhooks = append(prepared.Webhooks, notify.Webhook{Receiver: receiver, URL: setting.URL, Secret: secret("secret_file", setting.SecretFile)})
		case config.Email:
			mailbox := notify.Mailbox{
				Receiver: receiver, Server: setting.SMTP, Encryption: notify.Encryption(setting.TLS), From: setting.From, To: setting.To, Username: setting.Username,
			}
			if setting.PasswordFile != "" {
				mailbox.Password = secret("password_file", setting.PasswordFile)
			}
			prepared.Mailboxes = append(prepared.Mailboxes, mailbox)
		case config.Chat:
			prepared.Chats = append(prepared.Chats, notify.Chat{Receiver: receiver, URL: secret("url_file", setting.URLFile)})
		default:
			problems = append(problems, fmt.Errorf("notify.receivers[%d].kind: %q is not webhook, email or chat", i, setting.Kind))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return notify.New(prepared)
}

// receiversOf is who the server writes notices for.
func receiversOf(notifier *notify.Notifier) []server.Receiver {
	var receivers []server.Receiver
	for _, each := range notifier.Receivers() {
		receivers = append(receivers, server.Receiver{Name: each.Name, Hears: each.Hears})
	}
	return receivers
}

// secretIn reads a secret from a file that holds nothing else. A line break at its end is not part of it.
func secretIn(path string) (notify.Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s is empty; put the secret there and nothing else", path)
	}
	return notify.Secret(secret), nil
}
