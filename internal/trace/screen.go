package trace

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Stepper shows a trace event by event. It knows nothing of terminals: keys go in,
// lines come out.
type Stepper struct {
	trace  *Trace
	source func(file string, line int) string
	at     int // the event that is shown
	help   bool
}

// NewStepper returns a stepper at the first event. Source returns a line of the source,
// "" if it is not at hand.
func NewStepper(t *Trace, source func(file string, line int) string) *Stepper {
	return &Stepper{trace: t, source: source}
}

// The keys of a stepper.
const keysLine = "← → step   ↑ ↓ state changes   f F fiber switches   g G ends   ? keys   q quit"

var keysHelp = []string{
	" → l n space    the next event",
	" ← h p          the one before",
	" ↓ j   ↑ k      the next change of the state, and the one before",
	" f     F        the next switch of fibers, and the one before",
	" g     G        the first event and the last",
	" ?              these keys, and away",
	" q Esc Ctrl-C   quit",
	"",
	" On the left are the functions on the stack of the engine, as far as they may",
	" suspend, the innermost first; on the right is what lies in the buffer.",
}

// Key takes a key: a character, or a name such as right or end. It reports false if the
// stepper is to quit.
func (s *Stepper) Key(key string) bool {
	if key == "?" {
		s.help = !s.help
		return true
	}
	s.help = false
	switch key {
	case "right", "l", "n", " ", "enter":
		s.move(1, func(Kind) bool { return true })
	case "left", "h", "p", "backspace":
		s.move(-1, func(Kind) bool { return true })
	case "down", "j":
		s.move(1, Kind.ChangesState)
	case "up", "k":
		s.move(-1, Kind.ChangesState)
	case "f":
		s.move(1, Kind.Switches)
	case "F":
		s.move(-1, Kind.Switches)
	case "g", "home":
		s.at = 0
	case "G", "end":
		s.at = len(s.trace.Events) - 1
	case "q", "escape", "ctrl-c":
		return false
	}
	return true
}

// move goes to the nearest event of a kind in a direction, if there is one.
func (s *Stepper) move(by int, is func(Kind) bool) {
	for at := s.at + by; at >= 0 && at < len(s.trace.Events); at += by {
		if is(s.trace.Events[at].Kind) {
			s.at = at
			return
		}
	}
}

// The smallest screen that everything fits on; of a smaller one the rest is cut off.
const minWidth, minHeight = 40, 14

// Screen returns what to show: exactly so many lines, none wider than the width in
// characters.
func (s *Stepper) Screen(width, height int) []string {
	cols, rows := max(width, 1), max(height, 1)
	width, height = max(width, minWidth), max(height, minHeight)
	e := &s.trace.Events[s.at]
	lines := s.head(e, width)
	foot := s.foot(e, width)
	room := height - len(lines) - len(foot)
	if s.help {
		lines = append(lines, fit(keysHelp, room)...)
	} else {
		lines = append(lines, s.columns(e, width, room)...)
	}
	lines = append(lines, foot...)
	for i, l := range lines {
		lines[i] = clip(l, cols)
	}
	return fit(lines, rows)
}

// head is what stands at the top: where in the trace this is, the state, the fiber, the
// pointers.
func (s *Stepper) head(e *Event, width int) []string {
	t := s.trace
	title := fmt.Sprintf(" %s   event %d of %d", t.Module, e.N, len(t.Events)+t.LeftOut)
	lamps := make([]string, len(stateNames))
	for i, name := range stateNames {
		lamps[i] = "  " + name + " "
		if name == e.State {
			lamps[i] = "[" + strings.ToUpper(name) + "]"
		}
	}
	numbers := " no stack in memory"
	if e.SP != 0 {
		numbers = fmt.Sprintf(" stack pointer %#x", e.SP)
	}
	if e.Data != 0 {
		numbers += fmt.Sprintf("   data block %#x, position %#x", e.Data, e.Position)
	}
	return []string{title, " " + strings.Join(lamps, " ") + "   " + s.fiberName(e.Fiber), numbers, rule(width)}
}

func (s *Stepper) fiberName(id int) string {
	if id > 0 && id <= len(s.trace.Fibers) {
		return s.trace.Fibers[id-1].Name
	}
	return "no fiber"
}

func rule(width int) string { return strings.Repeat("─", width) }

// foot is what stands at the bottom: what happens, the line of the source, the keys.
func (s *Stepper) foot(e *Event, width int) []string {
	text := wrap(e.Text, width-2, 3)
	lines := []string{rule(width)}
	for _, l := range text {
		lines = append(lines, " "+l)
	}
	for len(lines) < 4 { // what is above stays where it is
		lines = append(lines, "")
	}
	return append(lines, s.sourceOf(e), rule(width), " "+keysLine)
}

// sourceOf is the line of the source that the innermost function is at.
func (s *Stepper) sourceOf(e *Event) string {
	function, site := e.Function, e.Site
	if site < 0 && e.Stack > 0 {
		c := s.trace.Stack[e.Stack-1]
		function, site = c.Function, c.Site
	}
	if site < 0 || function == 0 {
		return ""
	}
	f := s.trace.functionOf(function)
	if site >= len(f.Sites) || f.Sites[site].File == "" {
		return ""
	}
	at := f.Sites[site]
	text := fmt.Sprintf(" %s:%d", at.File, at.Line)
	if line := strings.TrimSpace(s.source(at.File, at.Line)); line != "" {
		text += "  │ " + line
	}
	return text
}

// columns are the stack and the buffer side by side.
func (s *Stepper) columns(e *Event, width, height int) []string {
	left := width * 2 / 5
	stack, buffer := s.stackLines(e, height), s.bufferLines(e, height)
	lines := make([]string, height)
	for i := range lines {
		l, r := "", ""
		if i < len(stack) {
			l = stack[i]
		}
		if i < len(buffer) {
			r = buffer[i]
		}
		lines[i] = pad(clip(l, left-1), left-1) + "│" + r
	}
	return lines
}

// stackLines list the functions on the stack, the innermost first.
func (s *Stepper) stackLines(e *Event, height int) []string {
	lines := []string{fmt.Sprintf(" stack of the engine: %d", e.Depth)}
	fiber := e.Fiber
	for node := e.Stack; node != 0; {
		c := s.trace.Stack[node-1]
		f := s.trace.functionOf(c.Function)
		line := " " + f.Name
		if c.Site >= 0 && c.Site < len(f.Sites) && f.Sites[c.Site].Line > 0 {
			line += fmt.Sprintf(":%d", f.Sites[c.Site].Line)
		}
		if c.Fiber != fiber {
			lines = append(lines, " ── below: "+s.fiberName(c.Fiber))
			fiber = c.Fiber
		}
		lines = append(lines, line)
		if len(lines) > height {
			break
		}
		node = c.Below
	}
	return cut(lines, height, e.Depth+1)
}

// bufferLines list the frames in the buffer, the one on top first, with their values.
func (s *Stepper) bufferLines(e *Event, height int) []string {
	var lines []string
	n := 0
	for node := e.Buffer; node != 0; node = s.trace.Frames[node-1].Below {
		n++
		if len(lines) > height {
			continue
		}
		f := &s.trace.Frames[node-1]
		lines = append(lines, fmt.Sprintf(" %#x  %s, site %d, %s", f.Address, s.trace.functionOf(f.Function).Name, f.Site, byteCount(f.Size)))
		for _, v := range f.Values {
			lines = append(lines, "     "+v.label()+" = "+v.Value)
		}
	}
	return cut(append([]string{fmt.Sprintf(" buffer: %s", frames(n))}, lines...), height, len(lines)+1)
}

func frames(n int) string {
	switch n {
	case 0:
		return "empty"
	case 1:
		return "1 frame"
	}
	return fmt.Sprintf("%d frames", n)
}

// cut shortens a list to the height, and says so in its last line.
func cut(lines []string, height, total int) []string {
	if len(lines) <= height && total <= height {
		return lines
	}
	lines = slices.Clone(lines[:min(len(lines), height)])
	lines[len(lines)-1] = " …"
	return lines
}

// fit makes a list have so many lines.
func fit(lines []string, height int) []string {
	lines = slices.Clone(lines[:min(len(lines), height)])
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines
}

// clip cuts a line to a width in characters. Control characters, which a name may have,
// would move the cursor.
func clip(line string, width int) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '·'
		}
		return r
	}, line)
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

func pad(line string, width int) string {
	return line + strings.Repeat(" ", max(width-utf8.RuneCountInString(line), 0))
}

// wrap breaks a text into lines at spaces, at most so many; the last has what is left.
func wrap(text string, width, most int) []string {
	var lines []string
	for len(lines) < most-1 && utf8.RuneCountInString(text) > width {
		runes := []rune(text)
		at := slices.Index(runes[:width], ' ')
		for i := at + 1; i < width && at >= 0; i++ {
			if runes[i] == ' ' {
				at = i
			}
		}
		if at <= 0 {
			break
		}
		lines = append(lines, string(runes[:at]))
		text = string(runes[at+1:])
	}
	return append(lines, text)
}
