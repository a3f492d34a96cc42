package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// A WASI is WASI preview 1 as wazero has it, but for what can be waited for: standard
// input, and sockets. Its poll_oneoff waits for all of them and a clock at once, which
// that of wazero cannot; a fiber library in the module, or any program that polls, gets
// true answers. Everything else is wazero's.
//
// It serves one instance of a module, whose configuration needs WithSysNanotime and
// WithSysNanosleep. Say with SetStdin and Listen what there is, then Instantiate it in
// place of wasi_snapshot_preview1, then instantiate the module, and Close it when the
// module has ended.
type WASI struct {
	mu       sync.Mutex
	wake     chan struct{}          // has a value when something may have become ready
	files    map[uint32]*descriptor // those that are not wazero's
	conns    map[net.Conn]bool      // all that are open, also those that only have to be sent what was written
	moved    map[uint32]bool        // the numbers of wazero's files that got another one
	sending  sync.WaitGroup         // goroutines that write
	original map[string]api.GoModuleFunction
}

// The numbers of descriptors for connections, and for files of wazero that would have had
// the number of a socket.
const (
	firstConnection = 1 << 12
	firstMoved      = 1 << 15
)

// SetStdin makes a reader standard input, descriptor 0. It has to be that of the
// module's configuration, too, which says what kind of file it is. Once the module has
// asked whether there is something to read, up to 64 KiB are read ahead, by a goroutine
// that may still be reading when the module has ended.
func (w *WASI) SetStdin(r io.Reader) { w.open(0, &descriptor{in: &source{w: w, r: r}}) }

// Listen makes a listener a socket of the module: descriptor 3 if the module has no
// folders, as programs expect, else the first number behind them. Close closes it.
func (w *WASI) Listen(fd uint32, l net.Listener) {
	w.open(fd, &descriptor{accept: &acceptor{w: w, l: l}, socket: true})
}

func (w *WASI) open(fd uint32, d *descriptor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files == nil {
		w.files, w.conns, w.moved = map[uint32]*descriptor{}, map[net.Conn]bool{}, map[uint32]bool{}
		w.wake = make(chan struct{}, 1)
	}
	w.files[fd] = d
}

// Instantiate defines the module wasi_snapshot_preview1.
func (w *WASI) Instantiate(ctx context.Context, rt wazero.Runtime) (api.Closer, error) {
	if w.files == nil {
		return wasi_snapshot_preview1.Instantiate(ctx, rt)
	}
	b := rt.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(b)
	compiled, err := b.Compile(ctx)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(ctx)
	w.original = map[string]api.GoModuleFunction{}
	for name, def := range compiled.ExportedFunctions() {
		w.original[name], _ = def.GoFunction().(api.GoModuleFunction)
	}
	for _, f := range functions {
		def := compiled.ExportedFunctions()[f.name]
		if w.original[f.name] == nil {
			return nil, fmt.Errorf("this version of wazero has no function %s that can be called", f.name)
		}
		b.NewFunctionBuilder().WithGoModuleFunction(w.function(f.name, f.call), def.ParamTypes(), def.ResultTypes()).Export(f.name)
	}
	return b.Instantiate(ctx)
}

// Close closes what the module has left open. What it has written is sent, unless the
// other side takes longer than a few seconds to take it.
func (w *WASI) Close() error {
	w.mu.Lock()
	var errs []error
	for _, d := range w.files {
		errs = append(errs, d.close())
	}
	for c := range w.conns {
		errs = append(errs, c.SetWriteDeadline(patience()))
	}
	w.files = nil
	w.mu.Unlock()
	w.sending.Wait()
	return errors.Join(errs...)
}

// changed is called by goroutines when something may have become ready.
func (w *WASI) changed() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// wait waits for that or a time, with the lock given back meanwhile. If the context is
// done, the call of the module ends: its error is that of the context.
func (w *WASI) wait(ctx context.Context, over <-chan time.Time) {
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-w.wake:
	case <-over:
	case <-ctx.Done():
		panic(ctx.Err())
	}
}

// A wasiCall is a call of a function of WASI by the module.
type wasiCall struct {
	w    *WASI
	ctx  context.Context
	m    api.Module
	mem  api.Memory
	args []uint64
}

// functions are those that stand before wazero's. They are called with the lock held, and
// return false to have wazero's called.
var functions = []struct {
	name string
	call func(*wasiCall) (errno, bool)
}{
	{"poll_oneoff", (*wasiCall).pollOneoff},
	{"fd_read", (*wasiCall).fdRead},
	{"fd_write", (*wasiCall).fdWrite},
	{"fd_close", (*wasiCall).fdClose},
	{"fd_renumber", (*wasiCall).fdRenumber},
	{"fd_fdstat_get", (*wasiCall).fdstatGet},
	{"fd_fdstat_set_flags", (*wasiCall).fdstatSetFlags},
	{"path_open", (*wasiCall).pathOpen},
	{"sock_accept", (*wasiCall).sockAccept},
	{"sock_recv", (*wasiCall).sockRecv},
	{"sock_send", (*wasiCall).sockSend},
	{"sock_shutdown", (*wasiCall).sockShutdown},
}

func (w *WASI) function(name string, f func(*wasiCall) (errno, bool)) api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		c := &wasiCall{w: w, ctx: ctx, m: m, mem: m.Memory(), args: stack}
		if result, done := c.locked(f); done {
			stack[0] = uint64(result)
			return
		}
		w.original[name].Call(ctx, m, stack)
	}
}

func (c *wasiCall) locked(f func(*wasiCall) (errno, bool)) (errno, bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return f(c)
}

// original calls a function of wazero.
func (c *wasiCall) original(name string, args ...uint64) errno {
	stack := slices.Clone(args)
	c.w.original[name].Call(c.ctx, c.m, stack)
	return errno(stack[0])
}

func (c *wasiCall) arg(i int) uint32 { return uint32(c.args[i]) }

// file returns the descriptor that an argument names, nil if it is wazero's.
func (c *wasiCall) file(i int) *descriptor { return c.w.files[c.arg(i)] }

// store stores a word, and returns the error of an address that does not exist.
func (c *wasiCall) store(at, value uint32) (errno, bool) {
	if !c.mem.WriteUint32Le(at, value) {
		return errFault, true
	}
	return 0, true
}

// vectors returns n pieces of memory that are listed at an address.
func (c *wasiCall) vectors(at, n uint32) ([][]byte, errno) {
	list, ok := c.mem.Read(at, n*8)
	if !ok || n > 1<<16 {
		return nil, errFault
	}
	var pieces [][]byte
	for ; len(list) > 0; list = list[8:] {
		piece, ok := c.mem.Read(le.Uint32(list), le.Uint32(list[4:]))
		if !ok {
			return nil, errFault
		}
		if len(piece) > 0 {
			pieces = append(pieces, piece)
		}
	}
	return pieces, 0
}
