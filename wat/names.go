package wat

import "strconv"

// Names holds the identifier of everything in a module that has an index, as
// text refers to it: unique in its index space, without the $.
type Names struct {
	Types, Funcs, Tables, Memories, Globals, Elems, Datas []string
}

// Names returns identifiers for all definitions: the name that a definition has,
// with a number behind it if an earlier one has the same; for a function without
// a name that of its import or export; and t0, f0, g0 where there is nothing to
// go by. Tables, memories and segments without a name keep none: text refers to
// them by number.
func (m *Module) Names() *Names {
	n := &Names{
		Types:    unique(len(m.Types), func(i int) string { return m.Types[i].Name }, DefaultType, nil),
		Tables:   unique(len(m.Tables), func(i int) string { return m.Tables[i].Name }, nil, nil),
		Memories: unique(len(m.Memories), func(i int) string { return m.Memories[i].Name }, nil, nil),
		Globals:  unique(len(m.Globals), func(i int) string { return m.Globals[i].Name }, DefaultGlobal, m.globalHint()),
		Elems:    unique(len(m.Elems), func(i int) string { return m.Elems[i].Name }, nil, nil),
		Datas:    unique(len(m.Datas), func(i int) string { return m.Datas[i].Name }, nil, nil),
	}
	n.Funcs = unique(len(m.Funcs), func(i int) string { return m.Funcs[i].Name }, DefaultFunc, m.funcHint())
	return n
}

// DefaultType is the name that Names gives a type without one.
func DefaultType(i int) string { return "t" + strconv.Itoa(i) }

// DefaultFunc is the name that Names gives a function with nothing to go by.
func DefaultFunc(i int) string { return "f" + strconv.Itoa(i) }

// DefaultGlobal is the name that Names gives a global with nothing to go by.
func DefaultGlobal(i int) string { return "g" + strconv.Itoa(i) }

// DefaultLocal is the name that a disassembly gives a local without one: p and
// the index for a parameter, l and the index for a declared local.
func DefaultLocal(i, params int) string {
	if i < params {
		return "p" + strconv.Itoa(i)
	}
	return "l" + strconv.Itoa(i)
}

// DefaultLabel is the name that a disassembly gives the label of the i-th block,
// loop or if of a function, counted from 1.
func DefaultLabel(i int) string { return "L" + strconv.Itoa(i) }

func (m *Module) funcHint() []string {
	hints := make([]string, len(m.Funcs))
	for i, f := range m.Funcs {
		if f.Import != nil {
			hints[i] = f.Import.Module + "." + f.Import.Name
		}
	}
	m.exportHints(hints, KindFunc)
	return hints
}

// FuncLabels returns every function as messages and comments name it: by its name,
// its import, its export, or its number.
func (m *Module) FuncLabels() []string {
	labels := m.funcHint()
	for i, f := range m.Funcs {
		switch {
		case f.Name != "":
			labels[i] = ID(f.Name)
		case f.Import != nil: // as patterns for imports name it
			labels[i] = OneLine(labels[i])
		case labels[i] != "":
			labels[i] = ID(NameOf(labels[i]))
		default:
			labels[i] = "function " + strconv.Itoa(i)
		}
	}
	return labels
}

func (m *Module) globalHint() []string {
	hints := make([]string, len(m.Globals))
	for i, g := range m.Globals {
		if g.Import != nil {
			hints[i] = g.Import.Module + "." + g.Import.Name
		}
	}
	m.exportHints(hints, KindGlobal)
	return hints
}

func (m *Module) exportHints(hints []string, kind Kind) {
	for _, e := range m.Exports {
		if e.Kind == kind && int(e.Index) < len(hints) && hints[e.Index] == "" {
			hints[e.Index] = e.Name
		}
	}
}

// unique chooses n different names: given ones first, then hints, then defaults.
func unique(n int, given func(int) string, fallback func(int) string, hints []string) []string {
	names := make([]string, n)
	taken := make(map[string]bool, n)
	again := map[string]int{} // how often a taken name was asked for
	for i := range names {
		if name := given(i); name != "" {
			names[i] = claim(taken, again, name)
		}
	}
	if fallback == nil {
		return names
	}
	for i := range names {
		if names[i] != "" {
			continue
		}
		if hints != nil && hints[i] != "" {
			names[i] = claim(taken, again, hints[i])
			continue
		}
		names[i] = claim(taken, again, fallback(i))
	}
	return names
}

// claim returns name, or name.1, name.2, … if it is taken.
func claim(taken map[string]bool, again map[string]int, name string) string {
	for try := name; ; {
		if !taken[try] {
			taken[try] = true
			return try
		}
		again[name]++
		try = name + "." + strconv.Itoa(again[name])
	}
}
