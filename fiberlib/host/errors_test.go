package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

func TestHostFunctionsFail(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		s.set(func(_ context.Context, key string) (string, error) {
			switch key {
			case "key-1":
				return "", io.ErrUnexpectedEOF
			case "key-2":
				panic("a bug")
			case "key-3":
				panic(io.ErrClosedPipe)
			case "key-4":
				runtime.Goexit()
			}
			return valueOf(key), nil
		})
		wait := s.Go(t.Context(), "sum", 0)
		for _, c := range []struct {
			n       uint64
			message string
			is      error
			stack   bool
		}{
			{1, "env.fetch: unexpected EOF", io.ErrUnexpectedEOF, false},
			{2, "env.fetch panicked: a bug", nil, true},
			{3, "env.fetch panicked: io: read/write on closed pipe", io.ErrClosedPipe, true},
			{4, "env.fetch panicked: it has ended its goroutine", nil, true},
		} {
			_, err := s.Call(t.Context(), "sum", c.n)
			failed := wantError[*host.HostError](t, err)
			if failed.Error() != c.message || c.is != nil && !errors.Is(err, c.is) || (failed.Stack != nil) != c.stack || failed.Import != "env.fetch" {
				t.Errorf("the error is %v", err)
			}
		}
		want(t, wait, sumOf(0))
		want(t, s.Go(t.Context(), "sum", 0), sumOf(0))
	})
}

// A trap ends its call. Without the fiber library the others go on, with it the instance
// ends.
func TestTraps(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		g := newGate()
		s.set(g.fetch)
		other := s.Go(t.Context(), "sum", 2)
		trap := s.Go(t.Context(), "fail_behind", 1)
		g.await(t, 2)
		trapped := make(chan struct{})
		s.set(func(ctx context.Context, key string) (string, error) { <-trapped; return valueOf(key), nil })
		close(g.open)
		_, err := trap.Wait()
		if e := wantError[*host.TrapError](t, err); e.Export != "fail_behind" || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("the error is %v", err)
		}
		close(trapped)
		if strings.HasSuffix(t.Name(), "fibers") {
			_, err := other.Wait()
			wantError[*host.TrapError](t, err)
			if !errors.Is(err, host.ErrClosed) || !errors.Is(s.Err(), host.ErrClosed) {
				t.Errorf("the other call ends with %v, the instance with %v", err, s.Err())
			}
			return
		}
		want(t, other, sumOf(2))
		want(t, s.Go(t.Context(), "sum", 3), sumOf(3))
	})
}

// A deadlock inside of one fiber is named; what it says is in the words of the library.
func TestFaultsOfTheLibrary(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (import "fiber" "current" (func $current (result i32)))
  (import "fiber" "resume" (func $resume (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table funcref (elem $f))
  (func $f (param i32) (result i32) (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "run") (result i32) (call $resume (call $current) (i32.const 1)))
)`
	s := newHost(t, wazero.NewRuntimeConfigInterpreter(), host.Config{})
	s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	_, err := s.Call(t.Context(), "run")
	if e := wantError[*host.TrapError](t, err); !strings.HasPrefix(e.Fault, "a fiber was resumed that is running") {
		t.Errorf("the error is %v", err)
	}
}

func TestOverflow(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			s := newServer(t, v.module, v.config(), host.Config{StackSize: 4096})
			shallow, err := s.Call(t.Context(), "deep", 5)
			if err != nil {
				t.Fatal(err)
			}
			if int(shallow[0]) != len("value of key-1")+6 {
				t.Errorf("deep(5) is %d", shallow[0])
			}
			frames := 0 // overflows of the frames
			for depth := 20; ; depth++ {
				_, err := s.Call(t.Context(), "deep", uint64(depth))
				if err == nil {
					continue
				}
				overflow := wantError[*host.OverflowError](t, err)
				if overflow.Shadow && frames == 0 {
					t.Fatalf("the stack in memory has overflowed before the frames: %v", err)
				}
				frames++
				if overflow.Size != 4096 || overflow.Export != "deep" {
					t.Errorf("%+v", overflow)
				}
				if s.Err() != nil { // with fibers at once, without when the stack in memory is too deep
					if !errors.As(s.Err(), &overflow) {
						t.Errorf("the instance has ended with %v", s.Err())
					}
					return
				}
				if overflow.Used <= 4096 {
					t.Errorf("%d bytes would have been used", overflow.Used)
				}
				want(t, s.Go(t.Context(), "deep", 5), int(shallow[0])) // nothing was overwritten
			}
		})
	}
}

// A host function that suspends below one that does not is refused; what does not suspend
// can be called.
func TestHostFunctionsCallBack(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (import "env" "back" (func $back (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $get (export "get") (param i32) (result i32)
    (call $fetch (i32.const 8) (i32.const 0) (i32.const 8) (i32.const 100)))
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "run") (param i32) (result i32)
    (i32.add (call $get (i32.const 0)) (call $back (local.get 0)))))`
	for _, engine := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()} {
		s := newHost(t, engine, host.Config{})
		var below error
		s.h.Module("env").NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module, n uint32) uint32 {
			name := "double"
			if n == 7 {
				name = "get"
			}
			if n == 8 {
				_, below = s.Call(ctx, "get", 1)
				return 0
			}
			var results []uint64
			if results, below = m.ExportedFunction(name).Call(ctx, uint64(n)); below != nil {
				return 0
			}
			return uint32(results[0])
		}).Export("back")
		s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
		length := len(valueOf(""))
		want(t, s.Go(t.Context(), "run", 5), length+10)
		want(t, s.Go(t.Context(), "run", 7), length)
		if e := wantError[*host.NestedError](t, below); e.Import != "env.fetch" {
			t.Errorf("the error is %v", below)
		}
		want(t, s.Go(t.Context(), "run", 8), length)
		if e := wantError[*host.NestedError](t, below); e.Import != "" {
			t.Errorf("the error is %v", below)
		}
	}
}

// With fibers, a call below a host function may return; if it is broken off and the host
// function goes on, so that the runtime cannot know what runs, the instance ends.
func TestHostFunctionsCallBackWithFibers(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (import "env" "back" (func $back (param i32) (result i32)))
  (import "fiber" "pass" (func $pass))
  (import "fiber" "park" (func $park (result i32)))
  (memory (export "memory") 1)
  (table funcref (elem $get))
  (func $get (export "get") (param $n i32) (result i32)
    (call $pass)
    (if (i32.eq (local.get $n) (i32.const 2)) (then (drop (call $park))))
    (if (result i32) (i32.eq (local.get $n) (i32.const 1))
      (then (call $fetch (i32.const 8) (i32.const 0) (i32.const 8) (i32.const 100)))
      (else (i32.const 5))))
  (func (export "run") (param $n i32) (param $again i32) (result i32)
    (i32.add
      (call $back (local.get $n))
      (if (result i32) (local.get $again) (then (call $get (local.get $again))) (else (i32.const 0))))))`
	for _, c := range []struct {
		n, again uint64
		below    string // what the host function gets
		ends     string // what the call does
	}{
		{0, 0, "", ""},
		{0, 1, "", ""},
		{1, 0, "env.fetch: cannot suspend", "gone on as if nothing were wrong"},
		{1, 1, "env.fetch: cannot suspend", "gone on as if nothing were wrong"},
		{2, 0, "fiber.deadlock", "gone on as if nothing were wrong"},
		{2, 1, "fiber.deadlock", "gone on as if nothing were wrong"},
	} {
		s := newHost(t, wazero.NewRuntimeConfigInterpreter(), host.Config{})
		below := ""
		s.h.Module("env").NewFunctionBuilder().WithFunc(func(ctx context.Context, m api.Module, n uint32) uint32 {
			results, err := m.ExportedFunction("get").Call(ctx, uint64(n))
			if err != nil {
				below = err.Error()
				return 0
			}
			return uint32(results[0])
		}).Export("back")
		s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
		got, err := s.Call(t.Context(), "run", c.n, c.again)
		if !strings.Contains(below, c.below) || (below == "") != (c.below == "") {
			t.Errorf("run(%d, %d): the host function gets %q", c.n, c.again, below)
		}
		switch {
		case c.ends == "" && err != nil, c.ends != "" && (err == nil || !strings.Contains(err.Error(), c.ends) || s.Err() == nil):
			t.Errorf("run(%d, %d) is %v, the error %v, that of the instance %v", c.n, c.again, got, err, s.Err())
		case err == nil:
			want := 5
			if c.again == 1 {
				want += len(valueOf(""))
			}
			if got[0] != uint64(want) {
				t.Errorf("run(%d, %d) is %d, not %d", c.n, c.again, got[0], want)
			}
		}
	}
}

// A host function that suspends may call the module: that is another call.
func TestHostFunctionsCall(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		s.set(func(ctx context.Context, key string) (string, error) {
			if key == "key-9" {
				results, err := s.Call(ctx, "sum", 2)
				return fmt.Sprint(results), err
			}
			return "", nil
		})
		want(t, s.Go(t.Context(), "sum", 9), int('[')+int('0')+int(']'))
	})
}

func TestNotRewritten(t *testing.T) {
	s := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{})
	s.h.Suspending("env", "other", nil, i32, func(context.Context, *host.Instance, []uint64) error { return nil })
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (import "env" "other" (func $other (result i32)))
  (memory (export "memory") 1)
  (global $__stack_pointer (mut i32) (i32.const 4096))
  (func $get (export "get") (result i32)
    (call $fetch (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 100)))
  (func (export "twice") (result i32) (i32.add (call $other) (call $other)))
  (func (export "with_stack") (result i32)
    (global.set $__stack_pointer (i32.sub (global.get $__stack_pointer) (i32.const 16)))
    (call $other)
    (global.set $__stack_pointer (i32.add (global.get $__stack_pointer) (i32.const 16)))))`
	if _, err := s.h.Instantiate(t.Context(), textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}), nil); err != nil {
		t.Fatal(err)
	}
	s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	for _, name := range []string{"twice", "with_stack"} {
		_, err := s.Call(t.Context(), name)
		if e := wantError[*host.NotRewrittenError](t, err); e.Import != "env.other" {
			t.Errorf("%s: the error is %v", name, err)
		}
		want(t, s.Go(t.Context(), "get"), len(valueOf("")))
	}
	plain, err := s.h.Instantiate(t.Context(), []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x01"), nil)
	if e := wantError[*host.NotRewrittenError](t, err); plain != nil || e.Missing != "asyncify_start_unwind" {
		t.Errorf("the error is %v", err)
	}
}

func TestWrongCalls(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		_, err := s.Call(t.Context(), "summ", 1)
		if e := wantError[*host.ExportError](t, err); e.Error() != "the module exports no function summ" {
			t.Error(e)
		}
		_, err = s.Call(t.Context(), "sum")
		if e := wantError[*host.ExportError](t, err); e.Error() != "sum takes 1 arguments, not 0" {
			t.Error(e)
		}
		fn := func(m api.Module) (err error) { _, err = m.ExportedFunction("sum").Call(t.Context(), 3); return err }
		if err := s.Do(t.Context(), fn); !errors.As(err, new(*host.EntryError)) {
			t.Errorf("past the instance: %v", err)
		}
		want(t, s.Go(t.Context(), "sum", 1), sumOf(1))
	})
}

// The end of the program is that of the instance.
func TestExit(t *testing.T) {
	const program = `
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "get") (result i32) (call $fetch (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 100)))
  (func (export "_start") (drop (call $fetch (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 100))) (call $exit (i32.const 3))))`
	s := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{})
	s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	g := newGate()
	s.set(func(ctx context.Context, key string) (string, error) {
		if key == "" {
			return g.fetch(ctx, key)
		}
		return "", nil
	})
	other := s.Go(t.Context(), "get")
	g.await(t, 1)
	_, err := s.Call(t.Context(), "_start")
	if e := wantError[*sys.ExitError](t, err); e.ExitCode() != 3 {
		t.Errorf("the error is %v", err)
	}
	_, err = other.Wait()
	if e := wantError[*sys.ExitError](t, err); e.ExitCode() != 3 || !errors.Is(err, host.ErrClosed) {
		t.Errorf("the other call ends with %v", err)
	}
}
