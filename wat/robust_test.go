package wat_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// sample is a module with a bit of everything: what breaks it should break no
// reader.
const sample = everyName

// A text or binary that stops anywhere brings an error at a place, no panic.
func TestTruncation(t *testing.T) {
	code := string(binary.Encode(mustParse(t, sample)))
	for n := 1; n < len(strings.TrimSpace(sample)); n++ {
		if _, err := parse("in.wat", sample[:n]); err == nil {
			t.Errorf("text of %d bytes: no error", n)
		} else {
			checkErrors(t, sample[:n], err)
		}
	}
	for n := range len(code) {
		if _, err := decode("in.wasm", code[:n]); err != nil {
			checkErrors(t, code[:n], err)
		} else if !endsSection(code[:n]) {
			t.Errorf("binary of %d bytes: no error", n)
		}
	}
}

// endsSection reports whether a binary consists of whole sections, and has no
// function without its body.
func endsSection(code string) bool {
	at := 8
	for at < len(code) {
		at += 2 + int(code[at+1]) // one byte is enough for the sizes here
	}
	return at == len(code)
}

// A text or binary with one bit changed is another module, or brings an error.
func TestBitFlips(t *testing.T) {
	for i := range len(sample) {
		for bit := range 8 {
			text := sample[:i] + string(sample[i]^1<<bit) + sample[i+1:]
			if m, err := parse("in.wat", text); err != nil {
				checkErrors(t, text, err)
			} else if err := roundTrip(m); err != nil {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
	code := binary.Encode(mustParse(t, sample))
	for i := range code {
		for bit := range 8 {
			code[i] ^= 1 << bit
			if m, err := decode("in.wasm", string(code)); err != nil {
				checkErrors(t, string(code), err)
			} else if declaresFewLocals(m) {
				if err := roundTrip(m); err != nil {
					t.Errorf("bit %d of byte %d: %v", bit, i, err)
				}
			}
			code[i] ^= 1 << bit
		}
	}
}

const deep = 100_000

// Nesting costs memory in proportion to the text, no stack.
func TestDeepNesting(t *testing.T) {
	repeat := strings.Repeat
	for _, c := range []struct{ about, text, want string }{
		{"parentheses that are never closed", repeat("(", deep), "expected the keyword of a module field behind ("},
		{"parentheses in a field", "(memory " + repeat("(", deep) + repeat(")", deep) + ")", "unexpected (, expected"},
		{"parentheses in a body", "(func " + repeat("(", deep) + repeat(")", deep) + ")", "expected an instruction behind ("},
		{"closing parentheses", "(func" + repeat(")", deep), "unexpected ), expected a module field"},
		{"comments", repeat("(;", deep) + repeat(";)", deep) + "(func)", ""},
		{"comments that are never closed", repeat("(;", deep), "unclosed comment"},
		{"annotations", repeat("(@a ", deep) + repeat(")", deep) + "(func)", ""},
		{"operands", "(func " + repeat("(i32.eqz ", deep) + "(i32.const 1)" + repeat(")", deep) + "drop)", ""},
		{"blocks", "(func " + repeat("block ", deep) + repeat("end ", deep) + ")", ""},
		{"blocks without end", "(func " + repeat("block ", deep) + ")", "unclosed block"},
		{"blocks in parentheses", "(func " + repeat("(block $x ", deep) + "(br 99999)" + repeat(")", deep) + ")", ""},
		{"ifs in parentheses", "(func " + repeat("(if (i32.const 0) (then ", deep) + repeat("))", deep) + ")", ""},
		{"ifs of the old form", "(func " + repeat("(if (i32.const 0) ", deep) + "(nop)" + repeat(")", deep) + ")", ""},
		{"ifs of the old form in the condition", "(func (drop " + repeat("(if (result i32) ", deep) + "(i32.const 1)" +
			repeat(" (i32.const 1) (i32.const 0))", deep) + "))", ""},
	} {
		m, err := parse("in.wat", c.text)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %.200s, want %s", c.about, fmt.Sprint(err), c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %.200s", c.about, err.Error())
			continue
		}
		if _, err := decode("in.wasm", string(binary.Encode(m))); err != nil {
			t.Errorf("%s, encoded: %v", c.about, err)
		}
		if len(wat.Print(m)) < 10 {
			t.Errorf("%s: nothing is printed", c.about)
		}
	}
}

// A few bytes that announce very much are refused before room is made for it.
func TestHugeCounts(t *testing.T) {
	const many = "\xff\xff\xff\xff\x0f" // 2^32-1
	header := binary.Magic + "\x01\x00\x00\x00"
	function := "\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00"
	body := func(code string) string {
		return function + fmt.Sprintf("\x0a%c\x01%c%s", len(code)+2, len(code), code)
	}
	section := func(id byte, contents string) string { return fmt.Sprintf("%c%c%s", id, len(contents), contents) }
	for name, code := range map[string]string{
		"a section":            "\x01" + many,
		"types":                section(1, many),
		"parameters":           section(1, "\x01\x60"+many),
		"imports":              section(2, many),
		"functions":            section(3, many),
		"tables":               section(4, many),
		"globals":              section(6, many),
		"exports":              section(7, many),
		"a name":               section(7, "\x01"+many),
		"element segments":     section(9, many),
		"functions in an elem": section(9, "\x01\x01\x00"+many),
		"elements in an elem":  section(9, "\x01\x05\x70"+many),
		"data segments":        section(11, many),
		"bytes of data":        section(11, "\x01\x01"+many),
		"bodies":               function + section(10, many),
		"a body":               function + section(10, "\x01"+many),
		"groups of locals":     body(many),
		"locals":               body("\x01" + many + "\x7f\x0b"),
		"labels":               body("\x00\x0e" + many),
		"types of select":      body("\x00\x1c" + many),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := binary.Decode("in.wasm", header+code)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<16 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
	}
}

// Four times the text takes about four times the memory, whatever there is much
// of. What takes time without memory would not end here: the texts are large.
func TestLinear(t *testing.T) {
	repeat := strings.Repeat
	for _, c := range []struct {
		about string
		text  func(n int) string
	}{
		{"fields", func(n int) string { return repeat("(func)", n) }},
		{"data segments", func(n int) string { return "(memory 1)" + repeat(`(data (i32.const 0) "x")`, n) }},
		{"strings", func(n int) string { return "(memory 1)(data (i32.const 0)" + repeat(` "x\00"`, n) + ")" }},
		{"functions in a segment", func(n int) string { return "(func $f)(elem func" + repeat(" $f", n) + ")" }},
		{"expressions in a segment", func(n int) string { return "(func $f)(elem funcref" + repeat(" (ref.func $f)", n) + ")" }},
		{"parameters", func(n int) string { return "(func" + repeat(" (param i32)", n) + ")" }},
		{"locals", func(n int) string { return "(func" + repeat(" (local i32)", n) + ")" }},
		{"named locals", func(n int) string { return "(func" + numbered(n, " (local $v%d i32)") + ")" }},
		{"names", func(n int) string { return numbered(n, "(func $f%d (call $f0))") }},
		{"types in line", func(n int) string {
			return "(table 1 funcref)" + repeat("(func (call_indirect (param i32) (i32.const 0) (i32.const 0)))", n)
		}},
		{"types by number", func(n int) string { return "(func (param i32))" + repeat("(func (type 0) (local $x i32))", n) }},
		{"labels of a br_table", func(n int) string { return "(func (br_table" + repeat(" 0", n) + " (i32.const 0)))" }},
		{"labels with many results", func(n int) string {
			return "(type $t (func (result" + repeat(" i32", n/10) + ")))(func (type $t)" + repeat("(block (type $t) ", n/10) +
				"unreachable (br_table" + numbered(n/10, " %d") + ")" + repeat(")", n/10) + ")"
		}},
		{"blocks", func(n int) string { return "(func " + repeat("block $x ", n) + repeat("end ", n) + ")" }},
		{"ifs of the old form", func(n int) string { return "(func " + repeat("(if (i32.const 0) ", n) + "(nop)" + repeat(")", n) + ")" }},
		{"comments", func(n int) string { return "(func " + repeat("nop (; ;) ;;\n", n) + ")" }},
		{"large and small functions", func(n int) string {
			return "(func" + numbered(n, " (local $v%d i32)") + ")" + repeat("(func (local $x i32))", n)
		}},
		{"unknown names", func(n int) string { return numbered(n, "(func $f%d (call $nope))") }},
		{"unknown instructions", func(n int) string { return repeat("(func i32.addd)", n) }},
		{"broken fields", func(n int) string { return repeat("(memory x)", n) }},
	} {
		one, four := memoryFor(c.text(2500)), memoryFor(c.text(10000))
		if ratio := float64(four) / float64(one); ratio > 6 {
			t.Errorf("%s: four times as much takes %.1f times the memory, %d and %d bytes", c.about, ratio, one, four)
		}
	}
}

// numbered repeats a format with the numbers from 0 to n-1.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// memoryFor returns how many bytes are allocated while a text is read, checked and
// written in both formats.
func memoryFor(text string) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if m, err := wat.Parse("in.wat", text); err == nil && check.Module(m) == nil {
		wat.Print(m)
		binary.Decode("in.wasm", string(binary.Encode(m)))
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
