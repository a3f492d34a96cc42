package wat

import (
	"math"
	"unicode/utf8"
)

// Parse reads a module in the text format: (module …), or its fields without
// the parentheses around them. The name is the file name that errors show. The
// error is an ErrorList with up to MaxErrors errors.
//
// The tree refers to text; it is not copied. Parse resolves names and expands
// abbreviations; whether the module is valid is for package check to say.
func Parse(name, text string) (*Module, error) {
	src := &Source{Name: name, Text: text}
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
	bodies  []bodyTask
	typeIDs map[string]TypeID // by FuncType.key
	repeats []typeCheck
	imports int    // how many there are so far
	defined string // the first definition that is no import: its keyword
}

// parsedField is a field as its grammar saw it.
type parsedField struct {
	node   any
	header Span // of a func: up to its body
	def    any  // the definition that resolve has to complete, if it has to
}

func (b *builder) parse() {
	b.split()
	if b.rep.full() {
		return
	}
	broken := len(b.rep.errs) > 0 // then names that they define are missing
	for i := range b.fields {
		b.declare(&b.fields[i], &b.m.Fields[i])
	}
	if broken {
		return
	}
	for i := range b.fields {
		b.resolve(&b.fields[i])
	}
	b.scanBodies()
	b.checkRepeats()
	b.m.sortCustoms()
}

// split finds the fields of the module and parses each.
func (b *builder) split() {
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
			return
		}
	}
	switch {
	case inModule && open.kind == tokClose:
		b.m.Close = open.span()
		if open = t.next(); open.kind != tokEOF {
			b.rep.add(ErrSyntax, open.span(), "", "unexpected %s behind the module", t.text(open))
		}
	case open.kind == tokEOF && !inModule:
		b.m.Close = Span{t.end, t.end}
	case open.kind == tokEOF:
		b.rep.add(ErrSyntax, Span{t.end, t.end}, "the module is never closed", "unexpected end of the text, expected )")
	default:
		b.rep.add(ErrSyntax, open.span(), "", "unexpected %s, expected a module field such as (func …)", t.text(open))
	}
}

// field parses the field whose opening parenthesis t has just passed. It reports
// whether the fields behind it can be found.
func (b *builder) field(t *tokenizer, start int) bool {
	word := t.next()
	if word.kind != tokKeyword {
		b.rep.add(ErrSyntax, word.span(), "", "expected the keyword of a module field behind (")
		return false
	}
	keyword := t.text(word)
	t.pos = word.end
	if !t.skipTo(1) {
		return false
	}
	span := Span{start, t.pos}
	parse := fieldParsers[keyword]
	if parse == nil {
		hint := laterHint(keyword)
		if hint == "" {
			hint = DidYouMean(keyword, fieldKeywords)
		}
		b.rep.add(ErrSyntax, word.span(), hint, "unknown module field (%s", keyword)
		return true
	}
	tokens := &fieldTokens{keyword: keyword, tokenizer: tokenizer{
		src: t.src, pos: start, end: span.End, rep: b.rep, annotation: b.rep.annotationInField,
	}}
	node, err := parse(tokens)
	if err != nil {
		b.syntaxError(err, parse, tokens)
		return !b.rep.full()
	}
	b.m.Fields = append(b.m.Fields, Field{Keyword: keyword, Span: span})
	b.fields = append(b.fields, parsedField{node: node, header: Span{start, tokens.headerEnd}})
	return true
}
