package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

type runCmd struct {
	selection
	Missing bool     `help:"Find the flags that are missing: run the program with --asserts again and again, with one more each time, until it runs through. What it prints is printed then."`
	Seed    uint32   `placeholder:"N" help:"Which fiber of the library runs next is chosen by a generator that starts from N, for tests of programs that should not depend on the order."`
	Dir     []string `placeholder:"HOST[:GUEST]" sep:"none" help:"Folder that the program may use, as GUEST."`
	Listen  []string `placeholder:"HOST:PORT" sep:"none" help:"Address at which the program may accept connections, with the descriptor behind those of the folders: 3 if there is none."`
	Env     []string `placeholder:"NAME=VALUE" sep:"none" help:"Environment variable of the program."`
	Invoke  string   `placeholder:"EXPORT" help:"Call this export instead of _start; the arguments are numbers, the results are printed."`
	Engine  string   `enum:"compiler,interpreter" default:"compiler" help:"The engine of wazero to use."`
	Buffer  uint32   `placeholder:"BYTES" default:"1048576" help:"Memory for frames while suspended."`
	Dump    string   `placeholder:"FILE" help:"Write the memory here when the program has ended or trapped, for watfiber frames."`
	Stats   bool     `help:"Say on standard error how often the program was suspended."`
	Module  string   `arg:"" help:"Text or binary; - is standard input."`
	Args    []string `arg:"" optional:"" passthrough:"" help:"Arguments of the program."`

	suspending []string // imports that may suspend, by --suspend and --wit
	trial      *trial   `kong:"-"` // one of several runs, nil if there is but one
	probes     bool     `kong:"-"` // the module is to be traced
}

// Help is the end of watfiber run --help.
func (runCmd) Help() string {
	return `The program gets WASI preview 1 with standard input and output, the arguments behind MODULE, and what the flags allow. A module that is not rewritten yet is built first if it may suspend, with --frames. Imports of --suspend that are not of WASI are provided: the module unwinds, is resumed, and the import returns zero.

Examples:

A Crystal program that switches fibers:

    watfiber run examples/crystal/pipeline.wasm

A C program that calls an import env.yield:

    watfiber run --suspend=env.yield --stats examples/c/generator.wasm 10

A C program whose fibers wait by the calls of the C library:

    watfiber run --redirect=wasi examples/c/silent.wasm

What is missing in a list of the only functions:

    watfiber run --missing --only=__original_main --suspend=env.yield examples/c/generator.wasm 3

An export of a library:

    watfiber run --suspend=env.yield --invoke=sum app.wat 5`
}

// Run is watfiber run.
func (r *runCmd) Run(c *console) error {
	m, err := c.load(r.Module)
	if err != nil {
		return err
	}
	if r.Missing {
		return r.findMissing(c, m)
	}
	return r.run(context.Background(), c, m)
}

// run builds a module and runs it once.
func (r *runCmd) run(ctx context.Context, c *console, m *wat.Module) error {
	m, err := r.build(c, m)
	if err != nil {
		return err
	}
	engine := wazero.NewRuntimeConfigCompiler
	if r.Engine == "interpreter" {
		engine = wazero.NewRuntimeConfigInterpreter
	}
	rt := wazero.NewRuntimeWithConfig(ctx, engine())
	defer rt.Close(ctx)
	driver := &host.Driver{}
	wasi, err := r.wasi(c)
	if err != nil {
		return err
	}
	defer wasi.Close()
	if err := r.imports(ctx, rt, m, driver, wasi); err != nil {
		return err
	}
	config, err := r.config(c)
	if err != nil {
		return err
	}
	inst, err := rt.InstantiateWithConfig(ctx, binary.Encode(m), config)
	if err != nil {
		return r.ended(c, nil, nil, err)
	}
	call := func(fn api.Function, args ...uint64) ([]uint64, error) { return fn.Call(ctx, args...) }
	if inst.ExportedFunction("asyncify_start_unwind") != nil {
		buffer, err := host.Reserve(inst, r.Buffer)
		if err == nil {
			err = driver.Attach(inst, buffer)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Source.Name, err)
		}
		call = func(fn api.Function, args ...uint64) ([]uint64, error) { return driver.Call(ctx, fn, args...) }
	}
	err = r.ended(c, inst, m, r.start(c, inst, call))
	if r.Dump != "" {
		if failed := c.dump(r.Dump, inst); failed != nil {
			return failed
		}
	}
	if r.Stats {
		fmt.Fprintf(c.stderr, "suspended %s\n", count(driver.Suspends(), "time"))
	}
	return err
}

// build rewrites the module, if it may suspend and is not rewritten.
func (r *runCmd) build(c *console, m *wat.Module) (*wat.Module, error) {
	how := r.selection // what of it is more than a list of what the host provides
	how.Suspend, how.Wit, how.World, how.Frames = nil, "", "", false
	says := !reflect.ValueOf(how).IsZero()
	if isRewritten(m) && (says || r.Seed != 0 || r.Missing) {
		return nil, usageError(r.Module + " is rewritten already: --suspend names what is provided, and the other flags of build say nothing to it")
	}
	opts, err := r.options()
	if err == nil {
		err = r.forModule(m, &opts)
	}
	if err != nil {
		return nil, err
	}
	r.suspending = opts.Suspend
	if isRewritten(m) || len(opts.Suspend) == 0 && !says && !r.Missing && !rewrite.SuspendsItself(m) {
		return m, nil
	}
	opts.Frames, opts.Seed, opts.Probes = true, r.Seed, opts.Probes || r.probes
	opts.Lines, opts.TreeOnly = c.sourceLines(m), true
	result, err := r.trial.rewrite(m, opts)
	if err != nil {
		return nil, err
	}
	return result.Module, nil
}

// isRewritten reports whether a module has been rewritten.
func isRewritten(m *wat.Module) bool {
	return slices.ContainsFunc(m.Exports, func(e *wat.Export) bool { return e.Name == "asyncify_start_unwind" })
}

// start calls what the program starts with.
func (r *runCmd) start(c *console, inst api.Module, call func(api.Function, ...uint64) ([]uint64, error)) error {
	if fn := inst.ExportedFunction("_initialize"); fn != nil {
		if _, err := call(fn); err != nil {
			return err
		}
	}
	if r.Invoke != "" {
		return r.invoke(c, inst, call)
	}
	fn := inst.ExportedFunction("_start")
	if fn == nil {
		var names []string
		for name := range inst.ExportedFunctionDefinitions() {
			if !strings.HasPrefix(name, "asyncify_") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return usageError(fmt.Sprintf("the module has no _start; call one of its exports with --invoke: %s", strings.Join(names, ", ")))
	}
	_, err := call(fn)
	return err
}

// invoke calls an export with numbers, and prints its results.
func (r *runCmd) invoke(c *console, inst api.Module, call func(api.Function, ...uint64) ([]uint64, error)) error {
	fn := inst.ExportedFunction(r.Invoke)
	if fn == nil {
		return usageError(fmt.Sprintf("the module exports no function %s", r.Invoke))
	}
	params := fn.Definition().ParamTypes()
	if len(params) != len(r.Args) {
		return usageError(fmt.Sprintf("%s takes %s, not %d", r.Invoke, count(len(params), "argument"), len(r.Args)))
	}
	args := make([]uint64, len(params))
	for i, text := range r.Args {
		var err error
		if args[i], err = encode(params[i], text); err != nil {
			return usageError(fmt.Sprintf("argument %s is no %s", text, api.ValueTypeName(params[i])))
		}
	}
	results, err := call(fn, args...)
	if err != nil {
		return err
	}
	for i, v := range results {
		fmt.Fprintln(c.stdout, decode(fn.Definition().ResultTypes()[i], v))
	}
	return nil
}

// encode returns a number as wazero passes it.
func encode(t api.ValueType, text string) (uint64, error) {
	switch t {
	case api.ValueTypeF32:
		v, err := strconv.ParseFloat(text, 32)
		return api.EncodeF32(float32(v)), err
	case api.ValueTypeF64:
		v, err := strconv.ParseFloat(text, 64)
		return api.EncodeF64(v), err
	case api.ValueTypeI32:
		v, err := strconv.ParseInt(text, 0, 33)
		return api.EncodeI32(int32(v)), err
	}
	v, err := strconv.ParseInt(text, 0, 64)
	return uint64(v), err
}

// decode returns a number that wazero passes as text.
func decode(t api.ValueType, v uint64) string {
	switch t {
	case api.ValueTypeF32:
		return wat.FormatFloat32(uint32(v))
	case api.ValueTypeF64:
		return wat.FormatFloat64(v)
	case api.ValueTypeI32:
		return strconv.Itoa(int(api.DecodeI32(v)))
	case api.ValueTypeI64:
		return strconv.FormatInt(int64(v), 10)
	}
	return fmt.Sprintf("%#x", v)
}

// config is what the program gets of the world.
func (r *runCmd) config(c *console) (wazero.ModuleConfig, error) {
	config := wazero.NewModuleConfig().WithStartFunctions().
		WithArgs(append([]string{r.Module}, r.Args...)...).
		WithStdin(c.stdin).WithStdout(c.stdout).WithStderr(c.stderr).
		WithSysNanosleep().WithSysNanotime().WithSysWalltime().WithRandSource(rand.Reader)
	for _, v := range r.Env {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return nil, usageError(fmt.Sprintf("--env=%s: write NAME=VALUE", v))
		}
		config = config.WithEnv(name, value)
	}
	folders := wazero.NewFSConfig()
	for _, d := range r.Dir {
		from, to, ok := strings.Cut(d, ":")
		if !ok {
			to = from
		}
		if info, err := os.Stat(from); err != nil || !info.IsDir() {
			return nil, usageError(fmt.Sprintf("--dir=%s: there is no folder %s", d, from))
		}
		folders = folders.WithDirMount(from, to)
	}
	return config.WithFSConfig(folders), nil
}

// wasi is WASI with what the program can wait for.
func (r *runCmd) wasi(c *console) (*host.WASI, error) {
	wasi := &host.WASI{}
	wasi.SetStdin(c.stdin)
	for i, address := range r.Listen {
		l, err := net.Listen("tcp", address)
		if err != nil {
			_ = wasi.Close()
			return nil, usageError(fmt.Sprintf("--listen=%s: %v", address, err))
		}
		fd := uint32(3 + len(r.Dir) + i)
		wasi.Listen(fd, l)
		c.note(fmt.Sprintf("descriptor %d listens at %s", fd, l.Addr()))
	}
	return wasi, nil
}

// imports defines WASI, and the imports that suspend and nobody else defines.
func (r *runCmd) imports(ctx context.Context, rt wazero.Runtime, m *wat.Module, driver *host.Driver, wasi *host.WASI) error {
	if _, err := wasi.Instantiate(ctx, rt); err != nil {
		return err
	}
	suspending := rewrite.Suspending(r.suspending)
	modules := map[string]wazero.HostModuleBuilder{}
	var names []string
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		if imp.Module == rewrite.ProbeModule && !r.probes {
			if err := ignoreProbes(ctx, rt); err != nil {
				return err
			}
			continue
		}
		if imp.Module == wasi_snapshot_preview1.ModuleName || imp.Module == rewrite.ProbeModule {
			continue
		}
		if d.Kind != wat.KindFunc || !suspending(imp.Module, imp.Name) && r.trial == nil {
			return fmt.Errorf("%s: nothing provides the %s %s.%s; an imported function that suspends is provided if it is listed with --suspend",
				m.Source.Name, d.Kind, imp.Module, imp.Name)
		}
		if modules[imp.Module] == nil {
			modules[imp.Module] = rt.NewHostModuleBuilder(imp.Module)
			names = append(names, imp.Module)
		}
		sig := m.FuncTypeOf(wat.FuncID(d.Index))
		results := len(sig.Results)
		driver.Define(modules[imp.Module], imp.Name, valueTypes(sig.Params), valueTypes(sig.Results),
			func(context.Context, []uint64) ([]uint64, error) { return make([]uint64, results), nil })
	}
	for _, name := range names {
		if _, err := modules[name].Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func valueTypes(types []wat.ValType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}
