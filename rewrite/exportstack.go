package rewrite

import (
	"fmt"
	"slices"

	"github.com/watfiber/watfiber/wat"
)

// This file exports what a host needs that has several calls of one instance under way:
// the stack pointer, so that each call can have a stack of its own in memory, malloc and
// free to get that memory, and with the fiber library the functions of fiberlib/host.wat.

// stackExport is the export of the stack pointer: the name that LLVM's linker gives it.
const stackExport = "__stack_pointer"

// checkStackExport checks that the name is free, or that of a global that a host can
// set.
func checkStackExport(m *wat.Module, opts Options) error {
	if !opts.ExportStack {
		return nil
	}
	for _, e := range m.Exports {
		if e.Name == stackExport && exportedStack(m) < 0 {
			return &wat.Error{
				Source: m.Source, Span: e.Span, Code: ErrABI,
				Msg:  fmt.Sprintf("the module exports something else as %s than a mutable global of type i32", stackExport),
				Hint: "export it by another name, or leave the stack pointer unexported",
			}
		}
	}
	return nil
}

// exportedStack returns the stack pointer that a module exports, -1 if it exports none.
func exportedStack(m *wat.Module) int {
	at := slices.IndexFunc(m.Exports, func(e *wat.Export) bool { return e.Name == stackExport && e.Kind == wat.KindGlobal })
	if at < 0 || !isPointer(m, int(m.Exports[at].Index)) {
		return -1
	}
	return int(m.Exports[at].Index)
}

// isPointer reports whether a global can be a stack pointer.
func isPointer(m *wat.Module, global int) bool {
	return m.Globals[global].Mutable && m.Globals[global].Type == wat.I32
}

// exportStack exports the stack pointer. A module that has none exports a global that is
// 0, so that a host knows.
//
//	(export "__stack_pointer" (global $__stack_pointer)) ;;~
func (r *runtimeText) exportStack(m *wat.Module, opts Options) {
	if !opts.ExportStack {
		return
	}
	r.exportAllocator(m)
	if exportedStack(m) >= 0 {
		return
	}
	sp := stackPointer(m)
	switch {
	case sp >= 0:
		r.line(fmt.Sprintf("(export %q (global %s))", stackExport, reference(m, m.Globals[sp].Name, sp)), "for a host that gives each call a stack")
	case opts.usesLibrary(m):
		r.line(fmt.Sprintf("(export %q (global %s))", stackExport, idOwnSP), "")
	default:
		r.line(fmt.Sprintf("(global %s (export %q) (mut i32) (i32.const 0))", idOwnSP, stackExport), "nothing here has a stack in memory")
	}
}

// exportAllocator exports malloc and free, if the module has and does not export them.
// A host that made the memory grow instead could meet an allocator that takes whatever
// lies behind its heap for its own.
func (r *runtimeText) exportAllocator(m *wat.Module) {
	malloc, free := allocator(m)
	if malloc < 0 || slices.ContainsFunc(m.Exports, func(e *wat.Export) bool { return e.Name == "malloc" || e.Name == "free" }) {
		return
	}
	r.line(fmt.Sprintf("(export %q (func %s)) (export %q (func %s))", "malloc", reference(m, m.Funcs[malloc].Name, malloc),
		"free", reference(m, m.Funcs[free].Name, free)), "memory for the stacks of calls")
}

// hostFunctions are the functions of the library that a host calls.
var hostFunctions = []string{"host_enter", "host_run", "host_wait", "host_wake", "host_drop"}

// hostRoots returns the functions of the library that are needed for a host that has
// several calls under way, and connects the hooks that they rely on.
func hostRoots(renamed map[string]string) []string {
	roots := make([]string, 0, len(hostFunctions)+1)
	for _, name := range hostFunctions {
		roots = append(roots, fiberModule+"."+name)
	}
	if renamed[hook+"events"] != "" {
		roots = append(roots, fiberModule+".host_timer")
	}
	for _, name := range []string{"limit", "entered", "main", "ended", "driven"} {
		renamed[hook+name] = "$fiber.host_" + name
	}
	return roots
}

// exportHost exports the functions of the library that a host calls.
func (r *runtimeText) exportHost(roots []string) {
	for _, name := range roots {
		id := wat.ID(name)
		r.line(fmt.Sprintf("(export %q (func %s))", "fiber_"+name[len(fiberModule)+1:], id), "")
	}
}
