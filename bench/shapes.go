package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The shapes are small programs that make fibers: see fibers/*.c. They are built from
// the same sources in three ways.
const (
	withLibrary = "fiberlib"
	withPeer    = "C runtime, wasm-opt"
	withOurs    = "C runtime, watfiber"
)

var shapeBuilders = []string{withLibrary, withPeer, withOurs}

// shapeSuite is what is measured on an engine. Most calls take few milliseconds, so that
// some of them run without being interrupted.
func shapeSuite(e engine) []call {
	if e.light {
		return []call{
			{"itersum", []int{0, 5000}},
			{"itersum", []int{1, 5000}},
			{"itersum", []int{10, 2000}},
			{"itersum", []int{100, 300}},
			{"treesum", []int{11}},
			{"sieve", []int{100}},
			{"skynet", []int{1000}},
			{"c10m", []int{1000, 200, 1024}},
			{"state", []int{2000}},
		}
	}
	return []call{
		{"itersum", []int{0, 20000}},
		{"itersum", []int{1, 20000}},
		{"itersum", []int{10, 5000}},
		{"itersum", []int{100, 1000}},
		{"treesum", []int{12}},
		{"sieve", []int{150}},
		{"sieve", []int{2000}},
		{"skynet", []int{10000}},
		{"c10m", []int{40000, 10000, 4096}},
		{"state", []int{10000}},
	}
}

// shapeModules are the shapes with fiberlib and with a runtime of their own, as
// fibers/build.sh makes them.
var (
	libraryShapes = filepath.Join("bench", "fibers", "library.wasm")
	runtimeShapes = filepath.Join("bench", "fibers", "asyncify.wasm")
)

// buildShapes builds the shapes into a folder. Without wasm-opt there is no module of
// it.
func buildShapes(t tools, work string) ([]module, error) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	var built []module
	for _, b := range []struct{ builder, program, file string }{
		{withLibrary, t.watfiber, "library.wasm"}, {withPeer, "", "peer.wasm"}, {withOurs, t.watfiber, "own.wasm"},
	} {
		to := filepath.Join(work, b.file)
		args := []string{"build", "-q", runtimeShapes, "-o", to}
		switch {
		case b.builder == withPeer && len(t.peers) == 0:
			continue
		case b.builder == withLibrary:
			args[2] = libraryShapes
		case b.builder == withPeer:
			b.program = t.peers[0].program
			args = t.peers[0].with(runtimeShapes, "-o", to, "--pass-arg=asyncify-ignore-imports", "--asyncify", "-O2")
		}
		if _, err := measure(b.program, args...); err != nil {
			return nil, err
		}
		built = append(built, module{b.builder, to})
	}
	return built, nil
}

// A shapeReport is what was measured with the shapes.
type shapeReport struct {
	tools   tools
	machine machine
	runs    int
	engines []engine
	sizes   map[string]int    // bytes of code by builder, and of the modules that were the input
	answers map[string]answer // by engine
}

// measureShapes builds the shapes and times them on all engines.
func measureShapes(t tools, work string, runs int, progress io.Writer) (*shapeReport, error) {
	r := &shapeReport{
		tools: t, machine: describeMachine(), runs: runs, sizes: map[string]int{}, answers: map[string]answer{},
		engines: append([]engine{wazeroEngine(), interpreterEngine()}, nodeEngines(t)...),
	}
	modules, err := buildShapes(t, filepath.Join(work, "shapes"))
	if err != nil {
		return nil, err
	}
	for _, m := range append([]module{{libraryShapes, libraryShapes}, {runtimeShapes, runtimeShapes}}, modules...) {
		if r.sizes[m.builder], err = codeBytes(m.path); err != nil {
			return nil, err
		}
	}
	for _, e := range r.engines {
		if e.missing != "" {
			continue
		}
		fmt.Fprintf(progress, "%s: programs with fibers\n", e.name)
		a, err := e.time(task{modules: modules, shapes: shapeSuite(e), runs: runs, best: e.best()})
		if err != nil {
			return nil, fmt.Errorf("shapes on %s: %w", e.name, err)
		}
		r.answers[e.name] = a
	}
	r.machine.loadAfter = load()
	return r, nil
}

// replaceShapes puts the section about fibers in place of the one that a document has,
// or behind its end.
func replaceShapes(document, section string) string {
	at := strings.Index(document, shapeHeading)
	if at < 0 {
		return strings.TrimRight(document, "\n") + "\n" + section
	}
	rest := ""
	if next := strings.Index(document[at+len(shapeHeading):], "\n## "); next >= 0 {
		rest = document[at+len(shapeHeading)+next:]
	}
	return document[:at] + section + rest
}
