package wat

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// space is one index space of a module, as names are looked up in it.
type space uint8

const (
	spaceType space = iota
	spaceFunc
	spaceTable
	spaceMemory
	spaceGlobal
	spaceElem
	spaceData
	numSpaces
)

var spaceNames = [numSpaces]string{"type", "function", "table", "memory", "global", "element segment", "data segment"}

// scope holds the names of a module.
type scope struct {
	names [numSpaces]map[string]uint32
	// partial says that fields which may define names could not be read: then an
	// unknown name is no news.
	partial bool
}

func (s *scope) define(sp space, name string, index uint32) (previous uint32, fresh bool) {
	if s.names[sp] == nil {
		s.names[sp] = map[string]uint32{}
	}
	if old, dup := s.names[sp][name]; dup {
		return old, false
	}
	s.names[sp][name] = index
	return index, true
}

func (s *scope) lookup(sp space, name string) (uint32, bool) {
	i, ok := s.names[sp][name]
	return i, ok || s.partial
}

// nearest returns a function that adds a hint to an error: the name in the space
// that is nearest to name.
func (s *scope) nearest(sp space, name string) func(*Error) {
	return func(e *Error) { e.Hint = suggestID(name, sortedKeys(s.names[sp])) }
}

// suggestID is DidYouMean for names, which messages show as identifiers.
func suggestID(name string, names []string) string {
	ids := make([]string, len(names))
	for i, n := range names {
		ids[i] = ID(n)
	}
	return DidYouMean(ID(name), ids)
}

// Names of definitions, locals and labels are kept as a plain identifier would
// spell them, as far as they can be: disassemblers of before quoted identifiers
// write the byte 0x28 inside one as \28, and that is what it means here. So that
// a backslash can stand for itself before two hexadecimal digits, it is \5c there.

// NameOf returns the name, as the tree keeps it, whose characters are text.
func NameOf(text string) string {
	for i := strings.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if escapedByte(text, i) {
			return text[:i] + `\5c` + NameOf(text[i+1:])
		}
	}
	return text
}

// NameText returns the characters of a name, as the name section has them.
func NameText(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if escapedByte(name, i) {
			b = append(b, hexDigit(name[i+1])<<4|hexDigit(name[i+2]))
			i += 2
			continue
		}
		b = append(b, name[i])
	}
	if !utf8.Valid(b) {
		return name
	}
	return string(b)
}

// escapedByte reports whether a backslash and two hexadecimal digits are at i.
func escapedByte(s string, i int) bool {
	return s[i] == '\\' && hexDigit(at(s, i+1)) < 16 && hexDigit(at(s, i+2)) < 16
}

// ID returns a name as the text format writes it: $name, or $"name" if it has
// characters that a plain identifier cannot have.
func ID(name string) string {
	plain := name != ""
	for i := 0; i < len(name) && plain; i++ {
		plain = isWord(name[i])
	}
	if plain {
		return "$" + name
	}
	return "$" + Quote(NameText(name))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
