package host_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

// Without an allocator the memory grows; where it cannot, calls fail and later ones do not.
func TestMemoryIsScarce(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 2)
  (func (export "get") (result i32) (call $fetch (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 100))))`
	s := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{StackSize: 16 << 10})
	s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	g := newGate()
	s.set(g.fetch)
	var calls []*host.Call
	for range 6 {
		calls = append(calls, s.Go(t.Context(), "get"))
	}
	g.await(t, 3)
	failed := 0
	for _, c := range calls[3:] {
		if _, err := c.Wait(); err != nil {
			wantError[*host.MemoryError](t, err)
			failed++
		}
	}
	if failed != 3 {
		t.Errorf("%d calls had no memory, not 3", failed)
	}
	close(g.open)
	for _, c := range calls[:3] {
		want(t, c, len(valueOf("")))
	}
	want(t, s.Go(t.Context(), "get"), len(valueOf("")))

	large := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{StackSize: 1<<32 - 1})
	large.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true}))
	_, err := large.Call(t.Context(), "get")
	if e := wantError[*host.MemoryError](t, err); e.Size != 1<<30 {
		t.Errorf("the error is %v", err)
	}
}

// The region of a suspended call shows its frames, and its stack in memory: there is the
// key that a function of C has written into a buffer of its own.
func TestRegionOfACall(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		g := newGate()
		s.set(g.fetch)
		calls := []*host.Call{s.Go(t.Context(), "sum", 77), s.Go(t.Context(), "sum", 78)}
		g.await(t, 2)
		for k, c := range calls {
			waitSuspended(t, c)
			err := s.Do(t.Context(), func(m api.Module) error {
				r, suspended := c.Region()
				position, _ := m.Memory().ReadUint32Le(r.Data)
				end, _ := m.Memory().ReadUint32Le(r.Data + 4)
				if !suspended || r.Export != "sum" || position != r.Position || end != r.Stack {
					t.Errorf("%+v, the data block has %d and %d", r, position, end)
				}
				if r.Data >= r.Frames || r.Frames >= r.Position || r.Position > r.Stack || r.Stack >= r.Top || r.Top-r.Data > host.DefaultStackSize {
					t.Errorf("%+v is out of order", r)
				}
				stack, _ := m.Memory().Read(r.Stack, r.Top-r.Stack)
				if key := []string{"key-77\x00", "key-78\x00"}[k]; !bytes.Contains(stack, []byte(key)) {
					t.Errorf("%q is not on the stack %q", key, stack)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		for _, c := range calls {
			c.Cancel(nil)
		}
	})
}

// Without a stack pointer to set there can be one call at a time.
func TestStackErrors(t *testing.T) {
	for _, module := range []string{"server", "server.fibers"} {
		s := newHost(t, wazero.NewRuntimeConfigCompiler(), host.Config{})
		s.instantiate(serverModule(t, module, rewrite.Options{Suspend: []string{"env.fetch"}}))
		for n := range 4 {
			want(t, s.Go(t.Context(), "sum", uint64(n)), sumOf(n))
		}
		g := newGate()
		s.set(g.fetch)
		first := s.Go(t.Context(), "sum", 1)
		g.await(t, 1)
		_, err := s.Call(t.Context(), "sum", 2)
		if wantError[*host.StackError](t, err); !strings.Contains(err.Error(), "--export-stack") {
			t.Errorf("the error is %v", err)
		}
		close(g.open)
		want(t, first, sumOf(1))
		want(t, s.Go(t.Context(), "sum", 2), sumOf(2))
	}
}

// A module may export its stack pointer for reasons of its own; with the fiber library
// that is not enough.
func TestStackErrorWithTheLibrary(t *testing.T) {
	const program = `
(module
  (import "env" "fetch" (func $fetch (param i32 i32 i32 i32) (result i32)))
  (import "fiber" "pass" (func $pass))
  (memory (export "memory") 1)
  (table funcref (elem $get))
  (global $__stack_pointer (export "__stack_pointer") (mut i32) (i32.const 4096))
  (func $get (export "get") (result i32)
    (call $pass)
    (call $fetch (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 100))))`
	for _, exportStack := range []bool{false, true} {
		s := newHost(t, wazero.NewRuntimeConfigInterpreter(), host.Config{})
		s.instantiate(textModule(t, program, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: exportStack}))
		g := newGate()
		s.set(g.fetch)
		first := s.Go(t.Context(), "get")
		g.await(t, 1)
		second := s.Go(t.Context(), "get")
		if exportStack {
			g.await(t, 2)
			close(g.open)
			want(t, second, len(valueOf("")))
		} else {
			_, err := second.Wait()
			wantError[*host.StackError](t, err)
			close(g.open)
		}
		want(t, first, len(valueOf("")))
	}
}
