package wat

import (
	"strings"

	"github.com/watfiber/watfiber/wat/op"
)

// A formLine is one instruction of a body as it stands in a line of its own.
type formLine struct {
	words    []Span   // in the source; none for the end of a folded block
	code     op.Code  // of an instruction that has no words
	leading  []string // comments in lines of their own before it
	trailing []string // comments behind it
}

// unfolder takes the text of a valid body apart into one line an instruction, in
// the order of execution: line i is instruction i of the Body. Comments go with
// the instruction that they stand behind, or else before the next.
type unfolder struct {
	tokenizer
	ifs scanner // knows which folded ifs have no (then

	lines  []*formLine
	end    []string // comments behind the last instruction
	folded bool     // something was in parentheses

	groups   []unfoldGroup
	tok      token
	last     *formLine // the instruction that the last word belongs to
	lastEnd  int       // the end of the last word
	comments []Span    // met since the last word
	pending  []string  // comments that stand before the next instruction
}

// unfoldGroup is an open parenthesis.
type unfoldGroup struct {
	kind     groupKind
	line     *formLine // the instruction of the group
	operands int       // of an if: how many groups were read
	noThen   bool      // of an if: it has the old form, without (then
}

// unfold takes the body of f, whose text starts behind its header at from, apart.
func unfold(m *Module, f *Func, from int) *unfolder {
	src, end := m.Source.Text, f.Span.End-1
	u := &unfolder{lastEnd: from}
	u.tokenizer = tokenizer{src: src, pos: from, end: end, rep: &report{source: m.Source}}
	u.trivia = func(s Span) { u.comments = append(u.comments, s) }
	u.ifs.src, u.ifs.from, u.ifs.end = src, from, end
	u.lines = make([]*formLine, 0, len(f.body.Instrs))
	for u.advance(); u.tok.kind != tokEOF; {
		u.step()
	}
	u.end = u.pending
	return u
}

// advance reads the next token, and puts the comments before it where they belong.
func (u *unfolder) advance() {
	u.tok = u.next()
	for _, c := range u.comments {
		text := strings.TrimRight(u.src[c.Start:c.End], "\r\n")
		behind := u.last != nil && !strings.Contains(u.src[u.lastEnd:c.Start], "\n")
		if behind && !strings.Contains(text, "\n") {
			u.last.trailing = append(u.last.trailing, text)
		} else {
			u.pending = append(u.pending, text)
		}
	}
	u.comments = u.comments[:0]
	u.lastEnd = u.tok.end
}

func (u *unfolder) emit(line *formLine) {
	line.leading, u.pending = u.pending, nil
	u.lines = append(u.lines, line)
}

// emitCode emits an instruction that the source has no words for.
func (u *unfolder) emitCode(code op.Code) {
	line := &formLine{code: code}
	u.emit(line)
	u.last = line
}

// step reads a parenthesis or an instruction.
func (u *unfolder) step() {
	switch u.tok.kind {
	case tokOpen:
		u.folded = true
		u.open()
	case tokClose:
		u.close()
	default:
		line := &formLine{}
		u.emit(line)
		u.instruction(line)
	}
}

func (u *unfolder) open() {
	start := u.tok.start
	u.last = nil // a comment behind the parenthesis goes with what follows
	u.advance()
	var parent *unfoldGroup
	if n := len(u.groups); n > 0 && u.groups[n-1].kind == groupIf {
		parent = &u.groups[n-1]
	}
	switch word := u.text(u.tok); {
	case word == "then" || word == "else":
		u.arm(parent, word == "then")
		u.groups = append(u.groups, unfoldGroup{kind: groupArm})
		u.advance()
		return
	case parent != nil && parent.noThen:
		// The first group is the condition, the others are the arms.
		if parent.operands++; parent.operands > 1 {
			u.arm(parent, parent.operands == 2)
		}
	}
	g := unfoldGroup{line: &formLine{}}
	switch code, _ := op.Lookup(u.text(u.tok)); code {
	case op.Block, op.Loop:
		g.kind = groupBlock
		u.emit(g.line)
	case op.If:
		g.kind = groupIf
		g.noThen = u.ifs.lacksThen(start)
	}
	u.instruction(g.line)
	u.groups = append(u.groups, g)
}

// arm emits what stands before an arm of an if: the if before the first, an else
// before the second.
func (u *unfolder) arm(g *unfoldGroup, first bool) {
	if first {
		u.emit(g.line)
	} else {
		u.emitCode(op.Else)
	}
	u.last = nil
}

func (u *unfolder) close() {
	g := u.groups[len(u.groups)-1]
	u.groups = u.groups[:len(u.groups)-1]
	switch g.kind {
	case groupPlain:
		u.emit(g.line)
		u.last = g.line
	case groupBlock:
		u.emitCode(op.End)
	case groupIf:
		u.emitCode(op.End)
	case groupArm:
		u.last = nil
	}
	u.advance()
}

// instruction reads a mnemonic and what belongs to it, and the comments behind it
// up to the next word: a line that is emitted here has to be emitted before.
func (u *unfolder) instruction(line *formLine) {
	line.words = []Span{u.tok.span()}
	u.last = line
	for u.advance(); ; u.advance() {
		switch u.tok.kind {
		case tokKeyword:
			if _, mnemonic := op.Lookup(u.text(u.tok)); mnemonic {
				return
			}
		case tokOpen:
			ahead := u.tokenizer
			ahead.trivia = nil
			switch ahead.text(ahead.next()) {
			case "type", "param", "result":
				u.typeClause(line)
				continue
			}
			return
		case tokClose, tokEOF:
			return
		}
		line.words = append(line.words, u.tok.span())
	}
}

// typeClause reads a group such as (result i32) as one word.
func (u *unfolder) typeClause(line *formLine) {
	word := u.tok.span()
	for u.tok.kind != tokClose {
		u.advance()
	}
	word.End = u.tok.end
	line.words = append(line.words, word)
}

// oneLine joins the tokens of a clause or field that may have line breaks and
// comments between them.
func oneLine(word string) string {
	if !strings.ContainsAny(word, "\n;") {
		return word
	}
	t := tokenizer{src: word, end: len(word), rep: &report{}}
	var b strings.Builder
	opened := true
	for tok := t.next(); tok.kind != tokEOF; tok = t.next() {
		if !opened && tok.kind != tokClose {
			b.WriteByte(' ')
		}
		opened = tok.kind == tokOpen
		b.WriteString(t.text(tok))
	}
	return b.String()
}
