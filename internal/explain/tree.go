//go:build !js

package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// Tree writes everything through which a function reaches what suspends, as a tree,
// down to a depth. Each function is taken apart once.
func (f *Module) Tree(w io.Writer, index, depth int) {
	t := &tree{f: f, w: bufio.NewWriter(w), seen: map[callgraph.Node]bool{}, depth: depth, next: f.e.Graph.Edges}
	t.write(callgraph.FuncNode(wat.FuncID(index)))
}

// Callers writes everything that may suspend because of each import or top, as a
// tree, down to a depth. Each function is taken apart once.
func (f *Module) Callers(w io.Writer, depth int) {
	back := map[callgraph.Node][]callgraph.Edge{}
	reverse := func(e callgraph.Edge) {
		e.From, e.To = e.To, e.From
		back[e.From] = append(back[e.From], e)
	}
	for id := range f.Funcs {
		if f.e.Graph.Instruments(wat.FuncID(id)) {
			for _, e := range f.e.Graph.Edges(callgraph.FuncNode(wat.FuncID(id))) {
				reverse(e)
			}
		}
	}
	for k := range f.e.Graph.Classes() {
		for _, e := range f.e.Graph.Edges(callgraph.Node{Class: int32(k)}) {
			reverse(e)
		}
	}
	t := &tree{f: f, w: bufio.NewWriter(w), seen: map[callgraph.Node]bool{}, depth: depth, next: func(n callgraph.Node) []callgraph.Edge { return back[n] }}
	for id := range f.Funcs {
		if s := f.Funcs[id].Status; s == Suspending || s == Top {
			t.write(callgraph.FuncNode(wat.FuncID(id)))
		}
	}
	if len(back[callgraph.World]) > 0 {
		t.write(callgraph.World)
	}
}

// A tree writes a graph as a tree.
type tree struct {
	f     *Module
	w     *bufio.Writer
	seen  map[callgraph.Node]bool
	depth int
	next  func(callgraph.Node) []callgraph.Edge
}

func (t *tree) write(root callgraph.Node) {
	fmt.Fprintln(t.w, t.f.node(root))
	t.below(root, "", 1)
	t.w.Flush()
}

// below writes what lies below a node, in lines that begin with a prefix.
func (t *tree) below(n callgraph.Node, prefix string, depth int) {
	t.seen[n] = true
	edges := t.next(n)
	if depth > t.depth && len(edges) > 0 {
		fmt.Fprintf(t.w, "%s└─ … %s, deeper than --depth=%d\n", prefix, counted(len(edges), "edge", "edges"), t.depth)
		return
	}
	for i, e := range edges {
		branch, more := "├─ ", "│  "
		if i == len(edges)-1 {
			branch, more = "└─ ", "   "
		}
		words := []string{t.f.node(e.To)}
		if p := t.f.edgePlace(e); p != "" {
			words = append(words, "("+p+")")
		}
		again := t.seen[e.To] && len(t.next(e.To)) > 0
		if again {
			words = append(words, "… as above")
		}
		fmt.Fprintln(t.w, prefix+branch+strings.Join(words, " "))
		if !again {
			t.below(e.To, prefix+more, depth+1)
		}
	}
}

// Dot writes the graph of what may suspend in the language of Graphviz; from one
// function on, or of all if index is negative.
func (f *Module) Dot(w io.Writer, index int) {
	b := bufio.NewWriter(w)
	defer b.Flush()
	fmt.Fprintln(b, "digraph suspends {\n  rankdir=LR\n  node [shape=box]")
	names := map[callgraph.Node]string{}
	var todo []callgraph.Node
	name := func(n callgraph.Node) string {
		id, known := names[n]
		if !known {
			id = fmt.Sprintf("n%d", len(names))
			names[n] = id
			todo = append(todo, n)
			fmt.Fprintf(b, "  %s [label=%s%s]\n", id, dotQuote(f.node(n)), f.dotStyle(n))
		}
		return id
	}
	if index >= 0 {
		name(callgraph.FuncNode(wat.FuncID(index)))
	} else {
		for id := range f.Funcs {
			if f.e.Graph.Suspends(wat.FuncID(id)) {
				name(callgraph.FuncNode(wat.FuncID(id)))
			}
		}
	}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		for _, e := range f.e.Graph.Edges(n) {
			from, to := name(n), name(e.To)
			fmt.Fprintf(b, "  %s -> %s\n", from, to)
		}
	}
	fmt.Fprintln(b, "}")
}

func (f *Module) dotStyle(n callgraph.Node) string {
	switch {
	case n.IsClass():
		return ", shape=ellipse"
	case !n.IsFunc():
		return ", shape=octagon"
	case f.Funcs[n.Func].Status == Suspending || f.Funcs[n.Func].Status == Top:
		return ", style=bold"
	}
	return ""
}

// dotQuote returns a string as Graphviz reads it.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
