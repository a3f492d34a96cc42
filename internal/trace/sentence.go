package trace

import (
	"fmt"
	"strings"
)

// sentence says in one sentence what an event is.
func (r *Recorder) sentence(e *Event) string {
	switch e.Kind {
	case Enter:
		if r.state == unwinding {
			return r.name(e.Function) + " is called while unwinding, and does nothing"
		}
		return r.name(e.Function) + " is called"
	case Return:
		return r.name(e.Function) + " returns"
	case Called:
		return r.callText(e)
	case Returned:
		if len(e.Results) == 0 {
			return short(e.Name) + " returns"
		}
		return short(e.Name) + " returns " + strings.Join(e.Results, ", ")
	case StartUnwind:
		return fmt.Sprintf("start_unwind: %s leaves the stack; its frames go to the buffer at %#x, which has room for %s", r.fiberName(r.current), r.data, byteCount(r.room()))
	case StopUnwind:
		return fmt.Sprintf("stop_unwind: %s has left the stack; %s the buffer", r.fiberName(r.current), r.inBuffer(e.Buffer))
	case StartRewind:
		return fmt.Sprintf("start_rewind: %s the buffer at %#x; %s comes back", r.inBuffer(e.Buffer), r.data, r.fiberName(r.current))
	case StopRewind:
		return "stop_rewind: the stack is as it was; " + r.fiberName(r.current) + " goes on" + r.inTop()
	case Push:
		return r.pushText(e)
	case Pop:
		return r.popText(e)
	case Begin:
		return r.fiberName(r.current) + " begins"
	case Switch:
		return r.fiberName(r.current) + " goes on"
	case End:
		return r.fiberName(r.current) + " has ended"
	case Output:
		return fmt.Sprintf("the program prints %q", e.Output)
	}
	return string(e.Kind)
}

func (r *Recorder) name(function int) string {
	if f := r.mapped(function); f != nil {
		return short(f.Name)
	}
	return "a function"
}

// maxName is how many characters of a name are shown.
const maxName = 120

func short(name string) string { return clip(name, maxName) }

// fiberName names a fiber.
func (r *Recorder) fiberName(id int) string {
	if id > 0 && id <= len(r.fibers.all) {
		return r.fibers.all[id-1].Name
	}
	return "the stack"
}

// place says where a site stands, with what goes before it; "" if that is not known.
func (r *Recorder) place(before string, function, site int) string {
	f := r.mapped(function)
	if f == nil || site < 0 || site >= len(f.Sites) || f.Sites[site].File == "" {
		return ""
	}
	return fmt.Sprintf("%s%s:%d", before, short(f.Sites[site].File), f.Sites[site].Line)
}

func (r *Recorder) callText(e *Event) string {
	text := short(e.Name)
	if e.Args != nil {
		text += "(" + strings.Join(e.Args, ", ") + ")"
	}
	if e.Function == 0 {
		return "the program calls " + text
	}
	again := ""
	if r.state == rewinding {
		again = " again"
	}
	return fmt.Sprintf("%s calls %s%s%s", r.name(e.Function), text, again, r.place(", ", e.Function, e.Site))
}

func (r *Recorder) pushText(e *Event) string {
	f := r.mapped(e.Function)
	if e.Frame == 0 || f.Size == 0 {
		return fmt.Sprintf("%s leaves%s; it needs no frame", r.name(e.Function), r.at(e))
	}
	return fmt.Sprintf("%s leaves%s, and pushes %s%s", r.name(e.Function), r.at(e), byteCount(r.frames[e.Frame-1].Size), values(r.frames[e.Frame-1].Values))
}

func (r *Recorder) popText(e *Event) string {
	f := r.mapped(e.Function)
	if e.Frame == 0 || f.Size == 0 {
		return fmt.Sprintf("%s is called again, and goes on%s; it needs no frame", r.name(e.Function), r.at(e))
	}
	return fmt.Sprintf("%s is called again, goes on%s, and pops %s%s", r.name(e.Function), r.at(e), byteCount(r.frames[e.Frame-1].Size), values(r.frames[e.Frame-1].Values))
}

// at names a site, with the line if that is known.
func (r *Recorder) at(e *Event) string {
	f := r.mapped(e.Function)
	if e.Site < 0 || f == nil || e.Site >= len(f.Sites) {
		return ""
	}
	return fmt.Sprintf(" at site %d, its call of %s%s", e.Site, short(r.calleeName(&f.Sites[e.Site])), r.place(", ", e.Function, e.Site))
}

// doesNotFit says that there was no room for the frame of a function.
func (r *Recorder) doesNotFit(top entry) string {
	return fmt.Sprintf("%s leaves, and its frame of %s does not fit: stop_unwind will trap", r.name(top.function), byteCount(r.mapped(top.function).Size))
}

// values lists the values of a frame, with a colon before them.
func values(values []Value) string {
	if len(values) == 0 {
		return ""
	}
	var words []string
	for i, v := range values {
		if i == maxValues {
			words = append(words, fmt.Sprintf("and %d more", len(values)-i))
			break
		}
		words = append(words, short(v.label())+" = "+v.Value)
	}
	return ": " + strings.Join(words, ", ")
}

// maxValues is how many values of a frame are shown.
const maxValues = 20

// label names the value for a reader.
func (v *Value) label() string {
	if v.Name == "" || v.Name[0] >= '0' && v.Name[0] <= '9' {
		return "local " + v.Name
	}
	return v.Name
}

// inBuffer says how many frames there are, up to the words "the buffer".
func (r *Recorder) inBuffer(node int) string {
	n, size := 0, uint32(0)
	for ; node != 0; node = r.frames[node-1].Below {
		n++
		size += r.frames[node-1].Size
	}
	switch n {
	case 0:
		return "no frames are in"
	case 1:
		return "one frame of " + byteCount(size) + " is in"
	}
	return fmt.Sprintf("%d frames of %s are in", n, byteCount(size))
}

// inTop names the innermost function.
func (r *Recorder) inTop() string {
	if len(r.stack) == 0 {
		return ""
	}
	top := r.stack[len(r.stack)-1]
	return " in " + r.name(top.function) + r.place(", ", top.function, top.site)
}

// room is how many bytes of frames fit into the buffer in use.
func (r *Recorder) room() uint32 {
	position, end := r.position(), r.word(r.data+4)
	return max(end, position) - position
}

func byteCount(n uint32) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
