package fiberlib

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// assertKinds are all that assertions find.
var assertKinds = []string{
	AssertNotListed, AssertIgnored, AssertNotAdded, AssertNotInOnly, AssertRemoved, AssertSaidNever, AssertIndirect,
	AssertUnwinding, AssertMismatch, AssertRewinding, AssertOverflow,
}

// Each says what has happened, in which function, and what to do, and is explained in the
// document.
func TestAssertionsAreTold(t *testing.T) {
	doc, err := os.ReadFile("../docs/asserts.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, kind := range assertKinds {
		a := AssertNames{1: "work", 2: "env.read"}.Assertion(kind, 1, 2)
		text := a.String()
		if !strings.Contains(text, "$work") || a.Remedy() == "" {
			t.Errorf("%s: %q, %q", kind, text, a.Remedy())
		}
		if other := said[text]; other != "" {
			t.Errorf("%s says the same as %s: %s", kind, other, text)
		}
		said[text] = kind
		if !strings.Contains(string(doc), "| `"+AssertPrefix+kind+"` |") {
			t.Errorf("docs/asserts.md does not explain %s", AssertPrefix+kind)
		}
	}
	for kind, want := range map[string]string{
		AssertNotListed: "a call of env.read suspended in $work, but env.read is not listed",
		AssertOverflow:  "the frame of $work does not fit into the buffer, which lacks 2 bytes for it",
		AssertMismatch:  "in the rewind of $work the buffer has a frame of $env.read instead of its own",
	} {
		if got := (AssertNames{1: "work", 2: "env.read"}).Assertion(kind, 1, 2).String(); got != want {
			t.Errorf("%s says %q, not %q", kind, got, want)
		}
	}
	if got := AssertNames(nil).Assertion(AssertNotListed, 0xabc, 0xdef).Remedy(); got != "--suspend=0xdef" {
		t.Errorf("without names: %s", got)
	}
}

func TestAssertSection(t *testing.T) {
	pieces, _ := EncodeAsserts([]uint32{7, 0xffffffff}, []string{"f", "env.read\n"})
	section := strings.Join(pieces, "")
	names, err := DecodeAsserts(section)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(AssertNames{7: "f", 0xffffffff: "env.read\n"}, names); diff != "" {
		t.Error(diff)
	}
	for n := range section {
		if _, err := DecodeAsserts(section[:n]); err == nil {
			t.Errorf("the first %d bytes are taken for a section", n)
		}
	}
	for _, bad := range []string{section + "\x00", "\x02" + section[1:], "\x01\xff\xff\xff\xff\x0f", "\x01\x01\x80\x80\x80\x80\x80\x80"} {
		if _, err := DecodeAsserts(bad); err == nil {
			t.Errorf("%q is taken for a section", bad)
		}
	}
	if names, err := ReadAsserts([]byte("\x00asm\x01\x00\x00\x00")); err != nil || names != nil {
		t.Errorf("a module without the section has %v, %v", names, err)
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"": "''", "env.read": "env.read", "a b": "'a b'", "it's": `'it'\''s'`, "*f": "'*f'", "$f": "'$f'", "--x=@y": "--x=@y"} {
		if got := ShellWord(word); got != want {
			t.Errorf("%q is written %s, not %s", word, got, want)
		}
	}
}
