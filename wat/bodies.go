package wat

import (
	"runtime"
	"slices"
	"sync"
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
	locals  []*local  // of fn
	sig     *FuncType // the type of fn if it has no index yet

	inline []FuncType // types of the body without an index
}

// scanBodies scans all bodies. Types without a type field are interned in the
// order of the text, as the specification says.
func (b *builder) scanBodies() {
	b.typeIDs = make(map[string]TypeID, len(b.m.Types))
	for i, t := range b.m.Types {
		if _, ok := b.typeIDs[t.key()]; !ok {
			b.typeIDs[t.key()] = TypeID(i)
		}
	}
	written := len(b.m.Types)
	if b.refersBeyond(written) {
		b.scanInOrder()
		return
	}
	for i := range b.bodies {
		b.nameLocals(&b.bodies[i])
	}
	b.scanParallel()
	for i := range b.bodies {
		b.internHeader(&b.bodies[i])
		b.internBody(&b.bodies[i])
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
	s := b.newScanner(b.rep)
	for i := range b.bodies {
		t := &b.bodies[i]
		b.internHeader(t)
		b.nameLocals(t)
		b.scanBody(s, t)
		b.internBody(t)
	}
	b.repeats = append(b.repeats, s.repeat...)
}

// scanParallel scans the bodies on all processors.
func (b *builder) scanParallel() {
	const chunk = 32 // bodies that a worker takes at a time
	var (
		mu   sync.Mutex
		next int
		wg   sync.WaitGroup
	)
	take := func() []bodyTask {
		mu.Lock()
		defer mu.Unlock()
		from := next
		next = min(next+chunk, len(b.bodies))
		return b.bodies[from:next]
	}
	for range min(runtime.GOMAXPROCS(0), len(b.bodies)/chunk+1) {
		wg.Go(func() {
			rep := &report{source: b.m.Source}
			s := b.newScanner(rep)
			for tasks := take(); len(tasks) > 0; tasks = take() {
				for i := range tasks {
					b.scanBody(s, &tasks[i])
				}
			}
			mu.Lock()
			defer mu.Unlock()
			b.rep.errs = append(b.rep.errs, rep.errs...)
			b.repeats = append(b.repeats, s.repeat...)
		})
	}
	wg.Wait()
}

func (b *builder) newScanner(rep *report) *scanner {
	return &scanner{
		tokenizer: tokenizer{src: b.m.Source.Text, rep: rep, annotation: rep.annotationInField},
		scope:     b.m.scope, locals: map[string]uint32{},
	}
}

// scanBody reads the islands of a task as one sequence.
func (b *builder) scanBody(s *scanner, t *bodyTask) {
	if len(t.islands) == 0 || s.rep.full() {
		return
	}
	s.inline = nil
	s.setLocals(t.fn)
	first, last := t.islands[0].span(), t.islands[len(t.islands)-1].span()
	// One instruction is about 18 characters of flat text.
	t.body.Instrs = make([]Instr, 0, (last.End-first.Start)/18+2)
	for _, island := range t.islands {
		s.scan(island.span(), t.body)
	}
	t.body.Span = Span{first.Start, last.End}
	t.inline = s.inline
}

func (i *island) span() Span { return Span{i.Pos.Offset, i.Pos.Offset + len(i.Text)} }

func (s *scanner) setLocals(f *Func) {
	clear(s.locals)
	if f != nil {
		for _, l := range f.LocalNames {
			s.locals[l.Name] = uint32(l.Local)
		}
	}
}

// nameLocals gives the parameters and locals of a function their names.
func (b *builder) nameLocals(t *bodyTask) {
	if t.fn == nil {
		return
	}
	seen := map[string]bool{}
	add := func(id *ident, at LocalID) {
		if id == nil {
			return
		}
		name, ok := b.name(id)
		if !ok {
			return
		}
		if seen[name] {
			b.rep.add(ErrDuplicate, id.span(), "", "duplicate local %s", ID(name))
			return
		}
		seen[name] = true
		t.fn.LocalNames = append(t.fn.LocalNames, LocalName{at, name})
	}
	at := LocalID(0)
	for _, p := range t.params {
		add(p.ID, at)
		at += LocalID(len(p.Types))
	}
	at = LocalID(b.numParams(t))
	for _, l := range t.locals {
		add(l.ID, at)
		at += LocalID(len(l.Types))
	}
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
func (b *builder) checkRepeats() {
	for _, r := range b.repeats {
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
