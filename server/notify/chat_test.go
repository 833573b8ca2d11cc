package notify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRooms holds where messages go, and what is in them, against what the services document.
func TestRooms(t *testing.T) {
	for _, test := range []struct{ url, method, target, contentType, authorization, body string }{
		{
			url:    "slack://hook:T00000000-B00000000-abcdefghijklmnopqrstuvwx@webhook",
			target: "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx",
			body:   `{"text":"","attachments":[{"text":"one"},{"text":"two"}]}`,
		},
		{
			url: "discord://token@123", target: "https://discord.com/api/webhooks/123/token", body: `{"content":"one\ntwo"}`,
		},
		{
			url: "mattermost://bidrail@chat.shop.example:8443/token/room", target: "https://chat.shop.example:8443/hooks/token",
			body: `{"text":"one\ntwo","username":"bidrail","channel":"room"}`,
		},
		{url: "mattermost://10.1.2.3:8065/token?disabletls=yes", target: "http://10.1.2.3:8065/hooks/token", body: `{"text":"one\ntwo"}`},
		{
			url: "rocketchat://bidrail@chat.shop.example:3000/tokenA/tokenB/room", target: "https://chat.shop.example:3000/hooks/tokenA/tokenB",
			body: `{"text":"one\ntwo","username":"bidrail","channel":"#room"}`,
		},
		{
			url: "googlechat://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t=", target: "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t%3D",
			body: `{"text":"one\ntwo"}`,
		},
		{
			url: "generic://ntfy.shop.example/topic?@Authorization=Bearer+tk&a=b", target: "https://ntfy.shop.example/topic?a=b",
			contentType: "text/plain; charset=utf-8", authorization: "Bearer tk", body: "one\ntwo",
		},
		{
			url: "generic://hooks.shop.example/x?template=json&messagekey=text&$room=r&title=Bidrail&method=PUT", method: "PUT",
			target: "https://hooks.shop.example/x", body: `{"room":"r","text":"one\ntwo","title":"Bidrail"}`,
		},
		{url: "generic://127.0.0.1:80/x?disabletls=yes", target: "http://127.0.0.1:80/x", contentType: "text/plain; charset=utf-8", body: "one\ntwo"},
	} {
		made, err := newChat(Chat{URL: Secret(test.url)}, link{}, network{})
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		body, err := made.room.body("one\ntwo")
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		got := test
		got.target, got.body, got.contentType, got.authorization = made.room.target, string(body), made.room.header.Get("Content-Type"), made.room.header.Get("Authorization")
		if made.room.method != http.MethodPost {
			got.method = made.room.method
		}
		if test.contentType == "" && got.contentType == "application/json" {
			got.contentType = ""
		}
		if diff := cmp.Diff(test, got, cmp.AllowUnexported(test)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.url, diff)
		}
	}
}

// What cannot be sent by our own client is not sent at all, and no refusal shows the URL.
func TestChatsRefused(t *testing.T) {
	for _, text := range []string{
		"", "hidden", "https://hooks.slack.com/services/hidden", "telegram://hidden@telegram?chats=@a", "smtp://u:hidden@mail.shop.example", "logger://", "teams://hidden",
		"slack://hook:hidden@webhook", "slack://xoxb:123456789012-1234567890123-4mt0t4l1YL3g1T5L4cK70k3N@C00000000", "slack://", "slack://dummy@dummy.com",
		"discord://hidden@123/raw", "discord://123", "mattermost://chat.shop.example", "mattermost:///hidden", "mattermost://u@/hidden", "rocketchat://chat.shop.example/hidden",
		"rocketchat:///hidden/hidden", "googlechat:///hidden", "generic:///hidden", "generic://u:hidden@x/y", "generic://x/?method=GET", "generic://x/?template=hidden",
		"generic://x/?method=hidden", "slack://hook:T00000000-B00000000-abcdefghijklmnopqrstuvwx@webhook?nonsense=hidden", "\x00hidden", "generic+https://x/hidden",
	} {
		if _, err := newChat(Chat{URL: Secret(text)}, link{}, network{}); err == nil {
			t.Errorf("%q was taken", text)
		} else if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "4mt0") {
			t.Errorf("%q: the error shows it: %v", text, err)
		}
	}
}

func TestChat(t *testing.T) {
	bodies := make(chan string, 1)
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil || request.Method != http.MethodPost || request.Header.Get("X-Room") != "budget" {
			t.Errorf("%s, room %q: %v", request.Method, request.Header.Get("X-Room"), err)
		}
		bodies <- string(body)
		response.WriteHeader(status)
	}))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linkOf("https://bidrail.shop.example")
	if err != nil {
		t.Fatal(err)
	}
	settings := Chat{URL: Secret("generic://" + target.Host + "/hidden?disabletls=yes&@X-Room=budget")}
	chat, err := newChat(settings, linked, network{allowed: loopback})
	if err != nil {
		t.Fatal(err)
	}
	told := messageOf(t, together("nightly-run budget.step", noticeOf("apr_1", 1, "PENDING"), noticeOf("apr_2", 1, "PENDING"))...)
	if err := chat.send(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	got := <-bodies
	if diff := cmp.Diff(told.text(linked, " "), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sayNothing(t, "chat", got)

	status = http.StatusForbidden
	err = chat.send(t.Context(), told)
	<-bodies
	if outcomeOf(err) != Failed || strings.Contains(err.Error(), "hidden") {
		t.Errorf("refused: got %v", err)
	}
	// Unless it is allowed, the same room is out of reach.
	if chat, err = newChat(settings, linked, network{}); err != nil {
		t.Fatal(err)
	}
	if err := chat.send(t.Context(), told); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("not allowed: got %v", err)
	}
	if len(bodies) != 0 {
		t.Error("a private address was reached that is not allowed")
	}
}
