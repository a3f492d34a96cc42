package golden

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// corpusDir is the environment variable with the folder of real modules.
const corpusDir = "WATFIBER_CORPUS"

// findModules returns the modules of the examples and, if there is one, of the
// corpus whose file names match a pattern.
func findModules(t *testing.T, patterns ...string) (paths []string) {
	t.Helper()
	for _, root := range []string{"../examples", os.Getenv(corpusDir)} {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			matches := func(pattern string) bool { ok, _ := filepath.Match(pattern, filepath.Base(path)); return ok }
			if slices.ContainsFunc(patterns, matches) {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// eachModule runs a test for every module whose file name matches a pattern, in
// parallel, and returns when all have ended. The corpus has some of the examples.
func eachModule(t *testing.T, patterns []string, test func(t *testing.T, m *wat.Module)) {
	seen := map[string]bool{}
	t.Run("module", func(t *testing.T) {
		if os.Getenv(corpusDir) == "" {
			t.Run("corpus", func(t *testing.T) { t.Skipf("set %s to the folder of the corpus", corpusDir) })
		}
		for _, path := range findModules(t, patterns...) {
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if seen[string(code)] {
				continue
			}
			seen[string(code)] = true
			t.Run(filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				m, err := binary.Decode(path, string(code))
				if err == nil {
					err = check.Module(m)
				}
				if err != nil {
					t.Fatal(err)
				}
				test(t, m)
			})
		}
	})
}

// corpusOptions says what may suspend in a module of the corpus: what it makes
// suspend itself, or else the import that waits, or else any.
func corpusOptions(m *wat.Module) rewrite.Options {
	if rewrite.SuspendsItself(m) {
		return rewrite.Options{}
	}
	for _, f := range m.Funcs {
		if f.Import != nil && slices.Contains([]string{"yield", "poll_oneoff"}, f.Import.Name) {
			return rewrite.Options{Suspend: []string{f.Import.Module + "." + f.Import.Name}}
		}
	}
	return rewrite.Options{Suspend: []string{"*"}}
}

// Real modules: the promises hold for their disassembly, which is in normal form
// already, and every engine takes what they become.
func TestCorpus(t *testing.T) {
	results := t.TempDir()
	eachModule(t, []string{"*.wasm"}, func(t *testing.T, m *wat.Module) {
		if testing.Short() && len(m.Source.Text) > 1<<20 {
			t.Skip("a large module takes a while")
		}
		opts := corpusOptions(m)
		text := wat.Print(m)
		source, err := Load("dis.wat", text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Promises(source, opts)
		if err != nil {
			t.Fatal(err)
		}
		if wat.Strip(r.Text) != text {
			t.Error("the rewritten disassembly does not strip to the disassembly")
		}
		built, err := rewrite.Rewrite(m, opts)
		if err != nil {
			t.Fatal(err)
		}
		code := binary.Encode(built.Module)
		r.Module.DataCount = m.DataCount // which a text does not say
		if !holdsMap(built.Module) && withoutCustoms(code) != withoutCustoms(binary.Encode(r.Module)) {
			t.Error("the binary becomes other code than its disassembly")
		}
		compiles(t, code)
		opts.Asserts = true
		if _, err := rewrite.Rewrite(m, opts); err != nil { // which checks what it has made
			t.Error(err)
		}
		name := strings.ReplaceAll(t.Name(), "/", ".")
		if err := os.WriteFile(filepath.Join(results, name), code, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("node", func(t *testing.T) { nodeValidates(t, results) })
}

// holdsMap reports whether a module has the map of its frames in memory, which has the
// names of locals and the lines of its source in it.
func holdsMap(m *wat.Module) bool {
	return slices.ContainsFunc(m.Datas, func(d *wat.Data) bool { return d.Name == "fiber.map_data" })
}

// A binary and its disassembly become the same code with options that need more of the
// functions, too: checks of the stack pointer, and maps of the frames.
func TestCorpusGuardsAndFrames(t *testing.T) {
	eachModule(t, []string{"gc.wasm", "where.wasm", "kernels-O2.wasm"}, func(t *testing.T, m *wat.Module) {
		opts := corpusOptions(m)
		opts.Guard, opts.Frames = true, true
		source, err := Load("dis.wat", wat.Print(m))
		if err != nil {
			t.Fatal(err)
		}
		r, err := rewrite.Rewrite(source, opts)
		if err != nil {
			t.Fatal(err)
		}
		if r.Checks == 0 {
			t.Error("nothing is checked")
		}
		if err := sameFromBinary(source, opts, r); err != nil {
			t.Error(err)
		}
	})
}

// compiles fails if an engine of wazero does not take a module.
func compiles(t *testing.T, code []byte) {
	t.Helper()
	ctx := context.Background()
	for _, engine := range Engines() {
		rt := wazero.NewRuntimeWithConfig(ctx, engine.Config())
		if _, err := rt.CompileModule(ctx, code); err != nil {
			t.Errorf("%s: %v", engine.Name, err)
		}
		if err := rt.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// nodeValidates fails if node does not take all modules in a folder.
func nodeValidates(t *testing.T, folder string) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	const script = `for (const name of fs.readdirSync(".")) new WebAssembly.Module(fs.readFileSync(name))`
	cmd := exec.Command(node, "-e", script)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node: %v\n%s", err, out)
	}
}

// A kernel is a call of an export of a C module; see examples/kernels.mjs.
type kernel struct {
	name  string
	args  []uint64
	short []uint64 // for interpreters; nil if they would take too long
}

// kernels return, leave behind and ask of the host the same wherever they are
// suspended.
var kernels = []kernel{
	{"sw", []uint64{500, 2}, []uint64{10, 5}},
	{"swfat", []uint64{200, 2}, []uint64{10, 5}},
	{"k_fib", []uint64{12}, []uint64{8}},
	{"k_tak", []uint64{1}, nil},
	{"k_queens", []uint64{7}, []uint64{5}},
	{"k_nbody", []uint64{120}, []uint64{20}},
	{"k_mandel", []uint64{16}, []uint64{6}},
	{"k_matmul", []uint64{12}, []uint64{6}},
	{"k_qsort", []uint64{300}, []uint64{60}},
	{"k_trees", []uint64{4}, []uint64{3}},
	{"k_json", []uint64{5}, []uint64{2}},
	{"k_hash", []uint64{500}, []uint64{100}},
	{"k_interp_call", []uint64{8}, []uint64{5}},
	{"k_interp_loop", []uint64{50}, []uint64{20}},
	{"k_format", []uint64{20}, []uint64{5}},
	{"sw_lua", []uint64{100}, []uint64{20}},
	{"k_lua_fib", []uint64{10}, []uint64{6}},
	{"k_lua_spectral", []uint64{8}, []uint64{3}},
	{"k_lua_strs", []uint64{100}, []uint64{20}},
	{"k_lua_sorts", []uint64{100}, []uint64{20}},
	{"k_lua_trees", []uint64{5}, []uint64{3}},
}

// The kernels in C, suspended at each 1st, 7th and 100th scheduling point: results,
// memory and host calls are those of the original.
func TestCorpusKernels(t *testing.T) {
	testKernels(t, rewrite.Options{}, "kernels-*.wasm", "lua-*.wasm")
}

// With hot copies they are, too.
func TestCorpusKernelsWithHotCopies(t *testing.T) {
	testKernels(t, rewrite.Options{Optimize: rewrite.ForSpeed}, "kernels-*.wasm", "lua-*.wasm")
}

// With hot copies of all functions they are, too.
func TestCorpusKernelsAllHot(t *testing.T) {
	testKernels(t, rewrite.Options{Hot: []string{"*"}}, "kernels-*.wasm", "lua-*.wasm")
}

// With assertions they are, too, and nothing trips.
func TestCorpusKernelsWithAsserts(t *testing.T) {
	testKernels(t, rewrite.Options{Asserts: true}, "kernels-*.wasm")
}

func testKernels(t *testing.T, opts rewrite.Options, modules ...string) {
	eachModule(t, modules, func(t *testing.T, m *wat.Module) {
		opts := opts
		opts.Suspend = corpusOptions(m).Suspend
		r, err := rewrite.Rewrite(m, opts)
		if err != nil {
			t.Fatal(err)
		}
		const buffer = 1<<20 - 2*frameStart // with the words around it, the area that the modules reserve
		original := Program{Module: m, Binary: []byte(m.Source.Text), Buffer: buffer, BufferAt: "async_buf", WASI: true}
		rewritten := original
		rewritten.Module, rewritten.Binary = r.Module, binary.Encode(r.Module)
		rewritten.Suspending = rewrite.Suspending(opts.Suspend)
		rewritten.Schedule = func(int) bool { return true }
		for _, engine := range Engines() {
			runKernels(t, engine, original, rewritten)
		}
	})
}

// runKernels compares all kernels that a module exports on an engine.
func runKernels(t *testing.T, engine Engine, original, rewritten Program) {
	ctx := t.Context()
	config, release, err := engine.Prepare(ctx, original, rewritten)
	if err != nil {
		t.Fatalf("%s: %v", engine.Name, err)
	}
	defer release()
	suspends := 0
	for _, k := range kernels {
		args := k.args
		if engine.Name == "interpreter" {
			args = k.short
		}
		if args == nil || !slices.ContainsFunc(original.Module.Exports, func(e *wat.Export) bool { return e.Name == k.name }) {
			continue
		}
		for _, every := range []uint64{1, 7, 100} {
			calls := []Call{{Name: "_initialize"}, {"set_budget", []uint64{every}}, {k.name, args}}
			want, err := Execute(ctx, config, original, calls)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Execute(ctx, config, rewritten, calls)
			if err == nil {
				err = compare(want, got)
			}
			if err != nil {
				t.Errorf("%s, %s, every %d: %v", engine.Name, k.name, every, err)
				continue
			}
			if yields := len(want.Trace); got.Suspends == 0 && yields > 0 || got.Suspends > yields {
				t.Errorf("%s, %s, every %d: suspended %d times in %d host calls", engine.Name, k.name, every, got.Suspends, yields)
			}
			suspends += got.Suspends
		}
	}
	t.Logf("%s: suspended %d times", engine.Name, suspends)
	if suspends == 0 {
		t.Errorf("%s: no kernel suspends", engine.Name)
	}
}

// What is inserted stays small: in modules with many sites at most 21 bytes for each, and
// with hot copies at most twice as much; optimized for size it is no more than without.
func TestCorpusGrowth(t *testing.T) {
	eachModule(t, []string{"*.wasm"}, func(t *testing.T, m *wat.Module) {
		before := len(withoutCustoms(binary.Encode(m)))
		growth := func(o rewrite.Optimize) (bytes, sites int) {
			opts := corpusOptions(m)
			opts.Optimize = o
			r, err := rewrite.Rewrite(m, opts)
			if err != nil {
				t.Fatal(err)
			}
			return len(withoutCustoms(binary.Encode(r.Module))) - before, r.Sites
		}
		bytes, sites := growth(rewrite.ForBoth)
		small, _ := growth(rewrite.ForSize)
		fast, _ := growth(rewrite.ForSpeed)
		t.Logf("%d sites: %d bytes, for size %d, for speed %d", sites, bytes, small, fast)
		if sites > 1000 && bytes > 21*sites {
			t.Errorf("%d bytes are inserted for %d sites", bytes, sites)
		}
		if small > bytes {
			t.Errorf("optimized for size %d bytes are inserted, %d without", small, bytes)
		}
		if fast > 2*bytes {
			t.Errorf("optimized for speed %d bytes are inserted, %d without", fast, bytes)
		}
	})
}
