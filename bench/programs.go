package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// clangFeatures are what compilers of C and C++ use today; wasm-opt has to be told what
// modules do not say themselves.
var clangFeatures = []string{
	"--enable-bulk-memory", "--enable-sign-ext", "--enable-mutable-globals", "--enable-nontrapping-float-to-int", "--enable-multivalue",
	"--enable-reference-types",
}

// allSubjects are the modules that are measured, the largest last.
func allSubjects() []*subject {
	return []*subject{
		{
			name: "kernels-O2", about: "examples/c/kernels.c, C", suspend: "env.yield",
			source: inProject("examples", "c", "kernels-O2.wasm"),
			kernels: []kernel{
				k("k_fib", 31, 25), k("k_tak", 150, 8), k("k_queens", 13, 10), k("k_nbody", 200000, 8000), k("k_mandel", 300, 60),
				k("k_matmul", 256, 72), k("k_qsort", 60000, 9000), k("k_trees", 15, 12), k("k_json", 3000, 250), k("k_hash", 500000, 20000),
				k("k_interp_call", 27, 21), k("k_interp_loop", 1000000, 60000), k("k_format", 30000, 3000),
			},
			switches: []call{
				{"sw", []int{1, 2000}},
				{"sw", []int{10, 1000}},
				{"sw", []int{100, 500}},
				{"sw", []int{1000, 100}},
				{"swfat", []int{1, 2000}},
				{"swfat", []int{10, 1000}},
				{"swfat", []int{100, 200}},
				{"swfat", []int{1000, 50}},
			},
		},
		{
			name: "crystal-bench", about: "examples/crystal/bench.cr, Crystal", source: inProject("examples", "crystal", "bench.wasm"),
		},
		{
			name: "zlib-O2", about: "zlib, C; what it unpacks comes from a function that waits", suspend: "env.yield",
			source: fromC(zlibProgram),
			kernels: []kernel{
				k("k_zlib_pack", 300000, 15000), k("k_zlib_pack_fast", 1000000, 30000), k("k_zlib_unpack", 1000000, 40000), k("k_zlib_sums", 640, 15),
			},
			switches: []call{{"sw_zlib", []int{500}}},
		},
		{
			name: "jpeg-O2", about: "libjpeg-turbo, C; what it unpacks comes from a function that waits", suspend: "env.yield",
			source: fromC(jpegProgram),
			kernels: []kernel{
				k("k_jpeg_pack", 512, 32), k("k_jpeg_pack_progressive", 400, 24), k("k_jpeg_unpack", 512, 32), k("k_jpeg_unpack_half", 512, 32),
				k("k_jpeg_unpack_progressive", 512, 24),
			},
			switches: []call{{"sw_jpeg", []int{1000}}},
		},
		{
			name: "lua-O2", about: "Lua 5.4, C; a script calls a function that waits", suspend: "env.yield", source: fromC(luaProgram),
			kernels: []kernel{
				k("k_lua_fib", 28, 18), k("k_lua_spectral", 320, 35), k("k_lua_strs", 30000, 800), k("k_lua_sorts", 45000, 1000),
				k("k_lua_trees", 16, 10),
			},
			switches: []call{{"sw_lua", []int{2000}}},
		},
		{
			name: "micropython", about: "MicroPython, C by Emscripten; a script asks its host for the time, which waits", suspend: "env.yield",
			features: clangFeatures, source: fromPackage(pythonProgram),
			kernels: []kernel{
				k("k_py_fib", 22, 15), k("k_py_sorts", 6000, 500), k("k_py_strs", 6000, 500), k("k_py_dicts", 20000, 1200), k("k_py_trees", 13, 8),
				k("k_py_loops", 10000, 600),
			},
			switches: []call{{"sw_py", []int{1000}}},
		},
		{
			name: "quickjs", about: "QuickJS, C; a script calls a function of its host that waits", suspend: "env.yield",
			features: clangFeatures, source: fromPackage(quickjsProgram),
			kernels: []kernel{
				k("k_js_fib", 23, 16), k("k_js_sorts", 5000, 400), k("k_js_strs", 2000, 200), k("k_js_json", 1500, 120), k("k_js_trees", 12, 8),
				k("k_js_sieve", 20000, 1200),
			},
			switches: []call{{"sw_js", []int{1000}}},
		},
		{
			name: "sqlite-O2", about: "SQLite, C; a query calls a function that waits", suspend: "env.yield", source: fromC(sqliteProgram),
			kernels: []kernel{
				k("k_sql_insert", 2000, 150), k("k_sql_lookup", 2000, 120), k("k_sql_join", 10, 1), k("k_sql_sort", 5000, 400),
				k("k_sql_group", 4, 1), k("k_sql_parse", 1000, 60),
			},
			switches: []call{{"sw_sql", []int{1000}}},
		},
		{
			name: "hello_go", about: "hello world, Go for wasip1", suspend: "wasi_snapshot_preview1.poll_oneoff", source: buildHello,
			features: []string{"--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-bulk-memory"},
		},
	}
}

func inProject(elements ...string) func(lab) (path, from string, err error) {
	return func(lab) (path, from string, err error) { return filepath.Join(elements...), "", nil }
}

func fromC(p cProgram) func(lab) (path, from string, err error) {
	return func(l lab) (path, from string, err error) { return p.build(l.cache, l.clang) }
}

func fromPackage(p packageProgram) func(lab) (path, from string, err error) {
	return func(l lab) (path, from string, err error) { return p.build(l.cache, l.watfiber) }
}

// An origin is where the source of a program comes from.
type origin struct {
	name    string // of the package
	version string // of npm; Debian has one only
}

// fetch returns the folder of the source, and what to call it.
func (o origin) fetch(c cache) (dir, what string, err error) {
	if o.version != "" {
		dir, err = c.npm(o.name, o.version)
		return dir, o.name + " " + o.version + " of npm", err
	}
	dir, version, err := c.debian(o.name)
	return dir, o.name + " " + version + " of Debian", err
}

var (
	zlibProgram = cProgram{
		glue: "zlib.c", from: origin{name: "zlib"},
		sources: []string{"adler32.c", "crc32.c", "deflate.c", "infback.c", "inffast.c", "inftrees.c", "trees.c", "zutil.c"},
	}
	// Without what other files include, and without arithmetic coding.
	jpegProgram = cProgram{
		glue: "jpeg.c", from: origin{name: "libjpeg-turbo"},
		sources: []string{"j[cdfiq]*.c", "jerror.c", "jutils.c", "jmem[mn]*.c", "jsimd_none.c"},
		without: []string{"jcstest.c", "jcarith.c", "jdarith.c", "jccolext.c", "jdcolext.c", "jdmrgext.c", "jdcol565.c", "jdmrg565.c", "jmemname.c"},
	}
	luaProgram = cProgram{
		glue: "lua.c", from: origin{name: "lua5.4"}, include: "src",
		sources: []string{"src/l*.c"},
		without: []string{"lua.c", "luac.c", "linit.c", "liolib.c", "loslib.c", "loadlib.c", "ldblib.c"},
		flags:   []string{"-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS"},
		libs:    []string{"-lwasi-emulated-signal", "-lwasi-emulated-process-clocks"},
	}
	// The package has the source of SQLite in one file.
	sqliteProgram = cProgram{
		glue: "sqlite.c", from: origin{"better-sqlite3", "13.2.0"},
		include: "deps/sqlite3", sources: []string{"deps/sqlite3/sqlite3.c"},
		flags: []string{
			"-DSQLITE_OS_OTHER=1", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_TEMP_STORE=3",
			"-DSQLITE_DEFAULT_MEMSTATUS=0", "-DSQLITE_OMIT_WAL",
		},
	}
	quickjsProgram = packageProgram{from: origin{"quickjs-wasi", "3.6.2"}, module: "quickjs.wasm", glue: "quickjs.wat"}
	pythonProgram  = packageProgram{
		from: origin{"@micropython/micropython-webassembly-pyscript", "1.27.0"}, module: "micropython.wasm", glue: "micropython.wat",
	}
)

const helloSource = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"

// buildHello builds a program in Go for WASI.
func buildHello(l lab) (path, from string, err error) {
	source := filepath.Join(l.work, "hello.go")
	if err := os.WriteFile(source, []byte(helloSource), 0o644); err != nil {
		return "", "", err
	}
	path = filepath.Join(l.work, "hello_go.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, source)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("go build for wasip1 fails: %w: %s", err, out)
	}
	return path, runtime.Version(), nil
}
