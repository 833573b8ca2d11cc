package main

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

var updatePages = flag.Bool("update-pages", false, "write the pages of approvals anew")

// The page that somebody decides by at seven in the evening, to the letter.
func TestApprovalPages(t *testing.T) {
	for _, name := range []string{"shift", "capped"} {
		message, err := os.ReadFile("testdata/approvals/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		page := &bidrailv1.ApprovalPage{}
		if err := protojson.Unmarshal(message, page); err != nil {
			t.Fatal(err)
		}
		got := approvalText(newScreen(&strings.Builder{}, environment{}), page) + answersText(page, connection{Server: defaultServer})
		golden := "testdata/approvals/" + name + ".golden"
		if *updatePages {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got); -update-pages writes it anew:\n%s", name, diff)
		}
		if strings.Contains(got, "\x1b") {
			t.Errorf("%s: a control character of somebody's text gets to the terminal", name)
		}
	}
}

// Nothing but a plain yes is one.
func TestConfirm(t *testing.T) {
	for answer, meant := range map[string]bool{"y\n": true, "Yes\n": true, "y": true, "": false, "\n": false, "n\n": false, "yep\n": false, "\ny\n": false} {
		var asked strings.Builder
		err := confirm(environment{stdin: strings.NewReader(answer), stderr: &asked}, false, "approve it", "")
		if (err == nil) != meant || err != nil && !errors.Is(err, errNotMeant) {
			t.Errorf("%q: got %v, want it meant: %v", answer, err, meant)
		}
		if !strings.Contains(asked.String(), "approve it? [y/N]") {
			t.Errorf("%q: asked %q", answer, asked.String())
		}
	}
	if err := confirm(environment{}, true, "approve it", ""); err != nil {
		t.Errorf("--yes: %v", err)
	}
}

func TestSpans(t *testing.T) {
	for length, want := range map[time.Duration]string{
		0: "less than 1 s", 999 * time.Millisecond: "less than 1 s", 45 * time.Second: "45 s", time.Minute: "1 min", 3*time.Hour + 40*time.Minute + 59*time.Second: "3 h 40 min",
		time.Hour + 30*time.Second: "1 h", 49 * time.Hour: "2 d 1 h", 24*time.Hour + time.Minute: "1 d", 61 * time.Second: "1 min 1 s",
	} {
		if got := span(length); got != want {
			t.Errorf("%v: got %q, want %q", length, got, want)
		}
	}
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	if got := relative(noon.Add(time.Hour), noon) + ", " + relative(noon.Add(-time.Hour), noon); got != "in 1 h, 1 h ago" {
		t.Errorf("got %q", got)
	}
}

// What a command that is written out says reaches the program as one word, whatever somebody has written there.
func TestShellWords(t *testing.T) {
	for word, want := range map[string]string{
		"apr_1-a": "apr_1-a", "sha256:00ff": "sha256:00ff", "a@example.com": "a@example.com", "120.00 USD": "'120.00 USD'", "": "''",
		"$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "a;b": "'a;b'", "a\x1bb": "'a\uFFFDb'", "*": "'*'", "~": "'~'",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestDeliveriesAreShown(t *testing.T) {
	var out strings.Builder
	deliveries := []*bidrailv1.Delivery{{Receiver: "pager", State: bidrailv1.DeliveryState_DELIVERY_STATE_GIVEN_UP, Attempts: 9, Object: "apr_1", Version: 2, ObjectState: "PENDING",
		Groups: []string{"growth", "leads"}, LastError: "no route\nto host"}}
	if err := printDeliveries(newScreen(&out, environment{}), deliveries); err != nil {
		t.Fatal(err)
	}
	want := "SINCE (UTC)  RECEIVER  STATE     TRIED  NEXT (UTC)  ABOUT             ASKS           LAST ERROR\n" +
		"             pager     GIVEN_UP  9                  apr_1 v2 PENDING  growth, leads  no route to host\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
