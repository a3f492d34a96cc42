package callgraph

import (
	"slices"

	"github.com/watfiber/watfiber/wat"
)

// Indirect says which calls through tables may suspend.
type Indirect uint8

const (
	// Resolved: those that may reach a function that suspends, by their type and by
	// what the table holds; all if a host may put functions of its own into it.
	Resolved Indirect = iota
	// Typed is Resolved for tables of which it is known that a host puts nothing in
	// that suspends.
	Typed
	// All calls through tables may suspend.
	All
	// None does.
	None
)

// A Config says where a suspension may begin, and corrects by hand what the calls
// say. Slices are indexed by function; nil ones are empty.
type Config struct {
	Imports []bool // imports that may suspend
	Tops    []bool // functions that unwind themselves
	Bottoms []bool // functions that end an unwind: they hide it from their callers

	Only   []bool // if not nil: the functions that suspend, and no others
	Roots  []bool // functions that suspend, and so do their callers
	Add    []bool // functions that suspend, though nothing shows it; their callers need not
	Remove []bool // functions that never suspend

	Indirect Indirect
	// In lists functions whose calls through tables may all suspend, whatever
	// Indirect says.
	In []bool

	// Marks says of single calls that they suspend, or never do.
	Marks map[Place]Mark
}

// A Place is an instruction of a function.
type Place struct {
	Func  wat.FuncID
	Instr int32
}

// A Mark is what the source says of a call.
type Mark uint8

// The marks.
const (
	Unmarked Mark = iota
	Suspends      // the call may suspend, whatever it reaches
	Never         // the call does not suspend, whatever it reaches
)

// A Kind is a kind of reason.
type Kind uint8

const (
	NotSuspending Kind = iota
	IsImport           // an import that suspends
	IsTop              // unwinds itself
	CallsFunction      // calls a function that may suspend
	CallsThrough       // calls through a table that may hold such a function
	CallsOpen          // calls through a table into which a host may put one
	CallsAnyhow        // calls through a table, and all such calls may suspend, or those in this function
	CallIsMarked       // the source says so of a call
	IsListed           // a list says so
)

// A Reason says why a function may suspend: the first step of a path to what
// suspends that goes through as few tables as possible and is as short as
// possible then.
type Reason struct {
	Kind Kind
	Call Call       // from CallsFunction to CallIsMarked
	To   wat.FuncID // the function reached: of CallsFunction and CallsThrough
}

// A Graph says which functions may suspend, and why.
type Graph struct {
	*Calls
	config  Config
	reasons []Reason
	classes []classState
}

// classState is what is known of a class.
type classState struct {
	reason Reason // without a Call
	asks   bool
}

// Build finds the functions that may suspend.
func (c *Calls) Build(config Config) *Graph {
	g := &Graph{Calls: c, config: config, reasons: make([]Reason, len(c.m.Funcs)), classes: make([]classState, len(c.classes))}
	for i := range g.reasons {
		switch {
		case is(config.Imports, i):
			g.reasons[i] = Reason{Kind: IsImport}
		case is(config.Tops, i):
			g.reasons[i] = Reason{Kind: IsTop}
		}
	}
	s := &search{Graph: g, in: make([][]int32, len(c.classes)), has: make([][]int32, len(c.m.Funcs))}
	s.run()
	for k := range c.classes {
		class := &c.classes[k]
		g.classes[k].asks = class.Open != "" && config.Indirect != Typed || slices.ContainsFunc(class.Targets, g.asks)
	}
	return g
}

func is(set []bool, i int) bool { return set != nil && set[i] }

// Why returns why a function may suspend.
func (g *Graph) Why(f wat.FuncID) Reason { return g.reasons[f] }

// Suspends reports whether a function may suspend.
func (g *Graph) Suspends(f wat.FuncID) bool { return g.reasons[f].Kind != NotSuspending }

// Instruments reports whether a function has to get code: it may suspend, and is
// neither an import nor a top.
func (g *Graph) Instruments(f wat.FuncID) bool { return g.reasons[f].Kind > IsTop }

// Removed reports whether a function is one that never suspends, whatever it calls.
func (g *Graph) Removed(f wat.FuncID) bool { return is(g.config.Remove, int(f)) }

// With returns the graph that the same config gives if it says something else about
// calls through tables.
func (g *Graph) With(indirect Indirect) *Graph {
	config := g.config
	config.Indirect, config.In = indirect, nil
	return g.Build(config)
}

// WhyCall returns why a call may suspend, if control reaches it.
func (g *Graph) WhyCall(c Call) Reason {
	switch g.mark(c) {
	case Suspends:
		return Reason{Kind: CallIsMarked, Call: c}
	case Never:
		return Reason{}
	}
	if c.Indirect() {
		if g.config.Indirect == All || g.trusted(c.Caller) {
			return Reason{Kind: CallsAnyhow, Call: c}
		}
		if g.config.Indirect == None {
			return Reason{}
		}
	}
	var r Reason
	switch {
	case c.Class >= 0:
		r = g.classes[c.Class].reason
	case c.Class != Trap && g.Suspends(c.Callee):
		r = Reason{Kind: CallsFunction, To: c.Callee}
	}
	if r.Kind != NotSuspending {
		r.Call = c
	}
	return r
}

// ClassSuspends reports whether calls of a class may suspend because of what the table
// may hold.
func (g *Graph) ClassSuspends(class int32) bool {
	return g.classes[class].reason.Kind != NotSuspending
}

// trusted reports whether somebody has said that a function suspends: then all its
// calls through tables may be why.
func (g *Graph) trusted(f wat.FuncID) bool {
	i := int(f)
	return is(g.config.In, i) || is(g.config.Only, i) || is(g.config.Add, i) || is(g.config.Roots, i)
}

func (g *Graph) mark(c Call) Mark {
	if len(g.config.Marks) == 0 {
		return Unmarked
	}
	return g.config.Marks[Place{c.Caller, c.Instr}]
}

// Asks reports whether a call has to be made again with its own arguments, since
// it may reach an import or a top.
func (g *Graph) Asks(c Call) bool {
	switch c.Class {
	case Direct, Known:
		return g.asks(c.Callee)
	case Trap:
		return false
	}
	return g.classes[c.Class].asks
}

func (g *Graph) asks(f wat.FuncID) bool {
	k := g.reasons[f].Kind
	return k == IsImport || k == IsTop
}
