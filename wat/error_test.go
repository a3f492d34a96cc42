package wat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
)

type errorCase struct{ text, want string }

type errorGroup struct {
	about string
	cases []errorCase
}

// errorCases are texts with a mistake in them, by what the mistake is in, and all
// the messages that each brings.
var errorCases = slices.Concat(fieldErrors, bodyErrors)

// messages returns the errors of parsing and checking a text, a line each.
func messages(text string) string {
	_, err := parse("in.wat", text)
	var lines []string
	for _, e := range wat.Errors(err) {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// Mistakes, and what a person is told about them.
func TestErrorMessages(t *testing.T) {
	for _, group := range errorCases {
		t.Run(group.about, func(t *testing.T) {
			for _, c := range group.cases {
				if diff := cmp.Diff(c.want, messages(c.text)); diff != "" {
					t.Errorf("%s\n(-want +got):\n%s", c.text, diff)
				}
			}
		})
	}
}

// A message shows the line with carets under what it is about.
func TestErrorDetail(t *testing.T) {
	long := strings.Repeat("nop ", 50)
	for _, c := range []struct{ about, text, want string }{
		{
			"the line, and carets as wide as the word",
			"(module\n  (func $f\n    i32.ad))",
			"in.wat:3:5: unknown instruction i32.ad; did you mean i32.add? [WF103]\n      i32.ad))\n      ^^^^^^",
		},
		{
			"columns count characters, not bytes",
			"(func $f (; ä世 ;) i32.ad)",
			"in.wat:1:19: unknown instruction i32.ad; did you mean i32.add? [WF103]\n  (func $f (; ä世 ;) i32.ad)\n                    ^^^^^^",
		},
		{
			"a tab is one column",
			"(func\r\n\t\tfoo)\r\n",
			"in.wat:2:3: unknown instruction foo [WF103]\n    foo)\n    ^^^",
		},
		{
			"a control character shows as a question mark",
			"(func \x01)",
			"in.wat:1:7: unexpected \"\\x01\", expected an instruction [WF101]\n  (func ?)\n        ^",
		},
		{
			"the end of the text",
			"(module",
			"in.wat:1:8: unexpected end of the text, expected ); the module is never closed [WF101]\n  (module\n         ^",
		},
		{
			"a long line is cut on both sides",
			"(func " + long + "foo " + long + ")",
			"in.wat:1:207: unknown instruction foo [WF103]\n" +
				"  …" + strings.Repeat("nop ", 12) + "foo" + strings.Repeat(" nop", 12) + "…\n" +
				strings.Repeat(" ", 51) + "^^^",
		},
	} {
		_, err := parse("in.wat", c.text)
		if diff := cmp.Diff(c.want, detail(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.about, diff)
		}
	}
}

// What a broken field would define is known all the same, so that one mistake is
// one message.
func TestErrorsDoNotSpread(t *testing.T) {
	text := `(module
  (type $t (func (param i3)))
  (import "env" "f" (fnc $f))
  (func $g (param $x i32) (reslt i32) (local.get $x))
  (global $c (mut i32) (i32.cons 0))
  (memory $m 1 shraed)
  (func $h (type $t) (call $f) (call $g (i32.const 1)) (drop (global.get $c)) (drop (i32.load $m (i32.const 0))))
)`
	want := `in.wat:2:25: unknown type i3 [WF101]
in.wat:3:21: unexpected (fnc, expected (func …), (table …), (memory …) or (global …) [WF101]
in.wat:4:28: unknown instruction reslt; did you mean result? [WF103]
in.wat:5:25: unknown instruction i32.cons; did you mean i32.const? [WF103]
in.wat:6:16: unexpected shraed, expected a number or ) [WF101]`
	if diff := cmp.Diff(want, messages(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A text with many mistakes gives the first MaxErrors, and the same ones in every
// run, however the work is divided.
func TestErrorsAreBoundedAndOrdered(t *testing.T) {
	var text, want strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "(func call $no%d)\n", i)
		if i < wat.MaxErrors {
			fmt.Fprintf(&want, "in.wat:%d:12: unknown function $no%d [WF104]\n", i+1, i)
		}
	}
	for range 10 {
		if diff := cmp.Diff(want.String(), messages(text.String())+"\n"); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

// Misspelled names are compared with those that would be right there.
func TestDidYouMean(t *testing.T) {
	for _, c := range []struct {
		word, want string
		candidates []string
	}{
		{"i32.ad", "did you mean i32.add?", []string{"i32.add", "i32.and"}},
		{"$yeild", "did you mean $yield?", []string{"$yield", "$wield"}},
		{"i64.ctzz", "did you mean i64.ctz?", []string{"i64.clz", "i64.ctz"}},
		{"nothing", "", []string{"like", "it"}},
		{"x", "", []string{"y"}}, // too short to be near anything
	} {
		if got := wat.DidYouMean(c.word, c.candidates); got != c.want {
			t.Errorf("DidYouMean(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
