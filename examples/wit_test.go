package examples_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib/host"
)

// A program for WASI 0.2, built with what the WIT of its imports says, sorts by sleeping.
// The host waits for the timers while the program has left the stack.
func TestWorldOfTimers(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			p := timersProgram(t, engine, build(t, "c/timers.wasm", "--wit=wit/timers.wit"))
			results, err := p.driver.Call(t.Context(), p.module.ExportedFunction("run"))
			if err != nil {
				t.Fatal(err)
			}
			if results[0] != 12345 || p.output.String() != "1\n2\n3\n4\n5\n" {
				t.Errorf("run() = %d, printed %q", results[0], p.output.String())
			}
			// Five polls, five lines, and one block.
			if p.driver.Suspends() != 11 {
				t.Errorf("suspended %d times, not 11", p.driver.Suspends())
			}
		})
	}
}

// timers is a host with as much of WASI 0.2 as a program of timers needs.
type timers struct {
	module  api.Module
	driver  host.Driver
	output  strings.Builder
	due     map[uint64]time.Time
	handles uint64
}

func timersProgram(t *testing.T, engine, path string) *timers {
	t.Helper()
	config := wazero.NewRuntimeConfigCompiler
	if engine == "interpreter" {
		config = wazero.NewRuntimeConfigInterpreter
	}
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, config())
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	p := &timers{due: map[uint64]time.Time{}}
	for _, b := range p.hostModules(rt) {
		if _, err := b.Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.module, err = rt.Instantiate(ctx, []byte(read(t, path))); err != nil {
		t.Fatal(err)
	}
	buffer, err := host.Reserve(p.module, 1<<12)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.driver.Attach(p.module, buffer); err != nil {
		t.Fatal(err)
	}
	return p
}

const i32, i64 = api.ValueTypeI32, api.ValueTypeI64

// hostModules defines what the program imports: what waits suspends it.
func (p *timers) hostModules(rt wazero.Runtime) []wazero.HostModuleBuilder {
	clock := rt.NewHostModuleBuilder("wasi:clocks/monotonic-clock@0.2.0")
	function(clock, "subscribe-duration", []api.ValueType{i64}, []api.ValueType{i32}, func(stack []uint64) {
		p.handles++
		p.due[p.handles] = time.Now().Add(time.Duration(stack[0]))
		stack[0] = p.handles
	})
	poll := rt.NewHostModuleBuilder("wasi:io/poll@0.2.0")
	p.driver.Define(poll, "poll", []api.ValueType{i32, i32, i32}, nil, p.poll)
	p.driver.Define(poll, "[method]pollable.block", []api.ValueType{i32}, nil, func(_ context.Context, args []uint64) ([]uint64, error) {
		time.Sleep(time.Until(p.due[args[0]]))
		return nil, nil
	})
	function(poll, "[resource-drop]pollable", []api.ValueType{i32}, nil, func(stack []uint64) { delete(p.due, stack[0]) })
	stdout := rt.NewHostModuleBuilder("wasi:cli/stdout@0.2.0")
	function(stdout, "get-stdout", nil, []api.ValueType{i32}, func(stack []uint64) { stack[0] = 1 })
	streams := rt.NewHostModuleBuilder("wasi:io/streams@0.2.0")
	p.driver.Define(streams, "[method]output-stream.blocking-write-and-flush", []api.ValueType{i32, i32, i32, i32}, nil, func(_ context.Context, args []uint64) ([]uint64, error) {
		text, _ := p.module.Memory().Read(uint32(args[1]), uint32(args[2]))
		p.output.Write(text)
		p.module.Memory().WriteByte(uint32(args[3]), 0) // no error
		return nil, nil
	})
	function(streams, "[resource-drop]output-stream", []api.ValueType{i32}, nil, func([]uint64) {})
	return []wazero.HostModuleBuilder{clock, poll, stdout, streams}
}

func function(b wazero.HostModuleBuilder, name string, params, results []api.ValueType, f func([]uint64)) {
	b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { f(stack) }), params, results).Export(name)
}

// poll waits until one of the timers in a list has run down, and stores the list of those
// that have, in memory that the program allocates.
func (p *timers) poll(ctx context.Context, args []uint64) ([]uint64, error) {
	memory := p.module.Memory()
	var due []time.Time
	for i := range uint32(args[1]) {
		handle, _ := memory.ReadUint32Le(uint32(args[0]) + 4*i)
		due = append(due, p.due[uint64(handle)])
	}
	first := slices.MinFunc(due, time.Time.Compare)
	time.Sleep(time.Until(first))
	items, err := p.module.ExportedFunction("cabi_realloc").Call(ctx, 0, 0, 4, 4)
	if err != nil {
		return nil, err
	}
	memory.WriteUint32Le(uint32(items[0]), uint32(slices.Index(due, first)))
	memory.WriteUint32Le(uint32(args[2]), uint32(items[0]))
	memory.WriteUint32Le(uint32(args[2])+4, 1)
	return nil, nil
}
