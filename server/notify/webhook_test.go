package notify

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestWebhook(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(string(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	type received struct{ id, body, contentType string }
	requests := make(chan received, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			err = verifier.Verify(body, request.Header)
		}
		if err != nil || request.Method != http.MethodPost {
			t.Errorf("%s: %v", request.Method, err)
		}
		requests <- received{request.Header.Get("webhook-id"), string(body), request.Header.Get("Content-Type")}
		response.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	webhook, err := newWebhook(Webhook{URL: server.URL + "/hook?token=tk", Secret: testSecret}, network{allowed: loopback, roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	run := "nightly-run budget.step"
	for name, test := range map[string]struct {
		message message
		want    string
	}{
		"one": {messageOf(t, noticeOf("apr_1", 3, "PENDING")), `{"type":"approval.changed","approval_id":"apr_1","version":3,"state":"PENDING","notices":1}`},
		"versions": {messageOf(t, together(run, noticeOf("apr_1", 3, "PENDING"), noticeOf("apr_1", 4, "APPROVED"))...),
			`{"type":"approval.changed","approval_id":"apr_1","version":4,"state":"APPROVED","notices":2}`},
		"several": {messageOf(t, together(run, noticeOf("apr_1", 3, "PENDING"), noticeOf("apr_2", 1, "PENDING"))...),
			`{"type":"approvals.changed","approvals":[{"approval_id":"apr_1","version":3,"state":"PENDING"},{"approval_id":"apr_2","version":1,"state":"PENDING"}],"notices":2}`},
	} {
		if err := webhook.send(t.Context(), test.message); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := <-requests
		if want := (received{test.message.id, test.want, "application/json"}); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		sayNothing(t, name, got.body)
	}
}

// TestWebhookAnswers says what each answer means, and that the address, which may hold a token, is in no error.
func TestWebhookAnswers(t *testing.T) {
	for _, test := range []struct {
		status int
		want   Outcome
	}{
		{200, Delivered}, {202, Delivered}, {204, Delivered}, {410, Gone}, {400, Failed}, {401, Failed}, {404, Failed}, {429, Failed}, {500, Failed},
		{503, Failed}, {302, Failed}, {304, Failed},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
			response.Header().Set("Location", "/elsewhere")
			response.WriteHeader(test.status)
		}))
		webhook, err := newWebhook(Webhook{URL: server.URL + "/very?token=hidden", Secret: testSecret}, network{allowed: loopback})
		if err != nil {
			t.Fatal(err)
		}
		err = webhook.send(t.Context(), messageOf(t, noticeOf("apr_1", 1, "PENDING")))
		if got := outcomeOf(err); got != test.want || errors.Is(err, errUnreachable) {
			t.Errorf("%d: got %v (%v), want %v", test.status, got, err, test.want)
		}
		server.Close()
		down := webhook.send(t.Context(), messageOf(t, noticeOf("apr_1", 1, "PENDING")))
		if !errors.Is(down, errUnreachable) {
			t.Errorf("nobody listens: got %v, want %v", down, errUnreachable)
		}
		for _, err := range []error{err, down} {
			if err != nil && (strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "very")) {
				t.Errorf("%d: the error shows the address: %v", test.status, err)
			}
		}
	}
}

// A certificate that nobody vouches for is not taken.
func TestWebhookCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was told") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	webhook, err := newWebhook(Webhook{URL: server.URL, Secret: testSecret}, network{allowed: loopback})
	if err != nil {
		t.Fatal(err)
	}
	if err := webhook.send(t.Context(), messageOf(t, noticeOf("apr_1", 1, "PENDING"))); !errors.Is(err, errUnreachable) {
		t.Errorf("got %v, want %v", err, errUnreachable)
	}
}

func TestWebhookRefused(t *testing.T) {
	long := Secret("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)))
	for name, settings := range map[string]Webhook{
		"no address":     {Secret: testSecret},
		"no scheme":      {URL: "hooks.shop.example", Secret: testSecret},
		"another scheme": {URL: "file:///etc/passwd", Secret: testSecret},
		"user name":      {URL: "https://hidden:hidden@hooks.shop.example", Secret: testSecret},
		"not parsed":     {URL: "https://hidden\x00", Secret: testSecret},
		"no secret":      {URL: "https://hooks.shop.example"},
		"no base64":      {URL: "https://hooks.shop.example", Secret: "whsec_hidden!"},
		"short secret":   {URL: "https://hooks.shop.example", Secret: "whsec_aGlkZGVu"},
		"long secret":    {URL: "https://hooks.shop.example", Secret: long},
	} {
		if _, err := newWebhook(settings, network{}); err == nil {
			t.Errorf("%s: was taken", name)
		} else if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "aGlkZGVu") {
			t.Errorf("%s: the error shows it: %v", name, err)
		}
	}
}
