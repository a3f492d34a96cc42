package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// program calls env.fetch(n) for n, n-1, … 0, from a recursion, and adds up what it
// returns.
const program = `
(module
  (import "env" "fetch" (func $fetch (param i32) (result i64)))
  (memory (export "memory") 1 8)
  (func $sum (export "sum") (param $n i32) (result i64)
    local.get $n
    call $fetch
    local.get $n
    i32.eqz
    if (result i64)
      i64.const 0
    else
      local.get $n
      i32.const 1
      i32.sub
      call $sum
    end
    i64.add
  )
  (func (export "fail") (param $n i32)
    local.get $n
    call $fetch
    drop
    unreachable
  )
)`

// attach instantiates the program, rewritten, with fetch doing work.
func attach(t *testing.T, work host.Func, buffer uint32) (*host.Driver, api.Module, error) {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	driver := &host.Driver{}
	env := rt.NewHostModuleBuilder("env")
	driver.Define(env, "fetch", []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}, work)
	if _, err := env.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	inst, err := rt.Instantiate(ctx, rewritten(t, program))
	if err != nil {
		t.Fatal(err)
	}
	b, err := host.Reserve(inst, buffer)
	if err != nil {
		return nil, nil, err
	}
	return driver, inst, driver.Attach(inst, b)
}

func rewritten(t *testing.T, text string) []byte {
	t.Helper()
	m, err := wat.Parse("program.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rewrite.Rewrite(m, rewrite.Options{Suspend: []string{"env.*"}})
	if err != nil {
		t.Fatal(err)
	}
	return binary.Encode(r.Module)
}

func TestCallGoesOnUntilItReturns(t *testing.T) {
	var seen []uint64
	driver, inst, err := attach(t, func(_ context.Context, args []uint64) ([]uint64, error) {
		seen = append(seen, args[0])
		return []uint64{args[0] * 1_000_000_000_000}, nil
	}, 4096)
	if err != nil {
		t.Fatal(err)
	}
	results, err := driver.Call(t.Context(), inst.ExportedFunction("sum"), 4)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := results[0], uint64(10_000_000_000_000); got != want {
		t.Errorf("sum(4) is %d, not %d", got, want)
	}
	if got, want := fmt.Sprint(seen), "[4 3 2 1 0]"; got != want {
		t.Errorf("fetch was called with %s, not %s", got, want)
	}
	if driver.Suspends() != 5 {
		t.Errorf("suspended %d times, not 5", driver.Suspends())
	}
}

func TestErrors(t *testing.T) {
	failing := errors.New("the wire is cut")
	one := func(context.Context, []uint64) ([]uint64, error) { return []uint64{1}, nil }
	for _, test := range []struct {
		name, export string
		arg          uint64
		buffer       uint32
		work         host.Func
		want         string
	}{
		{"the work fails", "sum", 3, 4096, func(context.Context, []uint64) ([]uint64, error) { return nil, failing }, "the wire is cut"},
		{"the program traps behind a suspension", "fail", 3, 4096, one, "unreachable"},
		{"the stack is deeper than the buffer", "sum", 6000, 4096, one, "the stack is too deep for the buffer"},
		{"the memory cannot grow", "sum", 3, 1 << 20, one, "the memory cannot grow by the 1114112 bytes of the buffer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			driver, inst, err := attach(t, test.work, test.buffer)
			if err == nil {
				_, err = driver.Call(t.Context(), inst.ExportedFunction(test.export), test.arg)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, not %q", err, test.want)
			}
		})
	}
}

func TestAttachRefusesAModuleThatIsNotRewritten(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	m, err := wat.Parse("plain.wat", `(module (memory (export "memory") 1))`)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := rt.Instantiate(ctx, binary.Encode(m))
	if err != nil {
		t.Fatal(err)
	}
	err = (&host.Driver{}).Attach(inst, host.Buffer{Address: 0, Size: 64})
	if err == nil || err.Error() != "the module does not export asyncify_start_unwind: it is not rewritten" {
		t.Errorf("the error is %v", err)
	}
}
