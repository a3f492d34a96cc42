package wat

import (
	"slices"

	"github.com/watfiber/watfiber/internal/parallel"
)

// This file scans the bodies of a module, function bodies and constant
// expressions alike, and gives function types that are written only where they
// are used their index.

// A bodyTask is a sequence of instructions to scan when all names are known, or
// the header of a function whose type is to be interned, or both.
type bodyTask struct {
	islands []*island
	body    *Body
	fn      *Func     // the function that it belongs to, or nil
	params  []*param  // of fn
	locals  []local   // of fn
	sig     *FuncType // the type of fn if it has no index yet

	repeat []typeCheck // types that have an index and are written out as well
	inline []FuncType  // types in the body that have none
	errs   ErrorList   // of the body

	annotations []Annotation
}

// scanBodies scans all bodies. Types without a type field are interned in the
// order of the text, as the specification says.
func (b *builder) scanBodies() {
	b.localIn = map[string]int{}
	b.typeIDs = make(map[string]TypeID, len(b.m.Types))
	for i, t := range b.m.Types {
		if _, ok := b.typeIDs[t.key()]; !ok {
			b.typeIDs[t.key()] = TypeID(i)
		}
	}
	written := len(b.m.Types)
	if b.refersBeyond(written) {
		b.scanInOrder()
	} else {
		for i := range b.bodies {
			b.nameLocals(&b.bodies[i])
		}
		parallel.Do(len(b.bodies), b.bodyScanner)
		for i := range b.bodies {
			b.internHeader(&b.bodies[i])
			b.internBody(&b.bodies[i])
		}
	}
	for i := range b.bodies {
		b.rep.errs = append(b.rep.errs, b.bodies[i].errs...)
		b.addAnnotations(b.bodies[i].annotations)
		b.checkRepeats(b.bodies[i].repeat)
	}
}

// refersBeyond reports whether a function refers by number to a type that is not
// written out. How many parameters it has, and so which local a name means, is
// then known only when everything before it is scanned.
func (b *builder) refersBeyond(written int) bool {
	return slices.ContainsFunc(b.bodies, func(t bodyTask) bool {
		return t.fn != nil && t.sig == nil && int(t.fn.Type) >= written
	})
}

func (b *builder) scanInOrder() {
	scan := b.bodyScanner()
	for i := range b.bodies {
		b.internHeader(&b.bodies[i])
		b.nameLocals(&b.bodies[i])
		scan(i)
		b.internBody(&b.bodies[i])
	}
}

// bodyScanner returns a function that scans a body.
func (b *builder) bodyScanner() func(i int) {
	s := &scanner{scope: b.m.scope, locals: map[string]uint32{}}
	return func(i int) {
		t := &b.bodies[i]
		rep := &report{source: b.m.Source}
		s.tokenizer = tokenizer{src: b.m.Source.Text, rep: rep, annotation: rep.annotationInField}
		s.inline, s.repeat = nil, nil
		s.scanTask(t)
		t.repeat = append(t.repeat, s.repeat...)
		t.inline, t.errs, t.annotations = s.inline, rep.errs, rep.annotations
	}
}

// scanTask reads the islands of a task as one sequence.
func (s *scanner) scanTask(t *bodyTask) {
	if len(t.islands) == 0 {
		return
	}
	s.setLocals(t.fn)
	first, last := t.islands[0].span(), t.islands[len(t.islands)-1].span()
	// One instruction is about 18 characters of flat text.
	t.body.Instrs = make([]Instr, 0, (last.End-first.Start)/18+2)
	for _, island := range t.islands {
		s.scan(island.span(), t.body)
	}
	t.body.Span = Span{first.Start, last.End}
}

func (i *island) span() Span { return Span{i.Pos.Offset, i.Pos.Offset + len(i.Text)} }

// internHeader gives a function whose type has no index yet one.
func (b *builder) internHeader(t *bodyTask) {
	if t.sig != nil {
		t.fn.Type = b.internType(*t.sig)
	}
}

// internBody gives the types that a body mentions without an index theirs.
func (b *builder) internBody(t *bodyTask) {
	if len(t.inline) == 0 {
		return
	}
	ids := make([]TypeID, len(t.inline))
	for i, sig := range t.inline {
		ids[i] = b.internType(sig)
	}
	for i := range t.body.Instrs {
		t.body.Instrs[i].internType(ids)
	}
}

// internType returns the first type that equals sig, adding one if there is none.
func (b *builder) internType(sig FuncType) TypeID {
	key := sig.key()
	if id, ok := b.typeIDs[key]; ok {
		return id
	}
	id := TypeID(len(b.m.Types))
	b.m.Types = append(b.m.Types, &Type{FuncType: sig, Implicit: true})
	b.typeIDs[key] = id
	return id
}

// checkRepeats checks type uses that have an index and repeat the type.
func (b *builder) checkRepeats(repeats []typeCheck) {
	for _, r := range repeats {
		if b.broken {
			return // the type may not be the one that it will be
		}
		if int(r.id) < len(b.m.Types) && !b.m.Types[r.id].Equal(r.sig) {
			b.rep.add(ErrType, r.span, "", "the type written here, %s, is not that of type %d, %s",
				describe(r.sig), r.id, describe(b.m.Types[r.id].FuncType))
		}
	}
}

// describe returns a function type for a message.
func describe(t FuncType) string {
	if s := t.String(); s != "" {
		return s
	}
	return "without parameters and results"
}
