package wat

import (
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/wat/op"
)

// The grammar of module fields, as participle reads it off these structs. An
// opening parenthesis and the keyword behind it are one token, so that every
// choice is made on the next token. Three things come as one token each, an
// island that another reader takes apart: the body of a function (Body), a
// constant expression (Expr), the strings of a data segment (Strings).

type ident struct {
	Pos  lexer.Position
	Text string `parser:"@ID"`
}

type str struct {
	Pos  lexer.Position
	Text string `parser:"@String"`
}

type index struct {
	Pos  lexer.Position
	Text string `parser:"@(ID | Number)"`
}

type island struct {
	Pos  lexer.Position
	Text string `parser:"@(Body | Expr | Strings)"`
}

// Types.

type typeField struct {
	ID   *ident    `parser:"'(type' @@?"`
	Func *funcType `parser:"'(func' @@ ')' ')'"`
}

type funcType struct {
	Pos     lexer.Position
	Params  []*param  `parser:"@@*"`
	Results []*result `parser:"@@*"`
}

type param struct {
	Pos   lexer.Position
	ID    *ident   `parser:"'(param' @@?"`
	Types []string `parser:"@Type* ')'"`
}

type result struct {
	Types []string `parser:"'(result' @Type* ')'"`
}

type typeUse struct {
	Type *index    `parser:"( '(type' @@ ')' )?"`
	Sig  *funcType `parser:"@@"`
}

type limits struct {
	Pos lexer.Position
	Min string `parser:"@Number"`
	Max string `parser:"@Number?"`
}

type tableType struct {
	Limits *limits `parser:"@@"`
	Elem   string  `parser:"@Type"`
}

type globalType struct {
	Var   string `parser:"  '(mut' @Type ')'"`
	Const string `parser:"| @Type"`
}

// Imports and exports, as fields and inline.

type importField struct {
	Module *str       `parser:"'(import' @@"`
	Name   *str       `parser:"@@"`
	Desc   importDesc `parser:"@@ ')'"`
}

type importDesc struct {
	Pos    lexer.Position
	Func   *importFunc   `parser:"(  @@"`
	Table  *importTable  `parser:" | @@"`
	Memory *importMemory `parser:" | @@"`
	Global *importGlobal `parser:" | @@ )"`
}

type importFunc struct {
	ID   *ident  `parser:"'(func' @@?"`
	Type typeUse `parser:"@@ ')'"`
}

type importTable struct {
	ID   *ident     `parser:"'(table' @@?"`
	Type *tableType `parser:"@@ ')'"`
}

type importMemory struct {
	ID     *ident  `parser:"'(memory' @@?"`
	Limits *limits `parser:"@@ ')'"`
}

type importGlobal struct {
	ID   *ident      `parser:"'(global' @@?"`
	Type *globalType `parser:"@@ ')'"`
}

type inlineImport struct {
	Module *str `parser:"'(import' @@"`
	Name   *str `parser:"@@ ')'"`
}

type inlineExport struct {
	Name *str `parser:"'(export' @@ ')'"`
}

type exportField struct {
	Name *str       `parser:"'(export' @@"`
	Desc exportDesc `parser:"@@ ')'"`
}

type exportDesc struct {
	Pos    lexer.Position
	Func   *index `parser:"(  '(func' @@ ')'"`
	Table  *index `parser:" | '(table' @@ ')'"`
	Memory *index `parser:" | '(memory' @@ ')'"`
	Global *index `parser:" | '(global' @@ ')' )"`
}

type startField struct {
	Func *index `parser:"'(start' @@ ')'"`
}

// Definitions.

type funcField struct {
	ID      *ident          `parser:"'(func' @@?"`
	Exports []*inlineExport `parser:"@@*"`
	Import  *inlineImport   `parser:"@@?"`
	Type    typeUse         `parser:"@@"`
	Locals  []*local        `parser:"@@*"`
	Body    *island         `parser:"@@? ')'"`
}

type local struct {
	Pos   lexer.Position
	ID    *ident   `parser:"'(local' @@?"`
	Types []string `parser:"@Type* ')'"`
}

type tableField struct {
	ID      *ident          `parser:"'(table' @@?"`
	Exports []*inlineExport `parser:"@@*"`
	Import  *inlineImport   `parser:"@@?"`
	Type    *tableType      `parser:"(  @@"`
	Elem    string          `parser:" | @Type"`
	Init    *inlineElem     `parser:"   '(elem' @@ ')' ) ')'"`
}

type inlineElem struct {
	Pos   lexer.Position
	Items []*elemItem `parser:"(  @@+"`
	Funcs []*index    `parser:" | @@* )"`
}

type memoryField struct {
	ID      *ident          `parser:"'(memory' @@?"`
	Exports []*inlineExport `parser:"@@*"`
	Import  *inlineImport   `parser:"@@?"`
	Limits  *limits         `parser:"(  @@"`
	Data    *inlineData     `parser:" | @@ ) ')'"`
}

type inlineData struct {
	Pos   lexer.Position
	Bytes *island `parser:"'(data' @@? ')'"`
}

type globalField struct {
	ID      *ident          `parser:"'(global' @@?"`
	Exports []*inlineExport `parser:"@@*"`
	Import  *inlineImport   `parser:"@@?"`
	Type    *globalType     `parser:"@@"`
	Init    []*island       `parser:"@@* ')'"`
}

// Segments.

type elemField struct {
	ID      *ident      `parser:"'(elem' @@?"`
	Declare bool        `parser:"( @'declare'"`
	Table   *index      `parser:"| '(table' @@ ')'"`
	OldUse  string      `parser:"| @Number )?"` // the table, as WebAssembly 1.0 wrote it
	Offset  *offset     `parser:"@@?"`
	Func    bool        `parser:"(  @'func'?"`
	Funcs   []*index    `parser:"   @@*"`
	Type    string      `parser:" | @Type"`
	Items   []*elemItem `parser:"   @@* ) ')'"`
}

type elemItem struct {
	Pos   lexer.Position
	Exprs []*island `parser:"'(item' @@+ ')' | @@"`
}

type offset struct {
	Pos   lexer.Position
	Exprs []*island `parser:"'(offset' @@+ ')' | @@"`
}

type dataField struct {
	ID     *ident  `parser:"'(data' @@?"`
	Memory *index  `parser:"( '(memory' @@ ')'"`
	OldUse string  `parser:"| @Number )?"` // the memory, as WebAssembly 1.0 wrote it
	Offset *offset `parser:"@@?"`
	Bytes  *island `parser:"@@? ')'"`
}

// A fieldParser parses one kind of field. Building one takes reflection, so each
// is built when the first field of its kind is met.
type fieldParser func(*fieldTokens) (any, error)

func parserOf[G any]() fieldParser {
	build := sync.OnceValue(func() *participle.Parser[G] {
		return participle.MustBuild[G](participle.Lexer(symbols{}))
	})
	return func(tokens *fieldTokens) (any, error) {
		peeking, err := lexer.Upgrade(tokens)
		if err != nil {
			return nil, err
		}
		return build().ParseFromLexer(peeking)
	}
}

var fieldParsers = map[string]fieldParser{
	"type":   parserOf[typeField](),
	"import": parserOf[importField](),
	"func":   parserOf[funcField](),
	"table":  parserOf[tableField](),
	"memory": parserOf[memoryField](),
	"global": parserOf[globalField](),
	"export": parserOf[exportField](),
	"start":  parserOf[startField](),
	"elem":   parserOf[elemField](),
	"data":   parserOf[dataField](),
}

// fieldKeywords lists the keywords in the order of the specification.
var fieldKeywords = []string{"type", "import", "func", "table", "memory", "global", "export", "start", "elem", "data"}

// The token types that the grammars name.
const (
	symOpen lexer.TokenType = iota + 1
	symClose
	symID
	symString
	symNumber
	symType
	symKeyword
	symReserved
	symBody
	symExpr
	symStrings
)

// symbols is the lexer.Definition of the grammars. It knows the token types
// only; tokens come from a fieldTokens.
type symbols struct{}

func (symbols) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "Open": symOpen, "Close": symClose, "ID": symID, "String": symString,
		"Number": symNumber, "Type": symType, "Keyword": symKeyword, "Reserved": symReserved,
		"Body": symBody, "Expr": symExpr, "Strings": symStrings,
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
	last      lexer.TokenType
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
	case f.startsBody(tok, typ, value):
		typ, value = symBody, f.rest(tok.start)
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
	f.last = typ
	return lexer.Token{Type: typ, Value: value, Pos: lexer.Position{Offset: tok.start}}, nil
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
		if _, ok := ParseValType(value); ok {
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

func (f *fieldTokens) startsBody(tok token, typ lexer.TokenType, value string) bool {
	if f.keyword != "func" || len(f.open) != 1 || tok.kind == tokClose || tok.kind == tokEOF {
		return false
	}
	isName := typ == symID && f.last == symOpen
	return !isName && !headerClauses[value]
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
	_, known := op.Lookup(name)
	return known || strings.Contains(name, ".")
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
