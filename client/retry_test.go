package client

import (
	"testing"
	"time"
)

func TestPausesGrowAndStayBounded(t *testing.T) {
	retry := retry{pause: 100 * time.Millisecond}
	for attempt, most := range map[int]time.Duration{
		2: 100 * time.Millisecond, 3: 200 * time.Millisecond, 4: 400 * time.Millisecond, 20: longestPause, 2000: longestPause,
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			pause := retry.before(attempt)
			if pause < most/2 || pause > most {
				t.Fatalf("attempt %d: got a pause of %v, want %v to %v", attempt, pause, most/2, most)
			}
			seen[pause] = true
		}
		if len(seen) < 2 {
			t.Errorf("attempt %d: every pause is the same", attempt)
		}
	}
}
