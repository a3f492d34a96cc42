package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite"
)

// recorded traces a program of the examples.
func recorded(t *testing.T, module string) *Trace {
	t.Helper()
	for _, p := range programs {
		if p.module == module {
			return prepare(t, p).run(p)
		}
	}
	t.Fatalf("there is no program %s", module)
	return nil
}

// What a trace says as JSON is the trace, and its numbers refer to what there is.
func TestJSON(t *testing.T) {
	for _, module := range []string{"c/fibers.wasm", "c/resume.wasm", "crystal/first.wasm"} {
		tr := recorded(t, module)
		var b bytes.Buffer
		if err := tr.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var back Trace
		d := json.NewDecoder(&b)
		d.DisallowUnknownFields()
		if err := d.Decode(&back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tr, &back); diff != "" {
			t.Errorf("%s: the trace (-) and what was read (+):\n%s", module, diff)
		}
		refer(t, tr)
	}
}

// refer checks the numbers in a trace.
func refer(t *testing.T, tr *Trace) {
	t.Helper()
	functions := map[int]Function{}
	for _, f := range tr.Functions {
		functions[f.Number] = f
	}
	site := func(what string, function, site int) {
		f, ok := functions[function]
		if !ok || site < -1 || site >= len(f.Sites) {
			t.Fatalf("%s refers to site %d of function %d", what, site, function)
		}
	}
	depth := make([]int, len(tr.Stack)+1)
	for i, c := range tr.Stack {
		site(fmt.Sprintf("call %d", i+1), c.Function, c.Site)
		if c.Below < 0 || c.Below > i || c.Fiber < 1 || c.Fiber > len(tr.Fibers) {
			t.Fatalf("call %d is %+v", i+1, c)
		}
		depth[i+1] = depth[c.Below] + 1
	}
	for i, f := range tr.Frames {
		site(fmt.Sprintf("frame %d", i+1), f.Function, f.Site)
		if f.Below < 0 || f.Below > i || f.Below > 0 && tr.Frames[f.Below-1].Address+tr.Frames[f.Below-1].Size != f.Address {
			t.Fatalf("frame %d is %+v: it does not lie behind the one below it", i+1, f)
		}
	}
	counts := map[Kind]int{}
	for i, e := range tr.Events {
		counts[e.Kind]++
		if e.N != i+1 || e.Text == "" || e.Stack > len(tr.Stack) || e.Depth != depth[e.Stack] || e.Buffer > len(tr.Frames) || e.Fiber > len(tr.Fibers) {
			t.Fatalf("event %d is %+v", i+1, e)
		}
		if e.Buffer > 0 && tr.Frames[e.Buffer-1].Address+tr.Frames[e.Buffer-1].Size != e.Position {
			t.Fatalf("event %d, %s: the last frame in the buffer does not end at %#x", e.N, e.Text, e.Position)
		}
	}
	if diff := cmp.Diff(counts, tr.Counts); diff != "" {
		t.Errorf("events (-) and counts (+):\n%s", diff)
	}
}

// In the file for viewers every slice that begins ends, in order, in the thread of a fiber
// that has a name.
func TestChrome(t *testing.T) {
	for _, module := range []string{"c/fibers.wasm", "c/resume.wasm", "crystal/pipeline.wasm"} {
		tr := recorded(t, module)
		var b bytes.Buffer
		if err := tr.WriteChrome(&b); err != nil {
			t.Fatal(err)
		}
		var file struct {
			TraceEvents []struct {
				Name string  `json:"name"`
				Ph   string  `json:"ph"`
				Ts   float64 `json:"ts"`
				Tid  int     `json:"tid"`
			} `json:"traceEvents"`
		}
		if err := json.Unmarshal(b.Bytes(), &file); err != nil {
			t.Fatal(err)
		}
		open, named, slices, last := map[int][]string{}, map[int]bool{}, 0, 0.0
		for _, e := range file.TraceEvents {
			if e.Ph == "M" {
				named[e.Tid] = true
				continue
			}
			if !named[e.Tid] || e.Ts < last {
				t.Fatalf("%s: %+v has no thread, or lies in the past", module, e)
			}
			last = e.Ts
			n := len(open[e.Tid])
			switch e.Ph {
			case "B":
				open[e.Tid] = append(open[e.Tid], e.Name)
				slices++
			case "E":
				if n == 0 || open[e.Tid][n-1] != e.Name {
					t.Fatalf("%s: %+v ends, open are %q", module, e, open[e.Tid])
				}
				open[e.Tid] = open[e.Tid][:n-1]
			}
		}
		for thread, names := range open {
			if len(names) > 0 {
				t.Errorf("%s: thread %d does not end %q", module, thread, names)
			}
		}
		if slices < 20 {
			t.Errorf("%s: only %d slices", module, slices)
		}
	}
}

// The screen has exactly the size of the terminal at every event, and stepping back shows
// what was shown before.
func TestScreens(t *testing.T) {
	tr := recorded(t, "crystal/first.wasm")
	for _, size := range [][2]int{{80, 24}, {40, 12}, {200, 60}, {1, 1}} {
		s := NewStepper(tr, func(string, int) string { return "\tputs \x1b[31m" + strings.Repeat("é", 300) })
		var shown []string
		for range tr.Events {
			lines := s.Screen(size[0], size[1])
			if len(lines) != size[1] {
				t.Fatalf("%v: %d lines", size, len(lines))
			}
			for _, l := range lines {
				if utf8.RuneCountInString(l) > size[0] || strings.ContainsAny(l, "\x1b\t\n") {
					t.Fatalf("%v: the line %q", size, l)
				}
			}
			shown = append(shown, strings.Join(lines, "\n"))
			s.Key("right")
		}
		for i := len(shown) - 2; i >= 0; i-- {
			s.Key("left")
			if diff := cmp.Diff(shown[i], strings.Join(s.Screen(size[0], size[1]), "\n")); diff != "" {
				t.Fatalf("%v: event %d forwards (-) and back (+):\n%s", size, i+1, diff)
			}
		}
	}
}

// Keys go to changes of the state, to switches, to the ends, and quit.
func TestKeys(t *testing.T) {
	tr := recorded(t, "crystal/first.wasm")
	s := NewStepper(tr, func(string, int) string { return "" })
	at := func(key string, is func(Kind) bool) {
		t.Helper()
		before := s.at
		if !s.Key(key) || !is(tr.Events[s.at].Kind) || s.at == before {
			t.Errorf("%s goes from event %d to %d, %s", key, before+1, s.at+1, tr.Events[s.at].Kind)
		}
	}
	at("down", Kind.ChangesState)
	at("f", Kind.Switches)
	at("f", Kind.Switches)
	at("F", Kind.Switches)
	at("up", Kind.ChangesState)
	at("G", func(k Kind) bool { return k == Ended })
	at("g", func(Kind) bool { return s.at == 0 })
	if !s.Key("left") || s.at != 0 || !s.Key("no such key") || s.at != 0 {
		t.Errorf("the stepper goes to event %d", s.at+1)
	}
	s.Key("?")
	if help := strings.Join(s.Screen(80, 24), "\n"); !strings.Contains(help, "the one before") {
		t.Errorf("? shows\n%s", help)
	}
	for _, key := range []string{"q", "escape", "ctrl-c"} {
		if s.Key(key) {
			t.Errorf("%s does not quit", key)
		}
	}
}

// Beyond the limit events are counted, exactly, and nothing else is kept.
func TestLimit(t *testing.T) {
	all := recorded(t, "c/fibers.wasm")
	p := program{module: "c/fibers.wasm"}
	x := prepare(t, p)
	x.rec.Limit = 100
	few := x.run(p)
	if diff := cmp.Diff(all.Counts, few.Counts, cmp.FilterPath(func(path cmp.Path) bool { return path.Last().String() == `["output"]` }, cmp.Ignore())); diff != "" {
		t.Errorf("counted without a limit (-) and with one (+):\n%s", diff)
	}
	if len(few.Events) != 101 || few.Events[100].Kind != Ended || len(few.Frames) > 100 || len(few.Stack) > 100 {
		t.Errorf("%d events, %d frames, %d calls are kept", len(few.Events), len(few.Frames), len(few.Stack))
	}
	if diff := cmp.Diff(all.Events[:100], few.Events[:100]); diff != "" {
		t.Errorf("the first events without a limit (-) and with one (+):\n%s", diff)
	}
	var text bytes.Buffer
	if err := few.WriteText(&text); err != nil || !strings.Contains(text.String(), fmt.Sprintf("\n… %d more events are counted, and not kept\n", few.LeftOut)) {
		t.Errorf("%v: the text does not say how many are left out:\n%s", err, text.String())
	}
}

// A module may call the import itself, with anything. The recorder then records nonsense,
// in bounded memory, and what it writes can be read.
func TestNonsense(t *testing.T) {
	frames := &fiberlib.FrameMap{Funcs: []fiberlib.FrameFunc{
		{
			Name: "f\x1b\n" + strings.Repeat("x", 10_000), Size: 12, SiteAt: 8, Slots: []fiberlib.FrameSlot{{Name: "", Type: 'l'}},
			Sites: []fiberlib.FrameSite{{Name: "env.g", Live: []bool{true}}, {Callee: 1, Live: []bool{false}}},
		},
		{Name: "none", SiteAt: -1, Sites: []fiberlib.FrameSite{{Callee: -1}}},
	}}
	dice := rand.New(rand.NewPCG(1, 1))
	memory := make([]byte, 256)
	for range 60 {
		r := &Recorder{Frames: frames, Memory: windows(memory), Calls: dice.IntN(2) == 0, Limit: dice.IntN(300)}
		word := func() uint32 {
			switch dice.IntN(4) {
			case 0:
				return dice.Uint32()
			case 1:
				return dice.Uint32N(260)
			}
			return dice.Uint32N(4)
		}
		for range 1000 {
			switch dice.IntN(12) {
			case 0:
				r.HostCall("env.g", []string{"1"}, dice.IntN(2) == 0)
			case 1:
				r.HostReturn("env.g", []string{"2"})
			case 2:
				r.Output("text")
			case 3:
				memory[dice.IntN(len(memory))] = byte(dice.Uint32())
			default:
				r.Probe(Probe{dice.Uint32N(8), word(), word(), dice.Uint32N(4), word(), word(), word()})
			}
		}
		tr := r.Finish("it ends")
		var b bytes.Buffer
		for _, write := range []func() error{func() error { return tr.WriteJSON(&b) }, func() error { return tr.WriteChrome(&b) }, func() error { return tr.WriteText(&b) }} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
		s := NewStepper(tr, func(string, int) string { return "" })
		for range tr.Events {
			s.Screen(80, 24)
			s.Key("right")
		}
	}
}

// However often the import is called, the memory of the recorder is bounded.
func TestBounds(t *testing.T) {
	frames := &fiberlib.FrameMap{Funcs: []fiberlib.FrameFunc{{Name: "f", Sites: []fiberlib.FrameSite{{Name: "env.g"}}, SiteAt: -1}}}
	r := &Recorder{Frames: frames, Memory: windows(nil), Limit: 10}
	for i := range uint32(maxDepth + 1000) {
		r.Probe(Probe{Kind: rewrite.ProbeEnter, A: 1})
		r.Probe(Probe{Kind: rewrite.ProbeFiber, A: 8 * i, B: rewrite.FiberBegins})
		r.Probe(Probe{Kind: rewrite.ProbeState, A: 1, Data: 8 * i})
		r.Probe(Probe{Kind: rewrite.ProbeState, A: 0, Data: 8 * i})
	}
	if len(r.stack) > maxDepth || len(r.regions) > maxKnown || len(r.owner) > maxKnown || len(r.fibers.all) > 11 || len(r.buffers) > 10 {
		t.Errorf("the recorder keeps %d calls, %d regions, %d data blocks, %d fibers", len(r.stack), len(r.regions), len(r.owner), len(r.fibers.all))
	}
}

// windows returns what reads a memory.
func windows(memory []byte) func(at, size uint32) []byte {
	return func(at, size uint32) []byte {
		if uint64(at)+uint64(size) > uint64(len(memory)) {
			return nil
		}
		return memory[at:][:size]
	}
}
