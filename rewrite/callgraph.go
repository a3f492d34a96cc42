package rewrite

import (
	"fmt"
	"maps"
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A callGraph says which functions may suspend, and why.
//
// A function may suspend if it calls one that may: an import that suspends, a
// top, or anything through a table. The set is a fixed point over the calls of
// the module. Each member has one reason, the call on a shortest way to what
// suspends; a direct way is preferred to one through a table.
type callGraph struct {
	labels   []string // by function: its name, as messages and comments have it
	suspends []bool   // by function: a call of it may suspend
	imports  []bool   // by function: it is a suspending import
	tops     []bool   // by function: it calls start_unwind or stop_rewind itself
	bottoms  []bool   // by function: it calls stop_unwind or start_rewind itself
	reason   []reason
	// listedBottoms are the bottoms that a list names in vain.
	listedBottoms map[wat.FuncID]bool
	// indirect says by function whether its calls through tables may suspend.
	indirect []bool
	// asks says which types of indirect calls may reach an import that suspends.
	// Such a call is made again with its own arguments.
	asks map[wat.TypeID]bool
}

// A reason says why a function may suspend.
type reason struct {
	kind   reasonKind
	callee wat.FuncID // of a direct call
	instr  int        // the call
}

type reasonKind uint8

const (
	notSuspending reasonKind = iota
	isImport                 // a suspending import
	isTop                    // drives the unwind itself
	callsDirect              // calls a function that may suspend
	callsIndirect            // calls through a table
	isListed                 // a list says so
)

// instruments reports whether a function gets code: it may suspend, and it is
// neither an import nor a top.
func (g *callGraph) instruments(id wat.FuncID) bool {
	k := g.reason[id].kind
	return k == callsDirect || k == callsIndirect || k == isListed
}

// buildCallGraph finds out which functions may suspend. It takes time in
// proportion to the instructions of the module.
func buildCallGraph(m *wat.Module, imports []bool, lists Lists) (*callGraph, error) {
	n := len(m.Funcs)
	g := &callGraph{
		labels: m.FuncLabels(), suspends: slices.Clone(imports), imports: imports, indirect: make([]bool, n),
		tops: make([]bool, n), bottoms: make([]bool, n), reason: make([]reason, n), listedBottoms: map[wat.FuncID]bool{},
	}
	named, err := lists.resolve(m)
	if err != nil {
		return nil, err
	}
	calls := collectCalls(m)
	if err := g.findRuntime(m, calls); err != nil {
		return nil, err
	}
	for i := range n {
		g.indirect[i] = !lists.IgnoreIndirect || named.only[i] || named.add[i]
		switch {
		case imports[i]:
			g.reason[i] = reason{kind: isImport}
		case g.tops[i]:
			g.reason[i] = reason{kind: isTop}
			g.suspends[i] = true
		}
	}
	if len(lists.Only) > 0 {
		g.list(named.only)
	} else {
		g.propagate(calls, lists, named)
	}
	g.findAskingTypes(m)
	return g, nil
}

// list makes functions suspend that a list names; tops and bottoms stay what they
// are.
func (g *callGraph) list(named []bool) {
	for i := range named {
		switch {
		case named[i] && g.bottoms[i]:
			g.listedBottoms[wat.FuncID(i)] = true
		case named[i] && !g.suspends[i]:
			g.suspends[i] = true
			g.reason[i] = reason{kind: isListed}
		}
	}
}

// propagate finds the callers of what suspends: first by direct calls only, so
// that a reason is one through a table only if there is no other.
func (g *callGraph) propagate(calls *callTable, lists Lists, named *marked) {
	stop := make([]bool, len(g.suspends)) // never suspend, whatever they call
	for i := range stop {
		stop[i] = g.bottoms[i] || named.remove[i]
	}
	if lists.AddCallers {
		g.list(named.add)
	}
	var queue []wat.FuncID
	for i := range g.suspends {
		if g.suspends[i] {
			queue = append(queue, wat.FuncID(i))
		}
	}
	g.spread(calls, stop, queue)
	if !lists.IgnoreIndirect {
		g.spread(calls, stop, g.callIndirectly(calls, stop))
	}
	g.list(named.add)
}

// callIndirectly marks and returns the functions that suspend only since they call
// through a table.
func (g *callGraph) callIndirectly(calls *callTable, stop []bool) (marked []wat.FuncID) {
	for i, at := range calls.indirect {
		if at >= 0 && !g.suspends[i] && !stop[i] {
			g.suspends[i] = true
			g.reason[i] = reason{kind: callsIndirect, instr: at}
			marked = append(marked, wat.FuncID(i))
		}
	}
	return marked
}

// spread marks the callers of the functions in the queue, and theirs, nearest
// first.
func (g *callGraph) spread(calls *callTable, stop []bool, queue []wat.FuncID) {
	for len(queue) > 0 {
		callee := queue[0]
		queue = queue[1:]
		for _, c := range calls.callers(callee) {
			if g.suspends[c.caller] || stop[c.caller] {
				continue
			}
			g.suspends[c.caller] = true
			g.reason[c.caller] = reason{kind: callsDirect, callee: callee, instr: c.instr}
			queue = append(queue, c.caller)
		}
	}
}

// A callTable lists the direct calls of a module by callee, and the first
// indirect call of each function.
type callTable struct {
	start    []int  // by callee: where its calls begin in calls
	calls    []call // by callee, then caller, then instruction
	indirect []int  // by caller: its first call_indirect, -1 if it has none
}

type call struct {
	caller wat.FuncID
	instr  int
}

func (t *callTable) callers(callee wat.FuncID) []call {
	return t.calls[t.start[callee]:t.start[callee+1]]
}

func collectCalls(m *wat.Module) *callTable {
	t := &callTable{start: make([]int, len(m.Funcs)+1), indirect: make([]int, len(m.Funcs))}
	for id, f := range m.Funcs {
		t.indirect[id] = -1
		for i, in := range f.Body.Instrs {
			switch {
			case in.Op == op.Call:
				t.start[in.Imm+1]++
			case in.Op == op.CallIndirect && t.indirect[id] < 0:
				t.indirect[id] = i
			}
		}
	}
	for i := range m.Funcs {
		t.start[i+1] += t.start[i]
	}
	t.calls = make([]call, t.start[len(m.Funcs)])
	next := slices.Clone(t.start)
	for id, f := range m.Funcs {
		for i, in := range f.Body.Instrs {
			if in.Op == op.Call {
				t.calls[next[in.Imm]] = call{wat.FuncID(id), i}
				next[in.Imm]++
			}
		}
	}
	return t
}

// findRuntime finds the tops and bottoms: functions that bring a runtime of
// their own.
func (g *callGraph) findRuntime(m *wat.Module, calls *callTable) error {
	for i, f := range m.Funcs {
		if f.Import == nil || f.Import.Module != abiModule {
			continue
		}
		role := g.tops
		switch f.Import.Name {
		case stopUnwind, startRewind:
			role = g.bottoms
		case getState:
			continue
		}
		for _, c := range calls.callers(wat.FuncID(i)) {
			role[c.caller] = true
		}
	}
	for i, f := range m.Funcs {
		if g.tops[i] && g.bottoms[i] {
			return &wat.Error{
				Source: m.Source, Span: f.Span, Code: ErrRuntime,
				Msg: fmt.Sprintf("%s calls start_unwind or stop_rewind, so it is the top of an unwind, and stop_unwind or start_rewind, so it is the bottom",
					g.labels[i]),
				Hint: "split it: one function that starts the unwind and ends the rewind, which its callers call, and one at the bottom of the stack that ends the unwind and starts the rewind; see that no optimiser inlines them into one",
			}
		}
	}
	return nil
}

// findAskingTypes finds the types of indirect calls that may reach an import
// that suspends, or a top: one whose reference is taken, or anything if a host
// can put its own functions into a table.
func (g *callGraph) findAskingTypes(m *wat.Module) {
	g.asks = map[wat.TypeID]bool{}
	reached := func(id wat.FuncID) {
		if g.imports[id] || g.tops[id] {
			for t := range m.Types {
				if m.Types[t].Equal(m.FuncTypeOf(id)) {
					g.asks[wat.TypeID(t)] = true
				}
			}
		}
	}
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc {
			reached(wat.FuncID(e.Index))
		}
	}
	for _, e := range m.Elems {
		for _, f := range e.Funcs {
			reached(f)
		}
		for i := range e.Items {
			reachedByRef(&e.Items[i], reached)
		}
	}
	for _, x := range m.Globals {
		reachedByRef(&x.Init, reached)
	}
	if hostWritesTable(m) {
		for t := range m.Types {
			g.asks[wat.TypeID(t)] = true
		}
	}
}

func reachedByRef(b *wat.Body, reached func(wat.FuncID)) {
	for _, in := range b.Instrs {
		if in.Op == op.RefFunc {
			reached(wat.FuncID(in.Imm))
		}
	}
}

// hostWritesTable reports whether a host can put functions of its own into a
// table: it is imported or exported, or a function reference comes in.
func hostWritesTable(m *wat.Module) bool {
	for _, d := range m.Imports() {
		switch {
		case d.Kind == wat.KindTable,
			d.Kind == wat.KindGlobal && m.Globals[d.Index].Type == wat.FuncRef,
			d.Kind == wat.KindFunc && slices.Contains(m.FuncTypeOf(wat.FuncID(d.Index)).Results, wat.FuncRef):
			return true
		}
	}
	return slices.ContainsFunc(m.Exports, func(e *wat.Export) bool {
		switch e.Kind {
		case wat.KindFunc:
			return slices.Contains(m.FuncTypeOf(wat.FuncID(e.Index)).Params, wat.FuncRef)
		case wat.KindGlobal:
			return m.Globals[e.Index].Mutable && m.Globals[e.Index].Type == wat.FuncRef
		}
		return e.Kind == wat.KindTable
	})
}

// notes returns what a user is to know of the functions that may suspend.
func (g *callGraph) notes(m *wat.Module) []string {
	var notes []string
	for _, id := range slices.Sorted(maps.Keys(g.listedBottoms)) {
		notes = append(notes, g.labels[id]+" is listed as a function that may suspend, but it calls stop_unwind or start_rewind: it gets no code, and whoever calls it does not suspend")
	}
	if m.Start == nil || !g.suspends[m.Start.Func] {
		return notes
	}
	exported := func(e *wat.Export) bool { return e.Kind == wat.KindFunc && wat.FuncID(e.Index) == m.Start.Func }
	if slices.ContainsFunc(m.Exports, exported) {
		return notes
	}
	return append(notes, fmt.Sprintf("%s: %s runs when the module is instantiated and may suspend; for a host to rewind it, it has to be exported as well",
		m.Source.Place(m.Start.Span.Start), g.labels[m.Start.Func]))
}
