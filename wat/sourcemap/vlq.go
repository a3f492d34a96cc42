package sourcemap

import (
	"fmt"
	"strings"
)

// This file writes and reads the mappings of a source map: for each segment the
// differences to the one before, in digits of base 64, the lowest first. A digit has five
// bits and one that says that another follows; the lowest bit of a number is its sign.

const (
	digits   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	moreBit  = 32
	valueMax = 1 << 40 // beyond all offsets and lines
)

func appendNumber(b []byte, n int) []byte {
	u := uint(n) << 1
	if n < 0 {
		u = uint(-n)<<1 | 1
	}
	for u >= moreBit {
		b = append(b, digits[u%moreBit|moreBit])
		u /= moreBit
	}
	return append(b, digits[u])
}

// appendMappings writes segments, in one line.
func appendMappings(b []byte, segments []Segment) []byte {
	var last Segment
	for i, s := range segments {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, s.Offset-last.Offset)
		last.Offset = s.Offset
		if s.Source < 0 {
			continue
		}
		b = appendNumber(b, s.Source-last.Source)
		b = appendNumber(b, s.Line-last.Line)
		b = appendNumber(b, s.Column-last.Column)
		last = s
	}
	return b
}

// parseMappings reads segments that refer to that many sources.
func parseMappings(text string, sources int) ([]Segment, error) {
	if strings.Contains(text, ";") {
		return nil, fmt.Errorf("the source map has several lines, that of a module has one")
	}
	if text == "" {
		return nil, nil
	}
	segments := make([]Segment, 0, 1+strings.Count(text, ","))
	var last Segment
	for word := range strings.SplitSeq(text, ",") {
		if word == "" {
			continue
		}
		fields, n, err := parseSegment(word)
		if err != nil {
			return nil, fmt.Errorf("segment %d of the source map: %w", len(segments), err)
		}
		s := Segment{Offset: last.Offset + fields[0], Source: -1}
		if n > 1 {
			s.Source, s.Line, s.Column = last.Source+fields[1], last.Line+fields[2], last.Column+fields[3]
			if s.Source < 0 || s.Source >= sources || s.Line < 0 || s.Column < 0 || s.Line > valueMax || s.Column > valueMax {
				return nil, fmt.Errorf("segment %d of the source map refers to nothing: source %d, line %d, column %d", len(segments), s.Source, s.Line, s.Column)
			}
			last = s
		}
		if s.Offset < last.Offset || s.Offset < 0 || s.Offset > valueMax || fields[0] < 0 {
			return nil, fmt.Errorf("segment %d of the source map is out of order", len(segments))
		}
		last.Offset = s.Offset
		segments = append(segments, s)
	}
	return segments, nil
}

// parseSegment reads one number, or four, or five with that of a name.
func parseSegment(word string) (fields [5]int, n int, err error) {
	value, shift := 0, 0
	for i := range len(word) {
		digit := strings.IndexByte(digits, word[i])
		if digit < 0 || n == len(fields) || shift > 40 {
			return fields, n, fmt.Errorf("malformed: %.40q", word)
		}
		value |= digit % moreBit << shift
		if shift += 5; digit >= moreBit {
			continue
		}
		fields[n] = value >> 1
		if value&1 != 0 {
			fields[n] = -fields[n]
		}
		n++
		value, shift = 0, 0
	}
	if shift != 0 || n != 1 && n != 4 && n != 5 {
		return fields, n, fmt.Errorf("malformed: %.40q", word)
	}
	return fields, n, nil
}
