package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	answered := func(id string, verdict bidrailv1.Verdict) row {
		return row{decision: client.Decision{Decision: &bidrailv1.Decision{DecisionId: id, Verdict: verdict}}}
	}
	good := func() *play {
		return &play{scenes: []scene{{rows: []row{
			answered("1", bidrailv1.Verdict_VERDICT_ALLOW),
			answered("1", bidrailv1.Verdict_VERDICT_ALLOW), // replayed: on record once
			answered("2", bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL),
			answered("3", bidrailv1.Verdict_VERDICT_BLOCK),
			{err: client.ErrKeyReused},
		}}}}
	}
	if err := good().verify(3); err != nil {
		t.Errorf("nothing is wrong, got %v", err)
	}
	if err := good().verify(4); err == nil || !strings.Contains(err.Error(), "4 are on record") {
		t.Errorf("one more on record: got %v", err)
	}
	unexpected := good()
	unexpected.unexpected = append(unexpected.unexpected, errors.New("it was allowed"))
	if err := unexpected.verify(3); err == nil {
		t.Error("a what-if that was allowed passes")
	}
	oneSided := good()
	oneSided.scenes[0].rows = oneSided.scenes[0].rows[:3]
	if err := oneSided.verify(2); err == nil || !strings.Contains(err.Error(), "VERDICT_BLOCK") {
		t.Errorf("nothing is blocked: got %v", err)
	}
}
