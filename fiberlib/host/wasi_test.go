package host_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/wat"
	wasm "github.com/watfiber/watfiber/wat/binary"
)

// calls are the functions of WASI that the tests call, with their parameters.
var calls = []struct{ name, params string }{
	{"poll_oneoff", "i32 i32 i32 i32"},
	{"fd_read", "i32 i32 i32 i32"},
	{"fd_write", "i32 i32 i32 i32"},
	{"fd_close", "i32"},
	{"fd_renumber", "i32 i32"},
	{"fd_fdstat_get", "i32 i32"},
	{"fd_fdstat_set_flags", "i32 i32"},
	{"path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"},
	{"sock_accept", "i32 i32 i32"},
	{"sock_recv", "i32 i32 i32 i32 i32 i32"},
	{"sock_send", "i32 i32 i32 i32 i32"},
	{"sock_shutdown", "i32 i32"},
}

// A guest is a module that calls WASI for a test.
type guest struct {
	t *testing.T
	m api.Module
}

// newGuest instantiates a module whose exports call the functions of WASI.
func newGuest(t *testing.T, w *host.WASI, config wazero.ModuleConfig) guest {
	t.Helper()
	source := "(module"
	for _, c := range calls {
		source += fmt.Sprintf("\n(import \"wasi_snapshot_preview1\" %q (func $%s (param %s) (result i32)))", c.name, c.name, c.params)
	}
	source += "\n(memory (export \"memory\") 4)"
	for _, c := range calls {
		source += fmt.Sprintf("\n(func (export %q) (param %s) (result i32)", c.name, c.params)
		for i := range strings.Fields(c.params) {
			source += fmt.Sprintf(" local.get %d", i)
		}
		source += " call $" + c.name + ")"
	}
	m, err := wat.Parse("guest.wat", source+")")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	if _, err := w.Instantiate(ctx, rt); err != nil {
		t.Fatal(err)
	}
	inst, err := rt.InstantiateWithConfig(ctx, wasm.Encode(m), config.WithSysNanosleep().WithSysNanotime())
	if err != nil {
		t.Fatal(err)
	}
	return guest{t, inst}
}

// call calls a function and returns its error.
func (g guest) call(name string, args ...uint64) uint32 {
	g.t.Helper()
	results, err := g.m.ExportedFunction(name).Call(g.t.Context(), args...)
	if err != nil {
		g.t.Fatal(err)
	}
	return uint32(results[0])
}

// must calls a function, which has to succeed.
func (g guest) must(name string, args ...uint64) {
	g.t.Helper()
	if e := g.call(name, args...); e != 0 {
		g.t.Fatalf("%s: error %d", name, e)
	}
}

func (g guest) word(at uint32) uint32 {
	v, _ := g.m.Memory().ReadUint32Le(at)
	return v
}

// Where the guest has what.
const (
	result  = 8 // a word
	vector  = 16
	buffer  = 1 << 17
	subs    = 1024
	events  = 4096
	none    = -1
	eventRd = 1
	eventWr = 2
	eAgain  = 6
	eBadf   = 8
)

// read reads up to n bytes, and returns them and the error.
func (g guest) read(fd uint64, n uint32) (string, uint32) {
	g.m.Memory().WriteUint32Le(vector, buffer)
	g.m.Memory().WriteUint32Le(vector+4, n)
	if e := g.call("fd_read", fd, vector, 1, result); e != 0 {
		return "", e
	}
	got, _ := g.m.Memory().Read(buffer, g.word(result))
	return string(got), 0
}

func (g guest) write(fd uint64, text string) (int, uint32) {
	g.m.Memory().WriteString(buffer, text)
	g.m.Memory().WriteUint32Le(vector, buffer)
	g.m.Memory().WriteUint32Le(vector+4, uint32(len(text)))
	e := g.call("fd_write", fd, vector, 1, result)
	return int(g.word(result)), e
}

// poll waits for descriptors, given as pairs of kind and number, and for milliseconds if
// they are not none. It returns the numbers of the pairs that have occurred, with the error
// if there is one; "time" if the time is over.
func (g guest) poll(milliseconds int, pairs ...uint64) string {
	g.t.Helper()
	var in []byte
	add := func(user, kind, id, timeout uint64) {
		for _, v := range []uint64{user, kind, id, timeout, 0, 0} {
			in = binary.LittleEndian.AppendUint64(in, v)
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		add(uint64(i/2), pairs[i], pairs[i+1], 0)
	}
	if milliseconds != none {
		add(99, 0, 1, uint64(milliseconds)*1e6)
	}
	g.m.Memory().Write(subs, in)
	g.must("poll_oneoff", subs, events, uint64(len(in)/48), result)
	var out []string
	for i := range g.word(result) {
		user, e := g.word(events+32*i), g.word(events+32*i+8)&0xffff
		switch {
		case user == 99:
			out = append(out, "time")
		case e != 0:
			out = append(out, fmt.Sprintf("%d: error %d", user, e))
		default:
			out = append(out, fmt.Sprint(user))
		}
	}
	return strings.Join(out, " ")
}

func (g guest) expect(what, got, want string) {
	g.t.Helper()
	if got != want {
		g.t.Errorf("%s: %q, not %q", what, got, want)
	}
}

func TestStdinAndClock(t *testing.T) {
	in, tell := io.Pipe()
	w := &host.WASI{}
	w.SetStdin(in)
	g := newGuest(t, w, wazero.NewModuleConfig().WithStdin(in))
	start := time.Now()
	g.expect("a silent input", g.poll(30, eventRd, 0), "time")
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("waited %s, not 30 ms", took)
	}
	g.expect("no time", g.poll(0, eventRd, 0), "time")
	g.expect("standard output", g.poll(1000, eventRd, 0, eventWr, 1), "1")
	g.expect("no such descriptor", g.poll(1000, eventRd, 0, eventRd, 77), fmt.Sprintf("1: error %d", eBadf))
	go func() { _, _ = tell.Write([]byte("hello")); tell.Close() }()
	g.expect("something", g.poll(none, eventRd, 0), "0")
	text, _ := g.read(0, 3)
	g.expect("read", text, "hel")
	g.expect("the rest", g.poll(none, eventRd, 0, eventRd, 0), "0 1")
	text, _ = g.read(0, 100)
	g.expect("read", text, "lo")
	g.expect("the end", g.poll(none, eventRd, 0), "0")
	text, e := g.read(0, 100)
	g.expect("at the end", fmt.Sprint(text, e), "0")
}

func TestStdinWithoutWaiting(t *testing.T) {
	in, tell := io.Pipe()
	w := &host.WASI{}
	w.SetStdin(in)
	g := newGuest(t, w, wazero.NewModuleConfig().WithStdin(in))
	g.must("fd_fdstat_set_flags", 0, 4)
	g.must("fd_fdstat_get", 0, 64)
	if flags := g.word(64) >> 16; flags != 4 {
		t.Errorf("the flags are %d, not 4", flags)
	}
	if _, e := g.read(0, 10); e != eAgain {
		t.Errorf("error %d, not EAGAIN", e)
	}
	go func() { _, _ = tell.Write([]byte("x")) }()
	g.expect("something", g.poll(none, eventRd, 0), "0")
	text, e := g.read(0, 10)
	g.expect("read", fmt.Sprint(text, e), "x0")
}

// A context that is done ends a call that waits.
func TestWaitEndsWithContext(t *testing.T) {
	in, tell := io.Pipe()
	defer tell.Close()
	w := &host.WASI{}
	w.SetStdin(in)
	g := newGuest(t, w, wazero.NewModuleConfig().WithStdin(in))
	g.expect("silence", g.poll(0, eventRd, 0), "time") // and leaves a subscription where it is
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.m.ExportedFunction("poll_oneoff").Call(ctx, subs, events, 1, result); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// listening returns a guest with a socket, as descriptor 3, and its address.
func listening(t *testing.T, config wazero.ModuleConfig) (guest, *host.WASI, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &host.WASI{}
	w.Listen(3, l)
	return newGuest(t, w, config), w, l.Addr().String()
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSockets(t *testing.T) {
	g, w, address := listening(t, wazero.NewModuleConfig())
	g.must("fd_fdstat_set_flags", 3, 4)
	if e := g.call("sock_accept", 3, 4, result); e != eAgain {
		t.Fatalf("error %d, not EAGAIN", e)
	}
	g.expect("nobody", g.poll(5, eventRd, 3), "time")
	c := connect(t, address)
	g.expect("somebody", g.poll(none, eventRd, 3), "0")
	g.must("sock_accept", 3, 4, result)
	fd := uint64(g.word(result))

	g.expect("silence", g.poll(5, eventRd, fd), "time")
	g.expect("room", g.poll(5, eventRd, fd, eventWr, fd), "1")
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	g.expect("something", g.poll(none, eventRd, fd), "0")
	g.m.Memory().WriteUint32Le(vector, buffer)
	g.m.Memory().WriteUint32Le(vector+4, 5)
	g.must("sock_recv", fd, vector, 1, 1, result, result+4) // leaves it there
	text, _ := g.read(fd, 10)
	g.expect("read", text, "hello")

	// Nobody reads what is written: some time there is no more room, for long.
	written := ""
	for chunk := strings.Repeat("0123456789", 6000); ; {
		n, e := g.write(fd, chunk)
		if e == eAgain && g.poll(200, eventWr, fd) == "time" {
			break
		}
		if e != 0 && e != eAgain {
			t.Fatalf("error %d", e)
		}
		if e == 0 {
			written += chunk[:n]
		}
	}
	g.must("sock_shutdown", fd, 2)
	g.must("fd_close", fd)
	if _, e := g.read(fd, 1); e != eBadf {
		t.Errorf("error %d, not EBADF", e)
	}
	closed := make(chan error)
	go func() { closed <- w.Close() }()
	got, err := io.ReadAll(c)
	if string(got) != written || err != nil {
		t.Errorf("%d bytes have come of %d: %v", len(got), len(written), err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// Files of wazero are found though a socket has the number that wazero has for them.
func TestSocketsAndFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("of a file"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &host.WASI{}
	w.Listen(4, l)
	defer w.Close()
	g := newGuest(t, w, wazero.NewModuleConfig().WithFSConfig(wazero.NewFSConfig().WithDirMount(dir, "/")))
	g.m.Memory().WriteString(64, "file")
	open := func() uint64 {
		const readable = 2
		g.must("path_open", 3, 0, 64, 4, 0, readable, 0, 0, result)
		return uint64(g.word(result))
	}
	first, second := open(), open()
	for _, fd := range []uint64{first, second} {
		text, e := g.read(fd, 100)
		g.expect("read", fmt.Sprint(text, e), "of a file0")
	}
	if first == 4 || second == 4 || first == second {
		t.Errorf("the files are %d and %d", first, second)
	}
	g.expect("files are ready", g.poll(none, eventRd, first, eventRd, 4, eventRd, second), "0 2")
	g.must("fd_close", first)
	g.must("fd_close", second)
	if again := open(); again != first {
		t.Errorf("the number %d is not used again, but %d", first, again)
	}
	g.must("fd_renumber", 4, 9)
	c := connect(t, l.Addr().String())
	g.must("sock_accept", 9, 0, result)
	fd := uint64(g.word(result))
	g.must("fd_renumber", fd, first)
	if n, e := g.write(first, "to a socket"); n != 11 || e != 0 {
		t.Errorf("written %d, error %d", n, e)
	}
	g.must("fd_close", first)
	got, _ := io.ReadAll(c)
	g.expect("written", string(got), "to a socket")
	if e := g.call("sock_recv", 0, vector, 1, 0, result, result+4); e == 0 {
		t.Error("standard input is a socket")
	}
}

// A program that does not wait reads as without all this: no more than it asks for.
func TestStdinIsNotReadAhead(t *testing.T) {
	in := bytes.NewReader([]byte("first second"))
	w := &host.WASI{}
	w.SetStdin(in)
	g := newGuest(t, w, wazero.NewModuleConfig().WithStdin(in))
	text, _ := g.read(0, 6)
	rest, _ := io.ReadAll(in)
	g.expect("read", text+"|"+string(rest), "first |second")
}
