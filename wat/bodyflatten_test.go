package wat_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file makes a list of what the grammar of bodies parsed: one plain
// instruction an entry, operands before operators, names and types resolved.

// names finds the index of a name in an index space.
type names map[string]int

// spaces are the names of a module.
type spaces struct{ types, funcs, tables, memories, globals, elems, datas names }

func spacesOf(m *wat.Module) *spaces {
	s := &spaces{names{}, names{}, names{}, names{}, names{}, names{}, names{}}
	for i, x := range m.Types {
		s.types.add(x.Name, i)
	}
	for i, x := range m.Funcs {
		s.funcs.add(x.Name, i)
	}
	for i, x := range m.Tables {
		s.tables.add(x.Name, i)
	}
	for i, x := range m.Memories {
		s.memories.add(x.Name, i)
	}
	for i, x := range m.Globals {
		s.globals.add(x.Name, i)
	}
	for i, x := range m.Elems {
		s.elems.add(x.Name, i)
	}
	for i, x := range m.Datas {
		s.datas.add(x.Name, i)
	}
	return s
}

func (n names) add(name string, i int) {
	if name != "" {
		n[name] = i
	}
}

// flattener lists the instructions of one body.
type flattener struct {
	m      *wat.Module
	spaces *spaces
	locals names
	open   []openBlock
	out    []string
	err    error // the first one
}

type openBlock struct {
	name   string
	opener int
}

// flatten parses a body of f and lists its instructions.
func flatten(m *wat.Module, s *spaces, f *wat.Func, text string) ([]string, error) {
	parsed, err := parseBody(text)
	if err != nil {
		return nil, err
	}
	fl := &flattener{m: m, spaces: s, locals: names{}}
	for _, l := range f.LocalNames {
		fl.locals.add(l.Name, int(l.Local))
	}
	fl.sequence(parsed.Instrs)
	return fl.out, fl.err
}

func (f *flattener) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *flattener) emit(parts ...string) { f.out = append(f.out, strings.Join(parts, " ")) }

func (f *flattener) sequence(instrs []*instr) {
	for _, in := range instrs {
		switch {
		case in.Plain != nil:
			f.plain(in.Plain)
		case in.Block != nil:
			f.start(in.Block.Op, in.Block.Label, &in.Block.Type)
			f.sequence(in.Block.Body)
			f.end(in.Block.End)
		case in.If != nil:
			f.start("if", in.If.Label, &in.If.Type)
			f.sequence(in.If.Then)
			if in.If.Else != nil {
				f.repeat(in.If.Else.Label)
				f.emit("else")
				f.sequence(in.If.Else.Body)
			}
			f.end(in.If.End)
		default:
			f.folded(in.Folded)
		}
	}
}

func (f *flattener) folded(in *folded) {
	switch {
	case in.Block != nil:
		f.start(in.Block.Op, in.Block.Label, &in.Block.Type)
		f.sequence(in.Block.Body)
		f.end("")
	case in.If != nil:
		f.foldedIf(in.If)
	default:
		for _, operand := range in.Operands {
			f.folded(operand)
		}
		f.plain(in.Plain)
	}
}

func (f *flattener) foldedIf(in *foldedIf) {
	then, els := in.Then, in.Else
	if n := len(in.Operands); !in.HasThen && (n == 2 || n == 3) && !in.HasElse {
		then = []*instr{{Folded: in.Operands[1]}}
		if n == 3 {
			els = []*instr{{Folded: in.Operands[2]}}
		}
		in.HasElse = n == 3
		in.Operands = in.Operands[:1]
	} else if !in.HasThen {
		f.fail("if without then")
	}
	for _, operand := range in.Operands {
		f.folded(operand)
	}
	f.start("if", in.Label, &in.Type)
	f.sequence(then)
	if in.HasElse {
		f.emit("else")
		f.sequence(els)
	}
	f.end("")
}

func (f *flattener) start(word, label string, use *typeUse) {
	name := ""
	if label != "" {
		name = nameOf(label)
	}
	f.open = append(f.open, openBlock{name, len(f.out)})
	f.emit(word, f.typeUse(use).String())
}

func (f *flattener) end(label string) {
	f.repeat(label)
	f.open = f.open[:len(f.open)-1]
	f.emit("end")
}

// repeat checks the label behind else or end.
func (f *flattener) repeat(label string) {
	if label != "" && nameOf(label) != f.open[len(f.open)-1].name {
		f.fail("label %s does not match", label)
	}
}

// nameOf returns the name that an identifier stands for.
func nameOf(id string) string {
	if quoted := id[1:]; strings.HasPrefix(quoted, `"`) {
		return wat.NameOf(string(unquote(quoted)))
	}
	return id[1:]
}

// index resolves a name or number; nothing is 0.
func (f *flattener) index(in names, s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == '$':
		i, ok := in[nameOf(s)]
		if !ok {
			f.fail("unknown name %s", s)
		}
		return i
	}
	return int(f.number(s, math.MaxUint32))
}

// number reads an unsigned number up to most.
func (f *flattener) number(s string, most uint64) uint64 {
	l, err := literal(s, 64, false)
	if err != nil || l.bits > most || strings.ContainsAny(s, "+-") {
		f.fail("%s is no number up to %d", s, most)
	}
	return l.bits
}

// label returns the target of a branch: the instruction that opens it, or body.
func (f *flattener) label(s string) string {
	if s[0] == '$' {
		for i := len(f.open) - 1; i >= 0; i-- {
			if f.open[i].name == nameOf(s) {
				return strconv.Itoa(f.open[i].opener)
			}
		}
		f.fail("unknown label %s", s)
		return ""
	}
	depth := f.number(s, math.MaxUint32)
	switch n := uint64(len(f.open)); {
	case depth < n:
		return strconv.Itoa(f.open[n-1-depth].opener)
	case depth > n:
		f.fail("unknown label %s", s)
	}
	return "body"
}

func (f *flattener) typeUse(use *typeUse) wat.FuncType {
	var inline wat.FuncType
	for _, list := range use.Params {
		inline.Params = append(inline.Params, valTypesOf(list)...)
	}
	for _, list := range use.Results {
		inline.Results = append(inline.Results, valTypesOf(list)...)
	}
	if use.Type == "" {
		return inline
	}
	i := f.index(f.spaces.types, use.Type)
	if i >= len(f.m.Types) {
		f.fail("unknown type %s", use.Type)
		return inline
	}
	if t := f.m.Types[i].FuncType; len(use.Params)+len(use.Results) > 0 && !t.Equal(inline) {
		f.fail("the type written out is not type %s", use.Type)
	}
	return f.m.Types[i].FuncType
}

func valTypesOf(list *valTypes) (types []wat.ValType) {
	for _, name := range list.Types {
		t, _ := wat.ParseValType(name)
		types = append(types, t)
	}
	return types
}

func (f *flattener) plain(in *plain) {
	switch s := f.spaces; {
	case in.None != "":
		f.emit(in.None)
	case in.Indexed != nil:
		f.indexed(in.Indexed)
	case in.Optional != nil:
		space := map[string]names{"t": s.tables, "m": s.memories}[in.Optional.Op[:1]]
		f.emit(in.Optional.Op, strconv.Itoa(f.index(space, in.Optional.Index)))
	case in.Two != nil:
		space := map[string]names{"t": s.tables, "m": s.memories}[in.Two.Op[:1]]
		both := append(in.Two.Both, "", "")
		f.emit(in.Two.Op, strconv.Itoa(f.index(space, both[0])), strconv.Itoa(f.index(space, both[1])))
	case in.Segment != nil:
		f.segment(in.Segment)
	case in.Labels != nil:
		parts := []string{in.Labels.Op}
		for _, l := range in.Labels.Labels {
			parts = append(parts, f.label(l))
		}
		f.emit(parts...)
	case in.Indirect != nil:
		table := f.index(s.tables, in.Indirect.Table)
		f.emit(in.Indirect.Op, strconv.Itoa(table), f.typeUse(&in.Indirect.Type).String())
	case in.MemArg != nil:
		f.memArg(in.MemArg)
	case in.Select != nil && len(in.Select.Results) > 0:
		var t wat.FuncType
		for _, list := range in.Select.Results {
			t.Results = append(t.Results, valTypesOf(list)...)
		}
		f.emit("select with", t.String())
	case in.Select != nil:
		f.emit("select")
	case in.Null != nil:
		f.emit(in.Null.Op, in.Null.Type)
	default:
		f.literals(in)
	}
}

func (f *flattener) indexed(in *indexed) {
	switch code, _ := op.Lookup(in.Op); code.Info().Imm {
	case op.Label:
		f.emit(in.Op, f.label(in.Index))
	case op.Func:
		f.emit(in.Op, strconv.Itoa(f.index(f.spaces.funcs, in.Index)))
	case op.Local:
		f.emit(in.Op, strconv.Itoa(f.index(f.locals, in.Index)))
	case op.Global:
		f.emit(in.Op, strconv.Itoa(f.index(f.spaces.globals, in.Index)))
	case op.Elem:
		f.emit(in.Op, strconv.Itoa(f.index(f.spaces.elems, in.Index)))
	case op.Data:
		f.emit(in.Op, strconv.Itoa(f.index(f.spaces.datas, in.Index)))
	}
}

func (f *flattener) segment(in *segment) {
	of, segments := f.spaces.tables, f.spaces.elems
	if in.Op == "memory.init" {
		of, segments = f.spaces.memories, f.spaces.datas
	}
	indices := in.Indices
	if len(indices) == 1 {
		indices = []string{"", indices[0]}
	}
	f.emit(in.Op, strconv.Itoa(f.index(segments, indices[1])), "of", strconv.Itoa(f.index(of, indices[0])))
}

func (f *flattener) memArg(in *memArg) {
	code, _ := op.Lookup(in.Op)
	info := code.Info()
	memory, lane := in.Memory, in.Lane
	if info.Imm == op.MemArgLane && lane == "" && in.Offset+in.Align == "" {
		memory, lane = "", memory
	}
	if (info.Imm == op.MemArgLane) != (lane != "") {
		f.fail("%s with lane %q", in.Op, lane)
	}
	offset, align := uint64(0), uint64(info.Size)
	if in.Offset != "" {
		offset = f.number(strings.TrimPrefix(in.Offset, "offset="), math.MaxUint32)
	}
	if in.Align != "" {
		align = f.number(strings.TrimPrefix(in.Align, "align="), math.MaxUint32)
		if align == 0 || align&(align-1) != 0 {
			f.fail("alignment %d", align)
		}
	}
	parts := []string{in.Op, fmt.Sprintf("memory %d offset %d align %d", f.index(f.spaces.memories, memory), offset, align)}
	if lane != "" {
		parts = append(parts, fmt.Sprint("lane ", f.number(lane, math.MaxUint8)))
	}
	f.emit(parts...)
}

// literals lists instructions with numbers.
func (f *flattener) literals(in *plain) {
	switch {
	case in.Lane != nil:
		f.emit(in.Lane.Op, strconv.FormatUint(f.number(in.Lane.Lane, math.MaxUint8), 10))
	case in.Const != nil:
		width, _ := strconv.Atoi(in.Const.Op[1:3])
		f.emit(in.Const.Op, fmt.Sprintf("%#x", f.bits(in.Const.Value, uint(width), in.Const.Op[0] == 'f')))
	case in.Vector != nil:
		f.wide(in.Vector.Op, in.Vector.Lanes, shapes[in.Vector.Shape], in.Vector.Shape[0] == 'f')
	case in.Shuffle != nil:
		for _, l := range in.Shuffle.Lanes {
			f.number(l, math.MaxUint8)
		}
		f.wide(in.Shuffle.Op, in.Shuffle.Lanes, 8, false)
	}
}

func (f *flattener) bits(s string, width uint, float bool) uint64 {
	l, err := literal(s, width, float)
	if err != nil {
		f.fail("%s: %v", s, err)
	}
	return l.bits
}

// wide lists an instruction with 128 bits of lanes.
func (f *flattener) wide(word string, lanes []string, width uint, float bool) {
	if len(lanes)*int(width) != 128 {
		f.fail("%d lanes of %d bits", len(lanes), width)
		return
	}
	var half [2]uint64
	for i, l := range lanes {
		bit := uint(i) * width
		half[bit/64] |= f.bits(l, width, float) << (bit % 64)
	}
	f.emit(word, fmt.Sprintf("%#x %#x", half[0], half[1]))
}
