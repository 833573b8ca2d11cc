package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeMailServer speaks as much SMTP as is needed, one connection after another.
type fakeMailServer struct {
	certificate tls.Certificate
	implicit    bool
	noStartTLS  bool
	password    string            // empty: it wants none
	answers     map[string]string // to a command, in place of the usual; those with # hang up instead

	mutex   sync.Mutex
	said    []string // all lines that came in
	letters []string
}

// start serves until the test ends.
func (s *fakeMailServer) start(t *testing.T) (address string, roots *x509.CertPool) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil)
	s.certificate = borrowed.TLS.Certificates[0]
	roots = x509.NewCertPool()
	roots.AddCert(borrowed.Certificate())
	borrowed.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if s.implicit {
				connection = tls.Server(connection, s.tls())
			}
			s.serve(connection)
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return listener.Addr().String(), roots
}

func (s *fakeMailServer) tls() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12}
}

// serve answers until somebody hangs up. What goes wrong shows in what the client makes of it.
func (s *fakeMailServer) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	reader := bufio.NewReader(connection)
	say := func(text string) { _, _ = fmt.Fprintf(connection, "%s\r\n", text) }
	say("220 mail.shop.example")
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.mutex.Lock()
		s.said = append(s.said, line)
		s.mutex.Unlock()
		command, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if answer, ok := s.answers[command]; ok {
			if answer == "#" {
				return
			}
			say(strings.ReplaceAll(answer, "LINE", line))
			continue
		}
		_, encrypted := connection.(*tls.Conn)
		switch command {
		case "EHLO":
			extensions := []string{"mail.shop.example", "8BITMIME"}
			if !encrypted && !s.noStartTLS {
				extensions = append(extensions, "STARTTLS")
			}
			if s.password != "" {
				extensions = append(extensions, "AUTH PLAIN")
			}
			for i, extension := range extensions {
				separator := "-"
				if i == len(extensions)-1 {
					separator = " "
				}
				say("250" + separator + extension)
			}
		case "STARTTLS":
			say("220 go on")
			connection = tls.Server(connection, s.tls())
			reader = bufio.NewReader(connection)
		case "AUTH":
			if line == "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00bidrail\x00"+s.password)) {
				say("235 welcome")
			} else {
				say("535 I do not like " + line)
			}
		case "DATA":
			say("354 go on")
			var letter strings.Builder
			for {
				line, err := reader.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				letter.WriteString(line)
			}
			s.mutex.Lock()
			s.letters = append(s.letters, letter.String())
			s.mutex.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// received is what came in.
func (s *fakeMailServer) received() (said string, letters []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return strings.Join(s.said, "\n"), s.letters
}

func TestEmail(t *testing.T) {
	linked, err := linkOf("https://bidrail.shop.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		server   *fakeMailServer
		settings Mailbox
	}{
		"starttls":               {&fakeMailServer{}, Mailbox{}},
		"starttls with password": {&fakeMailServer{password: "pw"}, Mailbox{Encryption: StartTLS, Username: "bidrail", Password: "pw"}},
		"implicit":               {&fakeMailServer{implicit: true}, Mailbox{Encryption: Implicit}},
		"implicit with password": {&fakeMailServer{implicit: true, password: "pw"}, Mailbox{Encryption: Implicit, Username: "bidrail", Password: "pw"}},
		"none":                   {&fakeMailServer{}, Mailbox{Encryption: Unencrypted}},
		// It has the letter by then.
		"hung up after the letter": {&fakeMailServer{answers: map[string]string{"RSET": "#"}}, Mailbox{}},
		"no farewell":              {&fakeMailServer{answers: map[string]string{"QUIT": "#"}}, Mailbox{}},
	} {
		t.Run(name, func(t *testing.T) {
			server, settings := test.server, test.settings
			address, roots := server.start(t)
			settings.Server, settings.From, settings.To = address, "Bidrail <bidrail@shop.example>", []string{"a@shop.example", "B <b@shop.example>"}
			mailbox, err := newMailbox(settings, linked, network{allowed: loopback, roots: roots})
			if err != nil {
				t.Fatal(err)
			}
			told := messageOf(t, together("nightly-run budget.step", noticeOf("apr_1", 1, "PENDING"), noticeOf("apr_2", 3, "EXPIRED"))...)
			if err := mailbox.send(t.Context(), told); err != nil {
				t.Fatal(err)
			}
			said, letters := server.received()
			if len(letters) != 1 {
				t.Fatalf("%d letters came in:\n%s", len(letters), said)
			}
			for _, command := range []string{"MAIL FROM:<bidrail@shop.example>", "RCPT TO:<a@shop.example>", "RCPT TO:<b@shop.example>"} {
				if !strings.Contains(said, command) {
					t.Errorf("%q is missing in\n%s", command, said)
				}
			}
			read, err := mail.ReadMessage(strings.NewReader(letters[0]))
			if err != nil {
				t.Fatal(err)
			}
			body := new(strings.Builder)
			if _, err := bufio.NewReader(read.Body).WriteTo(body); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"body": strings.ReplaceAll(body.String(), "\r\n", "\n")}
			for _, header := range []string{"Message-Id", "Subject", "From", "To", "Auto-Submitted", "Content-Type", "User-Agent", "X-Mailer"} {
				got[header] = read.Header.Get(header)
			}
			want := map[string]string{
				"body": "Approval apr_1 is PENDING (version 1):\n  https://bidrail.shop.example/approvals/apr_1\n" +
					"Approval apr_2 is EXPIRED (version 3):\n  https://bidrail.shop.example/approvals/apr_2\n",
				"Message-Id": "<" + told.id + "@shop.example>", "Subject": "2 approvals have changed", "From": `"Bidrail" <bidrail@shop.example>`,
				"To": `<a@shop.example>, "B" <b@shop.example>`, "Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=UTF-8",
				"User-Agent": "", "X-Mailer": "",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			sayNothing(t, name, letters[0])
		})
	}
}

// TestEmailFails has the password nowhere in the errors, not even where the server repeats it.
func TestEmailFails(t *testing.T) {
	for name, test := range map[string]struct {
		server   *fakeMailServer
		settings Mailbox
		want     string
	}{
		"wrong password":      {&fakeMailServer{password: "other"}, Mailbox{Username: "bidrail", Password: "hidden"}, "535"},
		"repeats the command": {&fakeMailServer{password: "x", answers: map[string]string{"AUTH": "500 what is LINE?"}}, Mailbox{Username: "bidrail", Password: "hidden"}, "500"},
		"wants no password":   {&fakeMailServer{}, Mailbox{Username: "bidrail", Password: "hidden"}, "AUTH"},
		"does not encrypt":    {&fakeMailServer{noStartTLS: true, password: "hidden"}, Mailbox{Username: "bidrail", Password: "hidden"}, "STARTTLS"},
		"refuses the address": {&fakeMailServer{answers: map[string]string{"RCPT": "550 who is LINE?"}}, Mailbox{}, "550"},
		"refuses the letter":  {&fakeMailServer{answers: map[string]string{"DATA": "451 not now"}}, Mailbox{}, "451"},
		"hangs up":            {&fakeMailServer{answers: map[string]string{"MAIL": "#"}}, Mailbox{}, "EOF"},
		"no SMTP":             {&fakeMailServer{answers: map[string]string{"EHLO": "what?", "HELO": "what?"}}, Mailbox{}, "does not speak SMTP"},
	} {
		t.Run(name, func(t *testing.T) {
			server, settings := test.server, test.settings
			address, roots := server.start(t)
			settings.Server, settings.From, settings.To = address, "bidrail@shop.example", []string{"a@shop.example"}
			mailbox, err := newMailbox(settings, link{}, network{allowed: loopback, roots: roots})
			if err != nil {
				t.Fatal(err)
			}
			err = mailbox.send(t.Context(), messageOf(t, noticeOf("apr_1", 1, "PENDING")))
			if outcomeOf(err) != Failed || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want something about %q", err, test.want)
			}
			said, letters := server.received()
			if len(letters) != 0 {
				t.Error("a letter came in")
			}
			for _, hidden := range []string{"hidden", base64.StdEncoding.EncodeToString([]byte("\x00bidrail\x00hidden"))} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error shows the password: %v", err)
				}
				if server.noStartTLS && strings.Contains(said, hidden) {
					t.Errorf("the password went over the wire in the clear:\n%s", said)
				}
			}
		})
	}
}

// A mail server is as far away as anything else.
func TestEmailStaysOut(t *testing.T) {
	server := &fakeMailServer{}
	address, roots := server.start(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, encryption := range []Encryption{StartTLS, Implicit, Unencrypted} {
		mailbox, err := newMailbox(Mailbox{Server: "localhost:" + port, Encryption: encryption, From: "a@x.example", To: []string{"b@x.example"}}, link{}, network{roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		if err := mailbox.send(t.Context(), messageOf(t, noticeOf("apr_1", 1, "PENDING"))); !errors.Is(err, errRefused) {
			t.Errorf("%s: got %v, want it refused", encryption, err)
		}
	}
	if said, _ := server.received(); said != "" {
		t.Errorf("it was spoken to:\n%s", said)
	}
}

func TestMailboxesRefused(t *testing.T) {
	good := Mailbox{Server: "mail.shop.example:587", From: "a@x.example", To: []string{"b@x.example"}}
	if _, err := newMailbox(good, link{}, network{}); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Mailbox){
		"no port":           func(m *Mailbox) { m.Server = "mail.shop.example" },
		"port 0":            func(m *Mailbox) { m.Server = "mail.shop.example:0" },
		"no host":           func(m *Mailbox) { m.Server = ":587" },
		"no sender":         func(m *Mailbox) { m.From = "" },
		"nobody":            func(m *Mailbox) { m.To = nil },
		"wrong address":     func(m *Mailbox) { m.To = []string{"b@x.example", "b\r\nBcc: c@x.example"} },
		"no password":       func(m *Mailbox) { m.Username = "u" },
		"no user name":      func(m *Mailbox) { m.Password = "hidden" },
		"password in clear": func(m *Mailbox) { m.Username, m.Password, m.Encryption = "u", "hidden", Unencrypted },
		"encryption":        func(m *Mailbox) { m.Encryption = "ssl" },
	} {
		spoilt := good
		spoil(&spoilt)
		if _, err := newMailbox(spoilt, link{}, network{}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
