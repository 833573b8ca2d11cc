package recorded

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/client"
)

func TestReadFindsEveryRecordedEdit(t *testing.T) {
	histories, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, edit := range Edits(histories) {
		line := fmt.Sprintf("%s %s %s %s: %s to %s", edit.At.Format(time.DateTime), edit.Target.GetEntityType(), edit.Target.GetEntityId(),
			edit.Kind, client.Describe(edit.Before), client.Describe(edit.After))
		if budget := edit.Facts["daily_budget"]; budget != nil {
			line += ", of a budget of " + client.Describe(budget)
		}
		got = append(got, line)
	}
	want := []string{
		"2022-07-11 22:38:16 campaign 2187 KIND_DAILY_BUDGET: not set to 300.00 USD",
		"2022-07-11 22:38:16 ad_group 421 KIND_DEFAULT_BID: not set to 1.75 USD, of a budget of 300.00 USD",
		"2022-07-11 22:38:16 keyword 9101112 KIND_BID: not set to 5.00 USD, of a budget of 300.00 USD",
		"2022-07-11 22:38:16 keyword 5678 KIND_BID: not set to 5.00 USD, of a budget of 300.00 USD",
		"2022-07-11 22:38:16 keyword 1234 KIND_BID: not set to 5.00 USD, of a budget of 300.00 USD",
		"2022-07-12 08:44:49 keyword 9101112 KIND_BID: 5.00 USD to 8.00 USD, of a budget of 300.00 USD",
		"2022-07-12 16:31:38 campaign 2187 KIND_DAILY_BUDGET: 300.00 USD to 1,000.00 USD",
		"2022-07-12 16:31:38 campaign 2187 KIND_NAME: Red Leader to Gold Leader",
		"2022-07-12 16:31:54 keyword 9101112 KIND_BID: 8.00 USD to 6.00 USD, of a budget of 1,000.00 USD",
		"2022-07-12 21:16:58 keyword 9101112 KIND_BID: 6.00 USD to 4.50 USD, of a budget of 1,000.00 USD",
		"2022-07-12 21:19:35 campaign 2187 KIND_DAILY_BUDGET: 1,000.00 USD to 2,000.00 USD",
		"2022-07-13 15:21:15 keyword 1234 KIND_BID: 5.00 USD to 5.50 USD, of a budget of 2,000.00 USD",
		"2022-07-13 15:21:15 keyword 9101112 KIND_BID: 4.50 USD to 5.50 USD, of a budget of 2,000.00 USD",
		"2022-07-13 19:41:32 keyword 9101112 KIND_BID: 5.50 USD to 6.00 USD, of a budget of 2,000.00 USD",
		"2022-07-14 11:58:58 campaign 2187 KIND_STATUS: enabled to paused",
		"2022-08-09 12:31:52 campaign 2187 KIND_STATUS: paused to enabled",
		"2022-08-25 15:36:51 campaign 2187 KIND_STATUS: enabled to paused",
		"2022-11-09 14:37:05 ad_group 501 KIND_DEFAULT_BID: not set to 1.45 USD",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("edits (-want +got):\n%s", diff)
	}
}

func TestAnEmptyCellIsNotAChange(t *testing.T) {
	histories, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, history := range histories {
		if history.File != "google_ad_group_criterion_history.csv" {
			continue
		}
		if history.Versions != 261 || history.Entities != 87 || len(history.Edits) != 0 || history.Unknown != 87 {
			t.Errorf("got %+v, want 261 versions of 87 keywords, and a status that only the last version of each knows", history)
		}
		return
	}
	t.Error("the file is not there")
}

func TestAnEditIsProposedAsReadNow(t *testing.T) {
	histories, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for _, edit := range Edits(histories) {
		change := edit.Change(now)
		if id := change.GetChangeId(); seen[id] || len(id) > 128 {
			t.Errorf("the key %q is taken or too long", id)
		}
		seen[change.GetChangeId()] = true
		if !change.GetBeforeObservedAt().AsTime().Equal(now) {
			t.Errorf("%s: read at %v, want %v", change.GetChangeId(), change.GetBeforeObservedAt().AsTime(), now)
		}
		if got, want := change.GetReason().GetEvidence()["effective_at"], edit.At.Format(time.RFC3339); got != want {
			t.Errorf("%s: effective at %s, want %s", change.GetChangeId(), got, want)
		}
	}
}
