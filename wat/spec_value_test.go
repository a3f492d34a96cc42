package wat_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// This file reads the values of scripts, such as (i32.const 7), and compares
// results with them.

// A lane is a number as wide as width bits: all of a scalar, or a lane of a
// vector. As an expectation it may be any NaN of a class.
type lane struct {
	width uint
	bits  uint64
	nan   string // "", "canonical" or "arithmetic"
}

// shapes are the widths of the lanes of vectors.
var shapes = map[string]uint{"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64, "f32x4": 32, "f64x2": 64}

// lanes reads a number or vector.
func lanes(n node) ([]lane, error) {
	word := n.head()
	switch word {
	case "i32.const", "i64.const", "f32.const", "f64.const":
		width := uint(32)
		if word[1:3] == "64" {
			width = 64
		}
		l, err := literal(n.atom(1), width, word[0] == 'f')
		return []lane{l}, err
	case "v128.const":
		shape := n.atom(1)
		var all []lane
		for i := range n.list[2:] {
			l, err := literal(n.atom(2+i), shapes[shape], shape[0] == 'f')
			if err != nil {
				return nil, err
			}
			all = append(all, l)
		}
		return all, nil
	}
	return nil, fmt.Errorf("line %d: no number: %s", n.line(), n.text())
}

// literal reads a number literal.
func literal(s string, width uint, float bool) (lane, error) {
	l := lane{width: width}
	if class, ok := strings.CutPrefix(s, "nan:"); ok && !strings.HasPrefix(class, "0x") {
		l.nan = class
		return l, nil
	}
	if strings.HasSuffix(s, "_") || strings.Contains(s, "__") || strings.Contains(s, "x_") {
		return l, fmt.Errorf("%s: an underscore that is not between digits", s)
	}
	digits := strings.ReplaceAll(strings.TrimLeft(s, "+-"), "_", "")
	var err error
	if float {
		l.bits, err = floatBits(digits, width)
		if s[0] == '-' {
			l.bits |= 1 << (width - 1)
		}
		return l, err
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		digits, base = hex, 16
	}
	l.bits, err = strconv.ParseUint(digits, base, 64)
	most := uint64(math.MaxUint64) >> (64 - width)
	if s[0] == '-' {
		most = 1 << (width - 1)
	}
	if err == nil && l.bits > most {
		err = fmt.Errorf("%s: out of range of %d bits", s, width)
	}
	if s[0] == '-' {
		l.bits = -l.bits & (math.MaxUint64 >> (64 - width))
	}
	return l, err
}

// floatBits returns the bits of an unsigned float literal.
func floatBits(s string, width uint) (uint64, error) {
	fraction := uint(52)
	if width == 32 {
		fraction = 23
	}
	infinity := uint64(1)<<(width-1) - uint64(1)<<fraction
	payload, hasPayload := strings.CutPrefix(s, "nan:0x")
	switch {
	case s == "inf":
		return infinity, nil
	case s == "nan":
		return infinity | 1<<(fraction-1), nil
	case hasPayload:
		v, err := strconv.ParseUint(payload, 16, int(fraction))
		if v == 0 && err == nil {
			err = fmt.Errorf("%s: no payload", s)
		}
		return infinity | v, err
	case strings.HasPrefix(s, "0x") && !strings.ContainsAny(s, "pP"):
		s += "p0"
	}
	v, err := strconv.ParseFloat(s, int(width))
	if width == 32 {
		return uint64(math.Float32bits(float32(v))), err
	}
	return math.Float64bits(v), err
}

// argument returns a value as wazero takes it: a vector is two words, a
// reference to host object n is n+1, since 0 is null.
func argument(n node) ([]uint64, error) {
	switch n.head() {
	case "ref.null":
		return []uint64{0}, nil
	case "ref.extern", "ref.host":
		v, err := strconv.ParseUint(n.atom(1), 10, 32)
		return []uint64{v + 1}, err
	}
	all, err := lanes(n)
	words := make([]uint64, 1, 2)
	bit := uint(0)
	for _, l := range all {
		if bit == 64 {
			words = append(words, 0)
			bit = 0
		}
		words[len(words)-1] |= l.bits << bit
		bit += l.width
	}
	return words, err
}

// results says how words, as wazero returns them, differ from what is expected;
// "" if they do not.
func results(want []node, words []uint64) string {
	at := 0
	for _, n := range want {
		size := 1
		if n.head() == "v128.const" {
			size = 2
		}
		if at+size > len(words) {
			return fmt.Sprintf("only %d words of results", len(words))
		}
		if !matches(n, words[at:at+size]) {
			return fmt.Sprintf("result %#x, want %s", words[at:at+size], n.text())
		}
		at += size
	}
	if at != len(words) {
		return fmt.Sprintf("%d words of results, want %d", len(words), at)
	}
	return ""
}

func matches(want node, words []uint64) bool {
	switch want.head() {
	case "ref.null":
		return words[0] == 0
	case "ref.func":
		return words[0] != 0
	case "ref.extern":
		if want.atom(1) == "" {
			return words[0] != 0
		}
		v, err := argument(want)
		return err == nil && words[0] == v[0]
	}
	all, err := lanes(want)
	if err != nil {
		return false
	}
	bit := uint(0)
	for _, l := range all {
		got := words[bit/64] >> (bit % 64) & (math.MaxUint64 >> (64 - l.width))
		if !l.matches(got) {
			return false
		}
		bit += l.width
	}
	return true
}

func (l lane) matches(bits uint64) bool {
	if l.nan == "" {
		return bits == l.bits
	}
	quiet := uint64(0x7FC00000)
	if l.width == 64 {
		quiet = 0x7FF8000000000000
	}
	bits &^= 1 << (l.width - 1)
	if l.nan == "canonical" {
		return bits == quiet
	}
	return bits&quiet == quiet
}
