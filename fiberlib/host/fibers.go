package host

import (
	"math"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// fibers is the protocol of modules with the fiber library, fiberlib/host.wat: a call is
// a main fiber whose region the host gives, and whichever fiber calls a host function
// that suspends waits for it, while others run.
type fibers struct {
	inst                        *Instance
	hostEnter, hostWait         api.Function
	hostWake, hostDrop, timerOf api.Function // timerOf is nil if no fiber sleeps
	run                         entry        // of host_run
	sp                          api.MutableGlobal
	home                        uint64 // the stack pointer while nothing runs

	calls map[uint32]*Call // by their fiber
	waits map[uint32]*work // by the fiber that waits
	timer *time.Timer
}

// Exports of the library.
const (
	hostEnter = "fiber_host_enter"
	hostRun   = "fiber_host_run"
	hostWait  = "fiber_host_wait"
	hostWake  = "fiber_host_wake"
	hostDrop  = "fiber_host_drop"
	hostTimer = "fiber_host_timer"
)

// Parts of a fiber's region, see fiberlib/core.wat.
const (
	fiberData    = 8
	fiberStack   = 16
	fiberStatus  = 24
	fiberNew     = 0
	fiberRuns    = 2
	fiberResumer = 28
	fiberFrames  = 128
	fiberDone    = 4
	mostResumers = 1 << 20
	nobodySleeps = math.MaxInt64
	leastTimer   = 50 * time.Microsecond
)

func newFibers(i *Instance) (*fibers, error) {
	fn := i.module.ExportedFunction
	for _, want := range []struct {
		name            string
		params, results int
	}{{hostEnter, 2, 0}, {hostRun, 0, 1}, {hostWait, 0, 1}, {hostWake, 1, 0}, {hostDrop, 1, 0}} {
		if !hasType(fn(want.name), want.params, want.results) {
			return nil, &NotRewrittenError{Missing: want.name}
		}
	}
	f := &fibers{
		inst: i, hostEnter: fn(hostEnter), hostWait: fn(hostWait), hostWake: fn(hostWake), hostDrop: fn(hostDrop), timerOf: fn(hostTimer),
		calls: map[uint32]*Call{}, waits: map[uint32]*work{},
	}
	f.run.init(i, nil, fn(hostRun), i.ctx)
	if sp, ok := i.module.ExportedGlobal(stackPointer).(api.MutableGlobal); ok && sp.Get() != 0 {
		f.sp, f.home = sp, sp.Get()
	}
	return f, nil
}

func (f *fibers) begin(c *Call) {
	f.calls[c.region.at] = c
	f.enter(c, c.region.size, c.stack)
}

// enter runs a call until it returns, or has to wait.
func (f *fibers) enter(c *Call, size uint32, stack []uint64) {
	fiber := c.region.at
	f.setLeft(c, Region{})
	if _, err := call(f.inst.ctx, f.hostEnter, uint64(fiber), uint64(size)); err != nil {
		f.failed(c, err)
		return
	}
	err := c.entry.run(stack)
	f.goHome()
	if err != nil {
		f.failed(c, err)
		return
	}
	memory := f.inst.memory
	switch status, _ := memory.ReadUint32Le(fiber + fiberStatus); status {
	case fiberNew:
		f.returnedAsIs(c)
		return
	case fiberDone:
		c.returned()
		f.release(c)
		return
	case fiberRuns:
		f.failed(c, &UnwoundError{c.name, "a host function has called the module, has got an error, and has gone on as if nothing were wrong"})
		return
	}
	position, _ := memory.ReadUint32Le(fiber + fiberData)
	sp, _ := memory.ReadUint32Le(fiber + fiberStack)
	f.setLeft(c, Region{
		Export: c.name, Fiber: fiber, Data: fiber + fiberData,
		Frames: fiber + fiberFrames, Position: position, Stack: sp, Top: c.region.top(),
	})
}

// returnedAsIs ends a call of an export that is no main fiber: it cannot suspend, and has
// run on the stack of the module itself.
func (f *fibers) returnedAsIs(c *Call) {
	c.returned()
	_, err := call(f.inst.ctx, f.hostDrop, uint64(c.region.at))
	if err == nil {
		_, err = call(f.inst.ctx, f.hostEnter, 0, 0)
	}
	if err != nil {
		f.failed(c, err)
		return
	}
	f.release(c)
}

func (f *fibers) goHome() {
	if f.sp != nil {
		f.sp.Set(f.home)
	}
}

func (f *fibers) setLeft(c *Call, left Region) {
	f.inst.mu.Lock()
	defer f.inst.mu.Unlock()
	c.left = left
}

// failed ends the instance, and first with the very error the call that has shown it.
func (f *fibers) failed(c *Call, cause error) {
	name := hostRun
	if c != nil {
		name = c.name
	}
	err, _ := f.inst.failure(name, f.inst.host.config.StackSize, cause)
	f.inst.fail(err, c)
}

// release ends the use of a region by the module.
func (f *fibers) release(c *Call) {
	delete(f.calls, c.region.at)
	c.use(-1)
}

func (f *fibers) suspend(_ *entry, s *suspending, stack []uint64) {
	result, err := call(f.inst.ctx, f.hostWait)
	if err != nil {
		panic(err)
	}
	fiber := uint32(result)
	if fiber == 0 {
		panic(&NotRewrittenError{Import: s.name})
	}
	w := f.waits[fiber]
	if w == nil {
		w = newWork(f.inst, s, stack)
		w.fiber, w.call = fiber, f.callOf(fiber)
		f.waits[fiber] = w
		clear(stack)
		w.start()
		return
	}
	if w.of != s || !w.done {
		panic(&NotRewrittenError{Import: w.of.name})
	}
	delete(f.waits, fiber)
	copy(stack[:s.results], w.stack)
}

// callOf returns the call that has resumed a fiber, or whoever has resumed that; nil if
// the scheduler runs it.
func (f *fibers) callOf(fiber uint32) *Call {
	for range mostResumers {
		if c := f.calls[fiber]; c != nil {
			return c
		}
		if fiber, _ = f.inst.memory.ReadUint32Le(fiber + fiberResumer); fiber == 0 {
			return nil
		}
	}
	return nil
}

func (f *fibers) resume(w *work) {
	i, c := f.inst, w.call
	if i.Err() != nil {
		return
	}
	if c != nil && (w.err != nil || c.isOver() || c.ctx.Err() != nil) {
		c.giveUp(w.err)
		f.drop(c, w)
		return
	}
	if w.err != nil {
		i.fail(w.err, nil)
		return
	}
	w.done = true
	if _, err := call(i.ctx, f.hostWake, uint64(w.fiber)); err != nil {
		f.failed(c, err)
	}
}

// drop gives a call up that waits for the host, itself or in fibers that it has resumed:
// these stay as they are.
func (f *fibers) drop(c *Call, w *work) {
	delete(f.waits, w.fiber)
	if _, err := call(f.inst.ctx, f.hostDrop, uint64(c.region.at)); err != nil {
		f.failed(c, err)
		return
	}
	f.release(c)
}

// step runs fibers that are ready, or the call whose turn it is.
func (f *fibers) step() bool {
	var stack [1]uint64
	err := f.run.run(stack[:])
	f.goHome()
	if err != nil {
		f.failed(nil, err)
		return false
	}
	c := f.calls[uint32(stack[0])]
	if c == nil {
		f.setTimer()
		return false
	}
	f.enter(c, 0, c.again())
	return true
}

// setTimer sees to it that the first sleeper wakes in time.
func (f *fibers) setTimer() {
	if f.timerOf == nil {
		return
	}
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	left, err := call(f.inst.ctx, f.timerOf)
	if err != nil {
		f.failed(nil, err)
		return
	}
	if left != nobodySleeps {
		f.timer = f.inst.wakeIn(max(time.Duration(int64(left)), leastTimer))
	}
}
