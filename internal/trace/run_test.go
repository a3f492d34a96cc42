package trace

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// A program is a module to trace.
type program struct {
	module  string   // of examples
	suspend []string // imports that suspend, and are provided
	args    []string
	calls   []string // instead of _start: an export and its arguments, each
	own     bool     // it has a buffer of its own
}

var programs = []program{
	{module: "c/generator.wasm", suspend: []string{"env.yield"}, args: []string{"25"}},
	{module: "c/fibers.wasm"},
	{module: "c/resume.wasm"},
	{module: "c/channels.wasm"},
	{module: "c/swap.wasm"},
	{module: "crystal/first.wasm"},
	{module: "crystal/pipeline.wasm"},
	{module: "crystal/pipeline.library.wasm"},
	{module: "c/kernels-O0.wasm", suspend: []string{"env.yield"}, calls: kernelCalls(), own: true},
	{module: "c/kernels-O2.wasm", suspend: []string{"env.yield"}, calls: kernelCalls(), own: true},
}

// kernelCalls are calls of some kernels, the import suspending now and then.
func kernelCalls() []string {
	data, err := os.ReadFile("../../examples/c/kernels.expected")
	if err != nil {
		panic(err)
	}
	var calls []string
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if slices.Contains([]string{"sw", "k_qsort", "k_trees", "k_interp_call", "k_format"}, words[0]) && words[1] != "100" {
			calls = append(calls, "set_budget 10", strings.Join(words[:len(words)-2], " "))
		}
	}
	return calls
}

// A traced is a program with probes, and who listens while it runs.
type traced struct {
	t      *testing.T
	rec    *Recorder
	binary []byte
	names  []string                             // of the functions of the binary
	listen experimental.FunctionListenerFactory // nil for none
	probed func(p Probe, engine []string)       // is told of each probe, with the stack of the engine
	out    bytes.Buffer
}

// prepare rewrites a program.
func prepare(t *testing.T, p program) *traced {
	t.Helper()
	path := filepath.Join("../../examples", p.module)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(path, string(data))
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return prepareModule(t, m, rewrite.Options{Suspend: p.suspend, Probes: true})
}

func prepareModule(t *testing.T, m *wat.Module, opts rewrite.Options) *traced {
	t.Helper()
	result, err := rewrite.Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	x := &traced{t: t, binary: binary.Encode(result.Module)}
	decoded, err := binary.Decode("traced", string(x.binary))
	if err != nil {
		t.Fatal(err)
	}
	x.names = decoded.Names().Funcs
	frames, err := fiberlib.ReadFrames(x.binary)
	if err != nil {
		t.Fatal(err)
	}
	x.rec = &Recorder{Module: m.Source.Name, Frames: frames, Calls: true, Limit: 1 << 15}
	return x
}

// NewFunctionListener makes the program listen to its probes.
func (x *traced) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	if f.ModuleName() == rewrite.ProbeModule {
		return experimental.FunctionListenerFunc(func(_ context.Context, _ api.Module, _ api.FunctionDefinition, s []uint64, stack experimental.StackIterator) {
			var engine []string
			for stack.Next() {
				if d := stack.Function().Definition(); d.ModuleName() != rewrite.ProbeModule {
					engine = append(engine, x.names[d.Index()])
				}
			}
			x.probed(probeOf(s), engine)
		})
	}
	if x.listen != nil {
		return x.listen.NewFunctionListener(f)
	}
	return nil
}

func probeOf(s []uint64) Probe {
	return Probe{uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3]), uint32(s[4]), uint32(s[5]), uint32(s[6])}
}

// run runs the program.
func (x *traced) run(p program) *Trace {
	t := x.t
	t.Helper()
	ctx := t.Context()
	if x.probed != nil {
		ctx = experimental.WithFunctionListenerFactory(ctx, x)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	var inst api.Module
	x.rec.Memory = func(at, size uint32) []byte {
		memory, _ := inst.Memory().Read(at, size)
		return memory
	}
	_, err := rt.NewHostModuleBuilder(rewrite.ProbeModule).NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, s []uint64) {
		inst = m
		x.rec.Probe(probeOf(s))
	}), slices.Repeat([]api.ValueType{api.ValueTypeI32}, 7), nil).Export(rewrite.ProbeName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	driver := &host.Driver{}
	if len(p.suspend) > 0 {
		env := rt.NewHostModuleBuilder("env")
		driver.Define(env, "yield", []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32},
			func(_ context.Context, args []uint64) ([]uint64, error) { return args, nil })
		if _, err := env.Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	config := wazero.NewModuleConfig().WithName("traced").WithStartFunctions().WithArgs(append([]string{"program"}, p.args...)...).
		WithStdout(&x.out).WithSysNanotime().WithSysWalltime().WithSysNanosleep()
	m, err := rt.InstantiateWithConfig(ctx, x.binary, config)
	if err != nil {
		t.Fatal(err)
	}
	call := func(fn api.Function, args []uint64) error {
		_, err := fn.Call(ctx, args...)
		return err
	}
	if len(p.suspend) > 0 {
		if err := driver.Attach(m, x.buffer(ctx, m, p)); err != nil {
			t.Fatal(err)
		}
		call = func(fn api.Function, args []uint64) error {
			_, err := driver.Call(ctx, fn, args...)
			return err
		}
	}
	calls := p.calls
	if calls == nil {
		calls = []string{"_start"}
	}
	for _, line := range calls {
		words := strings.Fields(line)
		var args []uint64
		for _, w := range words[1:] {
			n, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, uint64(uint32(n)))
		}
		var exit *sys.ExitError
		if err := call(m.ExportedFunction(words[0]), args); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 0) {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return x.rec.Finish("it ends")
}

// buffer returns the buffer for what the host suspends.
func (x *traced) buffer(ctx context.Context, m api.Module, p program) host.Buffer {
	if !p.own {
		b, err := host.Reserve(m, host.DefaultBufferSize)
		if err != nil {
			x.t.Fatal(err)
		}
		return b
	}
	word := func(name string) uint32 {
		results, err := m.ExportedFunction(name).Call(ctx)
		if err != nil {
			x.t.Fatal(err)
		}
		return uint32(results[0])
	}
	return host.Buffer{Address: word("async_buf"), Size: word("async_buf_size")}
}
