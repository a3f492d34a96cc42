package rewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file inserts probes: calls of an imported function that is told what the
// transform does while the module runs. Any host can record them; package trace does.

// ProbeModule and ProbeName are the import that probes call. Its type is that of seven
// parameters i32, and no result:
//
//	kind   what happens, one of the Probe numbers
//	a, b   what they mean depends on the kind
//	state  0 running, 1 unwinding, 2 rewinding
//	data   address of the data block in use
//	sp     the pointer of the stack in memory, 0 if the module has none
//	fiber  the fiber of the library that runs, 0 for none
const (
	ProbeModule = "watfiber.trace"
	ProbeName   = "event"
)

// The kinds of probes. Functions have the numbers of the map of the frames.
const (
	ProbeEnter  = 1 + iota // function a is called
	ProbeSite              // function a comes to its site b
	ProbeReturn            // function a returns
	ProbeLeave             // function a returns, or has spilled its frame and leaves
	ProbeState             // the state becomes a
	ProbeFiber             // fiber a, 0 for none: b is one of the Fiber numbers
)

// What a fiber does.
const (
	FiberRuns   = iota // goes on, or is the one that runs
	FiberBegins        // is called for the first time
	FiberEnds          // its function has returned
	FiberNamed         // the main fiber that runs has got a region
)

const (
	idProbe     = "$fiber.trace"
	idIndex     = "$fiber.index"
	probeEnter  = "call $fiber.trace.enter"
	probeReturn = "call $fiber.trace.return"
)

// insertProbes inserts probes into the functions that get code.
func (s *state) insertProbes() {
	if !s.opts.Probes {
		return
	}
	inParallel(len(s.functions), func(i int) { s.functions[i].probe(i + 1) })
}

// probe inserts the probes into a function, which has the number in the map of the
// frames.
//
//	(func $f (param $n i32)
//	  i32.const 1 call $fiber.trace.enter ;;~ …
//	  …
//	  i32.const 1 i32.const 0 call $fiber.trace.site ;;~ …
//	  call $g
//	  …
//	  i32.const 1 call $fiber.trace.return ;;~ …
//	  return
//	  …
//	  i32.const 1 call $fiber.trace.leave ;;~ …
//	)
//
// It requires the other lines.
func (f *function) probe(number int) {
	self := "i32.const " + strconv.Itoa(number)
	end := len(f.fn.Body.Instrs)
	first := []edit{{at: 0, code: self + " " + probeEnter, note: "trace: the function is called"}}
	if slices.ContainsFunc(f.edits, func(e edit) bool { return e.at == 2*end && strings.HasPrefix(e.code, "return ") }) {
		first = append(first, edit{at: 2 * end, code: self + " " + probeReturn, note: "trace: it returns"})
	}
	lines := f.edits
	f.edits = nil
	for k, s := range f.sites {
		f.before(s.instr, fmt.Sprintf("trace: it comes to site %d", f.number(k)), self, "i32.const", strconv.Itoa(f.number(k)), "call $fiber.trace.site")
	}
	f.probeReturns(self)
	f.before(end, "trace: it leaves", self, "call $fiber.trace.leave")
	f.edits = slices.Concat(first, lines, f.edits)
	slices.SortStableFunc(f.edits, func(a, b edit) int { return a.at - b.at })
}

// probeReturns inserts a probe before each instruction of the source that returns.
func (f *function) probeReturns(self string) {
	for i, in := range f.fn.Body.Instrs {
		body := func(l uint64) bool { return wat.Label(l) == wat.BodyLabel }
		switch {
		case in.Op == op.Return, in.Op == op.Br && body(in.Imm):
			f.before(i, "trace: it returns", self, probeReturn)
		case in.Op == op.BrIf && body(in.Imm):
			f.before(i, "trace: it returns if this is not 0", self, "call $fiber.trace.return_if")
		case in.Op == op.BrTable && slices.ContainsFunc(f.fn.Body.Words(in), body):
			f.asksIndex = true
			labels := f.returnLabels(in)
			f.before(i, "trace: does it return?", "local.set", idIndex, "block $fiber.trace.stays block $fiber.trace.returns local.get", idIndex)
			f.before(i, "", wrapLine("br_table", labels), "end")
			f.before(i, "", self, probeReturn, "end local.get", idIndex)
		}
	}
}

// returnLabels returns where the labels of a br_table lead: out of the function, or not.
func (f *function) returnLabels(in wat.Instr) []string {
	words := f.fn.Body.Words(in)
	labels := make([]string, len(words))
	for i, l := range words {
		labels[i] = "$fiber.trace.stays"
		if wat.Label(l) == wat.BodyLabel {
			labels[i] = "$fiber.trace.returns"
		}
	}
	return labels
}

// tells is the call of the probe behind a change of the state.
func (r *runtimeText) tells(state int) string {
	if !r.probes {
		return ""
	}
	return fmt.Sprintf(" (call $fiber.trace.state (i32.const %d))", state)
}

// writeProbes writes the import that probes call, and the functions that call it.
func (r *runtimeText) writeProbes(m *wat.Module) {
	if !r.probes {
		return
	}
	fmt.Fprintf(&r.imports, "(import %q %q (func %s (param i32 i32 i32 i32 i32 i32 i32))) %s what happens, for a recorder\n", ProbeModule, ProbeName, idProbe, wat.InsertMark)
	r.imported++
	sp, running := "(i32.const 0)", "(i32.const 0)"
	if g := stackPointer(m); g >= 0 {
		sp = "(global.get " + reference(m, m.Globals[g].Name, g) + ")"
	}
	if r.hasFibers {
		running = "(global.get $fiber.running)"
	}
	rest := "(global.get $fiber.data) " + sp + " " + running
	at := func(kind int, a, b string) string {
		return fmt.Sprintf("(call %s (i32.const %d) %s %s (global.get %s) %s)", idProbe, kind, a, b, "$fiber.state", rest)
	}
	const function, zero = "(local.get $function)", "(i32.const 0)"
	r.line("", "trace: the recorder is told what happens, the function or fiber, the state, the data block, the stack pointer, the fiber")
	r.probe("enter", "(param $function i32)", at(ProbeEnter, function, zero))
	r.probe("site", "(param $function i32) (param $site i32)", at(ProbeSite, function, "(local.get $site)"))
	r.probe("return", "(param $function i32)", at(ProbeReturn, function, zero))
	r.probe("return_if", "(param $condition i32) (param $function i32) (result i32)",
		"(if (local.get $condition) (then (call $fiber.trace.return (local.get $function)))) (local.get $condition)")
	r.probe("leave", "(param $function i32)", at(ProbeLeave, function, zero))
	r.probe("state", "(param $state i32)", fmt.Sprintf("(call %s (i32.const %d) (local.get $state) %s (local.get $state) %s)", idProbe, ProbeState, zero, rest))
	if r.hasFibers {
		r.probe("fiber", "(param $fiber i32) (param $what i32)", at(ProbeFiber, "(local.get $fiber)", "(local.get $what)"))
	}
}

func (r *runtimeText) probe(name, params, code string) {
	r.funcs++
	r.line(fmt.Sprintf("(func %s.%s %s %s)", idProbe, name, params, code), "")
}
