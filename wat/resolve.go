package wat

import (
	"math"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/wat/op"
)

// This file fills in what refers to other definitions, when the names of all are
// known.

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

func (b *builder) resolveFunc(f *Func, use *typeUse, locals *locals, body *island) {
	f.body = &Body{}
	t := bodyTask{fn: f, body: f.body, locals: b.locals(locals)}
	sig := b.signature(use.Sig)
	if use.Sig != nil {
		t.params = use.Sig.Params
	}
	if use.Type != nil {
		f.Type = TypeID(b.index(spaceType, use.Type))
		if len(sig.Params)+len(sig.Results) > 0 {
			t.repeat = []typeCheck{{f.Type, sig, Span{use.Sig.Pos.Offset, use.Sig.Pos.Offset + 1}}}
		}
	} else {
		t.sig = &sig
	}
	for _, l := range t.locals {
		f.AddLocal(l.typ)
	}
	if body != nil {
		t.islands = []*island{body}
	} else {
		f.body.Span = Span{f.Header.End, f.Header.End}
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
	b.elements(e, n.Items, n.Funcs)
	b.eachIndex(n.Plain, func(f *index) { e.Funcs = append(e.Funcs, FuncID(b.index(spaceFunc, f))) })
}

// elements fills in what a segment holds.
func (b *builder) elements(e *Elem, items []*elemItem, funcs *indices) {
	b.eachIndex(funcs, func(f *index) { e.Funcs = append(e.Funcs, FuncID(b.index(spaceFunc, f))) })
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

// eachIndex yields the indices of an island.
func (b *builder) eachIndex(n *indices, yield func(*index)) {
	if n == nil {
		return
	}
	span := spanAt(n.Pos, n.Text)
	t := tokenizer{src: b.m.Source.Text, pos: span.Start, end: span.End, rep: b.rep}
	for tok := t.next(); tok.kind != tokEOF; tok = t.next() {
		yield(&index{Pos: lexer.Position{Offset: tok.start}, Text: t.text(tok)})
	}
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
			b.rep.add(ErrSyntax, tok.span(), "", "unexpected %s, expected a string", t.shown(tok))
			return ""
		}
		s, _ := t.str(tok)
		all = append(all, s...)
	}
	return string(all)
}

// zeroOffset is the offset of a segment that is written with its table or memory.
func zeroOffset() Body { return Body{Instrs: []Instr{{Op: op.I32Const}}} }
