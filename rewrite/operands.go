package rewrite

import (
	"slices"
	"sort"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A level is a sequence of instructions that one dispatch at its top can jump
// into: the body, the body of a loop, an arm of an if.
//
// A place inside a nested construct is reached in two steps: jump to the
// construct, dispatch again at the top of its level. A block need not be
// dispatched again. If it takes nothing from the operand stack and has nothing of
// the level's below it, it can as well be opened at the top of the level, and
// then its sites belong to this level.
//
//	loop $next           ;; level, start
//	  i32.const 0
//	  local.set $i
//	  block $done        ;; moved: opened before the i32.const instead
//	    call $f          ;; target
//	  end
//	  local.get $i
//	  if                 ;; target, with a level for its arm
//	    call $f
//	  end
//	end                  ;; end
type level struct {
	opener     int // the loop, if or block; -1 for the body
	start, end int
	params     []wat.ValType // operands of the construct, which lie on the stack at the start
	reserved   tempUse       // temporaries that constructs around it use

	heads   []int // blocks that stand at the start one behind the other: they can stay where they are
	moved   []int // other blocks that are opened at the top
	targets []*target

	paramTemps []int // where params are kept while blocks are opened
}

// A target is what a dispatch jumps to: a site, or a construct with sites.
type target struct {
	at     int // the call or the opener
	lo, hi int // its sites: from lo up to hi
	inner  []*level
	label  string // by emit: of its landing

	// The landing closes before instruction cut; what lies between cut and the
	// target is executed again. What lies on the stack at the cut is parked.
	cut      int
	operands []operand // on the stack at the cut
	parked   []int     // the temporaries of the operands
	reads    []slotID  // locals that the code behind the cut has to find as they were, and temporaries
	falls    bool      // the target stands at the head of the level: control falls in
}

// An operand is a value on the stack before a target.
type operand struct {
	typ     wat.ValType
	matters bool // it must be right after a rewind
}

// required is a slot that some sites need besides the locals that are read behind
// them.
type required struct {
	lo, hi int
	slot   slotID
}

func (l *level) head() int { return l.start + len(l.heads) }

// dispatches reports whether anything has to be opened at the top of the level.
func (l *level) dispatches() bool { return len(l.targets) > 1 || !l.targets[0].falls }

// findTargets builds the levels of a function, and finds for every target where
// its landing closes and what must be parked there. It requires sites.
func (f *function) findTargets() error {
	f.body = &level{opener: -1, end: len(f.fn.Body.Instrs)}
	for todo := []*level{f.body}; len(todo) > 0; {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		f.fillLevel(l)
		for _, t := range l.targets {
			f.findCut(l, t)
		}
		f.fallIn(l)
		for _, t := range l.targets {
			if err := f.park(l, t); err != nil {
				return err
			}
			todo = append(todo, t.inner...)
		}
	}
	if len(f.sites) > 1 && !f.usesTable(f.body) {
		f.needsSite = true
	}
	return nil
}

// fillLevel finds the blocks and targets of a level.
func (f *function) fillLevel(l *level) {
	i := l.start
	for f.movable(i) {
		l.heads = append(l.heads, i)
		i++
	}
	next := f.firstSite(l.start)
	for next < len(f.sites) && f.sites[next].instr < l.end {
		switch end := int(f.end[i]); {
		case i == f.sites[next].instr:
			l.targets = append(l.targets, &target{at: i, lo: next, hi: next + 1})
			next++
			i++
		case end == 0:
			i++
		case f.sites[next].instr > end:
			i = end + 1
		case f.shape == Moved && f.movable(i):
			l.moved = append(l.moved, i)
			i++
		default:
			t := &target{at: i, lo: next, hi: f.firstSite(end)}
			t.inner = f.innerLevels(i)
			l.targets = append(l.targets, t)
			next = t.hi
			i = end + 1
		}
	}
}

// movable reports whether instruction i is a block with sites that can be opened
// at the top of its level.
func (f *function) movable(i int) bool {
	if i >= len(f.fn.Body.Instrs) || f.fn.Body.Instrs[i].Op != op.Block {
		return false
	}
	stack, hasSites := f.stacks[i]
	return hasSites && len(stack) == 0 && len(f.typeOf(i).Params) == 0
}

// innerLevels returns the levels of a construct that have sites.
func (f *function) innerLevels(opener int) []*level {
	end, els := int(f.end[opener]), int(f.els[opener])
	params := f.typeOf(opener).Params
	var levels []*level
	add := func(start, end int) {
		if f.hasSite(start, end) {
			levels = append(levels, &level{opener: opener, start: start, end: end, params: params})
		}
	}
	if els == 0 {
		add(opener+1, end)
	} else {
		add(opener+1, els)
		add(els+1, end)
	}
	if len(levels) == 2 {
		f.needsSite = true // to choose the arm
	}
	return levels
}

// findCut finds where the landing of a target closes. It walks back over
// instructions that can be executed again, and takes the place with the fewest
// operands on the stack.
//
// Some values do not matter after a rewind: the arguments of an instrumented
// callee, which reloads its own frame; a condition that is overridden; the
// parameters of a block. The others do, and the locals that they are computed
// from again become slots.
func (f *function) findCut(l *level, t *target) {
	stack := f.operandsOf(t)
	t.cut = t.at
	fewest := len(stack)
	var read []slotID // locals that matter, on the way back
	for j := t.at - 1; j >= l.start && fewest > 0; j-- {
		var ok bool
		if stack, read, ok = f.back(t, j, stack, read); !ok {
			break
		}
		if len(stack) < fewest {
			t.cut, fewest = j, len(stack)
		}
	}
	t.operands = f.operandsOf(t)
	for j := t.at - 1; j >= t.cut; j-- {
		t.operands, t.reads, _ = f.back(t, j, t.operands, t.reads)
	}
}

// park gives the operands at the cut of a target their temporaries, and tells
// what its sites require. Inside a construct only the temporaries of operands that
// matter stay reserved; those lie below the others.
func (f *function) park(l *level, t *target) error {
	use := l.reserved
	kept := use
	for _, o := range t.operands {
		if o.matters && o.typ.IsRef() {
			return f.unsupported(t.at, "keep it in a table, and its index on the stack",
				"a reference of type %s lies on the operand stack when the function suspends here, and memory cannot hold it", o.typ)
		}
		temp := f.allocate(&use, o.typ)
		t.parked = append(t.parked, temp)
		if o.matters {
			t.reads = append(t.reads, f.temp(temp))
			kept = use
		}
	}
	for _, inner := range t.inner {
		inner.reserved = kept
	}
	for _, slot := range t.reads {
		f.requiredBy = append(f.requiredBy, required{t.lo, t.hi, slot})
	}
	return nil
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
		stack[i] = operand{typ, i < len(types)-consumed || asks || table && i == len(types)-1}
	}
	return stack
}

// back takes instruction j off: it replaces the result on the stack by the
// operands. It reports false if j cannot be executed again.
func (f *function) back(t *target, j int, stack []operand, read []slotID) ([]operand, []slotID, bool) {
	in := f.fn.Body.Instrs[j]
	info := in.Op.Info()
	if in.Op == op.Nop {
		return stack, read, true
	}
	if len(stack) == 0 || !info.Pure() && in.Op != op.GlobalGet || in.Op == op.Drop {
		return stack, read, false
	}
	top := stack[len(stack)-1]
	stack = stack[:len(stack)-1]
	switch {
	case in.Op == op.LocalGet:
		if top.matters {
			if t.inner != nil && f.isSet(uint32(in.Imm), j, int(f.end[t.at])) {
				return stack, read, false
			}
			read = append(read, slotID(in.Imm))
		}
	case in.Op == op.GlobalGet:
		return stack, read, !top.matters || !f.m.Globals[in.Imm].Mutable
	case in.Op == op.Select || in.Op == op.SelectT:
		stack = append(stack, top, top, operand{wat.I32, top.matters})
	case in.Op == op.RefIsNull:
		return stack, read, false // the table does not say which reference type
	case info.Fixed():
		for k := range len(info.In) {
			stack = append(stack, operand{letterType(info.In[k]), top.matters})
		}
	}
	return stack, read, true
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

// fallIn finds out whether control falls into the first target of a level, and
// keeps the parameters of the level if blocks are opened above them.
func (f *function) fallIn(l *level) {
	first := l.targets[0]
	if first.cut == l.head() && !slices.ContainsFunc(first.operands, func(o operand) bool { return o.matters }) {
		first.falls = true
		first.operands = nil
	}
	if len(l.targets) > 1 && l.opener >= 0 {
		f.needsSite = true
	}
	if l.dispatches() {
		// They stay reserved: to keep the parameters, on a rewind too, must not
		// overwrite what a target inside has parked.
		for _, t := range l.params {
			l.paramTemps = append(l.paramTemps, f.allocate(&l.reserved, t))
		}
	}
}

// tempUse counts temporaries in use, by type in the order of slotTypes.
type tempUse [len(slotTypes)]int

// allocate returns a temporary of a type that is not in use, and marks it used.
// Temporaries are used like a stack, so they are shared where they can be.
func (f *function) allocate(use *tempUse, t wat.ValType) int {
	kind := slices.Index(slotTypes[:], t)
	nth := use[kind]
	use[kind]++
	if nth == len(f.tempsOf[kind]) {
		f.tempsOf[kind] = append(f.tempsOf[kind], len(f.temps))
		f.temps = append(f.temps, temporary{t, nth})
	}
	return f.tempsOf[kind][nth]
}
