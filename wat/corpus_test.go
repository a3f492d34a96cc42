package wat_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// eachModule runs a test for every .wasm file below the directory in the
// environment variable WATFIBER_CORPUS.
func eachModule(t *testing.T, test func(t *testing.T, path, code string)) {
	dir := os.Getenv("WATFIBER_CORPUS")
	if dir == "" {
		t.Skip("WATFIBER_CORPUS is not set: it names a directory with real .wasm modules")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wasm" {
			return err
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			test(t, path, string(code))
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustDecode(t *testing.T, code string) *wat.Module {
	t.Helper()
	m, err := decode("corpus.wasm", code)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustParse(t *testing.T, text string) *wat.Module {
	t.Helper()
	m, err := parse("corpus.wat", text)
	if err != nil {
		t.Fatal(detail(err))
	}
	return m
}

// bare returns the binary of m without what tools treat each in their own way:
// names and custom sections.
func bare(m *wat.Module) string {
	stripped := *m
	stripped.Customs = nil
	return string(withoutNames(binary.Encode(&stripped)))
}

// Real modules come back unchanged from text and binary.
func TestCorpusRoundTrip(t *testing.T) {
	eachModule(t, func(t *testing.T, _, code string) {
		if err := roundTrip(mustDecode(t, code)); err != nil {
			t.Error(err)
		}
	})
}

// What the encoder makes of real modules is valid for other tools as well.
func TestCorpusValidates(t *testing.T) {
	for _, tool := range []string{"wasm-validate", "node"} {
		t.Run(tool, func(t *testing.T) {
			needTool(t, tool)
			eachModule(t, func(t *testing.T, _, code string) {
				encoded := binary.Encode(mustDecode(t, code))
				if tool == "wasm-validate" {
					runTool(t, tool, tempFile(t, "m.wasm", string(encoded)))
				} else if !nodeValidates(t, encoded) {
					t.Error("node does not take the encoded module")
				}
			})
		})
	}
}

// The text that wasm2wat prints, flat and folded, is the module that the binary
// is.
func TestCorpusParsesWabt(t *testing.T) {
	needTool(t, "wasm2wat")
	eachModule(t, func(t *testing.T, path, code string) {
		want := bare(mustDecode(t, code))
		for _, form := range []string{"--generate-names", "--fold-exprs"} {
			got := bare(mustParse(t, runTool(t, "wasm2wat", form, path)))
			if got != want {
				t.Errorf("wasm2wat %s: %s", form, firstDifference([]byte(got), []byte(want)))
			}
		}
	})
}

// wat2wasm reads what Print writes as the same module. It knows no quoted
// identifiers, so that everything gets a plain name here.
func TestCorpusPrintsForWabt(t *testing.T) {
	needTool(t, "wat2wasm")
	eachModule(t, func(t *testing.T, _, code string) {
		want := bare(mustDecode(t, code))
		m := mustDecode(t, want)
		for i, f := range m.Funcs {
			f.Name = wat.DefaultFunc(i)
		}
		for i, g := range m.Globals {
			g.Name = wat.DefaultGlobal(i)
		}
		out := filepath.Join(t.TempDir(), "out.wasm")
		runTool(t, "wat2wasm", tempFile(t, "in.wat", wat.Print(m)), "-o", out)
		built, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := bare(mustDecode(t, string(built))); got != want {
			t.Error(firstDifference([]byte(got), []byte(want)))
		}
	})
}

// The text that wasm-dis prints, which has its own form of if before version 115,
// is read as the module that it means: disassembling our encoding of it prints
// the same text.
func TestCorpusParsesBinaryen(t *testing.T) {
	needTool(t, "wasm-dis")
	eachModule(t, func(t *testing.T, path, _ string) {
		printed := runTool(t, "wasm-dis", "--all-features", path)
		encoded := binary.Encode(parseBinaryen(t, printed))
		again := runTool(t, "wasm-dis", "--all-features", tempFile(t, "m.wasm", string(encoded)))
		if before, after := comparable(printed), comparable(again); before != after {
			t.Errorf("disassembled anew: %s", firstDifference([]byte(after), []byte(before)))
		}
	})
}

// parseBinaryen parses text that wasm-dis printed. Blocks that control cannot
// leave have no result there even where their value is needed: what behind them
// says so in WebAssembly, an unreachable, is put in.
func parseBinaryen(t *testing.T, text string) *wat.Module {
	for range 20 {
		m, err := wat.Parse("dis.wat", text)
		if err != nil {
			t.Fatal(detail(err))
		}
		err = check.Module(m)
		if err == nil {
			return m
		}
		errs := wat.Errors(err)
		for i := len(errs) - 1; i >= 0; i-- {
			if !strings.HasPrefix(errs[i].Msg, "type mismatch: the end expects") {
				t.Fatal(errs[i].Detail())
			}
			at := errs[i].Span.Start
			text = text[:at] + "(unreachable)" + text[at:]
		}
	}
	t.Fatal("too many functions end in blocks that control cannot leave")
	return nil
}

var labelNumber = regexp.MustCompile(` \$label\$[0-9]+`)

// comparable returns a disassembly without comments, and without the labels that
// wasm-dis makes up: it numbers them as it meets blocks, which it adds to.
func comparable(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), ";;") {
			b.WriteString(line)
		}
	}
	return labelNumber.ReplaceAllString(b.String(), "")
}

// Modules run the same after a detour through the printers. The C modules of the
// corpus export functions k_… (i32) -> i32 for that.
func TestCorpusRuns(t *testing.T) {
	eachModule(t, func(t *testing.T, path, code string) {
		m := mustDecode(t, code)
		var kernels []string
		for _, e := range m.Exports {
			if e.Kind == wat.KindFunc && strings.HasPrefix(e.Name, "k_") {
				kernels = append(kernels, e.Name)
			}
		}
		if len(kernels) == 0 {
			t.Log("it exports no functions k_… to run")
			return
		}
		want := runKernels(t, []byte(code), kernels)
		printed := binary.Encode(mustParse(t, wat.Print(m)))
		if diff := cmp.Diff(want, runKernels(t, printed, kernels)); diff != "" {
			t.Errorf("printed by Print (-want +got):\n%s", diff)
		}
		needTool(t, "wasm-dis")
		dis := binary.Encode(parseBinaryen(t, runTool(t, "wasm-dis", "--all-features", path)))
		if diff := cmp.Diff(want, runKernels(t, dis, kernels)); diff != "" {
			t.Errorf("printed by wasm-dis (-want +got):\n%s", diff)
		}
	})
}

// runKernels calls each function with a few numbers.
func runKernels(t *testing.T, code []byte, names []string) map[string][]uint64 {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	_, err := runtime.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func(x int32) int32 { return x }).Export("yield").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	module, err := runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]uint64{}
	for _, name := range names {
		for _, n := range []uint64{1, 4, 7} {
			words, err := module.ExportedFunction(name).Call(ctx, api.EncodeU32(uint32(n)))
			if err != nil {
				t.Fatalf("%s(%d): %v", name, n, err)
			}
			got[name] = append(got[name], words...)
		}
	}
	return got
}
