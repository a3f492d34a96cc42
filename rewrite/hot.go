package rewrite

import (
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file makes hot copies: of a function that is worth it there are two. The one of the
// source is where a rewind comes, and what exports, tables and the other functions refer
// to; when nothing rewinds it calls the hot copy. That has no test at its entry, no
// landings and no dispatches, calls hot copies only, and spills the same frame.
//
//	(func $f (param $n i32)
//	  global.get $fiber.state i32.eqz if ;;~ nothing rewinds: the hot copy runs
//	  local.get $n call $fiber.hot.f return end ;;~
//	  …
//	  call $g
//	  …
//	)
//	(func $fiber.hot.f (param $n i32) ;;~ …
//	  block $fiber.unwind ;;~ …
//	  call $fiber.hot.g ;;~
//	  global.get $fiber.state br_if $fiber.unwind ;;~ …
//	  …
//	) ;;~

const prefixHot = "fiber.hot."

// divert inserts the call of the hot copy.
func (f *function) divert() {
	if !f.hot {
		return
	}
	params := make([]slotID, len(f.sig.Params))
	for i := range params {
		params[i] = slotID(i)
	}
	f.before(0, "nothing rewinds: the hot copy runs", testState, "i32.eqz if")
	f.before(0, "", f.gets(params), "call", f.hotName(f.id), "return end")
}

// hotName is the name of the hot copy of a function.
func (f *function) hotName(id wat.FuncID) string { return wat.ID(prefixHot + f.names[id]) }

// emitHot makes the lines that the hot copy has besides those of the source. Operands
// that a frame holds are parked where a landing would have parked them.
func (f *function) emitHot() {
	h := *f
	h.isHot, h.edits, h.dropped, h.needsSite, h.checks = true, nil, nil, false, 0
	h.enter()
	for l := range h.levels {
		for _, t := range l.targets {
			h.keep(t)
		}
	}
	for k := range h.sites {
		h.checkState(k)
	}
	h.exit()
	h.guard()
	h.sortEdits()
	f.copied = h.edits
}

// keep parks the operands of a target that a frame holds.
func (f *function) keep(t *target) {
	for i, o := range t.operands {
		if o.need > anything && int(t.parked[i]) >= f.numLocals {
			f.before(t.cut, "operands that the frame holds", f.parks(t.parked), f.gets(t.parked))
			return
		}
	}
}

// hotCopies writes the hot copies.
func (r *runtimeText) hotCopies(functions []*function) {
	hot := map[uint64]bool{}
	for _, f := range functions {
		hot[uint64(f.id)] = f.hot
	}
	texts := make([]string, len(functions))
	inParallel(len(functions), func(i int) {
		if functions[i].hot {
			texts[i] = functions[i].hotCopy(hot)
		}
	})
	for _, text := range texts {
		r.b.WriteString(text)
	}
}

// hotCopy returns the text of the hot copy. hot tells which functions have one.
func (f *function) hotCopy(hot map[uint64]bool) string {
	r := &runtimeText{}
	around := 1 // blocks
	if f.frame.rare > 0 {
		around = 2
	}
	t := wat.NewFuncText(f.m, f.fn.Func, f.fn.Body, around)
	r.line("", "the hot copy of "+f.graph.labels[f.id]+": what runs when nothing rewinds")
	r.line("(func "+f.hotName(f.id)+t.Signature(), "")
	if locals := t.Locals(); len(locals) > 0 {
		for line := range strings.Lines(wrapLine("", locals)) {
			r.line("  "+strings.TrimSpace(line), "")
		}
	}
	h := *f
	h.needsSite = false
	if names, types := h.addedLocals(); len(names) > 0 {
		var code strings.Builder
		for i, name := range names {
			code.WriteString("(local " + name + " " + types[i].String() + ") ")
		}
		r.line("  "+strings.TrimSpace(code.String()), h.localsNote())
	}
	f.hotBody(r, t, hot)
	r.line(")", "")
	return r.b.String()
}

// hotBody writes the body of the hot copy: the lines of the source and the others.
func (f *function) hotBody(r *runtimeText, t *wat.FuncText, hot map[uint64]bool) {
	const deepest = 40 // levels that are indented
	level, next := 1, 0
	line := func(code, note string) {
		r.line(strings.Repeat("  ", min(level, deepest))+strings.TrimSpace(code), note)
	}
	insert := func(upTo int) {
		for ; next < len(f.copied) && f.copied[next].at <= upTo; next++ {
			line(f.copied[next].code, f.copied[next].note)
		}
	}
	for i, in := range f.fn.Body.Instrs {
		insert(2 * i)
		if in.Op == op.Else || in.Op == op.End {
			level--
		}
		if code := t.Instr(i); in.Op == op.Call && hot[in.Imm] {
			line("call "+f.hotName(wat.FuncID(in.Imm)), "")
		} else {
			line(code, "")
		}
		if in.Op == op.Else || f.end[i] != 0 {
			level++
		}
		insert(2*i + 1)
	}
	insert(2 * len(f.fn.Body.Instrs))
}

// nameCopies gives the hot copies of a binary the names that their functions have inside:
// the text that they are read from has numbers, and the names that labels get in a text.
func (s *state) nameCopies(ext *wat.Module) {
	if !s.m.Source.Binary {
		return
	}
	of := map[string]*function{}
	for _, f := range s.functions {
		if f.hot {
			of[prefixHot+f.names[f.id]] = f
		}
	}
	for _, fn := range ext.Funcs[len(s.m.Funcs):] {
		if f := of[fn.Name]; f != nil {
			f.nameCopy(fn)
		}
	}
}

// nameCopy gives a hot copy the names of the source, and those of inserted labels and locals
// if they have names.
func (f *function) nameCopy(fn *wat.Func) {
	added := fn.LocalNames
	fn.LocalNames = slices.Clone(f.fn.LocalNames)
	own := map[string]bool{}
	for _, l := range f.fn.Body.Labels {
		own[l.Name] = true
	}
	if f.innerNames {
		fn.LocalNames = append(fn.LocalNames, added...)
	}
	body := fn.Body()
	body.Labels = slices.DeleteFunc(body.Labels, func(l wat.LabelName) bool {
		return !own[l.Name] && (!f.innerNames || !strings.HasPrefix(l.Name, idPrefix))
	})
}
