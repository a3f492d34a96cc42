package rewrite

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file describes the frames of the instrumented functions, for whoever reads
// them in a memory: package fiberlib, the library itself.

// linesOf returns the places of instructions in a text, or where its comments say that
// they come from.
func linesOf(m *wat.Module) func(wat.FuncID, int) (string, int) {
	return func(id wat.FuncID, instr int) (string, int) {
		l := m.Location(id, instr)
		return l.File, l.Line
	}
}

// numbers returns the number of each instrumented function in the map.
func (s *state) numbers() map[wat.FuncID]int {
	numbers := map[wat.FuncID]int{}
	for i, f := range s.functions {
		numbers[f.id] = i + 1
	}
	return numbers
}

// frameMap returns the map of the frames of all instrumented functions. It requires
// their frames.
func (s *state) frameMap() *fiberlib.FrameMap {
	numbers, names := s.numbers(), s.m.Names().Funcs
	m := &fiberlib.FrameMap{Funcs: make([]fiberlib.FrameFunc, len(s.functions)), Tables: tableRuns(s.m, numbers)}
	for _, e := range s.m.Exports {
		if number := numbers[wat.FuncID(e.Index)]; e.Kind == wat.KindFunc && number > 0 {
			m.Exports = append(m.Exports, fiberlib.FrameExport{Name: e.Name, Func: number})
		}
	}
	inParallel(len(s.functions), func(i int) { m.Funcs[i] = s.functions[i].describeFrame(numbers, names, s.opts.Lines) })
	return m
}

// describeFrame returns what the map says of a function.
func (f *function) describeFrame(numbers map[wat.FuncID]int, names []string, lines func(wat.FuncID, int) (string, int)) fiberlib.FrameFunc {
	d := fiberlib.FrameFunc{Name: wat.NameText(names[f.id]), Size: uint32(f.frame.size), Rare: uint32(f.bytesOf(f.rareSlots())), SiteAt: -1}
	place := map[slotID]int{} // by slot: its place in d.Slots
	at := 0
	for i := len(f.frame.chunks) - 1; i >= 0; i-- { // the last is spilled first
		c := f.frame.chunks[i]
		if c.numbered {
			d.SiteAt = at
			at += 4
		}
		for _, s := range c.slots {
			if s == unusedWord {
				at += 4
				continue
			}
			place[s] = len(d.Slots)
			d.Slots = append(d.Slots, fiberlib.FrameSlot{Name: f.slotName(s), Type: f.slotType(s).Letter(), Offset: uint32(at)})
			at += f.slotType(s).Size()
		}
	}
	d.Sites = make([]fiberlib.FrameSite, f.numbers()) // those of numbers that are free say nothing
	for k := range d.Sites {
		d.Sites[k].Live = make([]bool, len(d.Slots))
	}
	targets := f.siteTargets()
	for k, s := range f.sites {
		var site fiberlib.FrameSite
		switch {
		case s.indirect:
			_, table := f.fn.Body.Instrs[s.instr].Pair()
			site.Callee, site.Table, site.Index = -1, table, f.indexCode(targets[k], place)
		case numbers[s.callee] > 0:
			site.Callee = numbers[s.callee]
		case f.m.Funcs[s.callee].Import != nil:
			site.Name = importName(f.m.Funcs[s.callee])
		default:
			site.Name = wat.NameText(names[s.callee])
		}
		if lines != nil {
			site.File, site.Line = lines(f.id, s.instr)
		}
		site.Live = d.Sites[f.number(k)].Live
		d.Sites[f.number(k)] = site
	}
	f.eachNeed(func(k int, s slotID) {
		if at, ok := place[s]; ok {
			d.Sites[f.number(k)].Live[at] = true
		}
	})
	return d
}

// slotName returns the name of a local as its author knows it, or its number.
func (f *function) slotName(s slotID) string {
	if int(s) >= f.numLocals {
		return f.tempName(int(s) - f.numLocals)
	}
	name := f.fn.LocalName(wat.LocalID(s))
	if name == "" || name == wat.DefaultLocal(int(s), len(f.sig.Params)) {
		return strconv.Itoa(int(s))
	}
	return wat.NameText(name)
}

// eachNeed calls do with each site and each slot that is needed behind it, which may be
// one that no frame holds: the code before the call sets it again.
func (f *function) eachNeed(do func(site int, s slotID)) {
	f.findLive(func(k, first int, live bitset) {
		for i := range live.each {
			do(k, slotID(first+i))
		}
	})
	for _, r := range f.requiredBy {
		for k := r.lo; k < r.hi; k++ {
			do(k, r.slot)
		}
	}
}

// siteTargets returns the target of each site.
func (f *function) siteTargets() []*target {
	targets := make([]*target, len(f.sites))
	for l := range f.levels {
		for _, t := range l.targets {
			if t.inner == nil {
				targets[t.lo] = t
			}
		}
	}
	return targets
}

// indexCode returns the code that computes the table index of an indirect call from
// the slots of a frame, nil if that cannot be done so. The index is the last operand,
// so its code stands right before the call; what lies before the cut is parked.
//
//	local.get $p
//	i32.const 4
//	i32.add
//	call_indirect
func (f *function) indexCode(t *target, place map[slotID]int) []byte {
	first, need := t.at, 1
	for ; need > 0 && first > t.cut; first-- {
		in := f.fn.Body.Instrs[first-1]
		switch {
		case in.Op == op.LocalGet || in.Op == op.I32Const:
			need--
		case isIndexOp(in.Op):
			need++
		default:
			return nil
		}
		if need > maxIndexStack {
			return nil
		}
	}
	var code []byte
	slot := func(s slotID) bool {
		at, ok := place[s]
		code = binary.AppendUvarint(append(code, fiberlib.IndexSlot), uint64(at))
		return ok && f.slotType(s) == wat.I32
	}
	if need > len(t.parked) {
		return nil
	}
	for _, parked := range t.parked[len(t.parked)-need:] {
		if !slot(parked) {
			return nil
		}
	}
	for _, in := range f.fn.Body.Instrs[first:t.at] {
		switch in.Op {
		case op.LocalGet:
			if !slot(slotID(in.Imm)) || f.isSet(uint32(in.Imm), t.cut, t.at) {
				return nil
			}
		case op.I32Const:
			code = appendSigned(append(code, fiberlib.IndexConst), int32(uint32(in.Imm)))
		default:
			code = append(code, byte(in.Op))
		}
	}
	return code
}

// maxIndexStack is how many values the library has room for.
const maxIndexStack = 4

// isIndexOp reports whether an index can be computed with an instruction of two operands.
func isIndexOp(code op.Code) bool {
	_, ok := fiberlib.IndexOp(byte(code), 0, 0)
	return ok && code < 0x100
}

// appendSigned appends a number in signed LEB128.
func appendSigned(b []byte, n int32) []byte {
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n == 0 && c&0x40 == 0 || n == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// tableRuns returns what active segments put into tables, where their place is a
// constant.
func tableRuns(m *wat.Module, numbers map[wat.FuncID]int) []fiberlib.TableRun {
	var runs []fiberlib.TableRun
	for _, e := range m.Elems {
		at, constant := callgraph.ConstantOf(e.Offset)
		if e.Mode != wat.Active || !constant {
			continue
		}
		run := fiberlib.TableRun{Table: uint32(e.Table), First: at}
		for _, f := range callgraph.FunctionsOf(e) {
			number := 0
			if f >= 0 {
				number = numbers[wat.FuncID(f)]
			}
			run.Funcs = append(run.Funcs, number)
		}
		if slices.ContainsFunc(run.Funcs, func(n int) bool { return n > 0 }) {
			runs = append(runs, run)
		}
	}
	return runs
}

// mapSection writes the map of the frames as a custom section.
//
//	(@custom "watfiber.frames"
//	  "\01\00…"
//	)
func (r *runtimeText) mapSection() {
	r.line(`(@custom "`+fiberlib.FrameSection+`"`, "what the frames hold")
	r.pieces(r.frameMap().Encode())
	r.line(")", "")
}

// mapData writes it as a data segment, for the library.
func (r *runtimeText) mapData() {
	pieces, notes := r.frameMap().Encode()
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	r.line(fmt.Sprintf("(global %s i32 (i32.const %d))", idMapSize, size), "")
	r.line("(data "+idMap, "what the frames hold")
	r.pieces(pieces, notes)
	r.line(")", "")
}

func (r *runtimeText) pieces(pieces, notes []string) {
	for i, p := range pieces {
		r.line("  "+wat.QuoteBytes(p), wat.OneLine(notes[i]))
	}
}
