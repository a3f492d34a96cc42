package wat_test

import (
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// lexicalForms are modules, for lexical reasons that are easy to get wrong.
var lexicalForms = []struct{ about, text string }{
	{"nothing at all", ""},
	{"only space, of every kind", " \t\r\n"},
	{"no module around the fields", "(func) (memory 1)"},
	{"a line comment to the end of the text", "(func) ;; the end"},
	{"a line comment ends at a carriage return too", "(func ;; one\r nop)"},
	{"block comments nest", "(func (; a (; b ;) ;; c ;) nop)"},
	{"a block comment holds anything", "(func (; \" ) $ \x01 ;) nop)"},
	{"comments where there is no space", "(func(;a;)$f(;b;)(;c;)nop(;d;))"},
	{"no space between groups", `(func(export "a")(param $x i32)(result i32)(local.get $x))`},
	{"a parenthesis and a semicolon in a string", `(memory 1)(data (i32.const 0) ") (; ;) ;;")`},
	{"every escape in a string", `(memory 1)(data (i32.const 0) "\t\n\r\"\'\\\00\ff\u{41}\u{10FFFF}\u{1_0}")`},
	{"annotations are passed over", "(@a b (c \"d)\" ;; e\n) (; f ;) ,;{}[]) (func (@x) nop (@\"y\" z))"},
	{"annotations behind parentheses", "((@a) func (@b) $f ((@c) param i32) ((@d) nop))"},
	{"numbers with underscores", "(func (drop (i32.const 1_000)) (drop (f64.const 0x1_0.8_0p1_0)))"},
	{"numbers with signs", "(func (drop (i32.const +1)) (drop (i32.const -0x8000_0000)) (drop (f32.const -nan:0x200000)))"},
	{"floats without a fraction", "(func (drop (f32.const 1.)) (drop (f32.const 0x1.p2)) (drop (f64.const 1e+3)) (drop (f64.const inf)))"},
	{"identifiers of all characters", "(func $!#$%&'*+-./:<=>?@\\^_`|~09azAZ)"},
	{"an identifier with a quoted name", `(func $"any (thing) ;; at all" (call $"any (thing) ;; at all"))`},
	{"an escape of wasm-dis in an identifier", `(func $a\28b\29 (call $a\28b\29))`},
	{"hexadecimal indices", "(func (call 0x0))"},
}

func TestLexicalForms(t *testing.T) {
	for _, c := range lexicalForms {
		if _, err := parse("in.wat", c.text); err != nil {
			t.Errorf("%s: %q\n%s", c.about, c.text, detail(err))
		}
	}
}

// Texts that are none, for lexical reasons, with the start of the message.
func TestLexicalErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"(func) (", "1:9: expected the keyword of a module field"},
		{"(func $x$y z)", "1:12: unknown instruction z"},
		{"(func nop;;\n) )", "2:3: unexpected ), expected a module field"},
		{"(func nop;)", "1:10: unexpected ;, expected an instruction"},
		{`(func(export"a"))`, "1:7: expected an instruction behind ("}, // export"a" is one word
		{`(func $x"y")`, `1:7: unexpected $x"y", expected an instruction`},
		{`(func "a""b")`, `1:7: unexpected "a""b", expected an instruction`},
		{"(data \"a\nb\")", "1:7: unclosed string"},
		{"(data \"a\tb\")", "1:9: control character in a string"},
		{"(data \"a\x7fb\")", "1:9: control character in a string"},
		{`(data "\")`, "1:7: unclosed string"},
		{`(data "\u{110000}")`, "1:8: invalid escape"},
		{`(data "\u{}")`, "1:8: invalid escape"},
		{`(data "\u41")`, "1:8: invalid escape"},
		{`(data "\a")`, "1:8: invalid escape"},
		{`(func $"\ff")`, "1:8: malformed UTF-8 encoding"},
		{`(export "\80" (func 0))`, "1:9: malformed UTF-8 encoding"},
		{"(func \x80)", "1:7: malformed UTF-8 encoding"},
		{"(func ä)", "1:7: unexpected ä, expected an instruction"},
		{"(func \u200b)", `1:7: unexpected "\u200b", expected an instruction`},
		{"(func (drop (i32.const 1__0)))", "1:24: 1__0 is not an integer"},
		{"(func (drop (i32.const _1)))", "1:24: expected an integer, not _1"},
		{"(func (drop (i32.const 0x_1)))", "1:24: 0x_1 is not an integer"},
		{"(func (drop (i32.const 0X1)))", "1:24: 0X1 is not an integer"},
		{"(func (drop (i32.const 1a)))", "1:24: 1a is not an integer"},
		{"(func (drop (i32.const +-1)))", "1:24: +-1 is not an integer"},
		{"(func (drop (f32.const .5)))", "1:24: expected a float, not .5"},
		{"(func (drop (f32.const 1e)))", "1:24: 1e is not a float"},
		{"(func (drop (f32.const 0x1p0x1)))", "1:24: 0x1p0x1 is not a float"},
		{"(func (drop (f32.const 1p1)))", "1:24: 1p1 is not a float"},
		{"(func (drop (f32.const nan:1)))", "1:24: nan:1 is not a float"},
		{"(func (drop (f32.const nan:0x800000)))", "1:24: constant nan:0x800000 is out of range"},
		{"(func (drop (f32.const 0x1p128)))", "1:24: constant 0x1p128 is out of range"},
		{"(func (drop (f32.const 340282356779733661637539395458142568448)))", "1:24: constant 3402823567797336616375393954581425…"},
		{"(func i32.load offset = 4)", "1:16: unknown instruction offset"},
		{"(@", "1:1: empty annotation id"},
		{"(@x", "1:1: unclosed annotation"},
		{"(@x \x01)", "1:5: illegal character in an annotation"},
	} {
		got := messages(c.text)
		if !strings.HasPrefix(got, "in.wat:"+strings.TrimSuffix(c.want, "…")) {
			t.Errorf("%q:\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

// Number literals and the bits they stand for.
func TestNumberLiterals(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{
		{"i32.const 4294967295", 0xFFFFFFFF},
		{"i32.const -1", 0xFFFFFFFF},
		{"i32.const -2147483648", 0x80000000},
		{"i32.const 0xABCD_ef01", 0xABCDEF01},
		{"i64.const -1", 0xFFFFFFFFFFFFFFFF},
		{"i64.const -9223372036854775808", 0x8000000000000000},
		{"i64.const 0xFFFF_FFFF_FFFF_FFFF", 0xFFFFFFFFFFFFFFFF},
		{"f32.const 0", 0},
		{"f32.const -0.0", 0x80000000},
		{"f32.const 1.5e1", 0x41700000},
		{"f32.const 0x1.fffffep127", 0x7F7FFFFF},
		{"f32.const 0x1p-149", 1},
		{"f32.const 0x1p-150", 0},        // half of the smallest: to even
		{"f32.const 0x1.000001p-150", 1}, // more than half
		{"f32.const inf", 0x7F800000},
		{"f32.const -inf", 0xFF800000},
		{"f32.const nan", 0x7FC00000},
		{"f32.const -nan:0x1", 0xFF800001},
		{"f32.const nan:0x7f_ffff", 0x7FFFFFFF},
		{"f64.const 0.1", 0x3FB999999999999A},
		{"f64.const 1.7976931348623157e308", 0x7FEFFFFFFFFFFFFF},
		{"f64.const 0x0.0000000000001p-1022", 1},
		{"f64.const nan:0x4000000000000", 0x7FF4000000000000},
		{"f64.const 0123456789", 0x419D6F3454000000}, // no octal
	} {
		m, err := wat.Parse("in.wat", "(func "+c.text+" drop)")
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := m.Funcs[0].Body().Instrs[0].Imm; got != c.want {
			t.Errorf("%s: %#x, want %#x", c.text, got, c.want)
		}
	}
}

// Floats print as literals that read back as the same bits.
func TestFormatFloat(t *testing.T) {
	for _, c := range []struct {
		bits uint32
		want string
	}{
		{0, "0"}, {0x80000000, "-0"}, {0x3F800000, "1"}, {0x3DCCCCCD, "0.1"}, {1, "1e-45"},
		{0x7F7FFFFF, "3.4028235e+38"}, {0x7F800000, "inf"}, {0xFF800000, "-inf"},
		{0x7FC00000, "nan"}, {0xFFC00000, "-nan"}, {0x7F800001, "nan:0x1"}, {0xFFFFFFFF, "-nan:0x7fffff"},
	} {
		if got := wat.FormatFloat32(c.bits); got != c.want {
			t.Errorf("FormatFloat32(%#x) = %s, want %s", c.bits, got, c.want)
		}
	}
	for _, bits := range []uint64{0, 1, 1 << 63, 0x3FB999999999999A, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF8000000000000, 0x7FF0000000000001} {
		m, err := wat.Parse("in.wat", "(func f64.const "+wat.FormatFloat64(bits)+" drop)")
		if err != nil {
			t.Errorf("%#x: %v", bits, err)
			continue
		}
		if in := m.Funcs[0].Body().Instrs[0]; in.Op != op.F64Const || in.Imm != bits {
			t.Errorf("FormatFloat64(%#x) = %s reads back as %#x", bits, wat.FormatFloat64(bits), in.Imm)
		}
	}
}

// A carriage return alone ends a line as well.
func TestCarriageReturns(t *testing.T) {
	m, err := wat.Parse("in.wat", "(module ;; one\r  (func) ;; two\r\n)")
	if err != nil {
		t.Fatal(err)
	}
	if want := "(module ;; one\n  (func) ;; two\r\n)"; len(m.Funcs) != 1 || m.Source.Text != want {
		t.Errorf("%d functions in %q, not 1 in %q", len(m.Funcs), m.Source.Text, want)
	}
	_, err = wat.Parse("in.wat", "(module\r  (func nope))")
	if err == nil || !strings.HasPrefix(err.Error(), "in.wat:2:9:") {
		t.Errorf("the error is not in line 2: %v", err)
	}
}
