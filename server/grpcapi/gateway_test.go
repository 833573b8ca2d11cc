package grpcapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// gateway puts a JSON door before a server and returns its address.
func gateway(t *testing.T, s *servertest.Server) string {
	t.Helper()
	made, err := grpcapi.NewGateway(t.Context(), s.Door, auth.DevelopmentHeader)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- made.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := made.Stop(ctx); err != nil {
			t.Error("stop the gateway:", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error("serve:", err)
		}
	})
	return listener.Addr().String()
}

// send makes a request and returns its status and body. Headers are pairs; Host is one of them.
func send(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			request.Host = pair[1]
			continue
		}
		request.Header.Set(pair[0], pair[1])
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func changeJSON(t *testing.T, change *bidrailv1.Change) string {
	t.Helper()
	encoded, err := protojson.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestGateway(t *testing.T) {
	s := servertest.New(t)
	at := "http://" + gateway(t, s)
	pacer := []string{auth.DevelopmentHeader, "pacer;automation"}
	code, body := send(t, "POST", at+"/v1/check", `{"changes": [`+changeJSON(t, servertest.Bid("a", 100, 110))+`]}`, pacer...)
	var checked struct {
		Verdict   string
		Decisions []struct {
			DecisionID string `json:"decision_id"`
			Automation string
			Permit     struct {
				PermitID string `json:"permit_id"`
				Token    string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &checked); code != 200 || err != nil || checked.Verdict != "VERDICT_ALLOW" || checked.Decisions[0].Automation != "pacer" {
		t.Fatalf("check: got %d %s", code, body)
	}
	id, permit, token := checked.Decisions[0].DecisionID, checked.Decisions[0].Permit.PermitID, checked.Decisions[0].Permit.Token
	auditor, root := []string{auth.DevelopmentHeader, "olu;auditor"}, []string{auth.DevelopmentHeader, "root;admin"}
	for _, test := range []struct {
		name, method, path, body string
		headers                  []string
		code                     int
		holds                    string
	}{
		{"batch", "POST", "/v1/check:batch", `{"changes": [` + changeJSON(t, servertest.Bid("b", 100, 6000)) + `]}`, pacer, 200, "VERDICT_BLOCK"},
		{"decision", "GET", "/v1/decisions/" + id, "", pacer, 200, id},
		{"decision of another", "GET", "/v1/decisions/" + id, "", []string{auth.DevelopmentHeader, "bidder;automation"}, 404, "NOT_FOUND"},
		{"decisions", "GET", "/v1/decisions?verdict=VERDICT_ALLOW&page_size=5", "", pacer, 200, id},
		{"bad page", "GET", "/v1/decisions?page_token=x", "", pacer, 400, "INVALID"},
		{"unknown parameter", "GET", "/v1/decisions?verdikt=VERDICT_ALLOW", "", pacer, 400, "verdikt"},
		{"explain", "POST", "/v1/explain", `{"decision_id": "` + id + `"}`, pacer, 200, "bid.ceiling"},
		{"rules", "GET", "/v1/rules", "", pacer, 200, "bid.ceiling"},
		{"revision", "GET", "/v1/revisions/active", "", pacer, 200, "sha256:"},
		{"permit", "GET", "/v1/permits/" + permit, "", pacer, 200, `"PERMIT_STATE_ISSUED"`},
		{"permit of another", "GET", "/v1/permits/" + permit, "", []string{auth.DevelopmentHeader, "bidder;automation"}, 404, "NOT_FOUND"},
		{"claim with no name", "POST", "/v1/permits:claim", `{"token": "` + token + `"}`, pacer, 400, "claim_id"},
		{"claim", "POST", "/v1/permits:claim", `{"token": "` + token + `", "claim_id": "1"}`, pacer, 200, `"PERMIT_STATE_CLAIMED"`},
		{"claim of a claimed one", "POST", "/v1/permits:claim", `{"token": "` + token + `", "claim_id": "2"}`, pacer, 400, "PRECONDITION"},
		{"report", "POST", "/v1/permits/" + permit + ":report", `{"outcome": "PERMIT_STATE_APPLIED", "reference": "42"}`, pacer, 200, `"PERMIT_STATE_APPLIED"`},
		{"permits", "GET", "/v1/permits?state=PERMIT_STATE_APPLIED", "", auditor, 200, permit},
		{"permits of all", "GET", "/v1/permits", "", pacer, 403, "FORBIDDEN"},
		{"keys", "GET", "/v1/keys", "", pacer, 200, "OKP"},
		{"mode", "POST", "/v1/modes", `{"scope": "automation/other", "mode": "MODE_HALTED", "reason": "a test"}`, root, 200, `"MODE_HALTED"`},
		{"mode with no reason", "POST", "/v1/modes", `{"scope": "automation/other", "mode": "MODE_HALTED"}`, root, 400, "reason"},
		{"modes", "GET", "/v1/modes", "", pacer, 200, "automation/other"},
		{"experiment", "POST", "/v1/experiments", `{"experiment": {"experiment_id": "spring", "type": "EXPERIMENT_TYPE_AB", "owner": "growth", "state": "EXPERIMENT_STATE_DRAFT",
			"starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z", "arms": [{"name": "base", "campaigns": ["900"]}]}}`, []string{auth.DevelopmentHeader, "gita;governance"}, 200, `"EXPERIMENT_STATE_DRAFT"`},
		{"experiments", "GET", "/v1/experiments", "", pacer, 200, `"spring"`},
		{"experiment started", "POST", "/v1/experiments/spring:start", `{"now": true}`, []string{auth.DevelopmentHeader, "gita;governance"}, 200, `"EXPERIMENT_STATE_RUNNING"`},
		{"experiment aborted", "POST", "/v1/experiments/spring:abort", `{"reason": "never mind"}`, root, 200, `"EXPERIMENT_STATE_ABORTED"`},
		{"experiment with its history", "GET", "/v1/experiments/spring", "", pacer, 200, `"versions"`},
		{"experiment that has ended", "POST", "/v1/experiments/spring:conclude", `{"reason": "it works"}`, []string{auth.DevelopmentHeader, "gita;governance"}, 400, "PRECONDITION"},
		{"what has disturbed it", "GET", "/v1/experiments/spring/contaminations", "", auditor, 200, "{}"},
		{"ledger", "GET", "/v1/ledger?scope=account/google_ads/example", "", auditor, 200, `"KIND_BID"`},
		{"ledger of nothing", "GET", "/v1/ledger", "", auditor, 400, "scope"},
		{"report", "GET", "/v1/reports/approvals?from=2026-03-01T00:00:00Z", "", auditor, 200, `"2026-03-01T00:00:00Z"`},
		{"report of no time", "GET", "/v1/reports/approvals?from=2026-03-99T00:00:00Z", "", auditor, 400, ""},
		{"report that ends before", "GET", "/v1/reports/approvals?until=2020-01-01T00:00:00Z&from=2026-03-01T00:00:00Z", "", auditor, 400, "from"},
		{"no identity", "GET", "/v1/rules", "", nil, 200, "bid.ceiling"}, // the development identity's automation
		{"bad identity", "GET", "/v1/rules", "", []string{auth.DevelopmentHeader, "x;king"}, 401, "UNAUTHENTICATED"},
		{"forbidden", "POST", "/v1/check", `{"changes": [` + changeJSON(t, servertest.Bid("c", 100, 110)) + `]}`, []string{auth.DevelopmentHeader, "x;auditor"}, 403, "FORBIDDEN"},
		{"gRPC's own header name", "GET", "/v1/decisions/" + id, "", []string{"Grpc-Metadata-" + auth.DevelopmentHeader, "x;auditor"}, 404, ""},
		{"key used twice", "POST", "/v1/check", `{"changes": [` + changeJSON(t, servertest.Bid("a", 100, 111)) + `]}`, pacer, 409, "KEY_REUSED"},
		{"unknown path", "GET", "/v1/none", "", pacer, 404, ""},
		{"outside", "GET", "/etc/passwd", "", pacer, 404, ""},
		{"wrong method", "GET", "/v1/check", "", pacer, 501, ""},
		{"health", "GET", "/healthz", "", nil, 200, "ok"},
		{"ready", "GET", "/readyz", "", nil, 200, "ready"},
		{"by name", "GET", "/healthz", "", []string{"Host", "localhost"}, 200, "ok"},
		{"by IPv6", "GET", "/healthz", "", []string{"Host", "[::1]:7480"}, 200, "ok"},
		{"foreign host", "GET", "/v1/decisions", "", []string{"Host", "evil.example"}, 403, "localhost"},
		{"foreign host and port", "GET", "/v1/decisions", "", []string{"Host", "evil.example:7480"}, 403, "localhost"},
		{"localhost of another", "GET", "/v1/decisions", "", []string{"Host", "localhost.evil.example"}, 403, "localhost"},
		{"other machine", "GET", "/v1/decisions", "", []string{"Host", "192.168.0.7"}, 403, "localhost"},
		{"other origin", "POST", "/v1/check", `{}`, []string{"Origin", "https://evil.example"}, 403, ""},
		{"other site", "POST", "/v1/check", `{}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"sandboxed page", "POST", "/v1/check", `{}`, []string{"Origin", "null"}, 403, ""},
		{"a form of a page", "POST", "/v1/approvals/apr_1:review", `{}`, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		{"no kind of content", "POST", "/v1/check", `{}`, []string{"Content-Type", ""}, 415, "application/json"},
		{"approvals", "GET", "/v1/approvals?mine=true&state=APPROVAL_STATE_PENDING", "", []string{auth.DevelopmentHeader, "ana;approver"}, 200, "{}"},
		{"approval that is not there", "GET", "/v1/approvals/apr_none", "", auditor, 404, "NOT_FOUND"},
		{"wait for one that is not there", "GET", "/v1/approvals/apr_none:wait?last_version=1&timeout=1s", "", auditor, 404, "NOT_FOUND"},
		{"wait too long", "GET", "/v1/approvals/apr_none:wait?timeout=61s", "", auditor, 400, "timeout"},
		{"review that says nothing of what was seen", "POST", "/v1/approvals/apr_none:review", `{"kind": "REVIEW_KIND_APPROVE", "nonce": "1"}`, auditor, 400, "requirement_version"},
		{"review of a link that is followed", "GET", "/v1/approvals/apr_none:review?kind=REVIEW_KIND_APPROVE", "", auditor, 404, "NOT_FOUND"},
		{"grants", "GET", "/v1/grants?all=true", "", auditor, 200, "{}"},
		{"overrides", "GET", "/v1/overrides", "", auditor, 200, "{}"},
		{"delegations", "GET", "/v1/delegations", "", auditor, 200, "{}"},
		{"suppressions", "GET", "/v1/suppressions", "", auditor, 200, "{}"},
		{"deliveries", "GET", "/v1/deliveries?state=DELIVERY_STATE_WAITING", "", auditor, 200, "{}"},
		{"redeem nothing", "POST", "/v1/redeem", `{"digest": "sha256:0"}`, pacer, 400, "approval_id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, body := send(t, test.method, at+test.path, test.body, test.headers...)
			if code != test.code || !strings.Contains(body, test.holds) {
				t.Errorf("got %d %s; want %d with %q", code, body, test.code, test.holds)
			}
		})
	}
	if got := s.Recorded(t); got != 2 {
		t.Errorf("%d decisions are recorded, want 2: a and b", got)
	}
}

// JSON that is not what the API says is refused whole. A number is never rounded into a bid.
func TestGatewayBadJSON(t *testing.T) {
	s := servertest.New(t)
	at := "http://" + gateway(t, s)
	good := changeJSON(t, servertest.Bid("a", 100, 110))
	for _, number := range []string{"NaN", `"NaN"`, "Infinity", `"Infinity"`, "-Infinity", "1.5", `"1.5"`, "1e400", "9223372036854775808", `"9223372036854775808"`,
		"-9223372036854775809", "1e19", "-1", `"-1"`, `""`, `" 1"`, "0x10", "01", "true", "{}", "[1]"} {
		bad := strings.Replace(strings.ReplaceAll(good, " ", ""), `"1100000"`, number, 1)
		if !strings.Contains(bad, number) {
			t.Fatalf("the test does not find the bid in %s", good)
		}
		code, body := send(t, "POST", at+"/v1/check", `{"changes": [`+bad+`]}`)
		if code != 400 {
			t.Errorf("micros %s: got %d %s; want 400", number, code, body)
		}
	}
	// An integer may be written with an exponent or as text; both are exact.
	for i, number := range []string{"1100000", "11e5", `"1100000"`, "1.1e6"} {
		change := strings.Replace(strings.ReplaceAll(strings.Replace(good, `"a"`, fmt.Sprintf(`"n-%d"`, i), 1), " ", ""), `"1100000"`, number, 1)
		if code, body := send(t, "POST", at+"/v1/check", `{"dry_run": true, "changes": [`+change+`]}`); code != 200 || !strings.Contains(body, `"1100000"`) {
			t.Errorf("micros %s: got %d %s; want 200", number, code, body)
		}
	}
	for name, body := range map[string]string{
		"unknown field":           `{"changes": [` + good + `], "dryrun": true}`,
		"unknown field in change": `{"changes": [` + strings.Replace(good, "{", `{"max_bid": 1, `, 1) + `]}`,
		"unknown kind":            `{"changes": [` + strings.Replace(good, "KIND_BID", "KIND_BIT", 1) + `]}`,
		"a field twice":           `{"changes": [` + strings.Replace(good, "{", `{"kind": "KIND_NAME", `, 1) + `]}`,
		"no JSON":                 `changes: []`,
		"cut off":                 `{"changes": [` + good,
		"something behind":        `{"changes": [` + good + `]} {}`,
		"invalid UTF-8":           `{"changes": [` + strings.Replace(good, "pacer", "\xff", 1) + `]}`,
		"half a surrogate":        `{"changes": [` + strings.Replace(good, "pacer", `\ud800`, 1) + `]}`,
		"nothing":                 ``,
		"null":                    `null`,
		"a list":                  `[]`,
		"deep":                    strings.Repeat(`{"changes":[`, 20_000),
	} {
		if code, body := send(t, "POST", at+"/v1/check", body); code != 400 {
			t.Errorf("%s: got %d %s; want 400", name, code, body)
		}
	}
	if code, body := send(t, "POST", at+"/v1/check:batch", `{"batch_id": "`+strings.Repeat("x", 40<<20)+`"}`); code != 400 && code != 413 {
		t.Errorf("40 MB: got %d %.200s; want 400 or 413", code, body)
	}
	unharmed(t, s, 0)
}

func TestGatewayNotReady(t *testing.T) {
	s := servertest.New(t, servertest.NotReady())
	at := "http://" + gateway(t, s)
	if code, body := send(t, "GET", at+"/healthz", ""); code != 200 {
		t.Errorf("healthz: got %d %s, want 200", code, body)
	}
	if code, body := send(t, "GET", at+"/readyz", ""); code != 503 {
		t.Errorf("readyz: got %d %s, want 503", code, body)
	}
	s.Door.Ready()
	if code, body := send(t, "GET", at+"/readyz", ""); code != 200 {
		t.Errorf("readyz, ready: got %d %s, want 200", code, body)
	}
}
