package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

// clock is a time that tests move.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}

// open is a store whose time is the clock's.
func open(t *testing.T) (*sqlite.Store, *clock) {
	t.Helper()
	clock := &clock{now: start}
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "bidrail.db"), Now: clock.Now, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
	return records, clock
}

// insert writes notices for the receivers.
func insert(t *testing.T, records store.Store, receivers []string, notices ...store.Notice) {
	t.Helper()
	var addressed []store.AddressedNotice
	for _, notice := range notices {
		addressed = append(addressed, store.AddressedNotice{Notice: notice, Receivers: receivers})
	}
	if err := records.Update(t.Context(), func(tx store.Tx) error { return tx.InsertNotices(addressed) }); err != nil {
		t.Fatal(err)
	}
}

// outbox is every delivery in short, the oldest first.
func outbox(t *testing.T, records store.Store) (deliveries []store.Delivery, short []string) {
	t.Helper()
	err := records.View(t.Context(), func(reader store.Reader) (err error) {
		deliveries, _, err = reader.ListDeliveries("", store.Page{Limit: store.MaxPage})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(deliveries)
	for _, each := range deliveries {
		short = append(short, fmt.Sprintf("%s to %s: %s after %d", each.Notice.ID, each.Receiver, each.State, each.Attempts))
	}
	return deliveries, short
}

// them are receivers at one address, which notes what it is told and answers with a status.
type them struct {
	url string

	mutex  sync.Mutex
	status int
	told   []string // the ids of requests
	heard  chan string
}

func listen(t *testing.T) *them {
	t.Helper()
	them := &them{status: http.StatusOK, heard: make(chan string, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		them.mutex.Lock()
		defer them.mutex.Unlock()
		them.told = append(them.told, request.Header.Get("webhook-id"))
		response.WriteHeader(them.status)
		them.heard <- string(body)
	}))
	t.Cleanup(server.Close)
	them.url = server.URL
	return them
}

func (t *them) answer(status int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.status = status
}

func (t *them) all() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.told)
}

func newNotifier(t *testing.T, config Config) *Notifier {
	t.Helper()
	config.AllowPrivate = loopback
	made, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func hook(name, url string) Webhook {
	return Webhook{Receiver: Receiver{Name: name}, URL: url, Secret: testSecret}
}

func deliver(t *testing.T, notifier *Notifier, want int) {
	t.Helper()
	got, err := notifier.Deliver(t.Context())
	if err != nil || got != want {
		t.Fatalf("delivered %d (%v), want %d", got, err, want)
	}
}

func TestDeliver(t *testing.T) {
	records, _ := open(t)
	them := listen(t)
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("one", them.url), hook("two", them.url)}})
	deliver(t, notifier, 0)
	insert(t, records, []string{"one", "two"}, noticeOf("a", 1, "PENDING"))
	insert(t, records, []string{"one"}, together("run", noticeOf("b", 1, "PENDING"), noticeOf("c", 1, "PENDING"), noticeOf("b", 2, "APPROVED"))...)
	deliver(t, notifier, 5)
	deliver(t, notifier, 0)
	_, got := outbox(t, records)
	want := []string{
		"ntc_a_1 to one: delivered after 1", "ntc_a_1 to two: delivered after 1", "ntc_b_1 to one: delivered after 1", "ntc_c_1 to one: delivered after 1",
		"ntc_b_2 to one: delivered after 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if told := them.all(); len(told) != 3 { // a twice, and b with c
		t.Errorf("%d requests came in, want 3: %v", len(told), told)
	}
}

// TestRetries has a receiver away for a day. Each of its attempts says the same id; a receiver that is there waits for nobody.
func TestRetries(t *testing.T) {
	records, clock := open(t)
	away, there := listen(t), listen(t)
	away.answer(http.StatusServiceUnavailable)
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("away", away.url), hook("there", there.url)}})
	insert(t, records, []string{"away", "there"}, noticeOf("a", 1, "PENDING"))
	deliver(t, notifier, 1)
	deliver(t, notifier, 0) // not due
	if got := away.all(); len(got) != 1 {
		t.Fatalf("tried %d times at once", len(got))
	}
	for clock.Now().Sub(start) < 24*time.Hour {
		clock.move(5 * time.Minute)
		deliver(t, notifier, 0)
	}
	deliveries, _ := outbox(t, records)
	if got := deliveries[0]; got.State != store.DeliveryWaiting || got.Attempts < 20 || got.Attempts > MostAttempts ||
		got.LastError != "it answered 503 Service Unavailable" {
		t.Fatalf("after a day: %+v", got)
	}
	away.answer(http.StatusOK)
	clock.move(72 * time.Minute)
	deliver(t, notifier, 1)
	if told := slices.Compact(away.all()); len(told) != 1 || told[0] != "ntc_a_1" {
		t.Errorf("ids: %v", told)
	}
	deliveries, _ = outbox(t, records)
	if got := deliveries[0]; got.State != store.DeliveryDelivered || got.LastError != "" {
		t.Errorf("at last: %+v", got)
	}
}

func TestGivesUp(t *testing.T) {
	records, clock := open(t)
	away, gone := listen(t), listen(t)
	away.answer(http.StatusInternalServerError)
	gone.answer(http.StatusGone)
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("away", away.url), hook("gone", gone.url)}})
	insert(t, records, []string{"away", "gone", "nobody"}, noticeOf("a", 1, "PENDING"))
	deliver(t, notifier, 0)
	if _, got := outbox(t, records); got[1] != "ntc_a_1 to gone: given_up after 1" {
		t.Errorf("410: %s", got[1])
	}
	for clock.Now().Sub(start) < 40*time.Hour {
		clock.move(30 * time.Minute)
		deliver(t, notifier, 0)
	}
	deliveries, _ := outbox(t, records)
	for _, each := range deliveries {
		if each.State != store.DeliveryGivenUp || each.LastError == "" {
			t.Errorf("%s: %s after %d, %q", each.Receiver, each.State, each.Attempts, each.LastError)
		}
	}
	tried := len(away.all())
	clock.move(48 * time.Hour)
	deliver(t, notifier, 0)
	if now := len(away.all()); now != tried || tried != deliveries[0].Attempts {
		t.Errorf("tried %d times, then %d, and %d are counted", tried, now, deliveries[0].Attempts)
	}
	if got := len(gone.all()); got != 1 {
		t.Errorf("a receiver that wants no more was told %d times", got)
	}
}

// TestTwoNotifiers has them race for everything.
func TestTwoNotifiers(t *testing.T) {
	records, _ := open(t)
	them := listen(t)
	var notices []store.Notice
	for i := range 300 {
		notices = append(notices, noticeOf(fmt.Sprintf("apr_%d", i), 1, "PENDING"))
	}
	insert(t, records, []string{"them"}, notices...)
	var racing sync.WaitGroup
	counts := make([]int, 2)
	for i := range counts {
		notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", them.url)}})
		racing.Go(func() {
			for range 3 {
				delivered, err := notifier.Deliver(t.Context())
				if err != nil {
					t.Error(err)
				}
				counts[i] += delivered
			}
		})
	}
	racing.Wait()
	told := them.all()
	slices.Sort(told)
	if unique := slices.Compact(slices.Clone(told)); len(told) != 300 || len(unique) != 300 || counts[0]+counts[1] != 300 {
		t.Errorf("%d requests, %d of them different, counted as %v; want 300", len(told), len(unique), counts)
	}
}

// What a process had taken when it died is delivered by the next, after its lease and not before.
func TestDeadProcess(t *testing.T) {
	records, clock := open(t)
	them := listen(t)
	insert(t, records, []string{"them"}, noticeOf("a", 1, "PENDING"))
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", them.url)}})
	leased, err := notifier.lease(t.Context())
	if err != nil || len(leased) != 1 {
		t.Fatalf("leased %d (%v)", len(leased), err)
	}
	next := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", them.url)}})
	clock.move(lease - time.Second)
	deliver(t, next, 0)
	clock.move(time.Second)
	deliver(t, next, 1)
	// The first was only asleep, and settles what it believes to have.
	if _, err := notifier.settle(t.Context(), []attempt{{leased[0], Failed}}); err != nil {
		t.Fatal(err)
	}
	if _, got := outbox(t, records); got[0] != "ntc_a_1 to them: delivered after 2" {
		t.Error(got[0])
	}
}

// TestDownOnce has a receiver that cannot be reached tried once a round, however much there is for it.
func TestDownOnce(t *testing.T) {
	records, _ := open(t)
	port, connections := counted(t, "127.0.0.1:0")
	// It hangs up on what is not encrypted as it expects, so no answer ever comes.
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", "https://127.0.0.1:"+port)}})
	for i := range 5 {
		insert(t, records, []string{"them"}, noticeOf(fmt.Sprintf("apr_%d", i), 1, "PENDING"))
	}
	deliver(t, notifier, 0)
	if got := connections.Load(); got != 1 {
		t.Errorf("tried %d times, want once", got)
	}
	deliveries, _ := outbox(t, records)
	for _, each := range deliveries {
		if each.State != store.DeliveryWaiting || !each.DueAt.After(start) || each.LastError == "" {
			t.Errorf("%+v", each)
		}
	}
}

// TestStoppedWhileSending settles what was sent, and leaves what was not for the next.
func TestStoppedWhileSending(t *testing.T) {
	records, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body) // until then the server does not see that the client is gone
		if request.Header.Get("webhook-id") == "ntc_b_1" {
			cancel()
			<-request.Context().Done()
		}
	}))
	defer server.Close()
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", server.URL)}})
	insert(t, records, []string{"them"}, noticeOf("a", 1, "PENDING"), noticeOf("b", 1, "PENDING"), noticeOf("c", 1, "PENDING"))
	if _, err := notifier.Deliver(ctx); err != nil {
		t.Fatal(err)
	}
	deliveries, got := outbox(t, records)
	want := []string{"ntc_a_1 to them: delivered after 1", "ntc_b_1 to them: waiting after 1", "ntc_c_1 to them: waiting after 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, each := range deliveries[1:] {
		if each.DueAt.After(start) || each.LastError != "" {
			t.Errorf("%s is due at %s, with the error %q", each.Notice.ID, each.DueAt, each.LastError)
		}
	}
}

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration
		wake  bool
	}{"woken": {time.Hour, true}, "by the clock": {time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			records, _ := open(t)
			them := listen(t)
			notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", them.url)}})
			notifier.every = test.every
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- notifier.Run(ctx) }()
			for i := range int64(3) {
				insert(t, records, []string{"them"}, noticeOf("a", i, "PENDING"))
				if test.wake {
					notifier.Wake()
					notifier.Wake()
				}
				if got, want := <-them.heard, fmt.Sprintf(`"version":%d`, i); !strings.Contains(got, want) {
					t.Errorf("heard %s, want %s", got, want)
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			// Each round is settled before the next begins; the last may have been stopped.
			if _, got := outbox(t, records); got[1] != "ntc_a_1 to them: delivered after 1" {
				t.Error(got[1])
			}
		})
	}
}

func TestPrune(t *testing.T) {
	records, clock := open(t)
	them := listen(t)
	notifier := newNotifier(t, Config{Store: records, Webhooks: []Webhook{hook("them", them.url)}, Keep: time.Hour})
	insert(t, records, []string{"them"}, noticeOf("old", 1, "PENDING"))
	deliver(t, notifier, 1)
	clock.move(2 * time.Hour)
	insert(t, records, []string{"them"}, noticeOf("new", 1, "PENDING"))
	deliver(t, notifier, 1)
	if err := notifier.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, got := outbox(t, records); len(got) != 1 || got[0] != "ntc_new_1 to them: delivered after 1" {
		t.Error(got)
	}
}

// TestStoreFails says so, and what was delivered may come again.
func TestStoreFails(t *testing.T) {
	records, _ := open(t)
	notifier := newNotifier(t, Config{Store: records})
	if err := records.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := notifier.Deliver(t.Context()); err == nil {
		t.Error("a store that is closed was delivered from")
	}
}

// TestSecretsStaySecret has every kind of receiver fail, with the log wide open.
func TestSecretsStaySecret(t *testing.T) {
	records, _ := open(t)
	them := listen(t)
	them.answer(http.StatusForbidden)
	server := &fakeMailServer{password: "other"}
	address, roots := server.start(t)
	var log bytes.Buffer
	host := strings.TrimPrefix(them.url, "http://")
	config := Config{
		Store: records, Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log, JSONFormat: true}), Roots: roots,
		Webhooks: []Webhook{
			{Receiver: Receiver{Name: "hook"}, URL: them.url + "/?token=hidden-token", Secret: testSecret},
			{Receiver: Receiver{Name: "away"}, URL: "http://127.0.0.1:1/?token=hidden-token", Secret: testSecret},
		},
		Mailboxes: []Mailbox{{Receiver: Receiver{Name: "mail"}, Server: address, From: "a@x.example", To: []string{"b@x.example"}, Username: "u", Password: "hidden-word"}},
		Chats: []Chat{
			{Receiver: Receiver{Name: "chat"}, URL: Secret("generic://" + host + "/hidden-room?disabletls=yes")},
			{Receiver: Receiver{Name: "elsewhere"}, URL: "mattermost://127.0.0.1:1/hidden-token"},
		},
	}
	notifier := newNotifier(t, config)
	var names []string
	for _, receiver := range notifier.Receivers() {
		names = append(names, receiver.Name)
	}
	if diff := cmp.Diff([]string{"hook", "away", "mail", "chat", "elsewhere"}, names); diff != "" {
		t.Errorf("receivers (-want +got):\n%s", diff)
	}
	insert(t, records, names, noticeOf("a", 1, "PENDING"))
	deliver(t, notifier, 0)
	everything := log.String()
	deliveries, _ := outbox(t, records)
	for _, each := range deliveries {
		if each.LastError == "" || !strings.Contains(everything, each.LastError) {
			t.Errorf("%s: the log does not say %q", each.Receiver, each.LastError)
		}
		everything += each.LastError
	}
	everything += fmt.Sprintf("%v %+v %#v %s", config.Webhooks, config.Mailboxes, config.Chats, config.Chats[0].URL)
	for _, hidden := range []string{strings.TrimPrefix(string(testSecret), "whsec_"), "hidden-word", "hidden-room", "mattermost://"} {
		if strings.Contains(everything, hidden) {
			t.Errorf("%q is in the log, in an error or in a print:\n%s", hidden, everything)
		}
	}
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("the log shows an address with its token:\n%s", log.String())
	}
}

func TestNewRefused(t *testing.T) {
	records, _ := open(t)
	_, err := New(Config{
		Store: records, Link: "bidrail", Webhooks: []Webhook{{Receiver: Receiver{Name: "a"}}, hook("b", "https://x.example"), hook("b", "https://x.example"), hook("", "https://x.example")},
		Mailboxes: []Mailbox{{Receiver: Receiver{Name: "c"}}}, Chats: []Chat{{Receiver: Receiver{Name: "d"}}},
	})
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"link:", `receiver "a"`, `receiver "b": give`, `receiver "": give`, `receiver "c"`, `receiver "d"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in\n%v", want, err)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("it was taken without a store")
	}
}
