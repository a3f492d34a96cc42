package callgraph

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// references is where references to functions are made, kept and changed in a
// module.
type references struct {
	m       *wat.Module
	made    []bool // by function: code or a segment makes a reference to it
	written []bool // by table: an instruction writes to it
	from    string // how references may come in from outside, "" if they cannot
	// exported says by function whether it is exported, tables by table.
	exported, tables []bool
}

// findReferences reads what instructions and segments do with references.
func findReferences(m *wat.Module, bodies []scanned) *references {
	r := &references{
		m: m, made: make([]bool, len(m.Funcs)), written: make([]bool, len(m.Tables)), from: comesIn(m),
		exported: make([]bool, len(m.Funcs)), tables: make([]bool, len(m.Tables)),
	}
	for _, e := range m.Exports {
		switch e.Kind {
		case wat.KindFunc:
			r.exported[e.Index] = true
		case wat.KindTable:
			r.tables[e.Index] = true
		}
	}
	for _, b := range bodies {
		for _, in := range b.references {
			r.read(in)
		}
	}
	for _, e := range m.Elems {
		for _, f := range e.Funcs {
			r.made[f] = r.made[f] || e.Mode != wat.Declarative
		}
		for _, item := range e.Items {
			for _, in := range item.Instrs {
				if e.Mode != wat.Declarative {
					r.read(in)
				}
			}
		}
	}
	for _, g := range m.Globals {
		for _, in := range g.Init.Instrs {
			r.read(in)
		}
	}
	return r
}

func (r *references) read(in wat.Instr) {
	switch in.Op {
	case op.RefFunc:
		r.made[in.Imm] = true
	case op.TableSet, op.TableGrow, op.TableFill:
		r.written[in.Imm] = true
	default:
		switch in.Op.Info().Imm {
		case op.TableCopy:
			to, _ := in.Pair()
			r.written[to] = true
		case op.TableInit:
			_, to := in.Pair()
			r.written[to] = true
		}
	}
}

// comesIn says how a reference to a function that is not of the module may come
// into its hands, "" if there is no way.
func comesIn(m *wat.Module) string {
	for _, d := range m.Imports() {
		switch {
		case d.Kind == wat.KindTable && m.Tables[d.Index].Elem == wat.FuncRef:
			return "a table is imported"
		case d.Kind == wat.KindGlobal && m.Globals[d.Index].Type == wat.FuncRef:
			return "a global with a reference is imported"
		case d.Kind == wat.KindFunc && slices.Contains(m.FuncTypeOf(wat.FuncID(d.Index)).Results, wat.FuncRef):
			return "an import returns a reference"
		}
	}
	for _, e := range m.Exports {
		switch {
		case e.Kind == wat.KindTable && m.Tables[e.Index].Elem == wat.FuncRef:
			return "a table is exported"
		case e.Kind == wat.KindGlobal && m.Globals[e.Index].Type == wat.FuncRef && m.Globals[e.Index].Mutable:
			return "a global for a reference is exported"
		case e.Kind == wat.KindFunc && slices.Contains(m.FuncTypeOf(wat.FuncID(e.Index)).Params, wat.FuncRef):
			return "an export takes a reference"
		}
	}
	return ""
}

// contents is what a table may hold.
type contents struct {
	funcs []wat.FuncID     // in ascending order
	slots map[uint32]int64 // by slot: its function, -1 for null; nil if the slots are not known
	open  string           // why a host may put others in
}

// slot returns what a slot holds, -1 for nothing; false if that is not known.
func (c contents) slot(n uint32) (held int64, known bool) {
	if c.slots == nil {
		return 0, false
	}
	if held, ok := c.slots[n]; ok {
		return held, true
	}
	return -1, true
}

// contents returns what each table may hold.
func (r *references) contents() []contents {
	all := make([]contents, len(r.m.Tables))
	for id, t := range r.m.Tables {
		c := &all[id]
		switch {
		case t.Import != nil:
			c.open = "it is imported"
		case r.tables[id]:
			c.open = "it is exported"
		case r.written[id]:
			if r.from != "" {
				c.open = "code writes to it, and " + r.from
			}
		default:
			r.fixed(wat.TableID(id), c)
			if c.open == "" {
				continue
			}
		}
		for f := range r.m.Funcs {
			if r.made[f] || c.open != "" && r.exported[f] {
				c.funcs = append(c.funcs, wat.FuncID(f))
			}
		}
	}
	return all
}

// fixed fills in what a table holds that nobody writes to once the module has been
// instantiated.
func (r *references) fixed(table wat.TableID, c *contents) {
	c.slots = map[uint32]int64{}
	held := map[wat.FuncID]bool{}
	for _, e := range r.m.Elems {
		if e.Mode != wat.Active || e.Table != table {
			continue
		}
		at, constant := ConstantOf(e.Offset)
		for i, f := range FunctionsOf(e) {
			if f == Elsewhere {
				*c = contents{open: "a segment puts a reference from a global into it"}
				return
			}
			if f >= 0 && !held[wat.FuncID(f)] {
				held[wat.FuncID(f)] = true
				c.funcs = append(c.funcs, wat.FuncID(f))
			}
			if constant && c.slots != nil {
				c.slots[at+uint32(i)] = f
			}
		}
		if !constant {
			c.slots = nil
		}
	}
	slices.Sort(c.funcs)
}

// What a segment may hold besides functions.
const (
	Null      int64 = -1
	Elsewhere int64 = -2 // a reference that is kept in a global
)

// FunctionsOf returns the functions of a segment, Null and Elsewhere among them.
func FunctionsOf(e *wat.Elem) []int64 {
	var all []int64
	for _, f := range e.Funcs {
		all = append(all, int64(f))
	}
	for _, item := range e.Items {
		f := Elsewhere
		if len(item.Instrs) == 1 {
			switch in := item.Instrs[0]; in.Op {
			case op.RefFunc:
				f = int64(in.Imm)
			case op.RefNull:
				f = Null
			}
		}
		all = append(all, f)
	}
	return all
}

// ConstantOf returns the value of an expression that is one constant.
func ConstantOf(b wat.Body) (uint32, bool) {
	if len(b.Instrs) != 1 || b.Instrs[0].Op != op.I32Const {
		return 0, false
	}
	return uint32(b.Instrs[0].Imm), true
}

// findConstants finds the data segments for constants, and says whether their bytes can
// be told: no other segment may lie over them.
func findConstants(m *wat.Module) (segments []*wat.Data) {
	const most = 64 // linkers make a handful; who has thousands has no such segment
	if len(m.Datas) > most {
		return nil
	}
	end := uint64(0)
	for _, d := range m.Datas {
		at, constant := ConstantOf(d.Offset)
		switch {
		case d.Mode != wat.Active || d.Memory != 0:
		case !constant || uint64(at) < end: // not in ascending order
			return nil
		default:
			end = uint64(at) + uint64(len(d.Bytes))
			if strings.HasPrefix(d.Name, ".rodata") {
				segments = append(segments, d)
			}
		}
	}
	return segments
}

// constantWord returns the word at an address of memory 0 that lies in a data segment
// for constants.
func (c *classifier) constantWord(address uint64) (uint32, bool) {
	for _, d := range c.constants {
		at, _ := ConstantOf(d.Offset)
		if from := uint64(at); from <= address && address+4 <= from+uint64(len(d.Bytes)) {
			return binary.LittleEndian.Uint32([]byte(d.Bytes[address-from : address-from+4])), true
		}
	}
	return 0, false
}
