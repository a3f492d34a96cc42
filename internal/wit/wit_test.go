package wit

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/wat"
)

const timers = "../../examples/wit/timers.wit"

// lines describes a world: a line for each function, with how it is imported, its core
// type, and whether it waits.
func lines(w *World) []string {
	var all []string
	for _, from := range sortedKeys(w.modules) {
		m := w.modules[from]
		for _, name := range sortedKeys(m.funcs) {
			line := from + " " + name + " " + typeText(m.funcs[name].typ)
			if m.funcs[name].waits {
				line += " waits"
			}
			all = append(all, line)
		}
		for _, name := range sortedKeys(m.resources) {
			all = append(all, from+" resource "+name)
		}
	}
	return all
}

func readWorld(t *testing.T, path, text, world string) *World {
	t.Helper()
	w, err := Read(path, []byte(text), world)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Text and JSON of one package are the same world.
func TestTextAndJSON(t *testing.T) {
	text := readWorld(t, timers, contents(t, timers), "")
	want := strings.Split(strings.TrimSpace(`
wasi:cli/stdout@0.2.0 get-stdout (result i32)
wasi:cli/stdout@0.2.0 resource output-stream
wasi:clocks/monotonic-clock@0.2.0 now (result i64)
wasi:clocks/monotonic-clock@0.2.0 subscribe-duration (param i64) (result i32)
wasi:clocks/monotonic-clock@0.2.0 resource pollable
wasi:io/poll@0.2.0 [method]pollable.block (param i32) waits
wasi:io/poll@0.2.0 [method]pollable.ready (param i32) (result i32)
wasi:io/poll@0.2.0 poll (param i32 i32 i32) waits
wasi:io/poll@0.2.0 resource pollable
wasi:io/streams@0.2.0 [method]output-stream.blocking-write-and-flush (param i32 i32 i32 i32) waits
wasi:io/streams@0.2.0 [method]output-stream.check-write (param i32 i32)
wasi:io/streams@0.2.0 [method]output-stream.subscribe (param i32) (result i32)
wasi:io/streams@0.2.0 [method]output-stream.write (param i32 i32 i32 i32)
wasi:io/streams@0.2.0 resource output-stream
wasi:io/streams@0.2.0 resource pollable`), "\n")
	if diff := cmp.Diff(want, lines(text)); diff != "" {
		t.Errorf("of the text, expected (-) and read (+):\n%s", diff)
	}
	if text.Name != "example:timers/timers" {
		t.Errorf("the world is called %s", text.Name)
	}
	json := readWorld(t, "testdata/timers.json", contents(t, "testdata/timers.json"), "timers")
	if diff := cmp.Diff(lines(text), lines(json)); diff != "" {
		t.Errorf("of the text (-) and of JSON (+):\n%s", diff)
	}
}

// A module may have the WIT in it: wasm-tools component embed has put it there.
func TestEmbedded(t *testing.T) {
	module := readWorld(t, "testdata/timers.embedded.wasm", contents(t, "testdata/timers.embedded.wasm"), "")
	text := readWorld(t, timers, contents(t, timers), "")
	if diff := cmp.Diff(lines(text), lines(module)); diff != "" {
		t.Errorf("of the text (-) and of the module (+):\n%s", diff)
	}
}

// The rule, and the canonical ABI, on a world with one of everything.
func TestWorldOfEverything(t *testing.T) {
	w := readWorld(t, "testdata/everything.json", contents(t, "testdata/everything.json"), "everything")
	want := strings.Split(strings.TrimSpace(contents(t, "testdata/everything.txt")), "\n")
	if diff := cmp.Diff(want, lines(w)); diff != "" {
		t.Errorf("expected (-) and read (+):\n%s", diff)
	}
	text := readWorld(t, "testdata/everything.wit", contents(t, "testdata/everything.wit"), "")
	if diff := cmp.Diff(lines(w), lines(text)); diff != "" {
		t.Errorf("of JSON (-) and of the text (+):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"[export]test:all/made thing"}, exported(w)); diff != "" {
		t.Errorf("exported resources, expected (-) and read (+):\n%s", diff)
	}
	returns := w.modules["test:all/waiting"].funcs["sleep"].returns
	if got := typeText(returns); got != "(param i64 i32) (result i32)" {
		t.Errorf("sleep, when it returns at once, has the type %s", got)
	}
}

func exported(w *World) []string {
	var all []string
	for _, r := range sortedKeys(w.resources) {
		all = append(all, "[export]"+r)
	}
	return all
}

// The folder with a package and, in a folder deps, those that it uses.
func TestFolder(t *testing.T) {
	w := readWorld(t, "testdata/folder", "", "")
	if diff := cmp.Diff([]string{"dep:pkg/waiting@1.0.0 block (func) waits"}, lines(w)); diff != "" {
		t.Errorf("expected (-) and read (+):\n%s", diff)
	}
}

func TestReadErrors(t *testing.T) {
	json := contents(t, "testdata/timers.json")
	for _, c := range []struct{ name, text, world, message string }{
		{"empty", " \n", "", "is empty"},
		{"not WIT", "package a:b\nworld w { }", "", "x.wit:2:1: expected '{', found keyword `world`\nworld w { }\n^"},
		{"a module", "(module)", "", "x.wit: input is a core wasm module"},
		{"a type that is not there", "package a:b;\nworld w { import f: func(x: u33); }", "", "x.wit:2:29: name `u33` is not defined\nworld w { import f: func(x: u33); }\n                            ^--"},
		{"no world", "package a:b;\ninterface i { f: func(); }", "", "there is no world in it"},
		{"two worlds", "package a:b;\nworld v { }\nworld w { }", "", "there are several worlds, a:b/v, a:b/w: say which with --world"},
		{"another world", json, "tiners", "there is no world tiners; there are example:timers/timers"},
		{"a record of records of records", doubling(40), "", "its type is too large"},
		{"not JSON", "{]", "", "at byte 2"},
		{"JSON of something else", `{"worlds": []}`, "", "is JSON, but not of a package: there is no list of interfaces"},
		{"a number beyond the end", strings.Replace(json, `"interface":{"id":0}`, `"interface":{"id":4000000000}`, 1), "", "4000000000 is the number of nothing"},
		{"a negative number", strings.Replace(json, `"interface":{"id":0}`, `"interface":{"id":-1}`, 1), "", "-1 is the number of nothing"},
		{"a type of itself", `{"worlds":[{"name":"w","imports":{"f":{"function":{"name":"f","kind":"freestanding","params":[{"name":"x","type":0}]}}},"exports":{},"package":0}],"interfaces":[],"types":[{"name":"a","kind":{"record":{"fields":[{"name":"b","type":0}]}},"owner":null}],"packages":[{"name":"a:b","interfaces":{},"worlds":{"w":0}}]}`, "", "its type is nested too deep"},
		{"an alias of itself", `{"worlds":[{"name":"w","imports":{"f":{"type":0}},"exports":{},"package":0}],"interfaces":[],"types":[{"name":"a","kind":{"type":1},"owner":null},{"name":"b","kind":{"type":0},"owner":null}],"packages":[{"name":"a:b","interfaces":{},"worlds":{"w":0}}]}`, "", ""},
		{"a kind of type that is not known", `{"worlds":[{"name":"w","imports":{"f":{"function":{"name":"f","kind":"freestanding","params":[{"name":"x","type":0}]}}},"exports":{},"package":0}],"interfaces":[],"types":[{"name":"a","kind":{"map":[0,0]},"owner":null}],"packages":[{"name":"a:b","interfaces":{},"worlds":{"w":0}}]}`, "", "a type in it is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read("x.wit", []byte(c.text), c.world)
			switch {
			case c.message == "" && err != nil:
				t.Error(err)
			case c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)):
				t.Errorf("%v\nwant: %s", err, c.message)
			}
		})
	}
}

// doubling is a record of two records, which are of two records each, and so on.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("package a:b;\nworld w {\n  record r0 { a: u64, b: u64 }\n")
	for i := 1; i < n; i++ {
		name, of := "r"+string(rune('a'+i%26))+strings.Repeat("x", i/26+1), "r0"
		if i > 1 {
			of = "r" + string(rune('a'+(i-1)%26)) + strings.Repeat("x", (i-1)/26+1)
		}
		b.WriteString("  record " + name + " { a: " + of + ", b: " + of + " }\n")
		if i == n-1 {
			b.WriteString("  import f: func(x: " + name + ");\n")
		}
	}
	return b.String() + "}\n"
}

// check asks a world about a module with imports.
func check(t *testing.T, w *World, imports string) ([]string, error) {
	t.Helper()
	m, err := wat.Parse("app.wat", "(module\n"+imports+")")
	if err != nil {
		t.Fatal(err)
	}
	return w.Suspending(m, func(module, _ string) bool { return module == "mine" })
}

func TestSuspending(t *testing.T) {
	w := readWorld(t, "testdata/everything.json", contents(t, "testdata/everything.json"), "test:all/everything")
	got, err := check(t, w, `
  (import "mine" "whatever" (func (param f64)))
  (import "test:all/waiting" "block" (func))
  (import "test:all/waiting" "sleep" (func (param i64) (result f64)))
  (import "test:all/waiting" "[async]nap" (func))
  (import "test:all/waiting" "[async-lower]sleep" (func (param i64 i32) (result i32)))
  (import "test:all/waiting" "[async-lower][async]nap" (func (result i32)))
  (import "test:all/waiting" "[method]pollable.ready" (func (param i32) (result i32)))
  (import "test:all/waiting" "[resource-drop]pollable" (func (param i32)))
  (import "[export]test:all/made" "[resource-new]thing" (func (param i32) (result i32)))
  (import "$root" "blocking-call" (func))
  (import "$root" "[waitable-set-wait]" (func (param i32 i32) (result i32)))
  (import "$root" "[waitable-set-new]" (func (result i32)))
  (import "test:all/waiting" "[future-read-0]wait-for" (func (param i32 i32) (result i32)))
  (import "test:all/waiting" "[async-lower][future-read-0]wait-for" (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "memory" (memory 1))
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"test:all/waiting.block", "test:all/waiting.sleep", "test:all/waiting.[async]nap", "$root.blocking-call",
		"$root.[waitable-set-wait]", "test:all/waiting.[future-read-0]wait-for", "wasi_snapshot_preview1.poll_oneoff",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("expected (-) and found (+):\n%s", diff)
	}
}

func TestSuspendingErrors(t *testing.T) {
	w := readWorld(t, "testdata/everything.json", contents(t, "testdata/everything.json"), "everything")
	for _, c := range []struct{ imports, message string }{
		{`(import "env" "sleep" (func))`, "app.wat:2:9: the module imports env.sleep, and the world test:all/everything does not import env; put it into the world"},
		{`(import "test:all/wating" "block" (func))`, "does not import test:all/wating; did you mean test:all/waiting?"},
		{`(import "test:all/waiting" "blok" (func))`, "test:all/waiting has no function blok in the world test:all/everything; did you mean block?"},
		{`(import "test:all/waiting" "block" (func (param i32)))`, "test:all/waiting.block has the type (param i32), and in the world test:all/everything it has (func) [WF501]"},
		{`(import "test:all/waiting" "[async-lower]sleep" (func (param i32)))`, "it has (param i64 i32) (result i32)"},
		{`(import "test:all/waiting" "[resource-drop]polable" (func (param i32)))`, "has no function [resource-drop]polable"},
		{`(import "test:all/waiting" "[resource-drop]pollable" (func))`, "it has (param i32)"},
		{`(import "[export]test:all/made" "[resource-new]other" (func (param i32) (result i32)))`, "does not import [export]test:all/made"},
		{`(import "wasi_snapshot_preview1" "poll_onoff" (func))`, "WASI preview 1 has no function poll_onoff; did you mean poll_oneoff?"},
		{`(import "wasi_snapshot_preview1" "fd_read" (func (param i32)))`, "fd_read has the type (param i32), and in the world"},
	} {
		if _, err := check(t, w, c.imports); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s\n%v\nwant: %s", c.imports, err, c.message)
		}
	}
	_, err := check(t, w, `(import "a" "b" (func)) (import "c" "d" (func))`)
	if got := wat.Errors(err); len(got) != 2 {
		t.Errorf("%d errors, not one for each import: %v", len(got), err)
	}
}

// Wazero has the same functions of WASI preview 1, with the same types.
func TestPreview1(t *testing.T) {
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(t.Context())
	compiled, err := wasi_snapshot_preview1.NewBuilder(rt).Compile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := map[string]string{}, map[string]string{}
	for name, f := range compiled.ExportedFunctions() {
		theirs[name] = letters(f.ParamTypes()) + ":" + letters(f.ResultTypes())
	}
	for name := range preview1 {
		typ, _ := preview1Type(name)
		ours[name] = letters(typ.Params) + ":" + letters(typ.Results)
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("of wazero (-) and here (+):\n%s", diff)
	}
	for name := range preview1Waits {
		if _, known := preview1[name]; !known {
			t.Errorf("%s waits, and is not known", name)
		}
	}
}

// letters writes types as i and I, by the bytes of the binary format.
func letters[T ~byte | ~uint32](types []T) string {
	var b strings.Builder
	for _, t := range types {
		b.WriteString(map[byte]string{byte(api.ValueTypeI32): "i", byte(api.ValueTypeI64): "I"}[byte(t)])
	}
	return b.String()
}

// The folder for temporary files is as it was.
func TestTempDirStays(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := os.TempDir()
	readWorld(t, timers, contents(t, timers), "")
	entries, err := os.ReadDir(before)
	if err != nil || os.TempDir() != before || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() }) {
		t.Errorf("%s, with %v (%v), was %s and empty", os.TempDir(), entries, err, before)
	}
}
