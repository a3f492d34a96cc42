package golden

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file draws the instructions of the random modules: calls, constructs,
// branches, effects and computations.

// steps draw an instruction or a few each; what is more likely is listed twice.
var steps []func(*bodyGenerator)

func init() { // the steps draw sequences of steps
	steps = []func(*bodyGenerator){
		func(b *bodyGenerator) { b.push(b.anyType()) },
		(*bodyGenerator).callSleeper,
		(*bodyGenerator).compute,
		(*bodyGenerator).setLocal,
		(*bodyGenerator).callFunction,
		(*bodyGenerator).construct,
		(*bodyGenerator).construct,
		(*bodyGenerator).branchIf,
		(*bodyGenerator).effect,
		(*bodyGenerator).callSleeper,
		(*bodyGenerator).callIndirect,
		(*bodyGenerator).branch,
		(*bodyGenerator).branchTable,
		(*bodyGenerator).setRare,
		(*bodyGenerator).compute,
	}
}

// setRare draws a call behind which locals are needed that are not needed elsewhere.
func (b *bodyGenerator) setRare() {
	if b.rare != nil {
		for k := range numRare {
			b.literal(*b.rare, 100+k)
			b.put("local.set $rare%d", k)
		}
	}
	b.callSleeper()
	if b.rare != nil {
		for k := range numRare {
			b.put("local.get $rare%d", k)
			b.add(*b.rare)
			b.consume()
		}
	}
}

func (b *bodyGenerator) callSleeper() { b.call(len(b.sigs) + b.pick("sleeper", numSleepers)) }

func (b *bodyGenerator) call(i int) {
	sig := b.sigOf(i)
	b.want(sig.Params)
	b.put("call %s", b.callee(i))
	b.pop(len(sig.Params))
	b.add(sig.Results...)
}

// callFunction calls a function: one behind this one, or, while there is fuel, any.
func (b *bodyGenerator) callFunction() {
	i := b.pick("function", len(b.sigs))
	if i > b.self {
		b.call(i)
		return
	}
	b.spending(func() { b.call(i) }, b.sigs[i].Results)
}

// callIndirect calls through the table, while there is fuel. Some indices are of a
// function of another type, and trap.
func (b *bodyGenerator) callIndirect() {
	k := b.pick("element", tableSize)
	sig := b.sigOf(b.table[k])
	b.spending(func() {
		b.want(sig.Params)
		switch b.pick("index", 8) {
		case 7:
			b.put("i32.const %d", b.pick("any", tableSize))
		case 6:
			b.put("i32.const %d", k)
		case 5:
			b.put("i32.const %d", k)
			b.put("call $same")
		default:
			b.put("i32.const %d", k)
			b.put("local.set $at")
			b.put("local.get $at")
		}
		b.put("call_indirect%s", clauses(sig.Params, sig.Results))
		b.pop(len(sig.Params))
		b.add(sig.Results...)
	}, sig.Results)
}

// spending draws an if: the code, which leaves results, while there is fuel.
func (b *bodyGenerator) spending(code func(), results []wat.ValType) {
	outer := b.stack
	b.put("call $spend")
	b.open("if", nil, results)
	b.stack = nil
	code()
	if len(results) > 0 {
		b.line(len(b.labels), "else")
		b.stack = nil
		for _, t := range results {
			b.push(t)
		}
	}
	b.end()
	b.stack = append(outer, results...)
}

// open writes the first line of a construct.
func (b *bodyGenerator) open(what string, params, results []wat.ValType) {
	b.opened++
	l := drawnLabel{name: fmt.Sprintf("$%s%d", what, b.opened), types: results}
	if l.loop = what == "loop"; l.loop {
		l.types = params
	}
	b.put("%s %s%s", what, l.name, clauses(params, results))
	b.labels = append(b.labels, l)
}

func (b *bodyGenerator) end() {
	b.labels = b.labels[:len(b.labels)-1]
	b.put("end")
}

// construct draws a block, loop or if. The value of a local may lie below it, or be its
// condition, that is set inside; or another local gets it on the way, which is read there.
func (b *bodyGenerator) construct() {
	kind := b.pick("construct", 3)
	what := []string{"block", "loop", "if"}[kind]
	first := func() {}
	below := b.pick("a local below", 8)
	switch {
	case below >= 6:
		first = b.localBelow()
	case below >= 4:
		first = b.copyBelow()
	}
	if what == "if" {
		switch b.pick("condition", 4) {
		case 0:
			b.want([]wat.ValType{wat.I32})
		case 1:
			if below < 4 && b.hasLocal(wat.I32) {
				first = b.copyBelow(wat.I32)
			} else {
				b.want([]wat.ValType{wat.I32})
			}
		default:
			b.condition()
		}
		b.pop(1)
	}
	n := b.pick("operands taken", 1+min(2, len(b.stack)))
	params := slices.Clone(b.stack[len(b.stack)-n:])
	b.pop(n)
	outer, wasDead := b.stack, b.dead
	results := b.types("results", 2)
	els := what == "if" && b.pick("else", 2) == 1
	if what == "if" && !els {
		results = params
	}
	b.open(what, params, results)
	b.again = what == "loop" && b.pick("repeat", 2) == 1
	b.first = first
	b.sequence(params, results)
	if els {
		b.line(len(b.labels), "else")
		b.sequence(params, results)
	}
	b.end()
	b.stack, b.dead = append(outer, results...), wasDead
}

// localBelow pushes a local, and returns what sets it.
func (b *bodyGenerator) localBelow() (later func()) {
	i := b.pick("local", len(b.locals))
	b.put("local.get %s", b.names[i])
	b.add(b.locals[i])
	return func() {
		b.literal(b.locals[i], 7)
		b.put("local.set %s", b.names[i])
		b.callSleeper()
	}
}

// copyBelow pushes a local, by way of another one of its type if there is any, and returns
// what sets the first, the other, or none, and has the other below a call.
func (b *bodyGenerator) copyBelow(types ...wat.ValType) (later func()) {
	fits := b.localsOf(types)
	from := fits[b.pick("local", len(fits))]
	t := b.locals[from]
	fits = b.localsOf([]wat.ValType{t})
	to := fits[b.pick("copy", len(fits))]
	b.put("local.get %s", b.names[from])
	b.put("local.tee %s", b.names[to])
	b.add(t)
	return func() {
		if set := b.pick("set", 3); set > 0 {
			b.literal(t, 9)
			b.put("local.set %s", b.names[[]int{from, to}[set-1]])
		}
		b.put("local.get %s", b.names[to])
		b.add(t)
		b.callSleeper()
	}
}

// localsOf returns the locals of some types, all if there are none.
func (b *bodyGenerator) localsOf(types []wat.ValType) (found []int) {
	for i, t := range b.locals {
		if len(types) == 0 || slices.Contains(types, t) {
			found = append(found, i)
		}
	}
	return found
}

func (b *bodyGenerator) hasLocal(t wat.ValType) bool { return slices.Contains(b.locals, t) }

// effect draws a write to memory or a global, or a call of an import that does not
// suspend.
func (b *bodyGenerator) effect() {
	t := b.anyType()
	switch b.pick("effect", 3) {
	case 0:
		b.want([]wat.ValType{t})
		b.put("global.set $g.%s", t)
		b.pop(1)
	case 1:
		b.want([]wat.ValType{t})
		b.consume()
	default:
		b.put("i32.const %d", 16*b.pick("address", 4))
		b.add(wat.I32)
		b.push(t)
		b.put("%s.store", t)
		b.pop(2)
	}
}

// computations are instructions that compute, simple ones first; some can trap.
var computations = []string{
	"i32.add", "i32.sub", "i32.mul", "i32.eqz", "i32.lt_s", "i32.eq", "i32.shl", "i32.clz", "i64.add", "i64.eqz",
	"i64.extend_i32_s", "i32.wrap_i64", "i64.lt_u", "f64.add", "f64.lt", "f64.convert_i32_s", "f32.neg", "f32.convert_i32_u",
	"f32.demote_f64", "f64.promote_f32", "i32x4.splat", "i32x4.add", "i32x4.extract_lane 2", "i64x2.splat", "v128.any_true",
	"i32.load", "i64.load offset=16", "f32.load", "f64.load offset=8", "v128.load", "i32.div_s", "i32.rem_u", "i32.trunc_f64_s",
	"select", "nop", "local.tee",
}

// compute draws an instruction with its operands.
func (b *bodyGenerator) compute() {
	text := computations[b.pick("instruction", len(computations))]
	t := b.anyType()
	switch text {
	case "nop":
		b.put("nop")
		return
	case "select":
		b.want([]wat.ValType{t, t, wat.I32})
		b.put("select (result %s)", t)
		b.pop(3)
		b.add(t)
		return
	case "local.tee":
		b.toLocal("local.tee")
		return
	}
	name, _, _ := strings.Cut(text, " ")
	code, _ := op.Lookup(name)
	info := code.Info()
	var in []wat.ValType
	for k := range len(info.In) {
		in = append(in, letterType(info.In[k]))
	}
	if info.Imm == op.MemArg { // an address inside the memory
		b.put("i32.const %d", 16*b.pick("address", 4))
		b.add(wat.I32)
	} else {
		b.want(in)
	}
	b.put("%s", text)
	b.pop(len(in))
	b.add(letterType(info.Out[0]))
}

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

func (b *bodyGenerator) setLocal() { b.toLocal("local.set") }

// toLocal draws a local.set or local.tee.
func (b *bodyGenerator) toLocal(what string) {
	i := b.pick("local", len(b.locals))
	b.want([]wat.ValType{b.locals[i]})
	b.put("%s %s", what, b.names[i])
	if what == "local.set" {
		b.pop(1)
	}
}

// label draws a label, mostly one of the innermost two.
func (b *bodyGenerator) label() drawnLabel {
	n := len(b.labels)
	if b.pick("near", 4) < 3 {
		n = min(n, 2)
	}
	return b.labels[len(b.labels)-1-b.pick("label", n)]
}

// condition pushes 0 or 1.
func (b *bodyGenerator) condition() {
	b.push(wat.I32)
	b.put("i32.const 1")
	b.put("i32.and")
}

// ref writes a label, by name or by number.
func (b *bodyGenerator) ref(l drawnLabel) string {
	if l.name != "" && b.pick("by number", 2) == 0 {
		return l.name
	}
	for i := range b.labels {
		if b.labels[i].name == l.name {
			return fmt.Sprint(len(b.labels) - 1 - i)
		}
	}
	return l.name
}

func (b *bodyGenerator) branchIf() {
	l := b.label()
	b.want(l.types)
	if l.loop {
		b.put("call $spend")
		b.add(wat.I32)
	} else {
		b.condition()
	}
	b.put("br_if %s", b.ref(l))
	b.pop(1)
}

// branch draws what ends a sequence; a branch to a loop traps when fuel is out.
func (b *bodyGenerator) branch() {
	if len(b.labels) == 1 && b.pick("leave early", 4) < 3 {
		return
	}
	switch b.pick("jump", 16) {
	default:
		l := b.label()
		if l.loop {
			b.trapWithoutFuel()
		}
		b.want(l.types)
		b.put("br %s", b.ref(l))
	case 14:
		b.want(b.labels[0].types)
		b.put("return")
	case 15:
		b.put("unreachable")
	}
	b.stack, b.dead = nil, true
}

// trapWithoutFuel draws what stands before a jump to a loop.
func (b *bodyGenerator) trapWithoutFuel() {
	b.put("call $spend")
	b.put("i32.eqz")
	b.put("if")
	b.put("  unreachable")
	b.put("end")
}

// branchTable draws a br_table among labels with the operands of one.
func (b *bodyGenerator) branchTable() {
	l := b.label()
	if len(b.labels) == 1 && b.pick("leave early", 4) < 3 {
		return
	}
	var same []drawnLabel
	for _, other := range b.labels {
		if slices.Equal(other.types, l.types) {
			same = append(same, other)
		}
	}
	if slices.ContainsFunc(same, func(other drawnLabel) bool { return other.loop }) {
		b.trapWithoutFuel()
	}
	b.want(l.types)
	b.push(wat.I32)
	text := "br_table"
	for range b.pick("entries", 5) {
		text += " " + b.ref(same[b.pick("entry", len(same))])
	}
	b.put("%s %s", text, b.ref(l))
	b.stack, b.dead = nil, true
}
