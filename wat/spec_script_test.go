package wat_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/watfiber/watfiber/wat"
)

// This file splits the scripts of the specification's test suite (.wast) into
// commands. It shares no code with package wat: a bug there must not hide here.

// A node is a list in parentheses, or an atom: a word or a string.
type node struct {
	src        *string // the script
	start, end int
	list       []node
	isList     bool
}

func (n node) text() string { return (*n.src)[n.start:n.end] }

// line returns the 1-based line on which n starts.
func (n node) line() int { return 1 + strings.Count((*n.src)[:n.start], "\n") }

// head returns the word that a list starts with.
func (n node) head() string { return n.atom(0) }

// atom returns the word or string that is element i of a list, "" if none is.
func (n node) atom(i int) string {
	if i >= len(n.list) || n.list[i].isList {
		return ""
	}
	return n.list[i].text()
}

// id returns element i of a list if it is an identifier.
func (n node) id(i int) string {
	if s := n.atom(i); strings.HasPrefix(s, "$") {
		return s
	}
	return ""
}

// splitScript returns the lists and atoms of a script. Annotations are left out.
func splitScript(src string) ([]node, error) {
	stack := []node{{}}
	for i := 0; i < len(src); {
		rest := src[i:]
		size := 1
		switch c := src[i]; {
		case strings.HasPrefix(rest, ";;"):
			if size = strings.IndexByte(rest, '\n'); size < 0 {
				size = len(rest)
			}
		case strings.HasPrefix(rest, "(;"):
			size = blockComment(rest)
		case strings.IndexByte(" \t\r\n", c) >= 0:
		case c == '(':
			stack = append(stack, node{src: &src, start: i, isList: true})
		case c == ')':
			if len(stack) < 2 {
				return nil, fmt.Errorf("unexpected ) at offset %d", i)
			}
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			last.end = i + 1
			parent := &stack[len(stack)-1]
			if !strings.HasPrefix(last.text(), "(@") {
				parent.list = append(parent.list, last)
			}
		default:
			size = atomSize(rest)
			parent := &stack[len(stack)-1]
			parent.list = append(parent.list, node{src: &src, start: i, end: i + size})
		}
		i += size
	}
	if len(stack) > 1 {
		return nil, fmt.Errorf("list at offset %d is not closed", stack[len(stack)-1].start)
	}
	return stack[0].list, nil
}

func blockComment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "(;":
			depth++
			i++
		case ";)":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// atomSize returns the length of the word or string that s starts with.
func atomSize(s string) int {
	inString := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			if inString = !inString; !inString && s[0] == '"' {
				return i + 1
			}
		case !inString && i > 0 && strings.IndexByte(" \t\r\n();", c) >= 0:
			return i
		}
	}
	return len(s)
}

// strs joins the values of the strings among nodes.
func strs(nodes []node) string {
	var all []byte
	for _, n := range nodes {
		if s := n.text(); strings.HasPrefix(s, `"`) {
			all = append(all, unquote(s)...)
		}
	}
	return string(all)
}

// unquote returns the bytes that a string literal stands for.
func unquote(s string) []byte {
	s = s[1 : len(s)-1]
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 't':
			b = append(b, '\t')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case '"', '\'', '\\':
			b = append(b, c)
		case 'u':
			size := strings.IndexByte(s[i:], '}')
			v, _ := strconv.ParseUint(s[i+2:i+size], 16, 32)
			b = utf8.AppendRune(b, rune(v))
			i += size
		default:
			v, _ := strconv.ParseUint(s[i:i+2], 16, 8)
			b = append(b, byte(v))
			i++
		}
	}
	return b
}

// A moduleForm says how a script gives a module.
type moduleForm string

const (
	formText   moduleForm = "text"
	formQuote  moduleForm = "quote"
	formBinary moduleForm = "binary"
)

// A moduleText is a module in a script.
type moduleText struct {
	name       string // $id
	form       moduleForm
	text       string // the text, or the binary
	definition bool   // (module definition …): not instantiated
}

// load parses or decodes the module and checks it.
func (m moduleText) load(name string) (*wat.Module, error) {
	if m.form == formBinary {
		return decode(name, m.text)
	}
	return parse(name, m.text)
}

// moduleOf reads (module $id? definition? (binary | quote)? …).
func moduleOf(n node) moduleText {
	m := moduleText{form: formText, text: n.text()}
	i := 1
	if m.definition = n.atom(i) == "definition"; m.definition {
		word := n.list[i]
		m.text = (*n.src)[n.start:word.start] + (*n.src)[word.end:n.end]
		i++
	}
	if m.name = n.id(i); m.name != "" {
		i++
	}
	if form := moduleForm(n.atom(i)); form == formBinary || form == formQuote {
		m.form, m.text = form, strs(n.list[i+1:])
	}
	return m
}

// moduleFields are the keywords of module fields: a script may also consist of
// the fields of one module.
var moduleFields = []string{"type", "import", "func", "table", "memory", "global", "export", "start", "elem", "data"}

func isModuleField(n node) bool { return slices.Contains(moduleFields, n.head()) }
