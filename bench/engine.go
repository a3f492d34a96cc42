package main

import "fmt"

// An engine times calls in modules.
type engine struct {
	name    string
	missing string // why there is none; "" if there is one
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

const (
	original = "original"
	ours     = "watfiber"
	peer     = "wasm-opt"
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
// machine only ever makes them slower.
const bestOf = 5

// time times the calls of a subject on an engine.
func (s *subject) time(e engine, runs int) error {
	if s.missing != "" || e.missing != "" || len(s.kernels) == 0 {
		return nil
	}
	t := task{
		modules: []module{{original, s.path}, {ours, s.file("watfiber.wasm")}},
		kernels: s.kernels, switches: s.switches, runs: runs, best: bestOf,
	}
	if s.sizes.peer > 0 {
		t.modules = append(t.modules, module{peer, s.file("peer.wasm")})
	}
	a, err := e.time(t)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", s.name, e.name, err)
	}
	s.times[e.name] = a
	return nil
}
