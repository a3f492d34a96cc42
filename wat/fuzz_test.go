package wat_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// addTexts gives a fuzz target the texts of the tables in these tests.
func addTexts(f *testing.F) {
	for _, group := range errorCases {
		for _, c := range group.cases {
			f.Add(c.text)
		}
	}
	for _, c := range abbreviations {
		f.Add(c.short)
		f.Add(c.long)
	}
	for _, c := range lexicalForms {
		f.Add(c.text)
	}
	f.Add(everyName)
	f.Add(`(@custom "x" (after code) "y") (func)`)
}

// Any text is either a module that comes back the same from every other form, or
// brings errors that are in the text.
func FuzzParse(f *testing.F) {
	addTexts(f)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse("in.wat", text)
		if err != nil {
			checkErrors(t, text, err)
			return
		}
		if err := roundTrip(m); err != nil {
			t.Error(err)
		}
	})
}

// checkErrors fails if an error is not about a place in the text, or cannot be
// shown.
func checkErrors(t *testing.T, text string, err error) {
	t.Helper()
	errs := wat.Errors(err)
	if len(errs) == 0 || len(errs) > wat.MaxErrors {
		t.Errorf("%d errors: %v", len(errs), err)
	}
	for _, e := range errs {
		if e.Span.Start < 0 || e.Span.Start > e.Span.End || e.Span.Start > len(text) {
			t.Errorf("%s: no place in the text: %v", e.Msg, e.Span)
		}
		if e.Msg == "" || e.Code == "" || strings.Contains(e.Error()+e.Detail(), "%!") && !strings.Contains(text, "%!") {
			t.Errorf("incomplete error %#v", e)
		}
	}
}

// fuzzContext is a module with something of every kind for a body to refer to.
const fuzzContext = `
	(type $t (func (param i32 i64) (result i32)))
	(import "m" "f" (func $import (type $t)))
	(import "m" "g" (global $gi i32))
	(table $a 2 funcref) (table $b 1 externref) (memory $m 1)
	(global $gm (mut f64) (f64.const 0))
	(elem $e declare func $f) (data $d "xyz")
	(func $f (param $x i32) (param $y v128) (result i32) (local $z funcref)
`

// Any body, in a function that has everything to refer to.
func FuzzScan(f *testing.F) {
	for _, group := range errorCases {
		for _, c := range group.cases {
			if body, ok := strings.CutPrefix(c.text, "(func "); ok {
				f.Add(strings.TrimSuffix(body, ")"))
			}
		}
	}
	for _, c := range instructionAbbreviations {
		f.Add(c.short)
		f.Add(c.long)
	}
	f.Fuzz(func(t *testing.T, body string) {
		text := fuzzContext + body + "\n)"
		m, err := parse("in.wat", text)
		if err != nil {
			checkErrors(t, text, err)
			return
		}
		if err := roundTrip(m); err != nil {
			t.Error(err)
		}
	})
}

// Any bytes are either a module that comes back the same, or bring an error; and
// reading them takes memory in proportion to their number.
func FuzzDecode(f *testing.F) {
	for _, c := range abbreviations {
		addBinary(f, c.long)
	}
	for _, c := range instructionAbbreviations {
		addBinary(f, abbreviationContext+"(func "+c.long+")")
	}
	addBinary(f, everyName)
	addBinary(f, `(@custom "x" (after code) "y") (@custom "producers" "z") (func)`)
	f.Fuzz(func(t *testing.T, code []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := binary.Decode("in.wasm", string(code))
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+1000*len(code)); used > most {
			t.Errorf("%d bytes of memory for a binary of %d", used, len(code))
		}
		if err == nil {
			err = check.Module(m)
		}
		if err != nil {
			checkErrors(t, string(code), err)
			return
		}
		if declaresFewLocals(m) {
			if err := roundTrip(m); err != nil {
				t.Error(err)
			}
		}
	})
}

func addBinary(f *testing.F, text string) {
	m, err := wat.Parse("in.wat", text)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(binary.Encode(m))
}

// declaresFewLocals reports whether the text of a module, in which every local is
// spelled out, is not very much longer than its binary.
func declaresFewLocals(m *wat.Module) bool {
	n := 0
	for _, f := range m.Funcs {
		n += f.NumLocals()
	}
	return n < 1<<16
}
