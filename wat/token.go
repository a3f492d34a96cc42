package wat

import (
	"strings"
	"unicode/utf8"
)

// This file is the lexical grammar of the text format (specification, section
// "Lexical Format"). Three readers share it: the splitter that finds the module
// fields, the token source of the participle grammars, and the scanner of
// function bodies.

type tokenKind uint8

const (
	tokEOF      tokenKind = iota
	tokOpen               // (
	tokClose              // )
	tokKeyword            // starts with a lower-case letter
	tokNumber             // starts with a digit or a sign
	tokID                 // $name or $"name"
	tokString             // "…"
	tokReserved           // a word that is none of the above, and always wrong
)

// token is a range of the text. The zero token is the end of an empty text.
type token struct {
	kind       tokenKind
	start, end int
}

func (t token) span() Span { return Span{t.start, t.end} }

// Classes of bytes.
const (
	classWord  = 1 << iota // idchar of the specification
	classSpace             // space, tab, newline, carriage return
	classGroup             // what skipTo has to look at
)

var class = classify()

func classify() (c [256]uint8) {
	for _, b := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-./:<=>?@\\^_`|~") {
		c[b] |= classWord
	}
	for _, b := range []byte(" \t\n\r") {
		c[b] |= classSpace
	}
	for _, b := range []byte("();\"") {
		c[b] |= classGroup
	}
	return c
}

func isWord(b byte) bool  { return class[b]&classWord != 0 }
func isSpace(b byte) bool { return class[b]&classSpace != 0 }

// tokenizer reads the tokens of src from pos up to end. Whitespace, comments and
// annotations lie between tokens and are skipped.
type tokenizer struct {
	src string
	pos int
	end int
	rep *report

	// annotation, if set, is called with each annotation that is passed.
	annotation func(Span)
	// trivia, if set, is called with each comment and annotation that is passed; a
	// line comment has its newline.
	trivia func(Span)
}

// next returns the next token. A lexical error is reported once and the rest of
// the range skipped.
func (l *tokenizer) next() token {
	if !l.skip() || l.pos >= l.end {
		l.pos = l.end
		return token{tokEOF, l.end, l.end}
	}
	start := l.pos
	switch c := l.src[start]; {
	case c == '(':
		l.pos++
		return token{tokOpen, start, l.pos}
	case c == ')':
		l.pos++
		return token{tokClose, start, l.pos}
	case isWord(c) || c == '"':
		return l.word()
	default:
		_, size := utf8.DecodeRuneInString(l.src[start:])
		l.pos = min(start+size, l.end)
		return token{tokReserved, start, l.pos}
	}
}

// word reads the longest run of word characters and strings.
func (l *tokenizer) word() token {
	start := l.pos
	pieces, quotes := 0, 0 // runs of word characters, strings
	for l.pos < l.end {
		if isWord(l.src[l.pos]) {
			pieces++
			for l.pos < l.end && isWord(l.src[l.pos]) {
				l.pos++
			}
			continue
		}
		if l.src[l.pos] != '"' {
			break
		}
		quotes++
		if !l.skipString() {
			l.pos = l.end
			return token{tokEOF, l.end, l.end}
		}
	}
	return token{wordKind(l.src[start:l.pos], pieces, quotes), start, l.pos}
}

func wordKind(s string, pieces, quotes int) tokenKind {
	switch c := s[0]; {
	case quotes == 1 && pieces == 0:
		return tokString
	case quotes == 1 && pieces == 1 && s[0] == '$' && s[1] == '"':
		return tokID
	case quotes > 0:
		return tokReserved
	case c == '$':
		return tokID
	case c >= 'a' && c <= 'z':
		return tokKeyword
	case c >= '0' && c <= '9' || c == '+' || c == '-':
		return tokNumber
	}
	return tokReserved
}

// skipString moves past the string that starts at pos.
func (l *tokenizer) skipString() bool {
	start := l.pos
	for l.pos++; l.pos < l.end; l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '"':
			l.pos++
			return true
		case c == '\\':
			l.pos++
		case c == '\n':
			l.rep.add(ErrSyntax, Span{start, l.pos}, `close it with a quotation mark; a line break is written \n`, "unclosed string")
			return false
		case c < ' ' || c == 0x7F:
			l.rep.add(ErrSyntax, Span{l.pos, l.pos + 1}, "write it as an escape, such as \\00", "control character in a string")
			return false
		}
	}
	l.rep.add(ErrSyntax, Span{start, min(start+1, l.end)}, "close it with a quotation mark", "unclosed string")
	return false
}

// skip moves past whitespace, comments and annotations. It reports whether what
// it passed was well formed.
func (l *tokenizer) skip() bool {
	for {
		for l.pos < l.end && isSpace(l.src[l.pos]) {
			l.pos++
		}
		if l.pos+1 >= l.end {
			return true
		}
		c := l.src[l.pos]
		if c != '(' && c != ';' {
			return true
		}
		start := l.pos
		switch two := l.src[l.pos+1]; {
		case c == ';' && two == ';':
			l.skipLineComment()
		case c == '(' && two == ';':
			if !l.skipBlockComment() {
				return false
			}
		case c == '(' && two == '@':
			if !l.skipAnnotation() {
				return false
			}
		default:
			return true
		}
		if l.trivia != nil {
			l.trivia(Span{start, l.pos})
		}
	}
}

func (l *tokenizer) skipLineComment() {
	if i := strings.IndexAny(l.src[l.pos:l.end], "\n\r"); i >= 0 {
		l.pos += i + 1
		return
	}
	l.pos = l.end
}

func (l *tokenizer) skipBlockComment() bool {
	start, depth := l.pos, 0
	for l.pos+1 < l.end {
		switch {
		case l.src[l.pos] == '(' && l.src[l.pos+1] == ';':
			depth++
			l.pos += 2
		case l.src[l.pos] == ';' && l.src[l.pos+1] == ')':
			depth--
			l.pos += 2
			if depth == 0 {
				return true
			}
		default:
			l.pos++
		}
	}
	l.pos = l.end
	l.rep.add(ErrSyntax, Span{start, start + 2}, "close it with ;)", "unclosed comment")
	return false
}

// skipAnnotation moves past (@id …), whose inside is any tokens with balanced
// parentheses.
func (l *tokenizer) skipAnnotation() bool {
	start := l.pos
	l.pos += 2
	if l.pos >= l.end || !isWord(l.src[l.pos]) && l.src[l.pos] != '"' {
		l.rep.add(ErrSyntax, Span{start, l.pos}, "an annotation starts with (@name", "empty annotation id")
		return false
	}
	id := l.word()
	if id.kind == tokEOF || l.src[id.start:id.end] == `""` {
		if id.kind != tokEOF {
			l.rep.add(ErrSyntax, id.span(), "an annotation starts with (@name", "empty annotation id")
		}
		return false
	}
	if id.kind == tokString {
		if _, ok := l.name(id); !ok {
			return false
		}
	}
	for depth := 1; depth > 0; {
		change, ok := l.inAnnotation()
		if !ok {
			return false
		}
		if l.pos >= l.end && depth+change > 0 {
			l.rep.add(ErrSyntax, Span{start, start + 2}, "close it with )", "unclosed annotation")
			return false
		}
		depth += change
	}
	if l.annotation != nil {
		l.annotation(Span{start, l.pos})
	}
	return true
}

// inAnnotation moves past one token inside an annotation, if there is one, and
// returns by how much it changes the depth of parentheses.
func (l *tokenizer) inAnnotation() (depth int, ok bool) {
	for l.pos < l.end && isSpace(l.src[l.pos]) {
		l.pos++
	}
	if l.pos >= l.end {
		return 0, true
	}
	c, two, three := l.src[l.pos], at(l.src[:l.end], l.pos+1), at(l.src[:l.end], l.pos+2)
	switch {
	case c == ';' && two == ';':
		l.skipLineComment()
	case c == '(' && two == ';':
		return 0, l.skipBlockComment()
	case c == '(' && two == '@' && !isWord(three) && three != '"':
		// Only the outermost annotation needs an id.
		l.pos += 2
		return 1, true
	case c == '(':
		l.pos++
		return 1, true
	case c == ')':
		l.pos++
		return -1, true
	case isWord(c) || c == '"':
		return 0, l.word().kind != tokEOF
	case strings.IndexByte(",;[]{}", c) >= 0:
		l.pos++
	default:
		l.rep.add(ErrSyntax, Span{l.pos, l.pos + 1}, "", "illegal character in an annotation")
		return 0, false
	}
	return 0, true
}

// skipTo moves past the parenthesis that closes the depth groups open at pos,
// checking nothing but parentheses, strings and comments. It reports whether
// there is such a parenthesis.
func (l *tokenizer) skipTo(depth int) bool {
	for {
		for l.pos < l.end && class[l.src[l.pos]]&classGroup == 0 {
			l.pos++
		}
		if l.pos >= l.end {
			return false
		}
		switch l.src[l.pos] {
		case '(':
			if at(l.src[:l.end], l.pos+1) == ';' {
				if !l.skipBlockComment() {
					return false
				}
				continue
			}
			depth++
		case ')':
			if depth--; depth == 0 {
				l.pos++
				return true
			}
		case '"':
			if !l.skipString() {
				return false
			}
			continue
		case ';':
			if at(l.src[:l.end], l.pos+1) == ';' {
				l.skipLineComment()
				continue
			}
		}
		l.pos++
	}
}

// text returns the characters of a token.
func (l *tokenizer) text(t token) string { return l.src[t.start:t.end] }

// id returns the name that an identifier token stands for, see NameOf: $x and $"x"
// are the same name.
func (l *tokenizer) id(t token) (string, bool) {
	s := l.src[t.start:t.end]
	if len(s) > 1 && s[1] == '"' {
		name, ok := l.name(token{tokString, t.start + 1, t.end})
		if ok && name == "" {
			l.rep.add(ErrSyntax, t.span(), "", "empty identifier")
			return "", false
		}
		return NameOf(name), ok
	}
	if len(s) == 1 {
		l.rep.add(ErrSyntax, t.span(), "", "empty identifier")
		return "", false
	}
	return s[1:], true
}

// at returns byte i of s, or 0 behind its end.
func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}
