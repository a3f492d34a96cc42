package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/check"
)

// Options say what to rewrite, and how.
type Options struct {
	// Suspend lists the imports that may suspend as module.name; * stands for any
	// characters. If it is empty, the imports from module fiber may, and whatever
	// the module itself makes suspend with imports from module asyncify.
	Suspend []string
	// RedirectWASI says that the fiber library stands in for the functions of WASI that
	// wait: the calling fiber does, and others run.
	RedirectWASI bool
	redirects    []string // which they are in the module at hand
	// Wrap lists the exported functions that become main fibers of the fiber library; * stands
	// for any characters. If it is empty, all do that may suspend. The others must not suspend
	// when a host calls them.
	Wrap []string
	// StackSize is how many bytes the fiber library gives a fiber for its stacks when the
	// program does not say: 1024 to 1 GiB, or 0 for 65 520.
	StackSize uint32
	// Frames says that the module gets a custom section that tells what frames hold:
	// package fiberlib reads it.
	Frames bool
	// Lines says where an instruction of a function comes from: a file and a line, ""
	// if that is not known. If it is nil, places in the source of a text are meant.
	Lines func(function wat.FuncID, instr int) (file string, line int)
	// InnerNames names the labels and locals that are inserted into a binary. If it is false,
	// they get names if the binary names any labels or locals of its own, as a text does.
	InnerNames bool
	// Seed is what the scheduler of the fiber library chooses the next fiber by, from the
	// start; 0 for the order in which fibers became ready.
	Seed uint32
	// Guard has functions check, where they take bytes from the stack in memory, that it
	// does not grow too large.
	Guard bool
	// Probes has the functions that get code, and the runtime, call an import whenever
	// something happens to a stack: see ProbeModule. It implies Frames.
	Probes bool
	// ExportStack exports what a host needs to have several calls of one instance under
	// way: the stack pointer as __stack_pointer, a global that is 0 if there is none, malloc
	// and free if the module has them, and with the fiber library the functions of
	// fiberlib/host.wat.
	ExportStack bool
	// ExportGlobals exports the state and the address of the data block in use, as
	// __asyncify_state and __asyncify_data, two mutable globals.
	ExportGlobals bool
	// Reasons says that Result.Reasons is asked for.
	Reasons bool
	// IgnoreImports says that no import may suspend: only what the module itself
	// makes suspend. It excludes Suspend.
	IgnoreImports bool

	// Asserts has the module check when it runs that nothing suspends which is said not
	// to, and that frames come back to the functions that have written them. It then traps
	// in a function that says what is wrong: see fiberlib.Assertion.
	Asserts bool

	// Lists correct which functions may suspend.
	Lists

	// Shape says whether source blocks may be opened earlier than where they stand.
	Shape Shape
	// Optimize says what the output is to be good at.
	Optimize Optimize
	// Hot lists functions that run often, as a profile says: they get hot copies whatever
	// Optimize says and however large they are. The entries are those of Lists; functions
	// that get no code need no copies. With Asserts there are none.
	Hot []string

	// Pins say by function what an earlier output has fixed.
	Pins map[wat.FuncID]*Pin

	// TreeOnly says that nobody wants the text of the result.
	TreeOnly bool

	// After is the last pass to run, "" for all. The text of the result then shows
	// what the passes so far have found out.
	After string
}

// The bounds of Options.StackSize.
const (
	minStack = 1024
	maxStack = 1 << 30
)

// A Shape is a form of the output.
type Shape uint8

const (
	// Moved opens source blocks at the top of the level around them, so that one
	// dispatch can jump into all of them: smaller and faster.
	Moved Shape = iota
	// Plain leaves every source line in its place and dispatches in each block anew:
	// easier to follow.
	Plain
)

// ParseShape returns the shape with a name: moved or plain.
func ParseShape(name string) (Shape, error) {
	switch name {
	case "moved":
		return Moved, nil
	case "plain":
		return Plain, nil
	}
	return 0, &wat.Error{Code: ErrList, Msg: fmt.Sprintf("there is no shape %q", name), Hint: "the shapes are moved and plain"}
}

// An Optimize is what the output is to be good at.
type Optimize uint8

const (
	// ForBoth is small code that is fast.
	ForBoth Optimize = iota
	// ForSize is the smallest code.
	ForSize
	// ForSpeed is code that runs fast as long as nothing suspends, and is up to twice as much
	// larger than the source.
	ForSpeed
)

// ParseOptimize returns what a name stands for: default, size or speed.
func ParseOptimize(name string) (Optimize, error) {
	switch name {
	case "default":
		return ForBoth, nil
	case "size":
		return ForSize, nil
	case "speed":
		return ForSpeed, nil
	}
	return 0, &wat.Error{Code: ErrList, Msg: fmt.Sprintf("code cannot be optimized for %q", name), Hint: "it can be for default, size and speed"}
}

// A Result is a rewritten module.
type Result struct {
	// Module is the tree of the rewritten module.
	Module *wat.Module
	// Text is the rewritten text, and Source the normalised source that it strips
	// to; both are "" if the module was binary, or with Options.TreeOnly.
	Text, Source string

	Functions    int // functions with a body in the source
	Instrumented int // those that got code
	Sites        int
	Checks       int      // of the stack pointer, with Options.Guard
	Asserts      int      // calls that are looked behind, with Options.Asserts
	Notes        []string // what a user is to know, a line each
	Reasons      []string // with Options.Reasons: why each instrumented function is, a line each
}

// Rewrite instruments a valid module, as package check says. The error is a
// *wat.Error or a wat.ErrorList; its codes are those of this package.
func Rewrite(m *wat.Module, opts Options) (*Result, error) {
	s, err := rewrite(m, opts, false)
	if err != nil {
		return nil, err
	}
	return s.result, nil
}

// rewrite runs the passes and returns what they have found out, all of it if that is to
// be explained.
func rewrite(m *wat.Module, opts Options, explain bool) (*state, error) {
	if opts.After != "" && !slices.ContainsFunc(passes, func(p pass) bool { return p.name == opts.After }) {
		names, _ := Passes()
		return nil, &wat.Error{Code: ErrList, Msg: fmt.Sprintf("there is no pass %q", opts.After), Hint: "the passes are " + strings.Join(names, ", ")}
	}
	if n := opts.StackSize; n != 0 && (n < minStack || n > maxStack) {
		return nil, &wat.Error{Code: ErrList, Msg: fmt.Sprintf("a stack size of %d bytes is too %s", n, map[bool]string{true: "small", false: "large"}[n < minStack]),
			Hint: fmt.Sprintf("it is %d to %d bytes, for both stacks of a fiber", minStack, maxStack)}
	}
	if opts.Probes && opts.copies() {
		return nil, &wat.Error{Code: ErrList, Msg: "hot copies of functions have no probes", Hint: "optimize for something else than speed, list no hot functions, or leave out the probes"}
	}
	s := &state{source: m, m: m, opts: opts.forModule(m), result: &Result{}}
	s.opts.Frames = s.opts.Frames || opts.Probes
	s.describes = explain || opts.Pins != nil || s.opts.Frames || opts.copies() || s.opts.readsMap(m)
	if opts.Lines == nil && !m.Source.Binary {
		s.opts.Lines = linesOf(m)
	}
	last := opts.After
	if last == "emit" {
		last = "runtime" // which also puts the lines in; the routines are left out
	}
	if err := s.run(last); err != nil {
		return nil, err
	}
	if s.result.Module == nil {
		if m.Source.Binary {
			return nil, &wat.Error{Code: ErrList, Msg: "what a pass has found out can be shown in a text only"}
		}
		s.result.Source, s.result.Text = s.m.Source.Text, s.annotate(last)
	}
	return s, nil
}

// state is what the passes share.
type state struct {
	source    *wat.Module // as it was given
	m         *wat.Module // normalised
	opts      Options
	describes bool // facts are needed to the end: frames are described, or functions copied

	graph     *callGraph
	functions []*function // those to instrument
	guards    guards
	asserts   *asserts     // nil for none
	guarded   []*function  // those that check the stack pointer or their calls and get no other code
	listed    []bool       // by function: Options.Hot lists it; nil for no list
	mains     []wat.FuncID // those whose exports get a wrapper, in ascending order
	result    *Result
}

// callGraph is the first pass: it finds the functions to instrument, and brings the
// text into the form that lines can be inserted into.
func (s *state) callGraph() error {
	if err := checkSource(s.m); err != nil {
		return err
	}
	said, err := readAnnotations(s.m)
	if err != nil {
		return err
	}
	imports, err := suspendingImports(s.m, said, s.opts)
	if err != nil {
		return err
	}
	if s.graph, err = buildCallGraph(s.m, imports, said, s.opts.Lists); err != nil {
		return err
	}
	if s.guards, err = findGuards(s.m, s.opts); err != nil {
		return err
	}
	if s.asserts, err = findAsserts(s.m, s.graph, said, s.opts); err != nil {
		return err
	}
	if s.listed, err = markAll(s.m, "hot", s.opts.Hot); err != nil {
		return err
	}
	s.result.Notes = append(s.graph.notes(s.m), s.guards.notes()...)
	if s.mains, err = mainFibers(s.m, s.graph, s.opts); err != nil {
		return err
	}
	if err := s.normalise(); err != nil {
		return err
	}
	named := s.opts.InnerNames || hasInnerNames(s.m)
	for id, fn := range s.m.Funcs {
		if fn.Import != nil {
			continue
		}
		s.result.Functions++
		if s.graph.Instruments(wat.FuncID(id)) {
			f := newFunction(s.m, s.graph, wat.FuncID(id), s.opts.Shape)
			f.guards, f.asserts, f.innerNames, f.quiet = s.guards, s.asserts, named, !s.makesText()
			f.takePin(s.opts.Pins[f.id])
			f.setsAside = s.opts.Optimize != ForSize && !s.opts.Asserts && (f.pin == nil || f.pin.Rare > 0)
			s.functions = append(s.functions, f)
		}
	}
	return nil
}

// normalise replaces a module that is not in normal form by one that is. Functions
// and instructions keep their numbers.
func (s *state) normalise() error {
	if s.m.Source.Binary {
		return checkIDs(s.m, s.graph, s.asserts)
	}
	text := wat.Normalise(s.m, s.form())
	if text != s.m.Source.Text {
		m, err := wat.Parse(s.m.Source.Name, text)
		if err != nil {
			return fmt.Errorf("normalise: %w", err)
		}
		s.m = m
		s.graph.labels = m.FuncLabels() // functions may have got names
	}
	return checkIDs(s.m, s.graph, s.asserts)
}

// form is the normal form of the module: the functions that get code in lines, and
// names for functions if imports go.
func (s *state) form() wat.Form {
	var form wat.Form
	for id, fn := range s.m.Funcs {
		switch {
		case s.graph.Instruments(wat.FuncID(id)) || len(s.guards.in(fn.Body())) > 0 || s.asserts.watches(wat.FuncID(id)):
			form.Unfold = append(form.Unfold, wat.FuncID(id))
		case s.opts.isLinked(fn.Import):
			form.Alone = append(form.Alone, wat.FuncID(id))
			form.NameFuncs = true
		}
	}
	form.Exports = s.mains
	form.ImportsEnd = s.opts.usesLibrary(s.m) || s.opts.Probes
	return form
}

// Normalised returns the normalised source of a valid module that was text: what
// the rewritten text strips to.
func Normalised(m *wat.Module, opts Options) (string, error) {
	s := &state{source: m, m: m, opts: opts.forModule(m), result: &Result{}}
	if err := s.run("callgraph"); err != nil {
		return "", err
	}
	return s.m.Source.Text, nil
}

// findSlots is the pass liveness.
func (f *function) findSlots() error {
	f.live = newBitset(f.numLocals)
	f.findLive(func(_, first int, live bitset) { f.live[first/64:].union(live) })
	return nil
}

// emitLines is the pass emit.
func (f *function) emitLines() error {
	f.emit()
	return nil
}

// runtime is the pass that puts edits and runtime into the tree and the text.
func (s *state) runtime() error {
	s.dropWithoutSites()
	s.insertProbes()
	s.findGuarded()
	s.findWatched()
	s.result.Instrumented = len(s.functions)
	unwinding := false
	for _, f := range s.functions {
		s.result.Sites += len(f.sites)
		s.result.Checks += f.checks
		s.result.Asserts += f.watched
		unwinding = unwinding || f.asksUnwinding
		if s.opts.Reasons {
			s.result.Reasons = append(s.result.Reasons, f.graph.labels[f.id]+" "+f.graph.reasonText(f.m, f.id))
		}
	}
	for _, f := range s.guarded {
		s.result.Checks += f.checks
		s.result.Asserts += f.watched
	}
	r := writeRuntime(s, signatures(s.functions), unwinding)
	ids := make([]wat.FuncID, 0, len(r.replaced))
	for id := range r.replaced {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ext, err := s.m.Extend("the fiber runtime", r.imports.String()+r.b.String(), ids)
	if err != nil {
		return fmt.Errorf("runtime: %w", err)
	}
	s.nameCopies(ext)
	replaceImports(s.m, ext, r)
	s.dropExports(ext)
	if err := s.applyAll(ext); err != nil {
		return err
	}
	s.result.Module = ext
	if s.makesText() {
		s.result.Source = s.m.Source.Text
		s.result.Text = s.editAll(ext, r)
	}
	return nil
}

// makesText reports whether the result has a text.
func (s *state) makesText() bool {
	return !s.m.Source.Binary && (!s.opts.TreeOnly || s.opts.After != "")
}

// dropWithoutSites leaves out the functions that get no code: a list names one that
// calls nothing that may suspend, or all its sites are in unreachable code.
func (s *state) dropWithoutSites() {
	s.functions = slices.DeleteFunc(s.functions, func(f *function) bool {
		if len(f.sites) == 0 && s.graph.Why(f.id).Kind == callgraph.IsListed {
			s.result.Notes = append(s.result.Notes, s.graph.labels[f.id]+" is listed as a function that may suspend, but calls nothing that may")
		}
		return len(f.sites) == 0
	})
}

// applyAll puts the edited functions into the tree.
func (s *state) applyAll(ext *wat.Module) error {
	all := slices.Concat(s.functions, s.guarded)
	errs := make([]error, len(all))
	s.eachOpen(all, func(i int, f *function, w *workspace) {
		errs[i] = guard("runtime", f.graph.labels[f.id], func() (err error) {
			ext.Funcs[f.id], err = f.apply(ext, &w.splice)
			return err
		})
	})
	return firstErrors(errs)
}

// editAll makes the rewritten text.
func (s *state) editAll(ext *wat.Module, r *runtimeText) string {
	e := wat.NewLineEditor(s.m.Source)
	if at := lastImport(s.m); at >= 0 { // before the comments above the function that follows
		e.InsertBehind(at, at, r.imports.String())
	}
	for _, f := range slices.Concat(s.functions, s.guarded) {
		f.editText(e, ext.Funcs[f.id])
	}
	for _, f := range s.m.Fields {
		if f.Kind == wat.KindFunc && f.Num == 1 && ext.Funcs[f.First].ReplacedBy != 0 {
			e.Drop(f.Span.Start)
		}
	}
	for _, x := range s.m.Exports {
		if s.isWrapped(x) {
			e.Drop(x.Span.Start)
		}
	}
	last := s.m.Fields[len(s.m.Fields)-1].Span.Start // the runtime is indented like it
	e.InsertBefore(s.m.Close.Start, last, s.keepTypes(r))
	if s.opts.After != "emit" {
		e.InsertBefore(s.m.Close.Start, last, r.b.String())
	}
	return e.Text()
}

// verify checks the result: the tree is valid, and the text strips to the source.
func (s *state) verify() error {
	valid := s.source
	if len(s.mains) > 0 {
		valid = &wat.Module{} // exports have gone
	}
	if err := check.Extension(valid, s.result.Module); err != nil {
		return &wat.Error{Code: ErrInternal, Msg: "the rewritten module is not valid: " + err.Error(), Hint: "please report this with the module"}
	}
	if stripped := wat.Strip(s.result.Text); stripped != s.result.Source {
		return &wat.Error{Code: ErrInternal, Msg: "the rewritten text does not strip to its source", Hint: "please report this with the module"}
	}
	return nil
}
