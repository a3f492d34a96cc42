package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

func mustParse(t *testing.T, text string) *wat.Module {
	t.Helper()
	m, err := wat.Parse("in.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Bodies that are valid for reasons that are easy to get wrong.
func TestValidBodies(t *testing.T) {
	const context = `(type $swap (func (param i32 i64) (result i64 i32))) (memory 1) (table $t 1 funcref) (elem declare func 0) `
	for _, c := range []struct{ about, text string }{
		{"behind a branch the stack has whatever is wanted", `(func (result i32) (return (i32.const 1)) i64.add drop i32.eqz)`},
		{"unreachable gives values of any type", `(func (result i32) unreachable select)`},
		{"a value on top of the unknown ones has its type", `(func (result f32) unreachable i32.const 1 select)`},
		{"a block that control does not leave gives its result all the same", `(func (result i32) (block (result i32) unreachable))`},
		{"a loop's label takes its parameters", `(func (i32.const 1) (i64.const 2) (loop (param i32 i64) (br 0)))`},
		{"a branch drops what is below", `(func (result i32) (block (result i32) (f64.const 0) (i32.const 1) (br 0)))`},
		{"br_table in unreachable code takes labels of different types", `(func (block (result f32) (block (result i32) unreachable (br_table 0 1 0)) drop (f32.const 0)) drop)`},
		{"br_if leaves its operands", `(func (result i32) (i32.const 1) (i32.const 2) (br_if 0))`},
		{"blocks with parameters and results", `(func (i32.const 1) (i64.const 2) (block (type $swap) (drop) (drop) (i64.const 1) (i32.const 1)) drop drop)`},
		{"an if without else passes parameters on", `(func (result i32) (i32.const 1) (if (param i32) (result i32) (i32.const 0) (then)))`},
		{"several results", `(func (result i32 i64 f32) (i32.const 1) (i64.const 2) (f32.const 3))`},
		{"select of references with their type", `(func (result funcref) (select (result funcref) (ref.func 0) (ref.null func) (i32.const 0)))`},
		{"a function that an element segment declares", `(func (result funcref) (ref.func 0))`},
		{"ref.is_null of nothing known", `(func (result i32) unreachable ref.is_null)`},
		{"more locals than are expanded", `(func (local` + strings.Repeat(" i32", 300) + `) (local $x f64) (local.set $x (f64.const 0)) (local.set 299 (i32.const 0)))`},
	} {
		if err := check.Module(mustParse(t, context+c.text)); err != nil {
			t.Errorf("%s: %v", c.about, err)
		}
	}
}

// Bodies that are invalid, with the start of the message.
func TestInvalidBodies(t *testing.T) {
	const context = `(memory 1) (table $t 1 funcref) (table $x 1 externref) `
	for _, c := range []struct{ text, want string }{
		{`(func (result i32) unreachable i64.const 0)`, "type mismatch: the end expects i32, the operand is i64"},
		{`(func unreachable i64.const 0 i32.eqz drop)`, "type mismatch: i32.eqz expects i32, the operand is i64"},
		{`(func (block (i32.const 1)))`, "type mismatch: end finds 1 value too many on the stack: [i32]"},
		{`(func (i32.const 1) (block (drop)) drop)`, "type mismatch: drop expects an operand, the stack is empty here"},
		{`(func (block (result i32) (block (br_table 0 1 (i32.const 0))) (i32.const 1)) drop)`, "type mismatch: the labels of br_table take 0 and 1 values"},
		{`(func (block (result i32) (block (result f32) (br_table 0 1 (i32.const 1) (i32.const 0))) drop (i32.const 1)) drop)`, "type mismatch: br_table expects f32, the operand is i32"},
		{`(func (if (i32.const 0) (then (i32.const 1)) (else)))`, "type mismatch: else finds 1 value too many on the stack: [i32]"},
		{`(func (param i32) (loop (param i32) (drop)))`, "type mismatch: loop expects i32, the stack is empty here"},
		{`(func (table.set $t (i32.const 0) (ref.null extern)))`, "type mismatch: table.set expects funcref, the operand is externref"},
		{`(func (table.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))`, "unknown element segment 0, the module has no element segments"},
		{`(func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))`, "unknown data segment 0, the module has no data segments"},
		{`(func (data.drop 3))`, "unknown data segment 3, the module has no data segments"},
		{`(func (elem.drop 3))`, "unknown element segment 3, the module has no element segments"},
		{`(func (table.copy $t 7 (i32.const 0) (i32.const 0) (i32.const 0)))`, "unknown table 7, the module has 2 tables"},
		{`(func (i32.load 1 (i32.const 0)) drop)`, "unknown memory 1, the module has 1 memory"},
		{`(func (block (type 9)))`, "unknown type 9, the module has 1 type"},
		{`(func (call_indirect 9 (i32.const 0)))`, "unknown table 9, the module has 2 tables"},
		{`(func (global.get 0) drop)`, "unknown global 0, the module has no globals"},
		{`(func (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 32 (v128.const i64x2 0 0) (v128.const i64x2 0 0))))`, "invalid lane index 32, there are 32 lanes"},
		{`(func (drop (i64x2.extract_lane 2 (v128.const i64x2 0 0))))`, "invalid lane index 2, there are 2 lanes"},
	} {
		err := check.Module(mustParse(t, context+c.text))
		errs := wat.Errors(err)
		if len(errs) != 1 || errs[0].Msg != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

// Each function and each definition has its say, up to a limit.
func TestSeveralErrors(t *testing.T) {
	m := mustParse(t, strings.Repeat("(func drop)\n", 100))
	if n := len(wat.Errors(check.Module(m))); n != wat.MaxErrors {
		t.Errorf("%d errors", n)
	}
	m = mustParse(t, "(memory 3 2) (table 3 2 funcref)\n(export \"x\" (func 9))")
	want := []string{
		"in.wat:1:1: size minimum must not be greater than maximum: 3 and 2 [WF201]",
		"in.wat:1:14: size minimum must not be greater than maximum: 3 and 2 [WF201]",
		"in.wat:2:9: unknown function 9, the module has no functions [WF104]",
	}
	var got []string
	for _, e := range wat.Errors(check.Module(m)) {
		got = append(got, e.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// In a binary, where there are no lines, the message names the function.
func TestErrorsInBinaries(t *testing.T) {
	m := mustParse(t, `(func (export "run it") drop)`)
	m, err := binary.Decode("in.wasm", string(binary.Encode(m)))
	if err != nil {
		t.Fatal(err)
	}
	want := `in.wasm:0x23: in $"run it": type mismatch: drop expects an operand, the stack is empty here [WF202]`
	if got := fmt.Sprint(check.Module(m)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Func shows its visitor the operand stack before each instruction and at the end.
func TestVisit(t *testing.T) {
	m := mustParse(t, `(func (param i64) (result i32)
	  i32.const 1
	  block (param i32) (result i32)
	    i64.const 2
	    br 0
	    nop
	  end)`)
	var got []string
	err := check.Func(m, 0, m.Funcs[0].Body(), func(i int, s *check.Stack) {
		f := s.Frames[len(s.Frames)-1]
		line := fmt.Sprintf("%d %v height %d of %d", i, s.Values, f.Height, len(s.Frames))
		if f.Unreachable {
			line += " unreachable"
		}
		got = append(got, line)
	})
	// br takes the i32, and there is an i64.
	if err == nil || !strings.Contains(err.Error(), "br expects i32, the operand is i64") {
		t.Errorf("error %v", err)
	}
	want := []string{"0 [] height 0 of 1", "1 [i32] height 0 of 1", "2 [i32] height 0 of 2", "3 [i32 i64] height 0 of 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	got = nil
	m = mustParse(t, "(func (result i32) (block (br 0) (nop)) (i32.const 1))")
	err = check.Func(m, 0, m.Funcs[0].Body(), func(i int, s *check.Stack) {
		got = append(got, fmt.Sprint(i, s.Values, s.Frames[len(s.Frames)-1].Unreachable))
	})
	if err != nil {
		t.Error(err)
	}
	want = []string{"0 [] false", "1 [] false", "2 [] true", "3 [] true", "4 [] false", "5 [i32] false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Numbers with the noun they count.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		n    int
		noun string
		want string
	}{{0, "memory", "no memories"}, {1, "memory", "1 memory"}, {2, "function", "2 functions"}} {
		if got := check.Count(c.n, c.noun); got != c.want {
			t.Errorf("Count(%d, %s) = %s, want %s", c.n, c.noun, got, c.want)
		}
	}
}
