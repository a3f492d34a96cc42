package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/internal/cli"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/op"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// fails traps two calls deep, in code that was rewritten.
const fails = `(module
  (import "env" "sleep" (func $sleep (param i32)))
  (memory (export "memory") 1)
  (func $inner (param $n i32)
    local.get $n
    call $sleep
    unreachable
  )
  (func $outer (export "outer") (param $n i32)
    local.get $n
    call $sleep
    local.get $n
    call $inner
  )
)
`

// buildFails builds it with a source map.
func buildFails(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	in, output := filepath.Join(dir, "fails.wat"), filepath.Join(dir, "fails.wasm")
	if err := os.WriteFile(in, []byte(fails), 0o600); err != nil {
		t.Fatal(err)
	}
	watfiber(t, "build", "-q", "--suspend=env.sleep", "--source-map", in, "-o", output)
	return output
}

// where says what watfiber where makes of a stack trace.
func where(t *testing.T, module, trace string) string {
	t.Helper()
	var out, diag bytes.Buffer
	if code := cli.Run([]string{"where", module, "-"}, strings.NewReader(trace), &out, &diag); code != 0 {
		t.Fatalf("exit %d\n%s%s\nof\n%s", code, &out, &diag, trace)
	}
	return out.String()
}

// inOrder fails if a text does not have some pieces one after the other.
func inOrder(t *testing.T, text string, pieces ...string) {
	t.Helper()
	rest := text
	for _, p := range pieces {
		_, behind, ok := strings.Cut(rest, p)
		if !ok {
			t.Fatalf("%q is missing in\n%s", p, text)
		}
		rest = behind
	}
}

// The frames of a trace of V8 are found in the source.
func TestWhereNode(t *testing.T) {
	node := needs(t, "node")
	module := buildFails(t)
	const script = `
WebAssembly.instantiate(require("fs").readFileSync(process.argv[1]), { env: { sleep() {} } })
  .then(({ instance }) => instance.exports.outer(1)).catch(e => console.log(e.stack));`
	inOrder(t, where(t, module, tool(t, node, "-e", script, module)),
		"unreachable", "wasm-function[1]", "$inner", "unreachable", "fails.wat:7",
		"wasm-function[2]", "$outer", "call", "fails.wat:13", "call $inner")
}

// Traces of wazero have the names of functions.
func TestWhereWazero(t *testing.T) {
	ctx := context.Background()
	module := buildFails(t)
	code, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	if _, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func(uint32) {}).Export("sleep").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	inst, err := rt.Instantiate(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	_, err = inst.ExportedFunction("outer").Call(ctx, 1)
	if err == nil {
		t.Fatal("it should trap")
	}
	inOrder(t, where(t, module, err.Error()), "inner", "$inner, where it begins", "fails.wat:4", "outer", "$outer, where it begins", "fails.wat:9")
}

// A program in C: each call that may suspend leads to its line in the C source.
func TestWhereC(t *testing.T) {
	output := filepath.Join(t.TempDir(), "deadlock.wasm")
	watfiber(t, "build", "-q", "--source-map", "c/deadlock.wasm", "-o", output)
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(output, string(data))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("c/deadlock.c")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	marked := map[string]string{"waits_deep": "RECURSES", "philosopher": "WAITS"}
	found := 0
	for _, f := range m.Funcs {
		mark := marked[f.Name]
		for _, in := range f.Body().Instrs {
			if mark == "" || in.Op.String() != "call" || m.Funcs[in.Imm].Name != "waits_deep" {
				continue
			}
			found++
			line := 1 + slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, "// "+mark) })
			out, _ := watfiber(t, "where", output, fmt.Sprintf("%#x", in.Pos))
			inOrder(t, out, "$"+f.Name, "call", fmt.Sprintf("c/deadlock.c:%d", line))
		}
	}
	if found < 2 {
		t.Errorf("only %d calls found", found)
	}
}

// readMapped reads a binary and the source map beside it.
func readMapped(t *testing.T, output string) (*wat.Module, *sourcemap.Map) {
	t.Helper()
	built, err := binary.Decode(output, read(t, output))
	if err != nil {
		t.Fatal(err)
	}
	m, err := sourcemap.Decode([]byte(read(t, output+".map")))
	if err != nil {
		t.Fatal(err)
	}
	return built, m
}

// Node reads a map as it was meant: each instruction has the same place.
func TestSourceMapNode(t *testing.T) {
	node := needs(t, "node")
	output := filepath.Join(t.TempDir(), "where.wasm")
	watfiber(t, "build", "-q", "--source-map", "c/where.wasm", "-o", output)
	built, m := readMapped(t, output)
	var offsets []string
	var want strings.Builder
	for _, f := range built.Funcs {
		for _, in := range f.Body().Instrs {
			offsets = append(offsets, fmt.Sprint(in.Pos))
			if s, ok := m.At(int(in.Pos)); ok {
				fmt.Fprintf(&want, "%d %s %d %d\n", in.Pos, m.Sources[s.Source].Name, s.Line, s.Column)
			} else {
				fmt.Fprintf(&want, "%d\n", in.Pos)
			}
		}
	}
	list := filepath.Join(t.TempDir(), "offsets.json")
	if err := os.WriteFile(list, []byte("["+strings.Join(offsets, ",")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	const script = `
const read = (path) => JSON.parse(require("fs").readFileSync(path));
const map = new (require("module").SourceMap)(read(process.argv[1]));
const lines = read(process.argv[2]).map((at) => {
  const e = map.findEntry(0, at);
  return e.originalSource === undefined ? at : [at, e.originalSource, e.originalLine, e.originalColumn].join(" ");
});
console.log(lines.join("\n"));`
	compare(t, want.String(), tool(t, node, "-e", script, output+".map", list))
}

// Lines survive a tool in between: Binaryen reads the map of a C program and prints
// comments with locations, and the map of what is made of its text leads to the C lines.
func TestSourceMapThroughBinaryen(t *testing.T) {
	tools := needs(t, peer)
	dir := t.TempDir()
	plain, text, output := filepath.Join(dir, "plain.wasm"), filepath.Join(dir, "binaryen.wat"), filepath.Join(dir, "built.wasm")
	watfiber(t, "asm", "--source-map", "c/deadlock.wasm", "-o", plain)
	tool(t, tools, plain, "--input-source-map="+plain+".map", "-S", "-o", text)
	watfiber(t, "build", "-q", "--source-map", text, "-o", output)
	built, m := readMapped(t, output)
	source, err := os.ReadFile("c/deadlock.c")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	found := 0
	for _, f := range built.Funcs {
		for _, in := range f.Body().Instrs {
			if in.Op != op.Call {
				continue
			}
			callee := built.Funcs[in.Imm].Name
			s, ok := m.At(int(in.Pos))
			if !ok || m.Sources[s.Source].Name != "c/deadlock.c" || callee != "fiber_start" && callee != "fiber_join" && callee != "fiber_chan_send" && callee != "waits_deep" {
				continue
			}
			found++
			if !strings.Contains(lines[s.Line], callee) {
				t.Errorf("%s is called in line %d: %s", callee, s.Line+1, lines[s.Line])
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d calls are known", found)
	}
}
