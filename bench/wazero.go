package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib/host"
)

const wazeroModule = "github.com/tetratelabs/wazero"

// wazeroEngine times calls on the compiler of wazero, in this process.
func wazeroEngine() engine { return wazeroWith("wazero", wazero.NewRuntimeConfigCompiler()) }

// interpreterEngine times calls on the interpreter of wazero.
func interpreterEngine() engine {
	e := wazeroWith("wazero interpreter", wazero.NewRuntimeConfigInterpreter())
	e.light = true
	return e
}

func wazeroWith(name string, config wazero.RuntimeConfig) engine {
	return engine{name: name, time: func(t task) (answer, error) {
		ctx := context.Background()
		cache := wazero.NewCompilationCache()
		defer cache.Close(ctx)
		lab := wazeroLab{ctx, config.WithCompilationCache(cache), t}
		return lab.answer()
	}}
}

type wazeroLab struct {
	ctx    context.Context
	config wazero.RuntimeConfig
	task
}

// A timed thing is one call in the module of one builder.
type timed struct {
	builder string
	call    func() (uint64, error)
	bytes   int
	close   func()

	inst api.Module
}

func (l wazeroLab) answer() (answer, error) {
	var a answer
	for _, c := range l.kernels {
		t, err := l.timing(l.modules, c, 1, l.kernel)
		if err != nil {
			return a, err
		}
		a.Kernels = append(a.Kernels, t)
	}
	for _, c := range l.switches {
		t, err := l.timing(l.modules[1:], c, c.rounds(), l.suspending)
		if err != nil {
			return a, err
		}
		a.Switches = append(a.Switches, t)
	}
	for _, c := range l.shapes {
		t, err := l.shape(c)
		if err != nil {
			return a, err
		}
		a.Shapes = append(a.Shapes, t)
	}
	return a, nil
}

// timing times a call in all modules.
func (l wazeroLab) timing(modules []module, c call, divisor int, prepare func(module, call) (*timed, error)) (timing, error) {
	var things []*timed
	for _, m := range modules {
		thing, err := prepare(m, c)
		if err != nil {
			return timing{}, fmt.Errorf("%s: %w", m.builder, err)
		}
		defer thing.close()
		things = append(things, thing)
	}
	return l.sample(things, c, divisor)
}

// sample times calls that are prepared, in turn.
func (l wazeroLab) sample(things []*timed, c call, divisor int) (timing, error) {
	out := timing{Samples: map[string]samples{}, Bytes: map[string]int{}}
	for _, thing := range things {
		out.Samples[thing.builder] = make(samples, l.runs)
		for i := range out.Samples[thing.builder] {
			out.Samples[thing.builder][i] = math.Inf(1)
		}
	}
	want, err := things[0].call()
	if err != nil {
		return out, err
	}
	// Every round makes one call in each module, as time.mjs does.
	for round := -1; round < l.runs*l.best; round++ {
		for _, thing := range things {
			start := time.Now()
			got, err := thing.call()
			took := float64(time.Since(start).Nanoseconds()) / float64(divisor)
			if err != nil || got != want {
				return out, fmt.Errorf("%s: %s returns %d, not %d (%v)", thing.builder, c, got, want, err)
			}
			if round >= 0 {
				slot := &out.Samples[thing.builder][round%l.runs]
				*slot = min(*slot, took)
			}
		}
	}
	for _, thing := range things {
		out.Bytes[thing.builder] = thing.bytes
	}
	return out, nil
}

// kernel prepares a call that does not suspend.
func (l wazeroLab) kernel(m module, c call) (*timed, error) {
	rt, env, err := l.runtime()
	if err != nil {
		return nil, err
	}
	env.NewFunctionBuilder().WithFunc(func(int32) int32 { return 0 }).Export("yield")
	inst, err := l.instantiate(rt, env, m)
	if err != nil {
		return nil, err
	}
	if _, err := inst.ExportedFunction("set_budget").Call(l.ctx, math.MaxInt32); err != nil {
		return nil, err
	}
	fn := inst.ExportedFunction(c.name)
	return &timed{
		builder: m.builder,
		call:    func() (uint64, error) { return only(fn.Call(l.ctx, c.values()...)) },
		close:   func() { _ = rt.Close(l.ctx) },
	}, nil
}

// suspending prepares a call that suspends.
func (l wazeroLab) suspending(m module, c call) (*timed, error) {
	rt, env, err := l.runtime()
	if err != nil {
		return nil, err
	}
	thing := &timed{builder: m.builder, close: func() { _ = rt.Close(l.ctx) }}
	var inst api.Module
	var buffer host.Buffer
	driver := &host.Driver{}
	i32 := []api.ValueType{api.ValueTypeI32}
	driver.Define(env, "yield", i32, i32, func(context.Context, []uint64) ([]uint64, error) {
		position, _ := inst.Memory().ReadUint32Le(buffer.Address)
		thing.bytes = int(position - buffer.Address - 8)
		return []uint64{1}, nil
	})
	if inst, err = l.instantiate(rt, env, m); err != nil {
		return nil, err
	}
	if buffer, err = l.ownBuffer(inst); err != nil {
		return nil, err
	}
	if err := driver.Attach(inst, buffer); err != nil {
		return nil, err
	}
	fn := inst.ExportedFunction(c.name)
	thing.call = func() (uint64, error) { return only(driver.Call(l.ctx, fn, c.values()...)) }
	return thing, nil
}

// ownBuffer returns the buffer that the modules of kernels reserve.
func (l wazeroLab) ownBuffer(inst api.Module) (host.Buffer, error) {
	address, err := only(inst.ExportedFunction("async_buf").Call(l.ctx))
	if err != nil {
		return host.Buffer{}, err
	}
	size, err := only(inst.ExportedFunction("async_buf_size").Call(l.ctx))
	return host.Buffer{Address: uint32(address), Size: uint32(size)}, err
}

// runtime returns a runtime with WASI, and the module env to add functions to.
func (l wazeroLab) runtime() (wazero.Runtime, wazero.HostModuleBuilder, error) {
	rt := wazero.NewRuntimeWithConfig(l.ctx, l.config)
	if _, err := wasi_snapshot_preview1.Instantiate(l.ctx, rt); err != nil {
		return nil, nil, err
	}
	return rt, rt.NewHostModuleBuilder("env"), nil
}

// instantiate instantiates env and a reactor.
func (l wazeroLab) instantiate(rt wazero.Runtime, env wazero.HostModuleBuilder, m module) (api.Module, error) {
	if _, err := env.Instantiate(l.ctx); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(m.path)
	if err != nil {
		return nil, err
	}
	return rt.InstantiateWithConfig(l.ctx, data, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
}

// values returns the arguments of a call as wazero passes them.
func (c call) values() []uint64 {
	values := make([]uint64, len(c.args))
	for i, a := range c.args {
		values[i] = api.EncodeI32(int32(a))
	}
	return values
}

// only returns the only result of a call.
func only(results []uint64, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	return results[0], nil
}
