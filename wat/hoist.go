package wat

import (
	"slices"
	"strings"
)

// exports gives the exports of functions lines of their own: one that is written
// inside the function becomes a field behind it.
//
//	(func $f (export "x") …)   →   (func $f …)
//	                               (export "x" (func $f))
func (n *normaliser) exports(of []FuncID) {
	if len(of) == 0 {
		return
	}
	i := 0
	for _, f := range n.m.Fields {
		hoisted := false
		for ; i < len(n.m.Exports) && n.m.Exports[i].Span.End <= f.Span.End; i++ {
			e := n.m.Exports[i]
			switch {
			case e.Kind != KindFunc || !slices.Contains(of, FuncID(e.Index)):
			case f.Keyword == "export":
				n.ownLine(f.Span)
			default:
				n.hoist(f, e)
				hoisted = true
			}
		}
		if hoisted {
			n.breakBehind(f.Span.End, n.indentOf(f.Span.Start))
		}
	}
}

// hoist makes a field of an export that is written inside a function.
func (n *normaliser) hoist(f Field, e *Export) {
	t := tokenizer{src: n.src, pos: f.Span.Start, end: f.Span.End, rep: &report{}}
	open := f.Span.Start
	for tok := t.next(); tok.span() != e.Span && tok.kind != tokEOF; tok = t.next() {
		if tok.kind == tokOpen {
			open = tok.start
		}
	}
	end := t.next().span().End
	if n.src[open-1] == ' ' {
		open--
	}
	n.replace(Span{open, end}, "")
	id := n.m.Funcs[e.Index].Name
	if n.names != nil {
		id = n.names[e.Index]
	}
	n.insert(n.endOfField(f), "\n"+n.indentOf(f.Span.Start)+"(export "+n.src[e.Span.Start:e.Span.End]+" (func "+ID(id)+"))")
}

// endOfField returns where a field and the comments behind it end.
func (n *normaliser) endOfField(f Field) int {
	end := n.restOfLine(f.Span.End)
	return f.Span.End + len(strings.TrimRight(n.src[f.Span.End:end], "\r\n"))
}

// endImports puts what follows the last import into a line of its own.
func (n *normaliser) endImports() {
	last := -1
	for _, d := range n.m.Imports() {
		last = max(last, n.m.ImportOf(d).Span.Start)
	}
	for _, f := range n.m.Fields {
		if f.Span.Start <= last && last < f.Span.End {
			n.breakBehind(f.Span.End, n.indentOf(f.Span.Start))
		}
	}
}
