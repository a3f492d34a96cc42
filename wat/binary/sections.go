package binary

import (
	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
)

// This file reads the contents of sections.

func (d *decoder) types() {
	for range d.count("types") {
		at := d.pos
		if c := d.byte(); c != 0x60 && d.err == nil {
			d.failLater(laterTypes[c], at, "unknown form of type 0x%02x", c)
		}
		t := &wat.Type{}
		t.Params = d.valTypes()
		t.Results = d.valTypes()
		t.Span = wat.Span{Start: at, End: d.pos}
		d.m.Types = append(d.m.Types, t)
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) limits() (l wat.Limits) {
	at := d.pos
	switch flags := d.byte(); flags {
	case 0, 1:
		l.Min = uint64(d.u32())
		if l.HasMax = flags == 1; l.HasMax {
			l.Max = uint64(d.u32())
		}
	default:
		d.failLater(laterLimits(flags), at, "malformed limits flags 0x%02x", flags)
	}
	return l
}

func (d *decoder) importSection() {
	for range d.count("imports") {
		at := d.pos
		imp := &wat.Import{Module: d.name(), Name: d.name(), Order: d.imports}
		d.imports++
		kindAt := d.pos
		switch kind := wat.Kind(d.byte()); kind {
		case wat.KindFunc:
			d.m.Funcs = append(d.m.Funcs, &wat.Func{Import: imp, Type: wat.TypeID(d.u32()), Span: wat.Span{Start: at, End: d.pos}})
		case wat.KindTable:
			t := d.table()
			t.Import = imp
		case wat.KindMemory:
			d.m.Memories = append(d.m.Memories, &wat.Memory{Import: imp, Limits: d.limits(), Span: wat.Span{Start: at, End: d.pos}})
		case wat.KindGlobal:
			g := d.globalType()
			g.Import = imp
		default:
			feature := ""
			if kind == 4 {
				feature = exceptions
			}
			d.failLater(feature, kindAt, "malformed import kind 0x%02x", uint8(kind))
		}
		imp.Span = wat.Span{Start: at, End: d.pos}
		if d.err != nil {
			return
		}
	}
	d.imported = len(d.m.Funcs)
}

func (d *decoder) functions() {
	d.funcTypes = make([]wat.TypeID, d.count("functions"))
	for i := range d.funcTypes {
		d.funcTypes[i] = wat.TypeID(d.u32())
		d.m.Funcs = append(d.m.Funcs, &wat.Func{Type: d.funcTypes[i], Span: wat.Span{Start: d.pos - 1, End: d.pos}})
	}
}

func (d *decoder) table() *wat.Table {
	at := d.pos
	t := &wat.Table{Elem: d.refType(), Limits: d.limits()}
	t.Span = wat.Span{Start: at, End: d.pos}
	d.m.Tables = append(d.m.Tables, t)
	return t
}

func (d *decoder) tables() {
	for range d.count("tables") {
		d.table()
	}
}

func (d *decoder) memories() {
	for range d.count("memories") {
		at := d.pos
		d.m.Memories = append(d.m.Memories, &wat.Memory{Limits: d.limits(), Span: wat.Span{Start: at, End: d.pos}})
	}
}

// globalType reads the type of a global and adds the global.
func (d *decoder) globalType() *wat.Global {
	at := d.pos
	g := &wat.Global{Type: d.valType()}
	mutAt := d.pos
	switch c := d.byte(); c {
	case 0, 1:
		g.Mutable = c == 1
	default:
		d.fail(mutAt, "malformed mutability 0x%02x", c)
	}
	g.Span = wat.Span{Start: at, End: d.pos}
	d.m.Globals = append(d.m.Globals, g)
	return g
}

func (d *decoder) globals() {
	for range d.count("globals") {
		g := d.globalType()
		g.Init = d.constant()
		if d.err != nil {
			return
		}
	}
}

// constant reads a constant expression.
func (d *decoder) constant() wat.Body {
	b := bodyReader{reader: d.reader, body: &wat.Body{Instrs: make([]wat.Instr, 0, 1)}}
	b.read()
	d.pos, d.err = b.pos, b.err
	return *b.body
}

func (d *decoder) exports() {
	for range d.count("exports") {
		at := d.pos
		e := &wat.Export{Name: d.name()}
		kindAt := d.pos
		if e.Kind = wat.Kind(d.byte()); e.Kind > wat.KindGlobal {
			d.fail(kindAt, "malformed export kind 0x%02x", uint8(e.Kind))
			return
		}
		e.Index = d.u32()
		e.Span = wat.Span{Start: at, End: d.pos}
		d.m.Exports = append(d.m.Exports, e)
	}
}

func (d *decoder) start() {
	at := d.pos
	d.m.Start = &wat.Start{Func: wat.FuncID(d.u32()), Span: wat.Span{Start: at, End: d.pos}}
}

// The bits that an element segment starts with.
const (
	elemNotActive = 1 << iota // passive or declarative
	elemExplicit              // with a table index; declarative if not active
	elemExprs                 // expressions instead of function indices
)

func (d *decoder) elems() {
	for range d.count("element segments") {
		d.elem()
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) elem() {
	at := d.pos
	flags := d.u32()
	if flags > 7 {
		d.fail(at, "malformed elements segment kind %d", flags)
		return
	}
	e := &wat.Elem{Type: wat.FuncRef, Exprs: flags&elemExprs != 0}
	switch {
	case flags&elemNotActive == 0:
		if flags&elemExplicit != 0 {
			e.Table = wat.TableID(d.u32())
		}
		e.Offset = d.constant()
	case flags&elemExplicit != 0:
		e.Mode = wat.Declarative
	default:
		e.Mode = wat.Passive
	}
	if flags&(elemNotActive|elemExplicit) != 0 {
		kindAt := d.pos
		if e.Exprs {
			e.Type = d.refType()
		} else if k := d.byte(); k != 0 && d.err == nil {
			d.fail(kindAt, "malformed element kind 0x%02x", k)
		}
	}
	n := d.count("elements")
	if e.Exprs {
		e.Items = make([]wat.Body, n)
		for i := range e.Items {
			e.Items[i] = d.constant()
		}
	} else {
		e.Funcs = make([]wat.FuncID, n)
		for i := range e.Funcs {
			e.Funcs[i] = wat.FuncID(d.u32())
		}
	}
	e.Span = wat.Span{Start: at, End: d.pos}
	d.m.Elems = append(d.m.Elems, e)
}

func (d *decoder) readDataCount() {
	d.dataCount = int(d.u32())
	d.m.DataCount = true
}

func (d *decoder) datas() {
	at := d.pos
	n := d.count("data segments")
	if d.dataCount >= 0 && n != d.dataCount && d.err == nil {
		d.fail(at, "data count and data section have inconsistent lengths: %d and %d", d.dataCount, n)
	}
	for range n {
		d.data()
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) data() {
	at := d.pos
	s := &wat.Data{}
	switch flags := d.u32(); flags {
	case 0:
		s.Offset = d.constant()
	case 1:
		s.Mode = wat.Passive
	case 2:
		s.Memory = wat.MemoryID(d.u32())
		s.Offset = d.constant()
	default:
		d.fail(at, "malformed data segment kind %d", flags)
	}
	s.Bytes = d.bytes(d.u32(), "data")
	s.Span = wat.Span{Start: at, End: d.pos}
	d.m.Datas = append(d.m.Datas, s)
}

func (d *decoder) code() {
	at := d.pos
	d.bodies = true
	if n := d.count("function bodies"); n != len(d.funcTypes) {
		if d.err == nil {
			d.fail(at, "function and code section have inconsistent lengths: %d and %d", len(d.funcTypes), n)
		}
		return
	}
	read := 0
	for _, f := range d.m.Funcs[d.imported:] {
		d.function(f)
		if d.err != nil {
			break
		}
		read++
	}
	if err := d.checkBodies(d.m.Funcs[d.imported:][:read]); err != nil {
		d.err = err // it comes before the other
	}
}

// function reads the size and the locals of a function, and finds its instructions.
func (d *decoder) function(f *wat.Func) {
	at := d.pos
	size := d.u32()
	if uint64(size) > uint64(d.end-d.pos) {
		d.fail(at, "unexpected end: a function body of %d bytes, %d are left", size, d.end-d.pos)
		return
	}
	f.Span = wat.Span{Start: at, End: d.pos + int(size)}
	outer := d.end
	d.end = f.Span.End
	f.Locals = d.localRuns()
	if d.locals += f.NumLocals(); d.locals > len(d.src)+spareLocals {
		d.fail(at, "too many locals: %d in the functions up to here, of a module of %d bytes", d.locals, len(d.src))
	}
	f.Packed = &packed{code: d.src[:f.Span.End], start: d.pos}
	d.pos, d.end = f.Span.End, outer
}

// checkBodies checks the format of the instructions of functions. It returns the first
// error.
func (d *decoder) checkBodies(funcs []*wat.Func) *wat.Error {
	errs := make([]*wat.Error, len(funcs))
	parallel.Do(len(funcs), func() func(int) {
		b := bodyReader{body: &wat.Body{}, noDataCount: d.dataCount < 0}
		return func(i int) { errs[i] = funcs[i].Packed.(*packed).check(&b, d.source) }
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// localRuns reads the declared locals of a function.
func (r *reader) localRuns() []wat.LocalRun {
	var runs []wat.LocalRun
	total := uint64(0)
	for range r.count("groups of locals") {
		at := r.pos
		run := wat.LocalRun{Count: r.u32()}
		run.Type = r.valType()
		if total += uint64(run.Count); total > MaxLocals {
			r.fail(at, "too many locals: %d", total)
		}
		if r.err != nil {
			return nil
		}
		if n := len(runs); n > 0 && runs[n-1].Type == run.Type {
			runs[n-1].Count += run.Count
		} else if run.Count > 0 {
			runs = append(runs, run)
		}
	}
	return runs
}
