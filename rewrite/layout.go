package rewrite

import (
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// A Layout says where a module keeps what in its memory, as far as can be seen.
type Layout struct {
	// StackPointer is the global that holds the pointer of the stack in memory, -1 if
	// there is none.
	StackPointer int
	// StackTop is its initial value: where the main stack begins and grows down from.
	// Known says whether that is a constant.
	StackTop uint32
	Known    bool

	// DataStart and DataEnd are the first address that is initialized by a data segment,
	// and the one behind the last; both are 0 if there is none.
	DataStart, DataEnd uint32

	// MarkedDataEnd and HeapBase are the values of __data_end and __heap_base, if the
	// module names globals so; else 0. Variables that start as zero lie between DataEnd
	// and MarkedDataEnd.
	MarkedDataEnd, HeapBase uint32

	Pages uint64 // the memory starts with so many pages of 64 KiB
	// FiberStack is how many bytes a fiber of the library gets, if the program does not
	// say; 0 if the library is not linked.
	FiberStack uint32
}

// LayoutOf reads the layout of a module.
func LayoutOf(m *wat.Module) Layout {
	l := Layout{StackPointer: stackPointer(m)}
	if l.StackPointer >= 0 {
		l.StackTop, l.Known = callgraph.ConstantOf(m.Globals[l.StackPointer].Init)
	}
	for _, d := range m.Datas {
		start, ok := callgraph.ConstantOf(d.Offset)
		if !ok || d.Mode != wat.Active || len(d.Bytes) == 0 {
			continue
		}
		if l.DataEnd == 0 || start < l.DataStart {
			l.DataStart = start
		}
		l.DataEnd = max(l.DataEnd, start+uint32(len(d.Bytes)))
	}
	l.MarkedDataEnd, l.HeapBase = globalValue(m, "__data_end"), globalValue(m, "__heap_base")
	l.FiberStack = globalValue(m, "fiber.stack_size")
	if len(m.Memories) > 0 {
		l.Pages = m.Memories[0].Limits.Min
	}
	return l
}

// globalValue returns the initial value of a global of a name, 0 if there is none.
func globalValue(m *wat.Module, name string) uint32 {
	for _, e := range m.Exports {
		if e.Kind == wat.KindGlobal && e.Name == name {
			value, _ := callgraph.ConstantOf(m.Globals[e.Index].Init)
			return value
		}
	}
	for _, g := range m.Globals {
		if g.Name == name {
			value, _ := callgraph.ConstantOf(g.Init)
			return value
		}
	}
	return 0
}

// StackFirst reports whether the main stack lies below all data: then it grows down to
// address 0, and an access below that traps.
func (l Layout) StackFirst() bool {
	return l.Known && l.DataEnd > 0 && l.StackTop <= l.DataStart
}

// StackBottom returns the lowest address that the main stack can have without running
// into data that can be seen; false if the layout is not known.
func (l Layout) StackBottom() (bottom uint32, ok bool) {
	switch end := max(l.DataEnd, l.MarkedDataEnd); {
	case !l.Known:
		return 0, false
	case l.StackFirst() || end > l.StackTop:
		return 0, l.StackFirst()
	default:
		return end, true
	}
}
