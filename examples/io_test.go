package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/internal/cli"
)

// A world runs a module that was built with --redirect=wasi, until it ends.
type world struct {
	name string
	run  func(t *testing.T, built string, stdin *os.File, stdout io.Writer, args ...string) error
}

var worlds = []world{
	{"compiler", runInput("compiler", false)},
	{"interpreter", runInput("interpreter", false)},
	{"reader", runInput("compiler", true)},
	{"wazero", runPlain(false)},
	{"interrupted", runPlain(true)},
	{"node", runNode},
}

// runInput runs it with watfiber run. If asReader is true, standard input is no file.
func runInput(engine string, asReader bool) func(*testing.T, string, *os.File, io.Writer, ...string) error {
	return func(_ *testing.T, built string, stdin *os.File, stdout io.Writer, args ...string) error {
		var in io.Reader = stdin
		if asReader {
			in = struct{ io.Reader }{stdin}
		}
		var diag bytes.Buffer
		if code := cli.Run(append([]string{"run", "--engine=" + engine, built}, args...), in, stdout, &diag); code != 0 {
			return fmt.Errorf("exit %d: %s", code, &diag)
		}
		return nil
	}
}

// runPlain runs it on wazero alone. If interrupted is true, every other poll_oneoff is
// interrupted, as it is by any signal.
func runPlain(interrupted bool) func(*testing.T, string, *os.File, io.Writer, ...string) error {
	return func(t *testing.T, built string, stdin *os.File, stdout io.Writer, args ...string) error {
		ctx := t.Context()
		rt := wazero.NewRuntime(ctx)
		defer rt.Close(ctx)
		wasi := rt.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
		wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(wasi)
		if interrupted {
			interruptPolls(t, wasi)
		}
		if _, err := wasi.Instantiate(ctx); err != nil {
			return err
		}
		config := wazero.NewModuleConfig().WithArgs(append([]string{"program"}, args...)...).
			WithStdin(stdin).WithStdout(stdout).WithStderr(stdout).WithSysNanosleep().WithSysNanotime()
		_, err := rt.InstantiateWithConfig(ctx, []byte(read(t, built)), config)
		return err
	}
}

func interruptPolls(t *testing.T, wasi wazero.HostModuleBuilder) {
	compiled, err := wasi.Compile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	poll := compiled.ExportedFunctions()["poll_oneoff"]
	calls := 0
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
		if calls++; calls%2 == 1 {
			stack[0] = 27 // EINTR
			return
		}
		poll.GoFunction().(api.GoModuleFunction).Call(ctx, m, stack)
	}), poll.ParamTypes(), poll.ResultTypes()).Export("poll_oneoff")
}

func runNode(t *testing.T, built string, stdin *os.File, stdout io.Writer, args ...string) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var diag bytes.Buffer
	cmd := exec.CommandContext(ctx, needs(t, "node"), append([]string{"run.mjs", built}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &diag
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, &diag)
	}
	return nil
}

// inWorlds runs a test in each world, and with the module built once.
func inWorlds(t *testing.T, module string, test func(t *testing.T, w world, built string), flags ...string) {
	built := build(t, module, flags...)
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			if w.name == "node" {
				needs(t, "node")
			}
			t.Parallel()
			test(t, w, built)
		})
	}
}

// A step of a dialogue: what the program prints, and what it is told then.
type step struct{ prints, tell string }

// converse runs a program whose standard input is a pipe that stays silent until the
// program has printed what it should. At the end the pipe is closed.
func converse(t *testing.T, w world, built string, args []string, steps ...step) {
	t.Helper()
	in, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := w.run(t, built, in, stdout, args...)
		stdout.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	giveUp := time.AfterFunc(time.Minute, func() { stdout.CloseWithError(fmt.Errorf("nothing more is printed")); tell.Close() })
	defer giveUp.Stop()
	for i, s := range steps {
		for _, want := range strings.Split(s.prints, "\n") {
			if !lines.Scan() {
				t.Fatalf("printed nothing more, not %q: %v", want, lines.Err())
			}
			if got := lines.Text(); got != want {
				t.Fatalf("step %d: printed %q, not %q", i, got, want)
			}
		}
		if s.tell == "" {
			tell.Close()
		} else if _, err := tell.WriteString(s.tell); err != nil {
			t.Fatal(err)
		}
	}
	for lines.Scan() {
		t.Errorf("printed %q, too", lines.Text())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	in.Close()
}

// A fiber that reads from a silent input does not stop the others.
func TestSilentInput(t *testing.T) {
	inWorlds(t, "c/silent.wasm", func(t *testing.T, w world, built string) {
		converse(t, w, built, nil,
			step{"wait: cancelled\nsleep: cancelled\ntick 1\npoll: nothing to read\ntick 2\ntick 3", "hello\n"},
			step{"read: hello", "world"},
			step{"read: world", ""},
			step{"read: the end\n11 bytes", ""})
	}, "--redirect=wasi")
}

// Nor do others that are busy stop who reads.
func TestBusyFibersAndInput(t *testing.T) {
	inWorlds(t, "c/silent.wasm", func(t *testing.T, w world, built string) {
		converse(t, w, built, []string{"busy"},
			step{"wait: cancelled\nsleep: cancelled\ntick 1\npoll: nothing to read\ntick 2\ntick 3", "hello\n"},
			step{"read: hello\nbusy: no more", ""},
			step{"read: the end\n6 bytes", ""})
	}, "--redirect=wasi")
}

// What is no pipe does not wait: files, and the empty device.
func TestFilesDoNotWait(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const rest = "read: the end\nwait: not cancelled\nsleep: cancelled\npoll: something to read\ntick 1\ntick 2\ntick 3\n"
	for _, c := range []struct{ input, want string }{
		{file, "read: hello\n" + rest + "6 bytes\n"},
		{os.DevNull, rest + "0 bytes\n"},
	} {
		inWorlds(t, "c/silent.wasm", func(t *testing.T, w world, built string) {
			in, err := os.Open(c.input)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var out bytes.Buffer
			if err := w.run(t, built, in, &out); err != nil {
				t.Fatal(err)
			}
			got, want := strings.Split(out.String(), "\n"), strings.Split(c.want, "\n")
			if c.input == os.DevNull || w.name == "reader" { // the host does not say that it is a file: only that it is ready
				slices.Sort(got)
				slices.Sort(want)
			}
			compare(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}, "--redirect=wasi")
	}
}

// Requests that fibers answer, in pieces of any size.
func TestLines(t *testing.T) {
	input := read(t, "c/lines.input")
	inWorlds(t, "c/lines.wasm", func(t *testing.T, w world, built string) {
		for _, size := range []int{1, 7, len(input)} {
			in, tell, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for rest := input; rest != ""; rest = rest[min(size, len(rest)):] {
					if _, err := tell.WriteString(rest[:min(size, len(rest))]); err != nil {
						t.Error(err)
						break
					}
				}
				tell.Close()
			}()
			var out bytes.Buffer
			if err := w.run(t, built, in, &out); err != nil {
				t.Error(err)
			}
			in.Close()
			compare(t, read(t, "c/lines.expected"), out.String())
		}
	}, "--redirect=wasi")
}

// Crystal's fibers read, too.
func TestCrystalReads(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(read(t, "crystal/console.expected")), "\n")
	inWorlds(t, "crystal/console.library.wasm", func(t *testing.T, w world, built string) {
		converse(t, w, built, nil,
			step{strings.Join(lines[:3], "\n"), read(t, "crystal/console.input")},
			step{strings.Join(lines[3:6], "\n"), ""},
			step{strings.Join(lines[6:], "\n"), ""})
	})
}

// clients is how many connections there are at the same time, and how much each sends.
const clients, sent = 100, 200_000

const echoed = "100 connections, 100 at once, 20000000 bytes\n"

// exchange has clients that are all connected at the same time, before they send much.
func exchange(t *testing.T, address string) {
	var all, connected sync.WaitGroup
	connected.Add(clients)
	for i := range clients {
		all.Go(func() {
			data := bytes.Repeat([]byte(fmt.Sprintf("client %d\n", i)), sent)[:sent]
			c, err := dial(address)
			if err != nil {
				connected.Done()
				t.Error(err)
				return
			}
			defer c.Close()
			first := make([]byte, 1)
			_, err = c.Write(data[:1])
			if err == nil {
				_, err = io.ReadFull(c, first)
			}
			connected.Done()
			connected.Wait()
			go func() {
				_, _ = c.Write(data[1:])
				_ = c.(*net.TCPConn).CloseWrite()
			}()
			rest, readErr := io.ReadAll(c)
			if got := append(first, rest...); err != nil || readErr != nil || !bytes.Equal(got, data) {
				t.Errorf("client %d: sent %d bytes, got %d: %v %v", i, len(data), len(got), err, readErr)
			}
		})
	}
	all.Wait()
}

// dial waits for the server to listen.
func dial(address string) (c net.Conn, err error) {
	for range 500 {
		if c, err = net.Dial("tcp", address); err == nil {
			return c, c.SetDeadline(time.Now().Add(time.Minute))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

var listens = regexp.MustCompile(`descriptor 3 listens at (\S+)`)

// A fiber for each connection.
func TestEchoServer(t *testing.T) {
	built := build(t, "c/echo.wasm", "--redirect=wasi")
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			diag, stderr := io.Pipe()
			var stdout bytes.Buffer
			ended := make(chan int, 1)
			go func() {
				args := []string{"run", "--engine=" + engine, "--listen=127.0.0.1:0", built, fmt.Sprint(clients)}
				ended <- cli.Run(args, strings.NewReader(""), &stdout, stderr)
				stderr.Close()
			}()
			note, err := bufio.NewReader(diag).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(os.Stderr, diag) }()
			exchange(t, listens.FindStringSubmatch(note)[1])
			if code := <-ended; code != 0 {
				t.Errorf("exit %d", code)
			}
			compare(t, echoed, stdout.String())
		})
	}
}

// The sockets of wazero cannot be waited for; then they are tried now and then.
func TestEchoServerOnPlainWazero(t *testing.T) {
	built := build(t, "c/echo.wasm", "--redirect=wasi")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	ctx := sock.WithConfig(t.Context(), sock.NewConfig().WithTCPListener("127.0.0.1", address.Port))
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	var stdout bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		config := wazero.NewModuleConfig().WithArgs("echo", fmt.Sprint(clients)).WithStdout(&stdout).WithSysNanosleep().WithSysNanotime()
		_, err := rt.InstantiateWithConfig(ctx, []byte(read(t, built)), config)
		ended <- err
	}()
	exchange(t, address.String())
	if err := <-ended; err != nil {
		t.Error(err)
	}
	compare(t, echoed, stdout.String())
}
