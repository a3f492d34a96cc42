package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// This file is watfiber run --missing: it runs a program with assertions until it runs
// through, and after each that fails adds what was missing to the lists.

// maxTrials bounds how often a program is run.
const maxTrials = 200

// A trial is one run of a program to find out what is missing.
type trial struct {
	m     *wat.Module // the source
	names []string    // of its functions
	opts  rewrite.Options
	plain bool         // nothing is listed yet that may suspend
	ends  []bool       // by function: a top or a bottom, beyond which no stack has to be followed
	index []wat.FuncID // of functions in the binary: that in the tree
	// stack is the functions of the source that were to unwind when an assertion failed,
	// the innermost first; callees is what they have called.
	stack, callees []string
	failed         *fiberlib.Assertion // nil for none that a flag mends
}

// findMissing runs the program and adds flags until no assertion fails.
func (r *runCmd) findMissing(c *console, m *wat.Module) error {
	input := &tape{source: c.stdin}
	var added []string
	removed := slices.Clone(r.Remove)
	for range maxTrials {
		var stdout, stderr bytes.Buffer
		once := *c
		once.stdin, once.stdout, once.stderr = input.rewound(), &stdout, &stderr
		r.trial = newTrial(m)
		err := r.run(experimental.WithFunctionListenerFactory(context.Background(), r.trial), &once, m)
		if a := r.trial.failed; a != nil {
			flags, err := r.mend(r.trial)
			switch {
			case err != nil:
				return err
			case len(flags) == 0:
				return fmt.Errorf("%s: %s: %s", r.Module, a, a.Remedy())
			}
			c.note(a.String() + ": " + strings.Join(flags, ", "))
			added = append(added, flags...)
			continue
		}
		_, _ = io.Copy(c.stdout, &stdout)
		_, _ = io.Copy(c.stderr, &stderr)
		if err != nil && !errors.As(err, new(exitError)) {
			return err
		}
		if err == error(exitError(exitTrap)) {
			c.note("the program has trapped for another reason: more may be missing behind that")
		}
		switch {
		case len(added) > 0:
		case err == nil:
			c.note("nothing is missing where this run has come by")
			return nil
		default:
			return err
		}
		fmt.Fprintf(c.stderr, "The command line with what was missing:\n\n    %s\n", mended(c.args, added, r.Remove, !slices.Equal(removed, r.Remove)))
		return err
	}
	return fmt.Errorf("%s: something is missing still after %d runs", r.Module, maxTrials)
}

// newTrial prepares to run a module.
func newTrial(m *wat.Module) *trial {
	t := &trial{m: m, names: slices.Clone(m.Names().Funcs), ends: make([]bool, len(m.Funcs))}
	for id, f := range m.Funcs {
		t.names[id] = wat.NameText(t.names[id])
		t.ends[id] = f.Import != nil || slices.ContainsFunc(f.Body().Instrs, func(in wat.Instr) bool {
			if in.Op.String() != "call" {
				return false
			}
			imp := m.Funcs[in.Imm].Import
			return imp != nil && imp.Module == "asyncify" && imp.Name != "get_state"
		})
	}
	return t
}

// rewrite rewrites the module, with assertions if it is for a trial; t may be nil.
func (t *trial) rewrite(m *wat.Module, opts rewrite.Options) (*rewrite.Result, error) {
	if t == nil {
		return rewrite.Rewrite(m, opts)
	}
	opts.Asserts = true
	r, err := rewrite.Rewrite(m, opts)
	if err != nil && len(opts.Suspend)+len(opts.Only)+len(opts.Add) == 0 { // nothing is listed yet
		opts.IgnoreImports = true
		if plain, failed := rewrite.Rewrite(m, opts); failed == nil {
			t.plain = true
			r, err = plain, nil
		}
	}
	if err != nil {
		return nil, err
	}
	t.opts = opts
	for _, imported := range []bool{true, false} { // as the binary has them
		for id, f := range r.Module.Funcs {
			if imported == (f.Import != nil) && f.ReplacedBy == 0 {
				t.index = append(t.index, wat.FuncID(id))
			}
		}
	}
	return r, nil
}

// mendable are the assertions that a flag mends.
var mendable = []string{
	fiberlib.AssertNotListed, fiberlib.AssertIgnored, fiberlib.AssertNotAdded,
	fiberlib.AssertNotInOnly, fiberlib.AssertRemoved, fiberlib.AssertIndirect,
}

// NewFunctionListener has the stack looked at when an assertion fails.
func (t *trial) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	kind, found := strings.CutPrefix(f.Name(), fiberlib.AssertPrefix)
	whole := f.Name() == noMainFiber // all fibers, to the host
	if !whole && (!found || !contains(mendable, kind)) {
		return nil
	}
	return experimental.FunctionListenerFunc(func(_ context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, stack experimental.StackIterator) {
		stack.Next() // the routine
		for callee := ""; stack.Next(); {
			f := stack.Function().Definition()
			if f.GoFunction() != nil || int(f.Index()) >= len(t.index) {
				return
			}
			id := int(t.index[f.Index()])
			switch {
			case id < len(t.m.Funcs) && !t.ends[id]:
				if !contains(t.stack, t.names[id]) {
					t.stack, t.callees = append(t.stack, t.names[id]), append(t.callees, callee)
				}
			case !whole: // beyond a function of the library nothing has to unwind, or it is seen when it does
				return
			}
			callee = f.Name()
		}
	})
}

// noMainFiber is the function of the library that traps if a fiber is to leave an export
// that is not instrumented.
const noMainFiber = "fiber.no_main_fiber"

// catches reports whether a program has ended in an assertion that a flag mends; t may be
// nil.
func (t *trial) catches(inst api.Module, m *wat.Module, err error) bool {
	if t == nil {
		return false
	}
	if match := libraryTrap.FindStringSubmatch(err.Error()); match != nil && "fiber."+match[1] == noMainFiber {
		t.failed = t.unlisted()
		return t.failed != nil
	}
	a, failed := failedAssertion(inst, m, err)
	if !failed || !contains(mendable, a.Kind) {
		return false
	}
	if t.plain {
		a.Kind = fiberlib.AssertNotListed // nobody has said so
	}
	t.failed = &a
	return true
}

// unlisted returns the innermost function of the stack that a list excludes, as an
// assertion says it, nil if there is none.
func (t *trial) unlisted() *fiberlib.Assertion {
	for i, name := range t.stack {
		switch {
		case rewrite.Listed(t.opts.Remove, name):
			return &fiberlib.Assertion{Kind: fiberlib.AssertRemoved, Function: name, Callee: t.callees[i]}
		case len(t.opts.Only) > 0 && !rewrite.Listed(t.opts.Only, name):
			return &fiberlib.Assertion{Kind: fiberlib.AssertNotInOnly, Function: name, Callee: t.callees[i]}
		}
	}
	return nil
}

// mend adds to the lists what is missing, and returns the flags for it; none if there is
// nothing to add.
func (r *runCmd) mend(t *trial) (flags []string, err error) {
	a := t.failed
	switch a.Kind {
	case fiberlib.AssertNotListed, fiberlib.AssertIgnored:
		if contains(r.Suspend, a.Callee) || contains(r.PassArg, "asyncify-ignore-imports") {
			return nil, nil
		}
		r.Suspend = append(r.Suspend, a.Callee)
		return []string{"--suspend=" + fiberlib.ShellWord(a.Callee)}, nil
	case fiberlib.AssertNotAdded:
		if r.AddCallers {
			return nil, nil
		}
		r.AddCallers = true
		return []string{"--add-callers"}, nil
	case fiberlib.AssertIndirect:
		if contains(r.Add, a.Function) {
			return nil, nil
		}
		r.Add = append(r.Add, a.Function)
		return []string{"--add=" + fiberlib.ShellWord(a.Function)}, nil
	case fiberlib.AssertNotInOnly:
		only, err := readLists("--only", r.Only)
		for _, name := range t.stack {
			if !rewrite.Listed(only, name) {
				r.Only = append(r.Only, name)
				flags = append(flags, "--only="+fiberlib.ShellWord(name))
			}
		}
		return flags, err
	}
	return r.unremove(t)
}

// unremove takes entries out of the list to remove: those that stand for a function of
// the stack.
func (r *runCmd) unremove(t *trial) (flags []string, err error) {
	entries, err := readLists("--remove", r.Remove)
	r.Remove = slices.DeleteFunc(entries, func(entry string) bool {
		names := slices.ContainsFunc(t.stack, func(name string) bool { return rewrite.Listed([]string{entry}, name) })
		if names {
			flags = append(flags, "take "+fiberlib.ShellWord(entry)+" out of --remove")
		}
		return names
	})
	return flags, err
}

// readLists reads lists as the command line has them.
func readLists(flag string, words []string) (all []string, err error) {
	for _, word := range words {
		entries, err := readList(flag, word)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// mended returns a command line with flags that were added, and if it has changed, with
// another list of functions to remove.
func mended(args, added, remove []string, changed bool) string {
	line := []string{"watfiber", "run"}
	for _, flag := range added {
		if strings.HasPrefix(flag, "--") {
			line = append(line, flag)
		}
	}
	if changed {
		for _, name := range remove {
			line = append(line, "--remove="+fiberlib.ShellWord(name))
		}
	}
	rest := args[slices.Index(args, "run")+1:]
	for i, dropped := 0, false; i < len(rest); i++ {
		switch word := rest[i]; {
		case word == "--missing" && !dropped:
			dropped = true
		case changed && word == "--remove":
			i++
		case changed && strings.HasPrefix(word, "--remove="):
		default:
			line = append(line, fiberlib.ShellWord(word))
		}
	}
	return strings.Join(line, " ")
}

// A tape keeps what a program reads, so that the next one can read it again.
type tape struct {
	source io.Reader
	mu     sync.Mutex
	kept   []byte
	err    error
}

// rewound returns a reader from the start.
func (t *tape) rewound() io.Reader { return &tapeReader{tape: t} }

type tapeReader struct {
	*tape
	at int
}

func (r *tapeReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == len(r.kept) {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.source.Read(p)
		r.kept, r.err = append(r.kept, p[:n]...), err
		r.at += n
		return n, err
	}
	n := copy(p, r.kept[r.at:])
	r.at += n
	return n, nil
}
