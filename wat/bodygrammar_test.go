package wat_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// The grammar of instruction sequences, as participle reads it off these structs:
// the specification that the scanner of package wat is compared with. It is a
// hundred times slower, and says everything in one place.

type seq struct {
	Instrs []*instr `parser:"@@*"`
}

type instr struct {
	Plain  *plain  `parser:"  @@"`
	Block  *block  `parser:"| @@"`
	If     *ifElse `parser:"| @@"`
	Folded *folded `parser:"| '(' @@ ')'"`
}

type block struct {
	Op    string   `parser:"@Block"`
	Label string   `parser:"@ID?"`
	Type  typeUse  `parser:"@@"`
	Body  []*instr `parser:"@@*"`
	End   string   `parser:"'end' @ID?"`
}

type ifElse struct {
	Label string     `parser:"'if' @ID?"`
	Type  typeUse    `parser:"@@"`
	Then  []*instr   `parser:"@@*"`
	Else  *elseBlock `parser:"@@?"`
	End   string     `parser:"'end' @ID?"`
}

type elseBlock struct {
	Label string   `parser:"'else' @ID?"`
	Body  []*instr `parser:"@@*"`
}

// Instructions in parentheses.

type folded struct {
	Block    *foldedBlock `parser:"  @@"`
	If       *foldedIf    `parser:"| @@"`
	Plain    *plain       `parser:"| ( @@"`
	Operands []*folded    `parser:"    ( '(' @@ ')' )* )"`
}

type foldedBlock struct {
	Op    string   `parser:"@Block"`
	Label string   `parser:"@ID?"`
	Type  typeUse  `parser:"@@"`
	Body  []*instr `parser:"@@*"`
}

// foldedIf has its condition in Operands; in the old form, without a Then, the
// arms as well.
type foldedIf struct {
	Label    string    `parser:"'if' @ID?"`
	Type     typeUse   `parser:"@@"`
	Operands []*folded `parser:"( '(' @@ ')' )*"`
	HasThen  bool      `parser:"( '(' @'then'"`
	Then     []*instr  `parser:"  @@* ')' )?"`
	HasElse  bool      `parser:"( '(' @'else'"`
	Else     []*instr  `parser:"  @@* ')' )?"`
}

// Types.

type typeUse struct {
	Type    string      `parser:"( '(' 'type' @(ID | Num) ')' )?"`
	Params  []*valTypes `parser:"( '(' 'param' @@ ')' )*"`
	Results []*valTypes `parser:"( '(' 'result' @@ ')' )*"`
}

type valTypes struct {
	Types []string `parser:"@ValType*"`
}

// Instructions without structure, by what stands behind the mnemonic.

type plain struct {
	None     string      `parser:"  @OpNone"`
	Indexed  *indexed    `parser:"| @@"`
	Optional *optional   `parser:"| @@"`
	Two      *two        `parser:"| @@"`
	Segment  *segment    `parser:"| @@"`
	Labels   *labels     `parser:"| @@"`
	Indirect *indirect   `parser:"| @@"`
	MemArg   *memArg     `parser:"| @@"`
	Lane     *laneOp     `parser:"| @@"`
	Const    *constant   `parser:"| @@"`
	Vector   *vector     `parser:"| @@"`
	Shuffle  *shuffle    `parser:"| @@"`
	Null     *nullRef    `parser:"| @@"`
	Select   *selectType `parser:"| @@"`
}

type indexed struct {
	Op    string `parser:"@(OpLabel | OpFunc | OpLocal | OpGlobal | OpElem | OpData)"`
	Index string `parser:"@(ID | Num)"`
}

type optional struct {
	Op    string `parser:"@(OpTable | OpMemory)"`
	Index string `parser:"@(ID | Num)?"`
}

type two struct {
	Op   string   `parser:"@(OpTableCopy | OpMemoryCopy)"`
	Both []string `parser:"( @(ID | Num) @(ID | Num) )?"`
}

type segment struct {
	Op      string   `parser:"@(OpTableInit | OpMemoryInit)"`
	Indices []string `parser:"@(ID | Num) @(ID | Num)?"`
}

type labels struct {
	Op     string   `parser:"@OpLabelTable"`
	Labels []string `parser:"@(ID | Num)+"`
}

type indirect struct {
	Op    string  `parser:"@OpIndirect"`
	Table string  `parser:"@(ID | Num)?"`
	Type  typeUse `parser:"@@"`
}

// memArg has the lane in Memory if that is the only number.
type memArg struct {
	Op     string `parser:"@(OpMemArg | OpMemArgLane)"`
	Memory string `parser:"@(ID | Num)?"`
	Offset string `parser:"@Offset?"`
	Align  string `parser:"@Align?"`
	Lane   string `parser:"@Num?"`
}

type laneOp struct {
	Op   string `parser:"@OpLane"`
	Lane string `parser:"@Num"`
}

type constant struct {
	Op    string `parser:"@(OpI32 | OpI64 | OpF32 | OpF64)"`
	Value string `parser:"@Num"`
}

type vector struct {
	Op    string   `parser:"@OpV128"`
	Shape string   `parser:"@Shape"`
	Lanes []string `parser:"@Num+"`
}

type shuffle struct {
	Op    string   `parser:"@OpShuffle"`
	Lanes []string `parser:"@Num+"`
}

type nullRef struct {
	Op   string `parser:"@OpHeapType"`
	Type string `parser:"@('func' | 'extern')"`
}

type selectType struct {
	Op      string      `parser:"@OpResult"`
	Results []*valTypes `parser:"( '(' 'result' @@ ')' )*"`
}

// bodyGrammar needs two tokens to tell (result from (i32.const.
var bodyGrammar = sync.OnceValue(func() *participle.Parser[seq] {
	return participle.MustBuild[seq](participle.Lexer(bodyWords{}), participle.UseLookahead(2))
})

// parseBody parses a sequence of instructions.
func parseBody(text string) (*seq, error) {
	words := &bodyWords{text: text}
	peeking, err := lexer.Upgrade(words)
	if err != nil {
		return nil, err
	}
	return bodyGrammar().ParseFromLexer(peeking)
}

// bodyWords is the lexer of bodies.
type bodyWords struct {
	text string
	pos  int
}

// opKinds names the token types of mnemonics, one for each kind of immediate.
var opKinds = map[op.Imm]string{
	op.None: "OpNone", op.BlockType: "Block", op.Label: "OpLabel", op.LabelTable: "OpLabelTable", op.Func: "OpFunc",
	op.Indirect: "OpIndirect", op.Local: "OpLocal", op.Global: "OpGlobal", op.Table: "OpTable", op.TableCopy: "OpTableCopy",
	op.TableInit: "OpTableInit", op.Elem: "OpElem", op.Memory: "OpMemory", op.MemoryCopy: "OpMemoryCopy",
	op.MemoryInit: "OpMemoryInit", op.Data: "OpData", op.MemArg: "OpMemArg", op.MemArgLane: "OpMemArgLane", op.Lane: "OpLane",
	op.Shuffle: "OpShuffle", op.I32: "OpI32", op.I64: "OpI64", op.F32: "OpF32", op.F64: "OpF64", op.V128: "OpV128",
	op.HeapType: "OpHeapType", op.Result: "OpResult",
}

var wordTypes = func() map[string]lexer.TokenType {
	types := map[string]lexer.TokenType{"EOF": lexer.EOF}
	for _, name := range []string{"Paren", "Word", "ID", "Num", "String", "Reserved", "ValType", "Shape", "Offset", "Align"} {
		types[name] = lexer.TokenType(len(types) + 1)
	}
	for imm := op.None; opKinds[imm] != ""; imm++ {
		types[opKinds[imm]] = lexer.TokenType(len(types) + 1)
	}
	return types
}()

func (bodyWords) Symbols() map[string]lexer.TokenType { return wordTypes }

func (bodyWords) Lex(string, io.Reader) (lexer.Lexer, error) {
	return nil, errors.New("use parseBody")
}

// Next returns the next word.
func (w *bodyWords) Next() (lexer.Token, error) {
	size := triviaSize(w.text[w.pos:])
	for ; size > 0; size = triviaSize(w.text[w.pos:]) {
		w.pos += size
	}
	rest := w.text[w.pos:]
	if rest == "" {
		return lexer.EOFToken(lexer.Position{Offset: w.pos}), nil
	}
	size = 1
	kind := "Paren"
	if rest[0] != '(' && rest[0] != ')' {
		size = atomSize(rest)
		kind = wordKind(rest[:size])
	}
	token := lexer.Token{Type: wordTypes[kind], Value: rest[:size], Pos: lexer.Position{Offset: w.pos}}
	w.pos += size
	return token, nil
}

// triviaSize returns how much of the start of s is a space, comment or annotation.
func triviaSize(s string) int {
	switch {
	case s == "":
		return 0
	case strings.IndexByte(" \t\r\n", s[0]) >= 0:
		return 1
	case strings.HasPrefix(s, ";;"):
		if i := strings.IndexAny(s, "\r\n"); i >= 0 {
			return i
		}
		return len(s)
	case strings.HasPrefix(s, "(;"):
		return blockComment(s)
	case strings.HasPrefix(s, "(@"):
		return annotationSize(s)
	}
	return 0
}

// annotationSize returns the length of the annotation that s starts with.
func annotationSize(s string) int {
	depth := 0
	for i := 0; i < len(s); {
		switch {
		case s[i] == '(' && !strings.HasPrefix(s[i:], "(;"):
			depth++
			i++
		case s[i] == ')':
			i++
			if depth--; depth == 0 {
				return i
			}
		case s[i] == '"':
			i += atomSize(s[i:])
		default:
			i += max(triviaSize(s[i:]), 1)
		}
	}
	return len(s)
}

// wordKind returns the token type of a word.
func wordKind(s string) string {
	if code, ok := op.Lookup(s); ok && code != op.If && code != op.Else && code != op.End {
		return opKinds[code.Info().Imm]
	}
	if _, ok := wat.ParseValType(s); ok {
		return "ValType"
	}
	if _, ok := shapes[s]; ok {
		return "Shape"
	}
	quotes := strings.Count(s, `"`)
	switch c := s[0]; {
	case c == '$' && (quotes == 0 || s[1] == '"' && s[len(s)-1] == '"'):
		return "ID"
	case quotes > 0:
		return "String"
	case strings.HasPrefix(s, "offset="):
		return "Offset"
	case strings.HasPrefix(s, "align="):
		return "Align"
	case c >= '0' && c <= '9' || c == '+' || c == '-', s == "inf", s == "nan", strings.HasPrefix(s, "nan:"):
		return "Num"
	case c >= 'a' && c <= 'z':
		return "Word"
	}
	return "Reserved"
}

// The grammar itself accepts and refuses what its words say.
func TestBodyGrammar(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"", true},
		{"nop (nop) block end (block nop)", true},
		{"if (result i32) (param) end", false},
		{"call_indirect (type 0) (param i32) (i32.const 0)", true},
		{"(if (i32.const 0) (then nop) (else))", true},
		{"(if (then) (then))", false},
		{"block", false},
		{"end", false},
		{"local.get", false},
		{"i32.const $x", false},
		{"(i32.add nop)", false},
	} {
		if _, err := parseBody(c.text); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}
