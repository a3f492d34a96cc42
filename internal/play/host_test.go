package play_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/internal/explain"
	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// A recording is a run on wazero that is recorded as watfiber trace does it, with the host
// of the playground.
type recording struct {
	rec        *trace.Recorder
	suspending map[string]bool
	inst       api.Module // nil while the start function runs
	block      uint64     // the data block, 0 before there is one
	rewound    bool
}

// record runs a call of an export, every import that may suspend doing so.
func record(t *testing.T, source string, opts rewrite.Options, call string) *trace.Trace {
	t.Helper()
	m, err := wat.Parse("in.wat", source)
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	opts.Probes = true
	e, err := rewrite.Explain(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	program := binary.Encode(e.Result.Module)
	frames, err := fiberlib.ReadFrames(program)
	if err != nil {
		return nil // there is nothing to record
	}
	r := &recording{suspending: map[string]bool{}, rec: &trace.Recorder{Module: m.Source.Name, Frames: frames, Limit: 20_000}}
	for _, f := range explain.Facts(e).Funcs {
		if f.Status == explain.Suspending {
			r.suspending[f.Name] = true
		}
	}
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	r.define(t, rt, m)
	inst, err := rt.InstantiateWithConfig(ctx, program, wazero.NewModuleConfig().WithStartFunctions())
	if err == nil {
		r.inst = inst
		err = r.call(ctx, call)
	}
	if err != nil {
		return r.rec.Finish("the program traps")
	}
	return r.rec.Finish("the program ends")
}

// define defines the imports of a module.
func (r *recording) define(t *testing.T, rt wazero.Runtime, m *wat.Module) {
	t.Helper()
	ctx := t.Context()
	var inst api.Module
	r.rec.Memory = func(at, size uint32) []byte {
		if r.inst == nil || inst.Memory() == nil {
			return nil
		}
		window, _ := inst.Memory().Read(at, size)
		return window
	}
	_, err := rt.NewHostModuleBuilder(rewrite.ProbeModule).NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, s []uint64) {
		inst = m
		w := func(i int) uint32 { return uint32(s[i]) }
		r.rec.Probe(trace.Probe{Kind: w(0), A: w(1), B: w(2), State: w(3), Data: w(4), StackPointer: w(5), Fiber: w(6)})
	}), slices.Repeat([]api.ValueType{api.ValueTypeI32}, 7), nil).Export(rewrite.ProbeName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]wazero.HostModuleBuilder{}
	for _, d := range m.Imports() {
		if d.Kind != wat.KindFunc {
			t.Fatalf("%s.%s is no function", m.ImportOf(d).Module, m.ImportOf(d).Name)
		}
		imp, sig := m.ImportOf(d), m.FuncTypeOf(wat.FuncID(d.Index))
		if modules[imp.Module] == nil {
			modules[imp.Module] = rt.NewHostModuleBuilder(imp.Module)
		}
		modules[imp.Module].NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, s []uint64) {
			r.host(ctx, m, imp.Module+"."+imp.Name, sig, s)
		}), types(sig.Params), types(sig.Results)).Export(imp.Name)
	}
	for _, b := range modules {
		if _, err := b.Instantiate(experimental.WithFunctionListenerFactory(ctx, r)); err != nil {
			t.Fatal(err)
		}
	}
}

// host is a call of an import.
func (r *recording) host(ctx context.Context, m api.Module, name string, sig wat.FuncType, s []uint64) {
	do := func(name string, args ...uint64) {
		if _, err := m.ExportedFunction(name).Call(ctx, args...); err != nil {
			panic(err)
		}
	}
	switch {
	case r.rewound:
		do("asyncify_stop_rewind")
		r.rewound = false
	case r.suspending[name] && r.inst != nil:
		if r.block == 0 {
			pages, ok := m.Memory().Grow(1)
			if !ok {
				panic("the memory does not grow")
			}
			r.block = uint64(pages) << 16
			m.Memory().WriteUint32Le(uint32(r.block), uint32(r.block)+16)
			m.Memory().WriteUint32Le(uint32(r.block)+4, uint32(r.block)+1<<16)
		}
		do("asyncify_start_unwind", r.block)
		clear(s[:len(sig.Results)])
		return
	}
	sum := 0.0
	for i, t := range sig.Params {
		sum += asNumber(t, s[i])
	}
	for i, t := range sig.Results {
		s[i] = fromNumber(t, 3*sum+1+float64(i))
	}
}

// call calls an export, written as f(1, 2), again and again as long as it suspends.
func (r *recording) call(ctx context.Context, text string) error {
	name, rest, _ := strings.Cut(text, "(")
	words := strings.Split(strings.TrimSuffix(rest, ")"), ",")
	f := r.inst.ExportedFunction(name)
	if f == nil {
		return fmt.Errorf("there is no export %q", name)
	}
	args := make([]uint64, len(f.Definition().ParamTypes()))
	for i, t := range f.Definition().ParamTypes() {
		if word := strings.TrimSpace(words[min(i, len(words)-1)]); i < len(words) && word != "" {
			v, err := strconv.ParseFloat(word, 64)
			if err != nil {
				return err
			}
			args[i] = fromNumber(wat.ValType(t), v)
		}
	}
	for {
		if _, err := f.Call(ctx, args...); err != nil {
			return err
		}
		state := r.inst.ExportedFunction("asyncify_get_state")
		if state == nil {
			return nil
		}
		if s, err := state.Call(ctx); err != nil || s[0] != 1 {
			return err
		}
		if _, err := r.inst.ExportedFunction("asyncify_stop_unwind").Call(ctx); err != nil {
			return err
		}
		if _, err := r.inst.ExportedFunction("asyncify_start_rewind").Call(ctx, r.block); err != nil {
			return err
		}
		r.rewound = true
	}
}

// NewFunctionListener has the recorder told of calls of the host.
func (r *recording) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	return &listener{r, f.ModuleName() + "." + f.ExportNames()[0], f}
}

type listener struct {
	*recording
	name string
	def  api.FunctionDefinition
}

func (l *listener) Before(_ context.Context, _ api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	l.rec.HostCall(l.name, texts(l.def.ParamTypes(), params), true)
}

func (l *listener) After(_ context.Context, _ api.Module, _ api.FunctionDefinition, results []uint64) {
	l.rec.HostReturn(l.name, texts(l.def.ResultTypes(), results))
}

func (l *listener) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

func types(list []wat.ValType) []api.ValueType {
	out := make([]api.ValueType, len(list))
	for i, t := range list {
		out[i] = api.ValueType(t)
	}
	return out
}

func texts(types []api.ValueType, values []uint64) []string {
	out := make([]string, len(types))
	for i, t := range types {
		switch t {
		case api.ValueTypeI32:
			out[i] = strconv.Itoa(int(int32(values[i])))
		case api.ValueTypeI64:
			out[i] = strconv.FormatInt(int64(values[i]), 10)
		case api.ValueTypeF32:
			out[i] = wat.FormatFloat32(uint32(values[i]))
		case api.ValueTypeF64:
			out[i] = wat.FormatFloat64(values[i])
		default:
			out[i] = wat.ValType(t).String()
		}
	}
	return out
}

// asNumber and fromNumber convert values as a script does.
func asNumber(t wat.ValType, v uint64) float64 {
	switch t {
	case wat.I32:
		return float64(int32(v))
	case wat.I64:
		return float64(int64(v))
	case wat.F32:
		return float64(math.Float32frombits(uint32(v)))
	}
	return math.Float64frombits(v)
}

func fromNumber(t wat.ValType, v float64) uint64 {
	switch t {
	case wat.I32:
		return uint64(uint32(int64(math.Trunc(v))))
	case wat.I64:
		return uint64(int64(v))
	case wat.F32:
		return uint64(math.Float32bits(float32(v)))
	}
	return math.Float64bits(v)
}
