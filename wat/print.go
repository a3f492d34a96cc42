package wat

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/watfiber/watfiber/wat/op"
)

// This file writes a tree as text: one instruction a line, unfolded, indented by
// two spaces a level. It is how a binary module becomes readable; text that was
// parsed is never written anew.

const (
	maxIndent = 40  // levels that are indented; deeper ones stay there
	wrapAt    = 100 // columns of a line that lists many things
	dataLine  = 64  // bytes of data in a line
)

// Print returns a module as text. Everything that the text refers to has a name:
// its own, or one that says what it is, see Module.Names.
func Print(m *Module) string {
	p := &printer{m: m, names: m.Names()}
	p.module()
	return string(p.buf)
}

type printer struct {
	m     *Module
	names *Names
	buf   []byte

	customs int // custom sections written so far
}

func (p *printer) put(s ...string) {
	for _, x := range s {
		p.buf = append(p.buf, x...)
	}
}

func (p *printer) line(level int) {
	p.buf = append(p.buf, '\n')
	for range min(level, maxIndent) {
		p.buf = append(p.buf, ' ', ' ')
	}
}

func (p *printer) id(name string) {
	if name != "" {
		p.put(" ", ID(name))
	}
}

// ref writes a reference to entry i of a space: by name if it has one.
func (p *printer) ref(names []string, i uint32) {
	if int(i) < len(names) && names[i] != "" {
		p.put(" ", ID(names[i]))
		return
	}
	p.put(" ")
	p.buf = strconv.AppendUint(p.buf, uint64(i), 10)
}

func (p *printer) module() {
	p.put("(module")
	p.id(p.m.Name)
	p.customsAfter(SectionCustom)
	for i, t := range p.m.Types {
		p.line(1)
		p.put("(type ", ID(p.names.Types[i]), " (func")
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
		p.ref(p.names.Funcs, uint32(p.m.Start.Func))
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
			p.put("(func ", ID(p.names.Funcs[i.Index]), " (type ", ID(p.names.Types[f.Type]), ")")
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
	p.put(" ")
	p.buf = strconv.AppendUint(p.buf, l.Min, 10)
	if l.HasMax {
		p.put(" ")
		p.buf = strconv.AppendUint(p.buf, l.Max, 10)
	}
}

func (p *printer) table(i int) {
	p.put("(table")
	p.id(p.names.Tables[i])
	p.limits(p.m.Tables[i].Limits)
	p.put(" ", p.m.Tables[i].Elem.String(), ")")
}

func (p *printer) memory(i int) {
	p.put("(memory")
	p.id(p.names.Memories[i])
	p.limits(p.m.Memories[i].Limits)
	p.put(")")
}

// global writes a global up to its type, without the closing parenthesis.
func (p *printer) global(i int) {
	g := p.m.Globals[i]
	p.put("(global ", ID(p.names.Globals[i]), " ")
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
		names := [...][]string{p.names.Funcs, p.names.Tables, p.names.Memories, p.names.Globals}[e.Kind]
		p.line(1)
		p.put("(export ", Quote(e.Name), " (", e.Kind.String())
		p.ref(names, e.Index)
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
	p.id(p.names.Elems[i])
	switch e.Mode {
	case Active:
		if e.Table != 0 {
			p.put(" (table")
			p.ref(p.names.Tables, uint32(e.Table))
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
			p.ref(p.names.Funcs, uint32(f))
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
	p.id(p.names.Datas[i])
	if d.Mode == Active {
		if d.Memory != 0 {
			p.put(" (memory")
			p.ref(p.names.Memories, uint32(d.Memory))
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

// function writes a defined function.
func (p *printer) function(id FuncID) {
	f := p.m.Funcs[id]
	fp := newFuncPrinter(p, f)
	p.line(1)
	p.put("(func ", ID(p.names.Funcs[id]), " (type ", ID(p.names.Types[f.Type]), ")")
	sig := p.m.Types[f.Type]
	for i, t := range sig.Params {
		p.put(" (param ", ID(fp.locals[i]), " ", t.String(), ")")
	}
	if len(sig.Results) > 0 {
		p.put(" ", FuncType{Results: sig.Results}.String())
	}
	fp.declareLocals()
	level := 2
	for i := range f.Body.Instrs {
		switch f.Body.Instrs[i].Op {
		case op.Else, op.End:
			level--
		}
		p.line(level)
		p.instr(&f.Body, i, fp)
		switch f.Body.Instrs[i].Op {
		case op.Block, op.Loop, op.If, op.Else:
			level++
		}
	}
	p.line(1)
	p.put(")")
}

// funcPrinter knows the names inside one function.
type funcPrinter struct {
	*printer
	f      *Func
	locals []string
	labels []string // by opener
	opener []int    // open blocks, by opener; an end belongs to the last
}

func newFuncPrinter(p *printer, f *Func) *funcPrinter {
	fp := &funcPrinter{printer: p, f: f}
	params := len(p.m.Types[f.Type].Params)
	fp.locals = unique(params+f.NumLocals(), func(i int) string { return f.LocalName(LocalID(i)) },
		func(i int) string { return DefaultLocal(i, params) }, nil)
	fp.labels = f.Body.LabelIDs()
	return fp
}

// LabelIDs returns an identifier for every block, loop or if that has a name or
// is the target of a branch, by instruction; different ones in all of the body.
func (b *Body) LabelIDs() []string {
	targets := make([]bool, len(b.Instrs))
	mark := func(l Label) {
		if l != BodyLabel {
			targets[l.Opener()] = true
		}
	}
	for _, in := range b.Instrs {
		switch in.Op.Info().Imm {
		case op.Label:
			mark(Label(in.Imm))
		case op.LabelTable:
			for _, w := range b.Words(in) {
				mark(Label(w))
			}
		}
	}
	openers := b.Openers()
	names := unique(len(openers), func(i int) string { return b.LabelName(openers[i]) }, func(i int) string { return DefaultLabel(i + 1) }, nil)
	ids := make([]string, len(b.Instrs))
	for k, i := range openers {
		if targets[i] || b.LabelName(i) != "" {
			ids[i] = names[k]
		}
	}
	return ids
}

// declareLocals writes the declared locals, as many in a line as fit.
func (p *funcPrinter) declareLocals() {
	i := len(p.m.Types[p.f.Type].Params)
	column := wrapAt
	for _, run := range p.f.Locals {
		for range run.Count {
			text := "(local " + ID(p.locals[i]) + " " + run.Type.String() + ")"
			if column += 1 + len(text); column > wrapAt {
				p.line(2)
				column = 4 + len(text)
			} else {
				p.put(" ")
			}
			p.put(text)
			i++
		}
	}
}

// instr writes instruction i of a body; fp is nil in a constant expression.
func (p *printer) instr(b *Body, i int, fp *funcPrinter) {
	in := b.Instrs[i]
	info := in.Op.Info()
	p.put(info.Name)
	switch info.Imm {
	case op.None:
		p.closingLabel(in.Op, fp)
	case op.BlockType:
		fp.opener = append(fp.opener, i)
		p.id(fp.labels[i])
		p.blockType(BlockType(in.Imm))
	case op.Label:
		p.label(Label(in.Imm), fp)
	case op.LabelTable:
		for _, w := range b.Words(in) {
			p.label(Label(w), fp)
		}
	case op.Func:
		p.ref(p.names.Funcs, uint32(in.Imm))
	case op.Indirect:
		typ, table := in.Pair()
		if table != 0 {
			p.ref(p.names.Tables, table)
		}
		p.put(" (type ", ID(p.names.Types[typ]), ")")
	case op.Local:
		p.put(" ", ID(fp.locals[in.Imm]))
	case op.Global:
		p.ref(p.names.Globals, uint32(in.Imm))
	case op.Elem:
		p.ref(p.names.Elems, uint32(in.Imm))
	case op.Data:
		p.ref(p.names.Datas, uint32(in.Imm))
	case op.Table:
		p.nonZero(p.names.Tables, uint32(in.Imm))
	case op.Memory:
		p.nonZero(p.names.Memories, uint32(in.Imm))
	case op.TableCopy:
		p.both(p.names.Tables, p.names.Tables, in)
	case op.MemoryCopy:
		p.both(p.names.Memories, p.names.Memories, in)
	case op.TableInit:
		p.segment(p.names.Tables, p.names.Elems, in)
	case op.MemoryInit:
		p.segment(p.names.Memories, p.names.Datas, in)
	default:
		p.literal(b, in, info)
	}
}

// closingLabel repeats the label behind else and end.
func (p *printer) closingLabel(code op.Code, fp *funcPrinter) {
	if fp == nil || code != op.Else && code != op.End || len(fp.opener) == 0 {
		return
	}
	last := fp.opener[len(fp.opener)-1]
	p.id(fp.labels[last])
	if code == op.End {
		fp.opener = fp.opener[:len(fp.opener)-1]
	}
}

func (p *printer) blockType(b BlockType) {
	if t, ok := b.Value(); ok {
		p.put(" (result ", t.String(), ")")
	}
	if id, ok := b.Index(); ok {
		p.put(" (type ", ID(p.names.Types[id]), ")")
		if s := p.m.Types[id].String(); s != "" {
			p.put(" ", s)
		}
	}
}

// label writes a branch target. That of the body has no name: its number is how
// many blocks are open.
func (p *printer) label(l Label, fp *funcPrinter) {
	if l == BodyLabel {
		p.put(" ", strconv.Itoa(len(fp.opener)))
		return
	}
	p.put(" ", ID(fp.labels[l.Opener()]))
}

func (p *printer) nonZero(names []string, i uint32) {
	if i != 0 {
		p.ref(names, i)
	}
}

func (p *printer) both(first, second []string, in Instr) {
	a, b := in.Pair()
	if a != 0 || b != 0 {
		p.ref(first, a)
		p.ref(second, b)
	}
}

// segment writes [table or memory] segment.
func (p *printer) segment(outer, inner []string, in Instr) {
	seg, of := in.Pair()
	if of != 0 {
		p.ref(outer, of)
	}
	p.ref(inner, seg)
}

// literal writes immediates that are no references.
func (p *printer) literal(b *Body, in Instr, info *op.Info) {
	switch info.Imm {
	case op.MemArg, op.MemArgLane:
		p.memArg(MemArg(in.Imm), info)
	case op.Lane:
		p.put(" ", strconv.FormatUint(in.Imm, 10))
	case op.I32:
		p.put(" ", strconv.FormatInt(int64(int32(in.Imm)), 10))
	case op.I64:
		p.put(" ", strconv.FormatInt(int64(in.Imm), 10))
	case op.F32:
		p.put(" ", FormatFloat32(uint32(in.Imm)))
	case op.F64:
		p.put(" ", FormatFloat64(in.Imm))
	case op.V128:
		lo, hi := b.Wide(in)
		p.put(fmt.Sprintf(" i32x4 0x%08x 0x%08x 0x%08x 0x%08x", uint32(lo), lo>>32, uint32(hi), hi>>32))
	case op.Shuffle:
		lo, hi := b.Wide(in)
		for i := range 16 {
			half := lo
			if i >= 8 {
				half = hi
			}
			p.put(" ", strconv.Itoa(int(byte(half>>(i%8*8)))))
		}
	case op.HeapType:
		p.put(" ", ValType(in.Imm).HeapTypeName())
	case op.Result:
		if in.Op == op.SelectT {
			p.put(" (result")
			for _, w := range b.Words(in) {
				p.put(" ", ValType(w).String())
			}
			p.put(")")
		}
	}
}

func (p *printer) memArg(m MemArg, info *op.Info) {
	p.nonZero(p.names.Memories, uint32(m.Memory()))
	if m.Offset() != 0 {
		p.put(" offset=", strconv.FormatUint(m.Offset(), 10))
	}
	if align := uint64(1) << m.Align(); align != uint64(info.Size) {
		p.put(" align=", strconv.FormatUint(align, 10))
	}
	if info.Imm == op.MemArgLane {
		p.put(" ", strconv.Itoa(int(m.Lane())))
	}
}

// FormatFloat32 returns the literal for the bits of an f32: the shortest decimal
// that reads back as the same bits, or nan with its payload.
func FormatFloat32(bits uint32) string {
	return formatFloat(uint64(bits), float32Format, float64(math.Float32frombits(bits)))
}

// FormatFloat64 returns the literal for the bits of an f64.
func FormatFloat64(bits uint64) string {
	return formatFloat(bits, float64Format, math.Float64frombits(bits))
}

func formatFloat(bits uint64, f floatFormat, v float64) string {
	sign := ""
	if bits>>(f.bits-1) != 0 {
		sign = "-"
	}
	fraction := bits & (1<<f.fraction - 1)
	switch {
	case v != v && fraction == 1<<(f.fraction-1):
		return sign + "nan"
	case v != v:
		return sign + "nan:0x" + strconv.FormatUint(fraction, 16)
	case math.IsInf(v, 0):
		return sign + "inf"
	}
	return strconv.FormatFloat(v, 'g', -1, int(f.bits))
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a string literal; characters of Unicode text stay
// readable.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', s[i])
		case r < ' ' || r == 0x7F || r == utf8.RuneError && size == 1:
			b = append(b, '\\', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}

// appendQuotedBytes appends s as a string literal in which only printable ASCII
// characters stand for themselves.
func appendQuotedBytes(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7F:
			b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
