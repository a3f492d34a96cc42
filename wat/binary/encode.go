package binary

import "github.com/watfiber/watfiber/wat"

// Encode returns a valid module in the binary format: numbers in their shortest
// form, neighbouring locals of one type as one group, and a name section with
// every name in the tree.
func Encode(m *wat.Module) []byte {
	e := &encoder{m: m, buf: make([]byte, 0, sizeOf(m))}
	e.assignIndices()
	e.buf = append(e.buf, Magic+version...)
	e.customsAfter(wat.SectionCustom)
	for _, s := range []struct {
		id    wat.SectionID
		n     int
		write func()
	}{
		{wat.SectionType, len(m.Types), e.types},
		{wat.SectionImport, len(m.Imports()), e.imports},
		{wat.SectionFunc, len(e.defined), e.functions},
		{wat.SectionTable, definedOf(m.Tables, func(t *wat.Table) bool { return t.Import == nil }), e.tables},
		{wat.SectionMemory, definedOf(m.Memories, func(t *wat.Memory) bool { return t.Import == nil }), e.memories},
		{wat.SectionGlobal, definedOf(m.Globals, func(t *wat.Global) bool { return t.Import == nil }), e.globals},
		{wat.SectionExport, len(m.Exports), e.exports},
		{wat.SectionStart, 0, e.start},
		{wat.SectionElem, len(m.Elems), e.elems},
		{wat.SectionDataCount, 0, e.dataCount},
		{wat.SectionCode, len(e.defined), e.code},
		{wat.SectionData, len(m.Datas), e.datas},
	} {
		e.section(s.id, s.n, s.write)
		e.customsAfter(s.id)
	}
	e.names()
	return e.buf
}

func definedOf[T any](all []T, defined func(T) bool) int {
	n := 0
	for _, d := range all {
		if defined(d) {
			n++
		}
	}
	return n
}

type encoder struct {
	m   *wat.Module
	buf []byte

	funcIndex []uint32     // by FuncID; nil if indices are ids
	order     []wat.FuncID // functions by index
	defined   []wat.FuncID // those with a body, by index
	depth     []int32      // scratch: by opener, its place among the open blocks
	customs   int          // written so far
}

// assignIndices gives functions their place in the binary: imports first, and
// nothing for one that another has taken the place of.
func (e *encoder) assignIndices() {
	e.funcIndex = make([]uint32, len(e.m.Funcs))
	for i, f := range e.m.Funcs {
		if f.Import != nil && f.ReplacedBy == 0 {
			e.order = append(e.order, wat.FuncID(i))
		}
	}
	for i, f := range e.m.Funcs {
		if f.Import == nil {
			e.order = append(e.order, wat.FuncID(i))
			e.defined = append(e.defined, wat.FuncID(i))
		}
	}
	for index, id := range e.order {
		e.funcIndex[id] = uint32(index)
	}
	for i, f := range e.m.Funcs {
		if f.ReplacedBy != 0 {
			e.funcIndex[i] = e.funcIndex[f.ReplacedBy]
		}
	}
	for i, index := range e.funcIndex {
		if int(index) != i {
			return
		}
	}
	e.funcIndex = nil
}

// index returns the place of a function in the binary.
func (e *encoder) index(id wat.FuncID) uint32 {
	if e.funcIndex == nil {
		return uint32(id)
	}
	return e.funcIndex[id]
}

// sizeBytes is what is set aside for the size of a section or function before it
// is known.
const sizeBytes = 5

// sized appends what write appends, and its size before it.
func (e *encoder) sized(write func()) {
	at := len(e.buf)
	e.buf = append(e.buf, make([]byte, sizeBytes)...)
	write()
	var size [sizeBytes]byte
	n := len(appendU(size[:0], len(e.buf)-at-sizeBytes))
	copy(e.buf[at:], size[:n])
	e.buf = append(e.buf[:at+n], e.buf[at+sizeBytes:]...)
}

// section appends a section with n entries, or with none of the kind that has no
// number of entries; nothing if it would be empty.
func (e *encoder) section(id wat.SectionID, n int, write func()) {
	switch id {
	case wat.SectionStart:
		if e.m.Start == nil {
			return
		}
	case wat.SectionDataCount:
		if !e.needsDataCount() {
			return
		}
	default:
		if n == 0 {
			return
		}
	}
	e.buf = append(e.buf, byte(id))
	e.sized(func() {
		if n > 0 {
			e.u(n)
		}
		write()
	})
}

func (e *encoder) u(v int)      { e.buf = appendU(e.buf, v) }
func (e *encoder) u32(v uint32) { e.buf = appendU(e.buf, v) }

func (e *encoder) str(s string) {
	e.u(len(s))
	e.buf = append(e.buf, s...)
}

func (e *encoder) customsAfter(s wat.SectionID) {
	for e.customs < len(e.m.Customs) && e.m.Customs[e.customs].After == s {
		c := e.m.Customs[e.customs]
		e.customs++
		e.buf = append(e.buf, byte(wat.SectionCustom))
		e.sized(func() {
			e.str(c.Name)
			e.buf = append(e.buf, c.Bytes...)
		})
	}
}

func (e *encoder) types() {
	for _, t := range e.m.Types {
		e.buf = append(e.buf, 0x60)
		e.valTypes(t.Params)
		e.valTypes(t.Results)
	}
}

func (e *encoder) valTypes(types []wat.ValType) {
	e.u(len(types))
	for _, t := range types {
		e.buf = append(e.buf, byte(t))
	}
}

func (e *encoder) limits(l wat.Limits) {
	if !l.HasMax {
		e.buf = appendU(append(e.buf, 0), l.Min)
		return
	}
	e.buf = appendU(appendU(append(e.buf, 1), l.Min), l.Max)
}

func (e *encoder) table(t *wat.Table) {
	e.buf = append(e.buf, byte(t.Elem))
	e.limits(t.Limits)
}

func (e *encoder) global(g *wat.Global) {
	mutable := byte(0)
	if g.Mutable {
		mutable = 1
	}
	e.buf = append(e.buf, byte(g.Type), mutable)
}

func (e *encoder) imports() {
	for _, d := range e.m.Imports() {
		imp := e.m.ImportOf(d)
		e.str(imp.Module)
		e.str(imp.Name)
		e.buf = append(e.buf, byte(d.Kind))
		switch d.Kind {
		case wat.KindFunc:
			e.u32(uint32(e.m.Funcs[d.Index].Type))
		case wat.KindTable:
			e.table(e.m.Tables[d.Index])
		case wat.KindMemory:
			e.limits(e.m.Memories[d.Index].Limits)
		case wat.KindGlobal:
			e.global(e.m.Globals[d.Index])
		}
	}
}

func (e *encoder) functions() {
	for _, id := range e.defined {
		e.u32(uint32(e.m.Funcs[id].Type))
	}
}

func (e *encoder) tables() {
	for _, t := range e.m.Tables {
		if t.Import == nil {
			e.table(t)
		}
	}
}

func (e *encoder) memories() {
	for _, m := range e.m.Memories {
		if m.Import == nil {
			e.limits(m.Limits)
		}
	}
}

func (e *encoder) globals() {
	for _, g := range e.m.Globals {
		if g.Import == nil {
			e.global(g)
			e.body(&g.Init)
		}
	}
}

func (e *encoder) exports() {
	for _, x := range e.m.Exports {
		e.str(x.Name)
		e.buf = append(e.buf, byte(x.Kind))
		if x.Kind == wat.KindFunc {
			e.u32(e.index(wat.FuncID(x.Index)))
		} else {
			e.u32(x.Index)
		}
	}
}

func (e *encoder) start() { e.u32(e.index(e.m.Start.Func)) }

func (e *encoder) elems() {
	for _, s := range e.m.Elems {
		e.elem(s)
	}
}

func (e *encoder) elem(s *wat.Elem) {
	flags := 0
	switch {
	case s.Mode == wat.Declarative:
		flags = elemNotActive | elemExplicit
	case s.Mode == wat.Passive:
		flags = elemNotActive
	case s.Table != 0 || s.Exprs && s.Type != wat.FuncRef:
		flags = elemExplicit
	}
	if s.Exprs {
		flags |= elemExprs
	}
	e.u(flags)
	if s.Mode == wat.Active {
		if flags&elemExplicit != 0 {
			e.u32(uint32(s.Table))
		}
		e.body(&s.Offset)
	}
	if flags&(elemNotActive|elemExplicit) != 0 {
		if s.Exprs {
			e.buf = append(e.buf, byte(s.Type))
		} else {
			e.buf = append(e.buf, 0)
		}
	}
	if s.Exprs {
		e.u(len(s.Items))
		for i := range s.Items {
			e.body(&s.Items[i])
		}
		return
	}
	e.u(len(s.Funcs))
	for _, f := range s.Funcs {
		e.u32(e.index(f))
	}
}

// needsDataCount reports whether the module has the section with the number of
// data segments: if it had one, or if an instruction names a segment.
func (e *encoder) needsDataCount() bool {
	if e.m.DataCount && len(e.m.Datas) > 0 {
		return true
	}
	for _, id := range e.defined {
		f := e.m.Funcs[id]
		if p, ok := f.Packed.(*packed); ok && p.data || !ok && refersToData(f.Body()) {
			return true
		}
	}
	return false
}

func (e *encoder) dataCount() { e.u(len(e.m.Datas)) }

func (e *encoder) datas() {
	for _, d := range e.m.Datas {
		switch {
		case d.Mode == wat.Passive:
			e.buf = append(e.buf, 1)
		case d.Memory != 0:
			e.buf = append(e.buf, 2)
			e.u32(uint32(d.Memory))
			e.body(&d.Offset)
		default:
			e.buf = append(e.buf, 0)
			e.body(&d.Offset)
		}
		e.str(d.Bytes)
	}
}
