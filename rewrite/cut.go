package rewrite

import (
	"slices"
	"sort"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file finds where landings close, and how the operands that lie across that edge
// can be had again.

// findCut finds where the landing of a target closes. It walks back over
// instructions that can be executed again, and takes the place with the fewest
// operands on the stack.
//
// Some values do not matter after a rewind: the arguments of an instrumented
// callee, which reloads its own frame; a condition that is overridden; the
// parameters of a block. The others do, and the locals that they are computed
// from again become slots.
//
//	local.get $p     ;; $p is a slot anyway, for code behind the call:
//	i32.load         ;; then this does not trap, and what it loads does not matter
//	call $f          ;; instrumented
func (f *function) findCut(l *level, t *target) {
	w := f.walkBack(t)
	t.cut = t.at
	fewest := w.cost()
	for j := t.at - 1; j >= l.start && fewest > 0 && w.back(j); j-- {
		if cost := w.cost(); cost < fewest {
			t.cut, fewest = j, cost
		}
	}
	w = f.walkBack(t)
	for j := t.at - 1; j >= t.cut; j-- {
		w.back(j)
	}
	t.operands, t.reads, t.sets = w.stack, w.read, w.sets
}

// A walk goes back from a target over the code that computes its operands.
type walk struct {
	f     *function
	t     *target
	stack []operand // operands before the instructions that it has come over
	read  []slotID  // locals that those have to find as they were
	sets  []slotID  // locals that those set to what they were
}

func (f *function) walkBack(t *target) *walk { return &walk{f: f, t: t, stack: f.operandsOf(t)} }

// cost is what it costs to close a landing where the walk is: the operands to park,
// those twice that would have to become slots only for that.
func (w *walk) cost() int {
	n := len(w.stack)
	for _, o := range w.stack {
		if o.need == traceable {
			n++
		}
	}
	return n
}

// back takes instruction j off: it replaces the result on the stack by the
// operands. It reports false if j cannot be executed again.
func (w *walk) back(j int) bool {
	in := w.f.fn.Body.Instrs[j]
	info := in.Op.Info()
	if in.Op == op.Nop {
		return true
	}
	if len(w.stack) == 0 {
		return false
	}
	top := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	push := func(typ wat.ValType, n need) { w.stack = append(w.stack, operand{typ, n}) }
	switch {
	case in.Op == op.LocalGet:
		return top.need == anything || w.readsAgain(j, uint32(in.Imm), top.need)
	case in.Op == op.LocalTee:
		n, ok := w.setsAgain(j, uint32(in.Imm), top.need)
		push(top.typ, n)
		return ok
	case in.Op == op.GlobalGet:
		return top.need == anything || !w.f.m.Globals[in.Imm].Mutable
	case in.Op == op.Drop, in.Op == op.RefIsNull:
		return false // the table does not say which type they drop or look at
	case in.Op == op.Select || in.Op == op.SelectT:
		push(top.typ, top.need)
		push(top.typ, top.need)
		push(wat.I32, top.need)
		return true
	case !info.Fixed():
		return info.Pure()
	case info.Effect == op.Traps && top.need < matters, info.Effect == op.Reads && top.need == anything:
		top.need = traceable
	case !info.Pure():
		return false
	}
	for k := range len(info.In) {
		push(letterType(info.In[k]), top.need)
	}
	return true
}

// readsAgain reports whether the local.get at j can be executed again for a value that
// has to be what it was, and notes that the local is needed.
func (w *walk) readsAgain(j int, local uint32, n need) bool {
	if w.f.isSet(local, j, w.end()) || n == traceable && !w.f.live.has(int(local)) {
		return false
	}
	w.read = append(w.read, slotID(local))
	return true
}

// setsAgain returns what the operand of the local.tee at j must be after a rewind, if that
// can be executed again. A local that is read later must get the value that it has; before
// a construct it may be read by what is executed again inside. Not before a call through a
// table: whoever reads the frame computes its index from slots.
func (w *walk) setsAgain(j int, local uint32, n need) (need, bool) {
	if w.t.inner == nil && w.f.sites[w.t.lo].indirect {
		return n, false
	}
	if w.t.inner == nil && !w.f.live.has(int(local)) && !slices.Contains(w.read, slotID(local)) {
		return n, true
	}
	if w.f.isSet(local, j+1, w.end()) {
		return n, false
	}
	w.read = slices.DeleteFunc(w.read, func(s slotID) bool { return s == slotID(local) }) // all of them behind j
	w.sets = append(w.sets, slotID(local))
	return max(n, traceable), true
}

// end returns the instruction up to which locals have to stay as they are: the site, or
// the end of the construct.
func (w *walk) end() int {
	if w.t.inner != nil {
		return int(w.f.end[w.t.at])
	}
	return w.t.at
}

// operandsOf returns the operands before a target.
func (f *function) operandsOf(t *target) []operand {
	var types []wat.ValType
	consumed, asks, table := 0, false, false
	if t.inner == nil {
		s := f.sites[t.lo]
		types, consumed, asks, table = s.stack, f.arity(s), s.asks, s.indirect
	} else {
		types = f.stacks[t.at]
		consumed = len(f.typeOf(t.at).Params)
		if f.fn.Body.Instrs[t.at].Op == op.If {
			consumed++
		}
	}
	stack := make([]operand, len(types))
	for i, typ := range types {
		stack[i].typ = typ
		if i < len(types)-consumed || asks || table && i == len(types)-1 {
			stack[i].need = matters
		}
	}
	return stack
}

// sources returns which locals have the values of the operands at the cut of a target,
// a number beyond all locals for none. Those need not be parked: they can be dropped,
// and the locals read again.
//
//	local.get $a     ;; drop it, and read $a again
//	…
//	local.tee $b     ;; drop it, and read $b again
//	call $f
func (f *function) sources(l *level, t *target) []slotID {
	found := make([]slotID, len(t.operands))
	next := t.cut // the code of the operands that are done begins here
	for i := len(t.operands) - 1; i >= 0; i-- {
		found[i] = slotID(f.numLocals)
		if next <= l.start {
			continue
		}
		at := next - 1
		if in := f.fn.Body.Instrs[at]; (in.Op == op.LocalGet || in.Op == op.LocalTee) && f.stays(t, uint32(in.Imm), at+1, t.operands[i].need) {
			found[i] = slotID(in.Imm)
		}
		next = f.codeOf(l, at)
	}
	return found
}

// stays reports whether a local that has the value of an operand from an instruction on
// still has it where it is read again.
func (f *function) stays(t *target, local uint32, from int, n need) bool {
	if n == anything {
		return !f.isSet(local, from, t.cut)
	}
	w := walk{f: f, t: t}
	return !f.isSet(local, from, w.end())
}

// codeOf returns where the code begins that computes the operand which instruction at
// leaves, as far as it is simple; else the start of the level.
func (f *function) codeOf(l *level, at int) int {
	for need := 1; at >= l.start; at-- {
		in := f.fn.Body.Instrs[at]
		info := in.Op.Info()
		switch {
		case in.Op == op.Nop, in.Op == op.LocalTee:
		case in.Op == op.LocalGet, in.Op == op.GlobalGet:
			need--
		case info.Fixed() && len(info.Out) == 1:
			need += len(info.In) - 1
		default:
			return l.start
		}
		if need == 0 {
			return at
		}
	}
	return l.start
}

// letterType returns the type of a letter in the instruction table.
func letterType(letter byte) wat.ValType {
	switch letter {
	case 'l':
		return wat.I64
	case 'f':
		return wat.F32
	case 'd':
		return wat.F64
	case 'v':
		return wat.V128
	}
	return wat.I32
}

// isSet reports whether a local is set from one instruction up to another.
func (f *function) isSet(local uint32, from, to int) bool {
	if f.setAt == nil {
		f.setAt = map[uint32][]int{}
		for i, in := range f.fn.Body.Instrs {
			if in.Op == op.LocalSet || in.Op == op.LocalTee {
				f.setAt[uint32(in.Imm)] = append(f.setAt[uint32(in.Imm)], i)
			}
		}
	}
	at := f.setAt[local]
	k := sort.SearchInts(at, from)
	return k < len(at) && at[k] < to
}
