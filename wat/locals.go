package wat

// This file reads the locals of functions, and gives locals and parameters their
// names.

// local is a declared local; id is the zero token if it has no name.
type local struct {
	id  token
	typ ValType
}

// locals reads (local …) clauses.
func (b *builder) locals(n *locals) []local {
	if n == nil {
		return nil
	}
	span := spanAt(n.Pos, n.Text)
	t := tokenizer{src: b.m.Source.Text, pos: span.Start, end: span.End, rep: b.rep}
	var all []local
	for tok := t.next(); tok.kind == tokOpen; tok = t.next() {
		t.next() // local
		all = b.localClause(&t, all)
	}
	return all
}

// localClause reads what stands behind (local: a name and a type, or types.
func (b *builder) localClause(t *tokenizer, all []local) []local {
	var id token
	tok := t.next()
	if tok.kind == tokID {
		id = tok
		tok = t.next()
	}
	first := len(all)
	for ; tok.kind != tokClose && tok.kind != tokEOF; tok = t.next() {
		typ, ok := ParseValType(t.text(tok))
		switch {
		case ok:
			all = append(all, local{typ: typ})
		case tok.kind == tokKeyword:
			b.rep.unknownType(tok.span(), t.text(tok))
		default:
			hint := ""
			if tok.kind == tokOpen {
				tok = t.next()
				hint = otherVersion(t.text(tok))
				t.skipTo(1)
			}
			b.rep.add(ErrSyntax, tok.span(), hint, "unexpected %s, expected a type or )", t.shown(tok))
		}
	}
	if id.kind == tokID {
		if n := len(all) - first; n != 1 {
			b.rep.add(ErrSyntax, id.span(), "", "a named local has one type, not %d", n)
			return all
		}
		all[first].id = id
	}
	return all
}

// nameLocals gives the parameters and locals of a function their names.
func (b *builder) nameLocals(t *bodyTask) {
	if t.fn == nil {
		return
	}
	b.function++
	at := LocalID(0)
	for _, p := range t.params {
		if p.ID != nil {
			b.nameLocal(t.fn, at, token{tokID, p.ID.span().Start, p.ID.span().End})
		}
		at += LocalID(len(p.Types))
	}
	at = LocalID(b.numParams(t))
	for _, l := range t.locals {
		if l.id.kind == tokID {
			b.nameLocal(t.fn, at, l.id)
		}
		at++
	}
}

func (b *builder) nameLocal(f *Func, at LocalID, id token) {
	t := tokenizer{src: b.m.Source.Text, rep: b.rep}
	name, ok := t.id(id)
	if !ok {
		return
	}
	if b.localIn[name] == b.function {
		b.rep.add(ErrDuplicate, id.span(), "", "duplicate local %s", ID(name))
		return
	}
	b.localIn[name] = b.function
	f.LocalNames = append(f.LocalNames, LocalName{at, name})
}

func (b *builder) numParams(t *bodyTask) int {
	switch {
	case t.sig != nil:
		return len(t.sig.Params)
	case int(t.fn.Type) < len(b.m.Types):
		return len(b.m.Types[t.fn.Type].Params)
	}
	return 0 // check will say that there is no such type
}

// setLocals makes the names of f those that instructions may use.
func (s *scanner) setLocals(f *Func) {
	if len(s.locals) > 256 {
		s.locals = map[string]uint32{} // clearing takes as long as it was ever large
	}
	clear(s.locals)
	if f != nil {
		for _, l := range f.LocalNames {
			s.locals[l.Name] = uint32(l.Local)
		}
	}
}
