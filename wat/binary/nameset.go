package binary

import "github.com/watfiber/watfiber/wat"

// A NameSet says which names a binary gets.
type NameSet uint8

const (
	AllNames  NameSet = iota // every name in the tree
	FuncNames                // those of the module and of functions
	NoNames
)

// WithNames returns a module that has only some of the names of m, which is not changed.
// It is good for encoding: names in its text stay as they are.
func WithNames(m *wat.Module, set NameSet) *wat.Module {
	if set == AllNames {
		return m
	}
	c := *m
	if set == NoNames {
		c.Name = ""
	}
	c.Funcs = eachWithout(m.Funcs, func(f *wat.Func) {
		f.LocalNames = nil
		loseLabels(f)
		if set == NoNames {
			f.Name = ""
		}
	})
	c.Types = eachWithout(m.Types, func(t *wat.Type) { t.Name = "" })
	c.Tables = eachWithout(m.Tables, func(t *wat.Table) { t.Name = "" })
	c.Memories = eachWithout(m.Memories, func(m *wat.Memory) { m.Name = "" })
	c.Globals = eachWithout(m.Globals, func(g *wat.Global) { g.Name = "" })
	c.Elems = eachWithout(m.Elems, func(e *wat.Elem) { e.Name = "" })
	c.Datas = eachWithout(m.Datas, func(d *wat.Data) { d.Name = "" })
	return &c
}

// loseLabels gives a function a copy of its body without names.
func loseLabels(f *wat.Func) {
	if p, ok := f.Packed.(*packed); ok {
		nameless := *p
		nameless.labels = nil
		f.Packed = &nameless
		return
	}
	if f.Import == nil {
		body := *f.Body()
		body.Labels = nil
		f.SetBody(&body)
	}
}

// eachWithout returns copies of definitions that have lost names.
func eachWithout[T any](all []*T, lose func(*T)) []*T {
	copies := make([]*T, len(all))
	for i, d := range all {
		c := *d
		lose(&c)
		copies[i] = &c
	}
	return copies
}
