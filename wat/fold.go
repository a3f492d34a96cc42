package wat

import "github.com/watfiber/watfiber/wat/op"

// This file reads parentheses in a sequence of instructions: what is folded into
// them is emitted behind its operands.

// openGroup reads an opening parenthesis and what stands behind it.
func (s *scanner) openGroup() {
	start := s.tok.start
	s.advance()
	parent := s.group()
	if s.tok.kind != tokKeyword {
		s.fail(ErrSyntax, s.tok.span(), "", "expected an instruction behind (")
		s.pushGroup(group{kind: groupArm, start: start})
		return
	}
	word := s.tok
	switch s.text(word) {
	case "then", "else":
		s.openArm(start, s.text(word) == "then")
		return
	}
	if parent != nil && parent.kind == groupIf {
		s.operandOfIf(parent, start, word)
	}
	code, ok := s.mnemonic(word)
	s.advance()
	g := group{kind: groupPlain, start: start, instr: Instr{Op: code, Pos: uint32(word.start)}}
	if !ok {
		g.instr.Op = op.Nop
		s.pushGroup(g)
		for s.tok.kind != tokEOF && s.tok.kind != tokOpen && s.tok.kind != tokClose {
			s.advance()
		}
		return
	}
	switch code {
	case op.Block, op.Loop:
		g.kind = groupBlock
		name := s.labelName()
		g.instr.Imm = s.blockType()
		s.openLabel(code, name, word.span())
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
	s.pushGroup(g)
}

func (s *scanner) pushGroup(g group) {
	g.labels = len(s.labels)
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
	if g == nil || g.kind != groupIf || g.arms != wanted || s.noThen[g.start] {
		s.fail(ErrSyntax, word.span(), ifForm, "unexpected (%s", s.text(word))
	}
	if g != nil && g.kind == groupIf && g.arms < 2 {
		s.startArm(g, word.start)
	}
	s.pushGroup(group{kind: groupArm, start: start})
}

const ifForm = "an if in parentheses is (if condition (then …) (else …))"

// startArm emits what stands before the next arm of a folded if.
func (s *scanner) startArm(g *group, at int) {
	if g.arms++; g.arms == 1 {
		s.openLabel(op.If, g.name, Span{int(g.instr.Pos), int(g.instr.Pos) + len("if")})
		s.emit(g.instr)
	} else {
		s.emit(Instr{Op: op.Else, Pos: uint32(at)})
	}
}

// operandOfIf is told that a group which is no arm stands in a folded if, at
// start. As the format has it, that is part of the condition. Disassemblers of
// before 2023 write (if condition arm arm) with instructions for arms: then the
// second and third group are the arms.
func (s *scanner) operandOfIf(g *group, start int, word token) {
	g.operands++
	switch {
	case g.operands == 1 && g.arms == 0:
	case g.arms == 0 && !s.lacksThen(g.start):
	case s.noThen[g.start] && g.operands <= 3:
		s.startArm(g, start)
	default:
		s.fail(ErrSyntax, word.span(), ifForm, "unexpected (%s behind the arms of an if", s.text(word))
	}
}

// lacksThen reports whether the folded if that starts at an offset has no (then
// in it. The first call looks at all of the body, so that the time it takes does
// not depend on how deeply ifs are nested.
func (s *scanner) lacksThen(start int) bool {
	if s.noThen == nil {
		s.noThen = map[int]bool{}
		s.findIfsWithoutThen()
	}
	return s.noThen[start]
}

func (s *scanner) findIfsWithoutThen() {
	t := tokenizer{src: s.src, pos: s.from, end: s.end, rep: &report{}}
	var open []int // offsets of open parentheses
	for tok := t.next(); tok.kind != tokEOF; tok = t.next() {
		switch tok.kind {
		case tokOpen:
			ahead := t
			switch t.text(ahead.next()) {
			case "if":
				s.noThen[tok.start] = true
			case "then":
				if len(open) > 0 {
					delete(s.noThen, open[len(open)-1])
				}
			}
			open = append(open, tok.start)
		case tokClose:
			open = open[:max(len(open)-1, 0)]
		}
	}
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
	kind, arms, instr, start := g.kind, g.arms, g.instr, g.start
	if kind != groupIf { // whose label is opened by (then
		s.closeFlat(g, at)
	}
	s.groups = s.groups[:len(s.groups)-1]
	switch kind {
	case groupPlain:
		s.emit(instr)
	case groupBlock:
		s.closeLabel()
		s.emit(Instr{Op: op.End, Pos: uint32(at.start)})
	case groupIf:
		if arms == 0 {
			s.fail(ErrSyntax, Span{start, start + 1}, ifForm, "if without (then …)")
			return
		}
		s.closeLabel()
		s.emit(Instr{Op: op.End, Pos: uint32(at.start)})
	}
}

// closeFlat reports blocks without end inside the group that at closes.
func (s *scanner) closeFlat(g *group, at token) {
	for len(s.labels) > g.labels {
		l := s.labels[len(s.labels)-1]
		s.fail(ErrSyntax, at.span(), "", "unexpected ), the %s at %s is not closed with end", l.op, s.rep.source.Place(l.span.Start))
		s.closeLabel()
	}
}
