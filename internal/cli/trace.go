package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

type traceCmd struct {
	runCmd
	Schedule string `default:"every" placeholder:"every|never|seed:N" help:"Which calls of the imports of --suspend suspend the program: every one, none, or some that a generator chooses which starts from N."`
	Calls    bool   `help:"Record each call and return of an instrumented function as well."`
	Imports  bool   `help:"Record the calls of all imports, not only of those that may suspend."`
	Limit    int    `default:"0" placeholder:"N" help:"Keep the first N events and count the others; 1000 as text, 100000 otherwise, if this does not say."`
	JSON     bool   `name:"json" xor:"form" help:"Everything as JSON; docs/trace.md has the format."`
	Chrome   bool   `xor:"form" help:"A file of trace events, for chrome://tracing and Perfetto: a fiber is a thread, a function a slice."`
	Step     bool   `xor:"form" help:"Step through the run in this terminal, forwards and back."`
	Output   string `short:"o" placeholder:"FILE" help:"Write the trace here. What the program prints then goes to standard output; otherwise it is part of the trace."`
}

// Help is the end of watfiber trace --help.
func (traceCmd) Help() string {
	return `Runs a module as watfiber run does, with probes in the functions that may suspend, and tells what happens to their stacks: each change of the state, each frame that is pushed and popped with the values in it, each call of what suspends, each switch of fibers. A module that is rewritten already must have been built with --probes.

Examples:

What happens when a C program calls an import that suspends:

    watfiber trace --suspend=env.yield examples/c/generator.wasm 2

Step through it:

    watfiber trace --step --suspend=env.yield app.wasm 2

Fibers as threads, in a viewer:

    watfiber trace --chrome -o fibers.json app.wasm

Each change of the state and each frame of a C program with fibers, and nothing of what comes behind the first hundred:

    watfiber trace --limit=100 examples/c/resume.wasm`
}

// Run is watfiber trace.
func (t *traceCmd) Run(c *console) error {
	leaves, err := t.schedule()
	if err != nil {
		return err
	}
	if err := t.check(c); err != nil {
		return err
	}
	t.probes = true
	m, err := c.load(t.Module)
	if err == nil {
		m, err = t.build(c, m)
	}
	if err != nil {
		return err
	}
	frames, err := tracedFrames(m)
	if err != nil {
		return err
	}
	start := time.Now()
	tr := &tracer{rec: &trace.Recorder{
		Module: m.Source.Name, Frames: frames, Calls: t.Calls || t.Chrome, Limit: t.Limit, Clock: func() time.Duration { return time.Since(start) },
	}, all: t.Imports}
	inner := *c
	if t.Output == "" {
		inner.stdout = tr
	}
	ended := t.run(&inner, m, tr, leaves)
	var exit exitError
	if ended != nil && !errors.As(ended, &exit) {
		return ended
	}
	if err := t.show(c, m, tr.rec.Finish(tr.endText(ended))); err != nil {
		return err
	}
	return ended
}

// schedule returns what says whether a call suspends, nil for each.
func (t *traceCmd) schedule() (func() bool, error) {
	switch seed, seeded := strings.CutPrefix(t.Schedule, "seed:"); {
	case t.Schedule == "every":
		return nil, nil
	case t.Schedule == "never":
		return func() bool { return false }, nil
	case seeded:
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			return nil, usageError(fmt.Sprintf("--schedule=%s: the seed is a number from 0", t.Schedule))
		}
		dice := rand.New(rand.NewPCG(n, 0))
		return func() bool { return dice.Uint32()%2 == 0 }, nil
	}
	return nil, usageError(fmt.Sprintf("--schedule=%s: write every, never or seed:N", t.Schedule))
}

// check checks the flags of the output, and sets the limit.
func (t *traceCmd) check(c *console) error {
	switch {
	case t.Limit < 0:
		return usageError("--limit counts events")
	case t.Limit == 0 && (t.JSON || t.Chrome || t.Step):
		t.Limit = 100_000
	case t.Limit == 0:
		t.Limit = 1000
	}
	if t.Missing {
		return usageError("--missing is for watfiber run")
	}
	if t.Step && t.Output != "" {
		return usageError("--step shows the trace, and --output writes it: choose one")
	}
	if t.Step && (!isTerminal(c.stdin) || !isTerminal(c.stdout)) {
		return usageError("--step needs a terminal: standard input and output must be one; without, leave it out, or write the trace with --json")
	}
	return nil
}

// tracedFrames returns the map of the frames of a module that has probes.
func tracedFrames(m *wat.Module) (*fiberlib.FrameMap, error) {
	imports := func(f *wat.Func) bool { return f.Import != nil && f.Import.Module == rewrite.ProbeModule }
	if !slices.ContainsFunc(m.Funcs, imports) {
		if isRewritten(m) {
			return nil, fmt.Errorf("%s is rewritten already, without probes: trace the module that it was made of, or build it with --probes", m.Source.Name)
		}
		return nil, fmt.Errorf("%s: nothing in this module may suspend: list the imports that may with --suspend", m.Source.Name)
	}
	frames, err := frameMap(m)
	if err == nil && frames == nil {
		err = fmt.Errorf("%s has probes, but no section %s: build it anew", m.Source.Name, fiberlib.FrameSection)
	}
	return frames, err
}

// run runs the program.
func (t *traceCmd) run(c *console, m *wat.Module, tr *tracer, leaves func() bool) error {
	ctx := context.Background()
	engine := wazero.NewRuntimeConfigCompiler
	if t.Engine == "interpreter" {
		engine = wazero.NewRuntimeConfigInterpreter
	}
	rt := wazero.NewRuntimeWithConfig(ctx, engine())
	defer rt.Close(ctx)
	driver := &host.Driver{Leaves: leaves}
	wasi, err := t.wasi(c)
	if err != nil {
		return err
	}
	defer wasi.Close()
	if err := t.imports(experimental.WithFunctionListenerFactory(ctx, tr), rt, m, driver, wasi); err != nil {
		return err
	}
	if err := tr.define(ctx, rt); err != nil {
		return err
	}
	config, err := t.config(c)
	if err != nil {
		return err
	}
	inst, err := rt.InstantiateWithConfig(ctx, binary.Encode(m), config)
	if err != nil {
		return t.ended(c, nil, nil, err)
	}
	buffer, err := host.Reserve(inst, t.Buffer)
	if err == nil {
		err = driver.Attach(inst, buffer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.Source.Name, err)
	}
	tr.err = t.start(c, inst, func(fn api.Function, args ...uint64) ([]uint64, error) { return driver.Call(ctx, fn, args...) })
	err = t.ended(c, inst, m, tr.err)
	if t.Dump != "" {
		if failed := c.dump(t.Dump, inst); failed != nil {
			return failed
		}
	}
	if t.Stats {
		fmt.Fprintf(c.stderr, "suspended %s\n", count(driver.Suspends(), "time"))
	}
	return err
}

// show writes the trace.
func (t *traceCmd) show(c *console, m *wat.Module, tr *trace.Trace) error {
	if t.Step {
		return c.step(tr, sourceLine(m))
	}
	var b bytes.Buffer
	var err error
	switch {
	case t.JSON:
		err = tr.WriteJSON(&b)
	case t.Chrome:
		err = tr.WriteChrome(&b)
	default:
		err = tr.WriteText(&b)
	}
	if err == nil {
		err = c.write(output{t.Output, &b})
	}
	if err == nil && tr.LeftOut > 0 && (t.JSON || t.Chrome) {
		c.note(fmt.Sprintf("%s left out; --limit says how many are kept", count(tr.LeftOut, "event")))
	}
	return err
}

// A tracer tells a recorder what happens on wazero.
type tracer struct {
	rec *trace.Recorder
	all bool // calls of all imports are recorded
	err error
}

// define defines the import that probes call.
func (t *tracer) define(ctx context.Context, rt wazero.Runtime) error {
	var inst api.Module
	t.rec.Memory = func(at, size uint32) []byte {
		memory := inst.Memory()
		if memory == nil {
			return nil
		}
		window, _ := memory.Read(at, size)
		return window
	}
	return defineProbe(ctx, rt, func(_ context.Context, m api.Module, s []uint64) {
		inst = m
		t.rec.Probe(trace.Probe{
			Kind: uint32(s[0]), A: uint32(s[1]), B: uint32(s[2]), State: uint32(s[3]), Data: uint32(s[4]), StackPointer: uint32(s[5]), Fiber: uint32(s[6]),
		})
	})
}

// ignoreProbes defines it for a module that is run and not traced.
func ignoreProbes(ctx context.Context, rt wazero.Runtime) error {
	return defineProbe(ctx, rt, func(context.Context, api.Module, []uint64) {})
}

func defineProbe(ctx context.Context, rt wazero.Runtime, event api.GoModuleFunc) error {
	params := slices.Repeat([]api.ValueType{api.ValueTypeI32}, 7)
	_, err := rt.NewHostModuleBuilder(rewrite.ProbeModule).NewFunctionBuilder().
		WithGoModuleFunction(event, params, nil).Export(rewrite.ProbeName).Instantiate(ctx)
	return err
}

// Write takes what the program prints.
func (t *tracer) Write(p []byte) (int, error) {
	t.rec.Output(string(p))
	return len(p), nil
}

// NewFunctionListener makes the tracer listen to a function of the host.
func (t *tracer) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	names := f.ExportNames()
	if len(names) == 0 {
		return nil
	}
	return &hostCalls{t, f.ModuleName() + "." + names[0], f}
}

// hostCalls listens to one of them.
type hostCalls struct {
	t    *tracer
	name string
	def  api.FunctionDefinition
}

// Before implements experimental.FunctionListener.
func (h *hostCalls) Before(_ context.Context, _ api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	h.t.rec.HostCall(h.name, texts(h.def.ParamTypes(), params), h.t.all)
}

// After implements experimental.FunctionListener.
func (h *hostCalls) After(_ context.Context, _ api.Module, _ api.FunctionDefinition, results []uint64) {
	h.t.rec.HostReturn(h.name, texts(h.def.ResultTypes(), results))
}

// Abort implements experimental.FunctionListener.
func (h *hostCalls) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// texts returns values as text.
func texts(types []api.ValueType, values []uint64) []string {
	const v128 = 0x7b // takes two words
	out := make([]string, len(types))
	for i, t := range types {
		if t == v128 {
			out[i] = fmt.Sprintf("%#016x %#016x", values[0], values[1])
			values = values[2:]
			continue
		}
		out[i] = decode(t, values[0])
		values = values[1:]
	}
	return out
}

// endText says how the run ended.
func (t *tracer) endText(ended error) string {
	var exit exitError
	switch {
	case t.err != nil && strings.Contains(t.err.Error(), "wasm error:"):
		message, _, _ := strings.Cut(strings.TrimPrefix(t.err.Error(), "wasm error: "), "\n")
		if match := libraryTrap.FindStringSubmatch(t.err.Error()); match != nil && fiberlib.Faults[match[1]] != "" {
			message += "; " + fiberlib.Faults[match[1]]
		}
		return "the program traps: " + message
	case errors.As(ended, &exit):
		return fmt.Sprintf("the program ends with exit code %d", int(exit))
	}
	return "the program ends"
}
