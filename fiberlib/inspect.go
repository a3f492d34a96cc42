package fiberlib

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A Fiber is what a memory says of a fiber. The layout of its region is that of
// core.wat.
type Fiber struct {
	Address uint32 // of its region
	Main    bool   // an exported function, on the stack that the program has anyway
	Entry   uint32 // if it is no main fiber: the index of its function in the table
	Status  Status
	Wait    Wait
	At      uint32 // what it waits at: the fiber that it joins, a semaphore, a group
	Cases   []Case // the first operations that it waits for, if it waits for channels
	Host    uint32 // data block of the host that has suspended it; 0 if none has
	Size    uint32 // bytes of its region
	Frames  uint32 // bytes of its frames, when it was suspended last
	Shadow  uint32 // bytes of its shadow stack, then; 0 for a main fiber
	Most    uint32 // the most that both together have taken at a switch, 0 if that was not recorded

	Stack []Frame // the innermost first; needs a FrameMap
	Err   error   `json:"-"` // why Stack is not complete
}

// A Case is an operation on a channel.
type Case struct {
	Channel uint32 // its address
	Send    bool   // or receive
}

// Status is what a fiber is doing.
type Status uint32

// The values of Status.
const (
	StatusNew Status = iota
	StatusSuspended
	StatusRunning
	StatusResuming
	StatusDone
	StatusReady
	StatusWaiting
)

var statusWords = [...]string{"new", "suspended", "running", "has resumed another", "done", "ready", "waiting"}

func (s Status) String() string {
	if int(s) < len(statusWords) {
		return statusWords[s]
	}
	return fmt.Sprintf("status %d", uint32(s))
}

// Wait is what a fiber waits for.
type Wait uint32

// The values of Wait.
const (
	WaitFiber     Wait = 1 + iota // another fiber, or to be unparked
	WaitChannel                   // channels
	WaitTime                      // a time
	WaitGroup                     // a group
	WaitIO                        // input or output
	WaitSemaphore                 // a semaphore or a mutex
	WaitCondition                 // a condition
	WaitIdle                      // that no other fiber is ready
	WaitSelect                    // channels or a time
	WaitHost                      // a function of the host
)

var waitWords = [...]string{
	"", "", "for a channel", "for a time", "for a group", "for input or output", "for a semaphore", "for a condition",
	"until no other is ready", "for channels or a time", "for the host",
}

// Doing says what a fiber is doing, in a few words.
func (f *Fiber) Doing() string {
	if f.Host != 0 {
		return "suspended by the host"
	}
	if f.Status != StatusWaiting {
		return f.Status.String()
	}
	switch {
	case f.Wait == WaitFiber && f.At == 0:
		return "waiting to be unparked"
	case f.Wait == WaitFiber:
		return fmt.Sprintf("waiting for fiber %#x to end", f.At)
	case len(f.Cases) > 0:
		return "waiting " + f.operations()
	case int(f.Wait) >= len(waitWords) || waitWords[f.Wait] == "":
		return "waiting"
	}
	text := "waiting " + waitWords[f.Wait]
	if f.Wait == WaitGroup || f.Wait == WaitSemaphore || f.Wait == WaitCondition {
		text += fmt.Sprintf(" at %#x", f.At)
	}
	return text
}

// operations lists what a fiber waits for at channels.
func (f *Fiber) operations() string {
	var words []string
	for _, c := range f.Cases {
		word := "to receive from"
		if c.Send {
			word = "to send to"
		}
		words = append(words, fmt.Sprintf("%s channel %#x", word, c.Channel))
	}
	return strings.Join(words, " or ")
}

// The region of a fiber, as in core.wat.
const (
	regionEntry  = 0
	regionArg    = 4
	regionPos    = 8
	regionSP     = 16
	regionTop    = 20
	regionStatus = 24
	regionCanary = 48
	regionHost   = 56
	regionJoiner = 60
	regionCases  = 64
	regionCount  = 68
	regionAt     = 104
	regionWait   = 112
	regionMost   = 120
	regionFrames = 128

	driven = 1<<32 - 1 // in place of the joiner: the main fiber of a call that the host drives
)

// Fibers finds the fibers in a memory of a program with the fiber library, in the order
// of their addresses. With the map of the program's frames, which may be nil, it finds
// their stacks. It recognises a fiber by the header of its region, so nothing but the
// memory is needed. Regions do not overlap.
func Fibers(memory []byte, m *FrameMap) []Fiber {
	var fibers []Fiber
	left := len(memory) // bytes of frames in buffers of hosts, which cannot overlap either
	for at := 0; at+regionFrames <= len(memory); at += 8 {
		if f, ok := FiberAt(memory, uint32(at), m); ok {
			fibers = append(fibers, f)
			if f.Host != 0 && len(f.Stack) > 0 {
				left -= int(binary.LittleEndian.Uint32(memory[f.Host:]) - f.Stack[0].Address)
			}
			if left < 0 {
				m = nil // this is no memory that a program has left
			}
			at = (at+int(f.Size))&^7 - 8
		}
	}
	return fibers
}

// FiberAt returns the fiber whose region is at an address, with its stack if there is a
// map; it reports false if there is none.
func FiberAt(memory []byte, at uint32, m *FrameMap) (Fiber, bool) {
	if uint64(at)+regionFrames > uint64(len(memory)) {
		return Fiber{}, false
	}
	f, ok := fiberAt(memory, at)
	if ok && m != nil {
		f.walk(memory, m)
	}
	return f, ok
}

// fiberAt reads the header of a region that lies in memory; it reports false if it is
// none.
func fiberAt(memory []byte, at uint32) (Fiber, bool) {
	word := func(offset uint32) uint32 { return binary.LittleEndian.Uint32(memory[at+offset:]) }
	if word(regionCanary) != ^at || at == 0 {
		return Fiber{}, false
	}
	top, pos := word(regionTop), word(regionPos)
	f := Fiber{
		Address: at, Main: word(regionEntry) == 0, Entry: word(regionEntry),
		Status: Status(word(regionStatus)), Wait: Wait(word(regionWait)), At: word(regionAt), Size: top - at, Most: word(regionMost),
	}
	plausible := top > at+regionFrames && uint64(top) <= uint64(len(memory)) && f.Status <= StatusWaiting &&
		(pos == 0 || pos >= at+regionFrames && pos <= top)
	if !plausible {
		return Fiber{}, false
	}
	if f.Status != StatusWaiting {
		f.Wait, f.At = 0, 0
	}
	if f.Wait == WaitChannel || f.Wait == WaitSelect {
		f.At = 0
		f.Cases = casesAt(memory, uint64(word(regionCases)), word(regionCount))
	}
	if host := word(regionHost); host != 0 && uint64(host)+8 <= uint64(len(memory)) {
		f.Host = host
	}
	if f.Host == 0 && f.Status != StatusRunning && f.Status != StatusDone && pos != 0 {
		f.Frames = pos - at - regionFrames
	}
	if sp := word(regionSP); (!f.Main || word(regionJoiner) == driven) && sp <= top && sp > at {
		f.Shadow = top - sp
	}
	return f, true
}

// maxCases bounds the operations of a select that are looked at.
const maxCases = 64

// casesAt reads the cases of a select, as in chan.wat.
func casesAt(memory []byte, at uint64, n uint32) []Case {
	var cases []Case
	for n = min(n, maxCases); n > 0 && at+32 <= uint64(len(memory)); at, n = at+32, n-1 {
		channel, send := binary.LittleEndian.Uint32(memory[at:]), binary.LittleEndian.Uint32(memory[at+4:])
		if channel != 0 {
			cases = append(cases, Case{channel, send != 0})
		}
	}
	return cases
}

// walk finds the stack of a fiber.
func (f *Fiber) walk(memory []byte, m *FrameMap) {
	switch {
	case f.Host != 0: // its frames are where the host wants them
	case f.Status == StatusNew || f.Status == StatusDone:
		return
	case f.Status == StatusRunning, f.Status == StatusResuming && binary.LittleEndian.Uint32(memory[f.Address+regionPos:]) == 0:
		f.Err = fmt.Errorf("its functions are on the stack of the engine")
		return
	}
	root := 0
	if f.Main {
		root = int(binary.LittleEndian.Uint32(memory[f.Address+regionArg:]))
	} else {
		root, _ = m.Entry(0, f.Entry)
	}
	if f.Host != 0 {
		f.Stack, f.Err = m.Walk(memory, 0, binary.LittleEndian.Uint32(memory[f.Host:]), root)
		return
	}
	frames := f.Address + regionFrames
	f.Stack, f.Err = m.Walk(memory, frames, frames+f.Frames, root)
}

// Report writes what fibers are doing, and where, for a person to read: those that
// do something first.
func Report(w io.Writer, fibers []Fiber, values bool) {
	sorted := slices.Clone(fibers)
	slices.SortStableFunc(sorted, func(a, b Fiber) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, f := range sorted {
		name := fmt.Sprintf("fiber %#x", f.Address)
		if f.Main {
			name = fmt.Sprintf("main fiber %#x", f.Address)
		}
		fmt.Fprintf(w, "%s: %s%s\n", name, f.Doing(), f.use())
		for i, frame := range f.Stack {
			fmt.Fprintf(w, "    %s\n", frame.line(i == 0))
			if values && len(frame.Locals) > 0 {
				fmt.Fprintf(w, "        %s\n", frame.values())
			}
		}
		if f.Err != nil {
			fmt.Fprintf(w, "    (%v)\n", f.Err)
		}
	}
}

// rank orders fibers: main ones, those that run, that wait, the others.
func (f *Fiber) rank() int {
	switch {
	case f.Main:
		return 0
	case f.Status == StatusRunning || f.Status == StatusResuming:
		return 1
	case f.Status == StatusWaiting:
		return 2
	case f.Status == StatusDone || f.Status == StatusNew:
		return 4
	}
	return 3
}

// use says what stacks take.
func (f *Fiber) use() string {
	var parts []string
	if f.Frames > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes of frames", f.Frames))
	}
	if f.Shadow > 0 {
		parts = append(parts, fmt.Sprintf("%d of shadow stack", f.Shadow))
	}
	if f.Most > 0 {
		parts = append(parts, fmt.Sprintf("%d at most", f.Most))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, ", ") + fmt.Sprintf(", of %d", f.Size-regionFrames)
}

// line shows a frame: the function, where it is, and if it is the innermost what it
// calls there.
func (f *Frame) line(innermost bool) string {
	text := f.Function
	if f.File != "" {
		text += fmt.Sprintf(" at %s:%d", f.File, f.Line)
	}
	if innermost {
		text += ", in " + f.Callee
	}
	return text
}

// values lists the values of locals. Those without a name have a number.
func (f *Frame) values() string {
	words := make([]string, len(f.Locals))
	for i, l := range f.Locals {
		name := l.Name
		if name == "" || name[0] >= '0' && name[0] <= '9' {
			name = "local " + name
		}
		words[i] = name + " = " + l.Value()
	}
	return strings.Join(words, ", ")
}

// Value returns the value as text: an integer with its sign, a float, two words in
// hexadecimal.
func (l *Local) Value() string {
	switch l.Type {
	case 'i':
		return fmt.Sprint(int32(l.Bits[0]))
	case 'l':
		return fmt.Sprint(int64(l.Bits[0]))
	case 'f':
		return fmt.Sprint(math.Float32frombits(uint32(l.Bits[0])))
	case 'd':
		return fmt.Sprint(math.Float64frombits(l.Bits[0]))
	}
	return fmt.Sprintf("%#016x %#016x", l.Bits[0], l.Bits[1])
}
