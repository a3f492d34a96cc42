package wat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// Custom sections stand where their annotation says, in the order of the text
// among those of one place.
func TestCustomSections(t *testing.T) {
	m := mustParse(t, `(module
	  (@custom "last")
	  (@custom "behind code" (after code) "\00\ff" "x")
	  (func)
	  (@custom "first" (before first) "a")
	  (@custom "also last" (after last) "b")
	  (@custom "before types" (before type) "c")
	  (@custom "before functions" (before func) "d"))`)
	type section struct {
		Name, Bytes string
		After       wat.SectionID
	}
	var got []section
	for _, c := range mustDecode(t, string(binary.Encode(m))).Customs {
		got = append(got, section{c.Name, c.Bytes, c.After})
	}
	want := []section{
		{"first", "a", wat.SectionCustom},
		{"before types", "c", wat.SectionCustom},
		{"before functions", "d", wat.SectionType}, // there is no import section
		{"behind code", "\x00\xffx", wat.SectionCode},
		{"last", "", wat.SectionCode}, // there is no data section
		{"also last", "b", wat.SectionCode},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := roundTrip(m); err != nil {
		t.Error(err)
	}
}

// What would not be true of the encoded module is left out of a text as of a
// binary, with a note.
func TestStaleCustomSectionsInText(t *testing.T) {
	m := mustParse(t, `(@custom ".debug_line" "x") (@custom "producers" "y") (func)`)
	want := []string{`custom section ".debug_line" is left out: it refers to the old code by offset`}
	if diff := cmp.Diff(want, m.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(m.Customs) != 1 || m.Customs[0].Name != "producers" {
		t.Errorf("%d sections are kept", len(m.Customs))
	}
}

// A custom section in the text may be longer than a line.
func TestCustomSectionPrints(t *testing.T) {
	m := mustParse(t, `(@custom "x" "0123456789012345678901234567890123456789012345678901234567890123456789")`)
	want := `(module
  (@custom "x" (after data)
    "0123456789012345678901234567890123456789012345678901234567890123"
    "456789")
)
`
	if diff := cmp.Diff(want, wat.Print(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Print writes one instruction a line, everything by name.
func TestPrint(t *testing.T) {
	m := mustParse(t, `
	(type $t (func (param i32) (result i32)))
	(import "env" "yield" (func (type 0)))
	(import "env" "mem" (memory $heap 1 2))
	(func $f (param i32 i64) (result f32) (local i32 i32 f64)
	  (if (local.get 0) (then (drop (call_indirect (type 0) (i32.const -1) (i32.const 0)))) (else (br 1 (f32.const nan:0x200000))))
	  (loop (param) (br_if 0 (i32.load8_u offset=3 (i32.const 0))) (block $c (br_table $c 1 $c (i32.const 0))))
	  (block $b (result i32 i32) unreachable) drop drop
	  (drop (select (result funcref) (ref.null func) (ref.func $f) (i32.const 1)))
	  (v128.store align=4 (i32.const 0) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))
	  (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (table.copy $y 0 (i32.const 0) (i32.const 0) (i32.const 0))
	  (f32.const 0.5))
	(table $x 1 funcref) (table $y 1 2 funcref)
	(global (mut i64) (i64.const -1)) (global $sum i32 (i32.add (i32.const 1) (i32.const 2)))
	(export "f" (func $f)) (export "m m" (memory 0))
	(elem (table $y) (i32.const 0) func $f 0) (elem $e declare funcref (ref.func $f) (ref.null func))
	(data (i32.const 8) "a\00\"\\\ff") (data $d "")`)
	want := `(module
  (type $t (func (param i32) (result i32)))
  (type $t1 (func (param i32 i64) (result f32)))
  (type $t2 (func (result i32 i32)))
  (import "env" "yield" (func $env.yield (type $t) (param i32) (result i32)))
  (import "env" "mem" (memory $heap 1 2))
  (func $f (type $t1) (param $p0 i32) (param $p1 i64) (result f32)
    (local $l2 i32) (local $l3 i32) (local $l4 f64)
    local.get $p0
    if
      i32.const -1
      i32.const 0
      call_indirect (type $t)
      drop
    else
      f32.const nan:0x200000
      br 1
    end
    loop $L2
      i32.const 0
      i32.load8_u offset=3
      br_if $L2
      block $c
        i32.const 0
        br_table $c $L2 $c
      end $c
    end $L2
    block $b (type $t2) (result i32 i32)
      unreachable
    end $b
    drop
    drop
    ref.null func
    ref.func $f
    i32.const 1
    select (result funcref)
    drop
    i32.const 0
    v128.const i32x4 0x03020100 0x07060504 0x0b0a0908 0x0f0e0d0c
    v128.store align=4
    i32.const 0
    i32.const 0
    i32.const 0
    memory.copy
    i32.const 0
    i32.const 0
    i32.const 0
    table.copy $y $x
    f32.const 0.5
  )
  (table $x 1 funcref)
  (table $y 1 2 funcref)
  (global $g0 (mut i64) (i64.const -1))
  (global $sum i32 i32.const 1 i32.const 2 i32.add)
  (export "f" (func $f))
  (export "m m" (memory $heap))
  (elem (table $y) (i32.const 0) func $f $env.yield)
  (elem $e declare funcref (item ref.func $f) (item ref.null func))
  (data (i32.const 8) "a\00\"\\\ff")
  (data $d "")
)
`
	if diff := cmp.Diff(want, wat.Print(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := roundTrip(m); err != nil {
		t.Error(err)
	}
}
