package wat

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/watfiber/watfiber/internal/parallel"
)

// Parse reads a module in the text format: (module …), or its fields without
// the parentheses around them. The name is the file name that errors show. The
// error is an ErrorList with up to MaxErrors errors.
//
// The tree refers to text; it is not copied. Parse resolves names and expands
// abbreviations; whether the module is valid is for package check to say.
func Parse(name, text string) (*Module, error) {
	src := &Source{Name: name, Text: lineFeeds(text)}
	b := &builder{m: &Module{Source: src, scope: &scope{}}}
	b.rep = &report{source: src}
	switch {
	case uint64(len(text)) > math.MaxUint32:
		b.rep.add(ErrLimit, Span{}, "", "the text is larger than 4 GiB")
	case !utf8.ValidString(text):
		at := invalidUTF8(text)
		b.rep.add(ErrSyntax, Span{at, at + 1}, "a module in the text format is UTF-8", "malformed UTF-8 encoding")
	default:
		b.parse()
	}
	if err := b.rep.errs.Err(); err != nil {
		return nil, err
	}
	return b.m, nil
}

// lineFeeds returns a text in which a line never ends in a carriage return alone,
// as the specification allows: such a one becomes a line feed.
func lineFeeds(text string) string {
	if strings.Count(text, "\r") == strings.Count(text, "\r\n") {
		return text
	}
	b := []byte(text)
	for i := range b {
		if b[i] == '\r' && (i+1 == len(b) || b[i+1] != '\n') {
			b[i] = '\n'
		}
	}
	return string(b)
}

func invalidUTF8(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return 0
}

// builder makes a Module of the text: split it into fields, let each field's
// grammar parse it, give every definition its index, resolve what refers to
// them, scan the bodies.
type builder struct {
	m   *Module
	rep *report

	fields  []parsedField
	broken  bool // a field is not as its grammar has it
	bodies  []bodyTask
	typeIDs map[string]TypeID // by FuncType.key
	imports int               // how many there are so far
	defined string            // the first definition that is no import: its keyword

	function int            // the function whose locals get names: its place in bodies
	localIn  map[string]int // the last function that has a local of a name
}

// parsedField is a field as its grammar saw it.
type parsedField struct {
	node   any       // nil if the grammar did not accept it
	errs   ErrorList // then
	header Span      // of a func: up to its body
	def    any       // the definition that resolve has to complete, if it has to

	annotations []Annotation
}

func (b *builder) parse() {
	if !b.split() {
		return
	}
	b.parseFields()
	for i := range b.fields {
		b.declare(&b.fields[i], &b.m.Fields[i])
	}
	for i := range b.fields {
		b.resolve(&b.fields[i])
	}
	b.scanBodies()
	b.m.sortCustoms()
	b.m.sortAnnotations()
}

// split finds the fields of the module.
//
// It reports whether it found all of them.
func (b *builder) split() bool {
	t := &tokenizer{src: b.m.Source.Text, end: len(b.m.Source.Text), rep: b.rep, annotation: b.annotation}
	open := t.next()
	inModule := false
	if open.kind == tokOpen {
		if word := t.next(); word.kind == tokKeyword && t.text(word) == "module" {
			inModule = true
			open = t.next()
			if open.kind == tokID {
				b.m.Name, _ = t.id(open)
				open = t.next()
			}
		} else {
			t.pos = open.end
		}
	}
	for ; open.kind == tokOpen; open = t.next() {
		if !b.field(t, open.start) {
			return false
		}
	}
	switch {
	case inModule && open.kind == tokClose:
		b.m.Close = open.span()
		if open = t.next(); open.kind != tokEOF {
			b.rep.add(ErrSyntax, open.span(), "", "unexpected %s behind the module", t.shown(open))
		}
	case open.kind == tokEOF && !inModule:
		b.m.Close = Span{t.end, t.end}
	case open.kind == tokEOF:
		b.rep.add(ErrSyntax, Span{t.end, t.end}, "the module is never closed", "unexpected end of the text, expected )")
		// A ) may be missing in a field, which has the following ones in it then.
		b.broken, b.m.scope.partial = true, true
	default:
		b.rep.add(ErrSyntax, open.span(), "", "unexpected %s, expected a module field such as (func …)", t.shown(open))
	}
	return len(b.rep.errs) == 0 || b.broken
}

// field passes the field whose opening parenthesis t has just passed. It reports
// whether the fields behind it can be found.
func (b *builder) field(t *tokenizer, start int) bool {
	word := t.next()
	if word.kind != tokKeyword {
		b.rep.add(ErrSyntax, word.span(), "", "expected the keyword of a module field behind (")
		return false
	}
	keyword := t.text(word)
	t.pos = word.end
	if before := len(b.rep.errs); !t.skipTo(1) {
		if len(b.rep.errs) == before {
			b.rep.add(ErrSyntax, Span{start, word.end}, b.missingBefore(start), "unclosed parenthesis")
		}
		return false
	}
	if fieldParsers[keyword] == nil {
		hint := otherVersion(keyword)
		if hint == "" {
			hint = DidYouMean(keyword, fieldKeywords)
		}
		b.rep.add(ErrSyntax, word.span(), hint, "unknown module field (%s", keyword)
		b.broken = true
		b.m.scope.partial = true
		return true
	}
	b.m.Fields = append(b.m.Fields, Field{Keyword: keyword, Span: Span{start, t.pos}})
	return true
}

// missingBefore returns a hint for a field that is never closed: where the next
// field starts, if fields are indented alike.
func (b *builder) missingBefore(start int) string {
	src := b.m.Source
	indent := src.Text[src.LineStart(start):start]
	for at := src.LineEnd(start); at < len(src.Text); at = src.LineEnd(at) {
		rest, ok := strings.CutPrefix(src.Text[at:], indent+"(")
		if !ok {
			continue
		}
		t := tokenizer{src: rest, end: len(rest), rep: &report{}}
		if fieldParsers[t.text(t.next())] != nil {
			line, _ := src.Line(at)
			return fmt.Sprintf("a ) is missing before line %d, where the next field starts", line)
		}
	}
	return "it is never closed"
}

// parseFields has each field parsed by its grammar, on all processors.
func (b *builder) parseFields() {
	b.fields = make([]parsedField, len(b.m.Fields))
	parallel.Do(len(b.fields), func() func(int) {
		var buffer []lexer.Token
		return func(i int) {
			rep := &report{source: b.m.Source}
			f := &fieldTokens{keyword: b.m.Fields[i].Keyword, tokens: buffer[:0], tokenizer: tokenizer{
				src: b.m.Source.Text, pos: b.m.Fields[i].Span.Start, end: b.m.Fields[i].Span.End,
				rep: rep, annotation: rep.annotationInField,
			}}
			node, err := fieldParsers[f.keyword](f)
			if err != nil {
				node = nil
				rep.syntaxError(err, f)
			}
			b.fields[i] = parsedField{node: node, errs: rep.errs, header: Span{b.m.Fields[i].Span.Start, f.headerEnd}, annotations: rep.annotations}
			buffer = f.tokens
		}
	})
	for i := range b.fields {
		b.rep.errs = append(b.rep.errs, b.fields[i].errs...)
		b.addAnnotations(b.fields[i].annotations)
		b.broken = b.broken || b.fields[i].node == nil
	}
}
