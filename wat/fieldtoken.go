package wat

import (
	"errors"
	"io"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/wat/op"
)

// This file is the token source of the grammars in grammar.go.

// The token types that the grammars name.
const (
	symOpen lexer.TokenType = iota + 1
	symClose
	symID
	symString
	symNumber
	symType // a number or vector type
	symRefType
	symKeyword
	symReserved
	symBody
	symLocals
	symExpr
	symIndices
	symStrings
)

// symbols is the lexer.Definition of the grammars. It knows the token types
// only; tokens come from a fieldTokens.
type symbols struct{}

func (symbols) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "Open": symOpen, "Close": symClose, "ID": symID, "String": symString,
		"Number": symNumber, "Type": symType, "RefType": symRefType, "Keyword": symKeyword, "Reserved": symReserved,
		"Body": symBody, "Locals": symLocals, "Expr": symExpr, "Indices": symIndices, "Strings": symStrings,
	}
}

func (symbols) Lex(string, io.Reader) (lexer.Lexer, error) {
	return nil, errors.New("wat: fields are parsed from a fieldTokens")
}

// fieldTokens delivers the tokens of one module field to its grammar.
type fieldTokens struct {
	tokenizer
	keyword   string   // of the field
	open      []string // keywords of the parentheses that are open
	headerEnd int      // end of the last token before the body of a function
	tokens    []lexer.Token
}

// errReported says that the report has the reason already.
var errReported = errors.New("reported")

// Next returns the next token of the field.
func (f *fieldTokens) Next() (lexer.Token, error) {
	if !f.skip() {
		return lexer.Token{}, errReported
	}
	start := f.pos
	tok := f.next()
	if tok.kind == tokEOF && start < f.end {
		return lexer.Token{}, errReported
	}
	typ, value := f.classify(tok)
	switch {
	case f.startsLocals(value):
		typ, value = symLocals, f.locals(tok.start)
	case f.startsBody(tok, typ, value):
		typ, value = symBody, f.rest(tok.start)
	case f.startsIndices(tok):
		typ, value = symIndices, f.indices(tok)
	case f.startsStrings(tok):
		typ, value = symStrings, f.group(tok.start)
	case f.startsExpr(tok, value):
		typ, value = symExpr, f.expr(tok)
	case tok.kind == tokOpen:
		f.open = append(f.open, strings.TrimPrefix(value, "("))
	case tok.kind == tokClose && len(f.open) > 0:
		f.open = f.open[:len(f.open)-1]
	}
	if typ != symBody && len(f.open) > 0 {
		f.headerEnd = f.pos
	}
	out := lexer.Token{Type: typ, Value: value, Pos: lexer.Position{Offset: tok.start}}
	f.tokens = append(f.tokens, out)
	return out, nil
}

// classify returns the token type and the value that the grammar sees. Of an
// opening parenthesis it reads the keyword as well.
func (f *fieldTokens) classify(tok token) (lexer.TokenType, string) {
	value := f.text(tok)
	switch tok.kind {
	case tokEOF:
		return lexer.EOF, ""
	case tokOpen:
		after := f.pos
		if word := f.next(); word.kind == tokKeyword {
			return symOpen, "(" + f.text(word)
		}
		f.pos = after
		return symReserved, value
	case tokClose:
		return symClose, value
	case tokID:
		return symID, value
	case tokString:
		return symString, value
	case tokNumber:
		return symNumber, value
	case tokKeyword:
		if t, ok := ParseValType(value); ok && t.IsRef() {
			return symRefType, value
		} else if ok {
			return symType, value
		}
		return symKeyword, value
	}
	return symReserved, value
}

// headerClauses are the clauses of (func …) before its body.
var headerClauses = map[string]bool{
	"(export": true, "(import": true, "(type": true, "(param": true, "(result": true, "(local": true,
}

func (f *fieldTokens) startsLocals(value string) bool {
	return value == "(local" && f.keyword == "func" && len(f.open) == 1
}

// locals returns the run of (local …) clauses that starts at an offset.
func (f *fieldTokens) locals(start int) string {
	end := start
	for f.pos = start; ; {
		if open := f.next(); open.kind != tokOpen || f.text(f.next()) != "local" || !f.skipTo(1) {
			f.pos = end
			return f.src[start:end]
		}
		end = f.pos
	}
}

func (f *fieldTokens) startsBody(tok token, typ lexer.TokenType, value string) bool {
	if f.keyword != "func" || len(f.open) != 1 || tok.kind == tokClose || tok.kind == tokEOF {
		return false
	}
	isName := typ == symID && f.tokens[len(f.tokens)-1].Type == symOpen
	return !isName && !headerClauses[value]
}

// startsIndices reports whether the functions of an element segment start here: an
// index directly behind its parenthesis is something else.
func (f *fieldTokens) startsIndices(tok token) bool {
	if tok.kind != tokID && tok.kind != tokNumber || len(f.open) == 0 || f.open[len(f.open)-1] != "elem" {
		return false
	}
	return f.keyword == "table" || f.tokens[len(f.tokens)-1].Type != symOpen && f.tokens[len(f.tokens)-1].Type != symID
}

// indices returns the run of indices that starts with tok.
func (f *fieldTokens) indices(tok token) string {
	start, end := tok.start, tok.end
	for tok.kind == tokID || tok.kind == tokNumber {
		end = tok.end
		tok = f.next()
	}
	f.pos = end
	return f.src[start:end]
}

func (f *fieldTokens) startsStrings(tok token) bool {
	return tok.kind == tokString && len(f.open) > 0 && f.open[len(f.open)-1] == "data"
}

// startsExpr reports whether an instruction starts here, well spelled or not.
func (f *fieldTokens) startsExpr(tok token, value string) bool {
	if tok.kind != tokOpen && tok.kind != tokKeyword {
		return false
	}
	name := strings.TrimPrefix(value, "(")
	if _, known := op.Lookup(name); known || strings.Contains(name, ".") {
		return true
	}
	switch f.keyword {
	case "global", "elem", "data":
		return tok.kind == tokOpen && len(value) > 1 && len(f.open) > 0 && !isClause(value)
	}
	return false
}

// rest returns what is left of the field but its closing parenthesis.
func (f *fieldTokens) rest(start int) string {
	f.pos = f.end - 1
	for f.pos > start && isSpace(f.src[f.pos-1]) {
		f.pos--
	}
	return f.src[start:f.pos]
}

// group returns the text from start to the parenthesis that closes the innermost
// open group.
func (f *fieldTokens) group(start int) string {
	f.pos = start
	if !f.skipTo(1) {
		return ""
	}
	f.pos--
	return f.src[start:f.pos]
}

// expr returns one folded instruction, or plain ones to the end of the group.
func (f *fieldTokens) expr(tok token) string {
	if tok.kind == tokKeyword {
		return f.group(tok.start)
	}
	f.pos = tok.start + 1
	f.skipTo(1)
	return f.src[tok.start:f.pos]
}
