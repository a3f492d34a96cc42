package wat

import (
	"math"
	"strconv"
	"strings"
)

// parseUint reads an unsigned integer: digits, decimal or (hex) hexadecimal,
// with single underscores between digits.
func parseUint(s string, hex bool) (v uint64, ok bool) {
	base := uint64(10)
	if hex {
		base = 16
	}
	digitBefore := false
	for i := 0; i < len(s); i++ {
		if s[i] == '_' {
			if !digitBefore || i+1 == len(s) {
				return 0, false
			}
			digitBefore = false
			continue
		}
		d := uint64(hexDigit(s[i]))
		if d >= base {
			return 0, false
		}
		if v > (math.MaxUint64-d)/base {
			return 0, false
		}
		v = v*base + d
		digitBefore = true
	}
	return v, digitBefore
}

// parseNat reads an unsigned integer literal of the text format.
func parseNat(s string) (uint64, bool) {
	if strings.HasPrefix(s, "0x") {
		return parseUint(s[2:], true)
	}
	return parseUint(s, false)
}

// literalError says why a literal cannot be read.
type literalError string

const (
	notANumber literalError = ""
	outOfRange literalError = "out of range"
)

// parseInt reads an integer literal of the given width as the bits of a
// two's-complement number: -2^(bits-1) to 2^bits-1.
func parseInt(s string, bits uint) (uint64, literalError, bool) {
	digits, negative := s, false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		digits, negative = s[1:], s[0] == '-'
	}
	v, ok := parseNat(digits)
	if !ok {
		if isDigits(digits) {
			return 0, outOfRange, false
		}
		return 0, notANumber, false
	}
	if negative {
		if v > 1<<(bits-1) {
			return 0, outOfRange, false
		}
		return -v & (math.MaxUint64 >> (64 - bits)), "", true
	}
	if v > math.MaxUint64>>(64-bits) {
		return 0, outOfRange, false
	}
	return v, "", true
}

// isDigits reports whether s has the form of an unsigned integer, of any size.
func isDigits(s string) bool {
	hex := strings.HasPrefix(s, "0x")
	if hex {
		s = s[2:]
	}
	digit := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_' && digit && i+1 < len(s):
			digit = false
		case hexDigit(s[i]) < 10 || hex && hexDigit(s[i]) < 16:
			digit = true
		default:
			return false
		}
	}
	return digit
}

// floatFormat describes an IEEE 754 binary format by its widths in bits.
type floatFormat struct{ bits, fraction uint }

var (
	float32Format = floatFormat{32, 23}
	float64Format = floatFormat{64, 52}
)

// parseFloat reads a float literal and returns its bits.
func parseFloat(s string, f floatFormat) (uint64, literalError, bool) {
	body, sign := s, uint64(0)
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = 1 << (f.bits - 1)
		}
		body = s[1:]
	}
	exponent := uint64(1)<<(f.bits-1) - uint64(1)<<f.fraction // all ones
	switch {
	case body == "inf":
		return sign | exponent, "", true
	case body == "nan":
		return sign | exponent | 1<<(f.fraction-1), "", true
	case strings.HasPrefix(body, "nan:0x"):
		payload, ok := parseUint(body[len("nan:0x"):], true)
		if !ok && !isDigits(body[len("nan:"):]) {
			return 0, notANumber, false
		}
		if !ok || payload == 0 || payload >= 1<<f.fraction {
			return 0, outOfRange, false
		}
		return sign | exponent | payload, "", true
	}
	digits, ok := goFloat(body)
	if !ok {
		return 0, notANumber, false
	}
	v, err := strconv.ParseFloat(digits, int(f.bits))
	if err != nil || math.IsInf(v, 0) {
		return 0, outOfRange, false
	}
	if f.bits == 32 {
		return sign | uint64(math.Float32bits(float32(v))), "", true
	}
	return sign | math.Float64bits(v), "", true
}

// goFloat checks an unsigned float literal of the text format and returns it as
// strconv.ParseFloat reads it.
func goFloat(s string) (string, bool) {
	hex := strings.HasPrefix(s, "0x")
	mantissa, mark := s, "eE"
	if hex {
		mantissa, mark = s[2:], "pP"
	}
	exponent := ""
	if i := strings.IndexAny(mantissa, mark); i >= 0 {
		mantissa, exponent = mantissa[:i], mantissa[i+1:]
		sign := ""
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			sign, exponent = exponent[:1], exponent[1:]
		}
		if !isDigits(exponent) || strings.HasPrefix(exponent, "0x") {
			return "", false
		}
		exponent = sign + exponent
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	prefix := ""
	if hex {
		prefix = "0x"
	}
	if !isDigits(prefix+whole) || !hex && strings.HasPrefix(whole, "0x") {
		return "", false
	}
	if fraction != "" && (!isDigits(prefix+fraction) || !hex && strings.HasPrefix(fraction, "0x")) {
		return "", false
	}
	if exponent == "" {
		exponent = "0"
	}
	out := prefix + whole + "." + fraction + mark[:1] + exponent
	return strings.ReplaceAll(out, "_", ""), true
}

// FormatFloat32 returns the literal for the bits of an f32: the shortest decimal
// that reads back as the same bits, or nan with its payload.
func FormatFloat32(bits uint32) string {
	return formatFloat(uint64(bits), float32Format, float64(math.Float32frombits(bits)))
}

// FormatFloat64 returns the literal for the bits of an f64.
func FormatFloat64(bits uint64) string {
	return formatFloat(bits, float64Format, math.Float64frombits(bits))
}

func formatFloat(bits uint64, f floatFormat, v float64) string {
	sign := ""
	if bits>>(f.bits-1) != 0 {
		sign = "-"
	}
	fraction := bits & (1<<f.fraction - 1)
	switch {
	case v != v && fraction == 1<<(f.fraction-1):
		return sign + "nan"
	case v != v:
		return sign + "nan:0x" + strconv.FormatUint(fraction, 16)
	case math.IsInf(v, 0):
		return sign + "inf"
	}
	return strconv.FormatFloat(v, 'g', -1, int(f.bits))
}
