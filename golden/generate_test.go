package golden

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/watfiber/watfiber/wat"
)

// This file draws valid modules at random: functions with nested control flow that
// call each other, directly and through a table, and imports that may suspend, with
// operands of all types lying on the stack below. Every choice is a draw of rapid,
// its simplest outcome first, so that a failing module shrinks to a small one.
//
// Whatever could go on for ever takes from a supply, the global $fuel: the branch
// to a loop, and calls of functions that are not behind the caller.

// A generator draws a module.
type generator struct {
	t     *rapid.T
	sigs  []wat.FuncType // of the functions to draw
	table [tableSize]int // the functions in the table
	lines []string
}

// numTypes are the types of operands, as likely as they are here.
var numTypes = []wat.ValType{wat.I32, wat.I64, wat.F64, wat.I32, wat.F32, wat.I64, wat.I32, wat.V128}

// prelude is what all modules have. $doze changes what others may have read before.
const prelude = `  (import "env" "sleep" (func $sleep (param i32) (result i32)))
  (import "env" "wait" (func $wait (param i64 f64) (result f64 i32)))
  (import "env" "i32" (func $log.i32 (param i32)))
  (import "env" "i64" (func $log.i64 (param i64)))
  (import "env" "f32" (func $log.f32 (param f32)))
  (import "env" "f64" (func $log.f64 (param f64)))
  (memory (export "memory") 1)
  (global $fuel (mut i32) (i32.const 24))
  (global $g.i32 (export "g.i32") (mut i32) (i32.const 11))
  (global $g.i64 (export "g.i64") (mut i64) (i64.const 22))
  (global $g.f32 (export "g.f32") (mut f32) (f32.const 3.5))
  (global $g.f64 (export "g.f64") (mut f64) (f64.const 4.25))
  (global $g.v128 (mut v128) (v128.const i64x2 5 6))
  (func $spend (result i32)
    global.get $fuel
    i32.const 1
    i32.sub
    global.set $fuel
    global.get $fuel
    i32.const 0
    i32.gt_s
  )
  (func $same (param i32) (result i32)
    local.get 0
  )
  (func $doze (param i32) (result i32)
    global.get $g.i32
    i32.const 1
    i32.add
    global.set $g.i32
    global.get $g.f64
    f64.const 1
    f64.add
    global.set $g.f64
    i32.const 16
    global.get $g.i32
    i32.store
    local.get 0
    call $sleep
    i32.const 32
    global.get $g.f64
    f64.store
    global.get $g.i64
    i64.const 1
    i64.add
    global.set $g.i64
  )
`

// drawModule draws a module.
func drawModule(t *rapid.T) *generator {
	g := &generator{t: t}
	n := 1 + g.pick("functions", 4)
	for range n {
		g.sigs = append(g.sigs, wat.FuncType{Params: g.types("params", 3), Results: g.types("results", 2)})
	}
	g.line(0, "(module")
	g.lines = append(g.lines, strings.TrimSuffix(prelude, "\n"))
	names := make([]string, tableSize)
	for i := range names {
		g.table[i] = g.pick("element", n+numSleepers)
		names[i] = g.callee(g.table[i])
	}
	g.line(1, fmt.Sprintf("(table %d funcref)", tableSize))
	g.line(1, "(elem (i32.const 0) "+strings.Join(names, " ")+")")
	for i := range g.sigs {
		g.function(i)
	}
	g.line(0, ")")
	return g
}

const (
	tableSize   = 4
	numSleepers = 3 // functions of the prelude that may suspend
)

// callee returns the name of a function: one that is drawn, or, behind them, one of
// the prelude that may suspend.
func (g *generator) callee(i int) string {
	switch i - len(g.sigs) {
	case 0:
		return "$sleep"
	case 1:
		return "$wait"
	case 2:
		return "$doze"
	}
	return fmt.Sprintf("$f%d", i)
}

// sigOf returns the type of a function as callee counts them.
func (g *generator) sigOf(i int) wat.FuncType {
	switch i - len(g.sigs) {
	case 0, 2:
		return wat.FuncType{Params: []wat.ValType{wat.I32}, Results: []wat.ValType{wat.I32}}
	case 1:
		return wat.FuncType{Params: []wat.ValType{wat.I64, wat.F64}, Results: []wat.ValType{wat.F64, wat.I32}}
	}
	return g.sigs[i]
}

// pick draws a number below n, bit by bit: where rapid draws from a range, it
// favours the ends of it.
func (g *generator) pick(what string, n int) int {
	v := 0
	for m := 1; m < n; m *= 2 {
		v *= 2
		if rapid.Bool().Draw(g.t, what) {
			v++
		}
	}
	return v % n
}

// types draws at most n types.
func (g *generator) types(what string, n int) []wat.ValType {
	types := make([]wat.ValType, g.pick(what, n+1))
	for i := range types {
		types[i] = g.anyType()
	}
	return types
}

func (g *generator) anyType() wat.ValType { return numTypes[g.pick("type", len(numTypes))] }

func (g *generator) line(level int, text string) {
	g.lines = append(g.lines, strings.Repeat("  ", level)+text)
}

// exported reports whether a host can call a function.
func (g *generator) exported(i int) bool {
	return !slices.Contains(slices.Concat(g.sigs[i].Params, g.sigs[i].Results), wat.V128)
}

// function draws the i-th function.
func (g *generator) function(i int) {
	sig := g.sigs[i]
	head := fmt.Sprintf("(func $f%d", i)
	if g.exported(i) {
		head += fmt.Sprintf(` (export "f%d")`, i)
	}
	b := &bodyGenerator{generator: g, self: i, budget: g.pick("budget", 64)}
	for k, t := range sig.Params {
		head += fmt.Sprintf(" (param $p%d %s)", k, t)
		b.locals = append(b.locals, t)
		b.names = append(b.names, fmt.Sprintf("$p%d", k))
	}
	g.line(1, head+clauses(nil, sig.Results))
	for k, t := range append([]wat.ValType{wat.I32}, g.types("locals", 5)...) {
		g.line(2, fmt.Sprintf("(local $l%d %s)", k, t))
		b.locals = append(b.locals, t)
		b.names = append(b.names, fmt.Sprintf("$l%d", k))
	}
	g.line(2, "(local $at i32)")
	if g.pick("rare locals", 3) == 2 {
		t := g.anyType()
		b.rare = &t
		for k := range numRare {
			g.line(2, fmt.Sprintf("(local $rare%d %s)", k, t))
		}
	}
	b.labels = []drawnLabel{{types: sig.Results}}
	if g.pick("set locals", 4) > 0 { // so that one that is not reloaded is noticed
		for k := len(sig.Params); k < len(b.locals); k++ {
			b.literal(b.locals[k], 40+k)
			b.put("local.set %s", b.names[k])
		}
	}
	b.sequence(nil, sig.Results)
	g.line(1, ")")
}

// numRare is how many locals a function has that only few sites need: so many that the
// frame is made without them.
const numRare = 16

// clauses writes the type of a construct, with a space before each clause.
func clauses(params, results []wat.ValType) string {
	return strings.TrimRight(" "+wat.FuncType{Params: params, Results: results}.String(), " ")
}

// A bodyGenerator draws the body of a function.
type bodyGenerator struct {
	*generator
	self   int
	locals []wat.ValType
	names  []string
	rare   *wat.ValType  // the type of $rare0 and so on, nil if there are none
	labels []drawnLabel  // of the constructs around, the innermost last
	stack  []wat.ValType // operands of the innermost construct
	dead   bool          // control does not get here
	again  bool          // the sequence to draw is that of a loop that goes on
	first  func()        // draws what the sequence to draw starts with
	budget int           // steps that are left
	depth  int           // of expressions
	opened int           // constructs so far
}

// A drawnLabel is what a branch can go to.
type drawnLabel struct {
	name  string // "" for the function
	loop  bool
	types []wat.ValType // operands of a branch
}

func (b *bodyGenerator) put(format string, args ...any) {
	b.line(1+len(b.labels), fmt.Sprintf(format, args...))
}

// sequence draws the instructions of a construct that finds some operands and
// leaves others.
func (b *bodyGenerator) sequence(params, results []wat.ValType) {
	b.stack, b.dead = slices.Clone(params), false
	again, first := b.again, b.first
	b.again, b.first = false, nil
	if first != nil {
		first()
	}
	n := b.budget // the body itself goes on until it is used up
	if len(b.labels) > 1 {
		n = b.pick("steps", maxSteps)
	}
	for ; n > 0 && b.budget > 0; n-- {
		if b.dead && b.pick("dead code", 4) != 3 {
			break
		}
		b.budget--
		steps[b.pick("step", len(steps))](b)
	}
	if again {
		b.want(b.labels[len(b.labels)-1].types)
		b.put("call $spend")
		b.put("br_if %d", 0)
	}
	if b.dead && b.pick("leave the stack as it is", 2) == 0 && len(b.stack) == 0 {
		return
	}
	for keep := 0; len(b.stack) > keep || keep < len(results); {
		switch {
		case keep < len(results) && len(b.stack) == keep:
			b.push(results[keep])
			keep++
		case keep < len(results) && keep < len(b.stack) && slices.Equal(b.stack, results[:min(len(results), len(b.stack))]):
			keep = len(b.stack)
		default:
			b.consume()
		}
	}
}

// consume takes the top operand so that everybody can see it.
func (b *bodyGenerator) consume() {
	t := b.stack[len(b.stack)-1]
	b.pop(1)
	if t == wat.V128 {
		b.put("i32x4.extract_lane 3")
		t = wat.I32
	}
	b.put("call $log.%s", t)
}

// maxSteps is more than the steps of a construct.
const maxSteps = 10

func (b *bodyGenerator) pop(n int) { b.stack = b.stack[:max(0, len(b.stack)-n)] }

// add notes operands that an instruction has pushed.
func (b *bodyGenerator) add(types ...wat.ValType) { b.stack = append(b.stack, types...) }

// push draws an expression of a type.
func (b *bodyGenerator) push(t wat.ValType) {
	var same []string
	for i, l := range b.locals {
		if l == t {
			same = append(same, b.names[i])
		}
	}
	k := b.pick("value", 4+2*len(same))
	switch {
	case k >= 4:
		b.put("local.get %s", same[(k-4)/2])
	case k == 3:
		b.put("global.get $g.%s", t)
	case k == 2 && b.depth < 2:
		b.depth++
		b.expression(t)
		b.depth--
	default:
		b.literal(t, b.pick("constant", 50))
	}
	b.add(t)
}

func (b *bodyGenerator) literal(t wat.ValType, v int) {
	if t == wat.V128 {
		b.put("v128.const i32x4 1 2 3 %d", v)
	} else {
		b.put("%s.const %d", t, v)
	}
}

// expression draws an instruction with two operands that it takes.
func (b *bodyGenerator) expression(t wat.ValType) {
	b.push(t)
	b.push(t)
	switch k := b.pick("expression", 4); {
	case k == 0:
		b.push(wat.I32)
		b.pop(1)
		b.put("select (result %s)", t)
	case k == 1 && t == wat.I32:
		b.put("i32.lt_s")
	case t == wat.V128:
		b.put("i32x4.sub")
	default:
		b.put("%s.sub", t)
	}
	b.pop(2)
}

// want sees that the operands on top have some types.
func (b *bodyGenerator) want(types []wat.ValType) {
	n := len(b.stack) - len(types)
	if n >= 0 && slices.Equal(b.stack[n:], types) && b.pick("use what is there", 2) == 0 {
		return
	}
	for _, t := range types {
		b.push(t)
	}
}
