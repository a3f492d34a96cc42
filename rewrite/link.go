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

// The module of WASI preview 1, and its functions that the library can stand in for:
// those that may wait, and those that tell it of descriptors.
const wasiModule = "wasi_snapshot_preview1"

var (
	wasiWaits = []string{"poll_oneoff", "fd_read", "sock_accept", "sock_recv", "sock_send"}
	wasiNotes = []string{"fd_close", "fd_renumber", "fd_fdstat_get", "fd_fdstat_set_flags"}
)

// forModule returns the options with what they mean for a module: which functions of
// WASI the library stands in for. fd_write is one of them only in a program that accepts
// connections: nothing else waits to be written to, and all that prints would suspend.
func (o Options) forModule(m *wat.Module) Options {
	o.redirects = nil
	if !o.RedirectWASI {
		return o
	}
	imports := func(name string) bool {
		return slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool {
			return f.Import != nil && f.Import.Module == wasiModule && f.Import.Name == name
		})
	}
	o.redirects = append(o.redirects, "sched_yield")
	if slices.ContainsFunc(wasiWaits, imports) {
		o.redirects = append(append(o.redirects, wasiWaits...), wasiNotes...)
	}
	if imports("sock_accept") {
		o.redirects = append(o.redirects, "fd_write")
	}
	return o
}

// libraryName returns the function of the library that stands in for an import, "" for
// none. Languages in which the name of an import is that of a function may put fiber_
// before it.
func (o Options) libraryName(imp *wat.Import) string {
	switch {
	case imp == nil:
	case imp.Module == fiberModule:
		return strings.TrimPrefix(imp.Name, "fiber_")
	case imp.Module == wasiModule && slices.Contains(o.redirects, imp.Name):
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
func (r *runtimeText) link(m *wat.Module, wrapped []mainFiber, g guards, opts Options) {
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
		renamed[hook+"break"] = "$fiber.break"
	}
	if g.on {
		roots = append(roots, "fiber.too_deep")
		renamed[hook+"guard"], renamed[hook+"region"] = "$fiber.bounds", "$fiber.bounds_of"
	}
	if len(roots) == 0 {
		return
	}
	if len(wrapped) > 0 {
		roots = append(roots, "fiber.begin", "fiber.turn", "fiber.return", "fiber.is_main")
	}
	findProgram(m, renamed, called)
	setHooks(renamed, called, opts, opts.readsMap(m))
	var forHost []string
	if opts.ExportStack && len(wrapped) > 0 {
		forHost = hostRoots(renamed)
		roots = append(roots, forHost...)
	}
	k := fiberLibrary().link(roots, renamed)
	k.numbers = g.numbers()
	if opts.StackSize > 0 {
		k.numbers["$fiber.stack_size"] = opts.StackSize
	}
	if opts.Seed != 0 {
		k.numbers["$fiber.dice"] = opts.Seed
	}
	r.hasFibers = k.needsGlobal("fiber.running")
	r.importWASI(m, k, opts)
	r.line("", "fiberlib")
	if renamed[programSP] == idOwnSP {
		r.line("(global "+idOwnSP+" (mut i32) (i32.const 0))", "nothing here has a stack in memory")
	}
	if k.needsGlobal("program.stack_base") {
		r.line(fmt.Sprintf("(global %s i32 (i32.const %d))", idStackBase, LayoutOf(m).StackTop), "where the program's own stack begins")
	}
	if k.needs("fiber.load_map") {
		r.mapData()
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
	for _, w := range wrapped {
		r.wrap(m, w, exports[w.id], len(forHost) > 0)
	}
	r.exportHost(forHost)
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
	for _, f := range k.l.m.Funcs {
		if f.Import == nil || f.Import.Module != programModule {
			continue
		}
		name := f.Import.Name
		id := "program." + name
		if !k.needs(id) || k.renamed["$"+id] != "" {
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
