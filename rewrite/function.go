package rewrite

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/watfiber/watfiber/wat"
)

// A function is what the passes know of one instrumented function. Each pass
// fills in what it finds.
type function struct {
	m     *wat.Module
	graph *callGraph
	id    wat.FuncID
	fn    definition
	sig   wat.FuncType
	shape Shape

	guards  guards
	asserts *asserts // nil for none
	pin     *Pin     // what an earlier output has fixed; nil for nothing
	// renumbered: sites have other numbers than their place in the text.
	renumbered bool
	quiet      bool // there is no text that would have notes
	// innerNames: inserted labels and locals get names in the tree.
	innerNames bool
	// setsAside: the frame may have a part that few sites need.
	setsAside bool

	numLocals int      // parameters and locals of the source
	runEnds   []uint32 // where each run of declared locals ends

	// sites:
	sites           []site
	end, els, depth []int32               // by opener: its end, its else or 0, the constructs around it
	stacks          map[int][]wat.ValType // by opener of a construct with sites: operands before it
	returns         bool                  // results lie on the stack, or none need to, at the end of the body

	// operands:
	body       *level
	temps      []temporary           // what park operands, in order of allocation
	tempsOf    [len(slotTypes)][]int // by type in the order of slotTypes: its temporaries
	needsSite  bool                  // the site number has to outlive the entry
	requiredBy []required            // what sites need besides the locals that are read behind them
	setAt      map[uint32][]int      // by local: where it is set; made when first asked for

	// liveness:
	live bitset // the locals that are read behind some site

	// frame, emit:
	frame   frame
	hot     bool     // there is a copy that runs when the state is 0
	isHot   bool     // this is that copy
	names   []string // by function of the module, if there is a copy: its name
	copied  []edit   // of the copy
	edits   []edit
	kept    *keptEdits // edits, while nobody works on the function
	checks  int        // of the stack pointer, among the edits
	watched int        // calls that are no sites and are looked behind, among the edits
	dropped []int      // instructions whose lines become comments
	// asksUnwinding: the entry calls $fiber.unwinding.
	asksUnwinding bool
	ifWords       map[int]string // by opener of an if: what labels name it; made when first asked for

	// asserts: what the lines behind these calls refer to.
	routines  []string
	callees   []wat.FuncID
	asksIndex bool // a probe keeps the index of a br_table in a local

	// apply:
	place []int32 // by instruction: its place in the new body, -1 if its line is dropped
}

// A slotID names what a frame can hold: a parameter or local of the source, or a
// temporary, numbered behind them.
type slotID uint32

// A temporary is a local that a function gets to park operands in.
type temporary struct {
	typ wat.ValType
	nth int // among those of its type
}

// A definition is a function with its body, nil while nobody works on it.
type definition struct {
	*wat.Func
	Body *wat.Body
}

func newFunction(m *wat.Module, g *callGraph, id wat.FuncID, shape Shape) *function {
	f := &function{m: m, graph: g, id: id, fn: definition{Func: m.Funcs[id]}, sig: m.FuncTypeOf(id), shape: shape, innerNames: !m.Source.Binary}
	f.numLocals = len(f.sig.Params)
	for _, run := range f.fn.Locals {
		f.numLocals += int(run.Count)
		f.runEnds = append(f.runEnds, uint32(f.numLocals))
	}
	return f
}

func (f *function) temp(t int) slotID { return slotID(f.numLocals + t) }

// slotType returns the type of a slot.
func (f *function) slotType(s slotID) wat.ValType {
	switch i := int(s); {
	case i < len(f.sig.Params):
		return f.sig.Params[i]
	case i >= f.numLocals:
		return f.temps[i-f.numLocals].typ
	}
	run := sort.Search(len(f.runEnds), func(k int) bool { return f.runEnds[k] > uint32(s) })
	return f.fn.Locals[run].Type
}

// ref returns a slot as inserted code refers to it: by name, or by number if the
// source gives a local none.
func (f *function) ref(s slotID) string {
	if n := f.numLocals; int(s) >= n {
		return f.tempName(int(s) - n)
	}
	if name := f.fn.LocalName(wat.LocalID(s)); name != "" && !f.m.Source.Binary {
		return wat.ID(name)
	}
	return strconv.Itoa(int(s))
}

// tempName returns the name of a temporary: $fiber.i32.0 is the first of type i32.
func (f *function) tempName(t int) string {
	return "$fiber." + f.temps[t].typ.String() + "." + strconv.Itoa(f.temps[t].nth)
}

// unsupported returns an error about an instruction that cannot be instrumented.
func (f *function) unsupported(instr int, hint, format string, args ...any) error {
	return &wat.Error{
		Source: f.m.Source, Span: mnemonicSpan(f.fn.Body.Instrs[instr]), Code: ErrUnsupported,
		Func: f.graph.labels[f.id], Msg: fmt.Sprintf(format, args...), Hint: hint,
	}
}

// mnemonicSpan returns where the mnemonic of an instruction stands.
func mnemonicSpan(in wat.Instr) wat.Span {
	return wat.Span{Start: int(in.Pos), End: int(in.Pos) + len(in.Op.Info().Name)}
}
