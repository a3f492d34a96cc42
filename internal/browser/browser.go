// Package browser drives a headless Chromium, for tests of pages.
package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds how long anything may take.
const patience = 3 * 60 * time.Second

// A Browser is a running Chromium. It speaks the DevTools protocol over two pipes:
// messages in JSON, each followed by a zero.
type Browser struct {
	in io.WriteCloser

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	heard   func(session, method string, params json.RawMessage)
	closed  error
}

type reply struct {
	result json.RawMessage
	err    error
}

// Start starts a Chromium that ends with the test, or skips the test if there is none.
func Start(t *testing.T) *Browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("needs chromium, which is not installed")
	}
	toR, toW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromR, fromW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
		"--user-data-dir="+profile, "--window-size=1400,900", "about:blank")
	cmd.ExtraFiles = []*os.File{toR, fromW} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toR.Close()
	fromW.Close()
	b := &Browser{in: toW, waiting: map[int]chan reply{}}
	go b.listen(fromR)
	t.Cleanup(func() {
		toW.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		os.RemoveAll(profile)
	})
	return b
}

// listen hands out what the browser says.
func (b *Browser) listen(from io.Reader) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		data, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.closed = fmt.Errorf("the browser has gone: %w", err)
			for _, c := range b.waiting {
				c <- reply{err: b.closed}
			}
			b.waiting = map[int]chan reply{}
			b.mu.Unlock()
			return
		}
		var m struct {
			ID        int
			SessionID string
			Method    string
			Params    json.RawMessage
			Result    json.RawMessage
			Error     *struct{ Message string }
		}
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		c, heard := b.waiting[m.ID], b.heard
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID == 0 && heard != nil:
			heard(m.SessionID, m.Method, m.Params)
		case c != nil && m.Error != nil:
			c <- reply{err: errors.New(m.Error.Message)}
		case c != nil:
			c <- reply{result: m.Result}
		}
	}
}

// Call calls a method of the protocol, in a session if there is one.
func (b *Browser) Call(session, method string, params, result any) error {
	b.mu.Lock()
	b.next++
	id, c := b.next, make(chan reply, 1)
	b.waiting[id] = c
	closed := b.closed
	b.mu.Unlock()
	if closed != nil {
		return closed
	}
	message := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if session != "" {
		message["sessionId"] = session
	}
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(data, 0)); err != nil {
		return err
	}
	select {
	case r := <-c:
		if r.err != nil || result == nil {
			return r.err
		}
		return json.Unmarshal(r.result, result)
	case <-time.After(patience):
		return fmt.Errorf("%s has no answer", method)
	}
}

// A Page is a tab. Its methods end the test if something goes wrong.
type Page struct {
	t       *testing.T
	b       *Browser
	session string

	mu     sync.Mutex
	errors []string
	events func(method string, params json.RawMessage)
}

// Open opens an empty page.
func (b *Browser) Open(t *testing.T) *Page {
	t.Helper()
	p := &Page{t: t, b: b}
	var target struct{ TargetID string }
	p.must(b.Call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	var attached struct{ SessionID string }
	p.must(b.Call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached))
	p.session = attached.SessionID
	b.mu.Lock()
	b.heard = p.hear
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		p.Call(domain+".enable", nil, nil)
	}
	return p
}

// hear notes what goes wrong on the page.
func (p *Page) hear(session, method string, params json.RawMessage) {
	if session != p.session {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.events != nil {
		p.events(method, params)
	}
	switch method {
	case "Runtime.exceptionThrown":
		p.errors = append(p.errors, string(params))
	case "Runtime.consoleAPICalled":
		if strings.Contains(string(params), `"type":"error"`) {
			p.errors = append(p.errors, string(params))
		}
	case "Log.entryAdded":
		if strings.Contains(string(params), `"level":"error"`) {
			p.errors = append(p.errors, string(params))
		}
	}
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// Call calls a method of the protocol for this page.
func (p *Page) Call(method string, params, result any) {
	p.t.Helper()
	p.must(p.b.Call(p.session, method, params, result))
}

// Events has a function called with each event of the page.
func (p *Page) Events(do func(method string, params json.RawMessage)) {
	p.mu.Lock()
	p.events = do
	p.mu.Unlock()
}

// Go loads a URL, and waits until an expression is true.
func (p *Page) Go(url, until string) {
	p.t.Helper()
	p.Call("Page.navigate", map[string]any{"url": url}, nil)
	p.Wait(until)
}

// Wait waits until an expression is true.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		// While a page loads there may be nothing to look at yet.
		if p.eval("(() => { try { return !!("+expression+") } catch { return false } })()") == "true" {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("this does not become true: %s; errors on the page: %v", expression, p.Errors())
		}
	}
}

// Text returns the value of an expression as text, once it has one if it is a promise.
func (p *Page) Text(expression string) string {
	p.t.Helper()
	var s string
	if err := json.Unmarshal([]byte(p.eval("(async () => String(await ("+expression+")))()")), &s); err != nil {
		p.t.Fatalf("%s: %v; errors on the page: %v", expression, err, p.Errors())
	}
	return s
}

// eval returns the value of an expression as JSON.
func (p *Page) eval(expression string) string {
	p.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.Call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	return string(r.Result.Value)
}

// Key presses a key, such as j or Escape.
func (p *Page) Key(key string) {
	p.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key}
	if len(key) == 1 {
		down["text"] = key
	}
	if key == "Enter" {
		down["text"] = "\r"
	}
	p.Call("Input.dispatchKeyEvent", down, nil)
	p.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// Type types a text into what has the focus.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.Call("Input.insertText", map[string]any{"text": text}, nil)
}

// Click clicks the first element of a selector.
func (p *Page) Click(selector string) {
	p.t.Helper()
	quoted, _ := json.Marshal(selector)
	var at struct{ X, Y float64 }
	p.Wait(fmt.Sprintf("document.querySelector(%s)", quoted))
	place := p.eval(fmt.Sprintf("(() => { const r = document.querySelector(%s).getBoundingClientRect(); return { X: r.x + r.width / 2, Y: r.y + r.height / 2 } })()", quoted))
	p.must(json.Unmarshal([]byte(place), &at))
	for _, what := range []string{"mousePressed", "mouseReleased"} {
		p.Call("Input.dispatchMouseEvent", map[string]any{"type": what, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Size sets the size of the page in pixels.
func (p *Page) Size(width, height int) {
	p.t.Helper()
	p.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
}

// Dark says whether the reader prefers dark pages.
func (p *Page) Dark(dark bool) {
	p.t.Helper()
	value := map[bool]string{true: "dark", false: "light"}[dark]
	p.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": value}}}, nil)
}

// Screenshot returns a picture of the page as PNG.
func (p *Page) Screenshot() []byte {
	p.t.Helper()
	var shot struct{ Data string }
	p.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	p.must(err)
	return png
}

// Errors returns the errors that the page has reported so far.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// Equal checks the value of an expression, as text.
func (p *Page) Equal(expression, want string) {
	p.t.Helper()
	if got := p.Text(expression); got != want {
		p.t.Errorf("%s is %q, not %q", expression, got, want)
	}
}

// NoErrors checks that the page has reported none.
func (p *Page) NoErrors() {
	p.t.Helper()
	if errs := p.Errors(); len(errs) > 0 {
		p.t.Errorf("errors on the page: %v", errs)
	}
}
