//go:build js

// Command browser is watfiber in a page: compiled to WebAssembly itself, it gives the
// page's script functions.
package main

import (
	"encoding/json"
	"strings"
	"syscall/js"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/internal/report"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

func main() {
	js.Global().Set("watfiber", js.ValueOf(map[string]any{
		"rewrite": js.FuncOf(func(_ js.Value, args []js.Value) any { return rewriteText(args[0].String(), args[1].String()) }),
		"dis":     js.FuncOf(func(_ js.Value, args []js.Value) any { return disassemble(args[0].String(), bytesOf(args[1])) }),
		"probe":   js.FuncOf(func(_ js.Value, args []js.Value) any { return probe(args[0].String(), args[1].String()) }),
		"note":    js.FuncOf(func(_ js.Value, args []js.Value) any { return note(bytesOf(args[0])) }),
		"trace":   js.FuncOf(func(_ js.Value, args []js.Value) any { return traced(args[0].String()) }),
		"fault":   js.FuncOf(func(_ js.Value, args []js.Value) any { return fiberlib.Faults[args[0].String()] }),
	}))
	select {}
}

// A problem is an error, in a form that the page shows: offsets are in UTF-16 units.
type problem struct {
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	From    int    `json:"from"` // -1 if it has no place
	To      int    `json:"to"`
}

// result is what the page gets.
func result(fields map[string]any) any { return js.ValueOf(fields) }

func failed(text string, err error) any {
	var problems []problem
	for _, e := range wat.Errors(err) {
		p := problem{Message: e.Msg, From: -1}
		if e.Hint != "" {
			p.Message += "; " + e.Hint
		}
		if e.Source != nil && e.Span != wat.NoSpan && e.Span.End <= len(text) {
			p.Line, p.Column = e.Source.Line(e.Span.Start)
			p.From, p.To = units(text[:e.Span.Start]), units(text[:e.Span.End])
		}
		problems = append(problems, p)
	}
	if problems == nil {
		problems = []problem{{Message: err.Error(), From: -1}}
	}
	data, _ := json.Marshal(problems)
	return result(map[string]any{"errors": string(data)})
}

// units returns the length of a text as scripts count it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// rewriteText rewrites a text as flags say. The result has errors, or: facts (JSON),
// text (the rewritten text), before and after (binaries).
func rewriteText(text, line string) any {
	opts, err := flags.Parse(strings.Fields(line))
	if err != nil {
		return failed(text, err)
	}
	m, err := wat.Parse("in.wat", text)
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		return failed(text, err)
	}
	data, err := report.New(m, opts)
	if err != nil {
		return failed(text, err)
	}
	facts, err := json.Marshal(data)
	if err != nil {
		return failed(text, err)
	}
	return result(map[string]any{
		"facts": string(facts), "text": arrayOf([]byte(data.Text)),
		"before": arrayOf(binary.Encode(m)), "after": arrayOf(binary.Encode(data.Result())),
		"host": hostFacts(m, opts),
	})
}

// hostFacts tells what a host has to provide, and may call, as JSON.
func hostFacts(m *wat.Module, opts rewrite.Options) string {
	type function struct {
		Module  string   `json:"module,omitempty"`
		Name    string   `json:"name"`
		Params  []string `json:"params"`
		Results []string `json:"results"`
	}
	describe := func(id uint32, module, name string) function {
		f := function{Module: module, Name: name, Params: []string{}, Results: []string{}}
		t := m.FuncTypeOf(wat.FuncID(id))
		for _, p := range t.Params {
			f.Params = append(f.Params, p.String())
		}
		for _, r := range t.Results {
			f.Results = append(f.Results, r.String())
		}
		return f
	}
	var facts struct {
		Imports []function `json:"imports"`
		Exports []function `json:"exports"`
		// Alone says that a host can run the source: it imports nothing that a rewrite provides.
		Alone bool `json:"alone"`
	}
	facts.Imports, facts.Exports, facts.Alone = []function{}, []function{}, true
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		if d.Kind == wat.KindFunc {
			facts.Imports = append(facts.Imports, describe(d.Index, imp.Module, imp.Name))
		}
		facts.Alone = facts.Alone && imp.Module != "fiber" && imp.Module != "asyncify"
	}
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc {
			facts.Exports = append(facts.Exports, describe(e.Index, "", e.Name))
		}
	}
	data, _ := json.Marshal(facts)
	return string(data)
}

// disassemble returns the text of a binary, or errors.
func disassemble(name string, data []byte) any {
	m, err := binary.Decode(name, string(data))
	if err != nil {
		return failed("", err)
	}
	return result(map[string]any{"text": wat.Print(m)})
}

func bytesOf(v js.Value) []byte {
	data := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(data, v)
	return data
}

func arrayOf(data []byte) js.Value {
	v := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(v, data)
	return v
}
