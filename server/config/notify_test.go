package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/server/config"
)

func TestNotify(t *testing.T) {
	got, err := config.Load(write(t, `
notify:
  link: https://bidrail.shop.example/console
  allow_private: [10.1.0.0/16, "fd00::/8"]
  receivers:
    - {name: audit-hook, kind: webhook, url: "https://hooks.shop.example/bidrail", secret_file: /s/hook, topics: [approval]}
    - {name: house-hook, kind: webhook, url: "http://10.1.2.3:8080/", secret_file: /s/hook}
    - name: budget-mail
      kind: email
      smtp: mail.shop.example:587
      from: Bidrail <bidrail@shop.example>
      to: [a@shop.example, b@shop.example]
      username: bidrail
      password_file: /s/mail
      groups: [budget_owners]
    - {name: relay, kind: email, smtp: "10.1.2.3:25", tls: none, from: bidrail@shop.example, to: [a@shop.example]}
    - {name: team-chat, kind: chat, url_file: /s/chat, groups: [performance, brand]}
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Notify{
		Link: "https://bidrail.shop.example/console", AllowPrivate: []string{"10.1.0.0/16", "fd00::/8"},
		Receivers: []config.Receiver{
			{Name: "audit-hook", Kind: config.Webhook, URL: "https://hooks.shop.example/bidrail", SecretFile: "/s/hook", Topics: []string{"approval"}},
			{Name: "house-hook", Kind: config.Webhook, URL: "http://10.1.2.3:8080/", SecretFile: "/s/hook"},
			{
				Name: "budget-mail", Kind: config.Email, SMTP: "mail.shop.example:587", From: "Bidrail <bidrail@shop.example>",
				To: []string{"a@shop.example", "b@shop.example"}, Username: "bidrail", PasswordFile: "/s/mail", Groups: []string{"budget_owners"},
			},
			{Name: "relay", Kind: config.Email, SMTP: "10.1.2.3:25", TLS: "none", From: "bidrail@shop.example", To: []string{"a@shop.example"}},
			{Name: "team-chat", Kind: config.Chat, URLFile: "/s/chat", Groups: []string{"performance", "brand"}},
		},
	}
	if diff := cmp.Diff(want, got.Notify); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotifyRefused(t *testing.T) {
	const (
		webhook = `{name: a, kind: webhook, url: "https://x.example/", secret_file: /s}`
		email   = `{name: a, kind: email, smtp: "x.example:25", from: a@x.example, to: [b@x.example]`
	)
	for name, test := range map[string]struct {
		settings string
		holds    []string
	}{
		"unknown key":         {`receivers: [{name: a, kind: chat, url_file: /s, secret: x}]`, []string{"secret"}},
		"secrets in the file": {`receivers: [{name: a, kind: email, password: x}]`, []string{"password"}},
		"link":                {`link: bidrail.shop.example`, []string{"notify.link", "https://"}},
		"link with user":      {`link: "https://u:p@x"`, []string{"notify.link"}},
		"allowed":             {`allow_private: [10.1.0.0/16, house, 10.0.0.1]`, []string{"notify.allow_private[1]", "house", "notify.allow_private[2]"}},
		"no name":             {`receivers: [{kind: chat, url_file: /s}]`, []string{"notify.receivers[0].name"}},
		"name":                {`receivers: [{name: "a b", kind: chat, url_file: /s}]`, []string{"notify.receivers[0].name", `"a b"`}},
		"one name":            {`receivers: [` + webhook + `, ` + webhook + `]`, []string{"notify.receivers[1].name", "receivers[0] too"}},
		"no kind":             {`receivers: [{name: a}]`, []string{"notify.receivers[0].kind", "webhook, email, chat"}},
		"kind":                {`receivers: [{name: a, kind: pigeon}]`, []string{"notify.receivers[0].kind", "pigeon"}},
		"topic":               {`receivers: [{name: a, kind: chat, url_file: /s, topics: [weather]}]`, []string{"notify.receivers[0].topics", "weather", "approval"}},
		"group":               {`receivers: [{name: a, kind: chat, url_file: /s, groups: [""]}]`, []string{"notify.receivers[0].groups"}},
		"bare webhook":        {`receivers: [{name: a, kind: webhook}]`, []string{".url: a receiver of kind webhook needs it", ".secret_file: a"}},
		"bare email":          {`receivers: [{name: a, kind: email}]`, []string{".smtp: a", ".from: a", ".to: a"}},
		"bare chat":           {`receivers: [{name: a, kind: chat}]`, []string{".url_file: a"}},
		"another kind's":      {`receivers: [{name: a, kind: chat, url_file: /s, url: "https://x", to: [a@x]}]`, []string{".url: is for", ".to: is for"}},
		"url":                 {`receivers: [{name: a, kind: webhook, url: "ftp://x", secret_file: /s}]`, []string{".url: it must be"}},
		"plain webhook":       {`receivers: [{name: a, kind: webhook, url: "http://x", secret_file: /s}]`, []string{"notify.receivers[0]: what is not encrypted"}},
		"plain mail":          {`receivers: [` + email + `, tls: none}]`, []string{"notify.receivers[0]: what is not encrypted"}},
		"server":              {`receivers: [{name: a, kind: email, smtp: x.example, from: a@x.example, to: [b@x.example]}]`, []string{".smtp:", "x.example"}},
		"tls":                 {`receivers: [` + email + `, tls: ssl}]`, []string{".tls:", "ssl", "starttls"}},
		"addresses": {`receivers: [{name: a, kind: email, smtp: "x:25", from: bidrail, to: [b@x.example, c]}]`,
			[]string{".from:", "bidrail", ".to[1]:"}},
		"no password":       {`receivers: [` + email + `, username: u}]`, []string{".username:", "password_file"}},
		"no user name":      {`receivers: [` + email + `, password_file: /s}]`, []string{".username:", "password_file"}},
		"password in clear": {`receivers: [` + email + `, tls: none, username: u, password_file: /s}]`, []string{".username: a password is not sent in the clear"}},
		"all at once": {"{link: x, allow_private: [x], receivers: [{name: a, kind: x}, {name: a, kind: email, tls: x}]}",
			[]string{"link", "allow_private[0]", "receivers[0].kind", "receivers[1].name", "receivers[1].smtp", "receivers[1].tls"}},
	} {
		settings := test.settings
		if !strings.HasPrefix(settings, "{") {
			settings = "{" + settings + "}"
		}
		_, err := config.Load(write(t, "notify: "+settings+"\n"), nil, nil)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		for _, part := range test.holds {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error lacks %q: %v", name, part, err)
			}
		}
	}
}

// An address may hold a password by mistake, and errors are read by more people than configuration is.
func TestNotifyHidesAddresses(t *testing.T) {
	_, err := config.Load(write(t, `notify: {receivers: [{name: a, kind: webhook, url: "https://u:hidden@x", secret_file: /s}]}`), nil, nil)
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

// What the manual shows is taken.
func TestNotifyInTheManual(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "notifications.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	got, err := config.Load(write(t, example), nil, nil)
	if err != nil || !found || len(got.Notify.Receivers) != 3 {
		t.Errorf("%d receivers, %v", len(got.Notify.Receivers), err)
	}
}
