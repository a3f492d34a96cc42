package wat

import "slices"

// The tree of a module. It has one shape for a module that was text and for one
// that was binary: the index spaces of the specification, with every name and
// abbreviation resolved. What only the text has (where a field starts, how a
// number was spelled) is a span into the Source.

// Indices into the index spaces of a module. They identify: a tree that grows or
// loses an import keeps its ids, and the encoder computes positions from them.
type (
	TypeID   uint32
	FuncID   uint32
	TableID  uint32
	MemoryID uint32
	GlobalID uint32
	ElemID   uint32
	DataID   uint32
	LocalID  uint32
)

// A Module is a WebAssembly module.
type Module struct {
	Source *Source
	Name   string

	Types    []*Type
	Funcs    []*Func // imports first, as in each index space
	Tables   []*Table
	Memories []*Memory
	Globals  []*Global
	Exports  []*Export
	Start    *Start
	Elems    []*Elem
	Datas    []*Data
	Customs  []*Custom

	// Debug are sections of a binary about where its code comes from. They are true of
	// the code where it stands in Source, so that no new module gets them.
	Debug []*Custom

	Fields []Field // the text, field by field; nil for a binary

	// Annotations are those inside fields, in the order of the text. They mean nothing
	// to the tree.
	Annotations []Annotation

	// Close is the span of the parenthesis that closes (module …); empty, at the
	// end of the text, when the fields stand bare.
	Close Span

	// DataCount says that a binary had a section with the number of data
	// segments, which instructions that name one need.
	DataCount bool

	// Notes say what of the text or binary the tree leaves out, a line each.
	Notes []string

	scope *scope // the names, of a module that was text
}

// A Kind is a kind of definition, as an import or export names it.
type Kind uint8

// The kinds of imports and exports; the values are those of the binary format.
const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

// String returns the keyword of the kind.
func (k Kind) String() string {
	return [...]string{"func", "table", "memory", "global"}[k]
}

// A Field is one module field of the text, such as (func …).
type Field struct {
	Keyword string // func, import, …
	Span    Span
	// First and Num say what the field defines in the index space of its kind:
	// Num definitions from First on.
	Kind  Kind
	First uint32
	Num   int
}

// An Annotation is (@name …) in the text.
type Annotation struct {
	Name string // without the @
	Span Span   // with the parentheses
}

// A Type is an entry of the type section.
type Type struct {
	Name string
	Span Span
	FuncType
	Implicit bool // not written out: a type use made it
}

// An Import says where an imported definition comes from.
type Import struct {
	Module, Name string
	Span         Span // the names, in the text
	Order        int  // place among the imports of all kinds
}

// A Func is a function: imported, or with locals and a body.
type Func struct {
	Name   string
	Span   Span // the field; of a binary, the code entry
	Import *Import
	Type   TypeID

	// Locals are the declared locals without the parameters, run by run.
	Locals []LocalRun
	// LocalNames are the names of parameters and locals, in ascending order.
	LocalNames []LocalName

	// Packed is the body in the bytes of a binary, nil if it is a Body.
	Packed Packed
	body   *Body

	// ReplacedBy is the function that takes the place of this import wherever it
	// is referred to; 0 for none.
	ReplacedBy FuncID

	// Header is the span from the field's parenthesis to the end of the last
	// clause before the body; empty for a binary.
	Header Span
}

// A LocalRun is a number of neighbouring locals of one type.
type LocalRun struct {
	Count uint32
	Type  ValType
}

// A LocalName is the name of a parameter or local.
type LocalName struct {
	Local LocalID
	Name  string
}

// LocalName returns the name of a parameter or local, "" if it has none.
func (f *Func) LocalName(l LocalID) string {
	lo, hi := 0, len(f.LocalNames)
	for lo < hi {
		mid := (lo + hi) / 2
		if f.LocalNames[mid].Local < l {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(f.LocalNames) && f.LocalNames[lo].Local == l {
		return f.LocalNames[lo].Name
	}
	return ""
}

// NumLocals returns how many locals f declares besides its parameters.
func (f *Func) NumLocals() int {
	n := 0
	for _, run := range f.Locals {
		n += int(run.Count)
	}
	return n
}

// Limits are the size of a table or memory.
type Limits struct {
	Min, Max uint64
	HasMax   bool
}

// A Table is a table of references.
type Table struct {
	Name   string
	Span   Span
	Import *Import
	Limits Limits
	Elem   ValType
}

// A Memory is a linear memory; its limits count pages of 64 KiB.
type Memory struct {
	Name   string
	Span   Span
	Import *Import
	Limits Limits
}

// A Global is a global variable.
type Global struct {
	Name    string
	Span    Span
	Import  *Import
	Type    ValType
	Mutable bool
	Init    Body
}

// An Export makes a definition visible under a name.
type Export struct {
	Name  string
	Span  Span
	Kind  Kind
	Index uint32 // a FuncID, TableID, MemoryID or GlobalID
}

// Start names the function that runs when the module is instantiated.
type Start struct {
	Span Span
	Func FuncID
}

// A SegmentMode says when a segment is copied into its table or memory.
type SegmentMode uint8

// The modes of segments.
const (
	Active      SegmentMode = iota // at instantiation
	Passive                        // by an instruction
	Declarative                    // never: it only declares that references exist
)

// An Elem is an element segment: functions, or expressions.
type Elem struct {
	Name   string
	Span   Span
	Mode   SegmentMode
	Table  TableID
	Offset Body
	Type   ValType
	Funcs  []FuncID
	Items  []Body // used if Exprs
	Exprs  bool
}

// A Data is a data segment.
type Data struct {
	Name   string
	Span   Span
	Mode   SegmentMode
	Memory MemoryID
	Offset Body
	Bytes  string
}

// A Custom is a custom section that the tree does not interpret.
type Custom struct {
	Name  string
	Span  Span
	Bytes string
	// After is the id of the last known section before it, 0 for none.
	After SectionID
}

// A SectionID is the id of a section in the binary format.
type SectionID uint8

// The sections.
const (
	SectionCustom SectionID = iota
	SectionType
	SectionImport
	SectionFunc
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElem
	SectionCode
	SectionData
	SectionDataCount
)

// FuncTypeOf returns the type of a function.
func (m *Module) FuncTypeOf(f FuncID) FuncType { return m.Types[m.Funcs[f].Type].FuncType }

// BlockTypeOf returns parameters and results of a block type.
func (m *Module) BlockTypeOf(b BlockType) FuncType {
	if t, ok := b.Value(); ok {
		return FuncType{Results: resultOf(t)}
	}
	if id, ok := b.Index(); ok {
		return m.Types[id].FuncType
	}
	return FuncType{}
}

// resultOf returns a slice of one type without allocating.
func resultOf(t ValType) []ValType {
	for i := range singles {
		if singles[i] == t {
			return singles[i : i+1 : i+1]
		}
	}
	return []ValType{t}
}

var singles = [...]ValType{I32, I64, F32, F64, V128, FuncRef, ExternRef}

// A Definition names an entry of one of the four index spaces that imports and
// exports share.
type Definition struct {
	Kind  Kind
	Index uint32
}

// Imports returns the imported definitions in the order of their imports, without
// those that have been replaced.
func (m *Module) Imports() []Definition {
	var all []Definition
	add := func(kind Kind, n int) {
		for i := range n {
			d := Definition{kind, uint32(i)}
			replaced := kind == KindFunc && m.Funcs[i].ReplacedBy != 0
			if m.ImportOf(d) != nil && !replaced {
				all = append(all, d)
			}
		}
	}
	add(KindFunc, len(m.Funcs))
	add(KindTable, len(m.Tables))
	add(KindMemory, len(m.Memories))
	add(KindGlobal, len(m.Globals))
	slices.SortStableFunc(all, func(a, b Definition) int { return m.ImportOf(a).Order - m.ImportOf(b).Order })
	return all
}

// ImportOf returns where a definition is imported from, nil if it is not.
func (m *Module) ImportOf(d Definition) *Import {
	switch d.Kind {
	case KindFunc:
		return m.Funcs[d.Index].Import
	case KindTable:
		return m.Tables[d.Index].Import
	case KindMemory:
		return m.Memories[d.Index].Import
	}
	return m.Globals[d.Index].Import
}
