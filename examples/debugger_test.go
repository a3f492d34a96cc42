package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stepped is stepped through line by line.
const stepped = `(module
  (import "env" "sleep" (func $sleep (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $twice (param $n i32) (result i32)
    local.get $n
    call $sleep
    local.get $n
    call $sleep
    i32.add
  )
  (func $sum (export "sum") (param $n i32) (result i32)
    (local $acc i32)
    loop $next
      local.get $n
      call $twice
      local.get $acc
      i32.add
      local.set $acc
      local.get $n
      i32.const 1
      i32.sub
      local.tee $n
      br_if $next
    end
    local.get $acc
  )
)
`

// steppedHost runs it; its import suspends as often as the test says.
const steppedHost = `
const bytes = Uint8Array.from(atob("%s"), c => c.charCodeAt(0));
const data = 1024;
let x, suspends = 0;
const env = { sleep(n) {
  if (x.asyncify_get_state() == 2) { x.asyncify_stop_rewind(); return n * 10; }
  if (suspends-- <= 0) return n * 10;
  new Uint32Array(x.memory.buffer).set([data + 8, data + 4096], data / 4);
  x.asyncify_start_unwind(data);
  return 0;
} };
async function run(n, times) {
  suspends = times;
  let result = x.sum(n);
  while (x.asyncify_get_state() == 1) {
    x.asyncify_stop_unwind();
    await null;
    x.asyncify_start_rewind(data);
    result = x.sum(n);
  }
  return result;
}
WebAssembly.instantiate(bytes, { env }).then(({ instance }) => { x = instance.exports; });`

// debugStepped builds the module and starts to debug it.
func debugStepped(t *testing.T, flags ...string) *debugger {
	t.Helper()
	d := startChromium(t)
	dir := t.TempDir()
	in, output := filepath.Join(dir, "app.wat"), filepath.Join(dir, "app.wasm")
	if err := os.WriteFile(in, []byte(stepped), 0o600); err != nil {
		t.Fatal(err)
	}
	watfiber(t, append([]string{"build", "-q", "--suspend=env.sleep", "--source-map", in, "-o", output}, flags...)...)
	return d.debug(output, steppedHost)
}

// Who steps through a rewritten program meets the lines of the source, in the order in
// which it has them; inserted lines are passed over.
func TestDebuggerSteps(t *testing.T) {
	t.Parallel()
	b := debugStepped(t)
	// Into $twice, through it, back to its call, on in $sum; over $twice the second time.
	b.checkSteps([]string{"$sum app.wat:14"}, 15, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 22, 23, 14, 15, 16)
}

// In hot copies it is the same, but that they have nothing to do before their first line.
func TestDebuggerStepsHot(t *testing.T) {
	t.Parallel()
	b := debugStepped(t, "--optimize=speed")
	b.checkSteps([]string{"$fiber.hot.sum app.wat:14", "$sum app.wat:11"}, 15, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 22, 23, 14, 15, 16)
}

// checkSteps steps through the program from a breakpoint in its loop on, where it has the
// given stack: to the call there, into it, and over all that follows.
func (b *debugger) checkSteps(stack []string, want ...int) {
	t := b.t
	t.Helper()
	for _, got := range b.breakAt("app.wat:14") {
		if got != "app.wat:14" {
			t.Errorf("the breakpoint is at %s", got)
		}
	}
	run := b.start("run(2, 0)")
	s := b.paused()
	if got := b.at(s); !slices.Equal(got, stack) {
		t.Errorf("paused at %q", got)
	}
	if got := b.locals(s); !slices.Equal(got, []string{"$n", "$acc"}) {
		t.Errorf("the locals are %q", got)
	}
	var got []int
	stepTo := func(how string) {
		s = b.step(how, s)
		var line int
		if _, err := fmt.Sscanf(b.at(s)[0][strings.LastIndex(b.at(s)[0], " "):], " app.wat:%d", &line); err != nil {
			t.Fatalf("a step leads to %q", b.at(s))
		}
		got = append(got, line)
	}
	stepTo("stepOver")
	stepTo("stepInto")
	for range want[2:] {
		stepTo("stepOver")
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps lead to the lines\n%v, not\n%v", got, want)
	}
	b.Call("Debugger.disable", nil, nil)
	if got := run(); got != float64(60) {
		t.Errorf("the program returns %v, not 60", got)
	}
}

// A breakpoint behind a call is met when the program has been suspended in it and goes on.
func TestDebuggerBehindSuspension(t *testing.T) {
	t.Parallel()
	b := debugStepped(t)
	b.breakAt("app.wat:9")
	run := b.start("run(1, 2)")
	if got, want := b.at(b.paused()), []string{"$twice app.wat:9", "$sum app.wat:15"}; !slices.Equal(got, want) {
		t.Errorf("paused at %q, not %q", got, want)
	}
	b.Call("Debugger.resume", nil, nil)
	if got := run(); got != float64(20) {
		t.Errorf("the program returns %v, not 20", got)
	}
}

// A breakpoint is met in both copies of a function: behind a suspension in that which
// rewinds, otherwise in the hot one, which the other calls.
func TestDebuggerBothCopies(t *testing.T) {
	t.Parallel()
	b := debugStepped(t, "--optimize=speed")
	if got := b.breakAt("app.wat:9"); !slices.Equal(got, []string{"app.wat:9", "app.wat:9"}) {
		t.Errorf("the breakpoints are at %q", got)
	}
	run := b.start("run(2, 2)")
	if got, want := b.at(b.paused()), []string{"$twice app.wat:9", "$sum app.wat:15"}; !slices.Equal(got, want) {
		t.Errorf("paused at %q, not %q", got, want)
	}
	b.Call("Debugger.resume", nil, nil)
	if got, want := b.at(b.paused()), []string{"$fiber.hot.twice app.wat:9", "$twice app.wat:4", "$sum app.wat:15"}; !slices.Equal(got, want) {
		t.Errorf("paused at %q, not %q", got, want)
	}
	b.Call("Debugger.resume", nil, nil)
	if got := run(); got != float64(60) {
		t.Errorf("the program returns %v, not 60", got)
	}
}

// With --step-inserted the machinery can be watched.
func TestDebuggerStepsInserted(t *testing.T) {
	t.Parallel()
	b := debugStepped(t, "--step-inserted")
	b.breakAt("app.wat:6")
	b.start("run(1, 0)")
	s := b.step("stepOver", b.paused())
	var line int
	if _, err := fmt.Sscanf(b.at(s)[0], "$twice app.fiber.wat:%d", &line); err != nil {
		t.Fatalf("a step leads to %q", b.at(s))
	}
	if text := strings.Split(b.m.Sources[1].Content, "\n")[line-1]; !strings.Contains(text, "site 0: unwinding?") {
		t.Errorf("a step leads to %s", text)
	}
	b.Call("Debugger.disable", nil, nil)
}

// A program in C with fibers: lines are those of the C source.
func TestDebuggerC(t *testing.T) {
	t.Parallel()
	climbs := func(t *testing.T, flags ...string) {
		t.Parallel()
		debugClimbs(t, flags...)
	}
	t.Run("default", func(t *testing.T) { climbs(t) })
	t.Run("speed", func(t *testing.T) { climbs(t, "--optimize=speed") })
}

// debugClimbs looks at the stack of a fiber at rest.
func debugClimbs(t *testing.T, flags ...string) {
	t.Helper()
	d := startChromium(t)
	output := filepath.Join(t.TempDir(), "where.wasm")
	watfiber(t, append([]string{"build", "-q", "--source-map", "c/where.wasm", "-o", output}, flags...)...)
	b := d.debug(output, `
const bytes = Uint8Array.from(atob("%s"), c => c.charCodeAt(0));
let x;
const nothing = new Proxy({}, { get: () => () => 0 });
const wasi = new Proxy({}, { get: (_, name) => name == "fd_write" ? writes : () => 0 });
const writes = (_, list, n, written) => {
  const words = new Uint32Array(x.memory.buffer);
  let all = 0;
  for (let i = 0; i < n; i++) all += words[list / 4 + 2 * i + 1];
  words[written / 4] = all;
  return 0;
};
WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi }).then(({ instance }) => { x = instance.exports; });`)
	source, err := os.ReadFile("c/where.c")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	marked := func(mark string) string {
		return fmt.Sprintf("c/where.c:%d", 1+slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, "// "+mark) }))
	}
	for _, got := range b.breakAt(marked("RESTS")) {
		if got != marked("RESTS") {
			t.Errorf("the breakpoint is at %s", got)
		}
	}
	run := b.start("x._start()")
	stack := b.at(b.paused())
	for i := range stack { // the hot copies have the lines of their functions
		stack[i] = strings.Replace(stack[i], "$fiber.hot.", "$", 1)
	}
	want := []string{"$climbs " + marked("RESTS"), "$climbs " + marked("CLIMBS"), "$climbs " + marked("CLIMBS"), "$climber " + marked("STARTS")}
	if len(stack) < len(want) || !slices.Equal(stack[:len(want)], want) {
		t.Errorf("the stack is\n%s\nwanted at its top\n%s", strings.Join(stack, "\n"), strings.Join(want, "\n"))
	}
	b.Call("Debugger.disable", nil, nil)
	run()
}
