package rewrite

import (
	"fmt"
	"slices"

	"github.com/watfiber/watfiber/fiberlib"
)

// This file writes the routines that assertions call.

// writeAsserts writes the routines that are needed, and the names of the functions that
// their words stand for.
func (s *state) writeAsserts(r *runtimeText) {
	if s.asserts == nil {
		return
	}
	r.line("", "assertions: each traps in a function whose name says what is wrong")
	r.line(fmt.Sprintf("(global %sfunction (export %q) (mut i32) (i32.const 0))", idAssert, fiberlib.AssertGlobals[0]), "for a host to read after a trap: the function that it is about,")
	r.line(fmt.Sprintf("(global %scallee (export %q) (mut i32) (i32.const 0))", idAssert, fiberlib.AssertGlobals[1]), "what it has called, or another number")
	r.funcs++
	r.line(fmt.Sprintf("(func %stell (param $function i32) (param $callee i32) (global.set %[1]sfunction (local.get $function)) (global.set %[1]scallee (local.get $callee)))", idAssert), "")
	used, seen := s.assertUses()
	for _, name := range assertFaults {
		if used[name] {
			r.funcs++
			r.line(fmt.Sprintf("(func %s%s (param $function i32) (param $callee i32) (call %stell (local.get $function) (local.get $callee)) (unreachable))", idAssert, name, idAssert), "")
		}
	}
	if len(s.functions) > 0 {
		r.assertRoutines()
	}
	var words []uint32
	var names []string
	for id, yes := range seen {
		if yes {
			words, names = append(words, s.asserts.words[id]), append(names, s.asserts.names[id])
		}
	}
	r.line(`(@custom "`+fiberlib.AssertSection+`"`, "which function a word stands for")
	r.pieces(fiberlib.EncodeAsserts(words, names))
	r.line(")", "")
}

// assertFaults lists the functions that assertions trap in, in the order in which they
// are written.
var assertFaults = []string{
	fiberlib.AssertNotListed, fiberlib.AssertIgnored, fiberlib.AssertNotAdded, fiberlib.AssertNotInOnly, fiberlib.AssertRemoved, fiberlib.AssertSaidNever, fiberlib.AssertIndirect,
	fiberlib.AssertUnwinding, fiberlib.AssertMismatch, fiberlib.AssertRewinding, fiberlib.AssertOverflow,
}

// assertUses returns which routines are called, and which functions lines mention.
func (s *state) assertUses() (used map[string]bool, seen []bool) {
	used, seen = map[string]bool{}, make([]bool, len(s.m.Funcs))
	for _, f := range slices.Concat(s.functions, s.guarded) {
		for _, routine := range f.routines {
			used[routine] = true
		}
		for _, callee := range f.callees {
			seen[callee] = true
		}
		if f.watched > 0 || len(f.sites) > 0 {
			seen[f.id] = true
		}
	}
	if len(s.functions) > 0 {
		for _, name := range []string{fiberlib.AssertUnwinding, fiberlib.AssertMismatch, fiberlib.AssertRewinding, fiberlib.AssertOverflow} {
			used[name] = true
		}
	}
	return used, seen
}

// assertRoutines writes what instrumented functions call.
func (r *runtimeText) assertRoutines() {
	r.funcs += 3
	r.line("(global "+idAssert+"frame (mut i32) (i32.const 0))", "the function that spills its frame")
	fault := func(name, function, other string) string {
		return "(then (call " + idAssert + name + " " + function + " " + other + "))"
	}
	r.line("(func "+idAssert+"enter (param $function i32) (local $at i32)", "at the entry of an instrumented function")
	r.line("  (if (i32.eqz (global.get $fiber.state)) (then (return)))", "")
	r.line("  (if (i32.eq (global.get $fiber.state) (i32.const 1)) "+fault(fiberlib.AssertUnwinding, "(local.get $function)", "(i32.const 0)")+")", "")
	r.line("  (local.set $at (i32.sub (i32.load (global.get $fiber.data)) (i32.const 4)))", "")
	r.line("  (i32.store (global.get $fiber.data) (local.get $at))", "")
	r.line("  (if (i32.ne (i32.load (local.get $at)) (local.get $function)) "+fault(fiberlib.AssertMismatch, "(local.get $function)", "(i32.load (local.get $at))")+"))", "")
	r.line("(func "+idAssert+"leave (param $function i32)", "before a frame is spilled")
	r.line("  (global.set "+idAssert+"frame (local.get $function))", "whose frame it is, if it does not fit")
	r.line("  (if (i32.ne (global.get $fiber.state) (i32.const 1)) "+fault(fiberlib.AssertRewinding, "(local.get $function)", "(i32.const 0)")+"))", "")
	r.line("(func "+idAssert+"seal (param $function i32) (local $at i32) (local $top i32)", "push the word for the function")
	r.line("  (if (i32.ne (global.get $fiber.state) (i32.const 1)) "+fault(fiberlib.AssertMismatch, "(local.get $function)", "(i32.const 0)")+")", "rewinding to a site that does not exist")
	r.line("  (local.set $at (i32.load (global.get $fiber.data)))", "")
	r.line(fmt.Sprintf("  (local.set $top (i32.add (local.get $at) (i32.const %d)))", sealSize), "")
	r.line("  (if (i32.lt_u (local.get $top) (local.get $at)) (then (local.set $top (i32.const -1))))", "beyond the last address")
	r.mustFit()
	r.line("  (i32.store (local.get $at) (local.get $function)))", "")
}

// mustFit writes the test whether a frame fits, and moves the position.
func (r *runtimeText) mustFit() {
	r.line("  (if (i32.gt_u (local.get $top) (i32.load offset=4 (global.get $fiber.data)))", "how many bytes are missing")
	r.line("    (then (call "+idAssert+fiberlib.AssertOverflow+" (global.get "+idAssert+"frame) (i32.sub (local.get $top) (i32.load offset=4 (global.get $fiber.data))))))", "")
	r.line("  (i32.store (global.get $fiber.data) (local.get $top))", "")
}
