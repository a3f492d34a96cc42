package rewrite

import (
	"strconv"

	"github.com/watfiber/watfiber/wat"
)

// This file emits what spills and reloads a frame in the function itself: two routines
// move the position, and the values are stored and loaded one by one.

// places calls do with each slot of a part of the frame, as the store or load of it needs
// it.
func (f *function) places(c chunk, do func(slotID, slot)) {
	at := 0
	if c.numbered {
		at = 4
	}
	for _, s := range c.slots {
		if s != unusedWord {
			do(s, slot{f.slotType(s), at})
		}
		at += 4 * f.words(s)
	}
}

// partBytes is how many bytes a part of the frame takes.
func (f *function) partBytes(c chunk) int {
	if c.numbered {
		return 4 + f.bytesOf(c.slots)
	}
	return f.bytesOf(c.slots)
}

// spillInline inserts the code that pushes a part of the frame. The site number, if there
// is one, is on the stack.
func (f *function) spillInline(at int, c chunk) {
	push := idPush
	if c.numbered {
		push = idPushSite
	}
	f.before(at, "make room for it; 0 if there is none", "i32.const", strconv.Itoa(f.partBytes(c)), "call", push, "local.tee", idFrame, "if")
	f.places(c, func(s slotID, to slot) {
		f.before(at, "", "local.get", idFrame, "local.get", f.ref(s), to.access("store"))
	})
	f.before(at, "", "end")
}

// reloadInline inserts the code that pops a part of the frame, and leaves the site number
// on the stack, if there is one.
func (f *function) reloadInline(at int, c chunk) {
	f.before(at, "", "i32.const", strconv.Itoa(f.partBytes(c)), "call", idPop, "local.set", idFrame)
	f.places(c, func(s slotID, from slot) {
		f.before(at, "", "local.get", idFrame, from.access("load"), "local.set", f.ref(s))
	})
	if c.numbered {
		f.before(at, "the site number", "local.get", idFrame, slot{typ: wat.I32}.access("load"))
	}
}

// pushRoutines writes the routines that functions call which spill by themselves.
func (r *runtimeText) pushRoutines(functions []*function) {
	var plain, numbered bool
	for _, f := range functions {
		plain = plain || f.frame.inline && (!f.frame.numbered || f.frame.rare > 0)
		numbered = numbered || f.frame.inline && f.frame.numbered
	}
	if plain {
		r.push(idPush, "")
	}
	if numbered {
		r.push(idPushSite, "(param $site i32) ")
	}
	if plain || numbered {
		r.funcs++
		r.line("(func "+idPop+" (param $size i32) (result i32) (local $at i32)", "take a frame back; its address")
		r.line("  (local.set $at (i32.sub (i32.load (global.get $fiber.data)) (local.get $size)))", "")
		r.line("  (i32.store (global.get $fiber.data) (local.get $at))", "")
		r.line("  (local.get $at))", "")
	}
}

func (r *runtimeText) push(id, site string) {
	r.funcs++
	r.line("(func "+id+" "+site+"(param $size i32) (result i32) (local $at i32) (local $top i32)", "make room for a frame; its address, 0 if it does not fit")
	r.line("  (local.set $at (i32.load (global.get $fiber.data)))", "")
	r.line("  (local.set $top (i32.add (local.get $at) (local.get $size)))", "")
	r.advance()
	r.line("  (if (i32.gt_u (local.get $top) (i32.load offset=4 (global.get $fiber.data))) (then (return (i32.const 0))))", "never write past the end")
	if site != "" {
		r.line("  (i32.store (local.get $at) (local.get $site))", "")
	}
	r.line("  (local.get $at))", "")
}

// advance moves the position to $top.
func (r *runtimeText) advance() {
	r.beyond()
	r.line("  (i32.store (global.get $fiber.data) (local.get $top))", "the position moves even if the frame does not fit: stop_unwind will trap")
}

// beyond keeps a position from starting again at 0.
func (r *runtimeText) beyond() {
	r.line("  (if (i32.lt_u (local.get $top) (local.get $at)) (then (local.set $top (i32.const -1))))", "beyond the last address")
}
