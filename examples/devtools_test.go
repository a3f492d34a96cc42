package examples_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watfiber/watfiber/wat/sourcemap"
)

// This file drives the debugger of Chromium, by the DevTools protocol over two pipes:
// messages are JSON, each ends in a zero byte.

// devtools is a connection to a page.
type devtools struct {
	t       *testing.T
	to      io.Writer
	from    chan message
	waiting []message // events that nobody has asked for yet
	session string
	last    int
}

// message is one of the protocol: a call, its result, or an event.
type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    any             `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`

	event json.RawMessage // Params of what was received
}

// patience is how long a browser on a busy machine may take.
const patience = 60 * time.Second

// startChromium starts a browser with an empty page.
func startChromium(t *testing.T) *devtools {
	t.Helper()
	path := needs(t, "chromium")
	hisIn, in := pipe(t)
	out, hisOut := pipe(t)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{hisIn, hisOut} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hisIn.Close()
	hisOut.Close()
	d := &devtools{t: t, to: in, from: make(chan message, 1000)}
	go d.read(out)
	t.Cleanup(func() {
		d.session = ""
		d.send("Browser.close", nil)
		in.Close()
		done := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer done.Stop()
		_ = cmd.Wait()
	})
	d.attach()
	return d
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// read delivers what the browser says, until it ends.
func (d *devtools) read(from io.Reader) {
	defer close(d.from)
	for r := bufio.NewReader(from); ; {
		data, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var in struct {
			message
			Params json.RawMessage `json:"params"`
		}
		if json.Unmarshal(data[:len(data)-1], &in) == nil {
			in.message.event = in.Params
			d.from <- in.message
		}
	}
}

// attach turns to the page.
func (d *devtools) attach() {
	d.t.Helper()
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	for range 100 {
		d.call("Target.getTargets", nil, &targets)
		for _, target := range targets.TargetInfos {
			if target.Type == "page" {
				var attached struct{ SessionID string }
				d.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
				d.session = attached.SessionID
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.t.Fatal("chromium has no page")
}

// send starts a call.
func (d *devtools) send(method string, params any) int {
	d.last++
	data, err := json.Marshal(message{ID: d.last, SessionID: d.session, Method: method, Params: params})
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = d.to.Write(append(data, 0))
	return d.last
}

// call makes a call and reads its result.
func (d *devtools) call(method string, params, result any) {
	d.t.Helper()
	d.result(method, d.send(method, params), result)
}

// result waits for the result of a call.
func (d *devtools) result(method string, id int, result any) {
	d.t.Helper()
	m := d.wait(func(m message) bool { return m.ID == id })
	if m.Error != nil {
		d.t.Fatalf("%s: %s", method, m.Error)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			d.t.Fatalf("%s: %v: %s", method, err, m.Result)
		}
	}
}

// event waits for an event of a kind.
func (d *devtools) event(method string, event any) {
	d.t.Helper()
	m := d.wait(func(m message) bool { return m.Method == method })
	if err := json.Unmarshal(m.event, event); err != nil {
		d.t.Fatalf("%s: %v: %s", method, err, m.event)
	}
}

// wait returns the first message that is asked for, and keeps the events before it.
func (d *devtools) wait(wanted func(message) bool) message {
	d.t.Helper()
	for i, m := range d.waiting {
		if wanted(m) {
			d.waiting = append(d.waiting[:i], d.waiting[i+1:]...)
			return m
		}
	}
	timeout := time.After(patience)
	for {
		select {
		case m, ok := <-d.from:
			switch {
			case !ok:
				d.t.Fatal("chromium has ended")
			case wanted(m):
				return m
			}
			d.waiting = append(d.waiting, m)
		case <-timeout:
			d.t.Fatal("chromium does not answer")
		}
	}
}

// A debugger is what the debugger of a browser does with a source map.
type debugger struct {
	*devtools
	m      *sourcemap.Map
	script string // its id
}

// debug reads the source map beside a binary and evaluates a script that gets the binary,
// in base64, for %s.
func (d *devtools) debug(output, script string) *debugger {
	d.t.Helper()
	wasm, err := os.ReadFile(output)
	if err != nil {
		d.t.Fatal(err)
	}
	d.call("Debugger.enable", map[string]any{}, nil)
	d.call("Debugger.setBlackboxPatterns", map[string]any{"patterns": []string{"host.js"}}, nil)
	d.evaluate(strings.Replace(script, "%s", base64.StdEncoding.EncodeToString(wasm), 1) + "\n//# sourceURL=host.js")
	var parsed struct{ ScriptID, ScriptLanguage, SourceMapURL string }
	for parsed.ScriptLanguage != "WebAssembly" {
		d.event("Debugger.scriptParsed", &parsed)
	}
	code, err := os.ReadFile(filepath.Join(filepath.Dir(output), parsed.SourceMapURL))
	if err != nil {
		d.t.Fatal(err)
	}
	m, err := sourcemap.Decode(code)
	if err != nil {
		d.t.Fatal(err)
	}
	b := &debugger{devtools: d, m: m, script: parsed.ScriptID}
	b.ignore()
	return b
}

// evaluate evaluates an expression, which may be a promise, and returns its value.
func (d *devtools) evaluate(expression string) any {
	d.t.Helper()
	return d.value(d.start(expression))
}

// start begins to evaluate an expression.
func (d *devtools) start(expression string) int {
	return d.send("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true})
}

// value waits for the value of an expression.
func (d *devtools) value(id int) any {
	d.t.Helper()
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	d.result("Runtime.evaluate", id, &got)
	if got.ExceptionDetails != nil {
		d.t.Fatalf("%s", got.ExceptionDetails)
	}
	return got.Result.Value
}

// ignore has the debugger step through what the map says is to be ignored.
func (b *debugger) ignore() {
	b.t.Helper()
	positions, ignored := []map[string]any{}, false
	for _, s := range b.m.Segments {
		if i := s.Source >= 0 && b.m.Sources[s.Source].Ignored; i != ignored {
			positions = append(positions, b.position(s.Offset))
			ignored = i
		}
	}
	b.call("Debugger.setBlackboxedRanges", map[string]any{"scriptId": b.script, "positions": positions}, nil)
}

// position is an offset as the protocol has it.
func (b *debugger) position(offset int) map[string]any {
	return map[string]any{"lineNumber": 0, "columnNumber": offset}
}

// place returns where an offset comes from, as file:line.
func (b *debugger) place(offset int) string {
	s, ok := b.m.At(offset)
	if !ok {
		return fmt.Sprintf("%#x", offset)
	}
	return fmt.Sprintf("%s:%d", b.m.Sources[s.Source].Name, s.Line+1)
}

// breakAt sets a breakpoint on a place, and returns on which it is.
func (b *debugger) breakAt(place string) string {
	b.t.Helper()
	for _, s := range b.m.Segments {
		if b.place(s.Offset) != place {
			continue
		}
		location := b.position(s.Offset)
		location["scriptId"] = b.script
		var set struct{ ActualLocation struct{ ColumnNumber int } }
		b.call("Debugger.setBreakpoint", map[string]any{"location": location}, &set)
		return b.place(set.ActualLocation.ColumnNumber)
	}
	b.t.Fatalf("no code comes from %s", place)
	return ""
}

// A stop is where the program has been paused.
type stop struct {
	CallFrames []struct {
		FunctionName string
		Location     struct {
			ScriptID     string
			ColumnNumber int
		}
		ScopeChain []struct {
			Type   string
			Object struct{ ObjectID string }
		}
	}
}

// paused waits until the program is.
func (b *debugger) paused() stop {
	b.t.Helper()
	var s stop
	b.event("Debugger.paused", &s)
	return s
}

// at returns the places of the frames of the module, the innermost first.
func (b *debugger) at(s stop) []string {
	var places []string
	for _, f := range s.CallFrames {
		if f.Location.ScriptID == b.script {
			places = append(places, f.FunctionName+" "+b.place(f.Location.ColumnNumber))
		}
	}
	if len(places) == 0 {
		b.t.Fatalf("paused outside of the module: %+v", s)
	}
	return places
}

// step steps over or into what a line does: to the next place outside of the code that
// comes from it, as debuggers do.
func (b *debugger) step(how string, from stop) stop {
	b.t.Helper()
	offset := from.CallFrames[0].Location.ColumnNumber
	var skip []map[string]any
	for i, s := range b.m.Segments[:len(b.m.Segments)-1] {
		if end := b.m.Segments[i+1].Offset; s.Offset <= offset && offset < end {
			skip = append(skip, map[string]any{"scriptId": b.script, "start": b.position(s.Offset), "end": b.position(end)})
		}
	}
	b.call("Debugger."+how, map[string]any{"skipList": skip}, nil)
	return b.paused()
}

// locals returns the names of the locals of the innermost frame.
func (b *debugger) locals(s stop) []string {
	b.t.Helper()
	var names []string
	for _, scope := range s.CallFrames[0].ScopeChain {
		if scope.Type != "local" {
			continue
		}
		var all struct{ Result []struct{ Name string } }
		b.call("Runtime.getProperties", map[string]any{"objectId": scope.Object.ObjectID, "ownProperties": true}, &all)
		for _, p := range all.Result {
			if p.Name != "__proto__" {
				names = append(names, p.Name)
			}
		}
	}
	return names
}
