package binary

import (
	"fmt"
	"unicode/utf8"

	"github.com/watfiber/watfiber/wat"
)

// Magic is what a binary module starts with.
const Magic = "\x00asm"

const version = "\x01\x00\x00\x00"

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
	padded   bool // a number was not in its shortest form
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
	r.failLater(laterTypes[byte(t)], at, "malformed value type 0x%02x", uint32(t))
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
	locals    int          // of all functions so far
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
			feature := ""
			if d.src[6] == 1 {
				feature = components
			}
			d.failLater(feature, 4, "unknown binary version")
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
		d.fail(d.end, "data count and data section have inconsistent lengths: %d and 0", d.dataCount)
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
	feature := ""
	if id == 13 {
		feature = exceptions
	}
	d.failLater(feature, at, "malformed section id %d", id)
}
