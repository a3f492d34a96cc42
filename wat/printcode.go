package wat

import (
	"fmt"
	"strconv"

	"github.com/watfiber/watfiber/wat/op"
)

// This file prints functions and instructions.

// function writes a defined function.
func (p *printer) function(id FuncID) {
	f := p.m.Funcs[id]
	body := f.BodyIn(&p.scratch)
	fp := newFuncPrinter(p, f, body)
	p.line(1)
	p.put("(func ", p.ids.Funcs[id], " (type ", p.ids.Types[f.Type], ")")
	sig := p.m.Types[f.Type]
	for i, t := range sig.Params {
		p.put(" (param ", fp.locals[i], " ", t.String(), ")")
	}
	if len(sig.Results) > 0 {
		p.put(" ", FuncType{Results: sig.Results}.String())
	}
	fp.declareLocals()
	level := 2
	for i := range body.Instrs {
		switch body.Instrs[i].Op {
		case op.Else, op.End:
			level--
		}
		p.line(level)
		p.instr(body, i, fp)
		switch body.Instrs[i].Op {
		case op.Block, op.Loop, op.If, op.Else:
			level++
		}
	}
	p.line(1)
	p.put(")")
}

// funcPrinter knows the names inside one function.
type funcPrinter struct {
	*printer
	f      *Func
	locals []string
	labels []string // by opener
	opener []int    // open blocks, by opener; an end belongs to the last
}

func newFuncPrinter(p *printer, f *Func, body *Body) *funcPrinter {
	fp := &funcPrinter{printer: p, f: f}
	params := len(p.m.Types[f.Type].Params)
	fp.locals = unique(params+f.NumLocals(), func(i int) string { return f.LocalName(LocalID(i)) },
		func(i int) string { return DefaultLocal(i, params) }, nil)
	fp.labels = body.LabelIDs()
	makeIDs(fp.locals)
	makeIDs(fp.labels)
	return fp
}

// LabelIDs returns an identifier for every block, loop or if that has a name or
// is the target of a branch, by instruction; different ones in all of the body.
func (b *Body) LabelIDs() []string {
	targets := make([]bool, len(b.Instrs))
	mark := func(l Label) {
		if l != BodyLabel {
			targets[l.Opener()] = true
		}
	}
	for _, in := range b.Instrs {
		switch in.Op.Info().Imm {
		case op.Label:
			mark(Label(in.Imm))
		case op.LabelTable:
			for _, w := range b.Words(in) {
				mark(Label(w))
			}
		}
	}
	openers := b.Openers()
	names := unique(len(openers), func(i int) string { return b.LabelName(openers[i]) }, func(i int) string { return DefaultLabel(i + 1) }, nil)
	ids := make([]string, len(b.Instrs))
	for k, i := range openers {
		if targets[i] || b.LabelName(i) != "" {
			ids[i] = names[k]
		}
	}
	return ids
}

// declareLocals writes the declared locals, as many in a line as fit.
func (p *funcPrinter) declareLocals() {
	i := len(p.m.Types[p.f.Type].Params)
	column := wrapAt
	for _, run := range p.f.Locals {
		for range run.Count {
			text := "(local " + p.locals[i] + " " + run.Type.String() + ")"
			if column += 1 + len(text); column > wrapAt {
				p.line(2)
				column = 4 + len(text)
			} else {
				p.put(" ")
			}
			p.put(text)
			i++
		}
	}
}

// instr writes instruction i of a body; fp is nil in a constant expression.
func (p *printer) instr(b *Body, i int, fp *funcPrinter) {
	in := b.Instrs[i]
	info := in.Op.Info()
	p.put(info.Name)
	switch info.Imm {
	case op.None:
		p.closingLabel(in.Op, fp)
	case op.BlockType:
		fp.opener = append(fp.opener, i)
		p.id(fp.labels[i])
		p.blockType(BlockType(in.Imm))
	case op.Label:
		p.label(Label(in.Imm), fp)
	case op.LabelTable:
		for _, w := range b.Words(in) {
			p.label(Label(w), fp)
		}
	case op.Func:
		p.ref(p.ids.Funcs, uint32(in.Imm))
	case op.Indirect:
		typ, table := in.Pair()
		if table != 0 {
			p.ref(p.ids.Tables, table)
		}
		p.put(" (type ", p.ids.Types[typ], ")")
	case op.Local:
		p.put(" ", fp.locals[in.Imm])
	case op.Global:
		p.ref(p.ids.Globals, uint32(in.Imm))
	case op.Elem:
		p.ref(p.ids.Elems, uint32(in.Imm))
	case op.Data:
		p.ref(p.ids.Datas, uint32(in.Imm))
	case op.Table:
		p.nonZero(p.ids.Tables, uint32(in.Imm))
	case op.Memory:
		p.nonZero(p.ids.Memories, uint32(in.Imm))
	case op.TableCopy:
		p.both(p.ids.Tables, p.ids.Tables, in)
	case op.MemoryCopy:
		p.both(p.ids.Memories, p.ids.Memories, in)
	case op.TableInit:
		p.segment(p.ids.Tables, p.ids.Elems, in)
	case op.MemoryInit:
		p.segment(p.ids.Memories, p.ids.Datas, in)
	default:
		p.literal(b, in, info)
	}
}

// closingLabel repeats the label behind else and end.
func (p *printer) closingLabel(code op.Code, fp *funcPrinter) {
	if fp == nil || code != op.Else && code != op.End || len(fp.opener) == 0 {
		return
	}
	last := fp.opener[len(fp.opener)-1]
	p.id(fp.labels[last])
	if code == op.End {
		fp.opener = fp.opener[:len(fp.opener)-1]
	}
}

func (p *printer) blockType(b BlockType) {
	if t, ok := b.Value(); ok {
		p.put(" (result ", t.String(), ")")
	}
	if id, ok := b.Index(); ok {
		p.put(" (type ", p.ids.Types[id], ")")
		// What a type is, is said again if that is short.
		if t := p.m.Types[id]; len(t.Params)+len(t.Results) > 0 && len(t.Params)+len(t.Results) <= blockTypes {
			p.put(" ", t.String())
		}
	}
}

// label writes a branch target. That of the body has no name: its number is how
// many blocks are open.
func (p *printer) label(l Label, fp *funcPrinter) {
	if l == BodyLabel {
		p.number(uint64(len(fp.opener)))
		return
	}
	p.put(" ", fp.labels[l.Opener()])
}

func (p *printer) nonZero(names []string, i uint32) {
	if i != 0 {
		p.ref(names, i)
	}
}

func (p *printer) both(first, second []string, in Instr) {
	a, b := in.Pair()
	if a != 0 || b != 0 {
		p.ref(first, a)
		p.ref(second, b)
	}
}

// segment writes [table or memory] segment.
func (p *printer) segment(outer, inner []string, in Instr) {
	seg, of := in.Pair()
	if of != 0 {
		p.ref(outer, of)
	}
	p.ref(inner, seg)
}

// literal writes immediates that are no references.
func (p *printer) literal(b *Body, in Instr, info *op.Info) {
	switch info.Imm {
	case op.MemArg, op.MemArgLane:
		p.memArg(MemArg(in.Imm), info)
	case op.Lane:
		p.number(in.Imm)
	case op.I32:
		p.buf = strconv.AppendInt(append(p.buf, ' '), int64(int32(in.Imm)), 10)
	case op.I64:
		p.buf = strconv.AppendInt(append(p.buf, ' '), int64(in.Imm), 10)
	case op.F32:
		p.put(" ", FormatFloat32(uint32(in.Imm)))
	case op.F64:
		p.put(" ", FormatFloat64(in.Imm))
	case op.V128:
		lo, hi := b.Wide(in)
		p.put(fmt.Sprintf(" i32x4 0x%08x 0x%08x 0x%08x 0x%08x", uint32(lo), lo>>32, uint32(hi), hi>>32))
	case op.Shuffle:
		lo, hi := b.Wide(in)
		for i := range 16 {
			half := lo
			if i >= 8 {
				half = hi
			}
			p.number(half >> (i % 8 * 8) & 0xFF)
		}
	case op.HeapType:
		p.put(" ", ValType(in.Imm).HeapTypeName())
	case op.Result:
		if in.Op == op.SelectT {
			p.put(" (result")
			for _, w := range b.Words(in) {
				p.put(" ", ValType(w).String())
			}
			p.put(")")
		}
	}
}

func (p *printer) memArg(m MemArg, info *op.Info) {
	p.nonZero(p.ids.Memories, uint32(m.Memory()))
	if m.Offset() != 0 {
		p.put(" offset=", strconv.FormatUint(m.Offset(), 10))
	}
	if align := uint64(1) << m.Align(); align != uint64(info.Size) {
		p.put(" align=", strconv.FormatUint(align, 10))
	}
	if info.Imm == op.MemArgLane {
		p.number(uint64(m.Lane()))
	}
}
