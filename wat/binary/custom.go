package binary

import (
	"fmt"
	"unicode/utf8"

	"github.com/watfiber/watfiber/wat"
)

// custom reads a custom section: the names, or something to keep or to drop.
func (d *decoder) custom(at int) {
	name := d.name()
	if d.err != nil {
		return
	}
	span := wat.Span{Start: d.pos, End: d.end}
	bytes := d.bytes(uint32(d.end-d.pos), "a custom section")
	if name == "name" {
		d.names = span
		return
	}
	d.m.AddCustom(&wat.Custom{Name: name, Span: wat.Span{Start: at, End: d.end}, Bytes: bytes, After: d.last})
}

// The subsections of the name section: those of the specification, and those of
// the extended name section proposal.
const (
	namesModule = iota
	namesFunc
	namesLocal
	namesLabel
	namesType
	namesTable
	namesMemory
	namesGlobal
	namesElem
	namesData
)

// readNames reads the name section when everything it names is known. As the
// specification says, a malformed one is ignored, with a note.
func (d *decoder) readNames() {
	r := reader{src: d.src, pos: d.names.Start, end: d.names.End, source: d.source}
	var seen [256]bool
	for r.pos < r.end && r.err == nil {
		at := r.pos
		id := r.byte()
		if seen[id] {
			r.fail(at, "subsection %d is there twice", id)
			break
		}
		seen[id] = true
		size := r.u32()
		outer := r.end
		if uint64(size) > uint64(outer-r.pos) {
			r.fail(r.pos, "a subsection of %d bytes, %d are left", size, outer-r.pos)
			break
		}
		r.end = r.pos + int(size)
		next := r.end
		d.nameSubsection(&r, id)
		r.pos, r.end = next, outer
	}
	if r.err != nil {
		d.m.Notes = append(d.m.Notes, fmt.Sprintf("the rest of the name section is ignored: %s", r.err.Error()))
	}
}

func (d *decoder) nameSubsection(r *reader, id byte) {
	m := d.m
	switch id {
	case namesModule:
		if name := r.name(); r.err == nil {
			m.Name = wat.NameOf(name)
		}
	case namesFunc:
		nameMap(r, len(m.Funcs), func(i uint32, name string) { m.Funcs[i].Name = name })
	case namesLocal:
		d.indirect(r, func(f *wat.Func) {
			total := len(m.Types[f.Type].Params) + f.NumLocals()
			nameMap(r, total, func(i uint32, name string) {
				f.LocalNames = append(f.LocalNames, wat.LocalName{Local: wat.LocalID(i), Name: name})
			})
		})
	case namesLabel:
		d.indirect(r, func(f *wat.Func) {
			if p, ok := f.Packed.(*packed); ok {
				nameMap(r, p.openers, func(i uint32, name string) { p.labels = append(p.labels, wat.LabelName{Opener: i, Name: name}) })
			} else {
				nameMap(r, 0, nil) // an import has no labels
			}
		})
	case namesType:
		nameMap(r, len(m.Types), func(i uint32, name string) { m.Types[i].Name = name })
	case namesTable:
		nameMap(r, len(m.Tables), func(i uint32, name string) { m.Tables[i].Name = name })
	case namesMemory:
		nameMap(r, len(m.Memories), func(i uint32, name string) { m.Memories[i].Name = name })
	case namesGlobal:
		nameMap(r, len(m.Globals), func(i uint32, name string) { m.Globals[i].Name = name })
	case namesElem:
		nameMap(r, len(m.Elems), func(i uint32, name string) { m.Elems[i].Name = name })
	case namesData:
		nameMap(r, len(m.Datas), func(i uint32, name string) { m.Datas[i].Name = name })
	}
}

// nameMap reads pairs of index and name, indices ascending and below n.
func nameMap(r *reader, n int, set func(uint32, string)) {
	previous := -1
	for range r.count("names") {
		at := r.pos
		i := r.u32()
		name := r.bytes(r.u32(), "a name")
		switch {
		case r.err != nil:
			return
		case int(i) <= previous || int(i) >= n:
			r.fail(at, "index %d of a name is out of order or out of range", i)
			return
		case !utf8.ValidString(name):
			r.fail(at, "malformed UTF-8 encoding")
			return
		}
		previous = int(i)
		if name != "" {
			set(i, wat.NameOf(name))
		}
	}
}

// indirect reads a name map for each of some functions.
func (d *decoder) indirect(r *reader, read func(*wat.Func)) {
	previous := -1
	for range r.count("functions with names") {
		at := r.pos
		i := r.u32()
		if r.err != nil {
			return
		}
		if int(i) <= previous || int(i) >= len(d.m.Funcs) || int(d.m.Funcs[i].Type) >= len(d.m.Types) {
			r.fail(at, "index %d of a function is out of order or out of range", i)
			return
		}
		previous = int(i)
		if read(d.m.Funcs[i]); r.err != nil {
			return
		}
	}
}
