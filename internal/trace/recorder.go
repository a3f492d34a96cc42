package trace

import (
	"encoding/binary"
	"time"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite"
)

// A Recorder makes a trace of what probes tell it. Its fields are set before the first
// probe.
type Recorder struct {
	Module string // its name, for the trace
	Frames *fiberlib.FrameMap
	// Memory returns size bytes of the memory of the module at an address, nil if they are
	// not there. It is called while the recorder is. What is read are the two words of the
	// data block that the probe names, and of the one that the probe before has named; the
	// frame below the position, as if it was whole, when a function is called while rewinding
	// or leaves while unwinding; the first word of a fiber that begins.
	Memory func(at, size uint32) []byte
	// Calls has it record each call and return of an instrumented function.
	Calls bool
	// Limit is how many events it keeps; those beyond are counted.
	Limit int
	// Clock returns the time since the start; nil if times do not matter.
	Clock func() time.Duration

	events  []Event
	counts  map[Kind]int
	leftOut int

	state   uint32
	data    uint32
	sp      uint32
	stack   []entry
	pending *call // a site that calls a function without frames, not recorded yet
	hosts   []bool

	fibers
	lists
}

// entry is an instrumented function on the stack of the engine.
type entry struct {
	function, site, fiber int
	idle                  bool // called while unwinding: it does nothing
	node                  int  // in the stack of the trace, 0 if it has none yet
}

// call is a call of a function without frames.
type call struct{ function, site int }

// A Probe is what the import gets that probes call, in the order of its parameters.
type Probe struct {
	Kind, A, B, State, Data, StackPointer, Fiber uint32
}

// Probe records what a probe says.
func (r *Recorder) Probe(p Probe) {
	r.flush()
	r.data, r.sp = p.Data, p.StackPointer
	switch p.Kind {
	case rewrite.ProbeState:
		r.becomes(p.A)
	case rewrite.ProbeFiber:
		r.fiberDoes(p.A, p.B)
	case rewrite.ProbeEnter:
		r.enters(int(p.A))
	case rewrite.ProbeSite:
		r.comesTo(int(p.A), int(p.B))
	case rewrite.ProbeReturn, rewrite.ProbeLeave:
		r.leaves(int(p.A), p.Kind == rewrite.ProbeLeave && p.State == unwinding)
	}
}

// The states of a module.
const (
	running = iota
	unwinding
	rewinding
)

var stateNames = [...]string{"running", "unwinding", "rewinding"}

// becomes records a change of the state.
func (r *Recorder) becomes(state uint32) {
	before := r.state
	if state == before || state > rewinding {
		return
	}
	if state == rewinding {
		r.rewinds()
	}
	r.state = state
	switch {
	case state == unwinding:
		r.unwinds()
		r.emit(Event{Kind: StartUnwind})
	case state == rewinding:
		r.emit(Event{Kind: StartRewind})
	case before == unwinding:
		r.emit(Event{Kind: StopUnwind})
		r.unwound()
	default:
		r.emit(Event{Kind: StopRewind})
	}
}

// enters records that a function is called.
func (r *Recorder) enters(function int) {
	if r.current == 0 && r.state == running {
		r.beginCall(function)
	}
	e := entry{function: function, site: -1, fiber: r.current, idle: r.state == unwinding}
	if len(r.stack) >= maxDepth {
		return // no engine's stack is so deep: somebody else calls the import
	}
	if r.state != rewinding {
		r.stack = append(r.stack, e)
		if r.Calls {
			r.emit(Event{Kind: Enter, Function: function})
		}
		return
	}
	pop := Event{Kind: Pop, Function: function, Site: -1}
	if f := r.frameBelow(r.position(), function); f != nil {
		e.site, pop.Site = f.Site, f.Site
		r.stack = append(r.stack, e)
		r.emitPopped(pop, f)
		return
	}
	r.stack = append(r.stack, e)
	r.emit(pop)
}

// comesTo records that a function comes to a site.
func (r *Recorder) comesTo(function, site int) {
	if !r.isOnTop(function) {
		return
	}
	top := &r.stack[len(r.stack)-1]
	if top.site != site {
		top.site, top.node = site, 0
	}
	if f := r.mapped(function); f != nil && site < len(f.Sites) && f.Sites[site].Callee == 0 {
		r.pending = &call{function, site}
	}
}

// flush records a call that the host has not told more of.
func (r *Recorder) flush() {
	if r.pending == nil {
		return
	}
	c := *r.pending
	r.pending = nil
	r.emit(Event{Kind: Called, Function: c.function, Site: c.site, Name: r.Frames.Funcs[c.function-1].Sites[c.site].Name})
}

// HostCall records that a function of the host is called: its module and name, and the
// arguments as text. A host that calls it need not call HostReturn if it never returns.
// All has calls recorded that cannot suspend.
func (r *Recorder) HostCall(name string, args []string, all bool) {
	e := Event{Kind: Called, Name: name, Args: args, Site: -1}
	if c := r.pending; c != nil && r.Frames.Funcs[c.function-1].Sites[c.site].Name == name {
		e.Function, e.Site = c.function, c.site
		r.pending = nil
		r.emit(e)
		r.hosts = append(r.hosts, true)
		return
	}
	r.flush()
	if all {
		r.emit(e)
	}
	r.hosts = append(r.hosts, all)
}

// HostReturn records that it returns.
func (r *Recorder) HostReturn(name string, results []string) {
	r.flush()
	n := len(r.hosts)
	if n == 0 {
		return
	}
	recorded := r.hosts[n-1]
	r.hosts = r.hosts[:n-1]
	if recorded && r.state != unwinding { // what it returns then does not matter
		r.emit(Event{Kind: Returned, Name: name, Results: results, Site: -1})
	}
}

// leaves records that a function returns, or that it has spilled its frame.
func (r *Recorder) leaves(function int, spilled bool) {
	if !r.isOnTop(function) {
		return
	}
	top := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	switch {
	case spilled && !top.idle:
		r.spilled(top)
	case r.Calls:
		r.emit(Event{Kind: Return, Function: function})
	}
	if r.state == running {
		r.returned(top)
	}
}

// spilled records the frame that a function has pushed.
func (r *Recorder) spilled(top entry) {
	push := Event{Kind: Push, Function: top.function, Site: top.site}
	f := r.mapped(top.function)
	if f == nil || r.full() {
		r.emit(push)
		return
	}
	position, end := r.position(), r.word(r.data+4)
	if position > end {
		r.emitText(push, r.doesNotFit(top))
		return
	}
	frame, err := r.frameEnding(top.function, position)
	if err != nil {
		r.emitText(push, "the frame cannot be read: "+err.Error())
		return
	}
	push.Site = frame.Site
	push.Frame = r.push(top.function, &frame)
	r.emit(push)
}

// isOnTop reports whether a function is the innermost one. Functions above it are taken
// off: they have been left by a trap, or in a way that probes do not see.
func (r *Recorder) isOnTop(function int) bool {
	for i := len(r.stack) - 1; i >= max(0, len(r.stack)-maxLeft); i-- {
		if r.stack[i].function == function {
			r.stack = r.stack[:i+1]
			return true
		}
	}
	return false
}

// maxLeft is how many functions may be left so at once.
const maxLeft = 4096

// mapped returns what the map says of a function, nil for one that is not in it.
func (r *Recorder) mapped(function int) *fiberlib.FrameFunc {
	if function < 1 || function > len(r.Frames.Funcs) {
		return nil
	}
	return &r.Frames.Funcs[function-1]
}

// word reads a word of memory, 0 if there is none.
func (r *Recorder) word(at uint32) uint32 {
	word := r.Memory(at, 4)
	if len(word) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(word)
}

// position is where the next frame goes.
func (r *Recorder) position() uint32 {
	if r.data == 0 {
		return 0
	}
	return r.word(r.data)
}

// Output records what the program prints.
func (r *Recorder) Output(text string) {
	if text == "" {
		return
	}
	if n := len(r.events); n > 0 && r.events[n-1].Kind == Output && !r.full() { // a library writes in pieces
		e := &r.events[n-1]
		r.weight += len(text) / 64
		e.Output += text
		e.Text = r.sentence(e)
		return
	}
	r.emit(Event{Kind: Output, Output: text, Site: -1})
}

// full reports whether further events are only counted.
func (r *Recorder) full() bool { return len(r.events) >= r.Limit || r.weight > maxWeight }

// The bounds of a recorder, whatever the limit is: calls may go deep, frames hold
// thousands of values, names be long, and a module may call the import itself.
const (
	maxWeight = 1 << 22 // elements of stacks and buffers, values, and 64 bytes of text each
	maxDepth  = 1 << 18 // functions on a stack
	maxKnown  = 1 << 18 // fibers and data blocks
)

// emit records an event, with how things are.
func (r *Recorder) emit(e Event) {
	r.count(e, func(e *Event) { e.Text = r.sentence(e) })
}

func (r *Recorder) emitText(e Event, text string) {
	r.count(e, func(e *Event) { e.Text = text })
}

// emitPopped records that a frame is popped.
func (r *Recorder) emitPopped(e Event, f *fiberlib.Frame) {
	if !r.full() {
		e.Frame = r.frameNode(e.Function, f)
	}
	r.count(e, func(e *Event) {
		e.Position -= f.Size // it is about to
		e.Buffer = r.bufferNode(e.Position)
		e.Text = r.sentence(e)
	})
}

func (r *Recorder) count(e Event, complete func(*Event)) {
	set(&r.counts, e.Kind, r.counts[e.Kind]+1)
	if r.full() {
		r.leftOut++
		return
	}
	if e.Kind == Enter || e.Kind == Return || e.Kind.ChangesState() || e.Kind.Switches() {
		e.Site = -1
	}
	e.N, e.State, e.Fiber, e.SP, e.Data = len(r.events)+1, stateNames[r.state], r.current, r.sp, r.data
	e.Stack, e.Depth, e.Position = r.stackNode(), len(r.stack), r.position()
	e.Buffer = r.bufferNode(e.Position)
	if r.Clock != nil {
		e.Time = r.Clock()
	}
	complete(&e)
	r.weight += 1 + (len(e.Text)+len(e.Output))/64
	r.events = append(r.events, e)
}

// Finish ends the recording and returns the trace. The words say how the run ended.
func (r *Recorder) Finish(ended string) *Trace {
	r.flush()
	r.emitLast(ended)
	t := &Trace{
		Format: "watfiber.trace", Version: Version, Module: r.Module, Ended: ended, Counts: r.counts, LeftOut: r.leftOut,
		Events: r.events, Fibers: r.fibers.all, Stack: r.calls, Frames: r.frames,
	}
	t.Functions = r.functions()
	return t
}

// emitLast records the end, which is there whatever the limit is.
func (r *Recorder) emitLast(ended string) {
	if r.full() {
		set(&r.counts, Ended, 1)
		e := Event{N: len(r.events) + r.leftOut + 1, Kind: Ended, Text: ended, State: stateNames[r.state], Site: -1}
		if r.Clock != nil {
			e.Time = r.Clock()
		}
		r.events = append(r.events, e)
		return
	}
	r.emitText(Event{Kind: Ended, Site: -1}, ended)
}
