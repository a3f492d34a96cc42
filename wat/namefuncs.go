package wat

import (
	"slices"

	"github.com/watfiber/watfiber/wat/op"
)

// nameFuncs gives every function without a name one, and writes it wherever the
// text refers to a function by number.
func (n *normaliser) nameFuncs(unfolded []FuncID) {
	n.names = n.m.Names().Funcs
	for i := range n.m.Fields {
		f := &n.m.Fields[i]
		w := refWalker{n: n, keyword: f.Keyword}
		w.tokenizer = tokenizer{src: n.src, pos: f.Span.Start, end: f.Span.End, rep: &report{source: n.m.Source}}
		if f.Kind == KindFunc && f.Num == 1 {
			fn := n.m.Funcs[f.First]
			if fn.Name == "" {
				w.fresh = n.names[f.First]
			}
			if fn.Import == nil && slices.Contains(unfolded, FuncID(f.First)) {
				w.end = fn.Header.End // its body is written with names anyway
			}
		}
		w.walk()
	}
}

// refWalker finds the references to functions in a field.
type refWalker struct {
	tokenizer
	n       *normaliser
	keyword string // of the field
	fresh   string // the name to insert behind (func, "" for none

	open []string // keywords of the open parentheses
	prev string   // the word before
}

func (w *refWalker) walk() {
	for tok := w.next(); tok.kind != tokEOF; tok = w.next() {
		text := w.text(tok)
		switch tok.kind {
		case tokOpen:
			w.open = append(w.open, "")
		case tokClose:
			w.open = w.open[:len(w.open)-1]
		case tokKeyword:
			if w.prev == "(" {
				w.open[len(w.open)-1] = text
			}
			if text == "func" && w.prev == "(" && w.fresh != "" && w.keyword != "export" {
				w.n.insert(tok.end, " "+ID(w.fresh))
				w.fresh = ""
			}
		case tokNumber:
			if w.isFuncRef() {
				if i, ok := parseNat(text); ok && i < uint64(len(w.n.names)) {
					w.n.replace(tok.span(), ID(w.n.names[i]))
				}
			}
		}
		w.prev = text
	}
}

// isFuncRef reports whether the number that follows the previous word is the index
// of a function.
func (w *refWalker) isFuncRef() bool {
	if code, ok := op.Lookup(w.prev); ok {
		return code.Info().Imm == op.Func
	}
	switch around := w.open[len(w.open)-1]; {
	case w.keyword == "export":
		return around == "func"
	case w.keyword == "start":
		return true
	case w.keyword == "elem":
		// (elem 0 (offset …) …) names a table first, as WebAssembly 1.0 wrote it.
		return len(w.open) == 1 && !(w.prev == "elem" && w.openFollows())
	}
	return w.open[len(w.open)-1] == "elem"
}

// openFollows reports whether the next token is an opening parenthesis.
func (w *refWalker) openFollows() bool {
	ahead := w.tokenizer
	return ahead.next().kind == tokOpen
}
