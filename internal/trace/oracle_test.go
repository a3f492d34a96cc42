package trace

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/rewrite"
)

// At each probe of real programs, running, unwinding and rewinding, the stack that is
// recorded is that of the engine, as far as functions that may suspend are concerned, and the fiber is that of the library.
func TestRecordedStacksAreThoseOfTheEngine(t *testing.T) {
	for _, p := range programs {
		t.Run(p.module, func(t *testing.T) {
			t.Parallel()
			const most = 20_000 // probes, since taking the stack of the engine is slow
			x := prepare(t, p)
			instrumented := map[string]bool{}
			for _, f := range x.rec.Frames.Funcs {
				instrumented[f.Name] = true
			}
			var expected []string
			var last Probe
			compared, states := 0, map[uint32]int{}
			verify := func() {
				if expected == nil {
					return
				}
				found := []string{}
				for _, e := range slices.Backward(x.rec.stack) {
					found = append(found, x.rec.Frames.Funcs[e.function-1].Name)
				}
				if diff := cmp.Diff(expected, found); diff != "" {
					t.Fatalf("probe %d: on the engine's stack (-) and recorded (+):\n%s", compared, diff)
				}
				if id := x.rec.regions[last.Fiber]; last.Kind == rewrite.ProbeSite && last.Fiber != 0 && id != x.rec.current {
					t.Fatalf("probe %d: fiber %d runs, %d is recorded", compared, id, x.rec.current)
				}
				compared++
			}
			x.probed = func(p Probe, engine []string) {
				verify() // what the probe before has left
				expected, last = nil, p
				if compared > most || p.Kind == rewrite.ProbeState && !slices.ContainsFunc(engine, func(name string) bool { return !strings.HasPrefix(name, "fiber.") }) {
					return // or called by the host, which sees a stack of its own
				}
				states[p.State]++
				expected = []string{}
				for _, name := range engine {
					if instrumented[name] {
						expected = append(expected, name)
					}
				}
				if p.Kind == rewrite.ProbeReturn || p.Kind == rewrite.ProbeLeave {
					expected = expected[1:] // it is about to
				}
			}
			x.run(p)
			verify()
			if compared < 50 || states[running] == 0 || states[unwinding] == 0 || states[rewinding] == 0 {
				t.Errorf("%d stacks were compared, by state %v", compared, states)
			}
		})
	}
}

// spills listens to the routines that spill and reload frames: what they get and return
// are the values themselves, while the recorder reads the memory.
type spills struct {
	x        *traced
	spilled  []byte // since the last function has left
	reloaded []byte // since the last function was called
	pushes   map[int][]byte
	pops     map[int][]byte // by the number of the event
}

// NewFunctionListener makes it listen.
func (s *spills) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	switch {
	case strings.HasPrefix(f.Name(), "fiber.spill."):
		return &routine{func(params []uint64) { s.spilled = append(s.spilled, encode(f.ParamTypes(), params)...) }, nil}
	case strings.HasPrefix(f.Name(), "fiber.reload."):
		return &routine{nil, func(results []uint64) {
			if s.x.rec.state == rewinding { // the last part of a frame is popped first
				s.reloaded = append(encode(f.ResultTypes(), results), s.reloaded...)
			}
		}}
	}
	return nil
}

// routine listens to one of them.
type routine struct{ before, after func([]uint64) }

func (r *routine) Before(_ context.Context, _ api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	if r.before != nil {
		r.before(params)
	}
}

func (r *routine) After(_ context.Context, _ api.Module, _ api.FunctionDefinition, results []uint64) {
	if r.after != nil {
		r.after(results)
	}
}

func (r *routine) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// encode returns values as they lie in memory.
func encode(types []api.ValueType, values []uint64) []byte {
	const v128 = 0x7b
	var b []byte
	for _, typ := range types {
		switch typ {
		case api.ValueTypeI32, api.ValueTypeF32:
			b = binary.LittleEndian.AppendUint32(b, uint32(values[0]))
		case v128:
			b = binary.LittleEndian.AppendUint64(b, values[0])
			values = values[1:]
			b = binary.LittleEndian.AppendUint64(b, values[0])
		default:
			b = binary.LittleEndian.AppendUint64(b, values[0])
		}
		values = values[1:]
	}
	return b
}

// probe is told of each probe before the recorder: what was reloaded before belongs to
// the last event that has popped a frame.
func (s *spills) probe(p Probe, _ []string) {
	n := len(s.x.rec.events)
	if s.x.rec.full() {
		s.spilled, s.reloaded = nil, nil
		return
	}
	if len(s.reloaded) > 0 {
		for i, e := range slices.Backward(s.x.rec.events) {
			if e.Kind == Pop {
				s.pops[i] = s.reloaded
				break
			}
		}
		s.reloaded = nil
	}
	if len(s.spilled) > 0 && p.Kind == rewrite.ProbeLeave {
		s.pushes[n] = s.spilled // the event that follows
		s.spilled = nil
	}
}

// The values that are recorded of a frame are those that the function has spilled, and
// those that it gets back when it goes on; frames are popped in the reverse order in which
// they were pushed, each once.
func TestValuesAreThoseOfTheFunctions(t *testing.T) {
	for _, p := range programs {
		t.Run(p.module, func(t *testing.T) {
			t.Parallel()
			x := prepare(t, p)
			s := &spills{x: x, pushes: map[int][]byte{}, pops: map[int][]byte{}}
			x.listen, x.probed = s, s.probe
			tr := x.run(p)
			pushed, popped := s.compare(t, tr, s.pushes, Push), s.compare(t, tr, s.pops, Pop)
			if pushed < 5 || popped < 5 {
				t.Errorf("only %d frames that were pushed and %d that were popped were compared", pushed, popped)
			}
			balanced(t, tr)
		})
	}
}

// compare compares the frames of events with the bytes that the routines have seen.
func (s *spills) compare(t *testing.T, tr *Trace, seen map[int][]byte, kind Kind) (compared int) {
	t.Helper()
	for i, e := range tr.Events {
		bytes, ok := seen[i]
		if !ok {
			continue
		}
		if e.Kind != kind || e.Frame == 0 {
			t.Fatalf("event %d: %s; the routines have moved %d bytes", e.N, e.Text, len(bytes))
		}
		f := tr.Frames[e.Frame-1]
		if len(bytes) != int(f.Size) {
			t.Fatalf("event %d: %s; the routines have moved %d bytes", e.N, e.Text, len(bytes))
		}
		for _, v := range f.Values {
			if want := valueIn(bytes[v.Address-f.Address:], v.Type); v.Value != want {
				t.Fatalf("event %d: %s; %s is %s", e.N, e.Text, v.Name, want)
			}
		}
		compared++
	}
	return compared
}

// valueIn returns a value in memory as text.
func valueIn(b []byte, typ string) string {
	letter := map[string]byte{"i32": 'i', "i64": 'l', "f32": 'f', "f64": 'd', "v128": 'v'}[typ]
	l := fiberlib.Local{Type: letter}
	switch letter {
	case 'i', 'f':
		l.Bits = []uint64{uint64(binary.LittleEndian.Uint32(b))}
	case 'v':
		l.Bits = []uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
	default:
		l.Bits = []uint64{binary.LittleEndian.Uint64(b)}
	}
	return l.Value()
}

// balanced checks that each frame that is popped is the last one pushed to its buffer
// that is still there.
func balanced(t *testing.T, tr *Trace) {
	t.Helper()
	buffers := map[uint32][]Event{}
	for _, e := range tr.Events {
		switch e.Kind {
		case StartUnwind:
			buffers[e.Data] = nil
		case Push:
			buffers[e.Data] = append(buffers[e.Data], e)
		case Pop:
			b := buffers[e.Data]
			if len(b) == 0 {
				t.Fatalf("event %d: %s; nothing was pushed", e.N, e.Text)
			}
			last := b[len(b)-1]
			if last.Function != e.Function || last.Site != e.Site && e.Site >= 0 || last.Frame != e.Frame {
				t.Fatalf("event %d: %s; the last frame pushed there is that of event %d: %s", e.N, e.Text, last.N, last.Text)
			}
			buffers[e.Data] = b[:len(b)-1]
		case StopRewind:
			if b := buffers[e.Data]; len(b) != 0 {
				t.Fatalf("event %d: %s; %d frames were not popped", e.N, e.Text, len(b))
			}
		}
	}
	if tr.Counts[Pop] == 0 || tr.Counts[Pop] > tr.Counts[Push] {
		t.Errorf("%d frames pushed, %d popped", tr.Counts[Push], tr.Counts[Pop])
	}
}
