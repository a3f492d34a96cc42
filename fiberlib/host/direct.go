package host

import (
	"context"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// direct is the protocol of modules without the fiber library: a call that suspends
// unwinds into its region, and is rewound from there.
//
//	 0  position: where the next frame goes
//	 4  end of the frames
//	 8  canary: the complement of the region's address
//	12  –
//	16  frames, which grow up … and the stack in memory, which grows down from the end
type direct struct {
	inst *Instance
	abi  map[string]api.Function

	sp   api.MutableGlobal // nil: the module has no stack in memory, or
	own  bool              // it has no other than its own, for one call at a time
	home uint64            // the stack pointer while no call runs
	one  *Call             // the call that uses that one stack

	rewinding bool   // the call that runs comes back
	unwinding bool   // the call that runs leaves
	at        uint64 // the stack pointer when it began to leave
}

const directFrames = 16

// stackPointer is the export that lets the host give calls stacks of their own.
const stackPointer = "__stack_pointer"

func newDirect(i *Instance) *direct {
	d := &direct{inst: i, abi: map[string]api.Function{}}
	for _, name := range abiNames {
		d.abi[name] = i.module.ExportedFunction(name)
	}
	sp, there := i.module.ExportedGlobal(stackPointer).(api.MutableGlobal)
	switch {
	case !there || sp.Type() != api.ValueTypeI32 || hasLibrary(i.module):
		d.own = true
	case sp.Get() != 0:
		d.sp, d.home = sp, sp.Get()
	}
	return d
}

// hasLibrary reports whether a module has the fiber library, as far as its names tell;
// without the functions for the host, calls would get into each other's way.
func hasLibrary(m api.Module) bool {
	for _, f := range m.ExportedFunctionDefinitions() {
		if strings.HasPrefix(f.Name(), "fiber.export.") {
			return true
		}
	}
	return false
}

func (d *direct) begin(c *Call) {
	if d.own && d.one != nil {
		c.finish(nil, &StackError{c.name})
		c.use(-1)
		return
	}
	if d.own {
		d.one = c
	}
	d.inst.memory.WriteUint32Le(c.region.at+8, ^c.region.at)
	c.sp = uint64(c.region.top())
	d.enter(c, c.stack)
}

// enter runs a call until it returns or leaves.
func (d *direct) enter(c *Call, stack []uint64) {
	d.unwinding = false
	if d.sp != nil {
		d.sp.Set(c.sp)
	}
	err := c.entry.run(stack)
	if d.sp != nil {
		c.sp = d.sp.Get()
		d.sp.Set(d.home)
	}
	if err == nil {
		err = d.check(c)
	}
	switch {
	case err != nil:
		d.failed(c, err)
	case !d.unwinding:
		c.returned()
		d.release(c)
	case c.isOver():
		c.work = nil
		d.release(c)
	default:
		d.wait(c)
	}
}

// check ends an unwind, and finds out whether the call has returned or left as it should.
func (d *direct) check(c *Call) error {
	memory, at := d.inst.memory, c.region.at
	if canary, _ := memory.ReadUint32Le(at + 8); canary != ^at {
		return &OverflowError{Export: c.name, Shadow: true, Size: c.region.size}
	}
	if !d.unwinding {
		if d.rewinding {
			return &UnwoundError{c.name, "it was to go on behind a host function that has returned, and has not called it: the module is not rewritten as it should be"}
		}
		if state, err := d.do(getState); err != nil || state != running {
			return &UnwoundError{c.name, "it has unwound its stack, but no host function has asked for it"}
		}
		return nil
	}
	position, _ := memory.ReadUint32Le(at)
	end, _ := memory.ReadUint32Le(at + 4)
	if position > end {
		return &OverflowError{Export: c.name, Size: c.region.size, Used: c.region.size + position - end}
	}
	if d.sp != nil && c.sp != d.at { // an instrumented function does not clean up when it unwinds
		return &NotRewrittenError{Import: c.work.of.name}
	}
	_, err := d.do(stopUnwind)
	return err
}

// failed ends a call that the module has not returned from.
func (d *direct) failed(c *Call, cause error) {
	err, ends := d.inst.failure(c.name, c.region.size, cause)
	if overflow, ok := err.(*OverflowError); ok {
		ends = overflow.Shadow
	}
	if ends {
		d.inst.fail(err, c)
		return
	}
	c.finish(nil, err)
	_, _ = d.do(stopUnwind) // whatever the state was: it traps when it has ended it
	d.rewinding = false
	c.work = nil
	d.release(c)
}

// wait begins what a call that has left waits for.
func (d *direct) wait(c *Call) {
	at := c.region.at
	position, _ := d.inst.memory.ReadUint32Le(at)
	left := Region{Export: c.name, Data: at, Frames: at + directFrames, Position: position, Stack: c.region.top(), Top: c.region.top()}
	if d.sp != nil {
		left.Stack = uint32(c.sp)
	}
	d.inst.mu.Lock()
	c.left = left
	d.inst.mu.Unlock()
	c.work.start()
}

// release ends the use of a region by the module.
func (d *direct) release(c *Call) {
	if d.one == c {
		d.one = nil
	}
	c.use(-1)
}

func (d *direct) suspend(e *entry, s *suspending, stack []uint64) {
	c := e.call
	if d.rewinding {
		d.arrive(c, s, stack)
		return
	}
	if d.unwinding {
		panic(&NotRewrittenError{Import: c.work.of.name})
	}
	at, end := c.region.at, c.region.top()
	if d.sp != nil {
		d.at = d.sp.Get()
		end = uint32(d.at)
	}
	if end < at+directFrames || end > c.region.top() {
		panic(&OverflowError{Export: c.name, Shadow: true, Size: c.region.size, Used: c.region.top() - end})
	}
	d.inst.memory.WriteUint32Le(at, at+directFrames)
	d.inst.memory.WriteUint32Le(at+4, end)
	if _, err := d.do(startUnwind, uint64(at)); err != nil {
		panic(err)
	}
	d.unwinding = true
	c.work = newWork(d.inst, s, stack)
	c.work.call = c
	clear(stack)
}

// arrive is the second call of a host function, at the end of the rewind.
func (d *direct) arrive(c *Call, s *suspending, stack []uint64) {
	d.rewinding = false
	if c.work.of != s {
		panic(&NotRewrittenError{Import: c.work.of.name})
	}
	if _, err := d.do(stopRewind); err != nil {
		panic(err)
	}
	copy(stack[:s.results], c.work.stack)
	c.work = nil
}

func (d *direct) resume(w *work) {
	c := w.call
	d.inst.mu.Lock()
	over, ended := c.over, d.inst.ended
	c.left = Region{}
	d.inst.mu.Unlock()
	switch {
	case ended != nil:
	case over || w.err != nil || c.ctx.Err() != nil:
		c.giveUp(w.err)
		c.work = nil
		d.release(c)
	default:
		d.rewinding = true
		if _, err := d.do(startRewind, uint64(c.region.at)); err != nil {
			d.failed(c, err)
			return
		}
		d.enter(c, c.again())
	}
}

func (d *direct) step() bool { return false }

// do calls a function of the ABI.
func (d *direct) do(name string, args ...uint64) (uint64, error) {
	return call(d.inst.ctx, d.abi[name], args...)
}

// call calls a function with at most two parameters and one result.
func call(ctx context.Context, fn api.Function, args ...uint64) (uint64, error) {
	var stack [2]uint64
	copy(stack[:], args)
	err := fn.CallWithStack(ctx, stack[:])
	return stack[0], err
}
