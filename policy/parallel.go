package policy

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// onAllProcessors does something for each of so many things, as many at a time as there are processors, and returns when all is done.
func onAllProcessors(count int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), count) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	workers.Wait()
}
