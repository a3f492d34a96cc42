package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// The states of a rewritten module.
const (
	running   = 0
	unwinding = 1
	rewinding = 2
)

// DefaultBufferSize is the size of the buffer for frames in bytes, if nothing else
// is said.
const DefaultBufferSize = 1 << 20

// A Func is the work of a host function of a [Driver]. It gets the
// arguments, and returns the results: integers and floats as wazero encodes them.
// It runs while the module has left its call stack.
type Func func(ctx context.Context, args []uint64) ([]uint64, error)

// A Driver makes one instance of a rewritten module suspend and resume, one call at a
// time and on the goroutine of its caller: it needs nothing of a module but the five
// exports. An [Instance] does more.
//
// Define the suspending host functions first, then instantiate the module, then
// Attach the driver to it.
type Driver struct {
	module api.Module
	data   uint32 // address of the data block
	abi    map[string]api.Function

	// Leaves says, if it is not nil, whether a call of a suspending host function makes
	// the module leave its stack. If not, the work is done at once.
	Leaves func() bool

	suspends int
	waiting  *waiting // what the module has suspended for
}

// waiting is a call of a suspending host function.
type waiting struct {
	work    Func
	args    []uint64
	results []uint64
}

// Define adds a host function that suspends its caller, runs work while the module
// has left the stack, and resumes it with the results.
func (d *Driver) Define(b wazero.HostModuleBuilder, name string, params, results []api.ValueType, work Func) {
	call := func(ctx context.Context, _ api.Module, stack []uint64) {
		if err := d.enter(ctx, work, stack[:len(params)], stack[:len(results)]); err != nil {
			panic(err)
		}
	}
	b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(call), params, results).Export(name)
}

// enter is a call of a suspending host function. The first time it starts the
// unwind; the second time, at the end of the rewind, it returns the results.
func (d *Driver) enter(ctx context.Context, work Func, args, results []uint64) error {
	if d.module == nil {
		return errors.New("a suspending host function was called before the driver was attached to the module: by its start function?")
	}
	if d.waiting != nil && d.get(ctx) == rewinding {
		if err := d.do(ctx, stopRewind); err != nil {
			return err
		}
		copy(results, d.waiting.results)
		d.waiting = nil
		return nil
	}
	if d.Leaves != nil && !d.Leaves() {
		values, err := work(ctx, slices.Clone(args))
		copy(results, values)
		return err
	}
	d.waiting = &waiting{work: work, args: slices.Clone(args)}
	clear(results)
	return d.do(ctx, startUnwind, uint64(d.data))
}

// A Buffer is the memory that a driver uses: a data block of 8 bytes, and behind
// it the frames.
type Buffer struct{ Address, Size uint32 }

// Reserve makes room for frames of size bytes by growing the memory that a module
// exports.
func Reserve(m api.Module, size uint32) (Buffer, error) {
	const page = 1 << 16
	memory := m.Memory()
	if memory == nil {
		return Buffer{}, errors.New("the module exports no memory")
	}
	if size > 1<<31 {
		return Buffer{}, fmt.Errorf("a buffer of %d bytes is more than a memory can have to spare", size)
	}
	size = (size + 8 + page - 1) &^ (page - 1)
	pages, ok := memory.Grow(size / page)
	if !ok {
		return Buffer{}, fmt.Errorf("the memory cannot grow by the %d bytes of the buffer", size)
	}
	return Buffer{pages * page, size}, nil
}

// abiNames are the exports of a rewritten module.
var abiNames = []string{startUnwind, stopUnwind, startRewind, stopRewind, getState}

const (
	startUnwind = "asyncify_start_unwind"
	stopUnwind  = "asyncify_stop_unwind"
	startRewind = "asyncify_start_rewind"
	stopRewind  = "asyncify_stop_rewind"
	getState    = "asyncify_get_state"
)

// Attach connects the driver to an instance of a rewritten module.
func (d *Driver) Attach(m api.Module, b Buffer) error {
	d.abi = map[string]api.Function{}
	for _, name := range abiNames {
		if d.abi[name] = m.ExportedFunction(name); d.abi[name] == nil {
			return fmt.Errorf("the module does not export %s: it is not rewritten", name)
		}
	}
	memory := m.Memory()
	if memory == nil || !memory.WriteUint32Le(b.Address, b.Address+8) || !memory.WriteUint32Le(b.Address+4, b.Address+b.Size) {
		return fmt.Errorf("there is no exported memory at %#x", b.Address)
	}
	d.module, d.data = m, b.Address
	return nil
}

// Suspends returns how often the module has suspended.
func (d *Driver) Suspends() int { return d.suspends }

// Call calls an export and, whenever that suspends, does the work it waits for and
// resumes it, until it returns.
func (d *Driver) Call(ctx context.Context, fn api.Function, args ...uint64) ([]uint64, error) {
	again := make([]uint64, len(args)) // on a rewind, frames have the arguments
	for {
		results, err := fn.Call(ctx, args...)
		if err != nil {
			return nil, err
		}
		if d.get(ctx) != unwinding {
			return results, nil
		}
		if err := d.resume(ctx); err != nil {
			return nil, err
		}
		args = again
	}
}

// resume ends the unwind, does the work and starts the rewind.
func (d *Driver) resume(ctx context.Context) error {
	if err := d.do(ctx, stopUnwind); err != nil {
		return fmt.Errorf("the stack is too deep for the buffer: %w", err)
	}
	d.suspends++
	if d.waiting == nil {
		return errors.New("the module has unwound its stack, but no host function asked for it")
	}
	var err error
	if d.waiting.results, err = d.waiting.work(ctx, d.waiting.args); err != nil {
		return err
	}
	return d.do(ctx, startRewind, uint64(d.data))
}

// get returns the state of the module.
func (d *Driver) get(ctx context.Context) uint64 {
	r, err := d.abi[getState].Call(ctx)
	if err != nil || len(r) == 0 {
		return running
	}
	return r[0]
}

func (d *Driver) do(ctx context.Context, name string, args ...uint64) error {
	_, err := d.abi[name].Call(ctx, args...)
	return err
}
