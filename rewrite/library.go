package rewrite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A library is the fiber runtime, taken apart.
type library struct {
	m        *wat.Module
	exports  map[string]wat.FuncID // what can be imported from module fiber
	told     []string              // exports of the library's globals, which every module gets that needs them
	suspends []bool                // by function: it starts an unwind
	indirect []bool                // by function: it calls what is in the table
}

// fiberLibrary returns the library of package fiberlib.
var fiberLibrary = sync.OnceValue(func() *library {
	m, err := wat.Parse("fiberlib", fiberlib.Text())
	if err != nil {
		panic(fmt.Sprintf("fiberlib: %v", err))
	}
	l := &library{m: m, exports: map[string]wat.FuncID{}, suspends: make([]bool, len(m.Funcs)), indirect: make([]bool, len(m.Funcs))}
	for _, e := range m.Exports {
		if e.Kind != wat.KindFunc {
			l.told = append(l.told, e.Name)
			continue
		}
		if m.Funcs[e.Index].Name != fiberModule+"."+e.Name {
			panic("fiberlib: " + e.Name + " is exported by another name than it has")
		}
		l.exports[e.Name] = wat.FuncID(e.Index)
	}
	for id, f := range m.Funcs {
		l.suspends[id] = f.Name == "fiber.leave" || f.Import != nil && f.Import.Name == startUnwind
		l.indirect[id] = slices.ContainsFunc(f.Body().Instrs, func(in wat.Instr) bool { return in.Op == op.CallIndirect })
	}
	callersToo(m, l.suspends)
	callersToo(m, l.indirect)
	return l
})

// callersToo adds to a set of functions whoever calls one of them.
func callersToo(m *wat.Module, set []bool) {
	for changed := true; changed; {
		changed = false
		for id, f := range m.Funcs {
			for _, in := range f.Body().Instrs {
				if in.Op == op.Call && set[in.Imm] && !set[id] {
					set[id], changed = true, true
				}
			}
		}
	}
}

// readsMap reports whether a function reads the map of the frames.
func (l *library) readsMap(name string) bool {
	_, known := l.exports[name]
	return known && l.link([]string{fiberModule + "." + name}, nil).needs("fiber.load_map")
}

// names returns what can be imported from module fiber, in alphabetical order.
func (l *library) names() []string {
	var names []string
	for name := range l.exports {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// suspending reports whether a call of an import from module fiber may suspend.
func (l *library) suspending(name string) bool {
	id, known := l.exports[name]
	return known && l.suspends[id]
}

// defines reports whether the library has a function or global of a name.
func (l *library) defines(name string) bool {
	return slices.ContainsFunc(l.m.Funcs, func(f *wat.Func) bool { return f.Name == name }) ||
		slices.ContainsFunc(l.m.Globals, func(g *wat.Global) bool { return g.Name == name })
}

// A linked is the set of functions and globals of a library that a program needs.
type linked struct {
	l       *library
	funcs   []bool
	globals []bool
	renamed map[string]string // identifiers of the library that have another name in the program
	numbers map[string]uint32 // initial values of globals that are other than the library says
}

// link finds what is needed for the functions named roots. An import of the library
// may be renamed to a function of the library.
func (l *library) link(roots []string, renamed map[string]string) *linked {
	k := &linked{l: l, funcs: make([]bool, len(l.m.Funcs)), globals: make([]bool, len(l.m.Globals)), renamed: renamed}
	for _, name := range roots {
		k.need(l.function(name))
	}
	return k
}

// function returns the function of a name, which there has to be.
func (l *library) function(name string) wat.FuncID {
	id := slices.IndexFunc(l.m.Funcs, func(f *wat.Func) bool { return f.Name == name })
	if id < 0 {
		panic("fiberlib: there is no function " + name)
	}
	return wat.FuncID(id)
}

// needsGlobal reports whether a global is needed.
func (k *linked) needsGlobal(name string) bool {
	return k.globals[slices.IndexFunc(k.l.m.Globals, func(g *wat.Global) bool { return g.Name == name })]
}

// needs reports whether a function is needed.
func (k *linked) needs(name string) bool { return k.funcs[k.l.function(name)] }

// need adds a function and what it refers to.
func (k *linked) need(id wat.FuncID) {
	if k.funcs[id] {
		return
	}
	k.funcs[id] = true
	if to, ok := strings.CutPrefix(k.renamed["$"+k.l.m.Funcs[id].Name], "$"); ok && k.l.m.Funcs[id].Import != nil && k.l.defines(to) {
		k.need(k.l.function(to))
	}
	for _, in := range k.l.m.Funcs[id].Body().Instrs {
		switch in.Op.Info().Imm {
		case op.Func:
			k.need(wat.FuncID(in.Imm))
		case op.Global:
			k.globals[in.Imm] = true
		}
	}
}

var globalField = regexp.MustCompile(`\(global (\$[\w.]+) (\(mut i32\) \(i32\.const) -?\d+`)

// number puts another initial value into the text of a global, if there is one.
func (k *linked) number(text string) string {
	match := globalField.FindStringSubmatch(text)
	if match == nil {
		return text
	}
	value, ok := k.numbers[match[1]]
	if !ok {
		return text
	}
	return strings.Replace(text, match[0], fmt.Sprintf("(global %s %s %d", match[1], match[2], value), 1)
}

var (
	identifier   = regexp.MustCompile(`\$[\w.]+`)
	inlineExport = regexp.MustCompile(` \(export "\w+"\)`)
)

// write writes what is needed in the order of the library, each line with a marker
// and its comments. first is told of each function before it is written.
func (k *linked) write(r *runtimeText, first func(wat.FuncID)) {
	source := k.l.m.Source
	previous := 0
	for _, field := range k.l.m.Fields {
		comments := source.Text[previous:source.LineStart(field.Span.Start)]
		previous = source.LineEnd(field.Span.End)
		switch {
		case field.Keyword == "func" && k.funcs[field.First]:
			first(wat.FuncID(field.First))
			r.funcs++
		case field.Keyword == "global" && k.globals[field.First]:
		default:
			continue
		}
		if at := strings.LastIndex(comments, "\n\n"); at >= 0 {
			comments = comments[at:]
		}
		text := inlineExport.ReplaceAllString(comments+source.Text[source.LineStart(field.Span.Start):previous], "")
		text = identifier.ReplaceAllStringFunc(text, func(id string) string {
			if to, ok := k.renamed[id]; ok {
				return to
			}
			return id
		})
		if field.Keyword == "global" {
			text = k.number(text)
		}
		for line := range strings.Lines(text) {
			code, note, _ := strings.Cut(line, ";;")
			code = strings.TrimRight(code, " \n")
			if strings.Contains(code, "(call "+hook) {
				continue // nothing needs it
			}
			if note = strings.TrimSpace(note); code != "" || note != "" {
				r.line(code, note)
			}
		}
	}
}
