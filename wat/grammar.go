package wat

import (
	"math"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The grammar of module fields, as participle reads it off these structs. An
// opening parenthesis and the keyword behind it are one token, so that every
// choice is made on the next token. Things that there are many of come as one
// token, an island that another reader takes apart: the body of a function (Body),
// its locals (Locals), an instruction of a constant expression (Expr), the functions
// of an element segment (Indices), the strings of a data segment (Strings).

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

// An island is instructions.
type island struct {
	Pos  lexer.Position
	Text string `parser:"@(Body | Expr)"`
}

// locals are (local …) clauses.
type locals struct {
	Pos  lexer.Position
	Text string `parser:"@Locals"`
}

// indices are those of functions.
type indices struct {
	Pos  lexer.Position
	Text string `parser:"@Indices"`
}

// byteStrings are the strings of a data segment.
type byteStrings struct {
	Pos  lexer.Position
	Text string `parser:"@Strings"`
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
	Types []string `parser:"@(Type | RefType)* ')'"`
}

type result struct {
	Types []string `parser:"'(result' @(Type | RefType)* ')'"`
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
	Elem   string  `parser:"@RefType"`
}

type globalType struct {
	Var   string `parser:"  '(mut' @(Type | RefType) ')'"`
	Const string `parser:"| @(Type | RefType)"`
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
	Locals  *locals         `parser:"@@?"`
	Body    *island         `parser:"@@? ')'"`
}

type tableField struct {
	ID      *ident          `parser:"'(table' @@?"`
	Exports []*inlineExport `parser:"@@*"`
	Import  *inlineImport   `parser:"@@?"`
	Type    *tableType      `parser:"(  @@"`
	Elem    string          `parser:" | @RefType"`
	Init    *inlineElem     `parser:"   '(elem' @@ ')' ) ')'"`
}

type inlineElem struct {
	Pos   lexer.Position
	Items []*elemItem `parser:"(  @@+"`
	Funcs *indices    `parser:" | @@ )?"`
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
	Bytes *byteStrings `parser:"'(data' @@? ')'"`
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
	Func    bool        `parser:"(  @'func'"`
	Funcs   *indices    `parser:"   @@?"`
	Type    string      `parser:" | @RefType"`
	Items   []*elemItem `parser:"   @@*"`
	Plain   *indices    `parser:" | @@ )? ')'"` // functions without the keyword, as WebAssembly 1.0 wrote them
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
	ID     *ident       `parser:"'(data' @@?"`
	Memory *index       `parser:"( '(memory' @@ ')'"`
	OldUse string       `parser:"| @Number )?"` // the memory, as WebAssembly 1.0 wrote it
	Offset *offset      `parser:"@@?"`
	Bytes  *byteStrings `parser:"@@? ')'"`
}

// A fieldParser parses one kind of field. Building one takes reflection, so each
// is built when the first field of its kind is met.
type fieldParser func(lexer.Lexer) (any, error)

func parserOf[G any]() fieldParser {
	build := sync.OnceValue(func() *participle.Parser[G] {
		// No looking ahead: errors are where the first wrong token is.
		return participle.MustBuild[G](participle.Lexer(symbols{}), participle.UseLookahead(0))
	})
	return func(tokens lexer.Lexer) (any, error) {
		peeking, err := lexer.Upgrade(tokens)
		if err != nil {
			return nil, err
		}
		return build().ParseFromLexer(peeking)
	}
}

func init() {
	// A list may be as long as the text is, which the size of the text bounds.
	participle.MaxIterations = math.MaxInt
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
