package binary

import (
	"fmt"
	"unicode/utf8"

	"github.com/watfiber/watfiber/wat"
)

// Magic is what a binary module starts with.
const Magic = "\x00asm"

const version = "\x01\x00\x00\x00"

// MaxLocals bounds the locals that one function may declare. Engines in browsers
// take 50 000.
const MaxLocals = 1 << 20

// IsBinary reports whether data is a binary module, by its first bytes.
func IsBinary(data string) bool { return len(data) >= 4 && data[:4] == Magic }

// Decode reads a module in the binary format. The name is the file name that
// errors show; places are offsets. The error is a *wat.Error.
//
// The tree refers to data; it is not copied. Decode checks the format; whether
// the module is valid is for package check to say.
func Decode(name, data string) (*wat.Module, error) {
	m := &wat.Module{Source: &wat.Source{Name: name, Text: data, Binary: true}}
	d := &decoder{reader: reader{src: data, end: len(data), source: m.Source}, m: m}
	d.module()
	if d.err != nil {
		return nil, d.err
	}
	return m, nil
}

// reader reads the primitive values of the format. After an error it returns
// zeros.
type reader struct {
	src      string
	pos, end int
	source   *wat.Source
	err      *wat.Error
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &wat.Error{Source: r.source, Span: wat.Span{Start: at, End: at + 1}, Code: wat.ErrBinary, Msg: fmt.Sprintf(format, args...)}
	}
	r.pos = r.end
}

func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.fail(r.pos, "unexpected end")
		return 0
	}
	r.pos++
	return r.src[r.pos-1]
}

// bytes returns the next n bytes.
func (r *reader) bytes(n uint32, what string) string {
	if uint64(n) > uint64(r.end-r.pos) {
		r.fail(r.pos, "unexpected end: %s of %d bytes, %d are left", what, n, r.end-r.pos)
		return ""
	}
	r.pos += int(n)
	return r.src[r.pos-int(n) : r.pos]
}

// name reads a string that has to be Unicode text.
func (r *reader) name() string {
	at := r.pos
	s := r.bytes(r.u32(), "a name")
	if !utf8.ValidString(s) {
		r.fail(at, "malformed UTF-8 encoding")
	}
	return s
}

// count reads the number of entries of a vector. Each takes a byte at least, so
// a number that the rest cannot hold is refused at once.
func (r *reader) count(what string) int {
	at := r.pos
	n := r.u32()
	if uint64(n) > uint64(r.end-r.pos) {
		r.fail(at, "unexpected end: %d %s in %d bytes", n, what, r.end-r.pos)
		return 0
	}
	return int(n)
}

func (r *reader) valTypes() []wat.ValType {
	types := make([]wat.ValType, r.count("types"))
	for i := range types {
		types[i] = r.valType()
	}
	return types
}

func (r *reader) valType() wat.ValType {
	at := r.pos
	t := wat.ValType(r.byte())
	switch t {
	case wat.I32, wat.I64, wat.F32, wat.F64, wat.V128, wat.FuncRef, wat.ExternRef:
		return t
	}
	r.fail(at, "malformed value type 0x%02x", uint32(t))
	return wat.I32
}

func (r *reader) refType() wat.ValType {
	at := r.pos
	t := r.valType()
	if !t.IsRef() && r.err == nil {
		r.fail(at, "malformed reference type 0x%02x", uint32(t))
	}
	return t
}

// decoder reads the sections of a module.
type decoder struct {
	reader
	m *wat.Module

	funcTypes []wat.TypeID // of the function section
	imported  int          // functions that are imports
	imports   int          // imports of all kinds
	dataCount int          // -1: no such section
	bodies    bool         // the code section was read
	last      wat.SectionID
	rank      int      // of the last known section in the order of sections
	names     wat.Span // the name section
}

func (d *decoder) module() {
	if uint64(len(d.src)) > 1<<32-1 {
		d.fail(0, "the module is larger than 4 GiB")
		return
	}
	if d.bytes(4, "the magic number") != Magic && d.err == nil || d.err != nil {
		d.err = nil
		d.fail(0, "magic header not detected")
		return
	}
	if d.bytes(4, "the version") != version {
		if d.err == nil {
			d.fail(4, "unknown binary version")
		}
		return
	}
	d.dataCount = -1
	for d.pos < d.end {
		d.section()
	}
	switch {
	case d.err != nil:
		return
	case len(d.funcTypes) > 0 && !d.bodies:
		d.fail(d.end, "function and code section have inconsistent lengths: %d functions, no code section", len(d.funcTypes))
	case d.dataCount > 0 && len(d.m.Datas) == 0:
		d.fail(d.end, "data count and data section have inconsistent lengths")
	}
	if d.err == nil {
		d.readNames()
	}
}

// sections lists the known sections in the order they have to come in.
var sections = [...]struct {
	id   wat.SectionID
	read func(*decoder)
}{
	{wat.SectionType, (*decoder).types},
	{wat.SectionImport, (*decoder).importSection},
	{wat.SectionFunc, (*decoder).functions},
	{wat.SectionTable, (*decoder).tables},
	{wat.SectionMemory, (*decoder).memories},
	{wat.SectionGlobal, (*decoder).globals},
	{wat.SectionExport, (*decoder).exports},
	{wat.SectionStart, (*decoder).start},
	{wat.SectionElem, (*decoder).elems},
	{wat.SectionDataCount, (*decoder).readDataCount},
	{wat.SectionCode, (*decoder).code},
	{wat.SectionData, (*decoder).datas},
}

func (d *decoder) section() {
	at := d.pos
	id := wat.SectionID(d.byte())
	size := d.u32()
	if d.err != nil {
		return
	}
	if uint64(size) > uint64(d.end-d.pos) {
		d.fail(at, "length out of bounds: section %d has %d bytes, %d are left", id, size, d.end-d.pos)
		return
	}
	outer := d.end
	d.end = d.pos + int(size)
	if id == wat.SectionCustom {
		d.custom(at)
	} else {
		d.known(id, at)
	}
	if d.err == nil && d.pos != d.end {
		d.fail(d.pos, "section size mismatch: %d bytes of section %d are left over", d.end-d.pos, id)
	}
	d.end = outer
	if d.err != nil {
		d.pos = d.end
	}
}

func (d *decoder) known(id wat.SectionID, at int) {
	for rank, s := range sections {
		if s.id != id {
			continue
		}
		if rank < d.rank {
			d.fail(at, "unexpected content after last section: section %d is out of order", id)
			return
		}
		d.rank = rank + 1
		d.last = id
		s.read(d)
		return
	}
	d.fail(at, "malformed section id %d", id)
}

func (d *decoder) types() {
	for range d.count("types") {
		at := d.pos
		if c := d.byte(); c != 0x60 && d.err == nil {
			d.fail(at, "unknown form of type 0x%02x", c)
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
		d.fail(at, "malformed limits flags 0x%02x", flags)
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
			d.fail(kindAt, "malformed import kind 0x%02x", uint8(kind))
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
	b := bodyReader{reader: d.reader}
	body := b.read(1)
	d.pos, d.err = b.pos, b.err
	return body
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
	for _, f := range d.m.Funcs[d.imported:] {
		d.function(f)
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) function(f *wat.Func) {
	at := d.pos
	size := d.u32()
	if uint64(size) > uint64(d.end-d.pos) {
		d.fail(at, "unexpected end: a function body of %d bytes, %d are left", size, d.end-d.pos)
		return
	}
	f.Span = wat.Span{Start: at, End: d.pos + int(size)}
	b := bodyReader{reader: d.reader, noDataCount: d.dataCount < 0}
	b.end = f.Span.End
	f.Locals = b.locals()
	f.Body = b.read((b.end-b.pos)*2/5 + 2) // compilers emit 2.5 bytes an instruction
	if b.err == nil && b.pos != b.end {
		b.fail(b.pos, "END opcode expected: %d bytes behind the end of the function", b.end-b.pos)
	}
	d.pos, d.err = b.pos, b.err
}

// locals reads the declared locals of a function.
func (b *bodyReader) locals() []wat.LocalRun {
	var runs []wat.LocalRun
	total := uint64(0)
	for range b.count("groups of locals") {
		at := b.pos
		run := wat.LocalRun{Count: b.u32()}
		run.Type = b.valType()
		if total += uint64(run.Count); total > MaxLocals {
			b.fail(at, "too many locals: %d", total)
		}
		if b.err != nil {
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
