package binary

import "github.com/watfiber/watfiber/wat"

// names appends the name section, if there is anything to name. The names that a
// disassembly would choose by number anyway, such as f12, are left out.
func (e *encoder) names() {
	n := nameWriter{e: e}
	n.all()
	if len(n.buf) == 0 {
		return
	}
	e.buf = append(e.buf, byte(wat.SectionCustom))
	e.sized(func() {
		e.str("name")
		e.buf = append(e.buf, n.buf...)
	})
}

// nameWriter collects the subsections of the name section.
type nameWriter struct {
	e   *encoder
	buf []byte
}

// A named is an entry of a name map.
type named struct {
	index uint32
	name  string
}

func (n *nameWriter) all() {
	m := n.e.m
	if m.Name != "" {
		n.subsection(namesModule, appendString(nil, m.Name))
	}
	n.direct(namesFunc, len(n.e.order), func(i int) string { return m.Funcs[n.e.order[i]].Name }, wat.DefaultFunc)
	n.indirect(namesLocal, n.locals)
	n.indirect(namesLabel, n.labels)
	n.direct(namesType, len(m.Types), func(i int) string { return m.Types[i].Name }, wat.DefaultType)
	n.direct(namesTable, len(m.Tables), func(i int) string { return m.Tables[i].Name }, nil)
	n.direct(namesMemory, len(m.Memories), func(i int) string { return m.Memories[i].Name }, nil)
	n.direct(namesGlobal, len(m.Globals), func(i int) string { return m.Globals[i].Name }, wat.DefaultGlobal)
	n.direct(namesElem, len(m.Elems), func(i int) string { return m.Elems[i].Name }, nil)
	n.direct(namesData, len(m.Datas), func(i int) string { return m.Datas[i].Name }, nil)
}

func (n *nameWriter) subsection(id byte, content []byte) {
	n.buf = appendU(append(n.buf, id), len(content))
	n.buf = append(n.buf, content...)
}

// direct writes the names of one index space, but those that fallback yields.
func (n *nameWriter) direct(id byte, count int, name func(int) string, fallback func(int) string) {
	var names []named
	for i := range count {
		s := name(i)
		if s != "" && (fallback == nil || s != fallback(i)) {
			names = append(names, named{uint32(i), s})
		}
	}
	if len(names) > 0 {
		n.subsection(id, appendNames(nil, names))
	}
}

// indirect writes the names that each function has inside.
func (n *nameWriter) indirect(id byte, names func(*wat.Func) []named) {
	var content []byte
	count := 0
	for index, fid := range n.e.order {
		if inside := names(n.e.m.Funcs[fid]); len(inside) > 0 {
			count++
			content = appendNames(appendU(content, index), inside)
		}
	}
	if count > 0 {
		n.subsection(id, append(appendU(nil, count), content...))
	}
}

func (n *nameWriter) locals(f *wat.Func) []named {
	params := len(n.e.m.Types[f.Type].Params)
	var names []named
	for _, l := range f.LocalNames {
		if l.Name != wat.DefaultLocal(int(l.Local), params) {
			names = append(names, named{uint32(l.Local), l.Name})
		}
	}
	return names
}

// labels numbers the blocks, loops and ifs of a function from 0.
func (n *nameWriter) labels(f *wat.Func) []named {
	var labels []wat.LabelName
	if p, ok := f.Packed.(*packed); ok {
		labels = p.labels
	} else if f.Import == nil {
		labels = numbered(f.Body())
	}
	var names []named
	for _, l := range labels {
		if l.Name != wat.DefaultLabel(int(l.Opener)+1) {
			names = append(names, named{l.Opener, l.Name})
		}
	}
	return names
}

func appendNames(b []byte, names []named) []byte {
	b = appendU(b, len(names))
	for _, n := range names {
		b = appendString(appendU(b, n.index), n.name)
	}
	return b
}

// appendString appends the characters of a name with their number.
func appendString(b []byte, name string) []byte {
	text := wat.NameText(name)
	return append(appendU(b, len(text)), text...)
}
