package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

func findingOf(d *policy.Decision, rule string) *policy.Finding {
	at := slices.IndexFunc(d.Findings, func(finding policy.Finding) bool { return finding.Rule == rule })
	if at < 0 {
		return nil
	}
	return &d.Findings[at]
}

func TestWorstLegDecides(t *testing.T) {
	allowed := func(id string) *bidrailv1.Change { return servertest.Bid(id, 100, 110) }
	approval := func(id string) *bidrailv1.Change { return servertest.Bid(id, 100, 150) }
	blocked := func(id string) *bidrailv1.Change { return servertest.Bid(id, 100, 6000) }
	for _, test := range []struct {
		name string
		legs []*bidrailv1.Change
		want policy.Verdict
		held []bool // the legs that only the others keep from passing
	}{
		{"all allowed", []*bidrailv1.Change{allowed("a"), allowed("b")}, policy.Allow, []bool{false, false}},
		{"one for approval", []*bidrailv1.Change{allowed("a"), approval("b"), allowed("c")}, policy.RequireApproval, []bool{true, false, true}},
		{"one blocked", []*bidrailv1.Change{allowed("a"), approval("b"), blocked("c")}, policy.Block, []bool{true, true, false}},
		{"first blocked", []*bidrailv1.Change{blocked("a"), allowed("b")}, policy.Block, []bool{false, true}},
		{"all blocked", []*bidrailv1.Change{blocked("a"), blocked("b")}, policy.Block, []bool{false, false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := servertest.New(t)
			results := decide(t, s, servertest.InGroup("g", test.legs...)...)
			for i, result := range results {
				if result.Decision.Verdict != test.want {
					t.Errorf("leg %d: got %v, want %v", i, result.Decision.Verdict, test.want)
				}
				finding := findingOf(result.Decision, policy.FindingGroup)
				if (finding != nil) != test.held[i] {
					t.Errorf("leg %d: got finding %v, want one: %v", i, finding, test.held[i])
				}
				if finding != nil && finding.Effect.Verdict() != test.want {
					t.Errorf("leg %d: the finding's effect is %v and the verdict %v", i, finding.Effect, test.want)
				}
				if got := policy.Decide(result.Decision.Findings); got != test.want {
					t.Errorf("leg %d: the findings alone would give %v, the decision says %v", i, got, test.want)
				}
				if result.Decision.GroupDigest == "" || result.Decision.GroupDigest != results[0].Decision.GroupDigest {
					t.Errorf("leg %d: group digest %q, the first leg's is %q", i, result.Decision.GroupDigest, results[0].Decision.GroupDigest)
				}
			}
		})
	}
}

// Findings are in the order that the API promises, also where the group added one: strictest first,
// those in shadow among them.
func TestHeldFindingIsInOrder(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{
		"rules/data.yaml": "bid.ceiling: {mode: shadow}\nbid.effective_max: {mode: shadow}\nbid.step: {mode: \"off\"}\nintegrity.magnitude: {mode: \"off\"}\nintegrity.unit_slip: {mode: \"off\"}\n",
	})))
	results := decide(t, s, servertest.InGroup("g", servertest.Bid("a", 4000, 5200), servertest.Budget("b", "101", 20000, 30000))...)
	findings := results[0].Decision.Findings
	if findingOf(results[0].Decision, policy.FindingGroup) == nil || findingOf(results[0].Decision, "bid.ceiling") == nil {
		t.Fatalf("the leg should be held and have a shadow finding: %+v", findings)
	}
	if !slices.IsSortedFunc(findings, func(a, b policy.Finding) int { return int(b.Effect) - int(a.Effect) }) {
		t.Errorf("findings are not strictest first: %+v", findings)
	}
}

// The legs of several groups, and changes that stand alone, may come in any order.
func TestInterleavedGroups(t *testing.T) {
	s := servertest.New(t)
	var changes []*bidrailv1.Change
	for i := range 10 {
		for _, group := range []string{"", "fine", "held"} {
			change := servertest.Bid(fmt.Sprintf("%d-%s", i, group), 100, 110)
			change.AtomicGroupId = group
			if group == "held" && i == 7 {
				change.After = servertest.Cents(6000)
			}
			changes = append(changes, change)
		}
	}
	digests := map[string]string{}
	for i, result := range decide(t, s, changes...) {
		if result.Decision.ChangeID != changes[i].GetChangeId() {
			t.Fatalf("result %d is of %s, want %s", i, result.Decision.ChangeID, changes[i].GetChangeId())
		}
		group := changes[i].GetAtomicGroupId()
		want := policy.Allow
		if group == "held" {
			want = policy.Block
		}
		if result.Decision.Verdict != want {
			t.Errorf("%s: got %v, want %v", result.Decision.ChangeID, result.Decision.Verdict, want)
		}
		if digest, seen := digests[group]; seen && digest != result.Decision.GroupDigest {
			t.Errorf("%s: its group digest differs from that of other legs", result.Decision.ChangeID)
		}
		digests[group] = result.Decision.GroupDigest
	}
	if digests[""] != "" || digests["fine"] == "" || digests["fine"] == digests["held"] {
		t.Errorf("group digests: %v", digests)
	}
}

// A budget shift is judged with both legs in sight.
func TestLegsSeeOneAnother(t *testing.T) {
	s := servertest.New(t)
	balanced := decide(t, s, servertest.InGroup("g1", servertest.Budget("a", "101", 20000, 18000), servertest.Budget("b", "102", 20000, 22000))...)
	for i, result := range balanced {
		if findingOf(result.Decision, "budget.transfer_conserve") != nil {
			t.Errorf("leg %d of a balanced transfer: %+v", i, result.Decision.Findings)
		}
	}
	lopsided := decide(t, s, servertest.InGroup("g2", servertest.Budget("c", "101", 20000, 18000), servertest.Budget("d", "102", 20000, 25000))...)
	for i, result := range lopsided {
		if findingOf(result.Decision, "budget.transfer_conserve") == nil || result.Decision.Verdict != policy.Block {
			t.Errorf("leg %d of a transfer that makes money: %v %+v", i, result.Decision.Verdict, result.Decision.Findings)
		}
	}
}

func TestRepeatsInABatch(t *testing.T) {
	s := servertest.New(t)
	bid := func(id, keyword string, to int64) *bidrailv1.Change {
		change := servertest.Bid(id, 100, to)
		change.Target.EntityId = keyword
		return change
	}
	otherKind := bid("other kind", "7", 110)
	otherKind.Kind = bidrailv1.Kind_KIND_DEFAULT_BID
	otherType := bid("other type", "7", 110)
	otherType.Target.EntityType = "placement"
	otherPlace := bid("other place", "7", 110) // the same entity, wherever the caller says it is
	otherPlace.Target.Campaign = "999"
	changes := []*bidrailv1.Change{
		bid("first", "7", 110), bid("other value", "7", 111), bid("same value", "7", 110), bid("other keyword", "8", 110),
		otherKind, otherType, otherPlace,
	}
	type counts struct {
		Size      int `json:"size"`
		Index     int `json:"index"`
		SameField int `json:"same_field"`
		SameValue int `json:"same_value"`
	}
	want := []counts{{7, 0, 0, 0}, {7, 1, 1, 0}, {7, 2, 2, 1}, {7, 3, 0, 0}, {7, 4, 0, 0}, {7, 5, 0, 0}, {7, 6, 3, 2}}
	duplicate := map[int]policy.Effect{1: policy.Approve, 2: policy.Blocks, 6: policy.Blocks}
	var got []counts
	for i, result := range decide(t, s, changes...) {
		input, err := s.Core.DecisionInput(t.Context(), s.Automation.Principal, result.Decision.ID)
		if err != nil {
			t.Fatal(err)
		}
		var document struct{ Batch counts }
		if err := json.Unmarshal(input, &document); err != nil {
			t.Fatal(err)
		}
		got = append(got, document.Batch)
		finding := findingOf(result.Decision, "integrity.duplicate")
		switch effect, expected := duplicate[i]; {
		case expected != (finding != nil):
			t.Errorf("%s: got integrity.duplicate %v", changes[i].GetChangeId(), finding)
		case expected && finding.Effect != effect:
			t.Errorf("%s: got effect %v, want %v", changes[i].GetChangeId(), finding.Effect, effect)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batch counts (-want +got):\n%s", diff)
	}
}

func TestRefusedCalls(t *testing.T) {
	s := servertest.New(t)
	future := servertest.Bid("future", 100, 110)
	future.BeforeObservedAt = timestamppb.New(servertest.Start.Add(3 * time.Minute))
	many := make([]*bidrailv1.Change, server.MaxBatch+1)
	for i := range many {
		many[i] = servertest.Bid(fmt.Sprint(i), 100, 110)
	}
	var legs []*bidrailv1.Change
	for i := range server.MaxLegs + 1 {
		legs = append(legs, servertest.Bid(fmt.Sprint(i), 100, 110))
	}
	for _, test := range []struct {
		name    string
		changes []*bidrailv1.Change
		field   string
	}{
		{"none", nil, "changes"},
		{"too many", many, "changes"},
		{"same id twice", []*bidrailv1.Change{servertest.Bid("x", 100, 110), servertest.Bid("a", 100, 110), servertest.Bid("a", 100, 110)}, "changes[2].change_id"},
		{"read in the future", []*bidrailv1.Change{servertest.Bid("a", 100, 110), future}, "changes[1].before_observed_at"},
		{"too many legs", servertest.InGroup("g", legs...), "changes[100].atomic_group_id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(test.changes...)})
			var wrong *server.FieldError
			if !errors.Is(err, policy.ErrInvalid) || !errors.As(err, &wrong) || wrong.Field != test.field {
				t.Errorf("got %v, want an ErrInvalid about %s", err, test.field)
			}
		})
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
}

// A clock that runs a little ahead is no reason to refuse.
func TestReadALittleInTheFuture(t *testing.T) {
	s := servertest.New(t)
	change := servertest.Bid("a", 100, 110)
	change.BeforeObservedAt = timestamppb.New(servertest.Start.Add(time.Minute))
	if got := decide(t, s, change)[0].Decision.Verdict; got != policy.Allow {
		t.Errorf("got %v, want ALLOW", got)
	}
}

func TestDryRun(t *testing.T) {
	s := servertest.New(t)
	request := server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 6000)), DryRun: true}
	results, err := s.Core.Check(t.Context(), s.Automation.Principal, request)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []policy.Verdict{policy.Allow, policy.Block} {
		if d := results[i].Decision; d.Verdict != want || d.ID != "" || !results[i].DryRun || results[i].Encoded != nil {
			t.Errorf("change %d: got %v, id %q, dry run %v; want %v and no id", i, d.Verdict, d.ID, results[i].DryRun, want)
		}
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	// The key is still free, also for another change.
	if result := decide(t, s, servertest.Bid("a", 100, 120))[0]; result.Replayed || result.DryRun {
		t.Errorf("after the dry run: replayed %v, dry run %v; want a new decision", result.Replayed, result.DryRun)
	}
}

// Many changes on many workers come out as they would one after another.
func TestParallelJudging(t *testing.T) {
	var changes []*bidrailv1.Change
	for i := range 60 {
		change := servertest.Bid(fmt.Sprint(i), 100, 100+int64(i)*3)
		change.Target.EntityId = fmt.Sprint("k-", i%20)
		if i%4 == 0 {
			change.AtomicGroupId = fmt.Sprint("g-", i%12)
		}
		changes = append(changes, change)
	}
	judge := func(workers int) []*policy.Decision {
		s := servertest.New(t, servertest.WithWorkers(workers))
		var decisions []*policy.Decision
		for _, result := range decide(t, s, changes...) {
			result.Decision.ID, result.Decision.BatchID, result.Decision.PermitID, result.Decision.ApprovalID = "", "", "", ""
			decisions = append(decisions, result.Decision)
		}
		return decisions
	}
	if diff := cmp.Diff(judge(1), judge(8)); diff != "" {
		t.Errorf("one worker and eight disagree (-one +eight):\n%s", diff)
	}
}
