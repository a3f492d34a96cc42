package host

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/fiberlib"
)

// An Instance is an instance of a rewritten module, with any number of calls under way.
// Its methods may be called from any goroutine.
//
// A trap ends the call in which it occurs; the others go on, as they would after a trap
// in wazero. If that is not wanted, since the program may have been in the middle of
// something, close the instance. With the fiber library a trap ends the instance, for a
// fiber may work for other calls than the one that has run it, and so does a shadow stack
// that has overwritten others, and an exit of the program: all calls end with an error
// that wraps the cause and ErrClosed.
type Instance struct {
	host     *Host
	module   api.Module
	memory   api.Memory
	frames   *fiberlib.FrameMap   // nil if the module does not say; used by the owner
	names    fiberlib.AssertNames // for assertions; used by the owner
	protocol protocol
	regions  regions
	exports  map[string]*export // used by the owner
	ctx      context.Context    // done when the instance is
	cancel   context.CancelCauseFunc

	// owner is held while the module runs, or its memory is looked at.
	owner sync.Mutex

	works sync.WaitGroup // goroutines of host functions
	mu    sync.Mutex     // guards what follows
	tasks []func()       // what the owner is to do, in order
	pumps bool           // a goroutine does it
	wake  chan struct{}  // wakes that
	idle  sync.Cond      // no goroutine does
	calls map[*Call]struct{}
	ended error // why there are no more calls, nil while there are
}

// A protocol is how calls enter and leave a module. Its methods are called by the owner.
type protocol interface {
	// begin enters a call that has a region.
	begin(c *Call)
	// suspend is the call of an import: it leaves, or has come back with the results.
	suspend(e *entry, s *suspending, stack []uint64)
	// resume goes on with what a work has been done for.
	resume(w *work)
	// step runs what else is ready, and reports whether there may be more.
	step() bool
}

// export is an exported function.
type export struct {
	name            string
	fn              api.Function
	params, results int
}

// entry is one entering of the module. It is known to host functions by their context.
type entry struct {
	inst   *Instance
	call   *Call        // nil: fibers that belong to no call run
	fn     api.Function // that was called; used again for nothing else
	ctx    context.Context
	active atomic.Bool
}

type entryKey struct{}

// entryContext is the context in which the module runs: it is done when the instance is,
// and has the values of the call's.
type entryContext struct {
	context.Context
	values context.Context
	entry  *entry
}

func (c entryContext) Value(key any) any {
	if key == (entryKey{}) {
		return c.entry
	}
	return c.values.Value(key)
}

// init makes the entry one of a function. With a Snapshotter in its context every call of
// an exported function is known to the host functions it calls, so that it can be told
// from one that a host function has made below.
func (e *entry) init(inst *Instance, call *Call, fn api.Function, values context.Context) {
	e.inst, e.call, e.fn = inst, call, fn
	e.ctx = experimental.WithSnapshotter(entryContext{inst.ctx, values, e})
}

// run calls the function.
func (e *entry) run(stack []uint64) error {
	e.active.Store(true)
	defer e.active.Store(false)
	return e.fn.CallWithStack(e.ctx, stack)
}

// enteredBy returns the entry in whose host function a context is that of, nil for none.
func enteredBy(ctx context.Context, inst *Instance) *entry {
	e, _ := ctx.Value(entryKey{}).(*entry)
	if e == nil || e.inst != inst || !e.active.Load() {
		return nil
	}
	return e
}

// Attach makes an instance of a module that was instantiated otherwise, none of whose
// functions runs. The values of the context are those of host functions that no call
// waits for.
func (h *Host) Attach(ctx context.Context, m api.Module) (*Instance, error) {
	i := &Instance{host: h, module: m, memory: m.Memory(), exports: map[string]*export{}, calls: map[*Call]struct{}{}, wake: make(chan struct{}, 1)}
	i.ctx, i.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	i.idle.L = &i.mu
	if i.memory == nil {
		return nil, &NotRewrittenError{Missing: "a memory"}
	}
	for _, name := range abiNames {
		params, results := 0, 0
		switch name {
		case startUnwind, startRewind:
			params = 1
		case getState:
			results = 1
		}
		if !hasType(m.ExportedFunction(name), params, results) {
			return nil, &NotRewrittenError{Missing: name}
		}
	}
	i.regions.init(i)
	if m.ExportedFunction(hostEnter) == nil {
		i.protocol = newDirect(i)
		return i, nil
	}
	f, err := newFibers(i)
	i.protocol = f
	return i, err
}

// Read returns a copy of count bytes of the memory, false if it has no such addresses. It
// waits until no call runs, so it is not for host functions that do not suspend; these get
// the module from wazero.
func (i *Instance) Read(at, count uint32) ([]byte, bool) {
	i.owner.Lock()
	defer i.owner.Unlock()
	view, ok := i.memory.Read(at, count)
	return slices.Clone(view), ok
}

// Write writes bytes to the memory, as Read reads them.
func (i *Instance) Write(at uint32, data []byte) bool {
	i.owner.Lock()
	defer i.owner.Unlock()
	return i.memory.Write(at, data)
}

// Do calls a function with the module while no call runs, to do with it what else wazero
// offers. Functions of the module must not suspend there, and are better called with Call.
func (i *Instance) Do(ctx context.Context, f func(m api.Module) error) error {
	if enteredBy(ctx, i) != nil {
		return &NestedError{}
	}
	i.owner.Lock()
	defer i.owner.Unlock()
	if err := i.Err(); err != nil {
		return err
	}
	return f(i.module)
}

// Err returns why the instance has ended: nil while it has not, ErrClosed if it was
// closed, or an error that wraps ErrClosed and the cause.
func (i *Instance) Err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ended
}

// Close ends all calls with ErrClosed, waits until the host functions that they wait for
// have returned, whose contexts are done, and closes the module. It returns earlier when
// the context is done. A call that is running is not interrupted, unless the runtime has
// been configured WithCloseOnContextDone. A host function must not wait for Close, which
// would wait for it.
func (i *Instance) Close(ctx context.Context) error {
	if enteredBy(ctx, i) != nil {
		i.end(ErrClosed, nil, nil)
		return i.module.Close(ctx)
	}
	i.end(ErrClosed, nil, nil)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		i.works.Wait()
		i.mu.Lock()
		defer i.mu.Unlock()
		for i.pumps {
			i.idle.Wait()
		}
	}()
	select {
	case <-finished:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return i.module.Close(ctx)
}

// end ends the instance, once. The calls end with the same error, but for the one that
// has shown what is wrong, if any: that ends with the cause.
func (i *Instance) end(err error, by *Call, cause error) {
	var calls map[*Call]struct{}
	i.mu.Lock()
	if i.ended == nil {
		i.ended = err
		calls, i.calls = i.calls, map[*Call]struct{}{}
	}
	i.mu.Unlock()
	i.cancel(err) // the first cause counts
	if by != nil {
		by.finish(nil, cause)
	}
	for c := range calls {
		c.finish(nil, err)
	}
}

// fail ends the instance for a reason that a call has shown, or none.
func (i *Instance) fail(cause error, by *Call) { i.end(&endedError{cause}, by, cause) }

// post has the owner do something.
func (i *Instance) post(task func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.enqueue(task)
}

// enqueue is post while mu is held.
func (i *Instance) enqueue(task func()) {
	i.tasks = append(i.tasks, task)
	if !i.pumps {
		i.pumps = true
		go i.pump()
		return
	}
	select {
	case i.wake <- struct{}{}:
	default: // it knows
	}
}

// linger is how long the goroutine of an idle instance waits for more to do: a new one
// would have to grow its stack first.
const linger = 100 * time.Millisecond

// pump is the goroutine that enters the module.
func (i *Instance) pump() {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	var tasks []func()
	for more := false; ; {
		i.mu.Lock()
		tasks, i.tasks = i.tasks, tasks[:0]
		i.mu.Unlock()
		if len(tasks) == 0 && !more {
			if timer.Reset(linger); i.rest(timer.C) {
				return
			}
			continue
		}
		for _, task := range tasks {
			i.owned(task)
		}
		clear(tasks)
		i.owned(func() { more = i.Err() == nil && i.protocol.step() })
	}
}

// rest waits until there is more to do, and reports whether there is none for too long.
func (i *Instance) rest(tooLong <-chan time.Time) bool {
	select {
	case <-i.wake:
		return false
	case <-tooLong:
	case <-i.ctx.Done():
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.tasks) > 0 {
		return false
	}
	i.pumps = false
	i.idle.Broadcast()
	return true
}

func (i *Instance) owned(f func()) {
	i.owner.Lock()
	defer i.owner.Unlock()
	f()
}

// wakeIn has the owner look what is ready, after a time.
func (i *Instance) wakeIn(d time.Duration) *time.Timer {
	return time.AfterFunc(d, func() {
		if i.Err() == nil {
			i.post(func() {})
		}
	})
}
