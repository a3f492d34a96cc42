package check

import (
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file types one instruction after the other: those with a fixed signature
// from the instruction table, the others by a rule of their own.

// letters gives the types of the letters in the instruction table. The address
// type a is that of a memory with 32-bit addresses.
var letters = func() (t [128]wat.ValType) {
	t['i'], t['l'], t['f'], t['d'], t['v'], t['a'] = wat.I32, wat.I64, wat.F32, wat.F64, wat.V128, wat.I32
	return t
}()

func (c *bodyChecker) instr(in wat.Instr) {
	info := in.Op.Info()
	c.immediate(in, info)
	if c.problem != nil {
		return
	}
	if info.Fixed() {
		for i := len(info.In) - 1; i >= 0; i-- {
			c.pop(letters[info.In[i]])
		}
		for i := range len(info.Out) {
			c.pushValue(letters[info.Out[i]])
		}
		return
	}
	switch info.Imm {
	case op.Local:
		c.local(in)
	case op.Global:
		c.global(in)
	case op.Table, op.TableCopy, op.TableInit:
		c.table(in)
	case op.MemoryCopy:
		c.popValues(threeI32)
	default:
		c.control(in)
	}
}

var threeI32 = []wat.ValType{wat.I32, wat.I32, wat.I32}

// immediate checks the indices and numbers behind a mnemonic.
func (c *bodyChecker) immediate(in wat.Instr, info *op.Info) {
	m := c.m
	low, high := in.Pair()
	switch info.Imm {
	case op.BlockType:
		if id, ok := wat.BlockType(in.Imm).Index(); ok {
			c.index("type", uint32(id), len(m.Types))
		}
	case op.Func:
		c.index("function", low, len(m.Funcs))
	case op.Indirect:
		c.index("type", low, len(m.Types))
		c.index("table", high, len(m.Tables))
	case op.Global:
		c.index("global", low, len(m.Globals))
	case op.Table:
		c.index("table", low, len(m.Tables))
	case op.TableCopy:
		c.index("table", low, len(m.Tables))
		c.index("table", high, len(m.Tables))
	case op.TableInit:
		c.index("element segment", low, len(m.Elems))
		c.index("table", high, len(m.Tables))
	case op.Elem:
		c.index("element segment", low, len(m.Elems))
	case op.Memory:
		c.index("memory", low, len(m.Memories))
	case op.MemoryCopy:
		c.index("memory", low, len(m.Memories))
		c.index("memory", high, len(m.Memories))
	case op.MemoryInit:
		c.index("data segment", low, len(m.Datas))
		c.index("memory", high, len(m.Memories))
	case op.Data:
		c.index("data segment", low, len(m.Datas))
	case op.MemArg, op.MemArgLane:
		c.memArg(wat.MemArg(in.Imm), info)
	case op.Lane:
		c.lane(uint8(in.Imm), info.Lanes())
	case op.Shuffle:
		lo, hi := c.seq.Wide(in)
		for _, half := range [...]uint64{lo, hi} {
			for ; half != 0; half >>= 8 {
				c.lane(uint8(half), 32)
			}
		}
	}
}

func (c *bodyChecker) index(what string, i uint32, n int) {
	if int(i) >= n {
		c.fail(wat.ErrName, "unknown %s %d, the module has %s", what, i, Count(n, what))
	}
}

func (c *bodyChecker) memArg(arg wat.MemArg, info *op.Info) {
	c.index("memory", uint32(arg.Memory()), len(c.m.Memories))
	if uint64(1)<<arg.Align() > uint64(info.Size) {
		c.fail(wat.ErrInvalid, "alignment must not be larger than natural: %d for %d bytes", uint64(1)<<arg.Align(), info.Size)
	}
	if info.Imm == op.MemArgLane {
		c.lane(arg.Lane(), info.Lanes())
	}
}

func (c *bodyChecker) lane(lane uint8, lanes int) {
	if int(lane) >= lanes {
		c.fail(wat.ErrInvalid, "invalid lane index %d, there are %d lanes", lane, lanes)
	}
}

func (c *bodyChecker) local(in wat.Instr) {
	t, ok := c.locals.typ(in.Imm)
	if !ok {
		c.fail(wat.ErrName, "unknown local %d, the function has %s", in.Imm, Count(int(c.locals.n), "local"))
		return
	}
	switch in.Op {
	case op.LocalGet:
		c.pushValue(t)
	case op.LocalSet:
		c.pop(t)
	case op.LocalTee:
		c.pop(t)
		c.pushValue(t)
	}
}

func (c *bodyChecker) global(in wat.Instr) {
	g := c.m.Globals[in.Imm]
	if in.Op == op.GlobalGet {
		c.pushValue(g.Type)
		return
	}
	if !g.Mutable {
		c.fail(wat.ErrInvalid, "global is immutable: only a (mut …) global can be set")
	}
	c.pop(g.Type)
}

func (c *bodyChecker) table(in wat.Instr) {
	first, second := in.Pair()
	elem := func(i uint32) wat.ValType { return c.m.Tables[i].Elem }
	switch in.Op {
	case op.TableGet:
		c.pop(wat.I32)
		c.pushValue(elem(first))
	case op.TableSet:
		c.pop(elem(first))
		c.pop(wat.I32)
	case op.TableSize:
		c.pushValue(wat.I32)
	case op.TableGrow:
		c.pop(wat.I32)
		c.pop(elem(first))
		c.pushValue(wat.I32)
	case op.TableFill:
		c.pop(wat.I32)
		c.pop(elem(first))
		c.pop(wat.I32)
	default: // copy from a table, init from a segment
		var to, from wat.ValType
		if in.Op.Info().Imm == op.TableCopy {
			to, from = elem(first), elem(second)
		} else {
			to, from = elem(second), c.m.Elems[first].Type
		}
		if to != from {
			c.fail(wat.ErrType, "type mismatch: %s puts %s into a table of %s", in.Op, from, to)
		}
		c.popValues(threeI32)
	}
}

func (c *bodyChecker) control(in wat.Instr) {
	switch in.Op {
	case op.Unreachable:
		c.unreachable()
	case op.Block, op.Loop, op.If:
		if in.Op == op.If {
			c.pop(wat.I32)
		}
		t := c.m.BlockTypeOf(wat.BlockType(in.Imm))
		c.popValues(t.Params)
		c.push(Frame{Opener: c.at, Op: in.Op, Type: t})
	case op.Else:
		f := c.popFrame()
		f.Op, f.Unreachable = op.Else, false
		c.push(f)
	case op.End:
		c.end()
	case op.Br:
		c.popValues(c.frame(wat.Label(in.Imm)).labelTypes())
		c.unreachable()
	case op.BrIf:
		c.pop(wat.I32)
		types := c.frame(wat.Label(in.Imm)).labelTypes()
		c.popValues(types)
		c.pushValues(types)
	case op.BrTable:
		c.branchTable(in)
	case op.Return:
		c.popValues(c.Frames[0].Type.Results)
		c.unreachable()
	case op.Call:
		c.call(c.m.FuncTypeOf(wat.FuncID(in.Imm)))
	case op.CallIndirect:
		typ, table := in.Pair()
		if t := c.m.Tables[table].Elem; t != wat.FuncRef {
			c.fail(wat.ErrType, "type mismatch: call_indirect needs a table of funcref, this one holds %s", t)
		}
		c.pop(wat.I32)
		c.call(c.m.Types[typ].FuncType)
	default:
		c.parametric(in)
	}
}

// end closes the innermost block. An if without else passes its parameters on.
func (c *bodyChecker) end() {
	f := c.popFrame()
	if f.Op == op.If && !slices.Equal(f.Type.Params, f.Type.Results) {
		c.fail(wat.ErrType, "type mismatch: an if without else gives its parameters back, it cannot be %s", f.Type)
	}
	c.pushValues(f.Type.Results)
}

func (c *bodyChecker) call(t wat.FuncType) {
	c.popValues(t.Params)
	c.pushValues(t.Results)
}

func (c *bodyChecker) branchTable(in wat.Instr) {
	c.pop(wat.I32)
	labels := c.seq.Words(in)
	last := c.frame(wat.Label(labels[len(labels)-1])).labelTypes()
	checked := typesChecked{}
	checked.add(last)
	for _, w := range labels[:len(labels)-1] {
		types := c.frame(wat.Label(w)).labelTypes()
		if len(types) != len(last) {
			c.fail(wat.ErrType, "type mismatch: the labels of br_table take %d and %d values", len(types), len(last))
			return
		}
		if !checked.add(types) {
			continue
		}
		// Look at the operands, and leave them: those of the default are taken.
		height := len(c.Values)
		c.popValues(types)
		c.Values = c.Values[:height]
	}
	c.popValues(last)
	c.unreachable()
}

// typesChecked are lists of types, by where they are in memory. Most labels of a
// br_table share one, and there may be many labels and long lists.
type typesChecked map[*wat.ValType]bool

// add reports whether the list is new; an empty one never is.
func (t typesChecked) add(types []wat.ValType) bool {
	if len(types) == 0 || t[&types[0]] {
		return false
	}
	t[&types[0]] = true
	return true
}

func (c *bodyChecker) parametric(in wat.Instr) {
	switch in.Op {
	case op.Drop:
		c.pop(0)
	case op.Select:
		c.pop(wat.I32)
		b := c.pop(0)
		a := c.pop(b)
		if a == 0 {
			a = b
		}
		if a.IsRef() || b.IsRef() {
			c.fail(wat.ErrType, "type mismatch: select of references needs (result %s)", a)
		}
		c.pushValue(a)
	case op.SelectT:
		types := c.seq.Words(in)
		if len(types) != 1 {
			c.fail(wat.ErrInvalid, "invalid result arity: select has one result, not %d", len(types))
			return
		}
		t := wat.ValType(types[0])
		c.pop(wat.I32)
		c.pop(t)
		c.pop(t)
		c.pushValue(t)
	case op.RefNull:
		c.pushValue(wat.ValType(in.Imm))
	case op.RefIsNull:
		if t := c.pop(0); t != 0 && !t.IsRef() {
			c.fail(wat.ErrType, "type mismatch: ref.is_null expects a reference, the operand is %s", t)
		}
		c.pushValue(wat.I32)
	case op.RefFunc:
		if c.declared != nil && !c.declared[in.Imm] {
			c.fail(wat.ErrInvalid, "undeclared function reference: export the function or name it in (elem declare func …)")
		}
		c.pushValue(wat.FuncRef)
	default:
		c.fail(wat.ErrInvalid, "no typing rule for %s", in.Op)
	}
}
