package host

import (
	"fmt"
	"regexp"

	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib"
)

// An AssertError is the end of a call in which an assertion of the module has failed: it
// was built with --asserts, and something has suspended that was said not to, or a frame
// has come to the wrong function.
type AssertError struct {
	Export    string
	Assertion fiberlib.Assertion // what has failed, in which function, and what to do
	Err       error              // of wazero, with the backtrace
}

func (e *AssertError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Export, e.Assertion, e.Assertion.Remedy())
}

func (e *AssertError) Unwrap() error { return e.Err }

// failedAssertion finds the function that an assertion has trapped in.
var failedAssertion = regexp.MustCompile(`wasm stack trace:\n\t[^\n]*\.` + regexp.QuoteMeta(fiberlib.AssertPrefix) + `(\w+)\(`)

// FailedAssertion returns the assertion that a call of a module has trapped in, given the
// error of wazero; false if it was none. Without names, from fiberlib.ReadAsserts,
// functions are numbers.
func FailedAssertion(m api.Module, names fiberlib.AssertNames, err error) (fiberlib.Assertion, bool) {
	match := failedAssertion.FindStringSubmatch(err.Error())
	if match == nil || m == nil {
		return fiberlib.Assertion{}, false
	}
	var words [len(fiberlib.AssertGlobals)]uint32
	for i, name := range fiberlib.AssertGlobals {
		global := m.ExportedGlobal(name)
		if global == nil {
			return fiberlib.Assertion{}, false
		}
		words[i] = uint32(global.Get())
	}
	return names.Assertion(match[1], words[0], words[1]), true
}
