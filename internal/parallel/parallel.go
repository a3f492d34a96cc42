// Package parallel divides work on many small things among the processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// chunk is how many things are handed out at a time: enough that handing out
// costs nothing, few enough that no processor is left with a long rest.
const chunk = 32

// Do has the numbers 0 to n-1 worked on. Each worker is made by a call of worker,
// so that it can have buffers of its own, and is called with one number after the
// other. Do returns when all is done.
func Do(n int, worker func() func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		wg.Go(func() {
			work := worker()
			for from := int(next.Add(chunk)) - chunk; from < n; from = int(next.Add(chunk)) - chunk {
				for i := from; i < min(from+chunk, n); i++ {
					work(i)
				}
			}
		})
	}
	wg.Wait()
}
