package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// A subject is a module to measure with, and what was measured.
type subject struct {
	name     string
	about    string // what the module is
	path     string
	missing  string // why there is no module; "" if there is one
	suspend  string // the import that suspends; "" if the module has a runtime of its own
	features []string
	kernels  []call
	switches []call

	work   string // folder for what is built
	sizes  sizes
	builds builds
	times  map[string]answer // by engine
}

// sizes are in bytes of code sections; 0 is not measured.
type sizes struct {
	sites           int // calls that may suspend
	input           int // the module, encoded anew: compilers leave room in numbers
	watfiber        int
	peerPlain       int // wasm-opt -O2
	peer            int // wasm-opt --asyncify -O2
	peerUnoptimized int // wasm-opt --asyncify
	textLength      int // of the module as text
}

// builds are what building has taken, run by run.
type builds struct {
	watfiber, peer           []usage
	peerUnoptimized          []usage // wasm-opt --asyncify, without -O2: once
	textToText, textToBinary []usage
}

// A call is a call of an export. The last argument of one that suspends says how
// often it does.
type call struct {
	name string
	args []int
}

// findSubjects locates the modules, and builds the one that is not kept.
func findSubjects(work, corpus string) []*subject {
	subjects := []*subject{
		{
			name: "lua-O2", about: "Lua 5.4, C", suspend: "env.yield",
			kernels: []call{
				{"k_lua_fib", []int{25}}, {"k_lua_spectral", []int{160}}, {"k_lua_strs", []int{10000}},
				{"k_lua_sorts", []int{15000}}, {"k_lua_trees", []int{14}},
			},
			switches: []call{{"sw_lua", []int{5000}}},
		},
		{
			name: "kernels-O2", about: "examples/c/kernels.c, C", suspend: "env.yield", path: filepath.Join("examples", "c", "kernels-O2.wasm"),
			kernels: []call{
				{"k_fib", []int{31}}, {"k_tak", []int{150}}, {"k_queens", []int{13}}, {"k_nbody", []int{200000}}, {"k_mandel", []int{300}},
				{"k_matmul", []int{256}}, {"k_qsort", []int{60000}}, {"k_trees", []int{15}}, {"k_json", []int{3000}}, {"k_hash", []int{500000}},
				{"k_interp_call", []int{27}}, {"k_interp_loop", []int{1000000}}, {"k_format", []int{30000}},
			},
			switches: []call{
				{"sw", []int{1, 5000}}, {"sw", []int{10, 5000}}, {"sw", []int{100, 1000}}, {"sw", []int{1000, 200}},
				{"swfat", []int{10, 5000}}, {"swfat", []int{100, 1000}},
			},
		},
		{
			name: "hello_go", about: "hello world, Go for wasip1", suspend: "wasi_snapshot_preview1.poll_oneoff",
			features: []string{"--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-bulk-memory"},
		},
		{name: "crystal-bench", about: "examples/crystal/bench.cr, Crystal", path: filepath.Join("examples", "crystal", "bench.wasm")},
	}
	subjects[0].path, subjects[0].missing = findModule(corpus, "lua-O2.wasm")
	subjects[2].path, subjects[2].missing = buildHello(work)
	for _, s := range subjects {
		s.work = filepath.Join(work, s.name)
		s.times = map[string]answer{}
	}
	return subjects
}

// findModule returns the path of a file below a folder, or why there is none.
func findModule(folder, name string) (path, missing string) {
	if folder == "" {
		return "", "no corpus: name its folder with --corpus or WATFIBER_CORPUS"
	}
	_ = filepath.WalkDir(folder, func(p string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(p) == name {
			path = p
			return fs.SkipAll
		}
		return nil
	})
	if path == "" {
		return "", "the corpus has no " + name
	}
	return path, ""
}

const helloSource = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"

// buildHello builds a program in Go for WASI.
func buildHello(work string) (path, missing string) {
	source := filepath.Join(work, "hello.go")
	if err := os.WriteFile(source, []byte(helloSource), 0o644); err != nil {
		return "", err.Error()
	}
	path = filepath.Join(work, "hello_go.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, source)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Sprintf("go build for wasip1 fails: %v: %s", err, out)
	}
	return path, ""
}
