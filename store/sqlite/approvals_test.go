package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// asked is an approval, as it was opened.
func asked(id string, at time.Time) approval.Approval {
	change := keyword(1)
	requirement, err := approval.Require(approval.Ask{Name: "peers", AnyOf: []approval.Pool{{Group: "growth"}}})
	if err != nil {
		panic(err)
	}
	step, err := approval.Open(approval.Approval{ID: id, Automation: "bidder", Digest: "sha256:d", CreatedAt: at, Waits: approval.DefaultWaits, Lives: approval.DefaultLives,
		Legs:  []permit.Leg{{DecisionID: "dec_1", ChangeID: change.ID, Kind: change.Kind, Target: change.Target, Before: change.Before, After: change.After, Direction: policy.Rise}},
		Items: []approval.Item{{Rule: "bid.step", Field: ledger.FieldScope(change.Target.Key(), change.Kind)}},
	}, requirement, approval.Roster{People: reviewer, Members: func(string) []approval.Person { return []approval.Person{reviewer("ana")} }})
	if err != nil {
		panic(err) // it is written out above
	}
	return step.Approval
}

func reviewer(subject string) approval.Person {
	return approval.Person{ID: subject, Human: true, Groups: []string{"growth"}}
}

// rejected is the approval and the review that has ended it.
func rejected(a approval.Approval) (approval.Approval, approval.Review) {
	step := a.Apply(approval.Submit{Known: approval.Known{People: reviewer}, Review: approval.Review{ID: "rev_" + a.ID, ApprovalID: a.ID, Reviewer: "ana",
		Kind: approval.Reject, Reason: "no", Digest: a.Digest, RequirementVersion: 1, Stage: "peers", Nonce: "1"}}, a.CreatedAt.Add(time.Second))
	return step.Approval, step.Review
}

// decided is a file with three approvals, of which the first two were rejected, and one exception of each kind.
func decided(t *testing.T) (file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bidrail.db")
	s := open(t, Config{Path: path, Synchronous: "OFF"})
	at := time.UnixMicro(1_770_000_000_000_000).UTC()
	one, two, three := asked("apr_1", at), asked("apr_2", at), asked("apr_3", at)
	no, review := rejected(one)
	other, another := rejected(two)
	suppression := no.Suppress([]string{"sup_1"}, approval.Wait(time.Hour))[0]
	grant := approval.Grant{ID: "grant_1", Automation: "bidder", Scope: ledger.OrganisationScope(), Kind: policy.KindBid, Starts: at, Ends: at.Add(time.Hour), Version: 1}
	used := grant
	used.Version, used.Uses = 2, 1
	override := approval.Override{ID: "ovr_1", Automation: "bidder", Actor: "ana", At: at, ExpiresAt: at.Add(time.Hour), Version: 1}
	delegation := approval.Delegation{ID: "del_1", From: "ana", To: "ben", Starts: at, Ends: at.Add(time.Hour), CreatedAt: at, CreatedBy: "ana", Version: 1}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			tx.InsertApprovals([]store.NewApproval{{Approval: one}, {Approval: two}, {Approval: three}}), // leaves 0 to 2
			tx.InsertReview(review),                                 // 3
			tx.InsertReview(another),                                // 4
			tx.UpdateApprovals([]approval.Approval{no, other}),      // 5 and 6
			tx.PutSuppressions([]approval.Suppression{suppression}), // 7
			tx.PutGrants([]approval.Grant{grant, used}),             // 8 and 9
			tx.PutOverrides([]approval.Override{override}),          // 10
			tx.PutDelegations([]approval.Delegation{delegation}),    // 11
			tx.InsertNotices([]store.AddressedNotice{{Notice: store.Notice{ID: "ntc_1", Topic: "approval"}, Receivers: []string{"chat"}}}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	if size := wholeLog(t, s); size != 12 {
		t.Fatalf("the log has %d leaves, want 12", size)
	}
	shut(t, s)
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file
}

// Nobody's no becomes a yes, and no exception lasts longer or counts less, without the log showing it.
func TestTamperingWithApprovals(t *testing.T) {
	file := decided(t)
	for _, test := range []struct {
		name, script string
		index        int64
		reason       audit.Reason
		says         string
	}{
		{"how it began", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'growth', 'friends') AS BLOB) WHERE leaf_seq = 2", 2, audit.Altered, "the record of approval apr_3#1"},
		{"how it ended", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'REJECTED', 'APPROVED') AS BLOB) WHERE leaf_seq = 5", 5, audit.Altered, "the record of approval apr_1#2"},
		{"its end gone", "DELETE FROM events WHERE leaf_seq = 5", 5, audit.Missing, "the record of approval apr_1#2 is not there"},
		{"the end of another", "UPDATE events SET object = 'apr_3' WHERE leaf_seq = 5", 5, audit.Missing, "the record of approval apr_1#2 is not there"},
		{"a step that was never logged", "INSERT INTO events SELECT 1000, kind, 'apr_3', version, at, subject, record, leaf_seq FROM events WHERE leaf_seq = 5", 12, audit.Missing, "there are 0 decisions and 13 events, of which 12 were logged"},
		{"as it was opened", "UPDATE approvals SET version = 1, state = 1, open = 1 WHERE id = 'apr_1'", 12, audit.Altered, "approval apr_1 is not at the version"},
		{"a step ahead", "UPDATE approvals SET version = 2, state = 2 WHERE id = 'apr_3'", 12, audit.Altered, "approval apr_3 is not at the version"},
		{"an approval gone", "PRAGMA foreign_keys = OFF; DELETE FROM approvals WHERE id = 'apr_1'", 12, audit.Altered, "approval apr_1 is not at the version"},
		{"what somebody said", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'REJECT', 'COMMENT') AS BLOB) WHERE leaf_seq = 3", 3, audit.Altered, "the record of review rev_apr_1#1"},
		{"a review gone from the log", "DELETE FROM events WHERE leaf_seq = 3", 3, audit.Missing, "the record of review rev_apr_1#1 is not there"},
		{"a review gone", "DELETE FROM reviews WHERE id = 'rev_apr_1'", 12, audit.Altered, "review rev_apr_1 is not at the version"},
		{"a review that nobody has made", "INSERT INTO reviews SELECT 1000, 'rev_9', approval_id, 'ben', nonce FROM reviews WHERE id = 'rev_apr_1'", 12, audit.Altered, "review rev_9 is not at the version"},
		{"a review of another approval", "UPDATE reviews SET approval_id = 'apr_3' WHERE id = 'rev_apr_1'", 12, audit.Altered, "review rev_apr_1 is not"},
		{"a suppression gone", "DELETE FROM exceptions WHERE kind = 'suppression'", 12, audit.Altered, "suppression sup_1 is not at the version"},
		{"a grant that was not used", "UPDATE exceptions SET version = 1 WHERE kind = 'grant'", 12, audit.Altered, "grant grant_1 is not at the version"},
		{"a grant that lasts", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), '\"uses\":1', '\"uses\":0') AS BLOB) WHERE leaf_seq = 9", 9, audit.Altered, "the record of grant grant_1#2"},
		{"an override gone", "DELETE FROM exceptions WHERE kind = 'override'", 12, audit.Altered, "override ovr_1 is not at the version"},
		{"an override that never was", "INSERT INTO exceptions SELECT 1000, kind, 'ovr_2', version, whose, field, starts, ends FROM exceptions WHERE kind = 'override'", 12, audit.Altered, "override ovr_2 is not at the version"},
		{"a delegation of another kind", "UPDATE exceptions SET kind = 'grant' WHERE kind = 'delegation'", 12, audit.Altered, "grant del_1 is not at the version"},
		{"an event gone with its row", "DELETE FROM exceptions WHERE kind = 'delegation'; DELETE FROM events WHERE kind = 'delegation'", 11, audit.Missing, "the record of delegation del_1#1 is not there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tampered(t, file, test.script)
			defer shut(t, s)
			wantBreak(t, s, test.index, test.reason, test.says)
		})
	}
}

// Where what is stored contradicts itself nobody is told either.
func TestDamagedApprovals(t *testing.T) {
	file := decided(t)
	change := keyword(1)
	fields := []ledger.Scope{ledger.FieldScope(change.Target.Key(), change.Kind)}
	at := time.UnixMicro(1_770_000_000_000_000).UTC().Add(time.Minute)
	reads := map[string]func(store.Reader) error{
		"by id": func(r store.Reader) error { _, err := r.Approvals([]string{"apr_1", "apr_3"}); return err },
		"open":  func(r store.Reader) error { _, err := r.OpenApprovals("", fields); return err },
		"due":   func(r store.Reader) error { _, err := r.DueApprovals(at.Add(24*time.Hour), 10); return err },
		"list": func(r store.Reader) error {
			_, _, err := r.ListApprovals(store.ApprovalFilter{}, store.Page{})
			return err
		},
		"watch":       func(r store.Reader) error { _, err := r.ApprovalEvents(-1, 10); return err },
		"reviews":     func(r store.Reader) error { _, err := r.Reviews("apr_1"); return err },
		"of apr_2":    func(r store.Reader) error { _, err := r.Reviews("apr_2"); return err },
		"suppression": func(r store.Reader) error { _, err := r.Suppressions("bidder", fields, at); return err },
		"grants":      func(r store.Reader) error { _, err := r.Grants("bidder", at); return err },
		"override":    func(r store.Reader) error { _, err := r.Override("ovr_1"); return err },
		"delegations": func(r store.Reader) error { _, _, err := r.ListDelegations(at, store.Page{}); return err },
		"deliveries":  func(r store.Reader) error { _, _, err := r.ListDeliveries("", store.Page{}); return err },
	}
	for _, test := range []struct{ name, script, read, says string }{
		{"a record", "UPDATE events SET record = x'00' WHERE leaf_seq = 2", "by id", "approval apr_3 is damaged"},
		{"an open one", "UPDATE events SET record = x'00' WHERE leaf_seq = 2", "open", "approval apr_3 is damaged"},
		{"one that is due", "UPDATE events SET record = x'00' WHERE leaf_seq = 2", "due", "approval apr_3 is damaged"},
		{"one in a list", "UPDATE events SET record = x'00' WHERE leaf_seq = 2", "list", "approval apr_3 is damaged"},
		{"a step", "UPDATE events SET record = x'00' WHERE leaf_seq = 0", "watch", "approval apr_1 is damaged"},
		{"without its step", "DELETE FROM events WHERE leaf_seq = 5", "by id", "approval apr_1 is damaged"},
		{"without its step in a list", "DELETE FROM events WHERE leaf_seq = 5", "list", "approval apr_1 is damaged"},
		{"the step of another", "UPDATE events SET object = 'apr_1', version = 9 WHERE leaf_seq = 6; UPDATE approvals SET version = 9 WHERE id = 'apr_1'", "by id", "it is found as version 9"},
		{"a review", "UPDATE events SET record = x'00' WHERE leaf_seq = 3", "reviews", "review rev_apr_1 is damaged"},
		{"a review without its event", "DELETE FROM events WHERE leaf_seq = 3", "reviews", "review rev_apr_1 is damaged"},
		{"a review of another approval", "UPDATE reviews SET approval_id = 'apr_2', nonce = '2' WHERE id = 'rev_apr_1'", "of apr_2", "it is found as one of approval apr_2"},
		{"a suppression", "UPDATE events SET record = x'00' WHERE kind = 'suppression'", "suppression", "suppression sup_1 is damaged"},
		{"a grant as it was before", "UPDATE events SET record = (SELECT record FROM events WHERE leaf_seq = 8) WHERE leaf_seq = 9", "grants", "grant grant_1 is damaged: it is found as version 2"},
		{"an override without its event", "DELETE FROM events WHERE kind = 'override'", "override", "override ovr_1 is damaged"},
		{"a delegation of another id", "UPDATE events SET object = 'del_2' WHERE kind = 'delegation'; UPDATE exceptions SET id = 'del_2' WHERE kind = 'delegation'", "delegations", "delegation del_2 is damaged"},
		{"a delivery", "UPDATE deliveries SET notice = x'00'", "deliveries", "delivery 1 is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tampered(t, file, test.script)
			defer shut(t, s)
			err := s.View(t.Context(), reads[test.read])
			if !errors.Is(err, policy.ErrUnavailable) || errors.Is(err, policy.ErrInvalid) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("got error %v, want that %s", err, test.says)
			}
		})
	}
	for name, read := range reads {
		s := tampered(t, file, "SELECT 1")
		if err := s.View(t.Context(), read); err != nil {
			t.Errorf("undamaged, %s: %v", name, err)
		}
		shut(t, s)
	}
}
