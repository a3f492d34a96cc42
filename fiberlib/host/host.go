// Package host runs rewritten modules on wazero: host functions that take their time
// while other calls of the same instance go on.
//
//	h := host.New(rt, host.Config{})
//	err := h.SuspendingFunc("env", "fetch", fetch) // a Go function, which may block
//	inst, err := h.Instantiate(ctx, wasm, nil)
//	call := inst.Go(ctx, "handle", 42) // one of thousands
//	results, err := call.Wait()
//
// A WebAssembly module runs on one thread. Here it is entered by one goroutine at a time,
// and left when a call comes to a host function that suspends: the stack of the call is
// unwound into a region of the module's memory, the function runs on a goroutine of its
// own, and when it returns the call goes on. Each call has a region, for its frames and
// for the stack that C and its relatives keep in memory; so the module has to let the
// host set its stack pointer: build it with watfiber build --export-stack.
//
// The package speaks the ABI that watfiber shares with Binaryen's Asyncify, and to
// modules that watfiber has linked its fiber library with, that of fiberlib/host.wat. For
// a single call at a time there is also the smaller [Driver].
package host

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib"
)

// DefaultStackSize is the size of the region of a call in bytes, if the Config does not
// say.
const DefaultStackSize = 16 << 10

const (
	leastStack = 1 << 10
	mostStack  = 1 << 30
)

// A Config says how instances run.
type Config struct {
	// StackSize is how many bytes of the module's memory a call gets for its stacks: the
	// frames of its suspended functions, and what its functions keep in memory while they
	// run. 0 stands for DefaultStackSize; the least is 1024, the most a gigabyte.
	StackSize uint32
}

// A Work is the body of a host function that suspends the module. The stack has the
// parameters, and gets the results, as in an api.GoModuleFunction. It runs on a goroutine
// of its own, while the module answers other calls; so it is not the module that it gets,
// but the instance: memory is read and written while no call runs, and an export that it
// calls is another call.
//
// The context is that of the call, and done when the call is. An error, or a panic, ends
// the call with a *HostError.
type Work func(ctx context.Context, i *Instance, stack []uint64) error

// A Host has the host functions of a runtime, and instantiates modules that use them.
type Host struct {
	rt     wazero.Runtime
	config Config

	mu      sync.Mutex
	modules []*hostModule
}

// hostModule is a module of host functions, until it is instantiated.
type hostModule struct {
	name    string
	builder wazero.HostModuleBuilder
	there   bool
}

// New returns a host for modules of a runtime.
func New(rt wazero.Runtime, config Config) *Host {
	if config.StackSize == 0 {
		config.StackSize = DefaultStackSize
	}
	config.StackSize = (min(max(config.StackSize, leastStack), mostStack) + 15) &^ 15
	return &Host{rt: rt, config: config}
}

// Suspending defines a host function during which its caller is suspended. It is to be
// listed with watfiber build --suspend=module.name.
func (h *Host) Suspending(module, name string, params, results []api.ValueType, work Work) {
	s := &suspending{name: module + "." + name, params: params, results: words(results), work: work}
	h.Module(module).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(s.called), params, results).WithName(name).Export(name)
}

// Module returns the module of host functions with a name, to define others beside those
// that suspend. It is instantiated with the first module that is.
func (h *Host) Module(name string) wazero.HostModuleBuilder {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(h.modules, func(m *hostModule) bool { return m.name == name })
	if at < 0 {
		at = len(h.modules)
		h.modules = append(h.modules, &hostModule{name: name, builder: h.rt.NewHostModuleBuilder(name)})
	}
	return h.modules[at].builder
}

// Instantiate instantiates a rewritten module and calls its _initialize, if it exports
// one. Other start functions are not called: a command is run by a call of _start. The
// configuration may be nil.
func (h *Host) Instantiate(ctx context.Context, wasm []byte, config wazero.ModuleConfig) (*Instance, error) {
	if err := h.provide(ctx); err != nil {
		return nil, err
	}
	if config == nil {
		config = wazero.NewModuleConfig().WithName("")
	}
	m, err := h.rt.InstantiateWithConfig(ctx, wasm, config.WithStartFunctions())
	if err != nil {
		return nil, err
	}
	inst, err := h.Attach(ctx, m)
	if err == nil {
		inst.frames, err = fiberlib.ReadFrames(wasm)
	}
	if err == nil {
		inst.names, err = fiberlib.ReadAsserts(wasm)
	}
	if err == nil && m.ExportedFunction("_initialize") != nil {
		_, err = inst.Call(ctx, "_initialize")
	}
	if err != nil {
		_ = m.Close(ctx)
		return nil, err
	}
	return inst, nil
}

// provide instantiates the modules of host functions.
func (h *Host) provide(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.modules {
		if m.there {
			continue
		}
		if _, err := m.builder.Instantiate(ctx); err != nil {
			return fmt.Errorf("host module %s: %w", m.name, err)
		}
		m.there = true
	}
	return nil
}
