package main

import "fmt"

// An engine times calls in modules.
type engine struct {
	name    string
	missing string // why there is none; "" if there is one
	light   bool   // it interprets: kernels get smaller arguments
	time    func(task) (answer, error)
}

// A task is what to time.
type task struct {
	modules  []module // the original first
	kernels  []call   // calls that do not suspend, timed in all modules
	switches []call   // calls that suspend, timed in all but the original
	shapes   []call   // programs that make fibers, timed in all modules
	runs     int
	best     int // a sample is the fastest of so many calls
}

// A module is a file and who built it.
type module struct{ builder, path string }

// Engines that have it time the original with the stack switching of JavaScript as well.
// It can only suspend for a promise, so watfiber's module is timed with one too.
const (
	stackSwitching = "JSPI"
	awaited        = "watfiber, for a promise"
)

// An answer has the times of each call of a task.
type answer struct {
	Kernels, Switches []timing
	Shapes            []timing
}

// A timing is the time of a call in nanoseconds, or of one suspension and
// resumption in it, by who built the module.
type timing struct {
	Samples map[string]samples
	Bytes   map[string]int // of the stack in the buffer; of the fiber that a shape looks at

	// Of shapes.
	Resumptions int
	Pages       map[string]int    // of memory, when the first call is done
	Failures    map[string]string // what ends the program; then it has no samples
}

// String returns a call as it is written in C.
func (c call) String() string {
	text := c.name + "("
	for i, a := range c.args {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(a)
	}
	return text + ")"
}

// rounds returns how often a call suspends.
func (c call) rounds() int { return c.args[len(c.args)-1] }

// bestOf is how many calls a sample is the fastest of: what else runs on the
// machine only ever makes them slower. Interpreters take long, and vary less.
const bestOf, bestOfLight = 5, 2

// best returns how many calls a sample is the fastest of on an engine.
func (e engine) best() int {
	if e.light {
		return bestOfLight
	}
	return bestOf
}

// kernelsOn returns the calls that are timed on an engine.
func (s *subject) kernelsOn(e engine) []call {
	var calls []call
	for _, k := range s.kernels {
		if e.light {
			k.args = []int{k.light}
		}
		calls = append(calls, k.call)
	}
	return calls
}

// switchesOn returns the calls that suspend, fewer times where they are interpreted.
func (s *subject) switchesOn(e engine) []call {
	var calls []call
	for _, c := range s.switches {
		if e.light {
			args := append([]int{}, c.args...)
			args[len(args)-1] = max(args[len(args)-1]/10, 5)
			c.args = args
		}
		calls = append(calls, c)
	}
	return calls
}

// time times the calls of a subject on an engine.
func (s *subject) time(e engine, runs int) {
	if s.missing != "" || e.missing != "" || len(s.kernels) == 0 {
		return
	}
	t := task{
		modules: []module{{original, s.path}},
		kernels: s.kernelsOn(e), switches: s.switchesOn(e), runs: runs, best: e.best(),
	}
	for _, b := range s.builders {
		if b.time && s.sizes.built[b.name] > 0 {
			t.modules = append(t.modules, module{b.name, s.module(b.name)})
		}
	}
	a, err := e.time(t)
	if err != nil {
		s.failures = append(s.failures, fmt.Sprintf("%s on %s: %v", s.name, e.name, err))
		return
	}
	s.times[e.name] = a
}
