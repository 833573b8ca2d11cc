package server

import (
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// A bug in gathering what a change is judged by blocks that change, and the service lives.
func TestAPanicWhileGatheringBlocks(t *testing.T) {
	s, err := New(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	broken := &candidate{change: &policy.Change{}}
	// Without its calendar, which LoadPolicy never leaves out.
	candidates := []*candidate{broken}
	s.judge(t.Context(), &Policy{}, policy.Principal{Subject: "a"}, candidates, bare(candidates, time.Now()), time.Now())
	if broken.judgement.Verdict != policy.Block || broken.judgement.Findings[0].Rule != policy.FindingUndetermined {
		t.Errorf("got %+v, want BLOCK with %s", broken.judgement, policy.FindingUndetermined)
	}
}
