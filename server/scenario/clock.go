package scenario

import (
	"sync"
	"time"
)

// Clock is the time of a scenario. It stands still but for the waits. The store has to go by it too: windows and permits do.
type Clock struct {
	mutex sync.Mutex
	now   time.Time
}

// NewClock is a clock that begins at a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *Clock) advance(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}
