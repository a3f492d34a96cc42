package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// The module of these tests is examples/c/server.c, compiled by clang, with and without
// the fiber library.

var (
	i32       = []api.ValueType{api.ValueTypeI32}
	fetchArgs = []api.ValueType{api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32}

	manyCalls = 10_000 // on the compiler, without the race detector
)

// variants are the module with and without fibers, on both engines.
var variants = []struct {
	name, module string
	config       func() wazero.RuntimeConfig
	calls        func() int
}{
	{"compiler", "server", wazero.NewRuntimeConfigCompiler, func() int { return manyCalls }},
	{"compiler with fibers", "server.fibers", wazero.NewRuntimeConfigCompiler, func() int { return manyCalls }},
	{"interpreter", "server", wazero.NewRuntimeConfigInterpreter, func() int { return manyCalls / 10 }},
	{"interpreter with fibers", "server.fibers", wazero.NewRuntimeConfigInterpreter, func() int { return manyCalls / 10 }},
}

// eachVariant runs a test on the module with and without fibers, on both engines.
func eachVariant(t *testing.T, test func(t *testing.T, s *server, calls int)) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { test(t, newServer(t, v.module, v.config(), host.Config{}), v.calls()) })
	}
}

// withFibers runs a test on the module with fibers, on both engines.
func withFibers(t *testing.T, test func(t *testing.T, s *server, calls int)) {
	for _, v := range variants {
		if strings.HasSuffix(v.module, ".fibers") {
			t.Run(v.name, func(t *testing.T) { test(t, newServer(t, v.module, v.config(), host.Config{}), v.calls()) })
		}
	}
}

var built sync.Map // from module and options to the bytes of the rewritten module

// serverModule returns the module, rewritten.
func serverModule(t *testing.T, module string, opts rewrite.Options) []byte {
	t.Helper()
	key := fmt.Sprint(module, opts)
	if wasm, ok := built.Load(key); ok {
		return wasm.([]byte)
	}
	data, err := os.ReadFile("../../examples/c/" + module + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(module, string(data))
	if err != nil {
		t.Fatal(err)
	}
	return store(t, key, m, opts)
}

// textModule returns a module that was written as text, rewritten.
func textModule(t *testing.T, text string, opts rewrite.Options) []byte {
	t.Helper()
	m, err := wat.Parse("program.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	return store(t, text+fmt.Sprint(opts), m, opts)
}

func store(t *testing.T, key string, m *wat.Module, opts rewrite.Options) []byte {
	t.Helper()
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	wasm := binary.Encode(r.Module)
	built.Store(key, wasm)
	return wasm
}

// server is an instance, and the host function that it calls.
type server struct {
	*host.Instance
	t     *testing.T
	fetch atomic.Pointer[fetchFunc]
	rt    wazero.Runtime
	h     *host.Host
}

// A fetchFunc returns what there is for a key.
type fetchFunc func(ctx context.Context, key string) (string, error)

// valueOf is what the host usually has for a key.
func valueOf(key string) string { return "value of " + key }

// sumOf is what sum(n) has to return.
func sumOf(n int) int {
	total := 0
	for ; n >= 0; n-- {
		for _, c := range []byte(valueOf(fmt.Sprintf("key-%d", n))) {
			total += int(c)
		}
	}
	return total
}

func at(_ context.Context, key string) (string, error) { return valueOf(key), nil }

func (s *server) set(f fetchFunc) { s.fetch.Store(&f) }

// newServer instantiates the module; fetch returns valueOf its key.
func newServer(t *testing.T, module string, engine wazero.RuntimeConfig, config host.Config) *server {
	t.Helper()
	s := newHost(t, engine, config)
	s.instantiate(serverModule(t, module, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	return s
}

// newHost returns a server without an instance.
func newHost(t *testing.T, engine wazero.RuntimeConfig, config host.Config) *server {
	t.Helper()
	ctx := context.Background()
	s := &server{t: t, rt: wazero.NewRuntimeWithConfig(ctx, engine)}
	t.Cleanup(func() { _ = s.rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, s.rt)
	s.h = host.New(s.rt, config)
	s.set(at)
	s.h.Suspending("env", "fetch", fetchArgs, i32, func(ctx context.Context, i *host.Instance, stack []uint64) error {
		key, ok := i.Read(uint32(stack[0]), uint32(stack[1]))
		if !ok {
			return errors.New("a key outside of the memory")
		}
		value, err := (*s.fetch.Load())(ctx, string(key))
		if err != nil {
			return err
		}
		value = value[:min(len(value), int(stack[3]))]
		if !i.Write(uint32(stack[2]), []byte(value)) {
			return errors.New("a value outside of the memory")
		}
		stack[0] = uint64(len(value))
		return nil
	})
	return s
}

func (s *server) instantiate(wasm []byte) {
	s.t.Helper()
	inst, err := s.h.Instantiate(context.Background(), wasm, wazero.NewModuleConfig().WithName("").WithSysNanotime().WithSysWalltime())
	if err != nil {
		s.t.Fatal(err)
	}
	s.Instance = inst
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := inst.Close(ctx); err != nil {
			s.t.Errorf("Close: %v", err)
		}
	})
}

// want checks the result of a call.
func want(t *testing.T, call *host.Call, want int) {
	t.Helper()
	results, err := call.Wait()
	if err != nil {
		t.Errorf("the error is %v, the result should be %d", err, want)
	} else if len(results) != 1 || int(int32(results[0])) != want {
		t.Errorf("the result is %v, not %d", results, want)
	}
}

// wantError checks that a call has ended with an error of a type, and returns it.
func wantError[E error](t *testing.T, err error) (as E) {
	t.Helper()
	if !errors.As(err, &as) {
		t.Fatalf("the error is %T %v, not a %T", err, err, as)
	}
	return as
}

// gate lets calls wait until many do.
type gate struct {
	waiting atomic.Int64
	open    chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) fetch(ctx context.Context, key string) (string, error) {
	g.waiting.Add(1)
	select {
	case <-g.open:
		return valueOf(key), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// await waits until n calls wait.
func (g *gate) await(t *testing.T, n int) {
	t.Helper()
	until(t, func() bool { return int(g.waiting.Load()) >= n }, func() string { return fmt.Sprintf("%d calls wait, not %d", g.waiting.Load(), n) })
}

// until waits until something is so.
func until(t *testing.T, so func() bool, otherwise func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(otherwise())
		}
	}
}

func TestCallsWaitAtOnce(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, n int) {
		g := newGate()
		s.set(g.fetch)
		calls := make([]*host.Call, n)
		for k := range calls {
			calls[k] = s.Go(t.Context(), "sum", uint64(k%4))
		}
		g.await(t, n)
		close(g.open)
		for k, c := range calls {
			want(t, c, sumOf(k%4))
		}
		if most, err := s.Call(t.Context(), "most_waiting"); err != nil || int(most[0]) != n {
			t.Errorf("%v calls have waited at the same time, not %d: %v", most, n, err)
		}
	})
}

// A page is made in a buffer on the stack of the call, by printf, between waits.
func TestPages(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		ctx := t.Context()
		s.set(func(_ context.Context, key string) (string, error) {
			runtime.Gosched()
			return strings.ToUpper(key), nil
		})
		var all sync.WaitGroup
		for k := range 50 {
			all.Go(func() {
				text := fmt.Sprintf("hello {name%d}, it is {day}.", k)
				at, err := s.Call(ctx, "take", uint64(len(text)+1))
				if err != nil || !s.Write(uint32(at[0]), append([]byte(text), 0)) {
					t.Errorf("take: %v", err)
					return
				}
				page, err := s.Call(ctx, "render", at[0])
				if err != nil {
					t.Errorf("render: %v", err)
					return
				}
				got, _ := s.Read(uint32(page[0]), 200)
				got, _, _ = bytes.Cut(got, []byte{0})
				_, body, _ := strings.Cut(string(got), " ")
				if want := fmt.Sprintf("hello <b>NAME%d</b>, it is <b>DAY</b>.", k); body != want {
					t.Errorf("the page is %q, not %q", body, want)
				}
				for _, p := range []uint64{at[0], page[0]} {
					if _, err := s.Call(ctx, "give", p); err != nil {
						t.Errorf("give: %v", err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestMemoryGrowsWhileCallsWait(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		g := newGate()
		s.set(g.fetch)
		var calls []*host.Call
		for k := range 20 {
			calls = append(calls, s.Go(t.Context(), "grow", uint64(k)))
		}
		g.await(t, 20)
		close(g.open)
		for _, c := range calls {
			want(t, c, int('e')) // of "value"
		}
	})
}
