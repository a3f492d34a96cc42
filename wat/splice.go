package wat

import (
	"fmt"
	"slices"

	"github.com/watfiber/watfiber/wat/op"
)

// A Splice makes a new body of a function: instructions of the old one, and
// inserted ones that are given as text. Labels mean what they would mean if the
// whole were one text. It can make one body after the other.
type Splice struct {
	m     *Module
	s     scanner
	old   *Body
	body  Body
	place []int32 // by old instruction: its place in the new body, -1 if it has none
}

// Start starts a new body for f, a function of m or of the module that m extends, in
// place of old. Inserted code may refer to the definitions of m by name, and to
// the parameters and locals of f by number or name.
func (sp *Splice) Start(m *Module, f *Func, old *Body) {
	sp.m, sp.old = m, old
	sp.place = slices.Grow(sp.place[:0], len(old.Instrs))[:len(old.Instrs)]
	for i := range sp.place {
		sp.place[i] = -1
	}
	s := &sp.s
	if len(s.named) > 0 {
		s.named = nil // the function before has left blocks open
	}
	*s = scanner{
		tokenizer: tokenizer{rep: &report{source: &Source{Name: "inserted code"}}},
		scope:     m.scope, locals: s.locals, named: s.named, body: &sp.body,
		labels: s.labels[:0], groups: s.groups[:0], inline: s.inline[:0],
	}
	if s.scope == nil {
		s.scope = &scope{}
	}
	if s.locals == nil {
		s.locals = map[string]uint32{}
	}
	s.setLocals(f)
	sp.body.Span = old.Span
	sp.body.Instrs = slices.Grow(sp.body.Instrs[:0], len(old.Instrs)+len(old.Instrs)/2)
	sp.body.Ext, sp.body.Labels = sp.body.Ext[:0], sp.body.Labels[:0]
}

// Copy appends instruction i of the old body.
func (sp *Splice) Copy(i int) {
	in := sp.old.Instrs[i]
	info := in.Op.Info()
	sp.place[i] = int32(len(sp.body.Instrs))
	switch info.Imm {
	case op.BlockType:
		sp.s.openLabel(in.Op, sp.old.LabelName(i), Span{})
	case op.Label:
		in.Imm = uint64(sp.label(Label(in.Imm)))
	case op.LabelTable:
		words := sp.old.Words(in)
		in.Imm = uint64(len(sp.body.Ext))
		sp.body.Ext = append(sp.body.Ext, uint64(len(words)))
		for _, w := range words {
			sp.body.Ext = append(sp.body.Ext, uint64(sp.label(Label(w))))
		}
	case op.V128, op.Shuffle:
		lo, hi := sp.old.Wide(in)
		in.Imm = sp.s.wide(lo, hi)
	case op.Result:
		if in.Op == op.SelectT {
			words := sp.old.Words(in)
			in.Imm = uint64(len(sp.body.Ext))
			sp.body.Ext = append(append(sp.body.Ext, uint64(len(words))), words...)
		}
	}
	if in.Op == op.End {
		sp.s.closeLabel()
	}
	sp.s.emit(in)
}

// label returns the label of the new body that is at the place of an old one.
func (sp *Splice) label(l Label) Label {
	if l == BodyLabel {
		return l
	}
	return LabelOf(int(sp.place[l.Opener()]))
}

// Insert appends instructions that are given as text, unfolded. A type that is
// written out in it must be one of the module's.
func (sp *Splice) Insert(code string) {
	at := uint32(0)
	if n := len(sp.body.Instrs); n > 0 {
		at = sp.body.Instrs[n-1].Pos
	}
	from := len(sp.body.Instrs)
	s := &sp.s
	s.src, s.pos, s.end = code, 0, len(code)
	s.advance()
	for s.tok.kind != tokEOF && !s.rep.full() {
		s.step()
	}
	ids := sp.typesOf(s.inline)
	for i := from; i < len(sp.body.Instrs); i++ {
		sp.body.Instrs[i].Pos = at // a place in the source, for messages
		if ids != nil {
			sp.body.Instrs[i].internType(ids)
		}
	}
	s.inline = s.inline[:0]
}

// typesOf returns the indices of types that inserted code writes out, nil for none.
func (sp *Splice) typesOf(inline []FuncType) []TypeID {
	var ids []TypeID
	for _, sig := range inline {
		i := slices.IndexFunc(sp.m.Types, func(t *Type) bool { return t.Equal(sig) })
		if i < 0 {
			sp.s.fail(ErrType, Span{}, "", "the module has no type %s", describe(sig))
			i = 0
		}
		ids = append(ids, TypeID(i))
	}
	return ids
}

// Reopen appends an instruction, given as text, that opens the block that
// instruction i of the old body opens, and has its name if it is given none. That
// instruction is not copied.
func (sp *Splice) Reopen(i int, code string) {
	at := len(sp.body.Instrs)
	sp.place[i] = int32(at)
	sp.Insert(code)
	if name := sp.old.LabelName(i); name != "" && sp.body.LabelName(at) == "" {
		sp.body.Labels = append(sp.body.Labels, LabelName{uint32(at), name})
	}
}

// Body returns the new body, and by old instruction its place in it, -1 for those
// that were not copied. The next Start overwrites both.
func (sp *Splice) Body() (*Body, []int32, error) {
	if err := sp.s.rep.errs.Err(); err != nil {
		return nil, nil, err
	}
	if n := len(sp.s.labels); n > 0 {
		return nil, nil, fmt.Errorf("inserted code leaves %d blocks open", n)
	}
	return &sp.body, sp.place, nil
}
