package wat

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Source is one module as it was read: text, or a binary.
type Source struct {
	Name   string // file name, as messages show it
	Text   string // the bytes
	Binary bool   // Text is a binary module: places are offsets, there are no lines

	once  sync.Once
	lines []uint32 // offset of the start of each line

	locationsOnce sync.Once
	locations     []locationComment

	wideOnce sync.Once
	wide     []wideChar
}

// A Span is a range of bytes in a Source.
type Span struct{ Start, End int }

// NoSpan is the span of an Error that is about a Source as a whole.
var NoSpan = Span{-1, -1}

// Line returns the 1-based line that holds the byte at offset, and the 1-based
// column of that byte, counted in characters.
func (s *Source) Line(offset int) (line, column int) {
	line = s.lineAt(offset)
	start := s.lines[line-1]
	return line, utf8.RuneCountInString(s.Text[start:min(offset, len(s.Text))]) + 1
}

// lineAt returns the 1-based line that holds the byte at offset. Lines may be very
// long, so that it does not look for their ends.
func (s *Source) lineAt(offset int) int {
	s.once.Do(s.findLines)
	line, _ := slices.BinarySearch(s.lines, uint32(offset)+1)
	return line
}

func (s *Source) findLines() {
	s.lines = append(make([]uint32, 0, 1+strings.Count(s.Text, "\n")), 0)
	for i := 0; ; {
		next := strings.IndexByte(s.Text[i:], '\n')
		if next < 0 {
			return
		}
		i += next + 1
		s.lines = append(s.lines, uint32(i))
	}
}

// LineStart returns the offset of the first byte of the line that holds offset.
func (s *Source) LineStart(offset int) int { return int(s.lines[s.lineAt(offset)-1]) }

// LineEnd returns the offset behind the newline that ends the line that holds
// offset, or the length of the text.
func (s *Source) LineEnd(offset int) int {
	if next := s.lineAt(offset); next < len(s.lines) {
		return int(s.lines[next])
	}
	return len(s.Text)
}

// Place returns offset as messages show it: file:line:column, or file:0xoffset
// for a binary.
func (s *Source) Place(offset int) string {
	if s.Binary {
		return fmt.Sprintf("%s:0x%x", s.Name, offset)
	}
	line, column := s.Line(offset)
	return fmt.Sprintf("%s:%d:%d", s.Name, line, column)
}

// maxExcerpt bounds the characters of a source line that a message quotes.
const maxExcerpt = 100

// Excerpt returns the line at span and a line of carets under it, or "" for a
// binary. A long line is cut around the span.
func (s *Source) Excerpt(span Span) string {
	if s.Binary || span.Start > len(s.Text) {
		return ""
	}
	start, end := s.LineStart(span.Start), s.LineEnd(span.Start)
	line := strings.TrimRight(s.Text[start:end], "\r\n")
	from, to := min(span.Start-start, len(line)), min(max(span.End, span.Start+1)-start, len(line))
	before, marked, after := cleanLine(line[:from]), cleanLine(line[from:max(to, from)]), cleanLine(line[max(to, from):])
	before, marked, after = shorten(before, marked, after)
	carets := max(utf8.RuneCountInString(marked), 1)
	indent := utf8.RuneCountInString(before)
	return "  " + before + marked + after + "\n  " + strings.Repeat(" ", indent) + strings.Repeat("^", carets)
}

// cleanLine makes one column of every character: tabs become spaces, control
// characters question marks.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7F:
			return '?'
		}
		return r
	}, s)
}

// shorten cuts the three parts of a quoted line to maxExcerpt characters in all.
func shorten(before, marked, after string) (string, string, string) {
	b, m, a := []rune(before), []rune(marked), []rune(after)
	if len(b)+len(m)+len(a) <= maxExcerpt {
		return before, marked, after
	}
	if len(m) > maxExcerpt/2 {
		m = append(m[:maxExcerpt/2:maxExcerpt/2], '…')
	}
	room := maxExcerpt - len(m)
	if len(b) > room/2 {
		b = append([]rune{'…'}, b[len(b)-room/2:]...)
	}
	if rest := room - min(len(b), room); len(a) > rest {
		a = append(a[:rest:rest], '…')
	}
	return string(b), string(m), string(a)
}

// lineBreak returns what ends the first line: what is to end those that are added.
func (s *Source) lineBreak() string {
	if i := strings.IndexByte(s.Text, '\n'); i > 0 && s.Text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
