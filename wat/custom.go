package wat

import (
	"fmt"
	"slices"
	"strings"
)

// Custom sections stand in the text as annotations of the module:
//
//	(@custom "name" (after func) "bytes" …)
//
// with the place before first, after last, or before or after a known section;
// after last if there is none (specification, appendix "Custom Sections and
// Annotations").

// sectionNames are the names of sections in a place.
var sectionNames = map[SectionID]string{
	SectionType: "type", SectionImport: "import", SectionFunc: "func", SectionTable: "table",
	SectionMemory: "memory", SectionGlobal: "global", SectionExport: "export", SectionStart: "start",
	SectionElem: "elem", SectionDataCount: "datacount", SectionCode: "code", SectionData: "data",
}

// sectionOrder is the order of the known sections in a binary; SectionCustom
// stands for the place before the first.
var sectionOrder = [...]SectionID{
	SectionCustom, SectionType, SectionImport, SectionFunc, SectionTable, SectionMemory, SectionGlobal,
	SectionExport, SectionStart, SectionElem, SectionDataCount, SectionCode, SectionData,
}

// annotation reads an annotation of the module, if it is one that means
// something to the tree.
func (b *builder) annotation(span Span) {
	t := tokenizer{src: b.m.Source.Text, pos: span.Start + 1, end: span.End - 1, rep: b.rep}
	if word := t.next(); t.text(word) != "@custom" {
		return
	}
	name := t.next()
	if name.kind != tokString {
		b.rep.add(ErrSyntax, Span{name.start, name.end}, `write (@custom "name" …)`, "custom section without a name")
		return
	}
	c := &Custom{Span: span, After: SectionData}
	c.Name, _ = t.name(name)
	tok := t.next()
	if tok.kind == tokOpen {
		after, ok := customPlace(&t)
		if !ok {
			b.rep.add(ErrSyntax, tok.span(), "write (before first), (after last), or before or after type, import, func, …",
				"malformed place of a custom section")
			return
		}
		c.After = after
		tok = t.next()
	}
	var bytes strings.Builder
	for ; tok.kind == tokString; tok = t.next() {
		s, _ := t.str(tok)
		bytes.WriteString(s)
	}
	c.Bytes = bytes.String()
	if tok.kind != tokEOF {
		b.rep.add(ErrSyntax, tok.span(), "", "unexpected %s in a custom section, expected a string", t.shown(tok))
		return
	}
	if c.Name == "name" {
		b.rep.add(ErrSyntax, name.span(), "names are those of identifiers in the text", "a custom section of names")
		return
	}
	b.m.AddCustom(c)
}

// AddCustom adds a custom section, or a note if it would not be true of the module
// once that is encoded anew.
func (m *Module) AddCustom(c *Custom) {
	if why := stale(c.Name); why != "" {
		if m.Source.Binary && (strings.HasPrefix(c.Name, ".debug_") || c.Name == "sourceMappingURL") {
			m.Debug = append(m.Debug, c)
		}
		m.Notes = append(m.Notes, fmt.Sprintf("custom section %q is left out: %s", c.Name, why))
		return
	}
	m.Customs = append(m.Customs, c)
}

// stale says why a custom section does not stay true when the module is encoded
// anew, "" if it does.
func stale(name string) string {
	switch {
	case strings.HasPrefix(name, ".debug_"), name == "external_debug_info", name == "sourceMappingURL":
		return "it refers to the old code by offset"
	case strings.HasPrefix(name, "metadata.code."):
		return "it refers to instructions by offset"
	case strings.HasPrefix(name, "reloc."), name == "linking":
		return "it refers to the old sections by offset; this is an object file, link it first"
	case name == "build_id":
		return "it names the old module"
	}
	return ""
}

// annotationInField is told of an annotation inside a field, where a custom
// section cannot stand.
func (r *report) annotationInField(span Span) {
	t := tokenizer{src: r.source.Text, pos: span.Start + 1, end: span.End - 1, rep: r}
	word := t.next()
	if t.text(word) == "@custom" {
		r.add(ErrSyntax, word.span(), "custom sections stand between the fields of a module", "misplaced @custom")
		return
	}
	r.annotations = append(r.annotations, Annotation{Name: strings.TrimPrefix(t.text(word), "@"), Span: span})
}

// addAnnotations adds annotations of a field to the module.
func (b *builder) addAnnotations(more []Annotation) {
	b.m.Annotations = append(b.m.Annotations, more...)
}

// sortAnnotations puts the annotations into the order of the text, each once: some were
// met as part of a header and of a body.
func (m *Module) sortAnnotations() {
	slices.SortFunc(m.Annotations, func(a, b Annotation) int { return a.Span.Start - b.Span.Start })
	m.Annotations = slices.CompactFunc(m.Annotations, func(a, b Annotation) bool { return a.Span == b.Span })
}

// customPlace reads the place of a custom section behind its parenthesis, and
// returns the section that it follows.
func customPlace(t *tokenizer) (SectionID, bool) {
	side, what, close := t.next(), t.next(), t.next()
	if close.kind != tokClose {
		return 0, false
	}
	before := t.text(side) == "before"
	if !before && t.text(side) != "after" {
		return 0, false
	}
	switch word := t.text(what); {
	case word == "first":
		return SectionCustom, before
	case word == "last":
		return SectionData, !before
	default:
		for i, id := range sectionOrder {
			if sectionNames[id] == word && word != "" {
				if before {
					return sectionOrder[i-1], true
				}
				return id, true
			}
		}
	}
	return 0, false
}

// sortCustoms puts custom sections into the order of a binary.
func (m *Module) sortCustoms() {
	rank := func(c *Custom) int { return slices.Index(sectionOrder[:], c.After) }
	slices.SortStableFunc(m.Customs, func(a, b *Custom) int { return rank(a) - rank(b) })
}
