package fiberlib

import (
	"fmt"
	"strings"
)

// AssertSection is the name of the custom section with the names of the functions that
// the assertions of a module are about.
//
//	version, 1
//	n functions: the word that stands for it, its name
//
// Numbers are in LEB128 without sign; a string is its length, its bytes and a zero.
const AssertSection = "watfiber.asserts"

const assertVersion = 1

// AssertGlobals are the exported globals that say after a trap in an assertion which
// function it is about, and what that has called, or another number: words that the
// section has names for.
var AssertGlobals = [2]string{"fiber.assert.function", "fiber.assert.callee"}

// AssertPrefix is what the names of the functions begin with that assertions trap in.
const AssertPrefix = "fiber.assert."

// What assertions find: the names of the functions that they trap in, without
// AssertPrefix.
const (
	AssertNotListed = "not_listed"           // an import has suspended that is not listed
	AssertIgnored   = "imports_ignored"      // an import has suspended, and imports are said not to
	AssertNotAdded  = "not_added"            // a listed function has suspended, and its caller is not listed
	AssertNotInOnly = "not_in_only"          // the function is not in the list of the only ones
	AssertRemoved   = "removed"              // a list says that it never suspends
	AssertSaidNever = "said_never"           // the source says that it never suspends
	AssertIndirect  = "indirect"             // a call through a table has suspended that is said not to
	AssertUnwinding = "called_in_an_unwind"  // an instrumented function was called between an unwind's start and end
	AssertMismatch  = "frame_mismatch"       // a frame is not one of the function that takes it
	AssertRewinding = "returned_in_a_rewind" // a call has returned and not ended the rewind that has led to it
	AssertOverflow  = "overflow"             // a frame does not fit into the buffer
)

// An Assertion is what has failed in a module that was built with assertions.
type Assertion struct {
	Kind     string // one of the constants
	Function string // in which function
	// Callee is what that has called, "" for a function from a table. Of a frame that does
	// not match, it is the function that the frame belongs to, "" if it is no frame.
	Callee string
	// Bytes is what AssertOverflow tells: how many the buffer lacks, for this frame.
	Bytes uint32
}

// String says what has happened.
func (a Assertion) String() string {
	call := "a call through a table"
	if a.Callee != "" {
		call = "a call of " + a.Callee
	}
	in := " suspended in $" + a.Function
	switch a.Kind {
	case AssertNotListed:
		return call + in + ", but " + a.Callee + " is not listed"
	case AssertIgnored:
		return call + in + ", but imports are said never to suspend"
	case AssertNotAdded:
		return call + in + ", which is not instrumented: nothing shows that it may suspend"
	case AssertNotInOnly:
		return call + in + ", which is not in the list of the only functions that may"
	case AssertRemoved:
		return call + in + ", which the list of functions to remove says never suspends"
	case AssertSaidNever:
		return call + in + ", and the source says that it never does"
	case AssertIndirect:
		return call + in + ", but by the lists, or by what the table holds, it never does"
	case AssertUnwinding:
		return "$" + a.Function + " was called between the start of an unwind and its end: it would have done nothing and returned zeros"
	case AssertMismatch:
		if a.Callee != "" {
			return "in the rewind of $" + a.Function + " the buffer has a frame of $" + a.Callee + " instead of its own"
		}
		return "in the rewind of $" + a.Function + " the buffer has no frame where that of the function should be"
	case AssertRewinding:
		return "a call in $" + a.Function + " has returned and not ended the rewind: it has not gone where it was suspended"
	case AssertOverflow:
		return fmt.Sprintf("the frame of $%s does not fit into the buffer, which lacks %d bytes for it", a.Function, a.Bytes)
	}
	return ""
}

// Remedy says what to do about it: the flag that is missing, or otherwise what is wrong.
func (a Assertion) Remedy() string {
	switch a.Kind {
	case AssertNotListed:
		return "--suspend=" + ShellWord(a.Callee)
	case AssertIgnored:
		return "--suspend=" + ShellWord(a.Callee) + " instead of --pass-arg=asyncify-ignore-imports"
	case AssertNotAdded:
		return "--add-callers, or --add=" + ShellWord(a.Function)
	case AssertIndirect:
		return "--add=" + ShellWord(a.Function)
	case AssertNotInOnly:
		return "--only=" + ShellWord(a.Function) + " as well"
	case AssertRemoved:
		return "take " + ShellWord(a.Function) + " out of --remove"
	case AssertSaidNever:
		return "take (@fiber.never) out, or make it (@fiber.suspends)"
	case AssertUnwinding:
		return "let the unwind end first, with stop_unwind at the bottom of the stack"
	case AssertMismatch:
		if a.Callee != "" {
			return "rewind by the export that was called when the fiber was suspended, with its own buffer"
		}
		return "see what has written to the buffer, and whether it was rewound twice"
	case AssertRewinding:
		return "what has suspended has to call stop_rewind when it is called again; a table must not change meanwhile"
	case AssertOverflow:
		return "a larger buffer: --buffer of watfiber run, --stack-size for fibers of the library, Config.StackSize of a host in Go"
	}
	return ""
}

// ShellWord returns a word as it is written in a command line.
func ShellWord(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-./:@%+=,", c)
	}
	if word != "" && strings.IndexFunc(word, func(c rune) bool { return !plain(c) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// An AssertNames says which function a word stands for.
type AssertNames map[uint32]string

// Assertion returns what has failed, given the function that a module has trapped in,
// without AssertPrefix, and the values of AssertGlobals.
func (n AssertNames) Assertion(kind string, function, callee uint32) Assertion {
	name := func(word uint32) string {
		if known, ok := n[word]; ok {
			return known
		}
		return fmt.Sprintf("%#x", word)
	}
	a := Assertion{Kind: kind, Function: name(function)}
	switch {
	case kind == AssertOverflow:
		a.Bytes = callee
	case kind == AssertMismatch:
		a.Callee = n[callee]
	case callee != 0:
		a.Callee = name(callee)
	}
	return a
}

// EncodeAsserts returns the contents of the section in pieces; what each says is in notes.
func EncodeAsserts(words []uint32, names []string) (pieces, notes []string) {
	var e frameEncoder
	e.number(assertVersion)
	e.number(uint32(len(words)))
	e.cut("version, number of functions")
	for i, w := range words {
		e.number(w)
		e.text(names[i])
		e.cut(fmt.Sprintf("%#x is %s", w, names[i]))
	}
	return e.pieces, e.notes
}

// ReadAsserts reads the section of a binary module, which is valid; nil if it has none.
func ReadAsserts(module []byte) (AssertNames, error) {
	section, found, err := customSection(module, AssertSection)
	if !found || err != nil {
		return nil, err
	}
	return DecodeAsserts(section)
}

// DecodeAsserts reads the contents of the section.
func DecodeAsserts(section string) (AssertNames, error) {
	d := frameDecoder{b: section}
	if v := d.number(); v != assertVersion && d.err == nil {
		return nil, fmt.Errorf("section %s is of version %d, not %d", AssertSection, v, assertVersion)
	}
	n := AssertNames{}
	for range d.count() {
		word := d.number()
		n[word] = d.text()
	}
	if d.err == nil && d.pos != len(d.b) {
		d.fail("%d bytes too many", len(d.b)-d.pos)
	}
	if d.err != nil {
		return nil, fmt.Errorf("section %s: %w", AssertSection, d.err)
	}
	return n, nil
}
