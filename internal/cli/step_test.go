package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terminal is a terminal of 80 columns and 24 lines, with a shell in it.
type terminal struct {
	t      *testing.T
	tmux   string
	socket string
}

// openTerminal starts a shell in tmux; without it the test is skipped.
func openTerminal(t *testing.T) *terminal {
	t.Helper()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed")
	}
	x := &terminal{t, tmux, filepath.Join(t.TempDir(), "tmux")}
	x.do("-f", os.DevNull, "new-session", "-d", "-x", "80", "-y", "24", "env", "PS1=ready> ", "ENV=", "LC_ALL=C.UTF-8", "sh")
	t.Cleanup(func() { _ = exec.Command(tmux, "-S", x.socket, "kill-server").Run() })
	return x
}

// do runs a command of tmux and returns what it prints.
func (x *terminal) do(args ...string) string {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.tmux, append([]string{"-u", "-S", x.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// types sends text or keys, by the names that tmux has for them.
func (x *terminal) types(keys ...string) { x.do(append([]string{"send-keys"}, keys...)...) }

// shows waits until the screen shows all of some texts, and returns it.
func (x *terminal) shows(texts ...string) string {
	x.t.Helper()
	var screen string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		screen = x.do("capture-pane", "-p")
		missing := false
		for _, text := range texts {
			missing = missing || !strings.Contains(screen, text)
		}
		if !missing {
			return screen
		}
	}
	x.t.Fatalf("the screen does not come to show %q:\n%s", texts, screen)
	return ""
}

// The stepper goes forwards and back in a terminal, which is afterwards as it was.
func TestStepInTerminal(t *testing.T) {
	x := openTerminal(t)
	folder := t.TempDir()
	watfiber := filepath.Join(folder, "watfiber")
	if out, err := exec.Command("go", "build", "-o", watfiber, "../../cmd/watfiber").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	module, err := filepath.Abs("../../examples/c/where.wasm")
	if err != nil {
		t.Fatal(err)
	}
	x.types(fmt.Sprintf("cd %s/.. && stty -a > %s/before; echo st''arted", filepath.Dir(module), folder), "Enter")
	x.shows("started", "ready>")
	x.types(fmt.Sprintf("%s trace --step %s; stty -a > %s/after; echo do''ne $?", watfiber, module, folder), "Enter")
	first := x.shows("event 1 of", "[RUNNING]", "? keys", "q quit")
	if n := strings.Count(strings.TrimRight(first, "\n"), "\n") + 1; n != 24 {
		t.Errorf("the screen has %d lines:\n%s", n, first)
	}

	x.types("Down")
	unwinds := x.shows("[UNWINDING]", "start_unwind:", "buffer: empty")
	x.types("Right")
	x.shows("[UNWINDING]", "and pushes", "buffer: 1 frame")
	x.types("Left")
	if back := x.shows("start_unwind:"); back != unwinds {
		t.Errorf("there was\n%s\nand back there is\n%s", unwinds, back)
	}
	x.types("f")
	x.shows("goes on")
	x.types("G")
	x.shows("the program ends")
	x.types("Up")
	x.shows("stop_rewind:")
	x.types("g")
	if again := x.shows("event 1 of"); again != first {
		t.Errorf("at first there was\n%s\nand then there is\n%s", first, again)
	}
	x.types("?")
	x.shows("the one before", "quit")
	x.types("?")
	x.shows("stack of the engine")

	x.do("resize-window", "-x", "100", "-y", "30")
	wide := x.shows(strings.Repeat("─", 100))
	if n := strings.Count(strings.TrimRight(wide, "\n"), "\n") + 1; n != 30 {
		t.Errorf("the screen has %d lines:\n%s", n, wide)
	}
	x.types("Right")
	x.shows("event 2 of")
	x.types("q")
	left := x.shows("done 0", "started")
	if strings.Contains(left, "event 2 of") {
		t.Errorf("the stepper is still on the screen:\n%s", left)
	}
	if before, after := settings(t, folder+"/before"), settings(t, folder+"/after"); before != after {
		t.Errorf("the terminal was\n%s\nand is\n%s", before, after)
	}
}

// The screen that a document shows is what a terminal shows.
func TestStepDocument(t *testing.T) {
	x := openTerminal(t)
	watfiber := filepath.Join(t.TempDir(), "watfiber")
	if out, err := exec.Command("go", "build", "-o", watfiber, "../../cmd/watfiber").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile("../../docs/trace.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## In a terminal\n\n`watfiber ")
	command, section, _ := strings.Cut(section, "`, four steps on:\n\n```text\n")
	want, _, found := strings.Cut(section, "\n```\n")
	if !found {
		t.Fatal("docs/trace.md shows no screen")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	x.types(fmt.Sprintf("cd %s; clear; %s %s", root, watfiber, command), "Enter")
	for event := 1; event < 5; event++ {
		x.shows(fmt.Sprintf("event %d of", event), "q quit")
		x.types("Right")
	}
	if got := strings.TrimRight(x.shows("event 5 of", "q quit"), "\n"); got != want {
		t.Errorf("the terminal shows\n%s\nthe document\n%s", got, want)
	}
	x.types("q")
}

// settings returns what stty has written into a file, but for the size.
func settings(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "\n")
	if !found {
		t.Fatalf("stty prints %q", data)
	}
	return rest
}
