package host_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

// A third of the calls is cancelled in the middle; the others do not notice.
func TestContextsEndCalls(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, n int) {
		n /= 10
		why := errors.New("nobody is interested")
		g := newGate()
		s.set(g.fetch)
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := make([]*host.Call, n)
		for k := range calls {
			calls[k] = s.Go([]context.Context{t.Context(), t.Context(), ctx}[k%3], "sum", uint64(k%4))
		}
		g.await(t, n)
		cancel(why)
		for k := 2; k < n; k += 3 {
			_, err := calls[k].Wait()
			if wantError[*host.CancelledError](t, err); !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
				t.Fatalf("the error %v does not wrap its cause and context.Canceled", err)
			}
		}
		later := s.Go(t.Context(), "sum", 3) // in a region of one of those
		close(g.open)
		want(t, later, sumOf(3))
		for k, c := range calls {
			if k%3 < 2 {
				want(t, c, sumOf(k%4))
			}
		}
	})
}

func TestDeadlinesEndCalls(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		s.set(newGate().fetch) // which stays closed
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := s.Call(ctx, "sum", 1)
		if wantError[*host.CancelledError](t, err); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if _, err := s.Call(ctx, "sum", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that is done the error is %v", err)
		}
	})
}

// The memory of a call that was given up is not used again before the host function has
// returned that may write to it.
func TestRegionIsKeptForItsHostFunction(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		entered, release := make(chan struct{}), make(chan struct{})
		s.set(func(ctx context.Context, key string) (string, error) {
			if key == "key-99" {
				close(entered)
				<-release // whatever the context says
				return "written late, into what was a buffer on the stack of a call", nil
			}
			return valueOf(key), nil
		})
		call := s.Go(t.Context(), "sum", 99)
		<-entered
		before, suspended := waitSuspended(t, call)
		if !suspended {
			t.Fatal("the call is not suspended")
		}
		call.Cancel(nil)
		if _, err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Fatalf("the error is %v", err)
		}
		g := newGate()
		s.set(g.fetch)
		others := []*host.Call{s.Go(t.Context(), "sum", 3), s.Go(t.Context(), "sum", 3)}
		g.await(t, 2)
		for _, c := range others {
			if r, _ := waitSuspended(t, c); r.Data == before.Data {
				t.Error("the region is in use again while a host function may write to it")
			}
		}
		close(release)
		close(g.open)
		for _, c := range others {
			want(t, c, sumOf(3))
		}
	})
}

// waitSuspended waits until a call has left the module.
func waitSuspended(t *testing.T, c *host.Call) (region host.Region, ok bool) {
	t.Helper()
	until(t, func() bool { region, ok = c.Region(); return ok }, func() string { return "the call is not suspended" })
	return region, ok
}

// Closing ends all calls, and leaves no goroutine.
func TestCloseEndsCalls(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := newServer(t, v.module, v.config(), host.Config{})
			g := newGate()
			s.set(g.fetch)
			var calls []*host.Call
			for range 100 {
				calls = append(calls, s.Go(t.Context(), "sum", 1))
			}
			g.await(t, 100)
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, s.Go(t.Context(), "sum", 1))
			for _, c := range calls {
				if _, err := c.Wait(); !errors.Is(err, host.ErrClosed) {
					t.Fatalf("the error is %v, not ErrClosed", err)
				}
			}
			if err := s.Do(t.Context(), nil); !errors.Is(err, host.ErrClosed) {
				t.Errorf("Do: %v", err)
			}
			until(t, func() bool { return runtime.NumGoroutine() <= before+2 }, // the runtime of Go has its own
				func() string { return "goroutines are left" })
		})
	}
}

// Close does not wait longer than it should for a host function that ignores its context.
func TestCloseWaitsForHostFunctions(t *testing.T) {
	s := newServer(t, "server", wazero.NewRuntimeConfigInterpreter(), host.Config{})
	entered, release := make(chan struct{}), make(chan struct{})
	s.set(func(context.Context, string) (string, error) { close(entered); <-release; return "", nil })
	call := s.Go(t.Context(), "sum", 0)
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close returns %v", err)
	}
	if _, err := call.Wait(); !errors.Is(err, host.ErrClosed) {
		t.Errorf("the error is %v", err)
	}
	close(release)
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("the second Close returns %v", err)
	}
}

// A call that never comes to a host function is interrupted if the runtime allows it.
func TestCloseInterrupts(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "get") (result i32) (call $fetch (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 100)))
  (func (export "spin") (loop $again (br $again))))`
	for _, engine := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()} {
		s := newHost(t, engine.WithCloseOnContextDone(true), host.Config{})
		wasm := textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true})
		s.instantiate(wasm)
		if _, err := s.Call(t.Context(), "get"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := s.Call(ctx, "spin")
		wantError[*host.CancelledError](t, err) // the caller goes on; the module does not
		later := s.Go(t.Context(), "get")
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := later.Wait(); !errors.Is(err, host.ErrClosed) {
			t.Errorf("the error is %v", err)
		}
	}
}
