package golden

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// This file rewrites functions with very much of one thing.

// A huge module has very much of something in the body of f, which takes and
// returns an i32.
type hugeModule struct {
	about string
	size  int
	body  func(n int) string
	args  []uint64 // to call f with
}

var hugeModules = []hugeModule{
	{"nested blocks", 10000, func(n int) string { return nest(n, "block\n", "end\n") }, []uint64{1}},
	{"nested blocks with results", 10000, func(n int) string {
		return nestAround(n, "block (result i32)\n", "i32.const 3\n call $sleep\n", "end\n") + "local.set $n\n"
	}, []uint64{1}},
	{"nested blocks behind calls", 10000, func(n int) string {
		return nest(n, "i32.const 1\n call $log\n block\n", "end\n")
	}, []uint64{1}},
	{"nested blocks with a value below", 2000, func(n int) string {
		return nest(n, "i32.const 1\n block\n", "end\n drop\n")
	}, []uint64{1}},
	{"nested loops", 10000, func(n int) string { return nest(n, "loop\n", "end\n") }, []uint64{1}},
	{"nested ifs", 10000, func(n int) string { return nest(n, "local.get $n\n if\n", "end\n") }, []uint64{1}},
	{"nested elses", 10000, func(n int) string { return nest(n, "local.get $n\n i32.eqz\n if\n call $doze\n else\n", "end\n") }, []uint64{1}},
	{"cases of a switch", 676, cases, []uint64{0, 3, 600, 2000}},
	{"sites", 4000, func(n int) string { return strings.Repeat("call $doze\n", n) }, []uint64{1}},
	{"sites with arguments", 4000, func(n int) string {
		return strings.Repeat("local.get $n\n call $sleep\n local.set $n\n", n)
	}, []uint64{1}},
	{"sites in loops", 4000, func(n int) string { return strings.Repeat("loop\n call $doze\n end\n", n) }, []uint64{1}},
	{"sites in ifs", 4000, func(n int) string { return strings.Repeat("local.get $n\n if\n call $doze\n end\n", n) }, []uint64{1}},
	{"live locals", 60000, func(n int) string { return locals(n, n) + "call $doze\n" + sum(n) }, []uint64{1}},
	{"dead locals", 60000, func(n int) string { return locals(n, 20) + "call $doze\n" + sum(20) }, []uint64{1}},
	{"live locals and sites", 4000, func(n int) string {
		return locals(15*n, 15*n) + strings.Repeat("call $doze\n", n) + sum(15*n)
	}, []uint64{1}},
	{"operands below a site", 5000, func(n int) string {
		return strings.Repeat("local.get $n\n call $id\n", n) + "call $doze\n" + strings.Repeat("call $log\n", n)
	}, []uint64{1}},
	{"functions in one line", 4000, func(n int) string { // between f and its last instruction
		return "call $doze local.get $n)" + strings.Repeat("(func (call $doze) (block (call $doze)))", n) + "(func (param $n i32) (result i32) "
	}, []uint64{1}},
	{"operands below sites", 1000, func(n int) string {
		return strings.Repeat("local.get $n\n call $sleep\n", n) + strings.Repeat("call $log\n", n)
	}, []uint64{1}},
}

// nest puts a site inside n constructs.
func nest(n int, open, end string) string { return nestAround(n, open, "call $doze\n", end) }

func nestAround(n int, open, middle, end string) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

// cases returns a switch with n cases, each with a site.
func cases(n int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat("block\n", n))
	b.WriteString("local.get $n\n br_table")
	for i := range 2*n + 2 {
		fmt.Fprintf(&b, " %d", i%n)
	}
	b.WriteString("\n")
	for range n {
		b.WriteString("end\n call $doze\n")
	}
	return b.String()
}

// locals declares n locals and sets some of them.
func locals(n, set int) string {
	var b strings.Builder
	b.WriteString("(local" + strings.Repeat(" i32", n) + ")\n")
	for i := range set {
		fmt.Fprintf(&b, "i32.const %d local.set %d\n", i, i+1)
	}
	return b.String()
}

// sum adds n locals to $n.
func sum(n int) string {
	var b strings.Builder
	b.WriteString("local.get $n\n")
	for i := range n {
		fmt.Fprintf(&b, "local.get %d i32.add\n", i+1)
	}
	return b.String() + "local.set $n\n"
}

func (h hugeModule) text(n int) string {
	return `(module
  (import "env" "sleep" (func $sleep (param i32) (result i32)))
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1)
  (func $id (param i32) (result i32) local.get 0)
  (func $doze i32.const 1 call $sleep call $log)
  (func (export "f") (param $n i32) (result i32)
` + h.body(n) + `local.get $n))
`
}

func hugeOptions(shape rewrite.Shape) rewrite.Options {
	return rewrite.Options{Suspend: []string{"env.sleep"}, Shape: shape}
}

// buildHuge does what a build from text to text and binary does.
func buildHuge(t *testing.T, text string, shape rewrite.Shape) (*wat.Module, *rewrite.Result, []byte) {
	t.Helper()
	m, err := Load("in.wat", text)
	if err != nil {
		t.Fatalf("%.1000s", err)
	}
	r, err := rewrite.Rewrite(m, hugeOptions(shape))
	if err != nil {
		t.Fatalf("%.1000s", err)
	}
	return m, r, binary.Encode(r.Module)
}

func skipIfShort(t *testing.T) {
	if testing.Short() {
		t.Skip("huge functions take a while")
	}
}

// Whatever a function has very much of, it behaves the same; on the engine that
// compiles with a fortieth of it: that takes time much more than in proportion.
func TestHugeFunctionsRun(t *testing.T) {
	skipIfShort(t)
	for _, h := range hugeModules {
		t.Run(h.about, func(t *testing.T) {
			t.Parallel()
			for _, engine := range Engines() {
				n := h.size
				if engine.Name != "interpreter" {
					n /= 40
				}
				for _, shape := range []rewrite.Shape{rewrite.Moved, rewrite.Plain} {
					if err := h.run(t, engine, n, shape); err != nil {
						t.Errorf("shape %d: %.1000s", shape, err)
					}
				}
			}
		})
	}
}

func (h hugeModule) run(t *testing.T, engine Engine, n int, shape rewrite.Shape) error {
	m, r, code := buildHuge(t, h.text(n), shape)
	var calls []Call
	for _, arg := range h.args {
		calls = append(calls, Call{"f", []uint64{arg}})
	}
	original := Program{Module: m, Binary: binary.Encode(m), Buffer: 1 << 20}
	rewritten := original
	rewritten.Module, rewritten.Binary = r.Module, code
	rewritten.Suspending = rewrite.Suspending(hugeOptions(shape).Suspend)
	nowAndThen := NamedSchedule{"suspended now and then", func(n int) bool { return n < 3 || n%997 == 0 }}
	_, err := EquivalentOn(t.Context(), engine, []NamedSchedule{nowAndThen}, original, rewritten, calls)
	return err
}

// Four times as much takes about four times the memory and the time to build. The
// code for operands below sites is in proportion to the sites times the operands.
func TestHugeFunctionsAreLinear(t *testing.T) {
	skipIfShort(t)
	for _, h := range hugeModules {
		for _, shape := range []rewrite.Shape{rewrite.Moved, rewrite.Plain} {
			var one, four cost
			const most, tries = 10, 6 // other work on the machine makes some measurements useless
			for try := 0; try < tries && (try < 2 || four.seconds > most*one.seconds); try++ {
				one, four = one.best(measure(t, h.text(h.size/4), shape)), four.best(measure(t, h.text(h.size), shape))
			}
			t.Logf("%-32s shape %d: %.3f s, %3.0f MB; a quarter of it: %.3f s, %3.0f MB", h.about, shape,
				four.seconds, four.bytes/1e6, one.seconds, one.bytes/1e6)
			if h.about == "operands below sites" {
				continue
			}
			if four.seconds > most*one.seconds || four.bytes > 6*one.bytes {
				t.Errorf("%s, shape %d: four times as much takes %.1f times the time and %.1f times the memory",
					h.about, shape, four.seconds/one.seconds, four.bytes/one.bytes)
			}
		}
	}
}

// cost is what a build takes.
type cost struct{ seconds, bytes float64 }

func measure(t *testing.T, text string, shape rewrite.Shape) cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	buildHuge(t, text, shape)
	seconds := time.Since(start).Seconds()
	runtime.ReadMemStats(&after)
	return cost{seconds, float64(after.TotalAlloc - before.TotalAlloc)}
}

// best returns the lower cost; zero is none.
func (c cost) best(d cost) cost {
	if c == (cost{}) {
		return d
	}
	return cost{min(c.seconds, d.seconds), min(c.bytes, d.bytes)}
}
