package rewrite

import (
	"fmt"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// A callGraph says which functions may suspend, and why, and which of them get
// code.
type callGraph struct {
	*callgraph.Graph
	labels  []string // by function: its name, as messages and comments have it
	tops    []bool   // by function: it calls start_unwind or stop_rewind itself
	bottoms []bool   // by function: it calls stop_unwind or start_rewind itself
	vain    []bool   // by function: a list or the source says that it suspends, but it is a bottom
	never   []bool   // by function: it never returns, but to unwind
}

// buildCallGraph finds out which functions may suspend. It takes time in
// proportion to the instructions of the module.
func buildCallGraph(m *wat.Module, imports []bool, said *said, lists Lists) (*callGraph, error) {
	named, err := lists.resolve(m)
	if err != nil {
		return nil, err
	}
	g := &callGraph{labels: m.FuncLabels(), tops: make([]bool, len(m.Funcs)), bottoms: make([]bool, len(m.Funcs))}
	calls := callgraph.Collect(m)
	if err := g.findRuntime(m, calls); err != nil {
		return nil, err
	}
	if err := said.agree(m, named, g); err != nil {
		return nil, err
	}
	config := callgraph.Config{
		Imports: imports, Tops: g.tops, Bottoms: g.bottoms,
		Only: named.only, Roots: said.functions(m, said.suspends), Add: named.add, Remove: union(named.remove, said.never),
		Indirect: lists.Indirect, In: named.in, Marks: said.calls,
	}
	if lists.AddCallers {
		config.Add, config.Roots = nil, union(config.Roots, named.add)
	}
	g.Graph = calls.Build(config)
	g.never = findNoReturn(m, calls)
	g.vain = make([]bool, len(m.Funcs))
	for i := range g.vain {
		g.vain[i] = g.bottoms[i] && (marks(named.only, i) || marks(named.add, i) || marks(said.suspends, i))
	}
	return g, nil
}

// findRuntime finds the tops and bottoms: functions that bring a runtime of
// their own.
func (g *callGraph) findRuntime(m *wat.Module, calls *callgraph.Calls) error {
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
		calls.Callers(wat.FuncID(i), func(c callgraph.Call) { role[c.Caller] = true })
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

// reasonText says why a function may suspend.
func (g *callGraph) reasonText(m *wat.Module, id wat.FuncID) string {
	switch r := g.Why(id); r.Kind {
	case callgraph.IsListed:
		return "is in the list of functions that may suspend"
	case callgraph.CallIsMarked:
		return "has a call that the source says suspends"
	case callgraph.CallsAnyhow:
		return "calls through a table"
	case callgraph.CallsOpen:
		return "calls through a table that a host may change"
	case callgraph.CallsThrough:
		return "calls through a table that may hold " + g.calleeText(m, r.To)
	case callgraph.CallsFunction:
		return "calls " + g.calleeText(m, r.To)
	}
	return "does not suspend"
}

// calleeText names a function that may suspend, and says what it is.
func (g *callGraph) calleeText(m *wat.Module, id wat.FuncID) string {
	switch g.Why(id).Kind {
	case callgraph.IsImport:
		return wat.OneLine(importName(m.Funcs[id])) + ", a suspending import"
	case callgraph.IsTop:
		return g.labels[id] + ", which unwinds"
	}
	return g.labels[id] + ", which may suspend"
}

// notes returns what a user is to know of the functions that may suspend.
func (g *callGraph) notes(m *wat.Module) []string {
	var notes []string
	for id, vain := range g.vain {
		if vain {
			notes = append(notes, g.labels[id]+" is said to suspend, but it calls stop_unwind or start_rewind: it gets no code, and whoever calls it does not suspend")
		}
	}
	notes = append(notes, g.openNotes(m)...)
	if m.Start == nil || !g.Suspends(m.Start.Func) {
		return notes
	}
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc && wat.FuncID(e.Index) == m.Start.Func {
			return notes
		}
	}
	return append(notes, fmt.Sprintf("%s: %s runs when the module is instantiated and may suspend; for a host to rewind it, it has to be exported as well",
		m.Source.Place(m.Start.Span.Start), g.labels[m.Start.Func]))
}

// openNotes says of each table into which a host may put functions of its own how
// many functions are instrumented for that alone.
func (g *callGraph) openNotes(m *wat.Module) []string {
	var notes []string
	only := make([]int, len(m.Tables)) // by table: the functions with no other reason
	for id := range m.Funcs {
		if r := g.Why(wat.FuncID(id)); r.Kind == callgraph.CallsOpen {
			only[g.Classes()[r.Call.Class].Table]++
		}
	}
	for table, n := range only {
		if n > 0 {
			who := "1 function calls through it and is instrumented, with its callers,"
			if n > 1 {
				who = fmt.Sprintf("%d functions call through it and are instrumented, with their callers,", n)
			}
			notes = append(notes, fmt.Sprintf("a host may put functions that suspend into table %d: %s; %s for no other reason. If no host does, --indirect=typed spares what it can",
				table, g.OpenTable(wat.TableID(table)), who))
		}
	}
	return notes
}
