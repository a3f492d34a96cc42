package wat

import "unicode/utf8"

// This file writes string literals.

// Quote returns s as a string literal of the text format. Bytes that are not
// printable text are escaped.
func Quote(s string) string { return string(appendQuoted(nil, s)) }

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
