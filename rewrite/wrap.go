package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file decides which exports become main fibers, and wraps them.

// mainFibers returns the exported functions that get a wrapper: those that are
// instrumented, in a module that the library is linked with, and among the listed ones if
// there is a list.
func mainFibers(m *wat.Module, g *callGraph, opts Options) ([]wat.FuncID, error) {
	if !opts.usesLibrary(m) {
		if len(opts.Wrap) > 0 {
			return nil, &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrList, Msg: "exports are listed to be wrapped, but the module imports nothing from fiber",
				Hint: "exports become main fibers only of the fiber library"}
		}
		return nil, nil
	}
	var ids []wat.FuncID
	var names []string
	found := make([]bool, len(opts.Wrap))
	for _, e := range m.Exports {
		id := wat.FuncID(e.Index)
		if e.Kind != wat.KindFunc || !g.Instruments(id) {
			continue
		}
		names = append(names, e.Name)
		listed := len(opts.Wrap) == 0
		for i, pattern := range opts.Wrap {
			if Matches(pattern, e.Name) {
				listed, found[i] = true, true
			}
		}
		if listed {
			ids = append(ids, id)
		}
	}
	for i, pattern := range opts.Wrap {
		if !found[i] {
			return nil, nothingToWrap(m, pattern, names)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// nothingToWrap is the error about a name that is no export to wrap; names are those that
// are.
func nothingToWrap(m *wat.Module, pattern string, names []string) error {
	err := &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrList, Msg: fmt.Sprintf("no exported function that may suspend matches %q", pattern)}
	if slices.ContainsFunc(m.Exports, func(e *wat.Export) bool { return e.Name == pattern && e.Kind == wat.KindFunc }) {
		err.Hint = "it is exported, but cannot suspend: it needs no wrapper"
		return err
	}
	switch err.Hint = wat.DidYouMean(pattern, names); {
	case err.Hint != "":
	case len(names) == 0:
		err.Hint = "none of the exports may suspend"
	default:
		err.Hint = "those that may suspend are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return err
}

// A mainFiber is an exported function that gets a wrapper.
type mainFiber struct {
	id     wat.FuncID
	number int // in the map of the frames, if there is one, or 0
}

// readsMap reports whether a module gets functions of the library that read the map of
// the frames.
func (o Options) readsMap(m *wat.Module) bool {
	return slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool {
		return o.libraryName(f.Import) != "" && fiberLibrary().readsMap(o.libraryName(f.Import))
	})
}

// wrapped returns the main fibers that have code.
func (s *state) wrapped() []mainFiber {
	var numbers map[wat.FuncID]int
	if s.opts.Frames || s.opts.readsMap(s.m) {
		numbers = s.numbers()
	}
	mains := make([]mainFiber, len(s.mains))
	for i, id := range s.mains {
		mains[i] = mainFiber{id, numbers[id]}
	}
	return mains
}

// wrap writes the function that is exported in place of another one: it calls it as
// a main fiber, and runs the other fibers whenever it unwinds.
//
//	(func $fiber.export.f (export "f") (param $0 i32) (result i32) (local $outer i32) (local $before i32) (local $call i32) (local $r0 i32)
//	  (local.set $outer (global.get $fiber.running)) (local.set $before (global.get $fiber.call))
//	  (local.set $call (call $fiber.begin))
//	  (if (call $fiber.is_main) (then (call $f (local.get $0)) (local.set $r0)))
//	  (loop $again (if (call $fiber.turn (local.get $call)) (then (call $f (local.get $0)) (local.set $r0) (br $again))))
//	  (call $fiber.return (local.get $outer) (local.get $before))
//	  (local.get $r0))
//
// If a host may have several calls under way, it also keeps which of them this is.
func (r *runtimeText) wrap(m *wat.Module, w mainFiber, exports []string, driven bool) {
	id := w.id
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
	if w.number > 0 {
		head.WriteString(" (local $root i32)")
	}
	if driven {
		head.WriteString(" (local $outer.main i32)")
	}
	for i, t := range sig.Results {
		fmt.Fprintf(&head, " (local $r%d %s)", i, t)
	}
	for i := len(sig.Results) - 1; i >= 0; i-- {
		fmt.Fprintf(&call, " (local.set $r%d)", i)
	}
	r.funcs++
	r.line(head.String(), "a main fiber")
	r.line("  (local.set $outer (global.get $fiber.running)) (local.set $before (global.get $fiber.call))", "")
	if w.number > 0 {
		r.line(fmt.Sprintf("  (local.set $root (global.get $fiber.root)) (global.set $fiber.root (i32.const %d))", w.number), "the number of the function in the map of the frames")
		results.WriteString(" (global.set $fiber.root (local.get $root))")
	}
	for i := range sig.Results {
		fmt.Fprintf(&results, " (local.get $r%d)", i)
	}
	if driven {
		r.line("  (local.set $outer.main (global.get $fiber.main))", "")
	}
	r.line("  (local.set $call (call $fiber.begin))", "")
	r.line("  (if (call $fiber.is_main) (then "+call.String()+"))", "unless a host resumes another fiber")
	r.line("  (loop $again (if (call $fiber.turn (local.get $call)) (then "+call.String()+" (br $again))))", "run the other fibers, until it is this one's turn again")
	if driven {
		r.line("  (global.set $fiber.main (local.get $outer.main))", "")
	}
	r.line("  (call $fiber.return (local.get $outer) (local.get $before))"+results.String()+")", "")
}
