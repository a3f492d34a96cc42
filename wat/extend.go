package wat

import "maps"

// Extend returns a module with the definitions of m and those of text, which are
// module fields, imports first, and may refer to m by name. The definitions in
// replaced lose their names first, so that text can give them to others. The
// name is that of text in errors.
//
// Definitions of m keep their indices; m is not changed.
func (m *Module) Extend(name, text string, replaced []FuncID) (*Module, error) {
	ext := *m
	ext.Source = &Source{Name: name, Text: text}
	ext.scope = &scope{}
	if m.scope != nil {
		for sp, names := range m.scope.names {
			ext.scope.names[sp] = maps.Clone(names)
		}
	}
	for _, f := range replaced {
		delete(ext.scope.names[spaceFunc], m.Funcs[f].Name)
	}
	clip(&ext.Types)
	clip(&ext.Funcs)
	clip(&ext.Tables)
	clip(&ext.Memories)
	clip(&ext.Globals)
	clip(&ext.Exports)
	clip(&ext.Elems)
	clip(&ext.Datas)
	clip(&ext.Customs)
	ext.Fields = nil
	b := &builder{m: &ext, rep: &report{source: ext.Source}}
	for _, d := range m.Imports() {
		b.imports = max(b.imports, m.ImportOf(d).Order)
	}
	b.parse()
	if err := b.rep.errs.Err(); err != nil {
		return nil, err
	}
	ext.Source, ext.Fields, ext.Close = m.Source, m.Fields, m.Close
	return &ext, nil
}

// clip makes sure that appending does not write to what the slice shares.
func clip[T any](s *[]T) { *s = (*s)[:len(*s):len(*s)] }
