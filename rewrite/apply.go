package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file puts the edits of functions into the tree and into the text. Both say
// the same: the tree is what the text would be read as.

// addedLocals returns the locals that a function gets: temporaries, then the site
// number, then the address of the frame; or for assertions the state that it was called
// in.
func (f *function) addedLocals() (names []string, types []wat.ValType) {
	for i, t := range f.temps {
		names = append(names, f.tempName(i))
		types = append(types, t.typ)
	}
	if f.needsSite {
		names = append(names, idSite)
		types = append(types, wat.I32)
	}
	if f.frame.inline {
		names = append(names, idFrame)
		types = append(types, wat.I32)
	}
	if f.watched > 0 && len(f.sites) == 0 {
		names = append(names, idBefore)
		types = append(types, wat.I32)
	}
	if f.asksIndex {
		names = append(names, idIndex)
		types = append(types, wat.I32)
	}
	return names, types
}

// apply returns the function with its edits, which sp makes. The module has the
// runtime already.
func (f *function) apply(ext *wat.Module, sp *wat.Splice) (*wat.Func, error) {
	fn := *f.fn.Func
	fn.Locals = append([]wat.LocalRun(nil), fn.Locals...)
	fn.LocalNames = append([]wat.LocalName(nil), fn.LocalNames...)
	names, types := f.addedLocals()
	for i, t := range types {
		fn.AddLocal(t)
		fn.LocalNames = append(fn.LocalNames, wat.LocalName{Local: wat.LocalID(f.numLocals + i), Name: strings.TrimPrefix(names[i], "$")})
	}
	sp.Start(ext, &fn, f.fn.Body)
	next, dropped := 0, f.droppedSet()
	insert := func(upTo int) {
		for ; next < len(f.edits) && f.edits[next].at <= upTo; next++ {
			if e := f.edits[next]; e.opens > 0 {
				sp.Reopen(e.opens-1, e.code)
			} else {
				sp.Insert(e.code)
			}
		}
	}
	for i := range f.fn.Body.Instrs {
		insert(2 * i)
		if !dropped[i] {
			sp.Copy(i)
		}
		insert(2*i + 1)
	}
	insert(2 * len(f.fn.Body.Instrs))
	body, place, err := sp.Body()
	if err != nil {
		return nil, fmt.Errorf("emit, function %s: %w", f.graph.labels[f.id], err)
	}
	if !f.m.Source.Binary {
		f.place = slices.Clone(place)
	}
	if !f.innerNames {
		fn.LocalNames, body.Labels = f.fn.LocalNames, ownLabels(body.Labels)
	}
	fn.SetBody(body)
	if f.kept != nil {
		f.edits = f.edits[:0] // nobody needs them any more
	}
	return &fn, nil
}

// hasInnerNames reports whether inserted labels and locals are to have names: those of a
// text do; whoever has left out the names of the binary does not want ours.
func hasInnerNames(m *wat.Module) bool {
	return !m.Source.Binary || slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool {
		return len(f.LocalNames) > 0 || f.Packed == nil && len(f.Body().Labels) > 0
	})
}

func (f *function) droppedSet() map[int]bool {
	set := map[int]bool{}
	for _, i := range f.dropped {
		set[i] = true
	}
	return set
}

// ownLabels returns the labels that the source named, in the same memory.
func ownLabels(labels []wat.LabelName) []wat.LabelName {
	return slices.DeleteFunc(labels, func(l wat.LabelName) bool { return strings.HasPrefix(l.Name, idPrefix) })
}

// idPrefix is what all generated names start with.
const idPrefix = "fiber."

// replaceImports makes the functions of the runtime stand in for imports.
func replaceImports(m, ext *wat.Module, r *runtimeText) {
	for id, place := range r.replaced {
		imp := *ext.Funcs[id]
		imp.ReplacedBy = wat.FuncID(len(m.Funcs) + r.imported + place)
		ext.Funcs[id] = &imp
	}
}

// dropExports takes out the exports of the functions that the runtime exports wrapped.
func (s *state) dropExports(ext *wat.Module) {
	kept := slices.DeleteFunc(slices.Clone(s.m.Exports), s.isWrapped)
	ext.Exports = append(kept, ext.Exports[len(s.m.Exports):]...)
}

// lastImport returns where the last import of a text stands, -1 if there is none.
func lastImport(m *wat.Module) int {
	at := -1
	for _, d := range m.Imports() {
		at = max(at, m.ImportOf(d).Span.Start)
	}
	return at
}

// isWrapped reports whether an export gets a wrapper in place of its function.
func (s *state) isWrapped(e *wat.Export) bool {
	if e.Kind != wat.KindFunc {
		return false
	}
	_, found := slices.BinarySearch(s.mains, wat.FuncID(e.Index))
	return found
}

// keepTypes returns a line with types that the source does not write out, if there
// are lines that mention one and are gone: types without a field get their numbers
// in the order in which the text mentions them.
//
//	(type (func (param i32))) (type (func)) ;;~ types keep their numbers, though a line that mentions one is gone
func (s *state) keepTypes(r *runtimeText) string {
	last := -1
	mention := func(id wat.TypeID) {
		if s.m.Types[id].Implicit {
			last = max(last, int(id))
		}
	}
	for id := range r.replaced {
		mention(s.m.Funcs[id].Type)
	}
	if r.imported > 0 { // their types are mentioned first
		for id := range s.m.Types {
			mention(wat.TypeID(id))
		}
	}
	for _, f := range s.functions {
		for _, i := range f.dropped {
			in := f.fn.Body.Instrs[i]
			if id, ok := wat.BlockType(in.Imm).Index(); ok && in.Op != op.Else {
				mention(id)
			}
		}
	}
	var code strings.Builder
	for id := 0; id <= last; id++ {
		if t := s.m.Types[id]; t.Implicit {
			code.WriteString(strings.TrimSuffix("(type (func "+t.FuncType.String(), " ") + ")) ")
		}
	}
	if last < 0 {
		return ""
	}
	return markLines(code.String(), "types keep their numbers, though a line that mentions one is gone")
}

// editText inserts the lines of a function into the text.
func (f *function) editText(e *wat.LineEditor, rewritten *wat.Func) {
	fn := f.fn
	instrs := fn.Body.Instrs
	first, last := int(instrs[0].Pos), fn.Span.End-1 // the parenthesis that closes the function
	e.InsertBefore(fn.Span.Start, fn.Span.Start, f.header())
	if len(f.sites) > 0 {
		f.renumberReturns(e, rewritten) // first: these lines stand in for source lines
	}
	if names, types := f.addedLocals(); len(names) > 0 {
		var code strings.Builder
		for i, name := range names {
			fmt.Fprintf(&code, "(local %s %s) ", name, types[i])
		}
		e.InsertBehind(fn.Header.End-1, first, markLines(code.String(), f.localsNote()))
	}
	for _, ed := range f.edits {
		text := markLines(ed.code, ed.note)
		switch i := ed.at / 2; {
		case ed.at%2 == 1:
			e.InsertBehind(int(instrs[i].Pos), int(instrs[i].Pos), text)
		case i < len(instrs):
			e.InsertBefore(int(instrs[i].Pos), int(instrs[i].Pos), text)
		default:
			e.InsertBefore(last, first, text)
		}
	}
	for _, i := range f.dropped {
		e.Drop(int(instrs[i].Pos))
	}
}

func (f *function) localsNote() string {
	if len(f.sites) == 0 {
		return "the state before"
	}
	var words []string
	if len(f.temps) > 0 {
		words = append(words, "where operands are parked")
	}
	if f.needsSite {
		words = append(words, "the site to resume")
	}
	if f.frame.inline {
		words = append(words, "the frame")
	}
	if f.asksIndex {
		words = append(words, "what a br_table takes")
	}
	if n := len(words); n > 1 {
		words = append(words[:n-2], words[n-2]+", and "+words[n-1])
	}
	return strings.Join(words, ", ")
}

// markLines appends the marker to each line of inserted code, and the note to the
// first.
func markLines(code, note string) string {
	var b strings.Builder
	for i, line := range strings.Split(code, "\n") {
		b.WriteString(strings.Join(strings.Fields(line), " "))
		b.WriteString(" " + wat.InsertMark)
		if i == 0 && note != "" {
			b.WriteString(" " + note)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// renumberReturns writes branches to the function's own label anew: it has no
// name, and its number is that of the blocks around the branch.
func (f *function) renumberReturns(e *wat.LineEditor, rewritten *wat.Func) {
	depth := 0
	next := 0
	for i, in := range rewritten.Body().Instrs {
		switch in.Op {
		case op.Block, op.Loop, op.If:
			depth++
		case op.End:
			depth--
		case op.Br, op.BrIf, op.BrTable:
			for next < len(f.place) && int(f.place[next]) < i {
				next++
			}
			if next < len(f.place) && int(f.place[next]) == i {
				f.renumber(e, next, depth)
			}
		}
	}
}

// renumber writes one branch anew if it goes to the function's own label.
func (f *function) renumber(e *wat.LineEditor, i, depth int) {
	in := f.fn.Body.Instrs[i]
	labels := []uint64{in.Imm}
	if in.Op == op.BrTable {
		labels = f.fn.Body.Words(in)
	}
	returns := false
	words := make([]string, len(labels))
	for k, l := range labels {
		if wat.Label(l) == wat.BodyLabel {
			returns = true
			words[k] = fmt.Sprint(depth)
		} else {
			words[k] = wat.ID(f.fn.Body.LabelName(wat.Label(l).Opener()))
		}
	}
	if !returns {
		return
	}
	e.Drop(int(in.Pos))
	e.InsertBehind(int(in.Pos), int(in.Pos), markLines(wrapLine(in.Op.String(), words), fmt.Sprintf("%d is the function itself", depth)))
}
