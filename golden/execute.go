package golden

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// A Call is a call of an export.
type Call struct {
	Name string
	Args []uint64
}

// A Schedule decides whether the n-th call of an import that may suspend, counted
// from 0, does.
type Schedule func(n int) bool

// A Program is a module to execute.
type Program struct {
	Module *wat.Module // what to find imports and exports in
	Binary []byte
	// Suspending tells which imports may suspend; nil for a module that has not
	// been rewritten.
	Suspending func(module, name string) bool
	Schedule   Schedule
	Buffer     uint32 // bytes for frames; 0 for a page
	// BufferAt is the export that returns the address of memory for the buffer;
	// "" if memory is added for it.
	BufferAt string
	// WASI says that the imports of wasi_snapshot_preview1 are what they should be,
	// and not calls that are only noted.
	WASI bool
	// MoveTo is a program whose instance goes on in the place of this one from its first
	// resumption on, with its memory, its globals and its frames; nil for none. Both export
	// the globals that move.
	MoveTo *Program
}

// An Outcome is what the calls of a program have led to.
type Outcome struct {
	Results  []string // of each call: its values, or the trap
	Trace    []string // the host calls, in order
	Memory   []byte   // without the buffer, and with nothing behind it if it was added
	Globals  []string // those that are exported
	Suspends int
}

// The data block of the buffer, at the start of memory that is there for it, and
// words around the frames that nothing may change.
const (
	pageSize   = 1 << 16
	frameStart = 16 // behind position, end and two words of a runtime
	canary     = 0x5AFEC0DE
	garbage    = 0xDEADBEEFCAFEF00D
)

// Execute instantiates a program on an engine and makes calls in one instance.
func Execute(ctx context.Context, engine wazero.RuntimeConfig, p Program, calls []Call) (*Outcome, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, engine)
	defer rt.Close(ctx)
	x := &execution{Program: p, rt: rt, out: &Outcome{}}
	if x.Buffer == 0 {
		x.Buffer = pageSize
	}
	if err := x.instantiate(ctx, rt); err != nil {
		return nil, err
	}
	for _, c := range calls {
		if err := x.call(ctx, c); err != nil {
			return nil, err
		}
	}
	x.observe()
	return x.out, nil
}

// execution is one instance being driven.
type execution struct {
	Program
	out  *Outcome
	rt   wazero.Runtime
	inst api.Module
	data uint32 // address of the data block

	seen    int      // calls of imports that may suspend
	pending []uint64 // arguments of the call that has suspended, nil for none
	problem error    // a rule of the ABI that was broken
}

func (x *execution) instantiate(ctx context.Context, rt wazero.Runtime) error {
	if err := x.provide(ctx, rt); err != nil {
		return fmt.Errorf("imports: %w", err)
	}
	inst, err := rt.InstantiateWithConfig(ctx, x.Binary, wazero.NewModuleConfig().WithName("program").WithStartFunctions())
	if err != nil {
		return fmt.Errorf("instantiate: %w", err)
	}
	x.inst = inst
	if inst.Memory() == nil {
		return nil
	}
	if err := x.findBuffer(ctx); err != nil {
		return err
	}
	x.resetBuffer()
	return nil
}

// findBuffer finds memory for the buffer.
func (x *execution) findBuffer(ctx context.Context) error {
	if x.BufferAt != "" {
		address, err := x.inst.ExportedFunction(x.BufferAt).Call(ctx)
		if err != nil {
			return err
		}
		x.data = uint32(address[0])
		return nil
	}
	pages, ok := x.inst.Memory().Grow((x.Buffer+2*frameStart+pageSize-1)/pageSize + 1)
	if !ok {
		return errors.New("the memory cannot grow by the buffer: leave room below its maximum")
	}
	x.data = pages * pageSize
	return nil
}

// resetBuffer makes the buffer empty.
func (x *execution) resetBuffer() {
	m := x.inst.Memory()
	for i, v := range []uint32{x.data + frameStart, x.end(), canary, canary} {
		m.WriteUint32Le(x.data+4*uint32(i), v)
	}
	m.WriteUint32Le(x.end(), canary)
}

func (x *execution) end() uint32 { return x.data + frameStart + x.Buffer }

// call calls an export, again and again as long as it suspends.
func (x *execution) call(ctx context.Context, c Call) error {
	fn := x.inst.ExportedFunction(c.Name)
	if fn == nil {
		return fmt.Errorf("there is no exported function %q", c.Name)
	}
	args := c.Args
	for {
		results, err := fn.Call(ctx, args...)
		switch {
		case x.problem != nil:
			return x.problem
		case err != nil:
			x.out.Results = append(x.out.Results, trapOf(err))
			return nil
		case x.pending == nil:
			x.out.Results = append(x.out.Results, formatValues(fn.Definition().ResultTypes(), results))
			return nil
		}
		if err := x.resume(ctx); err != nil {
			return err
		}
		fn = x.inst.ExportedFunction(c.Name)
		args = make([]uint64, len(c.Args)) // the frames have the true ones
		for i := range args {
			args[i] = garbageOf(fn.Definition().ParamTypes()[i])
		}
	}
}

// resume ends the unwind and starts the rewind.
func (x *execution) resume(ctx context.Context) error {
	x.out.Suspends++
	if s := x.state(ctx); s != 1 {
		return fmt.Errorf("the state is %d behind an unwind, not 1", s)
	}
	if err := x.abi(ctx, "asyncify_stop_unwind"); err != nil {
		return err
	}
	if err := x.checkBuffer(); err != nil {
		return err
	}
	if x.MoveTo != nil {
		if err := x.move(ctx); err != nil {
			return fmt.Errorf("move: %w", err)
		}
	}
	return x.abi(ctx, "asyncify_start_rewind", uint64(x.data))
}

// checkBuffer checks that nothing but frames was written.
func (x *execution) checkBuffer() error {
	for _, at := range []uint32{x.data + 8, x.data + 12, x.end()} {
		if v, _ := x.inst.Memory().ReadUint32Le(at); v != canary {
			return fmt.Errorf("the word at %#x, which belongs to others, was overwritten", at)
		}
	}
	return nil
}

func (x *execution) state(ctx context.Context) uint64 {
	r, err := x.inst.ExportedFunction("asyncify_get_state").Call(ctx)
	if err != nil {
		return math.MaxUint64
	}
	return r[0]
}

func (x *execution) abi(ctx context.Context, name string, args ...uint64) error {
	_, err := x.inst.ExportedFunction(name).Call(ctx, args...)
	if err != nil {
		return fmt.Errorf("%s: %s", name, trapOf(err))
	}
	return nil
}

// hostCall is a call of an import. Its results follow from its arguments: three
// times the first, plus one, plus the number of the result.
func (x *execution) hostCall(ctx context.Context, f *wat.Func, sig wat.FuncType, stack []uint64) {
	args := slices.Clone(stack[:len(sig.Params)])
	for i, t := range sig.Params {
		if t.Size() == 4 {
			args[i] &= math.MaxUint32 // an engine may leave anything above
		}
	}
	if x.Suspending != nil && x.inst != nil && x.Suspending(f.Import.Module, f.Import.Name) && x.mayWait(ctx, args, sig, stack) {
		return
	}
	if f.Import.Module == rewrite.ProbeModule {
		return // the source has none
	}
	x.out.Trace = append(x.out.Trace, f.Import.Name+"("+formatTypes(sig.Params, args)+")")
	first := 0.0
	if len(args) > 0 {
		first = asFloat(sig.Params[0], args[0])
	}
	for i, t := range sig.Results {
		stack[i] = fromFloat(t, 3*first+1+float64(i))
	}
}

// mayWait is a call of an import that may suspend. It reports whether the call
// unwinds; when it rewinds, or does not suspend, the call goes on.
func (x *execution) mayWait(ctx context.Context, args []uint64, sig wat.FuncType, stack []uint64) bool {
	if x.pending != nil {
		if x.state(ctx) != 2 {
			x.fail("an import is called while unwinding")
			return true
		}
		if !slices.Equal(args, x.pending) {
			x.fail("called again with %x, not with its own arguments, %x", args, x.pending)
		}
		if position, _ := x.inst.Memory().ReadUint32Le(x.data); position != x.data+frameStart {
			x.fail("the rewind ends at %#x, the unwind began at %#x", position, x.data+frameStart)
		}
		x.pending = nil
		if err := x.abi(ctx, "asyncify_stop_rewind"); err != nil {
			x.fail("%v", err)
		}
		return false
	}
	n := x.seen
	x.seen++
	if !x.Schedule(n) {
		return false
	}
	x.pending = args
	if x.pending == nil {
		x.pending = []uint64{}
	}
	if err := x.abi(ctx, "asyncify_start_unwind", uint64(x.data)); err != nil {
		x.fail("%v", err)
	}
	for i, t := range sig.Results {
		stack[i] = garbageOf(valueType(t))
	}
	return true
}

func (x *execution) fail(format string, args ...any) {
	if x.problem == nil {
		x.problem = fmt.Errorf(format, args...)
	}
}

// observe reads what the calls have left behind.
func (x *execution) observe() {
	if m := x.inst.Memory(); m != nil {
		bytes, _ := m.Read(0, m.Size())
		x.out.Memory = slices.Clone(bytes[:x.data])
		if x.BufferAt != "" {
			x.out.Memory = append(x.out.Memory, bytes[x.end()+4:]...)
		}
	}
	for _, e := range x.Module.Exports {
		if e.Kind != wat.KindGlobal || slices.Contains(fiberlib.FaultGlobals[:], e.Name) || slices.Contains(fiberlib.AssertGlobals[:], e.Name) {
			continue
		}
		if g := x.inst.ExportedGlobal(e.Name); g != nil {
			x.out.Globals = append(x.out.Globals, fmt.Sprintf("%s = %s", e.Name, formatValues([]api.ValueType{g.Type()}, []uint64{g.Get()})))
		}
	}
}

// trapOf returns what an error of an engine says without its stack trace.
func trapOf(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return "traps " + strings.TrimPrefix(line, "wasm error: ")
}

// provide defines the imports of a program. Functions come from the host; tables,
// memories and globals from a module that has them and passes the functions on.
func (x *execution) provide(ctx context.Context, rt wazero.Runtime) error {
	var modules []string
	kinds := map[string]bool{} // modules with imports that are no functions
	for _, d := range x.Module.Imports() {
		imp := x.Module.ImportOf(d)
		if !slices.Contains(modules, imp.Module) {
			modules = append(modules, imp.Module)
		}
		if d.Kind != wat.KindFunc {
			kinds[imp.Module] = true
		}
	}
	for _, name := range modules {
		if x.WASI && name == wasi_snapshot_preview1.ModuleName {
			if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
				return err
			}
			continue
		}
		host := name
		if kinds[name] {
			host = "host:" + name
		}
		if err := x.hostModule(ctx, rt, name, host); err != nil {
			return err
		}
		if kinds[name] {
			if err := x.relay(ctx, rt, name, host); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *execution) hostModule(ctx context.Context, rt wazero.Runtime, module, as string) error {
	b := rt.NewHostModuleBuilder(as)
	defined := map[string]bool{}
	for id, f := range x.Module.Funcs {
		if f.Import == nil || f.ReplacedBy != 0 || f.Import.Module != module || defined[f.Import.Name] {
			continue
		}
		defined[f.Import.Name] = true
		sig := x.Module.FuncTypeOf(wat.FuncID(id))
		call := func(ctx context.Context, _ api.Module, stack []uint64) { x.hostCall(ctx, f, sig, stack) }
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(call), valueTypes(sig.Params), valueTypes(sig.Results)).Export(f.Import.Name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// relay instantiates a module that exports what the program imports from it.
func (x *execution) relay(ctx context.Context, rt wazero.Runtime, module, host string) error {
	var b strings.Builder
	var exports strings.Builder
	for _, d := range x.Module.Imports() {
		imp := x.Module.ImportOf(d)
		if imp.Module != module {
			continue
		}
		name := wat.Quote(imp.Name)
		switch d.Kind {
		case wat.KindFunc:
			id := wat.ID("f:" + imp.Name)
			fmt.Fprintf(&b, "(import %s %s (func %s %s))\n", wat.Quote(host), name, id, x.Module.FuncTypeOf(wat.FuncID(d.Index)))
			fmt.Fprintf(&exports, "(export %s (func %s))\n", name, id)
		case wat.KindTable:
			t := x.Module.Tables[d.Index]
			fmt.Fprintf(&exports, "(table (export %s) %d %s)\n", name, t.Limits.Min, t.Elem)
		case wat.KindMemory:
			fmt.Fprintf(&exports, "(memory (export %s) %d 100)\n", name, x.Module.Memories[d.Index].Limits.Min)
		case wat.KindGlobal:
			g := x.Module.Globals[d.Index]
			typ := g.Type.String()
			if g.Mutable {
				typ = "(mut " + typ + ")"
			}
			fmt.Fprintf(&exports, "(global (export %s) %s (%s.const 7))\n", name, typ, g.Type)
		}
	}
	m, err := wat.Parse("imports", b.String()+exports.String())
	if err != nil {
		return err
	}
	_, err = rt.InstantiateWithConfig(ctx, binary.Encode(m), wazero.NewModuleConfig().WithName(module))
	return err
}
