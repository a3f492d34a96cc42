package trace

import (
	"encoding/json"
	"io"
)

// chromeEvent is an event in the Trace Event Format, which chrome://tracing and Perfetto
// read.
type chromeEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`            // B begins a slice, E ends one, i is an instant, M says a name
	Time  float64        `json:"ts"`            // in microseconds
	PID   int            `json:"pid"`           //
	TID   int            `json:"tid"`           // the fiber; 0 is the state
	Scope string         `json:"s,omitempty"`   // of an instant: t for its thread
	Sort  string         `json:"cat,omitempty"` // what it is
	Args  map[string]any `json:"args,omitempty"`
}

// chrome makes a file of trace events.
type chrome struct {
	t      *Trace
	events []chromeEvent
	open   map[int][]string // by fiber: its slices
	state  string
}

// WriteChrome writes the trace for viewers of trace events: a thread for each fiber, with
// a slice for each instrumented function while it is on the stack, and one thread for the
// state. It needs a trace with calls.
func (t *Trace) WriteChrome(w io.Writer) error {
	c := &chrome{t: t, open: map[int][]string{}}
	c.thread(0, "state")
	for _, f := range t.Fibers {
		c.thread(f.ID, f.Name)
	}
	for i := range t.Events {
		c.add(&t.Events[i])
	}
	c.closeAll()
	return json.NewEncoder(w).Encode(map[string]any{
		"displayTimeUnit": "ns", "traceEvents": c.events,
		"otherData": map[string]any{"module": t.Module, "ended": t.Ended, "left_out": t.LeftOut},
	})
}

func (c *chrome) thread(id int, name string) {
	c.events = append(c.events,
		chromeEvent{Name: "thread_name", Phase: "M", PID: 1, TID: id, Args: map[string]any{"name": name}},
		chromeEvent{Name: "thread_sort_index", Phase: "M", PID: 1, TID: id, Args: map[string]any{"sort_index": id}})
}

// time is that of an event in microseconds.
func (e *Event) time() float64 { return float64(e.Time.Nanoseconds()) / 1000 }

// add adds what becomes of an event.
func (c *chrome) add(e *Event) {
	c.lamp(e)
	fiber := c.fiberOf(e)
	switch e.Kind {
	case Enter, Pop:
		c.begin(e, fiber, c.t.functionOf(e.Function).Name, "function")
	case Return, Push:
		c.end(e, fiber)
	case Called:
		c.instant(e, fiber, "call "+e.Name)
	case Returned:
		c.instant(e, fiber, "return of "+e.Name)
	case Output, Begin, Switch, End, Ended:
		c.instant(e, fiber, string(e.Kind))
	}
}

// fiberOf returns the fiber whose stack an event is about. A function that leaves is of
// the fiber whose slice is open.
func (c *chrome) fiberOf(e *Event) int {
	if e.Fiber == 0 && len(c.t.Fibers) > 0 {
		return c.t.Fibers[0].ID
	}
	return e.Fiber
}

// lamp shows the state as slices of a thread of its own.
func (c *chrome) lamp(e *Event) {
	if !e.Kind.ChangesState() {
		return
	}
	if c.state != "" {
		c.end(e, 0)
	}
	c.begin(e, 0, e.State, "state")
	c.state = e.State
}

func (c *chrome) begin(e *Event, thread int, name, sort string) {
	c.open[thread] = append(c.open[thread], name)
	c.events = append(c.events, chromeEvent{Name: name, Phase: "B", Time: e.time(), PID: 1, TID: thread, Sort: sort, Args: c.args(e)})
}

// end ends the innermost slice of a thread, if there is one.
func (c *chrome) end(e *Event, thread int) {
	n := len(c.open[thread])
	if n == 0 {
		return
	}
	c.events = append(c.events, chromeEvent{Name: c.open[thread][n-1], Phase: "E", Time: e.time(), PID: 1, TID: thread, Args: c.args(e)})
	c.open[thread] = c.open[thread][:n-1]
}

func (c *chrome) instant(e *Event, thread int, name string) {
	c.events = append(c.events, chromeEvent{Name: name, Phase: "i", Scope: "t", Time: e.time(), PID: 1, TID: thread, Args: c.args(e)})
}

func (c *chrome) args(e *Event) map[string]any { return map[string]any{"n": e.N, "text": e.Text} }

// closeAll ends the slices that are open when the trace is over.
func (c *chrome) closeAll() {
	if len(c.t.Events) == 0 {
		return
	}
	last := &c.t.Events[len(c.t.Events)-1]
	for thread := 0; thread <= len(c.t.Fibers); thread++ {
		for len(c.open[thread]) > 0 {
			c.end(last, thread)
		}
	}
}
