package host_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

// Calls hand jobs to workers, which are fibers that wait for the host on behalf of
// whoever has sent the job.
func TestWorkersServeManyCalls(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, n int) {
		n /= 10
		if _, err := s.Call(t.Context(), "start", 8); err != nil {
			t.Fatal(err)
		}
		calls := make([]*host.Call, n)
		for k := range calls {
			calls[k] = s.Go(t.Context(), "sum_by_worker", uint64(k%5))
		}
		for k, c := range calls {
			want(t, c, sumOf(k%5))
		}
		if _, err := s.Call(t.Context(), "stop"); err != nil {
			t.Fatal(err)
		}
	})
}

// All calls wait at once, some of them in a fiber that they have resumed.
func TestFibersOfCallsWaitAtOnce(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, n int) {
		n /= 10
		g := newGate()
		s.set(g.fetch)
		var calls []*host.Call
		for range n {
			calls = append(calls, s.Go(t.Context(), "sum_of_lengths", 3), s.Go(t.Context(), "sum", 2))
		}
		g.await(t, 2*n)
		close(g.open)
		for k, c := range calls {
			want(t, c, []int{4 * len("value of key-3"), sumOf(2)}[k%2])
		}
	})
}

// A call that holds a mutex waits for the host; others wait for the mutex meanwhile, which
// is no deadlock.
func TestMutexIsHeldWhileTheHostIsAsked(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, n int) {
		n /= 20
		g := newGate()
		s.set(g.fetch)
		var calls []*host.Call
		for range n {
			calls = append(calls, s.Go(t.Context(), "add", 3))
		}
		g.await(t, 1)
		time.Sleep(10 * time.Millisecond)
		if waiting := g.waiting.Load(); waiting != 1 {
			t.Errorf("%d calls are behind the mutex, not 1", waiting)
		}
		close(g.open)
		for k, c := range calls {
			want(t, c, 3*(k+1)) // in line
		}
		want(t, s.Go(t.Context(), "get_balance"), 3*n)
	})
}

// Calls that wait for each other in the module, with nobody at the host.
func TestCallsWakeCalls(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, _ int) {
		for round := range 10 {
			var listeners []*host.Call
			for range 30 {
				listeners = append(listeners, s.Go(t.Context(), "listen"))
			}
			if _, err := s.Call(t.Context(), "say", uint64(round)); err != nil {
				t.Fatal(err)
			}
			for _, c := range listeners {
				want(t, c, round)
			}
		}
	})
}

// While fibers sleep, the host is not asked to: other calls go on.
func TestSleepingCalls(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, _ int) {
		start := time.Now()
		nap := s.Go(t.Context(), "nap", 200)
		var naps []*host.Call
		for k := range 50 {
			naps = append(naps, s.Go(t.Context(), "nap", uint64(k)))
		}
		want(t, s.Go(t.Context(), "sum", 2), sumOf(2))
		select {
		case <-nap.Done():
			if time.Since(start) < 190*time.Millisecond {
				t.Error("a nap of 200 ms was shorter")
			}
		default: // the sum did not wait for it
		}
		for k, c := range naps {
			want(t, c, k)
		}
		want(t, nap, 200)
		if took := time.Since(start); took < 200*time.Millisecond {
			t.Errorf("a nap of 200 ms took %v", took)
		}
	})
}

// Nor while they sleep by the C library, if its calls are redirected: forty naps of a tenth
// of a second are over long before they would be one after the other.
func TestCallsThatSleepInTheCLibrary(t *testing.T) {
	for _, v := range variants {
		if !strings.HasSuffix(v.module, ".fibers") {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			s := newHost(t, v.config(), host.Config{})
			s.instantiate(serverModule(t, v.module, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true, RedirectWASI: true}))
			start := time.Now()
			var naps []*host.Call
			for range 40 {
				naps = append(naps, s.Go(t.Context(), "nap_in_libc", 100))
			}
			want(t, s.Go(t.Context(), "sum", 2), sumOf(2))
			for _, c := range naps {
				want(t, c, 100)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("they took %v", took)
			}
		})
	}
}

// A call that is cancelled while it waits in the module keeps its place there, and the
// mutex that it gets is given back: the program goes on as it was written.
func TestCancelledInTheModule(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, _ int) {
		g := newGate()
		s.set(g.fetch)
		first := s.Go(t.Context(), "add", 1)
		g.await(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		listeners := []*host.Call{s.Go(ctx, "listen"), s.Go(ctx, "listen")} // behind the mutex
		third := s.Go(t.Context(), "add", 10)
		cancel()
		for _, c := range listeners {
			_, err := c.Wait()
			wantError[*host.CancelledError](t, err)
		}
		close(g.open)
		want(t, first, 1)
		want(t, third, 11)
		if _, err := s.Call(t.Context(), "say", 7); err != nil {
			t.Fatal(err)
		}
		want(t, s.Go(t.Context(), "add", 100), 111)
	})
}

// What a worker waits for goes on when the call that has sent the job is cancelled.
func TestWorkersOutliveCalls(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, _ int) {
		if _, err := s.Call(t.Context(), "start", 1); err != nil {
			t.Fatal(err)
		}
		g := newGate()
		s.set(g.fetch)
		ctx, cancel := context.WithCancel(t.Context())
		job := s.Go(ctx, "sum_by_worker", 1)
		g.await(t, 1)
		cancel()
		if _, err := job.Wait(); err == nil {
			t.Fatal("it was not cancelled")
		}
		next := s.Go(t.Context(), "sum_by_worker", 2)
		close(g.open)
		want(t, next, sumOf(2))
	})
}
