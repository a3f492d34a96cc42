package fiberlib

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// FrameSection is the name of the custom section that holds a [FrameMap].
const FrameSection = "watfiber.frames"

// A FrameMap says what the frames in a buffer are: which function each belongs to,
// where in it the function was suspended, and what its bytes mean. Nothing of that
// stands in the frames themselves. A walk begins at the outermost frame, whose
// function is known; the site that its frame names says who was called from there.
//
// In a binary it is a custom section. All numbers are in LEB128 without sign, but
// for the constants of an index; a string is its length, its bytes and a zero:
//
//	version, 2
//	n files, a string each
//	n functions: name, size, site (0: it has one site, or 1 + the offset of the
//	    site's number in the frame), rare
//	    n slots: type (i i32, l i64, f f32, d f64, v v128), offset, name
//	    n sites: file, line (both 0 if not known), bytes that follow,
//	        callee (0: one without a frame, 1: a function, 2: from a table),
//	        its name, number, or table and an index: bytes that follow, code;
//	        slots that are live, eight in a byte, the first in the lowest bit
//	n runs of a table: table, first index, n functions (0: one without a frame)
//	n exports: name, function
//
// Frames of which rare is not 0 are of two kinds. If the number of the site is below 0,
// it is the complement of the number, and the frame is whole. If not, as many bytes are
// missing at its lower end: size, and all offsets, are those of a whole frame.
//
// Functions are numbered from 1 in the order of the section. Files are, too.
type FrameMap struct {
	Funcs   []FrameFunc
	Tables  []TableRun
	Exports []FrameExport
}

const frameVersion = 2

// A FrameFunc is a function that has frames.
type FrameFunc struct {
	Name   string
	Size   uint32 // of a whole frame, in bytes
	Rare   uint32 // bytes at its lower end that frames of most sites do not have
	SiteAt int    // offset of the number of the site, -1 if there is only one
	Slots  []FrameSlot
	Sites  []FrameSite
}

// A FrameSlot is a value in a frame.
type FrameSlot struct {
	Name   string // of the local, or its number; $fiber… if it holds an operand
	Type   byte   // i i32, l i64, f f32, d f64, v v128
	Offset uint32 // in the frame
}

// A FrameSite is a call at which a function may be suspended.
type FrameSite struct {
	File string // where the call stands in the source, "" if that is not known
	Line int
	// Callee is the number of the called function, counted from 1; 0 for one without
	// a frame, whose name is Name; -1 for one from a table, whose index Index
	// computes.
	Callee int
	Name   string // "" if no site has this number any more, and Callee is 0
	Table  uint32
	Index  []byte
	Live   []bool // by slot: it is needed when the function goes on
}

// A TableRun says which functions lie in a table from First on: their numbers, 0 for
// one without a frame.
type TableRun struct {
	Table, First uint32
	Funcs        []int
}

// A FrameExport is an exported function that has frames.
type FrameExport struct {
	Name string
	Func int // its number
}

// Kinds of callees in the section.
const (
	calleeNamed = iota
	calleeNumber
	calleeTable
)

// Encode returns the map as the contents of its section, in pieces: each function
// and each of its sites begins one. What a piece says is in notes.
func (m *FrameMap) Encode() (pieces []string, notes []string) {
	var e frameEncoder
	files := map[string]uint32{}
	e.number(frameVersion)
	var names []string
	for _, f := range m.Funcs {
		for _, s := range f.Sites {
			if s.File != "" && files[s.File] == 0 {
				names = append(names, s.File)
				files[s.File] = uint32(len(names))
			}
		}
	}
	e.number(uint32(len(names)))
	for _, n := range names {
		e.text(n)
	}
	e.number(uint32(len(m.Funcs)))
	e.cut("version, files, number of functions")
	for _, f := range m.Funcs {
		e.function(&f)
		for k := range f.Sites {
			e.site(&f.Sites[k], files)
			e.cut("  " + f.Sites[k].describe(m, k))
		}
	}
	e.number(uint32(len(m.Tables)))
	for _, t := range m.Tables {
		e.number(t.Table)
		e.number(t.First)
		e.number(uint32(len(t.Funcs)))
		for _, f := range t.Funcs {
			e.number(uint32(f))
		}
	}
	e.cut("tables")
	e.number(uint32(len(m.Exports)))
	for _, x := range m.Exports {
		e.text(x.Name)
		e.number(uint32(x.Func))
	}
	e.cut("exports")
	return e.pieces, e.notes
}

// Number returns the number of the function that is exported under a name, or else has
// it; 0 if there is none.
func (m *FrameMap) Number(name string) int {
	for _, x := range m.Exports {
		if x.Name == name {
			return x.Func
		}
	}
	return slices.IndexFunc(m.Funcs, func(f FrameFunc) bool { return f.Name == name }) + 1
}

// describe says what a site is, in a line.
func (s *FrameSite) describe(m *FrameMap, number int) string {
	callee := s.Name
	switch {
	case s.Callee > 0:
		callee = m.Funcs[s.Callee-1].Name
	case s.free():
		return fmt.Sprintf("site %d is gone", number)
	case s.Callee < 0:
		callee = fmt.Sprintf("a function from table %d", s.Table)
	}
	text := fmt.Sprintf("site %d calls %s", number, callee)
	if s.File != "" {
		text += fmt.Sprintf(", %s:%d", s.File, s.Line)
	}
	return text
}

// free reports whether the number is that of no site.
func (s *FrameSite) free() bool { return s.Callee == 0 && s.Name == "" }

// slotSize returns the bytes of a slot, 0 if there is no such type.
func slotSize(typ byte) uint32 {
	switch typ {
	case 'i', 'f':
		return 4
	case 'l', 'd':
		return 8
	case 'v':
		return 16
	}
	return 0
}

// frameEncoder appends to the section.
type frameEncoder struct {
	b             []byte
	pieces, notes []string
}

func (e *frameEncoder) number(n uint32) { e.b = binary.AppendUvarint(e.b, uint64(n)) }

func (e *frameEncoder) text(s string) {
	e.number(uint32(len(s)))
	e.b = append(append(e.b, s...), 0)
}

// cut ends a piece.
func (e *frameEncoder) cut(note string) {
	e.pieces, e.notes, e.b = append(e.pieces, string(e.b)), append(e.notes, note), nil
}

func (e *frameEncoder) function(f *FrameFunc) {
	e.text(f.Name)
	e.number(f.Size)
	e.number(uint32(f.SiteAt + 1))
	e.number(f.Rare)
	e.number(uint32(len(f.Slots)))
	for _, s := range f.Slots {
		e.b = append(e.b, s.Type)
		e.number(s.Offset)
		e.text(s.Name)
	}
	e.number(uint32(len(f.Sites)))
	e.cut(fmt.Sprintf("%s, %d bytes", f.Name, f.Size))
}

func (e *frameEncoder) site(s *FrameSite, files map[string]uint32) {
	e.number(files[s.File])
	e.number(uint32(s.Line))
	outer := e.b
	e.b = nil
	switch {
	case s.Callee > 0:
		e.number(calleeNumber)
		e.number(uint32(s.Callee))
	case s.Callee < 0:
		e.number(calleeTable)
		e.number(s.Table)
		e.number(uint32(len(s.Index)))
		e.b = append(e.b, s.Index...)
	default:
		e.number(calleeNamed)
		e.text(s.Name)
	}
	live := make([]byte, (len(s.Live)+7)/8)
	for i, l := range s.Live {
		if l {
			live[i/8] |= 1 << (i % 8)
		}
	}
	inner := append(e.b, live...)
	e.b = outer
	e.number(uint32(len(inner)))
	e.b = append(e.b, inner...)
}
