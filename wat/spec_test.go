package wat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// TestSpec runs the scripts of the specification's test suite. Each module goes
// through the parser or the decoder, the checker and the encoder; wazero runs
// what comes out and the script says what it should do.
func TestSpec(t *testing.T) {
	dir := os.Getenv("WATFIBER_SPEC")
	if dir == "" {
		t.Skip("WATFIBER_SPEC is not set: it names the directory with the .wast files of the WebAssembly specification")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.wast"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no .wast files in %s: %v", dir, err)
	}
	custom, _ := filepath.Glob(filepath.Join(dir, "custom", "*.wast"))
	var tally tally
	t.Run("files", func(t *testing.T) {
		for _, path := range append(files, custom...) {
			name, _ := filepath.Rel(dir, path)
			name = filepath.ToSlash(name)
			if tally.skips(name) {
				tally.filesLeft.Add(1)
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tally.files.Add(1)
				runScript(t, &tally, name, path)
			})
		}
	})
	t.Log(tally.String())
	if unused := tally.unused(); len(unused) > 0 {
		t.Errorf("nothing needs these excuses: %s", strings.Join(unused, ", "))
	}
}

// tally counts what the scripts did.
type tally struct {
	excuses
	files, filesLeft                     atomic.Int64
	modules, modulesTrimmed, modulesLeft atomic.Int64
	rejections                           atomic.Int64
	runs, runsLeft                       atomic.Int64
	excused                              atomic.Int64
}

func (t *tally) String() string {
	return fmt.Sprintf(`
	files run                     %6d   left out, as a whole of 3.0        %d
	modules taken round           %6d   left out %d, taken without fields of 3.0 %d
	modules rejected as expected  %6d
	actions on an engine          %6d   left out with their module         %d
	commands excused by line      %6d`,
		t.files.Load(), t.filesLeft.Load(), t.modules.Load(), t.modulesLeft.Load(), t.modulesTrimmed.Load(),
		t.rejections.Load(), t.runs.Load(), t.runsLeft.Load(), t.excused.Load())
}

// A scriptRun is one script while it runs.
type scriptRun struct {
	t           *testing.T
	ctx         context.Context
	tally       *tally
	file        string
	machines    []*machine
	definitions map[string]definition
	extents     map[string]extent // of modules by $id; by "", of the current one
	registered  map[string]extent // of modules by what they are registered as
}

// An extent is how much of a module of the script there is.
type extent int

const (
	whole   extent = iota
	trimmed        // without fields that are of 3.0
	left           // left out
)

// A definition is a module that was not instantiated.
type definition struct {
	code   []byte
	extent extent
}

func runScript(t *testing.T, tally *tally, name, path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := splitScript(string(src))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	machines, err := newMachines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := &scriptRun{
		t: t, ctx: ctx, tally: tally, file: name, machines: machines,
		definitions: map[string]definition{}, extents: map[string]extent{}, registered: map[string]extent{},
	}
	defer func() {
		for _, m := range machines {
			m.runtime.Close(ctx)
		}
	}()
	if len(commands) > 0 && isModuleField(commands[0]) {
		r.module(commands[0], moduleText{form: formText, text: string(src)})
		return
	}
	for _, c := range commands {
		r.command(c)
	}
}

func (r *scriptRun) command(c node) {
	switch c.head() {
	case "module":
		if c.atom(1) == "instance" {
			r.instance(c)
			return
		}
		r.module(c, moduleOf(c))
	case "register":
		r.register(c)
	case "assert_malformed", "assert_invalid", "assert_malformed_custom", "assert_invalid_custom":
		r.assertRejected(c)
	case "assert_unlinkable", "assert_uninstantiable":
		r.assertNotInstantiated(c, "")
	case "assert_trap":
		if c.list[1].head() == "module" {
			r.assertNotInstantiated(c, strs(c.list[2:]))
			return
		}
		r.assertTrap(c)
	case "assert_exhaustion":
		r.assertTrap(c)
	case "assert_return":
		r.each(c, c.list[1], func(words []uint64, err error) string {
			if err != nil {
				return err.Error()
			}
			return results(c.list[2:], words)
		})
	case "invoke", "get":
		r.each(c, c, func(_ []uint64, err error) string {
			if err != nil {
				return err.Error()
			}
			return ""
		})
	case "assert_exception":
		r.each(c, c.list[1], func([]uint64, error) string { return "exceptions are of 3.0" })
	default:
		r.t.Errorf("%s:%d: unknown command %s", r.file, c.line(), c.head())
	}
}

// deviates reports a command that did not do what the script says.
func (r *scriptRun) deviates(c node, format string, args ...any) {
	if r.tally.excuses.line(r.file, c.line()) {
		r.tally.excused.Add(1)
		return
	}
	r.t.Errorf("%s:%d: %s", r.file, c.line(), fmt.Sprintf(format, args...))
}

// compile takes a module through the front end. Of a module that uses features
// of 3.0 it is what is left without the fields that do, or nothing.
func (r *scriptRun) compile(c node, text moduleText) ([]byte, extent) {
	m, err := text.load(r.file)
	extent := whole
	if err != nil {
		m, extent = r.trimmed(text, err)
		switch extent {
		case trimmed:
			r.tally.modulesTrimmed.Add(1)
		case left:
			r.tally.modulesLeft.Add(1)
			r.t.Logf("%s:%d: left out: %v", r.file, c.line(), err)
			return nil, left
		default:
			r.deviates(c, "rejected: %s", detail(err))
			return nil, left
		}
	}
	if err := roundTrip(m); err != nil {
		r.deviates(c, "%v", err)
	}
	r.tally.modules.Add(1)
	return binary.Encode(m), extent
}

// trimmed returns what is left of a module without the fields that use features
// of 3.0, whole if nothing excuses the error.
func (r *scriptRun) trimmed(text moduleText, err error) (*wat.Module, extent) {
	result := whole // nothing is taken away yet
	for {
		smaller, ok := r.tally.withoutField(text, err, result == left)
		if !ok {
			return nil, result
		}
		result = left // unless what remains is a module
		text = smaller
		var m *wat.Module
		if m, err = text.load(r.file); err == nil {
			return m, trimmed
		}
	}
}

func detail(err error) string {
	var s []string
	for _, e := range wat.Errors(err) {
		s = append(s, e.Detail())
	}
	return strings.Join(s, "\n")
}

func (r *scriptRun) module(c node, text moduleText) {
	code, extent := r.compile(c, text)
	if text.definition {
		r.definitions[text.name] = definition{code, extent}
		return
	}
	r.instantiate(c, text.name, code, extent)
}

// instance does (module instance $I $M).
func (r *scriptRun) instance(c node) {
	d, ok := r.definitions[c.id(3)]
	if !ok {
		r.t.Errorf("%s:%d: no definition %s", r.file, c.line(), c.id(3))
	}
	r.instantiate(c, c.id(2), d.code, d.extent)
}

// instantiate makes code the current module of every machine.
func (r *scriptRun) instantiate(c node, id string, code []byte, extent extent) {
	if extent != left {
		extent = max(extent, r.importExtent(code))
	}
	for _, m := range r.machines {
		m.current = nil
		if extent == left {
			continue
		}
		if _, err := m.instantiate(r.ctx, code); err != nil && extent == whole {
			r.deviates(c, "%s: %v", m.engine, err)
		} else if err != nil {
			extent = left
		}
	}
	r.extents[""] = extent
	r.extents[id] = extent
	for _, m := range r.machines {
		m.byID[id] = m.current
	}
}

// importExtent returns how much of the least of the modules that code imports
// from there is.
func (r *scriptRun) importExtent(code []byte) extent {
	result := whole
	m, err := binary.Decode(r.file, string(code))
	if err != nil {
		return result
	}
	for _, d := range m.Imports() {
		result = max(result, r.registered[m.ImportOf(d).Module])
	}
	return result
}

// register does (register "name" $id?).
func (r *scriptRun) register(c node) {
	name, id := strs(c.list[1:2]), c.id(2)
	r.registered[name] = r.extents[id]
	for _, m := range r.machines {
		m.byName[name] = m.current
		if id != "" {
			m.byName[name] = m.byID[id]
		}
	}
}

func (r *scriptRun) assertRejected(c node) {
	text := moduleOf(c.list[1])
	if m, err := text.load(r.file); err == nil {
		r.deviates(c, "accepted, the script expects: %s\n%s", strs(c.list[2:]), wat.Print(m))
		return
	}
	r.tally.rejections.Add(1)
}

// assertNotInstantiated checks that a valid module cannot be instantiated:
// because of its imports, or because it traps.
func (r *scriptRun) assertNotInstantiated(c node, trap string) {
	code, extent := r.compile(c, moduleOf(c.list[1]))
	if extent != whole || r.importExtent(code) != whole {
		r.tally.runsLeft.Add(1)
		return
	}
	for _, m := range r.machines {
		current := m.current
		_, err := m.instantiate(r.ctx, code)
		m.current = current
		switch {
		case err == nil && strings.HasPrefix(trap, wazeroIgnores):
			r.tally.use(wazeroIgnores)
		case err == nil:
			r.deviates(c, "%s: instantiated, the script expects: %s", m.engine, strs(c.list[2:]))
		case trap != "" && !trapMatches(err, trap):
			r.deviates(c, "%s: %v, the script expects: %s", m.engine, err, trap)
		}
		r.tally.runs.Add(1)
	}
}

func (r *scriptRun) assertTrap(c node) {
	want := strs(c.list[2:])
	r.each(c, c.list[1], func(words []uint64, err error) string {
		switch {
		case err == nil:
			return fmt.Sprintf("returned %#x, the script expects the trap %q", words, want)
		case !trapMatches(err, want):
			return fmt.Sprintf("%v, the script expects %q", err, want)
		}
		return ""
	})
}

// each does an action on every engine; judge says what is wrong with what it
// did, "" if nothing is.
func (r *scriptRun) each(c, action node, judge func([]uint64, error) string) {
	for _, m := range r.machines {
		words, err := m.act(r.ctx, action)
		if errors.Is(err, errNotThere) && r.extents[action.id(1)] != whole {
			r.tally.runsLeft.Add(1)
			continue
		}
		if wrong := judge(words, err); wrong != "" {
			r.deviates(c, "%s: %s", m.engine, wrong)
		}
		r.tally.runs.Add(1)
	}
}
