package examples_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A faulty is an instance of examples/c/faults.c, with a host that does what a test says.
type faulty struct {
	api.Module
	t     *testing.T
	back  func(what uint64) // what the import env.back does
	want  uint64            // what env.wait returns when the program goes on
	fails bool              // env.wait panics instead
}

// hostBlock is the address of the host's data block: below the data of a C program nothing lies.
const hostBlock = 16

// faults builds the module with flags and makes an instance of it.
func faults(t *testing.T, flags ...string) *faulty {
	t.Helper()
	return faultsOf(t, "c/faults.wasm", flags...)()
}

// faultsOf builds a module with flags and returns a function that makes instances of it.
// The last one made gets what the host is called for.
func faultsOf(t *testing.T, module string, flags ...string) func() *faulty {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	var f *faulty
	_, err := rt.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(func(what uint32) { f.back(uint64(what)) }).Export("back").
		NewFunctionBuilder().WithFunc(func(uint32) uint32 { return uint32(f.hostWait()) }).Export("wait").
		Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	program, err := rt.CompileModule(ctx, []byte(read(t, build(t, module, append(flags, "--suspend=env.wait")...))))
	if err != nil {
		t.Fatal(err)
	}
	return func() *faulty {
		f = &faulty{t: t}
		f.Module, err = rt.InstantiateModule(ctx, program, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

func (f *faulty) hostWait() uint64 {
	if f.fails {
		panic(errors.New("the host fails"))
	}
	if f.must("asyncify_get_state") == 2 {
		f.must("asyncify_stop_rewind")
		return f.want
	}
	f.Memory().WriteUint32Le(hostBlock, hostBlock+8)
	f.Memory().WriteUint32Le(hostBlock+4, 1024)
	f.must("asyncify_start_unwind", hostBlock)
	return 0
}

// resume ends the unwind, does work and starts the rewind.
func (f *faulty) resume(work func()) {
	f.must("asyncify_stop_unwind")
	work()
	f.must("asyncify_start_rewind", hostBlock)
}

// try calls an export; the second result is the function that it trapped in, "" if it
// returned.
func (f *faulty) try(name string, args ...uint64) (uint64, string) {
	f.t.Helper()
	results, err := f.ExportedFunction(name).Call(f.t.Context(), args...)
	if err == nil {
		return append(results, 0)[0], ""
	}
	if match := regexp.MustCompile(`wasm stack trace:\n\t[^\n(]*?\.((?:fiber\.)?\w+)\(`).FindStringSubmatch(err.Error()); match != nil {
		return 0, match[1]
	}
	f.t.Fatalf("%s%v: %v", name, args, err)
	return 0, ""
}

// must calls an export, which has to return.
func (f *faulty) must(name string, args ...uint64) uint64 {
	f.t.Helper()
	result, trap := f.try(name, args...)
	if trap != "" {
		f.t.Fatalf("%s%v trapped in %s", name, args, trap)
	}
	return result
}

// works checks that fibers still work.
func (f *faulty) works() {
	f.t.Helper()
	if got := f.must("work", 100); got != 5050 {
		f.t.Errorf("work(100) is %d afterwards, not 5050", got)
	}
}

// A mistake of the program traps in a function that says which. What was under way is
// lost; whatever is called afterwards works.
func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct {
		export string
		args   []uint64
		trap   string
	}{
		{"resumes_itself", nil, "fiber.cannot_resume"},
		{"resumes_done", nil, "fiber.cannot_resume"},
		{"resumes_freed", nil, "fiber.no_fiber"},
		{"resumes_nothing", []uint64{0}, "fiber.no_fiber"},
		{"resumes_nothing", []uint64{4096}, "fiber.no_fiber"},
		{"resumes_nothing", []uint64{0xfffffff0}, "fiber.no_fiber"},
		{"frees_itself", nil, "fiber.cannot_free"},
		{"main_is_freed", nil, "fiber.cannot_free"},
		{"joins_itself", nil, "fiber.cannot_join"},
		{"main_is_joined", nil, "fiber.cannot_join"},
		{"enters_nothing", nil, "fiber.entry"},
		{"enters_another_type", nil, "fiber.entry"},
		{"traps_in_a_fiber", nil, "trap"},
		{"main_yields", nil, "fiber.nobody_to_yield_to"},
		{"main_parks", nil, "fiber.deadlock"},
		{"unparks_another", nil, "fiber.not_parked"},
		{"frees_a_channel", nil, "fiber.chan_in_use"},
		{"cleans_badly", nil, "fiber.cleanup_suspends"},
		{"cleans_nothing", nil, "fiber.cleanup"},
		{"swaps_alone", nil, "fiber.not_wrapped"},
		{"region_returns", nil, "fiber.entry_returned"},
		{"region_enters_nothing", nil, "fiber.enter_region"},
		{"wraps_nothing", nil, "fiber.main"},
		{"wrapped_yields", nil, "fiber.nobody_to_yield_to"},
	} {
		t.Run(c.export, func(t *testing.T) {
			f := faults(t)
			f.works()
			for range 3 {
				if _, trap := f.try(c.export, c.args...); trap != c.trap {
					t.Errorf("it trapped in %q, not %s", trap, c.trap)
				}
				f.works()
			}
		})
	}
}

// What is not a mistake.
func TestFibersThatAreGivenUp(t *testing.T) {
	f := faults(t)
	for _, c := range []struct {
		export string
		args   []uint64
		want   uint64
	}{
		{"frees_suspended", nil, 1},
		{"closes_a_channel", []uint64{0}, 3},
		{"closes_a_channel", []uint64{1}, 30},
		{"fills_memory", nil, 1},
	} {
		if got := f.must(c.export, c.args...); got != c.want {
			t.Errorf("%s%v is %d, not %d", c.export, c.args, got, c.want)
		}
	}
	f.works()
}

// A host that is called from a fiber calls exports of its own, which run fibers, too. The
// main fiber that waits below them goes on when they have returned.
func TestTheHostCallsBack(t *testing.T) {
	f := faults(t)
	f.back = func(what uint64) { f.must("work", what) }
	if got := f.must("calls_back", 10); got != 10 {
		t.Errorf("calls_back(10) is %d", got)
	}
	f.back = func(what uint64) {
		f.must("unpark", what+1)
		f.must("pass") // the main fiber that is ready now must not run in this call
		f.works()
	}
	if got := f.must("parks_and_calls_back", 10); got != 11 {
		t.Errorf("parks_and_calls_back(10) is %d, not 11", got)
	}
	f.works()
}

// A call that traps below a host function, which goes on as if nothing had happened: the
// outer call ends at its next switch.
func TestTrapBelowTheHost(t *testing.T) {
	for _, c := range []struct{ outer, inner, trap, then string }{
		{"parks_and_calls_back", "main_parks", "fiber.deadlock", "fiber.broken_off"},
		{"switches_away", "switches_to_parked", "fiber.other_call", "fiber.other_call"},
	} {
		f := faults(t)
		f.back = func(uint64) {
			if _, trap := f.try(c.inner); trap != c.trap {
				t.Errorf("%s trapped in %q, not %s", c.inner, trap, c.trap)
			}
		}
		if _, trap := f.try(c.outer, 1); trap != c.then {
			t.Errorf("%s trapped in %q, not %s", c.outer, trap, c.then)
		}
	}
}

// The main fiber of a call that has trapped never runs again.
func TestTrapUnderAMainFiberThatWaits(t *testing.T) {
	f := faults(t)
	f.back = func(uint64) { panic(errors.New("the host fails")) }
	if _, err := f.ExportedFunction("parks_and_calls_back").Call(t.Context(), 1); err == nil {
		t.Fatal("the failure of the host got lost")
	}
	f.works()
	f.must("unpark", 1)
	f.must("pass")
	f.works()
	if got := f.must("frees_suspended"); got != 1 {
		t.Error("fibers do not work")
	}
	if _, trap := f.try("main_parks"); trap != "fiber.deadlock" {
		t.Errorf("a deadlock trapped in %q: the old main fiber is ready, and can never run", trap)
	}
}

// An export that --wrap leaves out must not suspend.
func TestOnlyListedExportsAreWrapped(t *testing.T) {
	f := faults(t, "--wrap=work", "--wrap=calls_*")
	f.works()
	f.back = func(uint64) {}
	f.must("calls_back", 1)
	if _, trap := f.try("hold"); trap != "fiber.no_main_fiber" {
		t.Errorf("an export that is not wrapped trapped in %q, not fiber.no_main_fiber", trap)
	}
	f.works()
}

// While a host has suspended the program it may grow the memory and call other exports.
func TestCallsWhileSuspended(t *testing.T) {
	f := faults(t)
	f.must("hold")
	f.want = 77
	f.must("waits", 1)
	f.resume(func() {
		if _, ok := f.Memory().Grow(1); !ok {
			t.Error("the memory does not grow")
		}
		f.works()
		if got := f.must("resume_held", 5); got != 5 {
			t.Errorf("resume_held(5) is %d", got)
		}
	})
	if got := f.must("waits", 0); got != 77 {
		t.Errorf("waits is %d, not 77", got)
	}
	f.works()

	f.must("joins_parked")
	f.resume(func() {
		f.must("unpark_started", 9)
		f.must("pass") // runs the fiber that is parked, and makes the main fiber of the other call ready
		f.must("pass")
		f.works()
	})
	if got := f.must("joins_parked"); got != 9 {
		t.Errorf("joins_parked is %d, not 9", got)
	}

	f.must("joins_cancelled")
	f.resume(func() { f.must("cancel", 4) })
	if got := f.must("joins_cancelled"); got != 4 {
		t.Errorf("joins_cancelled is %d, not 4", got)
	}
	f.works()
}

// An export that the host calls while the module unwinds or rewinds: one that may suspend
// does nothing, the others do what they do.
func TestCallsWhileUnwinding(t *testing.T) {
	f := faults(t)
	f.want = 1
	f.must("joins_cancelled")
	if got := f.must("work", 10); got != 0 {
		t.Errorf("work(10) is %d while unwinding, not 0", got)
	}
	f.must("cancel", 3)
	f.resume(func() {})
	f.must("cancel", 6)
	if got := f.must("joins_cancelled"); got != 6 {
		t.Errorf("joins_cancelled is %d, not 6", got)
	}
	f.works()
}

// A host function that fails where it should end the rewind leaves the module in the
// middle of it: no call is taken for the rest.
func TestHostFailsWhileRewinding(t *testing.T) {
	for _, export := range []string{"waits", "joins_cancelled"} {
		f := faults(t)
		fn := f.ExportedFunction(export)
		args := make([]uint64, len(fn.Definition().ParamTypes()))
		if _, err := fn.Call(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
		f.resume(func() {})
		f.fails = true
		if _, err := fn.Call(t.Context(), args...); err == nil {
			t.Fatal("the failure of the host got lost")
		}
		f.fails = false
		for range 2 {
			if _, trap := f.try("work", 1); trap != "fiber.broken" {
				t.Errorf("%s: the next call trapped in %q, not fiber.broken", export, trap)
			}
		}
	}
}
