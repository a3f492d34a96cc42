// Command bench measures watfiber side by side with wasm-opt --asyncify, and
// writes what it has found to docs/benchmarks.md.
//
// Run it from the root of the project: go run ./bench. Tools and modules that are
// missing give rows that say so.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A setup is what the command line asks for.
type setup struct {
	corpus, peer, out string
	runs              int
	fibers            bool
}

func main() {
	var s setup
	flag.StringVar(&s.corpus, "corpus", os.Getenv("WATFIBER_CORPUS"), "folder with the module lua-O2.wasm, anywhere below")
	flag.StringVar(&s.peer, "peer", "wasm-opt", "the wasm-opt to compare with")
	flag.StringVar(&s.out, "out", filepath.Join("docs", "benchmarks.md"), "file to write")
	flag.IntVar(&s.runs, "runs", 5, "runs; medians are reported")
	flag.BoolVar(&s.fibers, "fibers", false, "only measure programs with fibers, and replace that section of the file")
	flag.Parse()
	if flag.NArg() > 0 || s.runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := s.run(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (s setup) run(progress io.Writer) error {
	work, err := os.MkdirTemp("", "watfiber-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	tools, err := findTools(work, s.peer)
	if err != nil {
		return err
	}
	if s.fibers {
		return s.runFibers(tools, work, progress)
	}
	report := &report{tools: tools, machine: describeMachine(), runs: s.runs}
	subjects := findSubjects(work, s.corpus)
	fmt.Fprintln(progress, "builds: sizes and times")
	for run := range s.runs {
		for _, subject := range subjects {
			fmt.Fprintf(progress, "  run %d: %s\n", run+1, subject.name)
			if err := subject.build(tools, run == 0); err != nil {
				return err
			}
		}
	}
	report.subjects = subjects
	for _, e := range []engine{nodeEngine(tools), wazeroEngine()} {
		fmt.Fprintf(progress, "%s: kernels and switches\n", e.name)
		for _, subject := range subjects {
			if err := subject.time(e, s.runs); err != nil {
				return err
			}
		}
		report.engines = append(report.engines, e)
	}
	report.machine.loadAfter = load()
	shapes, err := measureShapes(tools, work, s.runs, progress)
	if err != nil {
		return err
	}
	return os.WriteFile(s.out, []byte(report.markdown()+shapes.markdown()), 0o644)
}

// runFibers measures programs with fibers, and leaves the rest of the document as it is.
func (s setup) runFibers(t tools, work string, progress io.Writer) error {
	document, err := os.ReadFile(s.out)
	if err != nil {
		return err
	}
	shapes, err := measureShapes(t, work, s.runs, progress)
	if err != nil {
		return err
	}
	return os.WriteFile(s.out, []byte(replaceShapes(string(document), shapes.markdown())), 0o644)
}

// tools are the programs that are measured; "" for one that is missing.
type tools struct {
	watfiber, peer, node string
	versions             []string // of all tools that there are
}

// findTools builds watfiber and looks for the others.
func findTools(work, peer string) (tools, error) {
	t := tools{watfiber: filepath.Join(work, "watfiber")}
	if out, err := exec.Command("go", "build", "-o", t.watfiber, "./cmd/watfiber").CombinedOutput(); err != nil {
		return t, fmt.Errorf("go build ./cmd/watfiber (from the root of the project?): %w\n%s", err, out)
	}
	t.peer, _ = exec.LookPath(peer)
	t.node, _ = exec.LookPath("node")
	t.versions = toolVersions(t)
	return t, nil
}
