package wat

import "math"

// This file reads numbers and lanes behind a mnemonic.

// lane reads a lane number. Which lanes a vector has is a matter of validity;
// here it only has to be a byte.
func (s *scanner) lane() uint64 {
	return uint64(s.natural("lane", math.MaxUint8))
}

func (s *scanner) integer(bits uint) uint64 {
	t := s.tok
	if t.kind != tokNumber {
		s.expected("an integer")
		return 0
	}
	s.advance()
	v, why, ok := parseInt(s.text(t), bits)
	if !ok {
		s.badLiteral(t, why, "an integer", bits)
	}
	return v
}

func (s *scanner) float(f floatFormat) uint64 {
	t := s.tok
	if t.kind != tokNumber && t.kind != tokKeyword {
		s.expected("a float")
		return 0
	}
	s.advance()
	v, why, ok := parseFloat(s.text(t), f)
	if !ok {
		s.badLiteral(t, why, "a float", f.bits)
	}
	return v
}

func (s *scanner) badLiteral(t token, why literalError, what string, bits uint) {
	if why == outOfRange {
		s.fail(ErrLiteral, t.span(), "", "constant %s is out of range of %d bits", s.text(t), bits)
		return
	}
	s.fail(ErrLiteral, t.span(), "", "%s is not %s", s.text(t), what)
}

// shapes are the forms of v128.const: lanes and their width.
var shapes = map[string]struct {
	lanes int
	bits  uint
	float bool
}{
	"i8x16": {16, 8, false}, "i16x8": {8, 16, false}, "i32x4": {4, 32, false}, "i64x2": {2, 64, false},
	"f32x4": {4, 32, true}, "f64x2": {2, 64, true},
}

// vector reads the shape and the lanes of v128.const.
func (s *scanner) vector() uint64 {
	shape, ok := shapes[s.text(s.tok)]
	if s.tok.kind != tokKeyword || !ok {
		s.expected("a shape: i8x16, i16x8, i32x4, i64x2, f32x4 or f64x2")
		s.skipImmediates()
		return s.wide(0, 0)
	}
	s.advance()
	var half [2]uint64
	errs := len(s.rep.errs)
	for i := range shape.lanes {
		if len(s.rep.errs) > errs {
			s.skipImmediates()
			break
		}
		var v uint64
		switch {
		case !shape.float:
			v = s.integer(shape.bits)
		case shape.bits == 32:
			v = s.float(float32Format)
		default:
			v = s.float(float64Format)
		}
		bit := uint(i) * shape.bits
		half[bit/64] |= v << (bit % 64)
	}
	return s.wide(half[0], half[1])
}

// shuffle reads the sixteen lanes of i8x16.shuffle.
func (s *scanner) shuffle() uint64 {
	var half [2]uint64
	for i := range 16 {
		half[i/8] |= s.lane() << (i % 8 * 8)
	}
	return s.wide(half[0], half[1])
}

func (s *scanner) wide(lo, hi uint64) uint64 {
	s.body.Ext = append(s.body.Ext, lo, hi)
	return uint64(len(s.body.Ext) - 2)
}
