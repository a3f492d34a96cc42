package wat

import (
	"strconv"
	"strings"
)

// This file writes a tree as text: one instruction a line, unfolded, indented by
// two spaces a level. It is how a binary module becomes readable; text that was
// parsed is never written anew.

const (
	maxIndent = 40  // levels that are indented; deeper ones stay there
	wrapAt    = 100 // columns of a line that lists many things
	dataLine  = 64  // bytes of data in a line

	blockTypes = 12 // types of parameters and results that a block spells out
)

// Print returns a module as text. Everything that the text refers to has a name:
// its own, or one that says what it is, see Module.Names.
func Print(m *Module) string {
	p := newPrinter(m)
	p.module()
	return string(p.buf)
}

type printer struct {
	m   *Module
	ids *Names // with the $, as text writes them
	buf []byte

	customs int  // custom sections written so far
	scratch Body // of the function at hand, if it was packed
}

func newPrinter(m *Module) *printer {
	ids := m.Names()
	for _, names := range [][]string{ids.Types, ids.Funcs, ids.Tables, ids.Memories, ids.Globals, ids.Elems, ids.Datas} {
		makeIDs(names)
	}
	size := 1 << 10
	for _, f := range m.Funcs {
		if n := f.Span.End - f.Span.Start; m.Source.Binary {
			size += n * 8 // on average
		} else {
			size += n
		}
	}
	for _, d := range m.Datas {
		size += len(d.Bytes) * 2
	}
	return &printer{m: m, ids: ids, buf: make([]byte, 0, size)}
}

// makeIDs replaces names by their identifiers; what has no name gets none.
func makeIDs(names []string) {
	for i, name := range names {
		if name != "" {
			names[i] = ID(name)
		}
	}
}

func (p *printer) put(s ...string) {
	for _, x := range s {
		p.buf = append(p.buf, x...)
	}
}

func (p *printer) line(level int) {
	p.buf = append(p.buf, '\n')
	p.buf = append(p.buf, indentation[:2*min(level, maxIndent)]...)
}

var indentation = strings.Repeat(" ", 2*maxIndent)

// id writes an identifier, if there is one.
func (p *printer) id(id string) {
	if id != "" {
		p.put(" ", id)
	}
}

// ref writes a reference to entry i of a space: by name if it has one.
func (p *printer) ref(ids []string, i uint32) {
	if int(i) < len(ids) && ids[i] != "" {
		p.put(" ", ids[i])
		return
	}
	p.number(uint64(i))
}

func (p *printer) number(v uint64) {
	p.buf = strconv.AppendUint(append(p.buf, ' '), v, 10)
}

func (p *printer) module() {
	p.put("(module")
	if p.m.Name != "" {
		p.put(" ", ID(p.m.Name))
	}
	p.customsAfter(SectionCustom)
	for i, t := range p.m.Types {
		p.line(1)
		p.put("(type ", p.ids.Types[i], " (func")
		if s := t.String(); s != "" {
			p.put(" ", s)
		}
		p.put("))")
	}
	p.customsAfter(SectionType)
	p.imports()
	p.customsAfter(SectionImport)
	for i, f := range p.m.Funcs {
		if f.Import == nil {
			p.function(FuncID(i))
		}
	}
	p.customsAfter(SectionFunc)
	p.definitions()
	p.exports()
	if p.m.Start != nil {
		p.line(1)
		p.put("(start")
		p.ref(p.ids.Funcs, uint32(p.m.Start.Func))
		p.put(")")
	}
	p.customsAfter(SectionStart)
	p.segments()
	p.put("\n)\n")
}

func (p *printer) imports() {
	for _, i := range p.m.Imports() {
		imp := p.m.ImportOf(i)
		p.line(1)
		p.put("(import ", Quote(imp.Module), " ", Quote(imp.Name), " ")
		switch i.Kind {
		case KindFunc:
			f := p.m.Funcs[i.Index]
			p.put("(func ", p.ids.Funcs[i.Index], " (type ", p.ids.Types[f.Type], ")")
			if s := p.m.Types[f.Type].String(); s != "" {
				p.put(" ", s)
			}
			p.put(")")
		case KindTable:
			p.table(int(i.Index))
		case KindMemory:
			p.memory(int(i.Index))
		case KindGlobal:
			p.global(int(i.Index))
			p.put(")")
		}
		p.put(")")
	}
}

func (p *printer) limits(l Limits) {
	p.number(l.Min)
	if l.HasMax {
		p.number(l.Max)
	}
}

func (p *printer) table(i int) {
	p.put("(table")
	p.id(p.ids.Tables[i])
	p.limits(p.m.Tables[i].Limits)
	p.put(" ", p.m.Tables[i].Elem.String(), ")")
}

func (p *printer) memory(i int) {
	p.put("(memory")
	p.id(p.ids.Memories[i])
	p.limits(p.m.Memories[i].Limits)
	p.put(")")
}

// global writes a global up to its type, without the closing parenthesis.
func (p *printer) global(i int) {
	g := p.m.Globals[i]
	p.put("(global ", p.ids.Globals[i], " ")
	if g.Mutable {
		p.put("(mut ", g.Type.String(), ")")
	} else {
		p.put(g.Type.String())
	}
}

// definitions writes tables, memories and globals.
func (p *printer) definitions() {
	for i, t := range p.m.Tables {
		if t.Import == nil {
			p.line(1)
			p.table(i)
		}
	}
	p.customsAfter(SectionTable)
	for i, m := range p.m.Memories {
		if m.Import == nil {
			p.line(1)
			p.memory(i)
		}
	}
	p.customsAfter(SectionMemory)
	for i, g := range p.m.Globals {
		if g.Import == nil {
			p.line(1)
			p.global(i)
			p.expr(&g.Init, "")
			p.put(")")
		}
	}
	p.customsAfter(SectionGlobal)
}

func (p *printer) exports() {
	for _, e := range p.m.Exports {
		ids := [...][]string{p.ids.Funcs, p.ids.Tables, p.ids.Memories, p.ids.Globals}[e.Kind]
		p.line(1)
		p.put("(export ", Quote(e.Name), " (", e.Kind.String())
		p.ref(ids, e.Index)
		p.put("))")
	}
	p.customsAfter(SectionExport)
}

func (p *printer) segments() {
	for i, e := range p.m.Elems {
		p.line(1)
		p.elem(i, e)
	}
	p.customsAfter(SectionElem)
	p.customsAfter(SectionDataCount)
	p.customsAfter(SectionCode)
	for i, d := range p.m.Datas {
		p.line(1)
		p.data(i, d)
	}
	p.customsAfter(SectionData)
}

func (p *printer) elem(i int, e *Elem) {
	p.put("(elem")
	p.id(p.ids.Elems[i])
	switch e.Mode {
	case Active:
		if e.Table != 0 {
			p.put(" (table")
			p.ref(p.ids.Tables, uint32(e.Table))
			p.put(")")
		}
		p.expr(&e.Offset, "offset")
	case Declarative:
		p.put(" declare")
	}
	if e.Exprs {
		p.put(" ", e.Type.String())
		for k := range e.Items {
			p.wrap()
			p.put(" (item")
			p.flat(&e.Items[k])
			p.put(")")
		}
	} else {
		p.put(" func")
		for _, f := range e.Funcs {
			p.wrap()
			p.ref(p.ids.Funcs, uint32(f))
		}
	}
	p.put(")")
}

// wrap starts a new line if the current one is full.
func (p *printer) wrap() {
	if start := lastNewline(p.buf); len(p.buf)-start > wrapAt {
		p.put("\n   ")
	}
}

// lastNewline returns the offset of the last newline, looking back no further
// than a line is long.
func lastNewline(b []byte) int {
	for i := len(b) - 1; i >= 0 && i > len(b)-2*wrapAt; i-- {
		if b[i] == '\n' {
			return i
		}
	}
	return len(b) - 2*wrapAt
}

func (p *printer) data(i int, d *Data) {
	p.put("(data")
	p.id(p.ids.Datas[i])
	if d.Mode == Active {
		if d.Memory != 0 {
			p.put(" (memory")
			p.ref(p.ids.Memories, uint32(d.Memory))
			p.put(")")
		}
		p.expr(&d.Offset, "offset")
	}
	p.bytes(d.Bytes)
	p.put(")")
}

// bytes writes data as strings, a line each if there is more than fits in one.
func (p *printer) bytes(s string) {
	if len(s) <= dataLine {
		p.put(" ")
		p.buf = appendQuotedBytes(p.buf, s)
		return
	}
	for len(s) > 0 {
		n := min(len(s), dataLine)
		p.line(2)
		p.buf = appendQuotedBytes(p.buf, s[:n])
		s = s[n:]
	}
}

// expr writes a constant expression: folded if it is one instruction, as nearly
// all are; otherwise flat, in a group with that keyword if there is one.
func (p *printer) expr(b *Body, keyword string) {
	switch {
	case len(b.Instrs) == 1:
		p.put(" (")
		p.instr(b, 0, nil)
		p.put(")")
	case keyword == "":
		p.flat(b)
	default:
		p.put(" (", keyword)
		p.flat(b)
		p.put(")")
	}
}

func (p *printer) flat(b *Body) {
	for i := range b.Instrs {
		p.put(" ")
		p.instr(b, i, nil)
	}
}

// customsAfter writes the custom sections that stand behind a section.
func (p *printer) customsAfter(s SectionID) {
	for p.customs < len(p.m.Customs) && p.m.Customs[p.customs].After == s {
		c := p.m.Customs[p.customs]
		p.customs++
		p.line(1)
		p.put("(@custom ", Quote(c.Name))
		if s == SectionCustom {
			p.put(" (before first)")
		} else {
			p.put(" (after ", sectionNames[s], ")")
		}
		p.bytes(c.Bytes)
		p.put(")")
	}
}
