package wat

import (
	"strings"
	"unicode/utf8"
)

// This file reads and writes string literals.

// name returns the value of a string token that has to be valid UTF-8.
func (l *tokenizer) name(t token) (string, bool) {
	s, ok := l.str(t)
	if ok && !utf8.ValidString(s) {
		l.rep.add(ErrLiteral, t.span(), "names are Unicode text", "malformed UTF-8 encoding")
		return "", false
	}
	return s, ok
}

// str returns the value of a string token: escapes replaced.
func (l *tokenizer) str(t token) (string, bool) {
	body := l.src[t.start+1 : t.end-1]
	if strings.IndexByte(body, '\\') < 0 {
		return body, true
	}
	buf := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		next := strings.IndexByte(body[i:], '\\')
		if next < 0 {
			buf = append(buf, body[i:]...)
			break
		}
		buf = append(buf, body[i:i+next]...)
		i += next
		size := 0
		if buf, size = unescape(buf, body[i:]); size == 0 {
			at := t.start + 1 + i
			l.rep.add(ErrLiteral, Span{at, at + 2}, `the escapes are \t \n \r \" \' \\ \u{hex} and two hex digits`, "invalid escape in a string")
			return "", false
		}
		i += size
	}
	return string(buf), true
}

// unescape appends the value of the escape that s starts with and returns its
// length, 0 if it is none.
func unescape(buf []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return buf, 0
	}
	switch s[1] {
	case 't':
		return append(buf, '\t'), 2
	case 'n':
		return append(buf, '\n'), 2
	case 'r':
		return append(buf, '\r'), 2
	case '"', '\'', '\\':
		return append(buf, s[1]), 2
	case 'u':
		close := strings.IndexByte(s, '}')
		if len(s) < 5 || s[2] != '{' || close < 4 {
			return buf, 0
		}
		v, ok := parseUint(s[3:close], true)
		if !ok || v > utf8.MaxRune || v >= 0xD800 && v < 0xE000 {
			return buf, 0
		}
		return utf8.AppendRune(buf, rune(v)), close + 1
	}
	if hi, lo := hexDigit(s[1]), hexDigit(at(s, 2)); hi < 16 && lo < 16 {
		return append(buf, hi<<4|lo), 3
	}
	return buf, 0
}

// hexDigit returns the value of a hexadecimal digit, or 255.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// Quote returns s as a string literal of the text format. Bytes that are not
// printable text are escaped.
func Quote(s string) string { return string(appendQuoted(nil, s)) }

// OneLine returns s as a comment or message can have it: escaped like a string literal,
// without the quotes.
func OneLine(s string) string {
	quoted := Quote(s)
	return quoted[1 : len(quoted)-1]
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a string literal; characters of Unicode text stay
// readable.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', s[i])
		case r < ' ' || r == 0x7F || r == utf8.RuneError && size == 1:
			b = append(b, '\\', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}

// QuoteBytes returns s as a string literal in which only printable ASCII characters
// stand for themselves.
func QuoteBytes(s string) string { return string(appendQuotedBytes(nil, s)) }

// appendQuotedBytes appends s as a string literal in which only printable ASCII
// characters stand for themselves.
func appendQuotedBytes(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7F:
			b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
