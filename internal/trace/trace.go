// Package trace records what happens to the stacks of a module with probes while it runs,
// and shows it: as text, as JSON, as a file for viewers of trace events, and step by step
// in a terminal.
//
// It knows nothing of engines: a host tells a [Recorder] what the probes say.
package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Version is that of the format of a trace. It changes when a reader would have to.
const Version = 1

// A Trace is what happened in a run. Stacks and buffers are lists that share their tails:
// a number is that of the topmost element, counted from 1, and 0 is empty; each element
// says which one lies below.
type Trace struct {
	Format    string     `json:"format"` // watfiber.trace
	Version   int        `json:"version"`
	Module    string     `json:"module"`
	Functions []Function `json:"functions"` // those that occur, by their numbers
	Fibers    []Fiber    `json:"fibers"`    // those that occur, by their numbers
	Stack     []Call     `json:"stack"`     // elements of stacks
	Frames    []Frame    `json:"frames"`    // elements of buffers
	Events    []Event    `json:"events"`    // in the order in which they happened
	// Counts says how many events of each kind there were, those left out included.
	Counts  map[Kind]int `json:"counts"`
	LeftOut int          `json:"left_out"` // events beyond the limit, which are not in Events
	Ended   string       `json:"ended"`    // how the run ended, in words
}

// A Kind says what happens.
type Kind string

// The kinds of events.
const (
	Enter       Kind = "enter"        // a function is called
	Return      Kind = "return"       // a function returns
	Called      Kind = "call"         // a function that has no frames is called: an import, or one of the library
	Returned    Kind = "returned"     // such a function of the host returns
	StartUnwind Kind = "start_unwind" // the state becomes unwinding
	Push        Kind = "push"         // a function spills its frame and leaves
	StopUnwind  Kind = "stop_unwind"  // the state becomes running
	StartRewind Kind = "start_rewind" // the state becomes rewinding
	Pop         Kind = "pop"          // a function is called again and takes its frame
	StopRewind  Kind = "stop_rewind"  // the state becomes running
	Begin       Kind = "begin"        // a fiber runs for the first time
	Switch      Kind = "switch"       // another fiber goes on than ran before
	End         Kind = "end"          // a fiber has ended
	Output      Kind = "output"       // the program prints
	Ended       Kind = "ended"        // the run is over
)

// ChangesState reports whether the state is another behind the event.
func (k Kind) ChangesState() bool {
	return k == StartUnwind || k == StopUnwind || k == StartRewind || k == StopRewind
}

// Switches reports whether another fiber runs behind the event.
func (k Kind) Switches() bool { return k == Begin || k == Switch || k == End }

// An Event is something that has happened, and how things are then.
type Event struct {
	N    int    `json:"n"` // from 1
	Kind Kind   `json:"kind"`
	Text string `json:"text"` // the same in a sentence

	State    string `json:"state"`    // running, unwinding or rewinding
	Fiber    int    `json:"fiber"`    // that runs, 0 if none does
	SP       uint32 `json:"sp"`       // pointer of the stack in memory, 0 if there is none
	Stack    int    `json:"stack"`    // the instrumented functions on the stack of the engine
	Depth    int    `json:"depth"`    // how many they are
	Data     uint32 `json:"data"`     // address of the data block in use, 0 before there is one
	Position uint32 `json:"position"` // its first word: where the next frame goes
	Buffer   int    `json:"buffer"`   // the frames in it

	Function int      `json:"function,omitempty"` // that the event is about
	Site     int      `json:"site"`               // its site, -1 if the event has none
	Frame    int      `json:"frame,omitempty"`    // that is pushed or popped
	Name     string   `json:"name,omitempty"`     // of what is called or has returned
	Args     []string `json:"args,omitempty"`
	Results  []string `json:"results,omitempty"`
	Output   string   `json:"output,omitempty"` // what is printed

	Time time.Duration `json:"-"` // since the start
}

// A Call is an instrumented function on the stack of the engine.
type Call struct {
	Below    int `json:"below"`
	Function int `json:"function"`
	Site     int `json:"site"`  // the last site that it came to, -1 if it came to none
	Fiber    int `json:"fiber"` // whose stack it is
}

// A Frame is a frame in a buffer.
type Frame struct {
	Below    int     `json:"below"`
	Function int     `json:"function"`
	Site     int     `json:"site"` // at which the function is suspended
	Address  uint32  `json:"address"`
	Size     uint32  `json:"size"` // in bytes
	Values   []Value `json:"values"`
}

// A Value is one that the function needs when it goes on.
type Value struct {
	Name    string `json:"name"` // of the local, or its number; $fiber… for an operand
	Type    string `json:"type"` // i32, i64, f32, f64, v128
	Address uint32 `json:"address"`
	Value   string `json:"value"`
}

// A Function is an instrumented function.
type Function struct {
	Number int    `json:"number"` // in the map of the frames, from 1
	Name   string `json:"name"`
	Size   uint32 `json:"size"` // of its frame, in bytes, if that is whole
	Slots  []Slot `json:"slots"`
	Sites  []Site `json:"sites"`
}

// A Slot is a value in the frame of a function.
type Slot struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Offset uint32 `json:"offset"` // in the frame
}

// A Site is a call at which a function may be suspended.
type Site struct {
	Callee string `json:"callee"`
	File   string `json:"file"` // "" if the place is not known
	Line   int    `json:"line"`
}

// A Fiber is a stack of its own. A program that only a host suspends has one.
type Fiber struct {
	ID      int    `json:"id"` // from 1
	Name    string `json:"name"`
	Main    bool   `json:"main"`    // it is a call from the host
	Address uint32 `json:"address"` // of its region, if it is one of the library
}

// WriteJSON writes the trace, with each element of a list in a line of its own.
func (t *Trace) WriteJSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	j := jsonWriter{b: b}
	j.field("{", "format", t.Format)
	j.field(",", "version", t.Version)
	j.field(",", "module", t.Module)
	list(&j, "functions", t.Functions)
	list(&j, "fibers", t.Fibers)
	list(&j, "stack", t.Stack)
	list(&j, "frames", t.Frames)
	list(&j, "events", t.Events)
	j.field(",", "counts", t.Counts)
	j.field(",", "left_out", t.LeftOut)
	j.field(",", "ended", t.Ended)
	b.WriteString("}\n")
	if j.err != nil {
		return j.err
	}
	return b.Flush()
}

// jsonWriter writes an object field by field.
type jsonWriter struct {
	b   *bufio.Writer
	err error
}

func (j *jsonWriter) field(before, name string, v any) {
	fmt.Fprintf(j.b, "%s%q: ", before, name)
	j.value(v)
}

// value writes a value, and ends the line.
func (j *jsonWriter) value(v any) {
	e := json.NewEncoder(j.b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && j.err == nil {
		j.err = err
	}
}

func list[E any](j *jsonWriter, name string, elements []E) {
	fmt.Fprintf(j.b, ",%q: [\n", name)
	for i := range elements {
		if i > 0 {
			j.b.WriteString(",")
		}
		j.value(&elements[i])
	}
	j.b.WriteString("]\n")
}

// functionOf returns a function by its number; there is always one.
func (t *Trace) functionOf(number int) *Function {
	for i := range t.Functions {
		if t.Functions[i].Number == number {
			return &t.Functions[i]
		}
	}
	return &Function{Number: number, Name: "?"}
}
