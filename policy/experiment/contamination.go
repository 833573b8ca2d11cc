package experiment

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Contamination is one change that was allowed although it disturbs a test that is on, so that the analysis can leave out what it spoils.
type Contamination struct {
	Experiment string        `json:"experiment_id"`
	Arm        string        `json:"arm,omitempty"` // empty: the target is in none
	Number     int64         `json:"number"`        // which one of the test, from 1
	At         time.Time     `json:"at"`
	DecisionID string        `json:"decision_id"`
	Automation string        `json:"automation"`
	Kind       policy.Kind   `json:"kind"`
	Target     policy.Target `json:"target"`
	Before     policy.Value  `json:"before"`
	After      policy.Value  `json:"after"`
	ReasonCode string        `json:"reason_code,omitempty"`
	Rules      []string      `json:"rules"`               // that say so
	Emergency  bool          `json:"emergency,omitempty"` // it was let through as one; else people have agreed to it, or rules only warned
	Aborted    bool          `json:"aborted,omitempty"`   // it ended the test
}

// Validate says what is wrong with it, as a policy.ErrInvalid.
func (c *Contamination) Validate() error {
	if c.Experiment == "" || c.DecisionID == "" || c.Automation == "" || c.At.IsZero() || !c.Kind.Known() {
		return fmt.Errorf("%w: a contamination names its experiment, decision, automation, time and kind; this one is %+v", policy.ErrInvalid, *c)
	}
	return nil
}

// Encode is the stored form, which its leaf in the log stands for.
func (c *Contamination) Encode() ([]byte, error) { return json.Marshal(c) }

// DecodeContamination reads what [Contamination.Encode] wrote.
func DecodeContamination(record []byte) (Contamination, error) {
	var c Contamination
	if err := json.Unmarshal(record, &c); err != nil {
		return c, fmt.Errorf("record of a contamination: %w", err)
	}
	return c, nil
}
