package rewrite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// An edit is a line that is inserted into a function.
type edit struct {
	at    int    // twice the instruction that it goes before, or that plus one if it goes behind
	code  string // instructions, flat
	note  string // what the line does, for its reader
	opens int    // 1 + the source block that code opens in place of its own line; 0 for none
}

func (f *function) before(instr int, note string, code ...string) {
	f.edits = append(f.edits, edit{at: 2 * instr, code: strings.Join(code, " "), note: note})
}

func (f *function) behind(instr int, note string, code ...string) {
	f.edits = append(f.edits, edit{at: 2*instr + 1, code: strings.Join(code, " "), note: note})
}

// The names that inserted code refers to; those of labels and locals are in the
// functions, the others in the runtime.
const (
	idState     = "$fiber.state"
	idUnwind    = "$fiber.unwind"
	idWhole     = "$fiber.unwind.whole"
	idNone      = "$fiber.none"
	idSite      = "$fiber.site"
	idUnwinding = "$fiber.unwinding"
	idSpill     = "$fiber.spill."
	idReload    = "$fiber.reload."
	idFrame     = "$fiber.frame"
	idPush      = "$fiber.push"
	idPushSite  = "$fiber.push_site"
	idPop       = "$fiber.pop"
	idAssert    = "$fiber.assert."
	idBefore    = "$fiber.before"

	testState = "global.get " + idState
)

// emit makes the lines to insert into a function. It requires a frame.
//
//	(func $f (param $n i32) (result i32)
//	  block $fiber.none block $fiber.unwind (result i32) ;;~ …
//	  block $fiber.at.g.1 ;;~ …                    landings, one for each target
//	  global.get $fiber.state if $fiber.at.g.0 ;;~ …  entry: reload the frame, dispatch
//	  …
//	  call $g
//	  i32.const 0 global.get $fiber.state br_if $fiber.unwind drop ;;~ …  check
//	  end ;;~ …                                    the landing closes, site 1 resumes
//	  local.get $n
//	  call $g
//	  i32.const 1 global.get $fiber.state br_if $fiber.unwind drop ;;~ …
//	  return end ;;~ …                             exit: spill the frame
//	  …
//	)
//
// It inserts lines and drops the lines of blocks that it opens elsewhere; it never
// touches an instruction.
func (f *function) emit() {
	f.nameTargets()
	f.divert()
	f.enter()
	for l := range f.levels {
		f.openLevel(l)
		for _, t := range l.targets {
			f.land(t)
		}
	}
	for k := range f.sites {
		f.checkState(k)
	}
	f.exit()
	f.guard()
	f.assertCalls()
	f.sortEdits()
	if f.hot {
		f.emitHot()
	}
}

func (f *function) sortEdits() {
	slices.SortStableFunc(f.edits, func(a, b edit) int { return a.at - b.at })
}

// hasFrame reports whether there is anything to spill.
func (f *function) hasFrame() bool { return len(f.frame.chunks) > 0 }

// hasNone reports whether a way out past the spilling is needed: for a call while
// unwinding, which never gets to a hot copy.
func (f *function) hasNone() bool { return f.hasFrame() && !f.isHot }

// leave is the label that leads out of the function without spilling.
func (f *function) leave() string {
	if f.hasFrame() {
		return idNone
	}
	return idUnwind
}

// enter opens the blocks around the body.
func (f *function) enter() {
	f.assertEnter()
	number := ""
	if f.frame.numbered {
		number = "(result i32)"
	}
	switch {
	case !f.hasFrame():
		f.before(0, "the way out when unwinding; there is no frame to spill", "block", idUnwind)
	case !f.hasNone():
		f.before(0, "the way out when unwinding: it spills the frame", "block", idUnwind, number)
	case f.frame.numbered:
		f.before(0, "ways out: $fiber.unwind, with a site number, spills the frame; $fiber.none does not", "block", idNone, "block", idUnwind, number)
	default:
		f.before(0, "ways out: $fiber.unwind spills the frame, $fiber.none does not", "block", idNone, "block", idUnwind)
	}
	if f.frame.rare > 0 {
		f.before(0, "spills what few sites need besides", "block", idWhole, "(result i32)")
	}
}

// wayOut is the label that leads from behind a site to where its frame is spilled.
func (f *function) wayOut(k int) string {
	if f.sites[k].whole {
		return idWhole
	}
	return idUnwind
}

// checkState inserts the test behind a site.
func (f *function) checkState(k int) {
	number := strconv.Itoa(f.number(k))
	if f.sites[k].never {
		f.leaveAlways(k, number)
		return
	}
	if f.frame.numbered {
		f.behind(f.sites[k].instr, "site "+number+": unwinding? then leave",
			"i32.const", number, testState, "br_if", f.wayOut(k), "drop")
		return
	}
	f.behind(f.sites[k].instr, "unwinding? then leave", testState, "br_if", idUnwind)
}

// leaveAlways inserts what stands behind a site whose callee never returns: control
// is here only to unwind.
func (f *function) leaveAlways(k int, number string) {
	note := "unwinding, since this call never returns: leave"
	if f.frame.numbered {
		f.behind(f.sites[k].instr, "site "+number+": "+note, "i32.const", number, "br", f.wayOut(k))
		return
	}
	f.behind(f.sites[k].instr, note, "br", idUnwind)
}

// exit inserts what follows the body: spill the frame, return anything.
func (f *function) exit() {
	end := len(f.fn.Body.Instrs)
	var over []string // control that has reached the end must not spill
	if f.returns && (f.hasFrame() || len(f.sig.Results) > 0 || f.asserts != nil) {
		over = []string{"return"}
	}
	if !f.hasFrame() {
		f.before(end, "$fiber.unwind ends", append(over, "end")...)
		f.assertLeave(end)
	} else {
		if f.frame.rare > 0 {
			f.before(end, "$fiber.unwind.whole ends: spill what few sites need", append(over, "end")...)
			over = nil
			f.spill(end, true)
			f.before(end, "a number below 0 says that it is there", "i32.const -1 i32.xor")
		}
		note := "$fiber.unwind ends: spill this frame"
		if f.frame.numbered {
			note += "; the site number is on the stack"
		}
		f.before(end, note, append(over, "end")...)
		f.assertLeave(end)
		f.spill(end, false)
		if f.hasNone() {
			f.before(end, "$fiber.none ends", "end")
		}
	}
	f.assertSeal(end)
	if len(f.sig.Results) > 0 {
		f.before(end, "nobody looks at it while unwinding", zeros(f.sig.Results))
	}
}

// spill inserts what spills the rare slots, or the others. The chunk with the
// site number comes last: the number lies below all others.
func (f *function) spill(at int, rare bool) {
	for _, c := range slices.Backward(f.frame.chunks) {
		switch {
		case c.rare != rare:
		case f.frame.inline:
			f.spillInline(at, c)
		default:
			f.before(at, "", f.gets(c.slots), "call", idSpill+c.signature)
		}
	}
}

func (f *function) gets(slots []slotID) string {
	code := make([]string, len(slots))
	for i, s := range slots {
		if s == unusedWord {
			code[i] = "i32.const 0"
		} else {
			code[i] = "local.get " + f.ref(s)
		}
	}
	return strings.Join(code, " ")
}

// sets pops the slots, the last first.
func (f *function) sets(slots []slotID) string {
	code := make([]string, 0, len(slots))
	for i := len(slots) - 1; i >= 0; i-- {
		if slots[i] == unusedWord {
			code = append(code, "drop")
		} else {
			code = append(code, "local.set "+f.ref(slots[i]))
		}
	}
	return strings.Join(code, " ")
}

// parks pops operands, the last first: into temporaries, or away if a local has the value.
func (f *function) parks(slots []slotID) string {
	code := make([]string, 0, len(slots))
	for i := len(slots) - 1; i >= 0; i-- {
		if int(slots[i]) < f.numLocals {
			code = append(code, "drop")
		} else {
			code = append(code, "local.set "+f.ref(slots[i]))
		}
	}
	return strings.Join(code, " ")
}

func (f *function) tempSlots(temps []int) []slotID {
	slots := make([]slotID, len(temps))
	for i, t := range temps {
		slots[i] = f.temp(t)
	}
	return slots
}

// zeros pushes a zero of each type.
func zeros(types []wat.ValType) string {
	code := make([]string, len(types))
	for i, t := range types {
		switch {
		case t.IsRef():
			code[i] = "ref.null " + t.HeapTypeName()
		case t == wat.V128:
			code[i] = "v128.const i64x2 0 0"
		default:
			code[i] = t.String() + ".const 0"
		}
	}
	return strings.Join(code, " ")
}

// land inserts what stands at a target: the end of its landing, and before an if
// that a rewind goes into the condition that leads there.
func (f *function) land(t *target) {
	if !t.falls {
		note := f.resumes(t)
		switch {
		case slices.ContainsFunc(t.parked, func(s slotID) bool { return int(s) >= f.numLocals }):
			note += "; operands are parked across the edge"
		case len(t.parked) > 0:
			note += "; locals have the operands"
		}
		f.before(t.cut, note, f.parks(t.parked), "end", f.gets(t.parked))
	}
	if f.fn.Body.Instrs[t.at].Op == op.If {
		f.steer(t)
	}
}

// steer makes the condition of an if lead into the arm with the site, when
// rewinding.
func (f *function) steer(t *target) {
	end, els := int(f.end[t.at]), int(f.els[t.at])
	inThen := els == 0 || f.hasSite(t.at, els)
	inElse := els != 0 && f.hasSite(els, end)
	last := f.fn.Body.Instrs[t.at-1].Op.Info()
	switch {
	case inThen && inElse:
		first, second := f.inFirstArm(t.lo, f.firstSite(els), t.hi)
		f.before(t.at, "rewinding: into the arm with the site, the second "+second, append(first, testState, "i32.eqz select")...)
	case inThen:
		f.before(t.at, "rewinding: into this arm", testState, "i32.or")
	case last.Effect == op.Test && t.cut < t.at:
		f.before(t.at, "rewinding: into the other arm; the state is then 2, more than a comparison yields", testState, "i32.gt_u")
	default:
		f.before(t.at, "rewinding: into the other arm", "i32.const 0", testState, "i32.eqz select")
	}
}
