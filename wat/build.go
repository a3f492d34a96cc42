package wat

import (
	"math"

	"github.com/alecthomas/participle/v2/lexer"
)

// This file makes definitions of parsed fields. declare gives everything that
// has an index its index and its name; resolve, when all names are known, fills
// in what refers to them.

// at returns the span of a token's text.
func spanAt(p lexer.Position, text string) Span { return Span{p.Offset, p.Offset + len(text)} }

func (i *ident) span() Span { return spanAt(i.Pos, i.Text) }

// name returns the name that an identifier stands for.
func (b *builder) name(id *ident) (string, bool) {
	if id == nil {
		return "", true
	}
	t := tokenizer{src: b.m.Source.Text, rep: b.rep}
	return t.id(token{tokID, id.Pos.Offset, id.Pos.Offset + len(id.Text)})
}

// text returns the value of a string that has to be Unicode text.
func (b *builder) text(s *str) string {
	t := tokenizer{src: b.m.Source.Text, rep: b.rep}
	v, _ := t.name(token{tokString, s.Pos.Offset, s.Pos.Offset + len(s.Text)})
	return v
}

// define names entry index of a space.
func (b *builder) define(sp space, id *ident, index int) string {
	name, ok := b.name(id)
	if id == nil || !ok {
		return ""
	}
	if first, fresh := b.m.scope.define(sp, name, uint32(index)); !fresh {
		b.rep.add(ErrDuplicate, id.span(), "", "duplicate %s %s, number %d has this name", spaceNames[sp], ID(name), first)
	}
	return name
}

// index returns the index that a number or name stands for.
func (b *builder) index(sp space, ref *index) uint32 {
	if ref == nil {
		return 0
	}
	span := spanAt(ref.Pos, ref.Text)
	if ref.Text[0] != '$' {
		return uint32(b.number(ref.Text, span, math.MaxUint32))
	}
	name, ok := b.name(&ident{ref.Pos, ref.Text})
	if !ok {
		return 0
	}
	i, ok := b.m.scope.lookup(sp, name)
	if !ok {
		b.rep.add(ErrName, span, "", "unknown %s %s", spaceNames[sp], ID(name)).complete = b.m.scope.nearest(sp, name)
		return math.MaxUint32
	}
	return i
}

func (b *builder) number(text string, span Span, limit uint64) uint64 {
	v, ok := parseNat(text)
	if !ok && !isDigits(text) {
		b.rep.add(ErrLiteral, span, "", "%s is no unsigned integer", text)
		return 0
	}
	if !ok || v > limit {
		b.rep.add(ErrLiteral, span, "", "%s is out of range", text)
		return 0
	}
	return v
}

func typesOf(names []string) []ValType {
	types := make([]ValType, len(names))
	for i, n := range names {
		types[i], _ = ParseValType(n)
	}
	return types
}

// signature returns the type that a funcType node writes out.
func (b *builder) signature(n *funcType) FuncType {
	var sig FuncType
	if n == nil {
		return sig
	}
	for _, p := range n.Params {
		if p.ID != nil && len(p.Types) != 1 {
			b.rep.add(ErrSyntax, p.ID.span(), "", "a named parameter has one type, not %d", len(p.Types))
		}
		sig.Params = append(sig.Params, typesOf(p.Types)...)
	}
	for _, r := range n.Results {
		sig.Results = append(sig.Results, typesOf(r.Types)...)
	}
	return sig
}

func (b *builder) limits(n *limits) Limits {
	l := Limits{Min: b.number(n.Min, spanAt(n.Pos, n.Min), math.MaxUint64)}
	if n.Max != "" {
		l.HasMax = true
		l.Max = b.number(n.Max, spanAt(n.Pos, n.Min), math.MaxUint64)
	}
	return l
}

// importing checks that imports come before definitions.
func (b *builder) importing(imp *inlineImport, keyword string, span Span) *Import {
	if imp == nil {
		if b.defined == "" {
			b.defined = keyword
		}
		return nil
	}
	if b.defined != "" {
		b.rep.add(ErrSyntax, span, "imports come before all definitions of functions, tables, memories and globals",
			"import after a %s", b.defined)
	}
	b.imports++
	return &Import{
		Module: b.text(imp.Module), Name: b.text(imp.Name), Order: b.imports,
		Span: Span{imp.Module.Pos.Offset, imp.Name.Pos.Offset + len(imp.Name.Text)},
	}
}

func (b *builder) export(names []*inlineExport, kind Kind, index int) {
	for _, e := range names {
		b.m.Exports = append(b.m.Exports, &Export{Name: b.text(e.Name), Span: spanAt(e.Name.Pos, e.Name.Text), Kind: kind, Index: uint32(index)})
	}
}

// declare gives what a field defines its index and its name.
func (b *builder) declare(p *parsedField, f *Field) {
	switch n := p.node.(type) {
	case nil:
		b.declareBroken(f)
	case *typeField:
		t := &Type{Span: f.Span, FuncType: b.signature(n.Func)}
		b.uniqueParams(n.Func)
		t.Name = b.define(spaceType, n.ID, len(b.m.Types))
		b.m.Types = append(b.m.Types, t)
	case *importField:
		b.declareImport(p, f, n)
	case *funcField:
		fn := &Func{Span: f.Span, Header: p.header, Import: b.importing(n.Import, "func", f.Span)}
		if fn.Import != nil && (n.Body != nil || n.Locals != nil) {
			b.rep.add(ErrSyntax, f.Span, "", "an imported function has no locals and no body")
		}
		b.addFunc(p, f, fn, n.ID, n.Exports)
	case *tableField:
		t := &Table{Span: f.Span, Import: b.importing(n.Import, "table", f.Span)}
		b.tableType(p, t, n)
		b.addTable(f, t, n.ID, n.Exports)
	case *memoryField:
		m := &Memory{Span: f.Span, Import: b.importing(n.Import, "memory", f.Span)}
		b.memoryType(m, n)
		b.addMemory(f, m, n.ID, n.Exports)
	case *globalField:
		g := &Global{Span: f.Span, Import: b.importing(n.Import, "global", f.Span)}
		if g.Import != nil && len(n.Init) > 0 {
			b.rep.add(ErrSyntax, f.Span, "", "an imported global has no initial value")
		}
		g.Type, g.Mutable = globalTypeOf(n.Type)
		b.addGlobal(p, f, g, n.ID, n.Exports)
	case *elemField:
		e := &Elem{Span: f.Span}
		e.Name = b.define(spaceElem, n.ID, len(b.m.Elems))
		b.m.Elems = append(b.m.Elems, e)
		p.def = e
	case *dataField:
		d := &Data{Span: f.Span}
		d.Name = b.define(spaceData, n.ID, len(b.m.Datas))
		b.m.Datas = append(b.m.Datas, d)
		p.def = d
	case *exportField:
		e := &Export{Name: b.text(n.Name), Span: spanAt(n.Name.Pos, n.Name.Text)}
		b.m.Exports = append(b.m.Exports, e)
		p.def = e
	case *startField:
		if b.m.Start != nil {
			b.rep.add(ErrSyntax, f.Span, "a module has at most one", "second start field")
		}
		b.m.Start = &Start{Span: f.Span}
	}
}

// declareBroken gives a field that could not be parsed its place, so that others
// can refer to it.
func (b *builder) declareBroken(f *Field) {
	t := tokenizer{src: b.m.Source.Text, pos: f.Span.Start, end: f.Span.End, rep: &report{}}
	t.next() // (
	t.next() // the keyword
	var id *ident
	if tok := t.next(); tok.kind == tokID {
		id = &ident{Pos: lexer.Position{Offset: tok.start}, Text: t.text(tok)}
	}
	m := b.m
	switch f.Keyword {
	case "type":
		b.define(spaceType, id, len(m.Types))
		m.Types = append(m.Types, &Type{})
	case "func":
		b.define(spaceFunc, id, len(m.Funcs))
		m.Funcs = append(m.Funcs, &Func{})
	case "table":
		b.define(spaceTable, id, len(m.Tables))
		m.Tables = append(m.Tables, &Table{})
	case "memory":
		b.define(spaceMemory, id, len(m.Memories))
		m.Memories = append(m.Memories, &Memory{})
	case "global":
		b.define(spaceGlobal, id, len(m.Globals))
		m.Globals = append(m.Globals, &Global{})
	case "elem":
		b.define(spaceElem, id, len(m.Elems))
		m.Elems = append(m.Elems, &Elem{})
	case "data":
		b.define(spaceData, id, len(m.Datas))
		m.Datas = append(m.Datas, &Data{})
	case "import":
		m.scope.partial = true // what it is called, nobody knows
	}
}

func (b *builder) declareImport(p *parsedField, f *Field, n *importField) {
	imp := b.importing(&inlineImport{n.Module, n.Name}, "import", f.Span)
	switch d := n.Desc; {
	case d.Func != nil:
		b.addFunc(p, f, &Func{Span: f.Span, Import: imp}, d.Func.ID, nil)
	case d.Table != nil:
		t := &Table{Span: f.Span, Import: imp, Limits: b.limits(d.Table.Type.Limits)}
		t.Elem, _ = ParseValType(d.Table.Type.Elem)
		b.addTable(f, t, d.Table.ID, nil)
	case d.Memory != nil:
		b.addMemory(f, &Memory{Span: f.Span, Import: imp, Limits: b.limits(d.Memory.Limits)}, d.Memory.ID, nil)
	case d.Global != nil:
		g := &Global{Span: f.Span, Import: imp}
		g.Type, g.Mutable = globalTypeOf(d.Global.Type)
		b.addGlobal(p, f, g, d.Global.ID, nil)
	}
}

func (b *builder) addFunc(p *parsedField, f *Field, fn *Func, id *ident, exports []*inlineExport) {
	fn.Name = b.define(spaceFunc, id, len(b.m.Funcs))
	b.export(exports, KindFunc, len(b.m.Funcs))
	f.Kind, f.First, f.Num = KindFunc, uint32(len(b.m.Funcs)), 1
	b.m.Funcs = append(b.m.Funcs, fn)
	p.def = fn
}

func (b *builder) addTable(f *Field, t *Table, id *ident, exports []*inlineExport) {
	t.Name = b.define(spaceTable, id, len(b.m.Tables))
	b.export(exports, KindTable, len(b.m.Tables))
	f.Kind, f.First, f.Num = KindTable, uint32(len(b.m.Tables)), 1
	b.m.Tables = append(b.m.Tables, t)
}

func (b *builder) addMemory(f *Field, m *Memory, id *ident, exports []*inlineExport) {
	m.Name = b.define(spaceMemory, id, len(b.m.Memories))
	b.export(exports, KindMemory, len(b.m.Memories))
	f.Kind, f.First, f.Num = KindMemory, uint32(len(b.m.Memories)), 1
	b.m.Memories = append(b.m.Memories, m)
}

func (b *builder) addGlobal(p *parsedField, f *Field, g *Global, id *ident, exports []*inlineExport) {
	g.Name = b.define(spaceGlobal, id, len(b.m.Globals))
	b.export(exports, KindGlobal, len(b.m.Globals))
	f.Kind, f.First, f.Num = KindGlobal, uint32(len(b.m.Globals)), 1
	b.m.Globals = append(b.m.Globals, g)
	p.def = g
}

// tableType fills in the type of a table. With inline elements it has just room
// for them, and they are a segment of their own.
func (b *builder) tableType(p *parsedField, t *Table, n *tableField) {
	if n.Type != nil {
		t.Limits = b.limits(n.Type.Limits)
		t.Elem, _ = ParseValType(n.Type.Elem)
		return
	}
	t.Elem, _ = ParseValType(n.Elem)
	size := uint64(len(n.Init.Items))
	b.eachIndex(n.Init.Funcs, func(*index) { size++ })
	t.Limits = Limits{Min: size, Max: size, HasMax: true}
	if t.Import != nil {
		b.rep.add(ErrSyntax, t.Span, "", "an imported table has no elements here")
	}
	e := &Elem{Span: t.Span, Table: TableID(len(b.m.Tables)), Offset: zeroOffset(), Type: t.Elem, Exprs: n.Init.Funcs == nil}
	if !e.Exprs {
		e.Type = FuncRef // whatever the table holds
	}
	if size == 0 && t.Elem == FuncRef {
		e.Exprs = false // an empty list is one of either; this is shorter
	}
	b.m.Elems = append(b.m.Elems, e)
	p.def = e
}

// memoryType fills in the type of a memory. With inline data it has just room
// for it, and the data is a segment of its own.
func (b *builder) memoryType(m *Memory, n *memoryField) {
	if n.Limits != nil {
		m.Limits = b.limits(n.Limits)
		return
	}
	if m.Import != nil {
		b.rep.add(ErrSyntax, m.Span, "", "an imported memory has no data here")
	}
	bytes := b.bytes(n.Data.Bytes)
	pages := (uint64(len(bytes)) + 0xFFFF) / 0x10000
	m.Limits = Limits{Min: pages, Max: pages, HasMax: true}
	b.m.Datas = append(b.m.Datas, &Data{Span: m.Span, Memory: MemoryID(len(b.m.Memories)), Offset: zeroOffset(), Bytes: bytes})
}

func globalTypeOf(n *globalType) (t ValType, mutable bool) {
	if n.Var != "" {
		t, _ = ParseValType(n.Var)
		return t, true
	}
	t, _ = ParseValType(n.Const)
	return t, false
}

// uniqueParams checks the names in a type field, which nothing refers to.
func (b *builder) uniqueParams(n *funcType) {
	seen := map[string]bool{}
	for _, p := range n.Params {
		if name, ok := b.name(p.ID); p.ID != nil && ok {
			if seen[name] {
				b.rep.add(ErrDuplicate, p.ID.span(), "", "duplicate parameter %s", ID(name))
			}
			seen[name] = true
		}
	}
}
