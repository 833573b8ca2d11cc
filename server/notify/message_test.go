package notify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/store"
)

func TestMessages(t *testing.T) {
	run := func(notices ...store.Notice) []store.Notice { return together("nightly-run budget.step", notices...) }
	for _, test := range []struct {
		name    string
		notices []store.Notice
		want    []string // the items of each message
	}{
		{"none", nil, nil},
		{"one", run(noticeOf("a", 1, "PENDING")), []string{"[{a 1 PENDING}] of 1"}},
		{"nothing in common", []store.Notice{noticeOf("a", 1, "PENDING"), noticeOf("b", 1, "PENDING")},
			[]string{"[{a 1 PENDING}] of 1", "[{b 1 PENDING}] of 1"}},
		{"one run", run(noticeOf("a", 1, "PENDING"), noticeOf("b", 4, "EXPIRED")), []string{"[{a 1 PENDING} {b 4 EXPIRED}] of 2"}},
		{"one run between others", append(run(noticeOf("a", 1, "PENDING"), noticeOf("c", 1, "PENDING")), noticeOf("b", 1, "PENDING")),
			[]string{"[{a 1 PENDING} {c 1 PENDING}] of 2", "[{b 1 PENDING}] of 1"}},
		{"newest version", run(noticeOf("a", 2, "APPROVED"), noticeOf("a", 1, "PENDING"), noticeOf("a", 4, "LAPSED"), noticeOf("a", 3, "APPROVED")),
			[]string{"[{a 4 LAPSED}] of 4"}},
	} {
		var got []string
		for _, message := range messagesOf(deliveriesOf(test.notices...)) {
			got = append(got, fmt.Sprintf("%v of %d", message.items, len(message.deliveries)))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	var notices []store.Notice
	for i := range 45 {
		notices = append(notices, noticeOf(fmt.Sprintf("apr_%d", i), 1, "PENDING"))
	}
	var got []int
	ids := map[string]bool{}
	for _, message := range messagesOf(deliveriesOf(together("w", notices...)...)) {
		got = append(got, len(message.deliveries))
		ids[message.id] = true
	}
	if diff := cmp.Diff([]int{20, 20, 5}, got); diff != "" || len(ids) != 3 {
		t.Errorf("%d ids (-want +got):\n%s", len(ids), diff)
	}
}

// The id is how a receiver knows what it has had already.
func TestMessageID(t *testing.T) {
	one := messageOf(t, noticeOf("a", 1, "PENDING"))
	if one.id != "ntc_a_1" {
		t.Errorf("one notice has the id %q, want its own", one.id)
	}
	both := func(second int64) string {
		return messageOf(t, together("w", noticeOf("a", 1, "PENDING"), noticeOf("a", second, "PENDING"))...).id
	}
	first, again, others := both(2), both(2), both(3)
	if first != again || first == others || first == one.id {
		t.Errorf("ids of several notices: %q, again %q, others %q", first, again, others)
	}
}

func TestText(t *testing.T) {
	message := messageOf(t, together("nightly-run budget.step", noticeOf("apr_1", 1, "PENDING"), noticeOf("../x?y", 2, "APPROVED_CAPPED"))...)
	linked, err := linkOf("https://bidrail.shop.example/console/")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		link link
		want string
	}{
		"linked": {linked, "Approval apr_1 is PENDING (version 1): https://bidrail.shop.example/console/approvals/apr_1\n" +
			"Approval ../x?y is APPROVED_CAPPED (version 2): https://bidrail.shop.example/console/approvals/..%2Fx%3Fy"},
		"not linked": {link{}, "Approval apr_1 is PENDING (version 1): bidrail approvals show apr_1\n" +
			"Approval ../x?y is APPROVED_CAPPED (version 2): bidrail approvals show ../x?y"},
	} {
		got := message.text(test.link, " ")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		sayNothing(t, name, got+message.subject())
	}
	if got, want := message.subject(), "2 approvals have changed"; got != want {
		t.Errorf("subject: got %q, want %q", got, want)
	}
	if got, want := messageOf(t, noticeOf("apr_1", 1, "PENDING")).subject(), "Approval apr_1 is PENDING"; got != want {
		t.Errorf("subject: got %q, want %q", got, want)
	}
}

// sayNothing looks for what must not leave.
func sayNothing(t *testing.T, where, text string) {
	t.Helper()
	for _, word := range unspeakable {
		if strings.Contains(text, word) {
			t.Errorf("%s: %q is told outside:\n%s", where, word, text)
		}
	}
}

func TestLinksRefused(t *testing.T) {
	for _, base := range []string{"bidrail.shop.example", "ftp://x", "https://", "javascript:alert(1)", "https://u:p@x", "https://x?a=b", "https://x#a", "https://x\n"} {
		if _, err := linkOf(base); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}

func TestHears(t *testing.T) {
	for _, test := range []struct {
		name     string
		receiver Receiver
		topic    string
		groups   []string
		want     bool
	}{
		{"everything", Receiver{}, "approval", nil, true},
		{"everything, with groups asked", Receiver{}, "approval", []string{"a"}, true},
		{"its topic", Receiver{Topics: []string{"approval"}}, "approval", []string{"a"}, true},
		{"another topic", Receiver{Topics: []string{"approval"}}, "mode", nil, false},
		{"its group", Receiver{Groups: []string{"a", "b"}}, "approval", []string{"c", "b"}, true},
		{"other groups", Receiver{Groups: []string{"a"}}, "approval", []string{"c"}, false},
		{"nobody asked", Receiver{Groups: []string{"a"}}, "approval", nil, false},
		{"its group, another topic", Receiver{Topics: []string{"approval"}, Groups: []string{"a"}}, "mode", []string{"a"}, false},
	} {
		if got := test.receiver.Hears(test.topic, test.groups); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
