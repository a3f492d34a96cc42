package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// This file drives the debugger of Chromium.

// devtools is a page with its events.
type devtools struct {
	*browser.Page
	t      *testing.T
	events chan event
}

// event is one of the protocol.
type event struct {
	method string
	params json.RawMessage
}

// startChromium starts a browser with an empty page.
func startChromium(t *testing.T) *devtools {
	t.Helper()
	d := &devtools{Page: browser.Start(t).Open(t), t: t, events: make(chan event, 1000)}
	d.Events(func(method string, params json.RawMessage) { d.events <- event{method, params} })
	return d
}

// event waits for an event of a kind; others before it are nobody's business.
func (d *devtools) event(method string, params any) {
	d.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e := <-d.events:
			if e.method != method {
				continue
			}
			if err := json.Unmarshal(e.params, params); err != nil {
				d.t.Fatalf("%s: %v: %s", method, err, e.params)
			}
			return
		case <-timeout:
			d.t.Fatalf("there is no %s", method)
		}
	}
}

// A debugger is what the debugger of a browser does with a source map.
type debugger struct {
	*devtools
	built  *wat.Module
	m      *sourcemap.Map
	script string // its id
}

// debug reads the source map beside a binary and evaluates a script that gets the binary,
// in base64, for %s.
func (d *devtools) debug(output, script string) *debugger {
	d.t.Helper()
	d.Call("Debugger.enable", map[string]any{}, nil)
	d.Call("Debugger.setBlackboxPatterns", map[string]any{"patterns": []string{"host.js"}}, nil)
	d.start(strings.Replace(script, "%s", base64.StdEncoding.EncodeToString([]byte(read(d.t, output))), 1) + "\n//# sourceURL=host.js")()
	var parsed struct{ ScriptID, ScriptLanguage, SourceMapURL string }
	for parsed.ScriptLanguage != "WebAssembly" {
		d.event("Debugger.scriptParsed", &parsed)
	}
	if want := filepath.Base(output) + ".map"; parsed.SourceMapURL != want {
		d.t.Fatalf("the source map is said to be %s, not %s", parsed.SourceMapURL, want)
	}
	built, m := readMapped(d.t, output)
	b := &debugger{devtools: d, built: built, m: m, script: parsed.ScriptID}
	b.ignore()
	return b
}

// start begins to evaluate an expression. What it returns waits for the value.
func (d *devtools) start(expression string) func() any {
	wait := d.Start("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true})
	return func() any {
		d.t.Helper()
		var got struct {
			Result           struct{ Value any }
			ExceptionDetails json.RawMessage
		}
		wait(&got)
		if got.ExceptionDetails != nil {
			d.t.Fatalf("%s", got.ExceptionDetails)
		}
		return got.Result.Value
	}
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
	b.Call("Debugger.setBlackboxedRanges", map[string]any{"scriptId": b.script, "positions": positions}, nil)
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

// breakAt sets a breakpoint on a place, in each function that has code of it, as debuggers
// do, and returns on which places they are.
func (b *debugger) breakAt(place string) []string {
	b.t.Helper()
	var set []string
	done := 0 // all code before it
	for _, s := range b.m.Segments {
		if s.Offset < done || b.place(s.Offset) != place {
			continue
		}
		for _, f := range b.built.Funcs {
			if f.Import == nil && f.Span.Start <= s.Offset && s.Offset < f.Span.End {
				done = f.Span.End
			}
		}
		location := b.position(s.Offset)
		location["scriptId"] = b.script
		var at struct{ ActualLocation struct{ ColumnNumber int } }
		b.Call("Debugger.setBreakpoint", map[string]any{"location": location}, &at)
		set = append(set, b.place(at.ActualLocation.ColumnNumber))
	}
	if set == nil {
		b.t.Fatalf("no code comes from %s", place)
	}
	return set
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
	b.Call("Debugger."+how, map[string]any{"skipList": skip}, nil)
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
		b.Call("Runtime.getProperties", map[string]any{"objectId": scope.Object.ObjectID, "ownProperties": true}, &all)
		for _, p := range all.Result {
			if p.Name != "__proto__" {
				names = append(names, p.Name)
			}
		}
	}
	return names
}
