package examples_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/internal/cli"
	"github.com/watfiber/watfiber/wat/binary"
)

// A stackOracle compares what the map of the frames says of each fiber that has
// unwound with what the engine's own stack was when it began to.
type stackOracle struct {
	t        *testing.T
	frames   *fiberlib.FrameMap
	names    []string        // of the functions of the module, each once
	library  map[string]bool // functions of the library that have the names of imports
	expected []string        // the innermost first
	compared int
}

// NewFunctionListener makes the oracle listen to two functions of the library.
func (o *stackOracle) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	switch f.Name() {
	case "fiber.leave":
		return experimental.FunctionListenerFunc(o.leaves)
	case "fiber.unwound":
		return experimental.FunctionListenerFunc(o.unwound)
	}
	return nil
}

// leaves notes the stack of the fiber that starts to unwind: the functions of the
// program between those of the library.
func (o *stackOracle) leaves(_ context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, stack experimental.StackIterator) {
	o.expected = nil
	for stack.Next() {
		name := o.names[stack.Function().Definition().Index()]
		if !strings.HasPrefix(name, "fiber.") && !o.library[name] {
			o.expected = append(o.expected, name)
		} else if len(o.expected) > 0 {
			return // what comes now belongs to the bottom
		}
	}
}

// unwound compares when the fiber has unwound.
func (o *stackOracle) unwound(_ context.Context, inst api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator) {
	region := uint32(params[0])
	memory, _ := inst.Memory().Read(0, inst.Memory().Size())
	fiber, ok := fiberlib.FiberAt(memory, region, o.frames)
	if !ok {
		o.t.Fatalf("fiber %#x is not found", region)
	}
	var found []string
	for _, f := range fiber.Stack {
		found = append(found, f.Function)
	}
	if diff := cmp.Diff(o.expected, found); diff != "" || fiber.Err != nil {
		o.t.Fatalf("fiber %#x, %s, %v: on the engine's stack (-) and in memory (+):\n%s", region, fiber.Doing(), fiber.Err, diff)
	}
	o.compared++
}

// The stacks that are found in memory are those that the engine had.
func TestStacksInMemory(t *testing.T) {
	for _, module := range []string{
		"c/resume.wasm", "c/channels.wasm", "c/locks.wasm", "c/contexts.wasm", "c/swap.wasm", "crystal/pipeline.library.wasm",
		"c/resume.wasm --asserts", "crystal/pipeline.library.wasm --asserts", // whose frames are longer
	} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			flags := strings.Fields(module)[1:]
			module := strings.Fields(module)[0]
			data := read(t, build(t, module, append(flags, "--frames")...))
			m, err := binary.Decode(module, data)
			if err != nil {
				t.Fatal(err)
			}
			o := &stackOracle{t: t, frames: frameMapOf(t, data), names: m.Names().Funcs, library: libraryNames(t, module)}
			ctx := experimental.WithFunctionListenerFactory(t.Context(), o)
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
			defer rt.Close(ctx)
			wasi_snapshot_preview1.MustInstantiate(ctx, rt)
			var out bytes.Buffer
			config := wazero.NewModuleConfig().WithStdout(&out).WithSysNanotime().WithSysWalltime().WithSysNanosleep()
			if _, err := rt.InstantiateWithConfig(ctx, []byte(data), config); err != nil && !strings.Contains(err.Error(), "exit_code(0)") {
				t.Fatal(err)
			}
			compare(t, read(t, expectedOf(module)), out.String())
			if o.compared < 5 {
				t.Errorf("only %d stacks were compared", o.compared)
			}
		})
	}
}

// libraryNames returns the names under which a program imports the library.
func libraryNames(t *testing.T, module string) map[string]bool {
	t.Helper()
	m, err := binary.Decode(module, read(t, module))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range m.Funcs {
		if f.Import != nil && f.Import.Module == "fiber" {
			names[f.Name] = true
		}
	}
	return names
}

// frameMapOf returns the map of the frames of a built module.
func frameMapOf(t *testing.T, data string) *fiberlib.FrameMap {
	t.Helper()
	frames, err := fiberlib.ReadFrames([]byte(data))
	if err != nil || frames == nil {
		t.Fatalf("the module has no map of its frames: %v", err)
	}
	return frames
}

// Three fibers that wait for each other end the program with a report that names
// where each of them is, by function and line.
func TestDeadlockIsReported(t *testing.T) {
	for _, engine := range engines {
		var stdout, stderr bytes.Buffer
		dump := filepath.Join(t.TempDir(), "memory.bin")
		built := build(t, "c/deadlock.wasm", "--frames")
		code := cli.Run([]string{"run", "--engine=" + engine, "--dump=" + dump, built}, strings.NewReader(""), &stdout, &stderr)
		report := stderr.String()
		if code != 134 {
			t.Errorf("exit %d", code)
		}
		for _, line := range []string{
			"fiber.deadlock", "a fiber has to wait, and no other is ready",
			"to receive from channel", "waiting for a semaphore", "waiting for fiber",
			"waits_deep at c/deadlock.c:" + lineOf(t, "c/deadlock.c", "RECEIVES") + ", in fiber.chan_receive",
			"waits_deep at c/deadlock.c:" + lineOf(t, "c/deadlock.c", "RECURSES"),
			"philosopher at c/deadlock.c:" + lineOf(t, "c/deadlock.c", "WAITS"),
			"locker at c/deadlock.c:" + lineOf(t, "c/deadlock.c", "LOCKS") + ", in fiber.acquire",
		} {
			if !strings.Contains(report, line) {
				t.Errorf("the report does not say %q:\n%s", line, report)
			}
		}
		if _, err := os.Stat(dump); err != nil {
			t.Fatal(err)
		}
		frames, _ := watfiber(t, "frames", "-v", dump, built)
		if !strings.Contains(frames, "waits_deep at c/deadlock.c:") || !strings.Contains(frames, " = ") {
			t.Errorf("watfiber frames prints\n%s", frames)
		}
	}
}

// lineOf returns the number of the line of a file with a word.
func lineOf(t *testing.T, path, word string) string {
	t.Helper()
	before, _, found := strings.Cut(read(t, path), word)
	if !found {
		t.Fatalf("%s does not say %s", path, word)
	}
	return strconv.Itoa(strings.Count(before, "\n") + 1)
}

// onEachEngine runs a program without arguments on both engines of wazero, and in node
// if that is there.
func onEachEngine(t *testing.T, module string, check func(t *testing.T, printed string)) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			stdout, _ := watfiber(t, "run", "--engine="+engine, module)
			check(t, stdout)
		})
	}
	t.Run("node", func(t *testing.T) {
		check(t, underNode(t, build(t, module), ""))
	})
}

// A program finds out where its suspended fibers are, and which values they hold.
func TestProgramsSeeTheirFibers(t *testing.T) {
	at := func(function, mark, values string) string {
		return "  " + function + " c/where.c:" + lineOf(t, "c/where.c", mark) + values + "\n"
	}
	onEachEngine(t, "c/where.wasm", func(t *testing.T, printed string) {
		fiber := "4 frames, in use\n" + at("climbs", "RESTS", " i32 200000000001") + at("climbs", "CLIMBS", " i32 2.75") +
			at("climbs", "CLIMBS", " i32 0.75") + at("climber", "STARTS", " i32")
		for _, part := range []string{fiber, at("__original_main", "LOOKS", " i32"), "\n200000000065 steps\n"} {
			if !strings.Contains(printed, part) {
				t.Errorf("%q does not contain %q", printed, part)
			}
		}
	})
}

// A program finds its way through frames of both kinds.
func TestProgramsSeeRareSlots(t *testing.T) {
	at := func(function, mark, values string) string {
		return function + " c/wide.c:" + lineOf(t, "c/wide.c", mark) + values + "\n"
	}
	want := at("rests", "RESTS", "") + at("turns", "WHOLE", " 0.5 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5") + at("starts", "STARTS", "") +
		at("turns", "SMALL", "") + at("starts", "STARTS", "") + "109.5 8.5 7.5 6.5 5.5 4.5 3.5 2.5 1.5 0.5 \n"
	onEachEngine(t, "c/wide.wasm", func(t *testing.T, printed string) {
		if diff := cmp.Diff(want, printed); diff != "" {
			t.Errorf("expected (-) and printed (+):\n%s", diff)
		}
	})
}

// A collector finds what only a local of a suspended function refers to. The exact scan
// finds nothing else; the conservative one may.
func TestCollectorsFindEveryRoot(t *testing.T) {
	onEachEngine(t, "c/gc.wasm", func(t *testing.T, printed string) {
		exact := "exact scan keeps 40 31 30 20 10\n40 is still there\n10 is still there\n" +
			"exact scan keeps 40 31 30 20\n40 is still there\n20 is still there\n158\n"
		if !strings.HasSuffix(printed, exact) {
			t.Errorf("%q does not end in %q", printed, exact)
		}
		conservative := strings.TrimSuffix(printed, exact)
		for _, number := range []string{"10", "20", "30", "31", "40"} {
			if strings.Count(conservative, " "+number) < 1 {
				t.Errorf("%q loses %s", conservative, number)
			}
		}
		for _, number := range []string{" 11", " 21", " 41"} {
			if strings.Contains(conservative, number) {
				t.Errorf("%q keeps %s, which nothing refers to", conservative, number)
			}
		}
	})
}

// A resumer that has not unwound when the library traps is on the stack of the engine,
// which shows it; in memory there is nothing of it.
func TestResumersOnTheEnginesStack(t *testing.T) {
	var stdout, stderr bytes.Buffer
	built := build(t, "testdata/resumers.wat", "--frames")
	code := cli.Run([]string{"run", "--invoke=start", built}, strings.NewReader(""), &stdout, &stderr)
	report := stderr.String()
	if code == 0 {
		t.Errorf("no trap: %s", stdout.String())
	}
	for _, want := range []string{"fiber.cannot_resume", "outer", "inner", ": has resumed another\n    (its functions are on the stack of the engine)", ": running\n"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	if strings.Contains(report, "are left") {
		t.Errorf("frames were looked for that are not there:\n%s", report)
	}
}

// suspensions compares, at each suspension of a call by a host, the stack that the engine
// had with what the map finds in the buffer.
type suspensions struct {
	names    []string
	expected []string
}

// NewFunctionListener makes it listen to the import that suspends.
func (s *suspensions) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	if f.ModuleName() != "env" {
		return nil
	}
	return experimental.FunctionListenerFunc(func(_ context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, stack experimental.StackIterator) {
		s.expected = nil
		stack.Next() // the import itself
		for stack.Next() {
			s.expected = append(s.expected, s.names[stack.Function().Definition().Index()])
		}
	})
}

// The stacks of calls that a host has suspended are those that the engine had: of kernels
// that recurse, sort with a function from a table, and have many call sites.
func TestStacksOfSuspendedKernels(t *testing.T) {
	const most = 100 // suspensions of a call
	for _, module := range []string{"c/kernels-O0.wasm", "c/kernels-O2.wasm"} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			data := read(t, build(t, module, "--suspend=env.yield", "--frames"))
			m, err := binary.Decode(module, data)
			if err != nil {
				t.Fatal(err)
			}
			frames, s := frameMapOf(t, data), &suspensions{names: m.Names().Funcs}
			ctx := experimental.WithFunctionListenerFactory(t.Context(), s)
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
			defer rt.Close(ctx)
			wasi_snapshot_preview1.MustInstantiate(ctx, rt)
			var inst api.Module
			var buffer host.Buffer
			root, left, compared := "", 0, 0
			driver := &host.Driver{}
			env := rt.NewHostModuleBuilder("env")
			driver.Define(env, "yield", []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}, func(_ context.Context, args []uint64) ([]uint64, error) {
				if left--; left == 0 { // enough: suspend no more
					if _, err := inst.ExportedFunction("set_budget").Call(ctx, 1<<30); err != nil {
						t.Fatal(err)
					}
				}
				memory, _ := inst.Memory().Read(0, inst.Memory().Size())
				position, _ := inst.Memory().ReadUint32Le(buffer.Address)
				found, err := frames.Walk(memory, buffer.Address+8, position, frames.Number(root))
				var names []string
				for _, f := range found {
					names = append(names, f.Function)
				}
				if diff := cmp.Diff(s.expected, names); diff != "" || err != nil {
					t.Fatalf("%s: %v: on the engine's stack (-) and in memory (+):\n%s", root, err, diff)
				}
				compared++
				return args, nil
			})
			if _, err := env.Instantiate(ctx); err != nil {
				t.Fatal(err)
			}
			if inst, err = rt.Instantiate(ctx, []byte(data)); err != nil {
				t.Fatal(err)
			}
			call := func(name string, args ...uint64) uint64 {
				results, err := driver.Call(ctx, inst.ExportedFunction(name), args...)
				if err != nil {
					t.Fatalf("%s%v: %v", name, args, err)
				}
				return append(results, 0)[0]
			}
			own := func(name string) uint32 { // the kernels take whatever memory grows, so they have a buffer of their own
				results, err := inst.ExportedFunction(name).Call(ctx)
				if err != nil {
					t.Fatal(err)
				}
				return uint32(results[0])
			}
			buffer = host.Buffer{Address: own("async_buf"), Size: own("async_buf_size")}
			if err := driver.Attach(inst, buffer); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(read(t, "c/kernels.expected")) {
				words := strings.Fields(line)
				var args []uint64
				for _, word := range words[1 : len(words)-2] {
					n, err := strconv.ParseInt(word, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					args = append(args, uint64(uint32(n)))
				}
				root, left = words[0], most
				call("set_budget", 7) // suspend at each 7th point
				call(root, args...)
			}
			if compared < 100 {
				t.Errorf("only %d stacks were compared", compared)
			}
		})
	}
}

// A fiber that a host has suspended has its frames where the host wants them.
func TestFiberSuspendedByTheHost(t *testing.T) {
	source := filepath.Join(t.TempDir(), "naps.wat")
	const text = `(module
  (import "env" "nap" (func $nap))
  (import "fiber" "create" (func $create (param i32 i32) (result i32)))
  (import "fiber" "resume" (func $resume (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table funcref (elem $unused $sleeps))
  (func $unused)
  (func $sleeps (param $n i32) (result i32)
    call $nap
    local.get $n)
  (func $starts (export "starts") (result i32)
    i32.const 1
    i32.const 0
    call $create
    i32.const 7
    call $resume))`
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	data := read(t, build(t, source, "--suspend=env.nap", "--frames"))
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	var inst api.Module
	var fibers []fiberlib.Fiber
	driver, env := &host.Driver{}, rt.NewHostModuleBuilder("env")
	driver.Define(env, "nap", nil, nil, func(context.Context, []uint64) ([]uint64, error) {
		memory, _ := inst.Memory().Read(0, inst.Memory().Size())
		fibers = fiberlib.Fibers(memory, frameMapOf(t, data))
		return nil, nil
	})
	_, err := env.Instantiate(ctx)
	if err == nil {
		inst, err = rt.Instantiate(ctx, []byte(data))
	}
	if err != nil {
		t.Fatal(err)
	}
	buffer, err := host.Reserve(inst, host.DefaultBufferSize)
	if err == nil {
		err = driver.Attach(inst, buffer)
	}
	if err != nil {
		t.Fatal(err)
	}
	if results, err := driver.Call(ctx, inst.ExportedFunction("starts")); err != nil || results[0] != 7 {
		t.Fatalf("it returns %v, %v", results, err)
	}
	var seen strings.Builder
	fiberlib.Report(&seen, fibers, true)
	for _, part := range []string{"suspended by the host\n    sleeps at " + source + ":9, in env.nap\n        n = 7\n", "has resumed another", "    starts at " + source + ":16"} {
		if !strings.Contains(seen.String(), part) {
			t.Errorf("the report does not say %q:\n%s", part, &seen)
		}
	}
}
