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
	from   int   // where the body starts
	tok    token // the token to look at next
	scope  *scope
	locals map[string]uint32

	body   *Body
	groups []group
	labels []labelFrame
	named  map[string]int // label name -> 1 + its place in labels
	noThen map[int]bool   // where folded ifs without (then start; nil if not known yet
	lost   bool           // there is no use in reading on

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
	instr  Instr
	labels int // how many labels were open when its instructions began

	// Of a folded if:
	name     string // its label
	operands int    // how many groups that are no arms were read
	arms     int    // how many of then and else were read
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
	span   Span // of the mnemonic
	els    bool // an else was read
}

// scan reads the instructions of span.
func (s *scanner) scan(span Span, body *Body) {
	s.body = body
	body.Span = span
	s.from, s.pos, s.end = span.Start, span.Start, span.End
	s.groups, s.labels, s.noThen, s.lost = s.groups[:0], s.labels[:0], nil, false
	s.named = nil
	s.advance()
	for s.tok.kind != tokEOF && !s.rep.full() && !s.lost {
		s.step()
	}
	if s.rep.full() || s.lost {
		return
	}
	for i := len(s.groups) - 1; i >= 0; i-- {
		s.fail(ErrSyntax, Span{s.groups[i].start, s.groups[i].start + 1}, "", "unclosed parenthesis")
	}
	for _, l := range s.labels {
		s.fail(ErrSyntax, l.span, "close it with end", "unclosed %s", l.op)
	}
}

func (s *scanner) advance() { s.tok = s.next() }

func (s *scanner) fail(code Code, span Span, hint, format string, args ...any) *Error {
	return s.rep.add(code, span, hint, format, args...)
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
		s.fail(ErrSyntax, s.tok.span(), "", "unexpected %s, expected an instruction", s.shown(s.tok))
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

// unknown reports a word that stands where an instruction should, and is none.
func (s *scanner) unknown(t token, name string) {
	switch hint := otherVersion(name); {
	case headerClauses["("+name]:
		s.fail(ErrSyntax, t.span(), "the clauses of a function come in the order export, import, type, param, result, local, body",
			"unexpected (%s", name)
	case fieldParsers[name] != nil:
		s.lost = true // what follows is other fields
		s.fail(ErrSyntax, t.span(), "a ) is missing before it", "unexpected (%s inside a function", name)
	case hint != "":
		s.fail(ErrMnemonic, t.span(), hint, "unknown instruction %s", name)
	default:
		s.fail(ErrMnemonic, t.span(), "", "unknown instruction %s", name).complete = func(e *Error) {
			words := []string{"param", "result", "local", "then"}
			for info := range op.All {
				words = append(words, info.Name)
			}
			e.Hint = DidYouMean(name, words)
		}
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
		s.openLabel(code, name, word.span())
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
	if l == nil || l.op != op.If || l.els {
		s.fail(ErrSyntax, word.span(), "", "else without if")
		return
	}
	l.els = true
	s.repeatLabel(l)
}

func (s *scanner) flatEnd(word token) {
	l := s.innermost()
	if l == nil {
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

// innermost returns the innermost block that is open and not in parentheses, as
// far as they are those of the current group.
func (s *scanner) innermost() *labelFrame {
	around := 0
	if g := s.group(); g != nil {
		around = g.labels
	}
	if len(s.labels) == around {
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
func (s *scanner) openLabel(code op.Code, name string, span Span) {
	f := labelFrame{name: name, opener: len(s.body.Instrs), op: code, span: span}
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
