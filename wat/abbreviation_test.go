package wat_test

import (
	"testing"

	"github.com/watfiber/watfiber/wat/binary"
)

type abbreviation struct{ about, short, long string }

// Every abbreviation is the same binary as what it is short for.
func TestAbbreviations(t *testing.T) {
	for _, c := range abbreviations {
		short, long := mustParse(t, c.short), mustParse(t, c.long)
		if a, b := binary.Encode(short), binary.Encode(long); string(a) != string(b) {
			t.Errorf("%s: %s", c.about, firstDifference(a, b))
		}
	}
}

func TestInstructionAbbreviations(t *testing.T) {
	for _, c := range instructionAbbreviations {
		short, long := mustParse(t, abbreviationContext+"(func "+c.short+")"), mustParse(t, abbreviationContext+"(func "+c.long+")")
		if a, b := binary.Encode(short), binary.Encode(long); string(a) != string(b) {
			t.Errorf("%s: %s", c.about, firstDifference(a, b))
		}
	}
}

// abbreviations are those of the text format outside of bodies, and what each is
// short for.
var abbreviations = []abbreviation{
	{
		"fields without a module around them",
		`(func $f)`,
		`(module (func $f))`,
	},
	{
		"an export with the definition",
		`(func $f (export "a") (export "b")) (memory (export "m") 1) (table (export "t") 1 funcref)
			 (global (export "g") i32 (i32.const 0))`,
		`(func $f) (memory 1) (table 1 funcref) (global i32 (i32.const 0))
			 (export "a" (func $f)) (export "b" (func 0)) (export "m" (memory 0)) (export "t" (table 0)) (export "g" (global 0))`,
	},
	{
		"an import with the definition",
		`(func $f (import "e" "f") (param i32)) (memory (import "e" "m") 1 2) (table (import "e" "t") 0 externref)
			 (global $g (import "e" "g") (mut i64))`,
		`(import "e" "f" (func $f (param i32))) (import "e" "m" (memory 1 2)) (import "e" "t" (table 0 externref))
			 (import "e" "g" (global $g (mut i64)))`,
	},
	{
		"both at once",
		`(func (export "x") (import "e" "f") (result i32))`,
		`(import "e" "f" (func (result i32))) (export "x" (func 0))`,
	},
	{
		"several parameters, results or locals in one clause",
		`(func (param i32 i64) (param f32) (param) (result i32 i64) (local f64 f64) (local) (local i32) unreachable)`,
		`(func (param i32) (param i64) (param f32) (result i32) (result i64) (local f64) (local f64) (local i32) unreachable)`,
	},
	{
		"a type that is not named: the first that is equal",
		`(type (func)) (type $t (func (param i32))) (type $u (func (param i32))) (func $f (param i32))`,
		`(type (func)) (type $t (func (param i32))) (type $u (func (param i32))) (func $f (type $t))`,
	},
	{
		"a type that is not written out at all: behind the others, in the order of the text",
		`(func $f (param f64)) (func $g (result i32) (call_indirect (param i64) (result i32) (i64.const 0) (i32.const 0)))
			 (table 1 funcref) (type $t (func))`,
		`(type $t (func)) (type (func (param f64))) (type (func (result i32))) (type (func (param i64) (result i32)))
			 (func $f (type 1)) (func $g (type 2) (call_indirect (type 3) (i64.const 0) (i32.const 0))) (table 1 funcref)`,
	},
	{
		"a type index that refers to a type that is not written out",
		`(func $f (param f64)) (func $g (type 0) (local $x i32) (local.set $x (i32.const 0)))`,
		`(type (func (param f64))) (func $f (type 0)) (func $g (type 0) (local $x i32) (local.set 1 (i32.const 0)))`,
	},
	{
		"a type use that repeats its type gives names to parameters",
		`(type $t (func (param i32 i32) (result i32))) (func $f (type $t) (param $a i32) (param i32) (result i32) (local.get $a))`,
		`(type $t (func (param i32 i32) (result i32))) (func $f (type $t) (param $a i32) (param i32) (result i32) (local.get 0))`,
	},
	{
		"elements with the table",
		`(func $f) (table $t funcref (elem $f 0))`,
		`(func $f) (table $t 2 2 funcref) (elem (table $t) (i32.const 0) func $f 0)`,
	},
	{
		"elements with the table, as expressions",
		`(table $t externref (elem (ref.null extern) (item ref.null extern)))`,
		`(table $t 2 2 externref) (elem (table $t) (offset i32.const 0) externref (item ref.null extern) (ref.null extern))`,
	},
	{
		"no elements with the table",
		`(table funcref (elem))`,
		`(table 0 0 funcref) (elem (i32.const 0) func)`,
	},
	{
		"data with the memory",
		`(memory $m (data "ab" "" "\00c"))`,
		`(memory $m 1 1) (data (memory $m) (i32.const 0) "ab\00c")`,
	},
	{
		"no data with the memory",
		`(memory (data))`,
		`(memory 0 0) (data (i32.const 0))`,
	},
	{
		"an offset without the word",
		`(memory 1) (table 1 funcref) (data (i32.const 1) "x") (elem (i32.const 0) func)`,
		`(memory 1) (table 1 funcref) (data (offset (i32.const 1)) "x") (elem (offset i32.const 0) func)`,
	},
	{
		"segments as WebAssembly 1.0 wrote them",
		`(memory 1) (table 1 funcref) (func $f) (data 0 (i32.const 1) "x") (elem 0 (i32.const 0) $f 0) (elem (i32.const 0) $f)`,
		`(memory 1) (table 1 funcref) (func $f) (data (memory 0) (offset (i32.const 1)) "x")
			 (elem (table 0) (offset (i32.const 0)) func $f $f) (elem (table 0) (offset (i32.const 0)) func $f)`,
	},
	{
		"element expressions without item",
		`(func $f) (elem funcref (ref.func $f) (ref.null func)) (elem declare funcref (ref.func $f))`,
		`(func $f) (elem funcref (item (ref.func $f)) (item ref.null func)) (elem declare funcref (item ref.func $f))`,
	},
	{
		"constant expressions, folded and not",
		`(global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))`,
		`(global i32 i32.const 1 i32.const 2 i32.const 3 i32.mul i32.add)`,
	},
	{
		"constant expressions, half folded",
		`(global i64 (i64.const 1) (i64.sub (i64.const 2)))`,
		`(global i64 i64.const 1 i64.const 2 i64.sub)`,
	},
}

// abbreviationContext has definitions for bodies to refer to.
const abbreviationContext = `(type $t (func (param i32) (result i32))) (func $f) (memory $m 1) (data $d "") (elem $e func)
		(table $a 1 funcref) (table $b 1 funcref) (global $g (mut i32) (i32.const 0)) `

// instructionAbbreviations are those inside bodies, and the plain sequence that
// each stands for.
var instructionAbbreviations = []abbreviation{
	{
		"operands in parentheses come first",
		`(i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))) drop`,
		`i32.const 1 i32.const 2 i32.const 3 i32.mul i32.add drop`,
	},
	{
		"some operands in parentheses, some before them",
		`i32.const 1 (i32.const 2) (i32.add) (drop)`,
		`i32.const 1 i32.const 2 i32.add drop`,
	},
	{
		"plain instructions in a block in parentheses, and the other way round",
		`(block $l br $l (loop nop)) block (nop) end`,
		`block $l br $l loop nop end end block nop end`,
	},
	{
		"an if in parentheses",
		`(if (result i32) (i32.const 1) (then (i32.const 2)) (else i32.const 3)) drop`,
		`i32.const 1 if (result i32) i32.const 2 else i32.const 3 end drop`,
	},
	{
		"an if in parentheses with its condition before it, and one with more than one instruction for it",
		`i32.const 1 (if (then)) (if (i32.const 1) (i32.eqz) (then nop))`,
		`i32.const 1 if end i32.const 1 i32.eqz if nop end`,
	},
	{
		"an if in parentheses as disassemblers wrote it before there was a then",
		`(if (i32.const 1) (nop)) (if (result i32) (i32.const 1) (i32.const 2) (i32.const 3)) drop
			 (if $x (i32.const 1) (if (i32.const 2) (br $x) (block (nop) (nop))) (if (i32.const 3) (then (br $x))))`,
		`i32.const 1 if nop end i32.const 1 if (result i32) i32.const 2 else i32.const 3 end drop
			 i32.const 1 if $x i32.const 2 if br $x else block nop nop end end else i32.const 3 if br $x end end`,
	},
	{
		"labels behind else and end",
		`i32.const 1 if $x nop else $x nop end $x block $y end $y loop $z end`,
		`i32.const 1 if $x nop else nop end block $y end loop $z end`,
	},
	{
		"labels by number, by name, and by a name that hides one",
		`block $x block $x block br $x br_if 1 end end br $x end`,
		`block $x block $x block br 1 br_if 1 end end br 0 end`,
	},
	{
		"an else with nothing in it is one all the same",
		`(if (i32.const 1) (then) (else))`,
		`i32.const 1 if else end`,
	},
	{
		"block types",
		`block (result) end (block (param) nop) (i32.const 0) (block (type $t)) (drop) (drop (block (result i32) (i32.const 1)))`,
		`block end block nop end i32.const 0 block (type $t) (param i32) (result i32) end drop block (result i32) i32.const 1 end drop`,
	},
	{
		"table and memory 0 need not be named",
		`(drop (table.get (i32.const 0))) (drop (table.size)) (drop (memory.size)) (drop (i32.load (i32.const 0)))
			 (table.copy (i32.const 0) (i32.const 0) (i32.const 0)) (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
			 (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
			 (call_indirect (i32.const 0))`,
		`i32.const 0 table.get $a drop table.size 0 drop memory.size $m drop i32.const 0 i32.load 0 drop
			 i32.const 0 i32.const 0 i32.const 0 table.copy 0 $a i32.const 0 i32.const 0 i32.const 0 memory.copy $m 0
			 i32.const 0 i32.const 0 i32.const 0 table.init $a $e i32.const 0 i32.const 0 i32.const 0 memory.init 0 0
			 i32.const 0 call_indirect $a (param) (result)`,
	},
	{
		"offset and alignment have defaults",
		`(drop (i64.load (i32.const 0))) (i32.store16 (i32.const 0) (i32.const 0))`,
		`i32.const 0 i64.load offset=0 align=8 drop i32.const 0 i32.const 0 i32.store16 offset=0x0 align=2`,
	},
	{
		"a lane behind memory, offset and alignment",
		`(drop (v128.load8_lane 3 (i32.const 0) (v128.const i64x2 0 0)))
			 (drop (v128.load8_lane 0 3 (i32.const 0) (v128.const i64x2 0 0)))
			 (drop (v128.load8_lane $m offset=1 align=1 3 (i32.const 0) (v128.const i64x2 0 0)))`,
		`i32.const 0 v128.const i64x2 0 0 v128.load8_lane 3 drop
			 i32.const 0 v128.const i64x2 0 0 v128.load8_lane 3 drop
			 i32.const 0 v128.const i64x2 0 0 v128.load8_lane offset=1 3 drop`,
	},
	{
		"vectors by shape",
		`(drop (v128.const i8x16 1 2 3 4 5 6 7 8 -1 0xF 0 0 0 0 0 255)) (drop (v128.const f32x4 1 -0 nan inf))`,
		`v128.const i64x2 0x0807060504030201 0xFF00000000000FFF drop
			 v128.const i32x4 0x3f800000 0x80000000 0x7fc00000 0x7f800000 drop`,
	},
	{
		"select with types in one clause or several",
		`(drop (select (result i32) (result) (i32.const 1) (i32.const 2) (i32.const 3)))`,
		`i32.const 1 i32.const 2 i32.const 3 select (result i32) drop`,
	},
}
