package trace

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxIndent bounds the indentation: functions may be nested deeper than a line is long.
const maxIndent = 16

// WriteText writes the trace as a line an event, indented by how many instrumented
// functions are on the stack.
func (t *Trace) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	last := len(t.Events) - 1
	width := len(strconv.Itoa(t.total()))
	for i := range t.Events {
		e := &t.Events[i]
		if i == last && t.LeftOut > 0 {
			fmt.Fprintf(b, "… %d more events are counted, and not kept\n", t.LeftOut)
		}
		fiber := ""
		if len(t.Fibers) > 1 {
			fiber = fmt.Sprintf("%*s ", len(strconv.Itoa(len(t.Fibers))), fiberNumber(e.Fiber))
		}
		fmt.Fprintf(b, "%*d %s%s %s%s\n", width, e.N, fiber, stateLamp(e.State), strings.Repeat("  ", min(e.Depth, maxIndent)), e.Text)
	}
	fmt.Fprintf(b, "%s\n", t.summary())
	return b.Flush()
}

// fiberNumber is the number of a fiber, if one runs.
func fiberNumber(id int) string {
	if id == 0 {
		return "-"
	}
	return strconv.Itoa(id)
}

// stateLamp is a letter for the state: . u or r.
func stateLamp(state string) string {
	switch state {
	case stateNames[unwinding]:
		return "u"
	case stateNames[rewinding]:
		return "r"
	}
	return "."
}

// total is how many events there were.
func (t *Trace) total() int { return len(t.Events) + t.LeftOut }

// kinds lists the kinds in the order in which they are counted for a reader.
var kinds = []struct {
	kind Kind
	noun string
}{
	{StartUnwind, "unwind"}, {StartRewind, "rewind"}, {Push, "frame pushed"}, {Pop, "frame popped"}, {Switch, "switch"}, {Begin, "fiber begun"}, {End, "fiber ended"}, {Called, "call"},
}

// summary counts the events, in a line.
func (t *Trace) summary() string {
	var words []string
	for _, k := range kinds {
		n := t.Counts[k.kind]
		if n == 0 {
			continue
		}
		words = append(words, fmt.Sprintf("%d %s", n, plural(k.noun, n)))
	}
	if len(words) == 0 {
		return "nothing was suspended"
	}
	return strings.Join(words, ", ")
}

// plural returns a noun for a number of things: frames pushed, switches.
func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	first, rest, more := strings.Cut(noun, " ")
	if strings.HasSuffix(first, "ch") {
		first += "e"
	}
	first += "s"
	if more {
		return first + " " + rest
	}
	return first
}
