package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/server/config"
	"github.com/bidrail/bidrail/server/notify"
	"github.com/bidrail/bidrail/store/sqlite"
)

func TestNotifierOf(t *testing.T) {
	folder := t.TempDir()
	secret := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(folder, "bidrail.db"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	}()
	settings := config.Notify{
		Link: "https://bidrail.shop.example", AllowPrivate: []string{"10.1.2.3/16"},
		Receivers: []config.Receiver{
			{Name: "chat", Kind: config.Chat, URLFile: secret("chat", "slack://hook:T00000000-B00000000-abcdefghijklmnopqrstuvwx@webhook\n")},
			{Name: "hook", Kind: config.Webhook, URL: "https://x.example", SecretFile: secret("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n"), Topics: []string{"approval"}},
			{
				Name: "mail", Kind: config.Email, SMTP: "x.example:587", From: "a@x.example", To: []string{"b@x.example"}, Username: "u",
				PasswordFile: secret("mail", "hidden"), Groups: []string{"brand"},
			},
			{Name: "relay", Kind: config.Email, SMTP: "10.1.2.3:25", TLS: "none", From: "a@x.example", To: []string{"b@x.example"}},
		},
	}
	made, err := notifierOf(settings, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []notify.Receiver{{Name: "hook", Topics: []string{"approval"}}, {Name: "mail", Groups: []string{"brand"}}, {Name: "relay"}, {Name: "chat"}}
	if diff := cmp.Diff(want, made.Receivers()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	settings.Receivers[0].URLFile = secret("empty", " \n")
	settings.Receivers[1].SecretFile = filepath.Join(folder, "none")
	settings.Receivers[2].PasswordFile = folder
	settings.Receivers[3].Kind = "pigeon"
	_, err = notifierOf(settings, records, nil)
	for _, want := range []string{"notify.receivers[0].url_file", "is empty", "notify.receivers[1].secret_file", "none", "notify.receivers[2].password_file", "pigeon"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	settings.Receivers = []config.Receiver{
		{Name: "hook", Kind: config.Webhook, URL: "https://x.example", SecretFile: secret("hook", "hidden")},
		{Name: "chat", Kind: config.Chat, URLFile: secret("chat", "telegram://hidden@telegram")},
	}
	if _, err = notifierOf(settings, records, nil); err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), `receiver "chat"`) {
		t.Errorf("got %v", err)
	}
}
