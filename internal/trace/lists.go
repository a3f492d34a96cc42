package trace

import (
	"fmt"
	"slices"

	"github.com/watfiber/watfiber/fiberlib"
)

// lists has the elements of stacks and buffers, each once.
type lists struct {
	calls   []Call
	frames  []Frame
	known   map[Call]int      // element -> number
	buffers map[uint32][]held // by address of the data block: by ascending address
	weight  int               // what all that takes
}

// held is a frame that was pushed into a buffer. It remains known when it is popped: with
// the position set back it can be popped again.
type held struct {
	end  uint32 // behind it
	node int
}

// stackNode returns the element for the innermost function.
func (r *Recorder) stackNode() int {
	from := len(r.stack)
	for from > 0 && r.stack[from-1].node == 0 {
		from--
	}
	// Elements above one that has changed are new as well: they have no node, or one with
	// another below it. A site changes only on top, so there are none of the latter.
	for i := from; i < len(r.stack); i++ {
		e := &r.stack[i]
		c := Call{Function: e.function, Site: e.site, Fiber: e.fiber}
		if i > 0 {
			c.Below = r.stack[i-1].node
		}
		if r.known == nil {
			r.known = map[Call]int{}
		}
		if e.node = r.known[c]; e.node == 0 {
			r.calls = append(r.calls, c)
			r.weight++
			e.node = len(r.calls)
			r.known[c] = e.node
		}
	}
	if len(r.stack) == 0 {
		return 0
	}
	return r.stack[len(r.stack)-1].node
}

// bufferNode returns the element for the last frame in the buffer in use that ends at
// the position or below.
func (r *Recorder) bufferNode(position uint32) int {
	for _, h := range slices.Backward(r.buffers[r.data]) {
		if h.end <= position {
			return h.node
		}
	}
	return 0
}

// push notes the frame that a function has pushed, and returns its element.
func (r *Recorder) push(function int, f *fiberlib.Frame) int {
	if r.buffers == nil {
		r.buffers = map[uint32][]held{}
	}
	b := r.buffers[r.data]
	for len(b) > 0 && (b[len(b)-1].end > f.Address || f.Size > 0 && b[len(b)-1].end > f.Address+f.Size) {
		b = b[:len(b)-1]
	}
	below := 0
	if len(b) > 0 {
		below = b[len(b)-1].node
	}
	node := r.addFrame(below, function, f)
	r.buffers[r.data] = append(b, held{f.Address + f.Size, node})
	return node
}

// frameNode returns the element for a frame that is popped: the one that was pushed, or
// a new one if the program has brought it there.
func (r *Recorder) frameNode(function int, f *fiberlib.Frame) int {
	for _, h := range slices.Backward(r.buffers[r.data]) {
		if k := &r.frames[h.node-1]; k.Function == function && k.Address == f.Address && k.Site == f.Site && slices.EqualFunc(k.Values, f.Locals, same) {
			return h.node
		}
	}
	return r.addFrame(0, function, f)
}

// same reports whether a value is what it was.
func same(v Value, l fiberlib.Local) bool { return v.Address == l.Address && v.Value == l.Value() }

func (r *Recorder) addFrame(below, function int, f *fiberlib.Frame) int {
	frame := Frame{Below: below, Function: function, Site: f.Site, Address: f.Address, Size: f.Size, Values: []Value{}}
	for i := range f.Locals {
		l := &f.Locals[i]
		frame.Values = append(frame.Values, Value{Name: l.Name, Type: typeName(l.Type), Address: l.Address, Value: l.Value()})
	}
	r.frames = append(r.frames, frame)
	r.weight += 1 + len(frame.Values)
	return len(r.frames)
}

// typeName returns the name of a type by its letter in the map.
func typeName(letter byte) string {
	switch letter {
	case 'i':
		return "i32"
	case 'l':
		return "i64"
	case 'f':
		return "f32"
	case 'd':
		return "f64"
	}
	return "v128"
}

// frameBelow returns the frame of a function that ends at a position, nil if none can be
// there.
func (r *Recorder) frameBelow(position uint32, function int) *fiberlib.Frame {
	f := r.mapped(function)
	if f == nil {
		return nil
	}
	frame, err := r.frameEnding(function, position)
	if err != nil {
		return nil
	}
	return &frame
}

// frameEnding reads the frame of a function, which is in the map, that ends at an address.
func (r *Recorder) frameEnding(function int, end uint32) (fiberlib.Frame, error) {
	f := r.mapped(function)
	size := min(f.Size, end) // a frame that is not whole may lie lower than a whole one could
	memory := r.Memory(end-size, size)
	if uint32(len(memory)) < size {
		return fiberlib.Frame{}, fmt.Errorf("the frame of %s up to %#x is not in memory", f.Name, end)
	}
	frame, err := r.Frames.FrameBelow(memory, function, size)
	frame.Address += end - size
	for i := range frame.Locals {
		frame.Locals[i].Address += end - size
	}
	return frame, err
}

// functions returns the functions that occur in the trace.
func (r *Recorder) functions() []Function {
	used := map[int]bool{}
	for _, c := range r.calls {
		used[c.Function] = true
	}
	for _, f := range r.frames {
		used[f.Function] = true
	}
	for _, e := range r.events {
		used[e.Function] = true
	}
	list := []Function{}
	for i, f := range r.Frames.Funcs {
		if !used[i+1] {
			continue
		}
		d := Function{Number: i + 1, Name: f.Name, Size: f.Size, Slots: []Slot{}, Sites: []Site{}}
		for _, s := range f.Slots {
			d.Slots = append(d.Slots, Slot{s.Name, typeName(s.Type), s.Offset})
		}
		for _, s := range f.Sites {
			d.Sites = append(d.Sites, Site{r.calleeName(&s), s.File, s.Line})
		}
		list = append(list, d)
	}
	return list
}

// calleeName says what a site calls.
func (r *Recorder) calleeName(s *fiberlib.FrameSite) string {
	switch {
	case s.Callee > 0:
		return r.Frames.Funcs[s.Callee-1].Name
	case s.Callee < 0:
		return "a function from a table"
	}
	return s.Name
}
