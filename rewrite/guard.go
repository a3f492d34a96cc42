package rewrite

import (
	"maps"
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file has functions check, where they lower the pointer of the stack in memory,
// that they stay inside it.

// guards says which functions are to check the stack pointer, and where.
type guards struct {
	on      bool
	pointer int // the global
	layout  Layout
}

// findGuards finds the stack pointer, if checks are asked for.
func findGuards(m *wat.Module, opts Options) (guards, error) {
	g := guards{on: opts.Guard}
	if !g.on {
		return g, nil
	}
	for _, f := range m.Funcs {
		if f.Import != nil && f.Import.Module == abiModule {
			return g, &wat.Error{
				Source: m.Source, Span: f.Span, Code: ErrABI, Msg: "the stacks cannot be guarded: the module brings its own runtime, and only that knows where they end",
				Hint: "leave out the guards, or have the program use swapcontext of the fiber library",
			}
		}
	}
	if g.layout = LayoutOf(m); g.layout.StackPointer < 0 {
		return g, &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrABI, Msg: "the module has no stack in memory to guard: no global is used as __stack_pointer is"}
	}
	g.pointer = g.layout.StackPointer
	return g, nil
}

// notes says what is not guarded.
func (g guards) notes() []string {
	if !g.on {
		return nil
	}
	if _, ok := g.layout.StackBottom(); !ok {
		return []string{"where the main stack ends is not known: guards look after the stacks of fibers only"}
	}
	if !g.layout.StackFirst() && g.layout.MarkedDataEnd == 0 {
		return []string{"the main stack may grow into variables that start as zero before a guard sees it: they lie behind the data that is known; link with --stack-first, or export __data_end"}
	}
	return nil
}

// redZone is how many bytes below the stack pointer a function may use that calls
// nothing, without taking them.
const redZone = 128

// numbers returns the globals of the library that say where the main stack lies.
func (g guards) numbers() map[string]uint32 {
	numbers := map[string]uint32{}
	bottom, ok := g.layout.StackBottom()
	if !g.on || !ok {
		return numbers
	}
	if g.layout.StackTop-bottom <= redZone {
		return numbers
	}
	bottom += redZone
	height := g.layout.StackTop - bottom
	numbers["$fiber.main_floor"], numbers["$fiber.main_height"] = bottom, height
	numbers["$fiber.floor"], numbers["$fiber.height"] = bottom, height
	return numbers
}

// in returns the instructions of a function behind which the stack pointer may be lower
// than before: the stores to it, but for those that give bytes back or bring back what it
// was before.
//
//	global.get $__stack_pointer
//	i32.const 16
//	i32.sub
//	local.tee $frame
//	global.set $__stack_pointer   ;; here
//	…
//	local.get $frame
//	i32.const 16
//	i32.add
//	global.set $__stack_pointer   ;; not here
func (g guards) in(b *wat.Body) []int {
	if !g.on {
		return nil
	}
	var stores []int
	for i, in := range b.Instrs {
		if in.Op == op.GlobalSet && int(in.Imm) == g.pointer {
			stores = append(stores, i)
		}
	}
	if len(stores) == 0 {
		return nil
	}
	o := origins{b.Instrs, onlySets(b.Instrs)}
	return slices.DeleteFunc(stores, func(i int) bool { return g.raises(o, i-1) })
}

// raises reports whether the value that instruction i leaves is evidently not below the
// stack pointer: it is the pointer, or something plus a constant.
func (g guards) raises(o origins, i int) bool {
	i = o.of(i)
	if i < 0 {
		return false
	}
	switch in := o.instrs[i]; in.Op {
	case op.GlobalGet:
		return int(in.Imm) == g.pointer
	case op.I32Add:
		c := o.of(i - 1)
		return c >= 0 && o.instrs[c].Op == op.I32Const && int32(o.instrs[c].Imm) >= 0
	}
	return false
}

// origins tells where values come from. Code that is not optimized has each in a local
// of its own.
type origins struct {
	instrs []wat.Instr
	sets   map[uint64]int // by local that is set once: where
}

// of returns the instruction that has made the value that instruction i leaves on the
// stack, -1 if it is not known.
func (o origins) of(i int) int {
	for range o.instrs {
		if i < 0 {
			return -1
		}
		switch in := o.instrs[i]; in.Op {
		case op.LocalTee:
			i--
		case op.LocalGet:
			at, once := o.sets[in.Imm]
			if !once {
				return -1
			}
			i = at - 1
		default:
			return i
		}
	}
	return -1
}

// onlySets returns where the locals are set that are set once.
func onlySets(instrs []wat.Instr) map[uint64]int {
	sets, again := map[uint64]int{}, map[uint64]bool{}
	for i, in := range instrs {
		if in.Op != op.LocalSet && in.Op != op.LocalTee {
			continue
		}
		if _, before := sets[in.Imm]; before {
			again[in.Imm] = true
		}
		sets[in.Imm] = i
	}
	maps.DeleteFunc(sets, func(local uint64, _ int) bool { return again[local] })
	return sets
}

// guard inserts the checks into a function.
//
//	global.set $__stack_pointer
//	global.get $__stack_pointer global.get $fiber.floor i32.sub global.get $fiber.height i32.gt_u if call $fiber.too_deep end ;;~ …
func (f *function) guard() {
	for _, i := range f.guards.in(f.fn.Body) {
		sp := reference(f.m, f.m.Globals[f.guards.pointer].Name, f.guards.pointer)
		f.behind(i, "out of the bounds of the stack? then trap before anything is written",
			"global.get", sp, "global.get $fiber.floor i32.sub global.get $fiber.height i32.gt_u if call $fiber.too_deep end")
		f.checks++
	}
}

// findGuarded finds the functions that are guarded and get no other code.
func (s *state) findGuarded() {
	if !s.guards.on {
		return
	}
	instrumented := make([]bool, len(s.m.Funcs))
	for _, f := range s.functions {
		instrumented[f.id] = true
	}
	var w workspace
	for id, fn := range s.m.Funcs {
		if instrumented[id] || len(s.guards.in(fn.BodyIn(&w.body))) == 0 {
			continue
		}
		f := newFunction(s.m, s.graph, wat.FuncID(id), s.opts.Shape)
		f.guards, f.innerNames = s.guards, true // there are none
		s.open(f, &w)
		f.guard()
		s.close(f, &w)
		s.guarded = append(s.guarded, f)
	}
}
