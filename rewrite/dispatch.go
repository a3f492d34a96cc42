package rewrite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file emits the tops of levels: the blocks that are opened there and the
// dispatch that, when rewinding, jumps out of them to where a site resumes.

// An opening is a block that is opened at the top of a level.
type opening struct {
	closes int // twice the instruction it closes before, or that plus one if it is that end
	target *target
	block  int // the source block or if, if target is nil
	head   bool
	label  string // of the first arm of an if
}

// openings returns what is opened at the top of a level, outermost first: what
// closes last.
func (f *function) openings(l *level) []opening {
	var all []opening
	for _, t := range l.targets {
		if !t.falls {
			all = append(all, opening{closes: 2 * t.cut, target: t})
		}
	}
	for _, b := range l.heads {
		all = append(all, opening{closes: 2*int(f.end[b]) + 1, block: b, head: true})
	}
	for _, b := range l.moved {
		all = append(all, opening{closes: 2*int(f.end[b]) + 1, block: b})
		if els := int(f.els[b]); els != 0 {
			all = append(all, opening{closes: 2*els + 1, block: b, label: "$fiber.then." + f.ifWord(b)})
		}
	}
	slices.SortFunc(all, func(a, b opening) int { return b.closes - a.closes })
	return all
}

// openLevel inserts the top of a level.
func (f *function) openLevel(l *level) {
	params := f.tempSlots(l.paramTemps)
	if len(params) > 0 {
		f.before(l.start, "keep the operands of the "+f.fn.Body.Instrs[l.opener].Op.String()+" while blocks are opened", f.sets(params))
	}
	at := l.start
	for _, o := range f.openings(l) {
		switch {
		case o.target != nil:
			f.before(at, f.landing(o.target), "block", o.target.label)
		case o.head:
			at++
		case o.label != "":
			f.before(at, "its first arm", "block", o.label)
		default:
			f.moveBlock(o.block, at)
		}
	}
	if l.opener < 0 {
		f.entry(l)
	} else if l.dispatches() {
		f.redispatch(l)
	}
	if len(params) > 0 {
		f.before(l.head(), "the operands again", f.gets(params))
	}
	for _, b := range l.moved {
		if f.fn.Body.Instrs[b].Op == op.If {
			f.replaceIf(b)
		}
	}
}

// moveBlock opens a source block before instruction at, and drops its line.
func (f *function) moveBlock(block, at int) {
	f.dropped = append(f.dropped, block)
	code := []string{"block"}
	switch name := f.fn.Body.LabelName(block); {
	case f.fn.Body.Instrs[block].Op == op.If:
		code = append(code, f.endOfIf(block))
	case name != "" && !f.m.Source.Binary:
		code = append(code, wat.ID(name))
	}
	if typ := f.blockTypeText(wat.BlockType(f.fn.Body.Instrs[block].Imm)); typ != "" {
		code = append(code, typ)
	}
	f.before(at, "opened here, so that the dispatch can jump into it", code...)
	f.edits[len(f.edits)-1].opens = block + 1
}

// replaceIf inserts what stands in for the lines of an if that has become a block.
//
//	;;- if $less                  i32.eqz br_if $fiber.then.less ;;~
//	  call $f                       call $f
//	;;- else                      br $less end ;;~
//	  call $g                       call $g
//	end                           end
func (f *function) replaceIf(opener int) {
	els := int(f.els[opener])
	if els == 0 {
		f.before(opener, "unless the condition holds, behind it", "i32.eqz br_if", f.endOfIf(opener))
		return
	}
	f.before(opener, "unless the condition holds, to the second arm", "i32.eqz br_if", "$fiber.then."+f.ifWord(opener))
	f.dropped = append(f.dropped, els)
	f.before(els, "the first arm ends", "br", f.endOfIf(opener), "end")
}

// endOfIf is the label of a block that was an if.
func (f *function) endOfIf(opener int) string {
	if name := f.fn.Body.LabelName(opener); name != "" && !f.m.Source.Binary {
		return wat.ID(name)
	}
	return "$fiber.if." + f.ifWord(opener)
}

// blockTypeText writes the type of a block that takes no parameters: its results,
// or the type with its index if that is not what results would be read as.
func (f *function) blockTypeText(b wat.BlockType) string {
	if t, ok := b.Value(); ok {
		return "(result " + t.String() + ")"
	}
	id, ok := b.Index()
	if !ok {
		return ""
	}
	t := f.m.Types[id]
	first := slices.IndexFunc(f.m.Types, func(u *wat.Type) bool { return u.Equal(t.FuncType) })
	switch {
	case t.Name != "" && !f.m.Source.Binary:
		return "(type " + wat.ID(t.Name) + ")"
	case len(t.Results) > 1 && first == int(id):
		return t.FuncType.String()
	}
	return "(type " + strconv.Itoa(int(id)) + ")"
}

// entry inserts the test at the entry of the function: reload the frame, go to
// the site.
func (f *function) entry(l *level) {
	at := l.head()
	first := l.targets[0]
	if !f.hasFrame() && first.falls {
		f.before(at, "called while unwinding: leave; when rewinding, control falls in", testState, "i32.const 1 i32.eq br_if", idUnwind)
		return
	}
	note := "rewinding: go on to the site"
	if f.hasFrame() {
		note = "rewinding: reload this frame and go on to its site"
	}
	if f.usesTable(l) {
		f.before(at, note, testState, "if", fallLabel(first))
		f.openGone(at, l)
		left := f.frame.inline || f.frame.rare > 0
		if left {
			f.leaveUnwinding(at)
		}
		f.reload(at, "the site number stays on the stack")
		if f.frame.rare > 0 {
			f.reloadRare(at)
			f.before(at, "", "local.get", idSite)
		} else if f.needsSite {
			f.before(at, "for the dispatches further in", "local.tee", idSite)
		}
		note := "by the site number; -1 if called while unwinding: leave"
		if left {
			note = "by the site number"
		}
		f.table(at, l, nil, f.leave(), note)
		return
	}
	f.before(at, note, testState, "if", f.chainLabel(l))
	f.openGone(at, l)
	f.leaveUnwinding(at)
	f.reload(at, "")
	switch {
	case f.frame.rare > 0:
		f.reloadRare(at)
	case f.frame.numbered:
		f.before(at, "the site number was still on the stack", "local.set", idSite)
	}
	f.chain(at, l)
}

// leaveUnwinding inserts the test for a call while unwinding.
func (f *function) leaveUnwinding(at int) {
	f.asksUnwinding = true
	f.before(at, "called while unwinding: leave", "call", idUnwinding, "br_if", f.leave())
}

// reload inserts what reloads the frame, or the part of it that all sites have. The site
// number, if there is one, is left on the stack.
func (f *function) reload(at int, note string) {
	for _, c := range f.frame.chunks {
		if !c.rare {
			f.reloadChunk(at, c, note)
			note = ""
		}
	}
}

func (f *function) reloadChunk(at int, c chunk, note string) {
	if f.frame.inline {
		f.reloadInline(at, c)
	} else {
		f.before(at, note, "call", idReload+c.signature, f.sets(c.slots))
	}
}

// reloadRare reloads the slots that few sites need, if they are there, and sets the site
// number, which is on the stack.
func (f *function) reloadRare(at int) {
	f.before(at, "below 0: what few sites need is there, too", "local.tee", idSite, "i32.const 0 i32.lt_s if")
	for _, c := range f.frame.chunks {
		if c.rare {
			f.reloadChunk(at, c, "")
		}
	}
	f.before(at, "the site number", "local.get", idSite, "i32.const -1 i32.xor local.set", idSite, "end")
}

// redispatch inserts the dispatch at the top of a level inside the body.
func (f *function) redispatch(l *level) {
	at := l.head()
	first := l.targets[0]
	if len(l.targets) == 1 {
		f.before(at, "rewinding: on to "+f.sitesOf(first), testState, "br_if", first.label)
		return
	}
	if !f.usesTable(l) {
		f.before(at, "rewinding: on to the site", testState, "if", f.chainLabel(l))
		f.chain(at, l)
		return
	}
	f.before(at, "rewinding: on to the site", testState, "if", fallLabel(first))
	number := []string{"local.get", idSite}
	runs := f.runs(l)
	if runs[0].lo > deadEntries {
		number = append(number, "i32.const", strconv.Itoa(runs[0].lo), "i32.sub")
	}
	f.table(at, l, number, runs[len(runs)-1].label(), "by the site number")
}

// deadEntries is how many entries a br_table may begin with that are never taken,
// to save the subtraction.
const deadEntries = 3

// fallLabel is the label of the if around a dispatch: to go on behind it is how
// the target is reached that control falls into.
func fallLabel(first *target) string {
	if first.falls {
		return first.label
	}
	return ""
}

// table inserts a br_table with an entry for each site of the level, behind the
// code for the number, and the end of the if around it.
func (f *function) table(at int, l *level, number []string, otherwise, note string) {
	runs := f.runs(l)
	first, last := runs[0], runs[len(runs)-1]
	var labels []string
	if l.opener >= 0 && first.lo <= deadEntries {
		labels = append(labels, repeat(first.label(), first.lo)...)
	}
	for _, r := range runs {
		labels = append(labels, repeat(r.label(), r.hi-r.lo)...)
	}
	if otherwise == last.label() {
		labels = labels[:len(labels)-(last.hi-last.lo)]
	}
	f.before(at, note, wrapLine(strings.Join(append(number, "br_table"), " "), append(labels, otherwise)), f.endDispatch(l))
}

// wrapLine joins words, in lines that are not much longer than lineWidth.
func wrapLine(first string, words []string) string {
	var b strings.Builder
	b.WriteString(first)
	column := len(first)
	for _, w := range words {
		if column+len(w) >= lineWidth {
			b.WriteString("\n")
			column = 0
		} else {
			b.WriteString(" ")
		}
		b.WriteString(w)
		column += 1 + len(w)
	}
	return b.String()
}

const lineWidth = 100

func repeat(label string, n int) []string {
	return slices.Repeat([]string{label}, n)
}

// chain inserts comparisons of the site number, the last target first, and the
// end of the if around them.
func (f *function) chain(at int, l *level) {
	runs := f.runs(l)
	for _, r := range slices.Backward(runs[1:]) {
		f.before(at, f.runText(r), "local.get", idSite, "i32.const", strconv.Itoa(r.lo), "i32.ge_u br_if", r.label())
	}
	switch first := runs[0]; {
	case first.target == nil:
		f.before(at, f.runText(first), f.endDispatch(l))
	case !first.target.falls || f.hasGone(l):
		f.before(at, f.runText(first), "br", first.label(), f.endDispatch(l))
	default:
		f.before(at, f.runText(first)+": control falls in", "end")
	}
}

// usesTable reports whether a br_table is shorter than a chain of comparisons. A
// table costs a byte an entry, a comparison seven.
func (f *function) usesTable(l *level) bool {
	runs := f.runs(l)
	if len(runs) == 1 {
		return false
	}
	first, last := runs[0], runs[len(runs)-1]
	chain := 7 * (len(runs) - 1)
	if l.opener < 0 {
		// The chain needs the number in a local and the test for an unwind.
		return last.hi <= chain+6
	}
	if first.lo <= deadEntries {
		return last.lo <= chain-5
	}
	return last.lo-first.lo+3 <= chain-5
}
