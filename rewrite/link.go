package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file links the fiber runtime into a module that imports functions of it from
// module fiber, and makes its exports the main fibers of their calls.

// checkFiberImports checks the imports from module fiber.
func checkFiberImports(m *wat.Module) error {
	if !importsFrom(m, fiberModule) {
		return nil
	}
	l, ownRuntime := fiberLibrary(), importsFrom(m, abiModule)
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		if imp.Module != fiberModule {
			continue
		}
		fail := func(hint, format string, args ...any) error {
			return &wat.Error{Source: m.Source, Span: imp.Span, Code: ErrABI, Msg: fmt.Sprintf(format, args...), Hint: hint}
		}
		id, known := l.exports[imp.Name]
		if !known {
			hint := wat.DidYouMean(imp.Name, l.names())
			if hint == "" {
				hint = "there are " + strings.Join(l.names(), ", ")
			}
			return fail(hint, "there is no function fiber.%s", imp.Name)
		}
		if d.Kind != wat.KindFunc {
			return fail("", "fiber.%s is imported as a %s, it is a function", imp.Name, d.Kind)
		}
		if want, got := l.m.FuncTypeOf(id), m.FuncTypeOf(wat.FuncID(d.Index)); !got.Equal(want) {
			return fail("", "fiber.%s has the type %s, not %s", imp.Name, typeText(want), typeText(got))
		}
		if ownRuntime {
			return fail("use one of the two", "the module imports the fiber runtime, and brings its own with imports from asyncify")
		}
		if l.suspends[id] && len(m.Tables) == 0 {
			return fail("add a table with the entries of the fibers", "fibers start with a function from a table, and the module has none")
		}
	}
	return nil
}

func importsFrom(m *wat.Module, module string) bool {
	return slices.ContainsFunc(m.Imports(), func(d wat.Definition) bool { return m.ImportOf(d).Module == module })
}

// mainFibers returns the exported functions that get a wrapper: those that are
// instrumented, in a module that the runtime is linked into.
func mainFibers(m *wat.Module, g *callGraph) []wat.FuncID {
	var ids []wat.FuncID
	if !importsFrom(m, fiberModule) {
		return nil
	}
	for _, e := range m.Exports {
		if id := wat.FuncID(e.Index); e.Kind == wat.KindFunc && g.instruments(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// link writes the part of the fiber runtime that a module needs, and the wrappers of
// its exports.
func (r *runtimeText) link(m *wat.Module, wrapped []wat.FuncID) {
	imports := map[string]string{} // from the name in the library to what it is called here
	renamed := map[string]string{}
	var roots []string
	for _, f := range m.Funcs {
		if f.Import == nil || f.Import.Module != fiberModule || imports[importName(f)] != "" {
			continue
		}
		name := importName(f)
		imports[name] = r.nameOf(f, "$"+name)
		renamed["$"+name] = imports[name]
		roots = append(roots, name)
	}
	if len(roots) == 0 {
		return
	}
	if len(wrapped) > 0 {
		roots = append(roots, "fiber.begin", "fiber.turn")
	}
	k := fiberLibrary().link(r.program(m, renamed, roots))
	r.line("", "fiberlib")
	if renamed[programSP] == idOwnSP {
		r.line("(global "+idOwnSP+" (mut i32) (i32.const 0))", "nothing here has a stack in memory")
	}
	places := map[string]int{}
	k.write(r, renamed, func(id wat.FuncID) { places[k.l.m.Funcs[id].Name] = r.funcs })
	r.replaceFiberImports(m, imports, places)
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

// replaceFiberImports puts the functions of the library in place of the imports. If one
// is imported twice, the second is a function that calls it.
func (r *runtimeText) replaceFiberImports(m *wat.Module, called map[string]string, places map[string]int) {
	seen := map[string]bool{}
	for i, f := range m.Funcs {
		if f.Import == nil || f.Import.Module != fiberModule {
			continue
		}
		name := importName(f)
		if !seen[name] {
			seen[name] = true
			r.replaced[wat.FuncID(i)] = places[name]
			continue
		}
		r.replaced[wat.FuncID(i)] = r.funcs
		r.forward(r.nameOf(f, fmt.Sprintf("$%s.%d", name, i)), called[name], m.FuncTypeOf(wat.FuncID(i)))
	}
}

// Names in the library that stand for what a program has.
const (
	programSP     = "$program.sp"
	programMalloc = "$program.malloc"
	programFree   = "$program.free"

	idOwnSP = "$fiber.stack_pointer"
)

// program finds what the library needs of a program. It returns the roots, with the
// functions that stand in for those that the program does not have.
func (r *runtimeText) program(m *wat.Module, renamed map[string]string, roots []string) []string {
	renamed[programSP] = idOwnSP
	if sp := stackPointer(m); sp >= 0 {
		renamed[programSP] = reference(m, m.Globals[sp].Name, sp)
	}
	malloc, free := allocator(m)
	if malloc < 0 {
		renamed[programMalloc], renamed[programFree] = "$fiber.malloc", "$fiber.release"
		return append(roots, "fiber.malloc", "fiber.release")
	}
	renamed[programMalloc] = reference(m, m.Funcs[malloc].Name, malloc)
	renamed[programFree] = reference(m, m.Funcs[free].Name, free)
	return roots
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
//	(func $fiber.export.f (export "f") (param $0 i32) (result i32) (local $outer i32) (local $r0 i32)
//	  (local.set $outer (global.get $fiber.running))
//	  (if (call $fiber.begin) (then (call $f (local.get $0)) (local.set $r0)))
//	  (loop $again (if (call $fiber.turn) (then (call $f (local.get $0)) (local.set $r0) (br $again))))
//	  (call $fiber.become (local.get $outer))
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
	head.WriteString(" (local $outer i32)")
	for i, t := range sig.Results {
		fmt.Fprintf(&head, " (local $r%d %s)", i, t)
		fmt.Fprintf(&results, " (local.get $r%d)", i)
	}
	for i := len(sig.Results) - 1; i >= 0; i-- {
		fmt.Fprintf(&call, " (local.set $r%d)", i)
	}
	r.funcs++
	r.line(head.String(), "a main fiber")
	r.line("  (local.set $outer (global.get $fiber.running))", "")
	r.line("  (if (call $fiber.begin) (then "+call.String()+"))", "")
	r.line("  (loop $again (if (call $fiber.turn) (then "+call.String()+" (br $again))))", "run the other fibers, until it is this one's turn again")
	r.line("  (call $fiber.become (local.get $outer))"+results.String()+")", "")
}
