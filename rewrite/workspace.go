package rewrite

import (
	"slices"
	"strings"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
)

// This file sees to it that a large module can be rewritten in little memory: a
// function has its body, and what the passes know of it, only while they work on it.

// A workspace is memory that is used for one function after the other.
type workspace struct {
	body   wat.Body
	edits  []edit
	splice wat.Splice
}

// smallModule is how many bytes a module has at most whose facts are not found again:
// they fit into memory.
const smallModule = 2 << 20

// keepsFacts reports whether all is kept that passes find out: lines are inserted into a
// text, the frames are described, or functions are copied.
func (s *state) keepsFacts() bool { return s.makesText() || s.describes }

// eachOpen calls do for functions, on all processors, each between open and close.
func (s *state) eachOpen(functions []*function, do func(i int, f *function, w *workspace)) {
	parallel.Do(len(functions), func() func(int) {
		w := &workspace{}
		return func(i int) {
			s.open(functions[i], w)
			do(i, functions[i], w)
			s.close(functions[i], w)
		}
	})
}

// open gets the body and the edits of a function.
func (s *state) open(f *function, w *workspace) {
	if s.keepsFacts() {
		f.fn.Body = f.fn.Func.Body()
		return
	}
	f.fn.Body = f.fn.BodyIn(&w.body)
	f.edits = f.kept.appendTo(w.edits[:0])
}

// close forgets the body, and what passes have found out, but the frame and the edits.
func (s *state) close(f *function, w *workspace) {
	if s.keepsFacts() {
		return
	}
	f.fn.Body = nil
	if len(f.edits) == 0 && f.body != nil && len(s.m.Source.Text) < smallModule {
		return // the facts are needed for the pass emit
	}
	f.end, f.els, f.depth, f.stacks = nil, nil, nil, nil
	f.body, f.requiredBy, f.setAt, f.live, f.ifWords = nil, nil, nil, nil, nil
	for i := range f.sites {
		f.sites[i].stack = nil
	}
	f.kept = keepEdits(f.edits)
	w.edits, f.edits = f.edits, nil
}

// emitNow runs the pass emit before its time, while the facts are known, if the pass
// inline has nothing to decide.
func (s *state) emitNow(f *function) error {
	if s.keepsFacts() || !s.opts.Asserts && (f.mixed() || s.opts.Optimize == ForSize) {
		return nil
	}
	return guard("emit", f.graph.labels[f.id], f.emitLines)
}

// findAgain runs passes again over a function whose facts were forgotten. What all
// functions together have decided of the frame stays.
func (s *state) findAgain(f *function, passes []pass) error {
	if f.body != nil {
		return nil
	}
	decided := f.frame
	f.sites, f.temps, f.tempsOf, f.frame = nil, nil, [len(slotTypes)][]int{}, frame{}
	for _, p := range passes {
		if err := guard(p.name, f.graph.labels[f.id], func() error { return p.each(f) }); err != nil {
			return err
		}
	}
	f.frame = decided
	return nil
}

// keptEdits are edits in the least memory, without their notes: there is no text.
type keptEdits struct {
	code  string
	edits []keptEdit
}

type keptEdit struct {
	at, opens uint32
	end       uint32 // of its part of the code
}

// keepEdits returns edits as they are kept, nil for none.
func keepEdits(edits []edit) *keptEdits {
	if len(edits) == 0 {
		return nil
	}
	k := &keptEdits{edits: make([]keptEdit, len(edits))}
	size := 0
	for _, e := range edits {
		size += len(e.code)
	}
	var code strings.Builder
	code.Grow(size)
	for i, e := range edits {
		code.WriteString(e.code)
		k.edits[i] = keptEdit{uint32(e.at), uint32(e.opens), uint32(code.Len())}
	}
	k.code = code.String()
	return k
}

func (k *keptEdits) appendTo(edits []edit) []edit {
	if k == nil {
		return edits
	}
	edits = slices.Grow(edits, len(k.edits))
	from := uint32(0)
	for _, e := range k.edits {
		edits = append(edits, edit{at: int(e.at), code: k.code[from:e.end], opens: int(e.opens)})
		from = e.end
	}
	return edits
}
