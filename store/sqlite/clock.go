package sqlite

import (
	"sync"
	"time"
)

// clock is the time of the store: the machine's, but it stands still while the machine's is
// behind what was given out before.
type clock struct {
	now func() time.Time

	mutex sync.Mutex
	last  int64 // microseconds
}

func (c *clock) read() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.last = max(c.last, c.now().UnixMicro())
	return time.UnixMicro(c.last).UTC()
}
