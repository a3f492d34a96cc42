package wat

import (
	"math"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/wat/op"
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
		b.rep.add(ErrName, span, b.m.scope.suggest(sp, name), "unknown %s %s", spaceNames[sp], ID(name))
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
	case *typeField:
		t := &Type{Span: f.Span, FuncType: b.signature(n.Func)}
		b.uniqueParams(n.Func)
		t.Name = b.define(spaceType, n.ID, len(b.m.Types))
		b.m.Types = append(b.m.Types, t)
	case *importField:
		b.declareImport(p, f, n)
	case *funcField:
		fn := &Func{Span: f.Span, Header: p.header, Import: b.importing(n.Import, "func", f.Span)}
		if fn.Import != nil && (n.Body != nil || len(n.Locals) > 0) {
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
	size := uint64(len(n.Init.Items) + len(n.Init.Funcs))
	t.Limits = Limits{Min: size, Max: size, HasMax: true}
	if t.Import != nil {
		b.rep.add(ErrSyntax, t.Span, "", "an imported table has no elements here")
	}
	e := &Elem{Span: t.Span, Table: TableID(len(b.m.Tables)), Offset: zeroOffset(), Type: t.Elem, Exprs: len(n.Init.Items) > 0}
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

// resolve fills in what refers to other definitions, and queues bodies.
func (b *builder) resolve(p *parsedField) {
	switch n := p.node.(type) {
	case *importField:
		if n.Desc.Func != nil {
			b.resolveFunc(p.def.(*Func), &n.Desc.Func.Type, nil, nil)
		}
	case *funcField:
		b.resolveFunc(p.def.(*Func), &n.Type, n.Locals, n.Body)
	case *tableField:
		if n.Init != nil {
			b.elements(p.def.(*Elem), n.Init.Items, n.Init.Funcs)
		}
	case *globalField:
		if g := p.def.(*Global); g.Import == nil {
			b.queue(&g.Init, n.Init)
		}
	case *exportField:
		b.resolveExport(p.def.(*Export), n)
	case *startField:
		b.m.Start.Func = FuncID(b.index(spaceFunc, n.Func))
	case *elemField:
		b.resolveElem(p.def.(*Elem), n)
	case *dataField:
		b.resolveData(p.def.(*Data), n)
	}
}

// queue has the islands scanned as one body.
func (b *builder) queue(body *Body, islands []*island) {
	b.bodies = append(b.bodies, bodyTask{islands: islands, body: body})
}

func (b *builder) resolveFunc(f *Func, use *typeUse, locals []*local, body *island) {
	t := bodyTask{fn: f, body: &f.Body, locals: locals}
	sig := b.signature(use.Sig)
	if use.Sig != nil {
		t.params = use.Sig.Params
	}
	if use.Type != nil {
		f.Type = TypeID(b.index(spaceType, use.Type))
		if len(sig.Params)+len(sig.Results) > 0 {
			b.repeats = append(b.repeats, typeCheck{f.Type, sig, Span{use.Sig.Pos.Offset, use.Sig.Pos.Offset + 1}})
		}
	} else {
		t.sig = &sig
	}
	for _, l := range locals {
		if l.ID != nil && len(l.Types) != 1 {
			b.rep.add(ErrSyntax, l.ID.span(), "", "a named local has one type, not %d", len(l.Types))
		}
		for _, typ := range typesOf(l.Types) {
			f.AddLocal(typ)
		}
	}
	if body != nil {
		t.islands = []*island{body}
	} else {
		f.Body.Span = Span{f.Header.End, f.Header.End}
	}
	b.bodies = append(b.bodies, t)
}

// AddLocal declares one more local.
func (f *Func) AddLocal(t ValType) {
	if n := len(f.Locals); n > 0 && f.Locals[n-1].Type == t {
		f.Locals[n-1].Count++
		return
	}
	f.Locals = append(f.Locals, LocalRun{1, t})
}

func (b *builder) resolveExport(e *Export, n *exportField) {
	switch d := n.Desc; {
	case d.Func != nil:
		e.Kind, e.Index = KindFunc, b.index(spaceFunc, d.Func)
	case d.Table != nil:
		e.Kind, e.Index = KindTable, b.index(spaceTable, d.Table)
	case d.Memory != nil:
		e.Kind, e.Index = KindMemory, b.index(spaceMemory, d.Memory)
	case d.Global != nil:
		e.Kind, e.Index = KindGlobal, b.index(spaceGlobal, d.Global)
	}
}

func (b *builder) resolveElem(e *Elem, n *elemField) {
	switch {
	case n.Declare:
		e.Mode = Declarative
	case n.Offset == nil:
		e.Mode = Passive
	}
	if n.Offset != nil {
		b.queue(&e.Offset, n.Offset.Exprs)
	}
	e.Table = TableID(b.index(spaceTable, n.Table))
	if n.OldUse != "" {
		e.Table = TableID(b.number(n.OldUse, e.Span, math.MaxUint32))
	}
	switch {
	case n.Offset == nil && (n.Table != nil || n.OldUse != ""):
		b.rep.add(ErrSyntax, e.Span, "", "an element segment with a table needs an offset")
	case n.Offset != nil && n.Declare:
		b.rep.add(ErrSyntax, e.Span, "", "a declarative element segment has no offset")
	case n.Type == "" && !n.Func && n.Offset == nil:
		b.rep.add(ErrSyntax, e.Span, "write (elem func …) or (elem funcref …)", "element segment without a type")
	}
	e.Type = FuncRef
	if n.Type != "" {
		e.Type, _ = ParseValType(n.Type)
		e.Exprs = true
	}
	b.elements(e, n.Items, append(n.Funcs, n.Plain...))
}

// elements fills in what a segment holds.
func (b *builder) elements(e *Elem, items []*elemItem, funcs []*index) {
	for _, f := range funcs {
		e.Funcs = append(e.Funcs, FuncID(b.index(spaceFunc, f)))
	}
	e.Items = make([]Body, len(items))
	for i, item := range items {
		b.queue(&e.Items[i], item.Exprs)
	}
}

func (b *builder) resolveData(d *Data, n *dataField) {
	if n.Offset != nil {
		b.queue(&d.Offset, n.Offset.Exprs)
	} else {
		d.Mode = Passive
	}
	if n.Offset == nil && (n.Memory != nil || n.OldUse != "") {
		b.rep.add(ErrSyntax, d.Span, "", "a data segment with a memory needs an offset")
	}
	d.Memory = MemoryID(b.index(spaceMemory, n.Memory))
	if n.OldUse != "" {
		d.Memory = MemoryID(b.number(n.OldUse, d.Span, math.MaxUint32))
	}
	d.Bytes = b.bytes(n.Bytes)
}

// bytes joins the strings of an island.
func (b *builder) bytes(n *byteStrings) string {
	if n == nil {
		return ""
	}
	span := spanAt(n.Pos, n.Text)
	t := tokenizer{src: b.m.Source.Text, pos: span.Start, end: span.End, rep: b.rep}
	var all []byte
	for tok := t.next(); tok.kind != tokEOF; tok = t.next() {
		if tok.kind != tokString {
			b.rep.add(ErrSyntax, tok.span(), "", "unexpected %s, expected a string", t.text(tok))
			return ""
		}
		s, _ := t.str(tok)
		all = append(all, s...)
	}
	return string(all)
}

// zeroOffset is the offset of a segment that is written with its table or memory.
func zeroOffset() Body { return Body{Instrs: []Instr{{Op: op.I32Const}}} }
