package wat

import (
	"math"
	"strings"

	"github.com/watfiber/watfiber/wat/op"
)

// This file reads what stands behind a mnemonic, one function for each kind of
// immediate.

// immediates reads the immediates of in into in.Imm.
func (s *scanner) immediates(in *Instr) {
	switch kind := in.Op.Info().Imm; kind {
	case op.None:
	case op.Label:
		in.Imm = uint64(s.label())
	case op.LabelTable:
		in.Imm = s.labelTable()
	case op.Func:
		in.Imm = s.index(spaceFunc)
	case op.Indirect:
		table := s.optional(spaceTable)
		in.Imm = PairImm(s.typeUse(), table)
	case op.Local:
		in.Imm = s.local()
	case op.Global:
		in.Imm = s.index(spaceGlobal)
	case op.Table:
		in.Imm = uint64(s.optional(spaceTable))
	case op.Memory:
		in.Imm = uint64(s.optional(spaceMemory))
	case op.Elem:
		in.Imm = s.index(spaceElem)
	case op.Data:
		in.Imm = s.index(spaceData)
	case op.TableCopy:
		in.Imm = s.twoOrNone(spaceTable)
	case op.MemoryCopy:
		in.Imm = s.twoOrNone(spaceMemory)
	case op.TableInit:
		in.Imm = s.segment(spaceTable, spaceElem)
	case op.MemoryInit:
		in.Imm = s.segment(spaceMemory, spaceData)
	case op.MemArg, op.MemArgLane:
		in.Imm = s.memArg(in.Op.Info())
	case op.Lane:
		in.Imm = s.lane()
	case op.I32:
		in.Imm = s.integer(32)
	case op.I64:
		in.Imm = s.integer(64)
	case op.F32:
		in.Imm = s.float(float32Format)
	case op.F64:
		in.Imm = s.float(float64Format)
	case op.V128:
		in.Imm = s.vector()
	case op.Shuffle:
		in.Imm = s.shuffle()
	case op.HeapType:
		in.Imm = s.heapType()
	case op.Result:
		in.Op, in.Imm = s.selectType()
	}
}

// expected reports what should stand at the current token.
func (s *scanner) expected(what string) {
	switch s.tok.kind {
	case tokEOF:
		s.fail(ErrSyntax, Span{s.end, s.end}, "", "expected %s", what)
	case tokOpen:
		word := "(" + s.openKeyword()
		s.fail(ErrSyntax, Span{s.tok.start, s.tok.start + len(word)}, otherVersion(word[1:]), "expected %s, not %s", what, word)
	default:
		t := s.tok
		s.fail(ErrSyntax, t.span(), otherVersion(s.text(t)), "expected %s, not %s", what, s.shown(t))
		if _, isInstr := op.Lookup(s.text(t)); t.kind != tokClose && !isInstr {
			s.advance() // it is of no other use
		}
	}
}

func (s *scanner) isIndex() bool { return s.tok.kind == tokID || s.tok.kind == tokNumber }

// index reads an index of the space, by number or name.
func (s *scanner) index(sp space) uint64 {
	t := s.tok
	if t.kind == tokID {
		s.advance()
		name, ok := s.id(t)
		if !ok {
			return 0
		}
		i, ok := s.scope.lookup(sp, name)
		if !ok {
			s.fail(ErrName, t.span(), "", "unknown %s %s", spaceNames[sp], ID(name)).complete = s.scope.nearest(sp, name)
		}
		return uint64(i)
	}
	return uint64(s.natural(spaceNames[sp]+" index", math.MaxUint32))
}

// natural reads an unsigned number up to limit.
func (s *scanner) natural(what string, limit uint64) uint32 {
	if s.tok.kind != tokNumber {
		s.expected("a " + what)
		return 0
	}
	t := s.tok
	s.advance()
	v, ok := parseNat(s.text(t))
	if !ok && !isDigits(s.text(t)) {
		s.fail(ErrLiteral, t.span(), "", "%s is no %s", s.text(t), what)
		return 0
	}
	if !ok || v > limit {
		s.fail(ErrLiteral, t.span(), "", "%s %s is out of range", what, s.text(t))
		return 0
	}
	return uint32(v)
}

// optional reads an index that may be missing, which means 0.
func (s *scanner) optional(sp space) uint32 {
	if !s.isIndex() {
		return 0
	}
	return uint32(s.index(sp))
}

func (s *scanner) twoOrNone(sp space) uint64 {
	if !s.isIndex() {
		return 0
	}
	destination := uint32(s.index(sp))
	return PairImm(destination, uint32(s.index(sp)))
}

// segment reads [table or memory] segment.
func (s *scanner) segment(outer, inner space) uint64 {
	ahead := s.tokenizer
	if second := ahead.next(); s.isIndex() && (second.kind == tokID || second.kind == tokNumber) {
		in := uint32(s.index(outer))
		return PairImm(uint32(s.index(inner)), in)
	}
	return PairImm(uint32(s.index(inner)), 0)
}

// local reads the index of a parameter or local.
func (s *scanner) local() uint64 {
	t := s.tok
	if t.kind != tokID {
		return uint64(s.natural("local index", math.MaxUint32))
	}
	s.advance()
	name, ok := s.id(t)
	if !ok {
		return 0
	}
	i, ok := s.locals[name]
	if !ok {
		s.fail(ErrName, t.span(), suggestID(name, sortedKeys(s.locals)), "unknown local %s", ID(name))
	}
	return uint64(i)
}

// label reads the target of a branch.
func (s *scanner) label() Label {
	t := s.tok
	if t.kind == tokID {
		s.advance()
		name, ok := s.id(t)
		if !ok {
			return BodyLabel
		}
		place := s.named[name]
		if place == 0 {
			s.fail(ErrName, t.span(), suggestID(name, sortedKeys(s.named)), "unknown label %s", ID(name))
			return BodyLabel
		}
		return LabelOf(s.labels[place-1].opener)
	}
	depth := s.natural("label", math.MaxUint32)
	switch n := uint32(len(s.labels)); {
	case depth < n:
		return LabelOf(s.labels[n-1-depth].opener)
	case depth > n && n == 0:
		s.fail(ErrName, t.span(), "", "unknown label %d, no block is open here", depth)
	case depth > n && n == 1:
		s.fail(ErrName, t.span(), "", "unknown label %d, only one block is open here", depth)
	case depth > n:
		s.fail(ErrName, t.span(), "", "unknown label %d, only %d blocks are open here", depth, n)
	}
	return BodyLabel
}

// labelTable reads the labels of br_table.
func (s *scanner) labelTable() uint64 {
	at := len(s.body.Ext)
	s.body.Ext = append(s.body.Ext, 0)
	if !s.isIndex() {
		s.expected("a label")
	}
	for s.isIndex() {
		s.body.Ext = append(s.body.Ext, uint64(s.label()))
	}
	s.body.Ext[at] = uint64(len(s.body.Ext) - at - 1)
	return uint64(at)
}

// memArg reads [memory] [offset=n] [align=n] [lane].
func (s *scanner) memArg(info *op.Info) uint64 {
	memory := uint32(0)
	if s.isIndex() && (info.Imm == op.MemArg || !s.onlyLane()) {
		memory = uint32(s.index(spaceMemory))
	}
	if memory > math.MaxUint16 {
		s.fail(ErrLimit, s.tok.span(), "", "memory index %d is too large", memory)
	}
	offset, align := uint64(0), uint64(info.Size)
	if v, ok := s.keyValue("offset="); ok {
		offset = v
	}
	if v, ok := s.keyValue("align="); ok {
		align = v
	}
	lane := uint64(0)
	if info.Imm == op.MemArgLane {
		lane = s.lane()
	}
	return uint64(NewMemArg(uint32(offset), log2(align), uint8(lane), uint16(memory)))
}

// onlyLane reports whether the current number is the last immediate.
func (s *scanner) onlyLane() bool {
	if s.tok.kind != tokNumber {
		return false
	}
	ahead := s.tokenizer
	switch t := ahead.next(); t.kind {
	case tokNumber:
		return false
	case tokKeyword:
		word := s.text(t)
		return !strings.HasPrefix(word, "offset=") && !strings.HasPrefix(word, "align=")
	}
	return true
}

// keyValue reads a word such as offset=8.
func (s *scanner) keyValue(key string) (uint64, bool) {
	t := s.tok
	if t.kind != tokKeyword || !strings.HasPrefix(s.text(t), key) {
		return 0, false
	}
	s.advance()
	digits := s.text(t)[len(key):]
	v, ok := parseNat(digits)
	switch {
	case !ok && !isDigits(digits):
		s.fail(ErrLiteral, t.span(), "", "%s needs a number", key)
	case !ok || v > math.MaxUint32:
		s.fail(ErrLiteral, t.span(), "", "%s is out of range", s.text(t))
	case key == "align=" && (v == 0 || v&(v-1) != 0):
		s.fail(ErrLiteral, t.span(), "", "alignment %s is no power of two", digits)
		return 1, true
	default:
		return v, true
	}
	return 1, true
}

// log2 returns the logarithm of a power of two.
func log2(v uint64) uint8 {
	n := uint8(0)
	for v > 1 {
		v >>= 1
		n++
	}
	return n
}
