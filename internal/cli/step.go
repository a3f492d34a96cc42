package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/watfiber/watfiber/internal/trace"
	"github.com/watfiber/watfiber/wat"
)

// What a terminal is told.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // a screen of our own, without a cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	topLeft     = "\x1b[H"
	eraseLine   = "\x1b[K"
	eraseRest   = "\x1b[J"
	inverse     = "\x1b[7m"
)

// step lets the user step through a trace. Standard input and output are a terminal,
// which is left as it was.
func (c *console) step(t *trace.Trace, source func(file string, line int) string) error {
	in, out := int(c.stdin.(*os.File).Fd()), int(c.stdout.(*os.File).Fd())
	before, err := term.MakeRaw(in)
	if err != nil {
		return fmt.Errorf("--step: the terminal cannot be set to read single keys: %w", err)
	}
	restore := func() {
		fmt.Fprint(c.stdout, leaveScreen)
		_ = term.Restore(in, before)
	}
	defer restore()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	fmt.Fprint(c.stdout, enterScreen)
	keys := make(chan []string)
	done := make(chan struct{})
	defer close(done)
	go c.readKeys(keys, done)
	look := time.NewTicker(200 * time.Millisecond) // whether the terminal has another size
	defer look.Stop()
	var shown [2]int
	for s := trace.NewStepper(t, source); ; {
		if shown == [2]int{} {
			shown = terminalSize(out)
			c.draw(s.Screen(shown[0], shown[1]))
		}
		select {
		case <-stop:
			return nil
		case <-look.C:
			if terminalSize(out) != shown {
				shown = [2]int{}
			}
		case pressed, ok := <-keys:
			if !ok {
				return nil
			}
			for _, key := range pressed {
				if !s.Key(key) {
					return nil
				}
			}
			shown = [2]int{}
		}
	}
}

// terminalSize returns the columns and lines of a terminal.
func terminalSize(out int) [2]int {
	width, height, err := term.GetSize(out)
	if err != nil || width <= 0 || height <= 0 {
		return [2]int{80, 24}
	}
	return [2]int{width, height}
}

// readKeys sends the keys that are pressed, and closes the channel when there are no
// more.
func (c *console) readKeys(keys chan<- []string, done <-chan struct{}) {
	defer close(keys)
	buffer := make([]byte, 256)
	for {
		n, err := c.stdin.Read(buffer)
		if err != nil {
			return
		}
		select {
		case keys <- keysOf(buffer[:n]):
		case <-done:
			return
		}
	}
}

// draw shows lines, which fill the screen.
func (c *console) draw(lines []string) {
	var b bytes.Buffer
	b.WriteString(topLeft)
	for i, l := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i == 1 && c.color { // the state
			l = strings.Replace(strings.Replace(l, "[", inverse+"[", 1), "]", "]"+plain, 1)
		}
		b.WriteString(l + eraseLine)
	}
	b.WriteString(eraseRest)
	_, _ = c.stdout.Write(b.Bytes())
}

// sequences are what terminals send for keys that are no characters.
var sequences = []struct{ sequence, key string }{
	{"\x1b[A", "up"},
	{"\x1b[B", "down"},
	{"\x1b[C", "right"},
	{"\x1b[D", "left"},
	{"\x1b[H", "home"},
	{"\x1b[F", "end"},
	{"\x1bOA", "up"},
	{"\x1bOB", "down"},
	{"\x1bOC", "right"},
	{"\x1bOD", "left"},
	{"\x1bOH", "home"},
	{"\x1bOF", "end"},
	{"\x1b[1~", "home"},
	{"\x1b[4~", "end"},
	{"\x1b[7~", "home"},
	{"\x1b[8~", "end"},
	{"\r", "enter"},
	{"\n", "enter"},
	{"\x7f", "backspace"},
	{"\b", "backspace"},
	{"\x03", "ctrl-c"},
}

// keysOf takes what a terminal has sent apart into keys.
func keysOf(sent []byte) []string {
	var keys []string
	text := string(sent)
	for text != "" {
		key, rest := firstKey(text)
		keys = append(keys, key)
		text = rest
	}
	return keys
}

func firstKey(text string) (key, rest string) {
	for _, s := range sequences {
		if rest, ok := strings.CutPrefix(text, s.sequence); ok {
			return s.key, rest
		}
	}
	if text == "\x1b" {
		return "escape", ""
	}
	if rest, ok := strings.CutPrefix(text, "\x1b["); ok { // a key that means nothing here
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
		return "", rest[min(end+1, len(rest)):]
	}
	r := []rune(text)[0]
	return string(r), text[len(string(r)):]
}

// maxSource bounds the size of a source file that is shown, in bytes.
const maxSource = 16 << 20

// sourceLine returns what gives lines of the sources of a module, as far as they are
// found: beside the module, or where the module says.
func sourceLine(m *wat.Module) func(file string, line int) string {
	read := map[string][]string{}
	return func(file string, line int) string {
		lines, known := read[file]
		if !known {
			lines = fileLines(file, filepath.Dir(m.Source.Name))
			read[file] = lines
		}
		if line < 1 || line > len(lines) {
			return ""
		}
		return lines[line-1]
	}
}

// fileLines reads the lines of a file, none if it is not there.
func fileLines(file, folder string) []string {
	for _, path := range []string{file, filepath.Join(folder, file), filepath.Join(folder, filepath.Base(file))} {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
			continue
		}
		if data, err := os.ReadFile(path); err == nil {
			return strings.Split(string(data), "\n")
		}
	}
	return nil
}
