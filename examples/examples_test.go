// Package examples_test runs the examples and compares what they print with what
// native builds of the same sources print.
package examples_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

var engines = []string{"compiler", "interpreter"}

// programs are the examples that print something.
var programs = []struct {
	module  string
	suspend string // the import that suspends; "" if the program has a runtime of its own
	stats   string // what --stats says
	library bool   // it imports the fiber library, which the peer does not have
}{
	{module: "c/fibers.wasm", stats: "suspended 0 times\n"},
	{module: "c/resume.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/pingpong.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/sieve.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/skynet.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/channels.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/select.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/locks.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/contexts.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/swap.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/regions.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/regions.stackfirst.wasm", stats: "suspended 0 times\n", library: true},
	{module: "c/generator.wasm", suspend: "env.yield", stats: "suspended 10 times\n"},
	{module: "crystal/first.wasm"},
	{module: "crystal/pipeline.wasm"},
	{module: "crystal/pipeline.debug.wasm"},
	{module: "crystal/pipeline.library.wasm", library: true},
	{module: "crystal/sleepers.library.wasm", library: true},
	{module: "crystal/bench.wasm"},
	{module: "crystal/bench.stackfirst.wasm"},
	{module: "assemblyscript/pipeline.wasm", library: true},
	{module: "assemblyscript/pipeline.debug.wasm", library: true},
	{module: "assemblyscript/pipeline.small.wasm", library: true},
	{module: "assemblyscript/pipeline.minimal.wasm", library: true},
}

func TestProgramsPrintWhatNativeBuildsPrint(t *testing.T) {
	for _, p := range programs {
		for _, engine := range engines {
			t.Run(p.module+"/"+engine, func(t *testing.T) {
				t.Parallel()
				args := []string{"run", "--stats", "--engine=" + engine}
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
}

const slept = "100 sleeps of 100 ms took as long as one\nsorted: 1 2 3 4 5\n"

// The sleep of the C library makes one fiber wait, not the program.
func TestFibersSleep(t *testing.T) {
	for _, engine := range engines {
		stdout, _ := watfiber(t, "run", "--redirect=wasi", "--engine="+engine, "c/sleepers.wasm")
		compare(t, slept, stdout)
	}
}

func TestManyFibers(t *testing.T) {
	stdout, _ := watfiber(t, "run", "c/many.wasm", "100000")
	compare(t, "100000 fibers wait, 1028 bytes each\nsum 5000050000\n", stdout)
}

// Resumptions that are nested 2000 deep.
func TestLongSieve(t *testing.T) {
	stdout, _ := watfiber(t, "run", "c/sieve.wasm", "2000")
	compare(t, "prime number 2000 is 17389\n", stdout)
}

// A million fibers in the memory of seven.
func TestMillionLeaves(t *testing.T) {
	stdout, _ := watfiber(t, "run", "c/skynet.wasm", "1000000")
	compare(t, "1000000 leaves add up to 499999500000\n1111111 fibers, at most 7 at once\n", stdout)
}

// A stack that is too small ends the program where its name says so.
func TestOverflowIsNamed(t *testing.T) {
	for _, c := range []struct {
		depth, prints string
	}{
		{"20", "sum 210\ndone\n"},
		{"75", "note: the frames of a fiber do not fit"},
		{"100", "note: the shadow stack of a fiber has grown too large"},
		{"1000", "fiber.stack_overflow"},
	} {
		for _, engine := range engines {
			var stdout, stderr bytes.Buffer
			code := cli.Run([]string{"run", "--engine=" + engine, "c/deep.wasm", "4096", c.depth}, strings.NewReader(""), &stdout, &stderr)
			if got := stdout.String() + stderr.String(); !strings.Contains(got, c.prints) || (code == 0) != strings.HasPrefix(c.prints, "sum") {
				t.Errorf("depth %s on the %s: exit %d, %s, not %s", c.depth, engine, code, got, c.prints)
			}
		}
	}
}

// With a seed fibers run in another order, the same each time. What does not depend on the
// order stays the same; what does is found out.
func TestSeeds(t *testing.T) {
	usual, _ := watfiber(t, "run", "c/order.wasm")
	if again, _ := watfiber(t, "run", "--seed=0", "c/order.wasm"); again != usual {
		t.Errorf("seed 0 printed\n%snot\n%s", again, usual)
	}
	orders, counters := map[string]bool{}, map[string]bool{}
	for seed := 1; seed <= 20; seed++ {
		first, _ := watfiber(t, "run", fmt.Sprintf("--seed=%d", seed), "c/order.wasm")
		again, _ := watfiber(t, "run", "c/order.wasm", fmt.Sprint(seed)) // the program asks for it
		if first != again {
			t.Errorf("seed %d printed\n%sand then\n%s", seed, first, again)
		}
		order, results, _ := strings.Cut(first, "\n")
		sum, counter, _ := strings.Cut(results, ",")
		if sum != "sum 3160" {
			t.Errorf("seed %d: %s", seed, sum)
		}
		orders[order], counters[counter] = true, true
	}
	if len(orders) < 10 || len(counters) < 2 {
		t.Errorf("20 seeds: %d orders, counters %v", len(orders), counters)
	}
}

// A module that was built once runs the same as one that is built in memory.
func TestBuiltProgramsRun(t *testing.T) {
	for _, p := range programs {
		t.Run(p.module, func(t *testing.T) {
			t.Parallel()
			var suspend []string
			if p.suspend != "" {
				suspend = []string{"--suspend=" + p.suspend}
			}
			stdout, _ := watfiber(t, append(append([]string{"run"}, suspend...), build(t, p.module, suspend...))...)
			compare(t, read(t, expectedOf(p.module)), stdout)
		})
	}
}

// Each line of kernels.expected is a call of an export and its result.
func TestKernelsReturnWhatNativeBuildsReturn(t *testing.T) {
	calls := strings.Split(strings.TrimSpace(read(t, "c/kernels.expected")), "\n")
	for _, module := range []string{"c/kernels-O0.wasm", "c/kernels-O2.wasm"} {
		for _, engine := range engines {
			t.Run(module+"/"+engine, func(t *testing.T) {
				t.Parallel()
				built := build(t, module, "--suspend=env.yield")
				for _, line := range calls {
					call, want, _ := strings.Cut(line, " = ")
					name, args, _ := strings.Cut(call, " ")
					flags := []string{"run", "--engine=" + engine, "--suspend=env.yield", "--invoke=" + name, built}
					got, _ := watfiber(t, append(flags, strings.Fields(args)...)...)
					if got != want+"\n" {
						t.Errorf("%s = %s, not %s", call, strings.TrimSpace(got), want)
					}
				}
			})
		}
	}
}

// The Crystal programs of a corpus.
func TestCorpusProgramsPrintWhatIsExpected(t *testing.T) {
	found := 0
	for _, module := range corpusModules(t) {
		expected, _ := filepath.Glob(expectedOf(module))
		if len(expected) == 0 {
			continue
		}
		found++
		for _, engine := range engines {
			t.Run(filepath.Base(module)+"/"+engine, func(t *testing.T) {
				t.Parallel()
				stdout, _ := watfiber(t, "run", "--engine="+engine, module)
				compare(t, read(t, expected[0]), stdout)
			})
		}
	}
	if found == 0 {
		t.Skip("no module of the corpus has a file NAME.expected beside it")
	}
}
