package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/tetratelabs/wazero/sys"

	"github.com/watfiber/watfiber/fiberlib"
)

// ErrClosed is what calls end with that are under way when their instance is closed or
// has ended, and those that are made later.
var ErrClosed = errors.New("the instance is closed")

// A CancelledError is the end of a call whose context is done, or that Cancel was called
// for. It wraps the cause, and the error of the context: context.Canceled or
// context.DeadlineExceeded.
type CancelledError struct {
	Export string
	Cause  error
}

func (e *CancelledError) Error() string { return fmt.Sprintf("%s: cancelled: %v", e.Export, e.Cause) }

func (e *CancelledError) Unwrap() []error {
	if errors.Is(e.Cause, context.DeadlineExceeded) || errors.Is(e.Cause, context.Canceled) {
		return []error{e.Cause}
	}
	return []error{e.Cause, context.Canceled}
}

// A HostError is the end of a call in a host function that has returned an error, or
// panicked.
type HostError struct {
	Import string // module.name
	Err    error  // what it has returned, or panicked with
	Stack  []byte // of the goroutine that has panicked, nil if none has
}

func (e *HostError) Error() string {
	if e.Stack != nil {
		return fmt.Sprintf("%s panicked: %v", e.Import, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Import, e.Err)
}

func (e *HostError) Unwrap() error { return e.Err }

// A TrapError is the end of a call in which the module has trapped, or a host function
// that does not suspend has panicked.
type TrapError struct {
	Export string
	Fault  string // what the fiber library says is wrong, "" if the trap is none of its
	Err    error  // of wazero, with the backtrace
}

func (e *TrapError) Error() string {
	if e.Fault != "" {
		return fmt.Sprintf("%s: %s: %v", e.Export, e.Fault, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Export, e.Err)
}

func (e *TrapError) Unwrap() error { return e.Err }

// An OverflowError is the end of a call whose stacks do not fit into its region.
type OverflowError struct {
	Export string
	// Shadow says that it was the stack in memory which has grown too far. It has
	// overwritten what lies below, so the instance has ended. Otherwise the frames did not
	// fit above it, and nothing was overwritten.
	Shadow bool
	Size   uint32 // bytes of the region
	Used   uint32 // that both stacks would have needed, 0 if that is not known
	Err    error  // the trap of the fiber library, or an *AssertError; nil without them
}

func (e *OverflowError) Error() string {
	needs := ""
	if e.Used > 0 {
		needs = fmt.Sprintf(", they need %d", e.Used)
	}
	if e.Shadow {
		return fmt.Sprintf("%s: its stack in memory has outgrown the %d bytes of a call%s; set Config.StackSize", e.Export, e.Size, needs)
	}
	return fmt.Sprintf("%s: its frames do not fit into the %d bytes of a call%s; set Config.StackSize", e.Export, e.Size, needs)
}

func (e *OverflowError) Unwrap() error { return e.Err }

// A StackError says that a second call was to begin in a module that does not let the
// host give it a stack of its own.
type StackError struct{ Export string }

func (e *StackError) Error() string {
	return e.Export + ": another call is under way, and the module lets the host give calls no stacks of their own; build it with watfiber build --export-stack"
}

// A NotRewrittenError says that a module, or the caller of an import in it, was not
// rewritten so that it can suspend.
type NotRewrittenError struct {
	Missing string // the export that is not there, or
	Import  string // the import whose caller has not unwound
}

func (e *NotRewrittenError) Error() string {
	if e.Import != "" {
		return fmt.Sprintf("%s is to suspend its caller, which is not instrumented; build the module with watfiber build --suspend=%s", e.Import, e.Import)
	}
	return fmt.Sprintf("the module does not export %s: it is not rewritten; build it with watfiber build", e.Missing)
}

// A NestedError says that something cannot be done in a host function, below which the
// stack of the module lies: suspend a function of the module that it has called itself,
// or wait for another call. Use a host function that suspends.
type NestedError struct {
	Import string // the import that would have suspended, "" if the instance was called
}

func (e *NestedError) Error() string {
	if e.Import == "" {
		return "a host function that does not suspend cannot wait for its instance, which waits for it; call the function of the module, or make the host function one that suspends"
	}
	return e.Import + ": cannot suspend, since the module was called by a host function that does not; make that one suspend as well"
}

// An EntryError says that an import was to suspend a call that this package has not made.
type EntryError struct{ Import string }

func (e *EntryError) Error() string {
	return e.Import + ": cannot suspend in a start function, or in a function that was called past the instance; use Instance.Call or Instance.Go"
}

// An ExportError says that a function cannot be called as it was.
type ExportError struct {
	Export       string
	Params, Args int // Params is -1 if there is no such function
}

func (e *ExportError) Error() string {
	if e.Params < 0 {
		return "the module exports no function " + e.Export
	}
	return fmt.Sprintf("%s takes %d arguments, not %d", e.Export, e.Params, e.Args)
}

// A MemoryError says that the module has no memory to give for the stacks of a call.
type MemoryError struct{ Size uint32 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the module has no memory for the %d bytes of a call's stacks", e.Size)
}

// An UnwoundError says that a module has left its stack, or come back to it, in a way
// that no host function has asked for.
type UnwoundError struct{ Export, What string }

func (e *UnwoundError) Error() string { return e.Export + ": " + e.What }

// endedError is what calls end with that are under way when something ends their instance.
type endedError struct{ cause error }

func (e *endedError) Error() string   { return "the instance has ended: " + e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{ErrClosed, e.cause} }

// libraryTrap finds the function of the fiber library that a module has trapped in.
var libraryTrap = regexp.MustCompile(`wasm stack trace:\n\t[^\n]*\.fiber\.(\w+)\(`)

// faultOf returns the name of that function, "" if it was none.
func faultOf(err error) string {
	match := libraryTrap.FindStringSubmatch(err.Error())
	if match == nil || fiberlib.Faults[match[1]] == "" {
		return ""
	}
	return match[1]
}

// failure returns what a call with a region of some size ends with that the module has
// not returned from, and whether the module is of no more use.
func (i *Instance) failure(name string, size uint32, err error) (_ error, ends bool) {
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		return exit, true
	}
	if overflow := (*OverflowError)(nil); errors.As(err, &overflow) {
		return overflow, true
	}
	if nested := (*NestedError)(nil); errors.As(err, &nested) {
		return nested, false
	}
	if plain := (*NotRewrittenError)(nil); errors.As(err, &plain) {
		return plain, false
	}
	if unwound := (*UnwoundError)(nil); errors.As(err, &unwound) {
		return unwound, false
	}
	if a, failed := FailedAssertion(i.module, i.names, err); failed {
		err = &AssertError{Export: name, Assertion: a, Err: err}
		if a.Kind == fiberlib.AssertOverflow {
			return &OverflowError{Export: name, Size: size, Used: size + a.Bytes, Err: err}, true
		}
		return err, false
	}
	switch fault := faultOf(err); fault {
	case "stack_overflow", "buffer_overflow":
		return &OverflowError{Export: name, Shadow: fault == "stack_overflow", Size: size, Err: err}, true
	default:
		return &TrapError{Export: name, Fault: fiberlib.Faults[fault], Err: err}, false
	}
}
