package wat

import (
	"strconv"
	"strings"
)

// A FuncText prints the parts of a function by the names that a text can use to refer to
// them, in this module or in one that extends it: those of a text, and numbers where it has
// none or where the module is a binary.
type FuncText struct {
	fp   funcPrinter
	body *Body
}

// NewFuncText returns a FuncText for a function and its body, to be written inside so many
// blocks that the body does not have.
func NewFuncText(m *Module, f *Func, body *Body, outer int) *FuncText {
	p := &printer{m: m, ids: &Names{}}
	name := func(i int, name string) string {
		if name == "" || m.Source.Binary {
			return strconv.Itoa(i)
		}
		return ID(name)
	}
	for i, t := range m.Types {
		p.ids.Types = append(p.ids.Types, name(i, t.Name))
	}
	for i, f := range m.Funcs {
		p.ids.Funcs = append(p.ids.Funcs, name(i, f.Name))
	}
	for i, g := range m.Globals {
		p.ids.Globals = append(p.ids.Globals, name(i, g.Name))
	}
	t := &FuncText{body: body, fp: funcPrinter{printer: p, f: f, labels: body.LabelIDs(), opener: make([]int, outer)}}
	for i := range len(m.Types[f.Type].Params) + f.NumLocals() {
		t.fp.locals = append(t.fp.locals, name(i, f.LocalName(LocalID(i))))
	}
	makeIDs(t.fp.labels)
	return t
}

// Instr returns an instruction. They have to be asked for in their order.
func (t *FuncText) Instr(i int) string {
	t.fp.buf = t.fp.buf[:0]
	t.fp.instr(t.body, i, &t.fp)
	return string(t.fp.buf)
}

// Signature returns the parameters and results.
func (t *FuncText) Signature() string {
	sig := t.fp.m.Types[t.fp.f.Type].FuncType
	var b strings.Builder
	for i, typ := range sig.Params {
		b.WriteString(" " + t.declaration("param", i, typ))
	}
	if len(sig.Results) > 0 {
		b.WriteString(" " + FuncType{Results: sig.Results}.String())
	}
	return b.String()
}

// Locals returns the declarations of the locals that are no parameters, in order.
func (t *FuncText) Locals() []string {
	var all []string
	i := len(t.fp.m.Types[t.fp.f.Type].Params)
	for _, run := range t.fp.f.Locals {
		for range run.Count {
			all = append(all, t.declaration("local", i, run.Type))
			i++
		}
	}
	return all
}

func (t *FuncText) declaration(keyword string, i int, typ ValType) string {
	if name := t.fp.locals[i]; strings.HasPrefix(name, "$") {
		return "(" + keyword + " " + name + " " + typ.String() + ")"
	}
	return "(" + keyword + " " + typ.String() + ")"
}
