package rewrite

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file has a module check, when it runs, what the call graph has said of it: that
// nothing suspends below a call that is no site, and that each frame comes back to the
// function that has written it.
//
// Behind which calls that are no sites has the state to be looked at? It becomes 1 in
// start_unwind only, which the module calls in a top or in the library, or a host in an
// import. So an unwind enters a function that does not know of it from an import, a top,
// a function that is instrumented, or through a table. From any other function it comes
// only if it has entered that before, and been seen there. Tops and bottoms look after
// the state themselves, and what they leave it in is their business.

// asserts is what assertions are made of; nil if there are none.
type asserts struct {
	m     *wat.Module
	graph *callGraph
	opts  Options
	said  *said
	named *marked
	names []string // by function: its name; of an import, module.name
	words []uint32 // by function: the word that stands for it
}

// findAsserts returns what assertions are made of, if they are asked for.
func findAsserts(m *wat.Module, g *callGraph, said *said, opts Options) (*asserts, error) {
	if !opts.Asserts {
		return nil, nil
	}
	for _, e := range m.Exports {
		if slices.Contains(fiberlib.AssertGlobals[:], e.Name) {
			return nil, &wat.Error{Source: m.Source, Span: e.Span, Code: ErrABI, Msg: fmt.Sprintf("the module exports %s, as assertions do", e.Name), Hint: "rename the export"}
		}
	}
	named, err := opts.Lists.resolve(m)
	if err != nil {
		return nil, err
	}
	a := &asserts{m: m, graph: g, opts: opts, said: said, named: named, names: m.Names().Funcs}
	a.names, a.words = slices.Clone(a.names), make([]uint32, len(m.Funcs))
	taken := map[uint32]bool{0: true}
	for id, f := range m.Funcs {
		a.names[id] = wat.NameText(a.names[id])
		if f.Import != nil {
			a.names[id] = importName(f)
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(a.names[id]))
		word := h.Sum32()
		for taken[word] {
			word++
		}
		a.words[id], taken[word] = word, true
	}
	return a, nil
}

// word is the word that stands for a function: made of its name, so that it stays the
// same when others come and go.
func (a *asserts) word(id wat.FuncID) string { return fmt.Sprintf("i32.const %#x", a.words[id]) }

// fault returns the routine to call if something suspends below call i of a function,
// "" if nothing can. sites are the calls of the function that may suspend, nil if it gets
// no other code.
func (a *asserts) fault(id wat.FuncID, in wat.Instr, sites map[int]bool, i int) string {
	g := a.graph
	switch {
	case sites[i]:
		return ""
	case in.Op == op.Call && !a.maySuspend(wat.FuncID(in.Imm)) || in.Op != op.Call && in.Op != op.CallIndirect:
		return ""
	case a.said.calls[callgraph.Place{Func: id, Instr: int32(i)}] == callgraph.Never:
		return fiberlib.AssertSaidNever
	case in.Op == op.CallIndirect:
		return a.notInstrumented(id, fiberlib.AssertIndirect)
	}
	switch callee := wat.FuncID(in.Imm); {
	case g.Suspends(callee) && sites == nil:
		return a.notInstrumented(id, fiberlib.AssertNotAdded)
	case g.Suspends(callee): // control cannot reach the call
		return ""
	case a.opts.IgnoreImports:
		return fiberlib.AssertIgnored
	case marks(a.said.never, int(callee)):
		return fiberlib.AssertSaidNever
	}
	return fiberlib.AssertNotListed
}

// maySuspend reports whether an unwind may come from a function that has not been seen
// further in: one that suspends, or an import.
func (a *asserts) maySuspend(id wat.FuncID) bool {
	imp := a.m.Funcs[id].Import
	switch {
	case a.graph.Suspends(id):
		return true
	case imp == nil || imp.Module == abiModule:
		return false
	}
	return !a.opts.isLinked(imp) || fiberLibrary().suspending(a.opts.libraryName(imp))
}

// notInstrumented says why a function has no code: a list says so, or else otherwise.
func (a *asserts) notInstrumented(id wat.FuncID, otherwise string) string {
	switch {
	case marks(a.named.remove, int(id)):
		return fiberlib.AssertRemoved
	case marks(a.said.never, int(id)):
		return fiberlib.AssertSaidNever
	case len(a.opts.Only) > 0 && !marks(a.named.only, int(id)):
		return fiberlib.AssertNotInOnly
	}
	return otherwise
}

// watches reports whether a function that gets no other code has calls to look behind.
func (a *asserts) watches(id wat.FuncID) bool {
	if a == nil || a.m.Funcs[id].Import != nil || a.graph.tops[id] || a.graph.bottoms[id] {
		return false
	}
	for i, in := range a.m.Funcs[id].Body().Instrs {
		if a.fault(id, in, nil, i) != "" {
			return true
		}
	}
	return false
}

// assertCalls looks behind the calls that are no sites.
//
//	call $log
//	global.get $fiber.state i32.const 1 i32.eq if i32.const 0x… i32.const 0x… call $fiber.assert.not_listed end ;;~ …
//
// A function that does not suspend may be called while unwinding, by a top or by a host,
// and has to tell that from an unwind that has begun in it.
func (f *function) assertCalls() {
	a := f.asserts
	if a == nil {
		return
	}
	var sites map[int]bool
	test := "global.get $fiber.state i32.const 1 i32.eq"
	if len(f.sites) > 0 {
		sites = map[int]bool{}
		for _, s := range f.sites {
			sites[s.instr] = true
		}
	} else {
		test += " local.get " + idBefore + " i32.gt_u"
	}
	for i, in := range f.fn.Body.Instrs {
		routine := a.fault(f.id, in, sites, i)
		if routine == "" {
			continue
		}
		callee, what := "i32.const 0", "a call through a table"
		if in.Op == op.Call {
			f.callees = append(f.callees, wat.FuncID(in.Imm))
			callee, what = a.word(wat.FuncID(in.Imm)), wat.OneLine(a.names[in.Imm])
		}
		f.behind(i, what+" must not suspend here", test, "if", a.word(f.id), callee, "call", idAssert+routine, "end")
		f.watched++
		f.routines = append(f.routines, routine)
	}
	if f.watched > 0 && len(f.sites) == 0 {
		f.before(0, "whether it is called while unwinding", "global.get $fiber.state i32.const 1 i32.eq local.set", idBefore)
	}
}

// assertEnter checks at the entry of an instrumented function that it is not called while
// unwinding, and when rewinding that the frame is one of its own.
func (f *function) assertEnter() {
	if f.asserts != nil {
		f.before(0, "not while unwinding; when rewinding, the frame has to end in the word for this function", f.asserts.word(f.id), "call", idAssert+"enter")
	}
}

// assertLeave checks where a function spills its frame that it is unwinding.
func (f *function) assertLeave(end int) {
	if f.asserts != nil {
		f.before(end, "not if a call has returned while rewinding", f.asserts.word(f.id), "call", idAssert+"leave")
	}
}

// assertSeal ends the frame with the word of its function.
func (f *function) assertSeal(end int) {
	if f.asserts != nil {
		f.before(end, "the frame ends in the word for this function", f.asserts.word(f.id), "call", idAssert+"seal")
	}
}

// sealSize is how many bytes assertions add to a frame.
const sealSize = 4

// findWatched adds the assertions to functions that get no other code.
func (s *state) findWatched() {
	if s.asserts == nil {
		return
	}
	others := map[wat.FuncID]bool{} // instrumented, or guarded and so worked on already
	for _, f := range s.functions {
		others[f.id] = true
	}
	var w workspace
	watch := func(f *function) {
		s.open(f, &w)
		f.asserts = s.asserts
		f.assertCalls()
		slices.SortStableFunc(f.edits, func(a, b edit) int { return a.at - b.at })
		s.close(f, &w)
	}
	for _, f := range s.guarded {
		others[f.id] = true
		if f.asserts = s.asserts; s.asserts.watches(f.id) {
			watch(f)
		}
	}
	for id := range s.m.Funcs {
		if !others[wat.FuncID(id)] && s.asserts.watches(wat.FuncID(id)) {
			f := newFunction(s.m, s.graph, wat.FuncID(id), s.opts.Shape)
			watch(f)
			s.guarded = append(s.guarded, f)
		}
	}
}
