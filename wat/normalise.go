package wat

import (
	"slices"
	"strings"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat/op"
)

// A Form says what of a text Normalise brings into the form that lines can be
// inserted into.
type Form struct {
	// Unfold lists the functions to bring into line form: one instruction a line,
	// header and closing parenthesis in lines of their own, no label used twice, no
	// label referred to by number but that of the function itself.
	Unfold []FuncID
	// Alone lists imported functions whose import field gets lines of its own.
	Alone []FuncID
	// Exports lists functions whose exports get lines of their own.
	Exports []FuncID
	// ImportsEnd ends the line behind the last import.
	ImportsEnd bool
	// NameFuncs gives every function that is referred to by number a name, and the
	// references that name.
	NameFuncs bool
}

// Normalise returns the text of a valid module in the given form. What has that
// form already stays as it is, byte for byte; comments stay where they were. A
// function that has more than one instruction in a line is laid out anew; in
// others nothing changes but a label, a reference or a line break.
func Normalise(m *Module, form Form) string {
	n := &normaliser{m: m, src: m.Source.Text}
	if form.NameFuncs {
		n.nameFuncs(form.Unfold)
	}
	n.functions(form.Unfold)
	for _, f := range m.Fields {
		if f.Kind == KindFunc && f.Num == 1 && slices.Contains(form.Alone, FuncID(f.First)) {
			n.ownLine(f.Span)
		}
	}
	n.exports(form.Exports)
	if form.ImportsEnd {
		n.endImports()
	}
	n.breakBefore(m.Close.Start, "")
	return n.apply()
}

// A spanEdit replaces a range of the text.
type spanEdit struct {
	span Span
	text string
}

type normaliser struct {
	m     *Module
	src   string
	edits []spanEdit
	names []string // of functions, if they are to be named
}

func (n *normaliser) replace(span Span, text string) {
	n.edits = append(n.edits, spanEdit{span, text})
}

func (n *normaliser) insert(at int, text string) { n.replace(Span{at, at}, text) }

// apply makes the replacements; of two in one place the first comes first.
func (n *normaliser) apply() string {
	if len(n.edits) == 0 {
		return n.src
	}
	slices.SortStableFunc(n.edits, func(a, b spanEdit) int { return a.span.Start - b.span.Start })
	lineBreak := n.m.Source.lineBreak()
	var b strings.Builder
	at := 0
	for _, e := range n.edits {
		if e.span.Start < at {
			continue // inside what was replaced as a whole
		}
		b.WriteString(n.src[at:e.span.Start])
		if lineBreak != "\n" {
			e.text = strings.ReplaceAll(strings.ReplaceAll(e.text, lineBreak, "\n"), "\n", lineBreak)
		}
		b.WriteString(e.text)
		at = e.span.End
	}
	b.WriteString(n.src[at:])
	return b.String()
}

// breakBefore puts what starts at an offset into a line of its own.
func (n *normaliser) breakBefore(at int, indent string) {
	start := n.m.Source.LineStart(at)
	before := n.src[start:at]
	if text := strings.TrimRight(before, " \t"); strings.TrimLeft(text, " \t") != "" {
		n.replace(Span{start + len(text), at}, "\n"+indent)
	}
}

// breakBehind puts what follows an offset into a line of its own; a comment stays.
func (n *normaliser) breakBehind(at int, indent string) {
	end := n.restOfLine(at)
	if end > at && n.src[end-1] == '\n' {
		return
	}
	if rest := strings.TrimLeft(n.src[end:n.m.Source.LineEnd(end)], " \t\r"); rest != "" && rest != "\n" {
		space := len(n.src[end:]) - len(strings.TrimLeft(n.src[end:], " \t"))
		n.replace(Span{end, end + space}, "\n"+indent)
	}
}

// restOfLine returns the end of the comments and annotations that follow an offset in
// its line.
func (n *normaliser) restOfLine(at int) int {
	line := n.m.Source.LineEnd(at)
	for {
		rest := n.src[at:line]
		text := strings.TrimLeft(rest, " \t")
		next := at + len(rest) - len(text)
		switch {
		case strings.HasPrefix(text, ";;"):
			return line
		case strings.HasPrefix(text, "(;"), strings.HasPrefix(text, "(@"):
			t := tokenizer{src: n.src, pos: next, end: len(n.src), rep: &report{}}
			if text[1] == ';' {
				t.skipBlockComment()
			} else {
				t.skipAnnotation()
			}
			if t.pos > line {
				return at
			}
			at = t.pos
		default:
			return at
		}
	}
}

// ownLine puts a field into a line of its own; comments inside go before it.
func (n *normaliser) ownLine(span Span) {
	indent := n.indentOf(span.Start)
	n.breakBefore(span.Start, indent)
	n.breakBehind(span.End, indent)
	text := n.src[span.Start:span.End]
	if !strings.Contains(text, "\n") {
		return
	}
	t := tokenizer{src: text, end: len(text), rep: &report{}}
	t.trivia = func(s Span) {
		n.insert(span.Start, strings.TrimRight(text[s.Start:s.End], "\r\n")+"\n"+indent)
	}
	for t.next().kind != tokEOF {
	}
	n.replace(span, oneLine(text))
}

// indentOf returns the indentation of the line that holds an offset; of a field
// that starts inside a line the one that fields have.
func (n *normaliser) indentOf(at int) string {
	start := n.m.Source.LineStart(at)
	before := n.src[start:at]
	if strings.TrimLeft(before, " \t") == "" {
		return before
	}
	if n.m.Close.Start < n.m.Close.End {
		return "  "
	}
	return ""
}

// functions brings functions into line form, on all processors.
func (n *normaliser) functions(ids []FuncID) {
	edits := make([][]spanEdit, len(ids))
	parallel.Do(len(ids), func() func(int) {
		w := normaliser{m: n.m, src: n.src, names: n.names}
		return func(i int) {
			w.edits = nil
			w.function(n.m.Funcs[ids[i]])
			edits[i] = w.edits
		}
	})
	n.edits = append(n.edits, slices.Concat(edits...)...)
}

// function brings a function into line form.
func (n *normaliser) function(f *Func) {
	indent := n.indentOf(f.Span.Start)
	n.breakBefore(f.Span.Start, indent)
	from := n.restOfLine(f.Header.End) // a comment in the line of the header stays there
	if from > f.Header.End && n.src[from-1] == '\n' {
		from--
	}
	u := unfold(n.m, f, from)
	body := lineBody{Body: f.body, labels: f.body.LabelIDs(), openers: f.body.blockOf()}
	closing := f.Span.End - 1
	if u.folded || !n.inLines(u) {
		n.layOut(body, u, Span{from, closing}, indent)
		return
	}
	if len(u.lines) > 0 && u.lines[0].words[0].Start < n.m.Source.LineEnd(f.Header.End) {
		n.breakBehind(f.Header.End, indent+"  ")
	}
	for i, line := range u.lines {
		for w, text := range n.renamed(body, i, line) {
			if text != "" {
				n.replace(line.words[w], text)
			}
		}
		if name := body.freshName(i); name != "" {
			n.insert(line.words[0].End, " "+ID(name))
		}
	}
	n.breakBefore(closing, indent)
}

// inLines reports whether every instruction has a line of its own, and comments do
// not join lines.
func (n *normaliser) inLines(u *unfolder) bool {
	for i, line := range u.lines {
		start, end := line.words[0].Start, line.words[len(line.words)-1].End
		if strings.Contains(n.src[start:end], "\n") {
			return false
		}
		if before := n.src[n.m.Source.LineStart(start):start]; i > 0 && strings.TrimLeft(before, " \t") != "" {
			return false
		}
		behind := n.restOfLine(end)
		if behind > end && n.src[behind-1] == '\n' {
			continue
		}
		rest := strings.TrimLeft(n.src[behind:n.m.Source.LineEnd(behind)], " \t\r")
		closes := i == len(u.lines)-1 && strings.HasPrefix(rest, ")")
		if rest != "" && rest != "\n" && !closes {
			return false
		}
	}
	return true
}

// lineBody is a body with the names that its labels have in line form.
type lineBody struct {
	*Body
	labels  []string // by opener, "" for none
	openers []int32  // by else and end: the block
}

// freshName returns the name that a block gets that has none in the text.
func (b *lineBody) freshName(i int) string {
	if b.Instrs[i].Op.Info().Imm == op.BlockType && b.LabelName(i) == "" {
		return b.labels[i]
	}
	return ""
}

// blockOf returns for every else and end the block that it belongs to.
func (b *Body) blockOf() []int32 {
	of := make([]int32, len(b.Instrs))
	var open []int32
	for i, in := range b.Instrs {
		switch in.Op {
		case op.Block, op.Loop, op.If:
			open = append(open, int32(i))
		case op.Else:
			of[i] = open[len(open)-1]
		case op.End:
			of[i] = open[len(open)-1]
			open = open[:len(open)-1]
		}
	}
	return of
}

// layOut writes a body anew.
func (n *normaliser) layOut(body lineBody, u *unfolder, span Span, indent string) {
	var b strings.Builder
	write := func(level int, text string) {
		b.WriteString("\n" + indent + strings.Repeat("  ", 1+min(level, maxIndent)))
		b.WriteString(strings.ReplaceAll(text, "\r", ""))
	}
	level := 0
	for i, line := range u.lines {
		code := body.Instrs[i].Op
		if code == op.End || code == op.Else {
			level--
		}
		for _, c := range line.leading {
			write(level, c)
		}
		write(level, strings.Join(append([]string{n.lineText(body, i, line)}, line.trailing...), " "))
		switch code {
		case op.Block, op.Loop, op.If, op.Else:
			level++
		}
	}
	for _, c := range u.end {
		write(0, c)
	}
	n.replace(span, b.String()+"\n"+indent)
}

// lineText returns an instruction with its labels named.
func (n *normaliser) lineText(body lineBody, i int, line *formLine) string {
	if len(line.words) == 0 {
		return line.code.String()
	}
	words := make([]string, len(line.words))
	for w, span := range line.words {
		words[w] = oneLine(n.src[span.Start:span.End])
	}
	for w, text := range n.renamed(body, i, line) {
		if text != "" {
			words[w] = text
		}
	}
	if name := body.freshName(i); name != "" {
		words = slices.Insert(words, 1, ID(name))
	}
	return strings.Join(words, " ")
}

// renamed returns the words of a line that are to be written otherwise: references
// by number, and labels whose name is used twice; "" for those that stay.
func (n *normaliser) renamed(body lineBody, i int, line *formLine) []string {
	words := make([]string, len(line.words))
	set := func(w int, name string) {
		span := line.words[w]
		if text := n.src[span.Start:span.End]; !n.isID(span, name) && text != "" {
			words[w] = ID(name)
		}
	}
	label := func(w int, l Label) {
		if l != BodyLabel {
			set(w, body.labels[l.Opener()])
		}
	}
	switch in := body.Instrs[i]; in.Op.Info().Imm {
	case op.BlockType:
		if body.LabelName(i) != "" {
			set(1, body.labels[i])
		}
	case op.Label:
		label(1, Label(in.Imm))
	case op.LabelTable:
		for k, l := range body.Words(in) {
			label(1+k, Label(l))
		}
	case op.Func:
		if n.names != nil {
			set(1, n.names[in.Imm])
		}
	case op.None:
		if len(words) > 1 { // else $label, end $label
			set(1, body.labels[body.openers[i]])
		}
	}
	return words
}

// isID reports whether the text has the name at span, however it is spelled.
func (n *normaliser) isID(span Span, name string) bool {
	if n.src[span.Start] != '$' {
		return false
	}
	t := tokenizer{src: n.src, rep: &report{}}
	id, ok := t.id(token{tokID, span.Start, span.End})
	return ok && id == name
}
