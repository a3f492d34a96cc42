package wat

import (
	"strings"

	"github.com/watfiber/watfiber/wat/op"
)

// scanner reads a sequence of instructions, folded or not, into a Body. It keeps
// open parentheses and open blocks on stacks of its own, so nesting costs memory
// in proportion to the text and nothing else.
type scanner struct {
	tokenizer
	tok    token // the token to look at next
	scope  *scope
	locals map[string]uint32

	body   *Body
	groups []group
	labels []labelFrame
	named  map[string]int // label name -> 1 + its place in labels

	inline []FuncType // types of type uses without an index, to be interned
	repeat []typeCheck
}

// inlineType is added to the place in scanner.inline where a TypeID is expected,
// until the module has interned the type.
const inlineType = 1 << 31

// typeCheck is a type use that has an index and repeats the type as well.
type typeCheck struct {
	id   TypeID
	sig  FuncType
	span Span
}

// group is an open parenthesis.
type group struct {
	kind  groupKind
	start int
	// The instruction that the closing parenthesis emits, or of a folded if the
	// one that (then emits.
	instr Instr
	name  string // of a folded if: its label
	arms  int    // of a folded if: how many of then and else were read
}

type groupKind uint8

const (
	groupPlain groupKind = iota // (i32.add …): operands, then the instruction
	groupBlock                  // (block …), (loop …): a sequence, then end
	groupIf                     // (if …): the condition, (then …), (else …)
	groupArm                    // (then …), (else …): a sequence
)

// labelFrame is a block, loop or if that is open.
type labelFrame struct {
	name   string
	shadow int // what named held for name before
	opener int
	op     op.Code
	folded bool
	span   Span // of the mnemonic
	els    bool // an else was read
}

// scan reads the instructions of span.
func (s *scanner) scan(span Span, body *Body) {
	s.body = body
	body.Span = span
	s.pos, s.end = span.Start, span.End
	s.groups, s.labels = s.groups[:0], s.labels[:0]
	s.advance()
	for s.tok.kind != tokEOF && !s.rep.full() {
		s.step()
	}
	if s.rep.full() {
		return
	}
	for i := len(s.groups) - 1; i >= 0; i-- {
		s.fail(ErrSyntax, Span{s.groups[i].start, s.groups[i].start + 1}, "", "unclosed parenthesis")
	}
	for _, l := range s.labels {
		s.fail(ErrSyntax, l.span, "close it with end", "unclosed %s", l.op)
	}
	clear(s.named)
}

func (s *scanner) advance() { s.tok = s.next() }

func (s *scanner) fail(code Code, span Span, hint, format string, args ...any) {
	s.rep.add(code, span, hint, format, args...)
}

// step reads one token of the sequence, with the immediates that follow it.
func (s *scanner) step() {
	switch s.tok.kind {
	case tokOpen:
		s.openGroup()
	case tokClose:
		s.closeGroup()
	case tokKeyword:
		if g := s.group(); g != nil && (g.kind == groupPlain || g.kind == groupIf) {
			s.fail(ErrSyntax, s.tok.span(), "operands of a folded instruction stand in parentheses", "unexpected %s", s.text(s.tok))
			s.resync()
			return
		}
		s.plain()
	default:
		s.fail(ErrSyntax, s.tok.span(), "", "unexpected %s, expected an instruction", s.text(s.tok))
		s.resync()
	}
}

// resync skips what cannot start an instruction.
func (s *scanner) resync() {
	s.advance()
	for s.tok.kind != tokEOF && s.tok.kind != tokOpen && s.tok.kind != tokClose && s.tok.kind != tokKeyword {
		s.advance()
	}
}

func (s *scanner) group() *group {
	if len(s.groups) == 0 {
		return nil
	}
	return &s.groups[len(s.groups)-1]
}

// mnemonic looks up the instruction of a keyword token.
func (s *scanner) mnemonic(t token) (op.Code, bool) {
	name := s.text(t)
	code, ok := op.Lookup(name)
	if !ok {
		s.unknown(t, name)
	}
	return code, ok
}

func (s *scanner) unknown(t token, name string) {
	switch name {
	case "type", "param", "result", "local", "import", "export":
		s.fail(ErrSyntax, t.span(), "the clauses of a function come in the order export, import, type, param, result, local, body",
			"unexpected (%s", name)
		return
	}
	var all []string
	for info := range op.All {
		all = append(all, info.Name)
	}
	s.fail(ErrMnemonic, t.span(), DidYouMean(name, all), "unknown instruction %s", name)
}

// openGroup reads an opening parenthesis and what stands behind it.
func (s *scanner) openGroup() {
	start := s.tok.start
	s.advance()
	parent := s.group()
	if s.tok.kind != tokKeyword {
		s.fail(ErrSyntax, s.tok.span(), "", "expected an instruction behind (")
		s.groups = append(s.groups, group{kind: groupArm, start: start})
		return
	}
	word := s.tok
	switch s.text(word) {
	case "then", "else":
		s.openArm(start, s.text(word) == "then")
		return
	}
	if parent != nil && parent.kind == groupIf && parent.arms > 0 {
		s.fail(ErrSyntax, word.span(), "", "unexpected %s behind the arms of an if", s.text(word))
	}
	code, ok := s.mnemonic(word)
	s.advance()
	g := group{kind: groupPlain, start: start, instr: Instr{Op: code, Pos: uint32(word.start)}}
	if !ok {
		s.groups = append(s.groups, g)
		s.groups[len(s.groups)-1].instr.Op = op.Nop
		s.skipImmediates()
		return
	}
	switch code {
	case op.Block, op.Loop:
		g.kind = groupBlock
		name := s.labelName()
		g.instr.Imm = s.blockType()
		s.openLabel(code, name, word.span(), true)
		s.emit(g.instr)
	case op.If:
		g.kind = groupIf
		g.name = s.labelName()
		g.instr.Imm = s.blockType()
	case op.Else, op.End:
		s.fail(ErrSyntax, word.span(), "", "unexpected %s in parentheses", code)
	default:
		s.immediates(&g.instr)
	}
	s.groups = append(s.groups, g)
}

// openArm reads (then or (else.
func (s *scanner) openArm(start int, then bool) {
	word := s.tok
	s.advance()
	g := s.group()
	wanted := 1
	if then {
		wanted = 0
	}
	if g == nil || g.kind != groupIf || g.arms != wanted {
		s.fail(ErrSyntax, word.span(), "an if in parentheses is (if condition (then …) (else …))", "unexpected (%s", s.text(word))
		s.groups = append(s.groups, group{kind: groupArm, start: start})
		return
	}
	g.arms++
	if then {
		s.openLabel(op.If, g.name, Span{int(g.instr.Pos), int(g.instr.Pos) + 2}, true)
		s.emit(g.instr)
	} else {
		s.emit(Instr{Op: op.Else, Pos: uint32(word.start)})
	}
	s.groups = append(s.groups, group{kind: groupArm, start: start})
}

// closeGroup reads a closing parenthesis.
func (s *scanner) closeGroup() {
	at := s.tok
	s.advance()
	g := s.group()
	if g == nil {
		s.fail(ErrSyntax, at.span(), "", "unexpected ), nothing is open here")
		return
	}
	s.closeFlat(at)
	kind, arms, instr, start := g.kind, g.arms, g.instr, g.start
	s.groups = s.groups[:len(s.groups)-1]
	switch kind {
	case groupPlain:
		s.emit(instr)
	case groupBlock:
		s.closeLabel()
		s.emit(Instr{Op: op.End, Pos: uint32(at.start)})
	case groupIf:
		if arms == 0 {
			s.fail(ErrSyntax, Span{start, start + 3}, "an if in parentheses is (if condition (then …) (else …))", "if without (then …)")
			return
		}
		s.closeLabel()
		s.emit(Instr{Op: op.End, Pos: uint32(at.start)})
	}
}

// closeFlat reports blocks without end that the closing parenthesis at cuts.
func (s *scanner) closeFlat(at token) {
	for len(s.labels) > 0 && !s.labels[len(s.labels)-1].folded {
		l := s.labels[len(s.labels)-1]
		s.fail(ErrSyntax, at.span(), "", "unexpected ), the %s at %s is not closed with end", l.op, s.rep.source.Place(l.span.Start))
		s.closeLabel()
	}
}

// plain reads an instruction that is not in parentheses.
func (s *scanner) plain() {
	word := s.tok
	switch s.text(word) {
	case "then":
		s.fail(ErrSyntax, word.span(), "", "unexpected then outside (if …)")
		s.resync()
		return
	}
	code, ok := s.mnemonic(word)
	s.advance()
	if !ok {
		s.skipImmediates()
		return
	}
	in := Instr{Op: code, Pos: uint32(word.start)}
	switch code {
	case op.Block, op.Loop, op.If:
		name := s.labelName()
		in.Imm = s.blockType()
		s.openLabel(code, name, word.span(), false)
	case op.Else:
		s.flatElse(word)
	case op.End:
		s.flatEnd(word)
	default:
		s.immediates(&in)
	}
	s.emit(in)
}

func (s *scanner) flatElse(word token) {
	l := s.innermost()
	if l == nil || l.folded || l.op != op.If || l.els {
		s.fail(ErrSyntax, word.span(), "", "else without if")
		return
	}
	l.els = true
	s.repeatLabel(l)
}

func (s *scanner) flatEnd(word token) {
	l := s.innermost()
	if l == nil || l.folded {
		s.fail(ErrSyntax, word.span(), "", "end without block, loop or if")
		return
	}
	s.repeatLabel(l)
	s.closeLabel()
}

// repeatLabel reads the label that may stand behind else and end.
func (s *scanner) repeatLabel(l *labelFrame) {
	if s.tok.kind != tokID {
		return
	}
	if name, ok := s.id(s.tok); ok && name != l.name {
		s.fail(ErrName, s.tok.span(), "", "label %s does not match the %s that it closes", ID(name), l.op)
	}
	s.advance()
}

func (s *scanner) innermost() *labelFrame {
	if len(s.labels) == 0 {
		return nil
	}
	return &s.labels[len(s.labels)-1]
}

// labelName reads the optional name of a block, loop or if.
func (s *scanner) labelName() string {
	if s.tok.kind != tokID {
		return ""
	}
	name, _ := s.id(s.tok)
	s.advance()
	return name
}

// openLabel makes the next instruction the opener of a label.
func (s *scanner) openLabel(code op.Code, name string, span Span, folded bool) {
	f := labelFrame{name: name, opener: len(s.body.Instrs), op: code, folded: folded, span: span}
	if name != "" {
		if s.named == nil {
			s.named = map[string]int{}
		}
		f.shadow = s.named[name]
		s.named[name] = len(s.labels) + 1
		s.body.Labels = append(s.body.Labels, LabelName{uint32(f.opener), name})
	}
	s.labels = append(s.labels, f)
}

func (s *scanner) closeLabel() {
	f := s.labels[len(s.labels)-1]
	s.labels = s.labels[:len(s.labels)-1]
	switch {
	case f.name == "":
	case f.shadow == 0:
		delete(s.named, f.name)
	default:
		s.named[f.name] = f.shadow
	}
}

func (s *scanner) emit(in Instr) { s.body.Instrs = append(s.body.Instrs, in) }

// openKeyword returns the keyword behind the current opening parenthesis.
func (s *scanner) openKeyword() string {
	if s.tok.kind != tokOpen {
		return ""
	}
	ahead := s.tokenizer
	if word := ahead.next(); word.kind == tokKeyword {
		return s.text(word)
	}
	return ""
}

// skipImmediates moves past whatever might belong to an unknown instruction.
func (s *scanner) skipImmediates() {
	for s.tok.kind == tokNumber || s.tok.kind == tokID || s.tok.kind == tokString ||
		s.tok.kind == tokKeyword && strings.Contains(s.text(s.tok), "=") {
		s.advance()
	}
}
