package rewrite

import (
	"fmt"
	"runtime/debug"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

const blockOp = op.Block

// A pass finds something out about a module or about each instrumented function,
// or puts the result together. The functions are worked on in parallel: a pass
// over a function reads the module and writes the function only.
type pass struct {
	name   string
	doc    string
	module func(*state) error    // either this
	each   func(*function) error // or this
}

// passes are run from top to bottom.
var passes = []pass{
	{name: "callgraph", doc: "which functions may suspend, and why", module: (*state).callGraph},
	{name: "sites", doc: "the calls that may suspend", each: (*function).findSites},
	{name: "liveness", doc: "which locals are read behind a site", each: (*function).findSlots},
	{name: "operands", doc: "where each site resumes, and what lies on the operand stack there", each: (*function).findTargets},
	{name: "frame", doc: "what is spilled, and in which order", each: (*function).layOut},
	{name: "inline", doc: "which functions spill and reload their frames without a routine", module: (*state).placeFrames},
	{name: "hot", doc: "which functions get a hot copy", module: (*state).chooseHot},
	{name: "emit", doc: "the lines to insert", each: (*function).emitLines},
	{name: "runtime", doc: "the routines that the lines refer to, and the exports", module: (*state).runtime},
	{name: "verify", doc: "the result is valid and strips to the source", module: (*state).verify},
}

// order says which pass has to come before which, and why.
var order = []struct{ before, after, why string }{
	{"callgraph", "sites", "a call is a site if its callee may suspend"},
	{"sites", "operands", "targets are sites and the constructs around them"},
	{"operands", "frame", "operands that are parked may be slots"},
	{"sites", "liveness", "only what is live at a site counts"},
	{"liveness", "operands", "what traps on other operands is executed again if these come from slots"},
	{"liveness", "frame", "slots come from live sets"},
	{"frame", "inline", "a routine is worth its bytes if many frames need it"},
	{"frame", "hot", "what a copy costs depends on what it spills"},
	{"hot", "emit", "a function with a hot copy calls it"},
	{"inline", "emit", "spill and reload follow the frame"},
	{"emit", "runtime", "there is a routine for each signature that is used"},
	{"runtime", "verify", "the result is complete only then"},
}

// Passes lists the names of the passes with what each finds out, in order.
func Passes() (names, docs []string) {
	for _, p := range passes {
		names = append(names, p.name)
		docs = append(docs, p.doc)
	}
	return names, docs
}

// run runs the passes up to and including the one named last, all if it is "".
func (s *state) run(last string) error {
	var before []pass // over functions
	for i := 0; i < len(passes); {
		p := passes[i]
		var err error
		if p.module != nil {
			err = guard(p.name, "", func() error { return p.module(s) })
			i++
		} else {
			// Passes over functions that follow each other are run function by
			// function, while its instructions are in the cache.
			from := i
			for i < len(passes) && passes[i].each != nil && (from == i || passes[i-1].name != last) {
				i++
			}
			err = s.eachFunction(before, passes[from:i])
			before = append(before, passes[from:i]...)
		}
		if err != nil || passes[i-1].name == last {
			return err
		}
	}
	return nil
}

// eachFunction runs passes over all instrumented functions, over which those before have
// been run already. The error is that of the first function that has one.
func (s *state) eachFunction(before, passes []pass) error {
	errs := make([]error, len(s.functions))
	s.eachOpen(s.functions, func(i int, f *function, _ *workspace) {
		if len(before) > 0 {
			if len(f.sites) == 0 || f.kept != nil {
				return
			}
			if errs[i] = s.findAgain(f, before); errs[i] != nil {
				return
			}
		}
		for _, p := range passes {
			if errs[i] = guard(p.name, f.graph.labels[f.id], func() error { return p.each(f) }); errs[i] != nil || len(f.sites) == 0 {
				return
			}
		}
		if len(before) == 0 {
			errs[i] = s.emitNow(f)
		}
	})
	return firstErrors(errs)
}

// firstErrors joins what functions report, up to wat.MaxErrors.
func firstErrors(errs []error) error {
	var list wat.ErrorList
	for _, err := range errs {
		if err == nil {
			continue
		}
		more := wat.Errors(err)
		if more == nil {
			return err
		}
		list = append(list, more...)
	}
	return list[:min(len(list), wat.MaxErrors)].Err()
}

// inParallel calls do for 0 to n-1 on all processors.
func inParallel(n int, do func(int)) {
	parallel.Do(n, func() func(int) { return do })
}

// guard turns a panic into an error that names the pass and the function.
func guard(pass, function string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			where := "pass " + pass
			if function != "" {
				where += ", " + function
			}
			err = &wat.Error{Code: ErrInternal, Msg: fmt.Sprintf("internal error in %s: %v", where, p),
				Hint: "please report this with the module\n" + string(debug.Stack())}
		}
	}()
	return do()
}
