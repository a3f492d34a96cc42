package host_test

import (
	"testing"

	"github.com/tetratelabs/wazero"

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
}
