package rewrite

import (
	"slices"

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
// then its sites belong to this level. So can an if, if it becomes a block that is left
// where the condition does not hold.
//
//	loop $next           ;; level, start
//	  i32.const 0
//	  local.set $i
//	  block $done        ;; moved: opened before the i32.const instead
//	    call $f          ;; target
//	  end
//	  local.get $i
//	  if                 ;; moved: a block, and here i32.eqz br_if
//	    call $f          ;; target
//	  end
//	  loop $again        ;; target, with a level of its own
//	    call $f
//	  end
//	end                  ;; end
type level struct {
	opener     int // the loop, if or block; -1 for the body
	start, end int
	params     []wat.ValType // operands of the construct, which lie on the stack at the start
	reserved   tempUse       // temporaries that constructs around it use

	heads   []int // blocks that stand at the start one behind the other: they can stay where they are
	moved   []int // other blocks, and ifs, that are opened at the top
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
	parked   []slotID  // what holds the operands: temporaries, or locals that have their values anyway
	reads    []slotID  // locals that the code behind the cut has to find as they were, and temporaries
	sets     []slotID  // locals that the code behind the cut sets to what they were
	falls    bool      // the target stands at the head of the level: control falls in
}

// An operand is a value on the stack before a target.
type operand struct {
	typ  wat.ValType
	need need
}

// A need says what an operand must be after a rewind.
type need uint8

const (
	anything need = iota
	// traceable: what it was, which can be had again from what is in the frame anyway. It
	// is the operand of an instruction that would trap on another.
	traceable
	matters // what it was
)

// required is a slot that some sites need besides the locals that are read behind
// them.
type required struct {
	lo, hi int
	slot   slotID
}

func (l *level) head() int { return l.start + len(l.heads) }

// dispatches reports whether anything has to be opened at the top of the level.
func (l *level) dispatches() bool { return len(l.targets) > 1 || !l.targets[0].falls }

// levels iterates over the levels of a function, each before those inside, which need not
// be known before.
func (f *function) levels(yield func(*level) bool) {
	for todo := []*level{f.body}; len(todo) > 0; {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !yield(l) {
			return
		}
		for _, t := range l.targets {
			todo = append(todo, t.inner...)
		}
	}
}

// findTargets builds the levels of a function, and finds for every target where
// its landing closes and what must be parked there. It requires sites and liveness.
func (f *function) findTargets() error {
	f.body = &level{opener: -1, end: len(f.fn.Body.Instrs)}
	for l := range f.levels {
		f.fillLevel(l)
		for _, t := range l.targets {
			f.findCut(l, t)
		}
		f.fallIn(l)
		for _, t := range l.targets {
			if err := f.park(l, t); err != nil {
				return err
			}
		}
	}
	if (len(f.sites) > 1 || f.pin.numbered()) && !f.usesTable(f.body) {
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
		case f.shape == Moved && (f.movable(i) || f.movableIf(l, i)):
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

// movableIf reports whether instruction i is an if with sites that can become a block at
// the top of its level, as movable says. One that has all sites of the level, in one arm,
// and that control falls into costs less where it is.
func (f *function) movableIf(l *level, i int) bool {
	if f.fn.Body.Instrs[i].Op != op.If {
		return false
	}
	stack, hasSites := f.stacks[i]
	if !hasSites || len(stack) != 1 || len(f.typeOf(i).Params) > 0 {
		return false
	}
	end, els := int(f.end[i]), int(f.els[i])
	if f.hasSite(l.start, i) || f.hasSite(end, l.end) || els != 0 && f.hasSite(i, els) && f.hasSite(els, end) {
		return true
	}
	t := &target{at: i, inner: []*level{}}
	f.findCut(l, t)
	return t.cut != l.head()
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

// park says where the operands at the cut of a target are kept, and tells what its
// sites require. Inside a construct only the temporaries of operands that matter stay
// reserved; those lie below the others.
func (f *function) park(l *level, t *target) error {
	use := l.reserved
	kept := use
	sources := f.sources(l, t)
	for i, o := range t.operands {
		if o.need > anything && o.typ.IsRef() {
			return f.unsupported(t.at, "keep it in a table, and its index on the stack",
				"a reference of type %s lies on the operand stack when the function suspends here, and memory cannot hold it", o.typ)
		}
		slot, isLocal := sources[i], int(sources[i]) < f.numLocals
		if !isLocal {
			slot = f.temp(f.allocate(&use, o.typ))
		}
		t.parked = append(t.parked, slot)
		if o.need > anything {
			t.reads = append(t.reads, slot)
			if !isLocal {
				kept = use
			}
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

// fallIn finds out whether control falls into the first target of a level, and
// keeps the parameters of the level if blocks are opened above them.
func (f *function) fallIn(l *level) {
	first := l.targets[0]
	if first.cut == l.head() && !slices.ContainsFunc(first.operands, func(o operand) bool { return o.need > anything }) {
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
