package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/wat"
)

// This file says what a program that was run has ended with.

// libraryTrap finds the function of the fiber library that a program trapped in.
var libraryTrap = regexp.MustCompile(`wasm stack trace:\n\t[^\n]*\.fiber\.(\w+)\(`)

// ended turns the end of a program into that of the command: its exit code, or a
// trap. What fibers were doing is told if the library has found something wrong. The
// instance of the module may be nil.
func (r *runCmd) ended(c *console, inst api.Module, m *wat.Module, err error) error {
	var exit *sys.ExitError
	switch {
	case err == nil:
		return nil
	case r.trial.catches(inst, m, err):
		return nil
	case errors.As(err, &exit):
		if exit.ExitCode() == 0 {
			return nil
		}
		return exitError(exit.ExitCode())
	case strings.Contains(err.Error(), "wasm error:"):
		c.errorf("%s: the program trapped: %s", r.Module, strings.TrimPrefix(err.Error(), "wasm error: "))
		if a, failed := failedAssertion(inst, m, err); failed {
			c.note(a.String() + ": " + a.Remedy())
		} else if match := libraryTrap.FindStringSubmatch(err.Error()); match != nil && fiberlib.Faults[match[1]] != "" {
			c.note(fiberlib.Faults[match[1]])
			if about := faultNumbers(inst); about != "" {
				c.note(about)
			}
			if inst != nil {
				c.report(fibersOf(inst, m))
			}
		}
		return exitError(exitTrap)
	}
	return err
}

// failedAssertion returns the assertion that a program has trapped in, if it was one.
func failedAssertion(inst api.Module, m *wat.Module, err error) (fiberlib.Assertion, bool) {
	if m == nil {
		return fiberlib.Assertion{}, false
	}
	var names fiberlib.AssertNames
	for _, s := range m.Customs {
		if s.Name == fiberlib.AssertSection {
			names, _ = fiberlib.DecodeAsserts(s.Bytes)
		}
	}
	return host.FailedAssertion(inst, names, err)
}

// faultNumbers says which fiber a trap of the library is about, and how many bytes it
// needed and had: what is known of that.
func faultNumbers(inst api.Module) string {
	var words [len(fiberlib.FaultGlobals)]uint32
	for i, name := range fiberlib.FaultGlobals {
		if inst == nil {
			return ""
		}
		global := inst.ExportedGlobal(name)
		if global == nil {
			return ""
		}
		words[i] = uint32(global.Get())
	}
	fiber, needed, available := words[0], words[1], words[2]
	about := fmt.Sprintf("fiber %#x", fiber)
	if fiber == 0 {
		about = "the main fiber"
	}
	switch {
	case needed > 0:
		return fmt.Sprintf("%s: needed at least %s, %d available", about, count(int(needed), "byte"), available)
	case fiber > 0:
		return about
	}
	return ""
}
