package examples_test

import (
	"bytes"
	"testing"

	"github.com/watfiber/watfiber/fiberlib"
)

// The stacks of examples/c/faults.c: their sizes, and what happens when one is full.

// What a program asks for is what a fiber gets, up to the next multiple of 16.
func TestSizesOfFibers(t *testing.T) {
	for _, c := range []struct {
		flags      []string
		asked, got uint64
	}{
		{nil, 0, 65520}, {nil, 1, 1024}, {nil, 1024, 1024}, {nil, 1025, 1040}, {nil, 100000, 100000},
		{nil, 0x7ffffff0, 0}, {nil, 0xffffffff, 0}, // and not a small one
		{[]string{"--stack-size=8192"}, 0, 8192}, {[]string{"--stack-size=8192"}, 4096, 4096},
	} {
		if got := faults(t, c.flags...).must("size_of", c.asked); got != c.got {
			t.Errorf("%v: a fiber of %d bytes has %d, not %d", c.flags, c.asked, got, c.got)
		}
	}
}

// A stack that overflows is named, with what it needed; then the module cannot be called
// any more, and says so.
func TestOverflowIsMeasured(t *testing.T) {
	for _, c := range []struct {
		depth   uint64
		trap    string
		from    uint64 // what it needed lies between this
		to      uint64 // and this
		touches bool   // memory below the region
	}{
		{58, "fiber.buffer_overflow", 100, 1500, false},
		{70, "fiber.stack_overflow", 70 * 64, 70 * 160, true},
	} {
		f := faults(t)
		f.works() // so that no memory is asked for later
		fiber := f.must("fence")
		memory, _ := f.Memory().Read(0, f.Memory().Size())
		memory = bytes.Clone(memory)
		if _, trap := f.try("dig_in", c.depth); trap != c.trap {
			t.Fatalf("depth %d trapped in %q, not %s", c.depth, trap, c.trap)
		}
		var told [3]uint64
		for i, name := range fiberlib.FaultGlobals {
			told[i] = f.ExportedGlobal(name).Get()
		}
		if told[0] != fiber || told[1] < c.from || told[1] > c.to || told[2] >= told[1] {
			t.Errorf("depth %d: fiber %#x needed %d and had %d; it is %#x", c.depth, told[0], told[1], told[2], fiber)
		}
		after, _ := f.Memory().Read(0, f.Memory().Size())
		if got := !bytes.Equal(memory[fiber-4096:fiber], after[fiber-4096:fiber]); got != c.touches {
			t.Errorf("depth %d: memory below the region changed: %v, not %v", c.depth, got, c.touches)
		}
		if !bytes.Equal(above(memory, fiber), above(after, fiber)) {
			t.Errorf("depth %d: memory above the region changed", c.depth)
		}
		if _, trap := f.try("work", 1); trap != "fiber.broken" {
			t.Errorf("depth %d: the next call trapped in %q, not fiber.broken", c.depth, trap)
		}
	}
}

// above returns the memory that lies above the region that the program has fenced in,
// behind what malloc has between its blocks.
func above(memory []byte, fiber uint64) []byte {
	return memory[fiber+4112 : min(fiber+8192, uint64(len(memory)))]
}

// With guards nothing outside a fiber's region or the main stack is ever written, however
// deep the recursion and whichever of the two stacks is full.
func TestGuards(t *testing.T) {
	for _, module := range []string{"c/faults.wasm", "c/faults.stackfirst.wasm"} {
		instance := faultsOf(t, module, "--guard")
		seen := map[string]int{}
		for depth := uint64(1); depth < 90; depth++ {
			f := instance()
			f.works() // so that no memory is asked for later
			fiber := f.must("fence")
			memory, _ := f.Memory().Read(0, f.Memory().Size())
			memory = bytes.Clone(memory)
			_, trap := f.try("dig_in", depth)
			seen[trap]++
			after, _ := f.Memory().Read(0, f.Memory().Size())
			if !bytes.Equal(memory[fiber-4096:fiber], after[fiber-4096:fiber]) || !bytes.Equal(above(memory, fiber), above(after, fiber)) {
				t.Errorf("%s: depth %d, which trapped in %q: memory outside the region has changed", module, depth, trap)
			}
			if canary, _ := f.Memory().ReadUint32Le(uint32(fiber) + 48); canary != ^uint32(fiber) {
				t.Errorf("%s: depth %d, which trapped in %q: the header of the region was overwritten", module, depth, trap)
			}
		}
		if seen[""] == 0 || seen["fiber.buffer_overflow"] == 0 || seen["fiber.stack_overflow"] == 0 || len(seen) > 3 {
			t.Errorf("%s: the traps were %v", module, seen)
		}
		f := instance()
		if got := f.must("dig_in_main", 20); got == 0 {
			t.Errorf("%s: dig_in_main(20) is %d", module, got)
		}
		end := uint32(2048) // of the data of the program, which may lie first
		if global := f.ExportedGlobal("__data_end"); global != nil {
			end = uint32(global.Get())
		}
		memory, _ := f.Memory().Read(0, end)
		memory = bytes.Clone(memory)
		if _, trap := f.try("dig_in_main", 1000); trap != "fiber.stack_overflow" {
			t.Errorf("%s: on the main stack the trap was %q", module, trap)
		}
		needed, available := f.ExportedGlobal("fiber.needed").Get(), f.ExportedGlobal("fiber.available").Get()
		if needed <= available || needed > available+2048 || available < 60000 || available > 70000 {
			t.Errorf("%s: the main stack needed %d, and had %d", module, needed, available)
		}
		if after, _ := f.Memory().Read(0, end); module == "c/faults.wasm" && !bytes.Equal(memory, after) {
			t.Errorf("%s: data were overwritten", module)
		}
		if _, trap := f.try("work", 1); trap != "fiber.broken" {
			t.Errorf("%s: the next call trapped in %q, not fiber.broken", module, trap)
		}
		f = instance()
		f.back = func(what uint64) {
			if _, trap := f.try("dig_in_main", what); (trap != "") != (what > 50) {
				t.Errorf("%s: %d deep below a fiber it trapped in %q", module, what, trap)
			}
		}
		f.must("calls_back", 10)
		if _, trap := f.try("calls_back", 100); trap != "fiber.broken_off" {
			t.Errorf("%s: the outer call trapped in %q", module, trap)
		}
		f = instance()
		f.works()
		for depth := uint64(1); depth < 40; depth++ {
			if got, trap := f.try("region_digs", depth); trap == "fiber.stack_overflow" {
				break
			} else if trap != "" && trap != "fiber.buffer_overflow" || trap == "" && got != depth {
				t.Errorf("%s: region_digs(%d) is %d and trapped in %q", module, depth, got, trap)
			} else if trap != "" {
				f = instance()
			}
		}
	}
}

// The two stacks of a region meet, in the middle or at its low end.
func TestRegionsOverflow(t *testing.T) {
	f := faults(t)
	for _, c := range []struct {
		depth uint64
		trap  string
	}{{10, ""}, {24, "fiber.buffer_overflow"}, {40, "fiber.stack_overflow"}} {
		if got, trap := f.try("region_digs", c.depth); trap != c.trap || trap == "" && got != c.depth {
			t.Fatalf("depth %d is %d and trapped in %q, not %s", c.depth, got, trap, c.trap)
		}
		if c.trap != "" {
			if _, trap := f.try("work", 1); trap != "fiber.broken" {
				t.Errorf("the next call trapped in %q, not fiber.broken", trap)
			}
			f = faults(t)
		}
	}
}

// A region calls the host, which calls exports that switch, each in its own call.
func TestTheHostCallsBackFromARegion(t *testing.T) {
	f := faults(t)
	f.back = func(uint64) {
		f.works()
		if _, trap := f.try("swaps_alone"); trap != "fiber.not_wrapped" {
			t.Errorf("a switch across the host trapped in %q, not fiber.not_wrapped", trap)
		}
	}
	if _, trap := f.try("region_calls_back", 5); trap != "fiber.not_wrapped" {
		t.Errorf("after a trap below the host, the switch trapped in %q", trap)
	}
	f = faults(t)
	f.back = func(uint64) { f.works() }
	if got := f.must("region_calls_back", 5); got != 5 {
		t.Errorf("region_calls_back(5) is %d", got)
	}
}
