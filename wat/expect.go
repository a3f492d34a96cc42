package wat

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// This file says in plain words what is wrong with a field that its grammar did
// not accept.

const (
	anyType = "a type"
	refType = "a reference type"
)

// candidates are the tokens that a grammar may accept, with the words for them.
var candidates = []struct {
	typ   lexer.TokenType
	value string
	words string
}{
	{symID, "$x", "a name such as $x"},
	{symString, `""`, "a string"},
	{symNumber, "0", "a number"},
	{symType, "i32", anyType},
	{symRefType, "funcref", refType},
	{symKeyword, "declare", "declare"},
	{symKeyword, "func", "func"},
	{symOpen, "(export", "(export …)"},
	{symOpen, "(import", "(import …)"},
	{symOpen, "(type", "(type …)"},
	{symOpen, "(param", "(param …)"},
	{symOpen, "(result", "(result …)"},
	{symLocals, "(local)", "(local …)"},
	{symOpen, "(mut", "(mut …)"},
	{symOpen, "(func", "(func …)"},
	{symOpen, "(table", "(table …)"},
	{symOpen, "(memory", "(memory …)"},
	{symOpen, "(global", "(global …)"},
	{symOpen, "(elem", "(elem …)"},
	{symOpen, "(data", "(data …)"},
	{symOpen, "(offset", "(offset …)"},
	{symOpen, "(item", "(item …)"},
	{symExpr, "(nop)", "an instruction"},
	{symBody, "nop", "an instruction"},
	{symIndices, "0", "a name such as $x"},
	{symIndices, "0", "a number"},
	{symStrings, `""`, "a string"},
	{symClose, ")", ")"},
}

// isClause reports whether a grammar has a clause that starts like this.
func isClause(start string) bool {
	for _, c := range candidates {
		if c.typ == symOpen && c.value == start {
			return true
		}
	}
	return false
}

// syntaxError reports what the grammar of a field did not accept.
func (r *report) syntaxError(err error, f *fieldTokens) {
	if errors.Is(err, errReported) {
		return
	}
	var perr participle.Error
	if !errors.As(err, &perr) {
		r.add(ErrSyntax, Span{f.tokens[0].Pos.Offset, f.end}, "", "%v", err)
		return
	}
	at := 0
	for at < len(f.tokens)-1 && f.tokens[at].Pos.Offset < perr.Position().Offset {
		at++
	}
	bad := f.tokens[at]
	field := Span{f.tokens[0].Pos.Offset, f.end}
	keyword := f.keyword
	e := r.add(ErrSyntax, spanAt(bad.Pos, bad.Value), "", "unexpected %s", shown(bad.Value))
	e.complete = func(e *Error) {
		// The tokens are read again: the buffer is that of another field by now.
		f := &fieldTokens{keyword: keyword, tokenizer: tokenizer{src: e.Source.Text, pos: field.Start, end: field.End, rep: &report{}}}
		for len(f.tokens) < at {
			f.Next()
		}
		e.explain(bad, keyword, f.tokens)
	}
}

// maxTried bounds the tokens of a field that expectedAfter has to go through again
// and again.
const maxTried = 2000

// explain says what could stand in the place of a token, behind others.
func (e *Error) explain(bad lexer.Token, keyword string, before []lexer.Token) {
	if hint := otherVersion(strings.TrimPrefix(bad.Value, "(")); hint != "" {
		e.Msg, e.Hint = "unexpected "+bad.Value, hint
		return
	}
	if len(before) > maxTried {
		return
	}
	expected := expectedAfter(fieldParsers[keyword], before)
	switch {
	case bad.Value == "i64" && expected["a number"]:
		e.Hint = "memories and tables with 64-bit addresses are no part of WebAssembly 2.0"
	case bad.Type == symKeyword && (expected[anyType] || expected[refType]):
		e.Msg, e.Hint = unknownType(bad.Value)
	default:
		e.Msg += ", expected " + listed(expected)
		if bad.Type == symExpr && keyword == "table" {
			e.Hint = "initial values of tables are no part of WebAssembly 2.0"
		}
	}
}

// expectedAfter returns what the grammar accepts behind some tokens, in words: it
// is asked, token by token.
func expectedAfter(parse fieldParser, tokens []lexer.Token) map[string]bool {
	expected := map[string]bool{}
	next := 0
	if len(tokens) > 0 {
		last := tokens[len(tokens)-1]
		next = last.Pos.Offset + len(last.Value)
	}
	for _, c := range candidates {
		attempt := append(tokens[:len(tokens):len(tokens)], lexer.Token{Type: c.typ, Value: c.value, Pos: lexer.Position{Offset: next}})
		_, err := parse(&replay{attempt})
		var perr participle.Error
		if err == nil || errors.As(err, &perr) && perr.Position().Offset > next {
			expected[c.words] = true
		}
	}
	return expected
}

// replay delivers tokens, and the end behind them.
type replay struct{ tokens []lexer.Token }

func (r *replay) Next() (lexer.Token, error) {
	first := r.tokens[0]
	if len(r.tokens) > 1 {
		r.tokens = r.tokens[1:]
	} else {
		r.tokens[0] = lexer.Token{Type: lexer.EOF, Pos: lexer.Position{Offset: first.Pos.Offset + 1}}
	}
	return first, nil
}

// listed joins what is expected: a, b or c.
func listed(expected map[string]bool) string {
	var words []string
	if expected[anyType] {
		delete(expected, refType)
	}
	for _, c := range candidates {
		if expected[c.words] {
			words = append(words, c.words)
			delete(expected, c.words)
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

// maxShown bounds the characters of a token that a message repeats.
const maxShown = 40

// shown returns the text of a token as a message repeats it.
func shown(s string) string {
	s, _, more := strings.Cut(s, "\n")
	if r := []rune(s); len(r) > maxShown {
		s, more = string(r[:maxShown]), true
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s = strconv.QuoteToGraphic(s)
	}
	if more {
		s += "…"
	}
	return s
}

func (l *tokenizer) shown(t token) string { return shown(l.text(t)) }
