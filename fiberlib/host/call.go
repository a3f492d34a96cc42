package host

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// A Call is one call of an exported function, under way or over.
type Call struct {
	inst   *Instance
	name   string
	ctx    context.Context // of its host functions
	cancel context.CancelCauseFunc
	done   chan struct{}

	// Written before done is closed, read behind it.
	results []uint64
	err     error

	// Guarded by inst.mu.
	over bool        // it has results or an error
	stop func() bool // ends the watch over the context
	uses int         // what uses its region: the module, and a host function that may know it
	left Region      // what Region returns

	// Used by the owner.
	export *export
	region region
	entry  entry
	stack  []uint64 // parameters and results
	work   *work    // that it waits for, nil for none
	sp     uint64   // stack pointer with which it goes on
}

// Go begins a call of an exported function. The arguments are encoded as wazero has them.
// When the context is done, so is the call: with a *CancelledError, unless it returns
// before it comes to a host function that suspends. What goes wrong is reported by Wait. A
// host function that does not suspend may call Go, but must not wait: its instance waits
// for it.
func (i *Instance) Go(ctx context.Context, name string, args ...uint64) *Call {
	if ctx.Value(entryKey{}) != nil {
		ctx = entered{ctx}
	}
	c := &Call{inst: i, name: name, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	i.mu.Lock()
	ended := i.ended
	if ended == nil {
		i.calls[c] = struct{}{}
	}
	i.mu.Unlock()
	switch {
	case ended != nil:
		c.finish(nil, ended)
		return c
	case ctx.Err() != nil:
		c.Cancel(context.Cause(ctx))
		return c
	}
	c.watch(ctx)
	args = slices.Clone(args)
	i.post(func() { c.begin(args) })
	return c
}

// watch cancels the call when its context is done.
func (c *Call) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { c.Cancel(context.Cause(ctx)) })
	c.inst.mu.Lock()
	over := c.over
	c.stop = stop
	c.inst.mu.Unlock()
	if over {
		stop()
	}
}

// Call calls an exported function and waits until it returns.
func (i *Instance) Call(ctx context.Context, name string, args ...uint64) ([]uint64, error) {
	if enteredBy(ctx, i) != nil {
		return nil, &NestedError{}
	}
	return i.Go(ctx, name, args...).Wait()
}

// entered is the context of a host function without the mark that it is one.
type entered struct{ context.Context }

func (c entered) Value(key any) any {
	if key == (entryKey{}) {
		return nil
	}
	return c.Context.Value(key)
}

// Wait waits until the call is over, and returns its results, encoded as wazero has them.
// The error is one of those of this package, a *sys.ExitError, or wraps ErrClosed.
func (c *Call) Wait() ([]uint64, error) {
	<-c.done
	return c.results, c.err
}

// Done is closed when the call is over.
func (c *Call) Done() <-chan struct{} { return c.done }

// Cancel ends a call for a cause, nil standing for context.Canceled. If it waits for a
// host function, it is given up: the context of that is done, and its memory is used
// again when it has returned. What the program holds at that place, such as a lock, it
// holds for ever; so a host function that a program is to go on from should return what
// the program takes for a failure, by a deadline of its own. If the call runs, or waits
// for something in the module, it ends for its caller, and goes on in the module until it
// comes to a host function or returns.
func (c *Call) Cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	c.finish(nil, &CancelledError{c.name, cause})
}

// giveUp ends the call with the error of a host function, or as cancelled if it is: then
// the error is likely to say the same.
func (c *Call) giveUp(err error) {
	if c.ctx.Err() != nil {
		c.Cancel(context.Cause(c.ctx))
		return
	}
	c.finish(nil, err)
}

// finish ends the call for its caller, once.
func (c *Call) finish(results []uint64, err error) {
	i := c.inst
	i.mu.Lock()
	if c.over {
		i.mu.Unlock()
		return
	}
	c.over = true
	delete(i.calls, c)
	stop := c.stop
	i.mu.Unlock()
	if stop != nil {
		stop()
	}
	c.results, c.err = results, err
	cause := err
	var cancelled *CancelledError
	if errors.As(err, &cancelled) {
		cause = cancelled.Cause
	}
	c.cancel(cause)
	close(c.done)
}

func (c *Call) isOver() bool {
	c.inst.mu.Lock()
	defer c.inst.mu.Unlock()
	return c.over
}

// begin is what the owner does with a new call.
func (c *Call) begin(args []uint64) {
	i := c.inst
	if c.isOver() {
		return
	}
	var err error
	if c.export, err = i.find(c.name, len(args)); err == nil {
		c.region, err = i.regions.take()
	}
	if err != nil {
		c.finish(nil, err)
		return
	}
	i.mu.Lock()
	c.uses = 1
	i.mu.Unlock()
	c.stack = make([]uint64, max(c.export.params, c.export.results))
	copy(c.stack, args)
	c.entry.init(i, c, c.export.fn, c.ctx)
	i.protocol.begin(c)
}

// find returns an exported function that takes so many arguments.
func (i *Instance) find(name string, args int) (*export, error) {
	e := i.exports[name]
	if e == nil {
		fn := i.module.ExportedFunction(name)
		if fn == nil {
			return nil, &ExportError{Export: name, Params: -1}
		}
		e = &export{name, fn, words(fn.Definition().ParamTypes()), words(fn.Definition().ResultTypes())}
		i.exports[name] = e
	}
	if e.params != args {
		return nil, &ExportError{name, e.params, args}
	}
	return e, nil
}

// words returns how many words wazero takes for values of some types: two for a vector.
func words(types []api.ValueType) int {
	const v128 = 0x7b
	n := len(types)
	for _, t := range types {
		if t == v128 {
			n++
		}
	}
	return n
}

// again makes the arguments those of a call that goes on: its frames have the true ones.
func (c *Call) again() []uint64 {
	clear(c.stack)
	return c.stack
}

// returned ends a call with what the export has returned.
func (c *Call) returned() { c.finish(c.stack[:c.export.results:c.export.results], nil) }

// use notes a use of the region, or the end of one.
func (c *Call) use(n int) {
	i := c.inst
	i.mu.Lock()
	defer i.mu.Unlock()
	c.uses += n
	if c.uses == 0 {
		i.regions.give(c.region)
		c.left = Region{}
	}
}

// A Region is where in memory the stacks of a suspended call are.
type Region struct {
	Export string
	// Fiber is the fiber of the library that the call is, 0 without the library.
	Fiber uint32
	// Data is the address of the data block: the position and the end of the frames.
	Data uint32
	// The frames lie from Frames up to Position; the stack in memory from Stack up to Top.
	// Between them nothing is in use.
	Frames, Position, Stack, Top uint32
}

// Region returns where the stacks of a call are, and whether it is suspended. In
// Instance.Do that remains true, and the memory there can be read.
func (c *Call) Region() (Region, bool) {
	c.inst.mu.Lock()
	defer c.inst.mu.Unlock()
	return c.left, c.left.Data != 0
}
