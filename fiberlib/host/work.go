package host

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// suspending is a host function that suspends its caller.
type suspending struct {
	name    string // module.name
	params  []api.ValueType
	results int // words
	work    Work
}

// called is what wazero calls. It is called twice: to leave the module, and to come back.
func (s *suspending) called(ctx context.Context, _ api.Module, stack []uint64) {
	e, _ := ctx.Value(entryKey{}).(*entry)
	if e == nil || !e.active.Load() {
		panic(&EntryError{s.name})
	}
	if any(experimental.GetSnapshotter(ctx)) != any(e.fn) {
		panic(&NestedError{s.name})
	}
	e.inst.protocol.suspend(e, s, stack)
}

// work is one call of a host function, which a call or a fiber waits for.
type work struct {
	inst  *Instance
	call  *Call // nil: a fiber waits that works for no call
	of    *suspending
	fiber uint32 // that waits, with the fiber library
	stack []uint64
	err   error
	done  bool // the result is there
}

func newWork(i *Instance, s *suspending, stack []uint64) *work {
	w := &work{inst: i, of: s, stack: slices.Clone(stack)}
	at := 0
	for _, t := range s.params {
		if t == api.ValueTypeI32 || t == api.ValueTypeF32 {
			w.stack[at] &= 0xffff_ffff // engines leave anything in the other half
		}
		at += words([]api.ValueType{t})
	}
	return w
}

// start runs the function on a goroutine of its own, or not at all if nobody waits for it
// any more. The owner goes on with the result.
func (w *work) start() {
	i, ctx := w.inst, w.inst.ctx
	if w.call != nil {
		ctx = w.call.ctx
		w.call.use(+1)
	}
	i.mu.Lock()
	over := i.ended != nil || w.call != nil && w.call.over
	if !over {
		i.works.Add(1)
	}
	i.mu.Unlock()
	if over {
		w.err = ErrClosed
		i.post(w.finish)
		return
	}
	go func() {
		defer i.works.Done()
		defer i.post(w.finish)
		w.run(ctx)
	}()
}

// finish is what the owner does when the function has returned.
func (w *work) finish() {
	w.inst.protocol.resume(w)
	if w.call != nil {
		w.call.use(-1)
	}
}

// run runs the function. If it panics, or ends its goroutine, that is its error.
func (w *work) run(ctx context.Context) {
	returned := false
	defer func() {
		if returned {
			return
		}
		cause := errors.New("it has ended its goroutine")
		switch r := recover().(type) {
		case nil:
		case error:
			cause = r
		default:
			cause = fmt.Errorf("%v", r)
		}
		w.err = &HostError{w.of.name, cause, debug.Stack()}
	}()
	if err := w.of.work(ctx, w.inst, w.stack); err != nil {
		w.err = &HostError{Import: w.of.name, Err: err}
	}
	returned = true
}
