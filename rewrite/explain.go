package rewrite

import (
	"slices"
	"sort"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// An Explanation says which functions of a module may suspend, why, and what a
// rewrite does about it.
type Explanation struct {
	Module *wat.Module // the source
	Result *Result
	Graph  *callgraph.Graph
	Labels []string // by function: its name as messages have it, or module.name of an import
	// Functions are those that got code.
	Functions map[wat.FuncID]*Instrumented
	// Tops and Bottoms say by function whether it brings a runtime of its own.
	Tops, Bottoms []bool

	state *state
}

// Instrumented is what is known of a function that got code.
type Instrumented struct {
	Frame fiberlib.FrameFunc
	Sites []callgraph.Call // in the order of Frame.Sites
}

// Explain rewrites a valid module, without pins, and returns the result with its reasons.
// Errors are those of Rewrite.
func Explain(m *wat.Module, opts Options) (*Explanation, error) {
	opts.Pins = nil // sites are listed in the order of the text
	s, err := rewrite(m, opts, true)
	if err != nil {
		return nil, err
	}
	e := &Explanation{
		Module: m, Result: s.result, Graph: s.graph.Graph, Labels: s.graph.labels,
		Functions: map[wat.FuncID]*Instrumented{}, Tops: s.graph.tops, Bottoms: s.graph.bottoms, state: s,
	}
	e.Labels = slices.Clone(e.Labels)
	for id, f := range m.Funcs {
		if f.Import != nil {
			e.Labels[id] = wat.OneLine(importName(f))
		}
	}
	frames := s.frameMap()
	for i, f := range s.functions {
		in := &Instrumented{Frame: frames.Funcs[i]}
		calls := s.graph.Of(f.id)
		for _, site := range f.sites {
			k := sort.Search(len(calls), func(k int) bool { return int(calls[k].Instr) >= site.instr })
			in.Sites = append(in.Sites, calls[k])
		}
		e.Functions[f.id] = in
	}
	return e, nil
}

// Why says why a function may suspend, in words; "" if it does not.
func (e *Explanation) Why(f wat.FuncID) string {
	switch e.Graph.Why(f).Kind {
	case callgraph.NotSuspending:
		return ""
	case callgraph.IsImport:
		return "is a suspending import"
	case callgraph.IsTop:
		return "unwinds: it calls start_unwind or stop_rewind"
	}
	return e.state.graph.reasonText(e.Module, f)
}

// Removed reports whether a list or an annotation says that a function never suspends.
func (e *Explanation) Removed(f wat.FuncID) bool { return e.Graph.Removed(f) }

// Line returns where an instruction comes from: a file and a line, "" and 0 if that is
// not known.
func (e *Explanation) Line(f wat.FuncID, instr int) (file string, line int) {
	if lines := e.state.opts.Lines; lines != nil {
		return lines(f, instr)
	}
	return "", 0
}

// A Note is a comment about a function that a pass can make: it stands before the line
// of the function, counted from 0, in the normalised source.
type Note struct {
	Line int
	Text string
}

// Notes returns what is known of a function after a pass, nil if it got no code. The
// source has to be text.
func (e *Explanation) Notes(f wat.FuncID, pass string) []Note {
	k, found := slices.BinarySearchFunc(e.state.functions, f, func(g *function, id wat.FuncID) int { return int(g.id) - int(id) })
	if !found {
		return nil
	}
	fn := e.state.functions[k]
	first, _ := e.state.m.Source.Line(fn.fn.Span.Start)
	n := &notes{source: e.state.m.Source, first: first}
	fn.annotate(n, pass)
	slices.SortStableFunc(n.all, func(a, b Note) int { return a.Line - b.Line })
	return n.all
}

// notes collects comments, each line by itself.
type notes struct {
	source *wat.Source
	first  int // line of the function, from 1
	all    []Note
}

func (n *notes) InsertBefore(at, _ int, text string) { n.add(at, 0, text) }
func (n *notes) InsertBehind(at, _ int, text string) { n.add(at, 1, text) }

func (n *notes) add(at, behind int, text string) {
	line, _ := n.source.Line(at)
	for part := range strings.Lines(text) {
		part = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(part), wat.InsertMark))
		n.all = append(n.all, Note{line - n.first + behind, part})
	}
}
