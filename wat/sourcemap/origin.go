package sourcemap

import (
	"fmt"
	"sort"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// Origins say of each instruction of a binary in which line of the rewritten text it
// stands, and which instruction of the source it is.
type Origins struct {
	Binary *wat.Module // as it was decoded
	Text   *wat.Module // the rewritten text that the binary was made of
	Source *wat.Module // the text that was rewritten, or a binary; Text if nothing was
	Funcs  []Func      // the functions that have a body, in the order of the binary
}

// A Func says where a function comes from.
type Func struct {
	Binary, Text wat.FuncID
	// Source is the function in the source, if InSource: the runtime is not. A hot copy
	// comes from the function that it is a copy of.
	Source   wat.FuncID
	InSource bool
	HotCopy  bool
	// Instrs are by instruction the number that it has in the source, -1 if it was
	// inserted; nil if all have the same.
	Instrs []int32
}

// Instr returns the number that an instruction has in the source, false if it was
// inserted.
func (f *Func) Instr(i int) (int, bool) {
	switch {
	case !f.InSource:
		return 0, false
	case f.Instrs == nil:
		return i, true
	}
	return int(f.Instrs[i]), f.Instrs[i] >= 0
}

// NewOrigins compares a binary with the text that it was made of, and that with its
// source. The source has the functions and instructions that wat.Strip leaves of the
// text, in the same order; what else is different between them does not matter.
func NewOrigins(binary, text, source *wat.Module) (*Origins, error) {
	o := &Origins{Binary: binary, Text: text, Source: source}
	inBinary, inText, inSource := defined(binary), defined(text), defined(source)
	if len(inBinary) != len(inText) {
		return nil, fmt.Errorf("%s has %d functions, %s has %d: it was not made of this text", binary.Source.Name, len(inBinary), text.Source.Name, len(inText))
	}
	stripped := source
	if code := wat.Strip(text.Source.Text); code != source.Source.Text {
		var err error
		if stripped, err = wat.Parse(source.Source.Name, code); err != nil {
			return nil, err
		}
	}
	t := tracer{text: text, lines: wat.LineOrigins(text.Source.Text), source: stripped, hot: map[wat.FuncID]hotCopy{}}
	inStripped := defined(stripped)
	next := 0
	for i, id := range inText {
		f := Func{Binary: inBinary[i], Text: id}
		if a, b := len(binary.Funcs[f.Binary].Body().Instrs), len(text.Funcs[id].Body().Instrs); a != b {
			return nil, fmt.Errorf("function %d of %s has %d instructions, that of %s %d: it was not made of this text", f.Binary, binary.Source.Name, a, text.Source.Name, b)
		}
		if t.line(text.Funcs[id].Span.Start).Line > 0 {
			if next == len(inSource) || next == len(inStripped) {
				return nil, fmt.Errorf("%s has more functions than its source", text.Source.Name)
			}
			f.Source, f.InSource = inSource[next], true
			if err := t.trace(&f, stripped.Funcs[inStripped[next]], source.Funcs[f.Source]); err != nil {
				return nil, err
			}
			next++
		} else if err := t.copied(&f); err != nil {
			return nil, err
		}
		o.Funcs = append(o.Funcs, f)
	}
	return o, nil
}

// defined returns the functions that have a body.
func defined(m *wat.Module) []wat.FuncID {
	var ids []wat.FuncID
	for id, f := range m.Funcs {
		if f.Import == nil {
			ids = append(ids, wat.FuncID(id))
		}
	}
	return ids
}

// tracer follows lines of a rewritten text back to its source.
type tracer struct {
	text, source *wat.Module
	lines        []wat.LineOrigin
	hot          map[wat.FuncID]hotCopy // by function of the text
}

// hotCopy says of which function one is a copy.
type hotCopy struct {
	of    wat.FuncID  // in the source
	instr []wat.Instr // what it copies
}

// line returns the origin of the line that holds an offset.
func (t *tracer) line(at int) wat.LineOrigin {
	n := t.text.Source.LineAt(at)
	return t.lines[n-1]
}

// trace finds the instructions of a function in the source that a text strips to. The
// true source has the same ones, maybe in another form.
func (t *tracer) trace(f *Func, stripped, source *wat.Func) error {
	fn := t.text.Funcs[f.Text]
	code, own := fn.Body().Instrs, stripped.Body().Instrs
	if len(own) != len(source.Body().Instrs) {
		return fmt.Errorf("%s: the text does not strip to this source: function %d has another number of instructions", t.text.Source.Name, f.Source)
	}
	first := t.text.Source.LineAt(fn.Span.Start)
	last := t.text.Source.LineAt(fn.Span.End - 1)
	if t.untouched(first, last) {
		if len(code) != len(own) {
			return fmt.Errorf("%s: function %d is not what it strips to", t.text.Source.Name, f.Text)
		}
		return nil
	}
	f.Instrs = make([]int32, len(code))
	for i, in := range code {
		f.Instrs[i] = t.find(in, own)
		if n := f.Instrs[i]; n >= 0 && own[n].Op != in.Op {
			return fmt.Errorf("%s: function %d, instruction %d is not the one of its line", t.text.Source.Name, f.Text, i)
		}
	}
	t.findHot(f, code, own)
	return nil
}

// findHot notes the function that one of the source begins with a call of, if that is its
// hot copy:
//
//	local.get $n call $fiber.hot.f return end ;;~
func (t *tracer) findHot(f *Func, code, own []wat.Instr) {
	for i := 0; i+1 < len(code) && f.Instrs[i] < 0; i++ {
		if code[i].Op == op.Call && code[i+1].Op == op.Return && f.Instrs[i+1] < 0 {
			t.hot[wat.FuncID(code[i].Imm)] = hotCopy{f.Source, own}
			return
		}
	}
}

// copied finds the instructions of a hot copy in the source. Each stands alone in a line,
// without a comment; all are there, in their order, with other lines in between.
func (t *tracer) copied(f *Func) error {
	hot, ok := t.hot[f.Text]
	if !ok {
		return nil
	}
	fn := t.text.Funcs[f.Text]
	code := fn.Body().Instrs
	f.Source, f.InSource, f.HotCopy, f.Instrs = hot.of, true, true, make([]int32, len(code))
	next := 0
	for i, in := range code {
		f.Instrs[i] = -1
		if next < len(hot.instr) && hot.instr[next].Op == in.Op && t.uncommented(int(in.Pos)) && t.alone(code, i) {
			f.Instrs[i] = int32(next)
			next++
		}
	}
	if next < len(hot.instr) {
		return fmt.Errorf("%s: function %d is no copy of function %d of the source", t.text.Source.Name, f.Text, f.Source)
	}
	return nil
}

// uncommented reports whether the line that holds an offset is inserted and does not say
// what for.
func (t *tracer) uncommented(at int) bool {
	line := t.text.Source.Text[at:]
	line, _, _ = strings.Cut(line, "\n")
	said, ok := wat.InsertedComment(line)
	return ok && said == ""
}

// alone reports whether an instruction has a line of its own.
func (t *tracer) alone(code []wat.Instr, i int) bool {
	line := func(i int) int { return t.text.Source.LineAt(int(code[i].Pos)) }
	return (i == 0 || line(i-1) < line(i)) && (i+1 == len(code) || line(i) < line(i+1))
}

// untouched reports whether nothing was inserted or taken out in some lines.
func (t *tracer) untouched(first, last int) bool {
	for _, l := range t.lines[first-1 : last] {
		if l.Line == 0 || l.Dropped {
			return false
		}
	}
	return true
}

// find returns the number of an instruction in the source, where each has a line of its
// own; -1 if it was inserted. A branch that is written anew behind the comment that was
// its line is still that branch.
func (t *tracer) find(in wat.Instr, source []wat.Instr) int32 {
	n := t.text.Source.LineAt(int(in.Pos))
	line := t.lines[n-1]
	anew := line.Line == 0 && n > 1 && t.lines[n-2].Dropped && isBranch(in.Op)
	if anew {
		line = t.lines[n-2]
	}
	if line.Line == 0 {
		return -1
	}
	i := sort.Search(len(source), func(i int) bool {
		return t.source.Source.LineAt(int(source[i].Pos)) >= line.Line
	})
	if i == len(source) || t.source.Source.LineAt(int(source[i].Pos)) != line.Line || anew && source[i].Op != in.Op {
		return -1
	}
	return int32(i)
}

func isBranch(code op.Code) bool { return code == op.Br || code == op.BrIf || code == op.BrTable }
