package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file links the fiber library with a module that imports functions of it from
// module fiber, or whose imports from WASI it is to stand in for, and makes the exports
// of the module the main fibers of their calls.

// The module of WASI preview 1, and its functions that the library can stand in for.
const wasiModule = "wasi_snapshot_preview1"

var redirected = []string{"poll_oneoff", "sched_yield"}

// libraryName returns the function of the library that stands in for an import, "" for
// none. Languages in which the name of an import is that of a function may put fiber_
// before it.
func (o Options) libraryName(imp *wat.Import) string {
	switch {
	case imp == nil:
	case imp.Module == fiberModule:
		return strings.TrimPrefix(imp.Name, "fiber_")
	case o.RedirectWASI && imp.Module == wasiModule && slices.Contains(redirected, imp.Name):
		return "wasi_" + imp.Name
	}
	return ""
}

// isLinked reports whether the rewrite puts a function of the runtime in place of an
// import.
func (o Options) isLinked(imp *wat.Import) bool {
	return imp != nil && imp.Module == abiModule || o.libraryName(imp) != ""
}

// usesLibrary reports whether the library is linked with a module.
func (o Options) usesLibrary(m *wat.Module) bool {
	return slices.ContainsFunc(m.Imports(), func(d wat.Definition) bool { return o.libraryName(m.ImportOf(d)) != "" })
}

// checkLibraryImports checks the imports that functions of the library stand in for.
func checkLibraryImports(m *wat.Module, opts Options) error {
	if !opts.usesLibrary(m) {
		if opts.Seed != 0 {
			return &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrList, Msg: "there is a seed, but nothing to choose: the module has no fibers of the library"}
		}
		return nil
	}
	l := fiberLibrary()
	for _, e := range m.Exports {
		if slices.Contains(l.told, e.Name) {
			return &wat.Error{Source: m.Source, Span: e.Span, Code: ErrABI, Msg: fmt.Sprintf("the module exports %s, as the fiber library does", e.Name), Hint: "rename the export"}
		}
	}
	ownRuntime := slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool { return f.Import != nil && f.Import.Module == abiModule })
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		name := opts.libraryName(imp)
		if name == "" {
			continue
		}
		full := imp.Module + "." + imp.Name
		fail := func(hint, format string, args ...any) error {
			return &wat.Error{Source: m.Source, Span: imp.Span, Code: ErrABI, Msg: fmt.Sprintf(format, args...), Hint: hint}
		}
		id, known := l.exports[name]
		if !known {
			hint := wat.DidYouMean(name, l.names())
			if hint == "" {
				hint = "there are " + strings.Join(l.names(), ", ")
			}
			return fail(hint, "there is no function %s", full)
		}
		if d.Kind != wat.KindFunc {
			return fail("", "%s is imported as a %s, it is a function", full, d.Kind)
		}
		if want, got := l.m.FuncTypeOf(id), m.FuncTypeOf(wat.FuncID(d.Index)); !got.Equal(want) {
			return fail("", "%s has the type %s, not %s", full, typeText(want), typeText(got))
		}
		if ownRuntime {
			return fail("use one of the two", "the module gets the fiber runtime, and brings its own with imports from asyncify")
		}
		if (l.suspends[id] || l.indirect[id] || name == "defer") && len(m.Tables) == 0 {
			return fail("add a table with the entries of the fibers", "fibers start with a function from a table, and the module has none")
		}
	}
	return nil
}

// link writes the part of the fiber library that a module needs, and the wrappers of
// its exports.
func (r *runtimeText) link(m *wat.Module, wrapped []wat.FuncID, g guards, opts Options) {
	called := map[string]string{} // from the name in the library to what it is called here
	renamed := map[string]string{}
	var roots []string
	for _, f := range m.Funcs {
		name := fiberModule + "." + opts.libraryName(f.Import)
		if opts.libraryName(f.Import) == "" || called[name] != "" {
			continue
		}
		called[name] = r.nameOf(f, "$"+name)
		renamed["$"+name] = called[name]
		roots = append(roots, name)
	}
	if len(roots) > 0 {
		renamed[hookBreak] = "$fiber.break"
	}
	if g.on {
		roots = append(roots, "fiber.too_deep")
		renamed[hookGuard], renamed[hookRegion] = "$fiber.bounds", "$fiber.bounds_of"
	}
	if len(roots) == 0 {
		return
	}
	if len(wrapped) > 0 {
		roots = append(roots, "fiber.begin", "fiber.turn", "fiber.return")
	}
	findProgram(m, opts, renamed, called)
	k := fiberLibrary().link(roots, renamed)
	k.numbers = g.numbers()
	if opts.StackSize > 0 {
		k.numbers["$fiber.stack_size"] = opts.StackSize
	}
	if opts.Seed != 0 {
		k.numbers["$fiber.dice"] = opts.Seed
	}
	r.importWASI(m, k, opts)
	r.line("", "fiberlib")
	if renamed[programSP] == idOwnSP {
		r.line("(global "+idOwnSP+" (mut i32) (i32.const 0))", "nothing here has a stack in memory")
	}
	places := map[string]int{}
	k.write(r, func(id wat.FuncID) { places[k.l.m.Funcs[id].Name] = r.funcs })
	r.replaceLibraryImports(m, opts, called, places)
	exports := map[wat.FuncID][]string{}
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc {
			exports[wat.FuncID(e.Index)] = append(exports[wat.FuncID(e.Index)], e.Name)
		}
	}
	for _, id := range wrapped {
		r.wrap(m, id, exports[id])
	}
}

// replaceLibraryImports puts the functions of the library in place of the imports. If
// one is imported twice, the second is a function that calls it.
func (r *runtimeText) replaceLibraryImports(m *wat.Module, opts Options, called map[string]string, places map[string]int) {
	seen := map[string]bool{}
	for i, f := range m.Funcs {
		if opts.libraryName(f.Import) == "" {
			continue
		}
		name := fiberModule + "." + opts.libraryName(f.Import)
		if !seen[name] {
			seen[name] = true
			r.replaced[wat.FuncID(i)] = places[name]
			continue
		}
		r.replaced[wat.FuncID(i)] = r.funcs
		r.forward(r.nameOf(f, fmt.Sprintf("$%s.%d", name, i)), called[name], m.FuncTypeOf(wat.FuncID(i)))
	}
}

// importWASI finds the functions of WASI that the library calls, and imports those that
// the module does not.
func (r *runtimeText) importWASI(m *wat.Module, k *linked, opts Options) {
	for _, name := range []string{"clock_time_get", "poll_oneoff"} {
		id := "program." + name
		if !k.needs(id) {
			continue
		}
		there := slices.IndexFunc(m.Funcs, func(f *wat.Func) bool {
			return f.Import != nil && f.Import.Module == wasiModule && f.Import.Name == name && opts.libraryName(f.Import) == ""
		})
		if there >= 0 {
			k.renamed["$"+id] = reference(m, m.Funcs[there].Name, there)
			continue
		}
		k.renamed["$"+id] = idHost + name
		fmt.Fprintf(&r.imports, "(import %q %q (func %s%s %s)) %s for fiberlib\n", wasiModule, name, idHost, name,
			k.l.m.FuncTypeOf(k.l.function(id)), wat.InsertMark)
		r.imported++
	}
}

// Names in the library that stand for what a program has.
const (
	programSP     = "$program.sp"
	programMalloc = "$program.malloc"
	programFree   = "$program.free"

	hook        = "$hook." // what all hooks begin with
	hookEvents  = hook + "events"
	hookCleanup = hook + "cleanup"
	hookGuard   = hook + "guard"
	hookRegion  = hook + "region"
	hookBreak   = hook + "break"
	hookShuffle = hook + "shuffle"
	hookSelect  = hook + "selected"
	hookTimeout = hook + "timed_out"

	idOwnSP = "$fiber.stack_pointer"
	idHost  = "$fiber.host."
)

// findProgram finds what the library needs of a program, and what stands in for that
// which the program does not have.
func findProgram(m *wat.Module, opts Options, renamed, called map[string]string) {
	renamed[programSP] = idOwnSP
	if sp := stackPointer(m); sp >= 0 {
		renamed[programSP] = reference(m, m.Globals[sp].Name, sp)
	}
	renamed[programMalloc], renamed[programFree] = "$fiber.take_memory", "$fiber.give_memory"
	if malloc, free := allocator(m); malloc >= 0 {
		renamed[programMalloc] = reference(m, m.Funcs[malloc].Name, malloc)
		renamed[programFree] = reference(m, m.Funcs[free].Name, free)
	}
	if called["fiber.seed"] != "" || opts.Seed != 0 {
		renamed[hookShuffle] = "$fiber.shuffle"
	}
	if called["fiber.defer"] != "" {
		renamed[hookCleanup] = "$fiber.cleanup"
	}
	if called["fiber.select_timeout"] != "" {
		renamed[hookSelect], renamed[hookTimeout] = "$fiber.selected", "$fiber.timed_out"
	}
	if called["fiber.sleep"]+called["fiber.wasi_poll_oneoff"]+called["fiber.select_timeout"] != "" {
		renamed[hookEvents] = "$fiber.events"
	}
}

// reference is how text refers to a definition of the module.
func reference(m *wat.Module, name string, index int) string {
	if name == "" || m.Source.Binary {
		return fmt.Sprint(index)
	}
	return wat.ID(name)
}

// stackPointer returns the global that holds the pointer of the stack in memory that
// C and its relatives keep, -1 if there is none: the one of that name, or in a module
// without names one that a function takes its bytes from as compilers do.
//
//	global.get 0
//	i32.const 16
//	i32.sub
//	local.tee 1
//	global.set 0
func stackPointer(m *wat.Module) int {
	isPointer := func(i int) bool { return m.Globals[i].Mutable && m.Globals[i].Type == wat.I32 }
	for i, g := range m.Globals {
		if g.Name == "__stack_pointer" && isPointer(i) {
			return i
		}
	}
	prologue := []string{"global.get", "i32.const", "i32.sub", "local.tee", "global.set"}
	for _, f := range m.Funcs {
		in := f.Body.Instrs
		matches := len(in) > len(prologue)
		for i := 0; matches && i < len(prologue); i++ {
			matches = in[i].Op.String() == prologue[i]
		}
		if !matches || in[0].Imm != in[4].Imm || in[1].Imm%16 != 0 {
			continue
		}
		i := int(in[0].Imm)
		if name := m.Globals[i].Name; isPointer(i) && (name == "" || name == wat.DefaultGlobal(i)) {
			return i
		}
	}
	return -1
}

// allocator returns malloc and free of a program, -1 if it lacks one of them.
func allocator(m *wat.Module) (malloc, free int) {
	find := func(name string, t wat.FuncType) int {
		for i, f := range m.Funcs {
			if f.Name == name && f.Import == nil && m.FuncTypeOf(wat.FuncID(i)).Equal(t) {
				return i
			}
		}
		for _, e := range m.Exports {
			if e.Name == name && e.Kind == wat.KindFunc && m.FuncTypeOf(wat.FuncID(e.Index)).Equal(t) {
				return int(e.Index)
			}
		}
		return -1
	}
	malloc = find("malloc", wat.FuncType{Params: []wat.ValType{wat.I32}, Results: []wat.ValType{wat.I32}})
	free = find("free", wat.FuncType{Params: []wat.ValType{wat.I32}})
	if malloc < 0 || free < 0 {
		return -1, -1
	}
	return malloc, free
}

// wrap writes the function that is exported in place of another one: it calls it as
// a main fiber, and runs the other fibers whenever it unwinds.
//
//	(func $fiber.export.f (export "f") (param $0 i32) (result i32) (local $outer i32) (local $before i32) (local $call i32) (local $r0 i32)
//	  (local.set $outer (global.get $fiber.running)) (local.set $before (global.get $fiber.call))
//	  (local.set $call (call $fiber.begin))
//	  (if (i32.eqz (global.get $fiber.limit)) (then (call $f (local.get $0)) (local.set $r0)))
//	  (loop $again (if (call $fiber.turn (local.get $call)) (then (call $f (local.get $0)) (local.set $r0) (br $again))))
//	  (call $fiber.return (local.get $outer) (local.get $before))
//	  (local.get $r0))
func (r *runtimeText) wrap(m *wat.Module, id wat.FuncID, exports []string) {
	f, sig := m.Funcs[id], m.FuncTypeOf(id)
	name := f.Name
	if name == "" || m.Source.Binary {
		name = fmt.Sprint(id)
	}
	var head, call, results strings.Builder
	head.WriteString("(func " + wat.ID("fiber.export."+name))
	for _, name := range exports {
		head.WriteString(" (export " + wat.Quote(name) + ")")
	}
	call.WriteString("(call " + reference(m, f.Name, int(id)))
	for i, t := range sig.Params {
		fmt.Fprintf(&head, " (param $%d %s)", i, t)
		fmt.Fprintf(&call, " (local.get $%d)", i)
	}
	call.WriteString(")")
	if len(sig.Results) > 0 {
		head.WriteString(" " + wat.FuncType{Results: sig.Results}.String())
	}
	head.WriteString(" (local $outer i32) (local $before i32) (local $call i32)")
	for i, t := range sig.Results {
		fmt.Fprintf(&head, " (local $r%d %s)", i, t)
		fmt.Fprintf(&results, " (local.get $r%d)", i)
	}
	for i := len(sig.Results) - 1; i >= 0; i-- {
		fmt.Fprintf(&call, " (local.set $r%d)", i)
	}
	r.funcs++
	r.line(head.String(), "a main fiber")
	r.line("  (local.set $outer (global.get $fiber.running)) (local.set $before (global.get $fiber.call))", "")
	r.line("  (local.set $call (call $fiber.begin))", "")
	r.line("  (if (i32.eqz (global.get $fiber.limit)) (then "+call.String()+"))", "unless a host resumes another fiber")
	r.line("  (loop $again (if (call $fiber.turn (local.get $call)) (then "+call.String()+" (br $again))))", "run the other fibers, until it is this one's turn again")
	r.line("  (call $fiber.return (local.get $outer) (local.get $before))"+results.String()+")", "")
}
