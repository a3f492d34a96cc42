package wat

import (
	"slices"
	"strings"
)

// Markers of rewritten text: an inserted line ends in a comment that starts with
// InsertMark, a source line that was taken out is a comment that starts with
// DropMark.
const (
	InsertMark = ";;~"
	DropMark   = ";;-"
)

// A LineEditor inserts whole lines into a text and turns lines into comments. It
// never changes a character of a line that stays.
type LineEditor struct {
	src       *Source
	lineBreak string
	edits     []lineEdit
}

type lineEdit struct {
	at   int    // start of a line
	text string // lines to insert before it; "" if the line is dropped
}

// NewLineEditor returns an editor of the text of src.
func NewLineEditor(src *Source) *LineEditor { return &LineEditor{src: src, lineBreak: src.lineBreak()} }

// InsertBefore inserts lines before the line that holds offset. They are indented
// like the line that holds model.
func (e *LineEditor) InsertBefore(offset, model int, text string) {
	e.insert(e.src.LineStart(offset), model, text)
}

// InsertBehind inserts lines behind the line that holds offset, indented like the
// line that holds model.
func (e *LineEditor) InsertBehind(offset, model int, text string) {
	e.insert(e.src.LineEnd(offset), model, text)
}

func (e *LineEditor) insert(at, model int, text string) {
	if text == "" {
		return
	}
	indent := e.indent(model)
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(indent)
		b.WriteString(strings.TrimRight(line, "\n"))
		b.WriteString(e.lineBreak)
	}
	e.edits = append(e.edits, lineEdit{at, b.String()})
}

// indent returns the whitespace that the line that holds offset starts with.
func (e *LineEditor) indent(offset int) string {
	start := e.src.LineStart(offset)
	end := start
	for end < len(e.src.Text) && (e.src.Text[end] == ' ' || e.src.Text[end] == '\t') {
		end++
	}
	return e.src.Text[start:end]
}

// Drop makes a comment of the line that holds offset.
func (e *LineEditor) Drop(offset int) {
	e.edits = append(e.edits, lineEdit{at: e.src.LineStart(offset)})
}

// Text returns the edited text. Lines inserted at one place keep the order in
// which they were inserted; they come before the line that is dropped there.
func (e *LineEditor) Text() string {
	slices.SortStableFunc(e.edits, func(a, b lineEdit) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return compareDrop(a, b)
	})
	size := len(e.src.Text)
	for _, edit := range e.edits {
		size += len(edit.text) + len(DropMark) + 1
	}
	var b strings.Builder
	b.Grow(size)
	from := 0
	for _, edit := range e.edits {
		b.WriteString(e.src.Text[from:edit.at])
		from = edit.at
		if edit.text != "" {
			if from > 0 && from == len(e.src.Text) && e.src.Text[from-1] != '\n' {
				b.WriteString(e.lineBreak)
			}
			b.WriteString(edit.text)
			continue
		}
		indent := e.indent(edit.at)
		b.WriteString(indent + DropMark + " ")
		from += len(indent)
	}
	b.WriteString(e.src.Text[from:])
	return b.String()
}

func compareDrop(a, b lineEdit) int {
	switch {
	case a.text != "" && b.text == "":
		return -1
	case a.text == "" && b.text != "":
		return 1
	}
	return 0
}

// Strip takes out of a rewritten text what a rewrite put in: lines with an
// InsertMark comment go, lines behind a DropMark come back. A text without
// markers stays as it is.
func Strip(text string) string {
	if !strings.Contains(text, InsertMark) && !strings.Contains(text, DropMark) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	state := stripState{}
	for line := range strings.Lines(text) {
		switch state.kind(line) {
		case lineInserted:
		case lineDropped:
			at := strings.Index(line, DropMark)
			b.WriteString(line[:at])
			b.WriteString(strings.TrimPrefix(line[at+len(DropMark):], " "))
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// FindMarker returns the offset of the first marker in a text, -1 if it has none.
func FindMarker(text string) int {
	if !strings.Contains(text, InsertMark) && !strings.Contains(text, DropMark) {
		return -1
	}
	state, at := stripState{}, 0
	for line := range strings.Lines(text) {
		switch state.kind(line) {
		case lineInserted:
			return at + strings.LastIndex(line, InsertMark)
		case lineDropped:
			return at + strings.Index(line, DropMark)
		}
		at += len(line)
	}
	return -1
}

type lineKind uint8

const (
	lineSource lineKind = iota
	lineInserted
	lineDropped
)

// stripState tells kinds of lines apart: a marker counts only where a comment can
// start, not inside a string or a block comment.
type stripState struct{ depth int } // of block comments

func (s *stripState) kind(line string) lineKind {
	for i := 0; i < len(line); i++ {
		two := line[i:min(i+2, len(line))]
		switch {
		case two == "(;":
			s.depth++
			i++
		case two == ";)" && s.depth > 0:
			s.depth--
			i++
		case s.depth > 0:
		case two == ";;":
			rest := line[i:]
			switch {
			case strings.HasPrefix(rest, InsertMark):
				return lineInserted
			case strings.HasPrefix(rest, DropMark) && strings.TrimSpace(line[:i]) == "":
				return lineDropped
			}
			return lineSource
		case line[i] == '"':
			i = skipQuoted(line, i)
		}
	}
	return lineSource
}

// skipQuoted returns the offset of the quotation mark that closes the string at i.
func skipQuoted(line string, i int) int {
	for i++; i < len(line) && line[i] != '"'; i++ {
		if line[i] == '\\' {
			i++
		}
	}
	return i
}

// IsIDChar reports whether a character can stand in a plain identifier.
func IsIDChar(c byte) bool { return isWord(c) }
