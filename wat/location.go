package wat

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads comments that say where code comes from, as Binaryen writes and reads
// them:
//
//	;;@ sleep.c:12:4
//	call $sleep
//
// They hold for what follows in the function, up to the next; one that is empty says that
// the origin is not known.

// locationMark is what a comment with a location starts with.
const locationMark = ";;@"

// A Location is a place in a file that code was made of.
type Location struct {
	File   string
	Line   int // from 1
	Column int // from 0, in UTF-16 code units, as source maps count
}

// locationComment is a comment with a location, or an empty one.
type locationComment struct {
	at int
	Location
}

// Location returns where an instruction of a function comes from: as a comment says, or
// else its own place in the text. Of a binary it knows nothing.
func (m *Module) Location(id FuncID, instr int) Location {
	if m.Source.Binary {
		return Location{}
	}
	return m.LocationAt(id, int(m.Funcs[id].Body().Instrs[instr].Pos))
}

// LocationAt returns where a place in the text of a function comes from.
func (m *Module) LocationAt(id FuncID, at int) Location {
	if said, ok := m.locationBefore(id, at); ok {
		return said
	}
	return m.Source.Location(at)
}

// Location returns a place in a text.
func (s *Source) Location(at int) Location {
	line := s.lineAt(at)
	start := int(s.lines[line-1])
	return Location{s.Name, line, at - start - s.spareBytes(at) + s.spareBytes(start)}
}

// LineAt returns the line, from 1, that holds an offset of a text.
func (s *Source) LineAt(at int) int { return s.lineAt(at) }

// A wideChar is a character of several bytes.
type wideChar struct {
	at    int
	spare int // bytes beyond UTF-16 code units, from the start of the text through this character
}

// spareBytes returns how many more bytes than UTF-16 code units there are before an
// offset. Lines may be very long, so that they are not counted each time.
func (s *Source) spareBytes(at int) int {
	s.wideOnce.Do(func() {
		spare := 0
		for i := 0; i < len(s.Text); i++ {
			if s.Text[i] < utf8.RuneSelf {
				continue
			}
			r, size := utf8.DecodeRuneInString(s.Text[i:])
			spare += size - max(utf16.RuneLen(r), 1)
			s.wide = append(s.wide, wideChar{i, spare})
			i += size - 1
		}
	})
	i := sort.Search(len(s.wide), func(i int) bool { return s.wide[i].at >= at })
	if i == 0 {
		return 0
	}
	return s.wide[i-1].spare
}

// locationBefore returns what the last comment before an offset in a function says.
func (m *Module) locationBefore(id FuncID, at int) (Location, bool) {
	comments := m.Source.locationComments()
	i := sort.Search(len(comments), func(i int) bool { return comments[i].at >= at }) - 1
	if i < 0 || comments[i].File == "" || comments[i].at < m.behindFieldBefore(id) {
		return Location{}, false
	}
	return comments[i].Location, true
}

// origin returns, for messages, what the last comment before an offset in the same function
// says, in parentheses; "" if it says nothing.
func (s *Source) origin(at int) string {
	comments := s.locationComments()
	i := sort.Search(len(comments), func(i int) bool { return comments[i].at >= at }) - 1
	if i < 0 || comments[i].File == "" || strings.Contains(s.Text[comments[i].at:min(at, len(s.Text))], "(func") {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", comments[i].File, comments[i].Line)
}

// behindFieldBefore returns the offset from which on comments belong to a function:
// where the field before it ends.
func (m *Module) behindFieldBefore(id FuncID) int {
	start := m.Funcs[id].Span.Start
	i := sort.Search(len(m.Fields), func(i int) bool { return m.Fields[i].Span.Start >= start })
	if i == 0 {
		return 0
	}
	return m.Fields[i-1].Span.End
}

// locationComments returns the comments with locations, in the order of the text.
func (s *Source) locationComments() []locationComment {
	s.locationsOnce.Do(func() {
		if !s.Binary && strings.Contains(s.Text, locationMark) {
			s.locations = findLocations(s.Text)
		}
	})
	return s.locations
}

// findLocations reads a text from one place to the next where a comment or a string
// begins: a mark inside these is none.
func findLocations(text string) []locationComment {
	var found []locationComment
	depth := 0 // of block comments
	for i := 0; i < len(text); i++ {
		next := strings.IndexAny(text[i:], `";(`)
		if next < 0 {
			break
		}
		i += next
		switch rest := text[i:]; {
		case strings.HasPrefix(rest, "(;"):
			depth++
			i++
		case depth > 0:
			if strings.HasPrefix(rest, ";)") {
				depth--
				i++
			}
		case rest[0] == '"':
			i = skipQuoted(text, i)
		case strings.HasPrefix(rest, ";;"):
			line, _, _ := strings.Cut(rest, "\n")
			if said, ok := strings.CutPrefix(line, locationMark); ok {
				if l, ok := parseLocation(strings.TrimSpace(said)); ok {
					found = append(found, locationComment{i, l})
				}
			}
			i += len(line)
		}
	}
	return found
}

// parseLocation reads file:line:column, with the name of a function behind it perhaps;
// false for what is no location, and so a comment like any other.
func parseLocation(s string) (Location, bool) {
	if s == "" {
		return Location{}, true
	}
	for from := 1; from < len(s); from++ { // the name of a file may have colons
		if s[from] != ':' {
			continue
		}
		words := strings.SplitN(s[from+1:], ":", 3)
		if len(words) < 2 {
			return Location{}, false
		}
		line, err := strconv.ParseUint(words[0], 10, 31)
		column, err2 := strconv.ParseUint(words[1], 10, 31)
		if err == nil && err2 == nil && line > 0 {
			return Location{s[:from], int(line), int(column)}, true
		}
	}
	return Location{}, false
}
