package approval

import (
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Wait is a length of time, which is written "4h0m0s".
type Wait time.Duration

// String writes the wait as Go writes durations.
func (w Wait) String() string { return time.Duration(w).String() }

// MarshalText writes the wait as [Wait.String] does.
func (w Wait) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads a number and a unit, as in "90m" or "1h30m".
func (w *Wait) UnmarshalText(text []byte) error {
	duration, err := time.ParseDuration(string(text))
	if err != nil || duration < 0 {
		return fmt.Errorf("%w: %q is no wait; write a number and s, m or h, such as 90m", policy.ErrInvalid, text)
	}
	*w = Wait(duration)
	return nil
}
