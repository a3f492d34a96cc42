package examples_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/internal/cli"
)

// wrongLists are programs that were built with assertions and lists that are wrong, what
// then fails, in which function, and what is said about it.
var wrongLists = []struct {
	module, suspend string
	flags           []string
	trap, function  string
	says            string
}{
	{
		"c/generator.wasm", "env.yield",
		[]string{"--add=walk"},
		"not_listed", "walk",
		"a call of env.yield suspended in $walk, but env.yield is not listed: --suspend=env.yield",
	},
	{
		"c/generator.wasm", "env.yield",
		[]string{"--pass-arg=asyncify-ignore-imports"},
		"imports_ignored", "walk",
		"--suspend=env.yield instead of --pass-arg=asyncify-ignore-imports",
	},
	{
		"c/generator.wasm", "env.yield",
		[]string{"--suspend=env.yield", "--remove=walk"},
		"removed", "walk",
		"a call of env.yield suspended in $walk, which the list of functions to remove says never suspends: take walk out of --remove",
	},
	{
		"c/generator.wasm", "env.yield",
		[]string{"--suspend=env.yield", "--only=walk"},
		"not_in_only", "main",
		"a call of walk suspended in $main, which is not in the list of the only functions that may: --only=main as well",
	},
	{
		"crystal/first.wasm", "",
		[]string{"--ignore-indirect"},
		"indirect", "*Fiber#run:(IO::FileDescriptor | Nil)",
		"a call through a table suspended in $*Fiber#run:(IO::FileDescriptor | Nil), but by the lists, or by what the table holds, it never does: --add='*Fiber#run:(IO::FileDescriptor | Nil)'",
	},
	{
		"crystal/first.wasm", "",
		[]string{"--remove=*Crystal::Scheduler#reschedule:Nil"},
		"removed", "*Crystal::Scheduler#reschedule:Nil",
		"a call of *Fiber::swapcontext<Pointer(Fiber::Context), Pointer(Fiber::Context)>:Nil suspended in $*Crystal::Scheduler#reschedule:Nil, ",
	},
	{
		"crystal/first.wasm", "",
		[]string{"--only=main"},
		"not_in_only", "*Crystal::Scheduler#reschedule:Nil",
		"--only='*Crystal::Scheduler#reschedule:Nil' as well",
	},
	{ // fibers of the library
		"c/pingpong.wasm", "",
		[]string{"--remove=play"},
		"removed", "play",
		"suspended in $play, which the list of functions to remove says never suspends: take play out of --remove",
	},
	{
		"assemblyscript/pipeline.debug.wasm", "",
		[]string{"--ignore-indirect", "--add=~lib/fiber/GeneratorCall<pipeline/Tree|null,i32>#run"},
		"not_added", "~lib/fiber/Resumed#run@override",
		"suspended in $~lib/fiber/Resumed#run@override, which is not instrumented: nothing shows that it may suspend: --add-callers, or --add='~lib/fiber/Resumed#run@override'",
	},
}

// A list that is wrong traps in a function that says so, in the function of which it is
// wrong, and watfiber run says what to do.
func TestWrongListsAreNamed(t *testing.T) {
	for _, c := range wrongLists {
		t.Run(c.module+" "+strings.Join(c.flags, " "), func(t *testing.T) {
			t.Parallel()
			built := build(t, c.module, append(c.flags, "--asserts")...)
			for _, engine := range engines {
				args := []string{"run", "--engine=" + engine, built}
				if c.suspend != "" {
					args = []string{"run", "--engine=" + engine, "--suspend=" + c.suspend, built, "3"}
				}
				var stdout, stderr bytes.Buffer
				status := cli.Run(args, strings.NewReader(""), &stdout, &stderr)
				got := stderr.String()
				if caller := lineBehind(got, "fiber.assert."+c.trap+"("); status != 134 || !strings.Contains(caller, "."+c.function+"(") || !strings.Contains(got, c.says) {
					t.Errorf("%s: status %d\n%s\nshould trap in fiber.assert.%s, called by %s, and say\n%s", engine, status, got, c.trap, c.function, c.says)
				}
			}
			t.Run("node", func(t *testing.T) {
				args := []string{"run.mjs", built}
				if c.suspend != "" {
					args = []string{"run.mjs", "--suspend=" + c.suspend, built, "3"}
				}
				out, err := exec.Command(needs(t, "node"), args...).CombinedOutput()
				if caller := lineBehind(string(out), "fiber.assert."+c.trap+" ("); err == nil || !strings.Contains(caller, c.function+" (") {
					t.Errorf("%v\n%s\nshould trap in fiber.assert.%s, called by %s", err, out, c.trap, c.function)
				}
			})
		})
	}
}

// lineBehind returns the line behind the first one that holds a word, "" if there is none.
func lineBehind(text, word string) string {
	_, after, _ := strings.Cut(text, word)
	_, after, _ = strings.Cut(after, "\n")
	line, _, _ := strings.Cut(after, "\n")
	return line
}

// What is missing in lists is found, all of it, and told; what the program prints in the
// end is what it should.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		module string
		flags  []string
		added  []string // in the command line that is given
	}{
		{"c/generator.wasm", nil, []string{"--suspend=env.yield"}},
		{"c/generator.wasm", []string{"--suspend=env.yield", "--only=walk"}, []string{"--only=main", "--only=__main_void", "--only=__original_main", "--only=_start", "--only=_start.command_export", "--suspend=env.yield", "--only=walk"}},
		{"c/generator.wasm", []string{"--suspend=env.yield", "--remove=walk,insert", "--remove=ma*"}, []string{"--remove=insert", "--suspend=env.yield"}},
		{"c/contexts.wasm", []string{"--ignore-indirect"}, []string{"--add=fiber_run_context", "--ignore-indirect"}},
		{"c/pingpong.wasm", []string{"--only=play"}, []string{"--only=main", "--only=__main_void", "--only=__original_main", "--only=_start", "--only=_start.command_export", "--only=play"}},
		{"crystal/first.wasm", []string{"--remove=*Fiber*", "--remove=malloc,*proc*"}, []string{"--remove=malloc"}},
		{"crystal/pipeline.wasm", []string{"--ignore-indirect"}, []string{"--add='*Fiber#run:(IO::FileDescriptor | Nil)'", "--ignore-indirect"}},
		{"assemblyscript/pipeline.wasm", []string{"--ignore-indirect"}, []string{"--add=f88", "--add=f89", "--ignore-indirect"}}, // a module without names
	} {
		for _, engine := range engines {
			t.Run(c.module+" "+strings.Join(c.flags, " ")+"/"+engine, func(t *testing.T) {
				t.Parallel()
				stdout, stderr := watfiber(t, append(append([]string{"run", "--missing", "--engine=" + engine}, c.flags...), c.module)...)
				compare(t, read(t, expectedOf(c.module)), stdout)
				i := slices.IndexFunc(c.added, func(flag string) bool { return slices.Contains(c.flags, flag) })
				if i < 0 {
					i = len(c.added)
				}
				words := slices.Concat([]string{"watfiber", "run"}, c.added[:i], []string{"--engine=" + engine}, c.added[i:], []string{c.module})
				if want := "    " + strings.Join(words, " ") + "\n"; !strings.HasSuffix(stderr, want) {
					t.Errorf("on standard error:\n%s\nwhich should end in\n%s", stderr, want)
				}
				if !strings.Contains(stderr, "'") { // nothing that a shell would have to read
					again, _ := watfiber(t, append([]string{"run"}, slices.Concat(c.added, []string{"--asserts", c.module})...)...)
					compare(t, stdout, again)
				}
			})
		}
	}
}

// With assertions, correct programs do what they do without.
func TestProgramsWithAsserts(t *testing.T) {
	for _, p := range programs {
		if strings.Contains(p.module, "sleepers") {
			continue // it says how long it took
		}
		t.Run(p.module, func(t *testing.T) {
			t.Parallel()
			args := []string{"run", "--asserts", "--stats"}
			if p.suspend != "" {
				args = append(args, "--suspend="+p.suspend)
			}
			stdout, stderr := watfiber(t, append(args, p.module)...)
			compare(t, read(t, expectedOf(p.module)), stdout)
			if !strings.HasSuffix(stderr, p.stats) {
				t.Errorf("on standard error: %q, not %q", stderr, p.stats)
			}
		})
	}
}

// An asserted is an instance of a module of kernels, with a host that does what a test says. Its
// data block is in the area that the module keeps for it.
type asserted struct {
	api.Module
	t     *testing.T
	names fiberlib.AssertNames
	block uint32
	yield func() // what env.yield does
}

// kernelsWithAsserts makes an instance of c/kernels-O2.wasm, built with assertions.
func kernelsWithAsserts(t *testing.T, engine wazero.RuntimeConfig) *asserted {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, engine)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	k := &asserted{t: t}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		t.Fatal(err)
	}
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func(uint32) uint32 { k.yield(); return 1 }).Export("yield").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	code := []byte(read(t, build(t, "c/kernels-O2.wasm", "--suspend=env.yield", "--asserts")))
	if k.names, err = fiberlib.ReadAsserts(code); err != nil {
		t.Fatal(err)
	}
	if k.Module, err = rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize")); err != nil {
		t.Fatal(err)
	}
	k.must("set_budget", 1)
	k.block = uint32(k.must("async_buf"))
	k.buffer(4096)
	return k
}

// buffer makes the buffer empty, with room for frames of so many bytes.
func (k *asserted) buffer(bytes uint32) {
	k.Memory().WriteUint32Le(k.block, k.block+8)
	k.Memory().WriteUint32Le(k.block+4, k.block+8+bytes)
}

func (k *asserted) call(name string, args ...uint64) ([]uint64, error) {
	return k.ExportedFunction(name).Call(k.t.Context(), args...)
}

func (k *asserted) must(name string, args ...uint64) uint64 {
	k.t.Helper()
	results, err := k.call(name, args...)
	if err != nil {
		k.t.Fatalf("%s%v: %v", name, args, err)
	}
	return append(results, 0)[0]
}

// leave is a host function that starts an unwind.
func (k *asserted) leave() { k.must("asyncify_start_unwind", uint64(k.block)) }

// suspend calls an export, which unwinds, ends the unwind and starts the rewind.
func (k *asserted) suspend(name string, args ...uint64) {
	k.t.Helper()
	k.yield = k.leave
	k.must(name, args...)
	k.must("asyncify_stop_unwind")
	k.must("asyncify_start_rewind", uint64(k.block))
}

// What a host does wrong is named, too.
func TestWrongHostsAreNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(k *asserted) error
		want fiberlib.Assertion // Bytes is not looked at
		says string
	}{
		{"another export is rewound", func(k *asserted) error {
			k.suspend("k_fib", 8)
			_, err := k.call("k_queens", 5)
			return err
		}, fiberlib.Assertion{Kind: "frame_mismatch", Function: "k_queens", Callee: "k_fib"}, "in the rewind of $k_queens the buffer has a frame of $k_fib instead of its own"},
		{"the buffer was overwritten", func(k *asserted) error {
			k.suspend("k_fib", 8)
			position, _ := k.Memory().ReadUint32Le(k.block)
			k.Memory().WriteUint32Le(position-4, 12345)
			_, err := k.call("k_fib", 8)
			return err
		}, fiberlib.Assertion{Kind: "frame_mismatch", Function: "k_fib"}, "in the rewind of $k_fib the buffer has no frame"},
		{"an export is called while unwinding", func(k *asserted) (err error) {
			k.yield = func() { k.leave(); _, err = k.call("k_fib", 3) }
			k.must("k_queens", 5)
			return err
		}, fiberlib.Assertion{Kind: "called_in_an_unwind", Function: "k_fib"}, "$k_fib was called between the start of an unwind and its end"},
		{"the host function does not end the rewind", func(k *asserted) error {
			k.suspend("k_fib", 1)
			k.yield = func() {}
			_, err := k.call("k_fib", 1)
			return err
		}, fiberlib.Assertion{Kind: "returned_in_a_rewind", Function: "fib"}, "has returned and not ended the rewind"},
		{"the buffer is too small", func(k *asserted) error {
			k.buffer(100)
			k.yield = k.leave
			_, err := k.call("sw", 100, 1)
			return err
		}, fiberlib.Assertion{Kind: "overflow", Function: "deep"}, "the frame of $deep does not fit into the buffer, which lacks "},
	} {
		for name, engine := range map[string]wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfigCompiler(), "interpreter": wazero.NewRuntimeConfigInterpreter()} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				k := kernelsWithAsserts(t, engine)
				err := c.do(k)
				if err == nil {
					t.Fatal("nothing has trapped")
				}
				got, failed := host.FailedAssertion(k.Module, k.names, err)
				if bytes := got.Bytes; bytes > 0 != (got.Kind == "overflow") || bytes > 100 {
					t.Errorf("%d bytes are missing", bytes)
				}
				want := c.want
				want.Bytes = got.Bytes
				if !failed || got != want {
					t.Fatalf("the assertion is %+v (%v)\nnot %+v\n%v", got, failed, c.want, err)
				}
				if !strings.Contains(got.String(), c.says) || got.Remedy() == "" {
					t.Errorf("it says %q, %q", got, got.Remedy())
				}
			})
		}
	}
}

func TestWrongHostsAreNamedUnderNode(t *testing.T) {
	compare(t, `another export: frame_mismatch in k_queens, k_fib
while unwinding: called_in_an_unwind in k_fib, 0
no end of the rewind: returned_in_a_rewind in fib, 0
a small buffer: overflow in deep, 16
`, tool(t, needs(t, "node"), "testdata/asserts.mjs", build(t, "c/kernels-O2.wasm", "--suspend=env.yield", "--asserts")))
}

// plugged calls what is in its table. The plug-in puts a function there that suspends.
const (
	plugged = `(module
  (type $callback (func (param i32) (result i32)))
  (import "env" "sleep" (func $sleep))
  (memory (export "memory") 1)
  (table (export "table") 1 funcref)
  (func $ask (param $n i32) (result i32)
    local.get $n
    i32.const 0
    call_indirect (type $callback)
  )
  (func $run (export "run") (param $n i32) (result i32)
    local.get $n
    call $ask
    i32.const 1
    i32.add
  )
  (func (export "nap") call $sleep)
)`
	plugIn = `(module
  (import "program" "table" (table 1 funcref))
  (import "program" "asyncify_get_state" (func $state (result i32)))
  (import "program" "asyncify_start_unwind" (func $start_unwind (param i32)))
  (import "program" "asyncify_stop_rewind" (func $stop_rewind))
  (elem (i32.const 0) $answer)
  (func $answer (param $n i32) (result i32)
    call $state
    if (result i32)
      call $stop_rewind
      i32.const 41
    else
      i32.const 16
      call $start_unwind
      i32.const 0
    end
  )
)`
)

// A host that puts a function that suspends into a table, of which it was said that no
// host does, is found out. With what is then said to be missing it works.
func TestPlugInsAreNamed(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	for name, text := range map[string]string{"program.wat": plugged, "plug-in.wat": plugIn} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	watfiber(t, "asm", filepath.Join(folder, "plug-in.wat"), "-o", filepath.Join(folder, "plug-in.wasm"))
	for _, engine := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()} {
		var flags []string
		for _, want := range []fiberlib.Assertion{
			{Kind: fiberlib.AssertIndirect, Function: "ask"},
			{Kind: fiberlib.AssertNotAdded, Function: "run", Callee: "ask"},
			{},
		} {
			rt := wazero.NewRuntimeWithConfig(ctx, engine)
			if _, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func() {}).Export("sleep").Instantiate(ctx); err != nil {
				t.Fatal(err)
			}
			code := []byte(read(t, build(t, filepath.Join(folder, "program.wat"), append(flags, "--suspend=env.sleep", "--indirect=typed", "--asserts")...)))
			names, err := fiberlib.ReadAsserts(code)
			if err != nil {
				t.Fatal(err)
			}
			program, err := rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName("program"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rt.Instantiate(ctx, []byte(read(t, filepath.Join(folder, "plug-in.wasm")))); err != nil {
				t.Fatal(err)
			}
			k := &asserted{Module: program, t: t, names: names, block: 16}
			k.buffer(1000)
			_, err = k.call("run", 1)
			if want.Kind != "" {
				if err == nil {
					t.Fatalf("%v: nothing has trapped", flags)
				}
				got, failed := host.FailedAssertion(program, names, err)
				if !failed || got != want {
					t.Fatalf("%v: %v, not %v\n%v", flags, got, want, err)
				}
				remedy, _, _ := strings.Cut(got.Remedy(), ",")
				flags = append(flags, remedy)
			} else {
				k.must("asyncify_stop_unwind")
				k.must("asyncify_start_rewind", 16)
				if got := k.must("run", 1); got != 42 {
					t.Errorf("%v: run returns %d, not 42", flags, got)
				}
			}
			if err := rt.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	}
}
