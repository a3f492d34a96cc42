// Command bench measures watfiber side by side with wasm-opt --asyncify, and
// writes what it has found to docs/benchmarks.md.
//
// Run it from the root of the project: go run ./bench. It fetches other versions of the
// tools and the sources of programs into a folder of its own, once. Whatever is missing
// gives rows that say so.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A setup is what the command line asks for.
type setup struct {
	corpus, peer, out, cache string
	programs, parts          list
	runs                     int
	fibers, offline          bool
}

// A list is a flag with several words.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	*l = strings.Split(text, ",")
	return nil
}

// parts are what can be measured alone; the last is that of -fibers.
const (
	partBuilds  = "builds"
	partKernels = "kernels"
	partFibers  = "fibers"
)

var allParts = []string{partBuilds, partKernels, partFibers}

func main() {
	s := setup{}
	document := filepath.Join("docs", "benchmarks.md")
	flag.StringVar(&s.corpus, "corpus", os.Getenv("WATFIBER_CORPUS"), "folder with modules, such as lua-O2.wasm, that are taken as they are, anywhere below")
	flag.StringVar(&s.peer, "peer", "wasm-opt", "the wasm-opt to compare with, beside that of npm")
	flag.StringVar(&s.out, "out", "", "file to write; "+document+", or standard output where -programs or -parts choose")
	flag.StringVar(&s.cache, "cache", defaultCache(), "folder for what is fetched and compiled")
	flag.BoolVar(&s.offline, "offline", false, "fetch nothing: measure with what there is")
	flag.Var(&s.programs, "programs", "only these modules, such as lua-O2,quickjs")
	flag.Var(&s.parts, "parts", "only these parts: "+strings.Join(allParts, ","))
	flag.IntVar(&s.runs, "runs", 5, "runs; medians are reported")
	flag.BoolVar(&s.fibers, "fibers", false, "only measure programs with fibers, and replace that section of the file")
	flag.Parse()
	if err := s.check(document); err != nil || flag.NArg() > 0 {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		flag.Usage()
		os.Exit(2)
	}
	if err := s.run(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// check completes what the command line says, or says what is wrong with it.
func (s *setup) check(document string) error {
	if s.runs < 1 {
		return fmt.Errorf("-runs %d: there has to be one", s.runs)
	}
	known := []string{}
	for _, subject := range allSubjects() {
		known = append(known, subject.name)
	}
	for _, choice := range []struct {
		flag      string
		of, known []string
	}{{"-programs", s.programs, known}, {"-parts", s.parts, allParts}} {
		for _, name := range choice.of {
			if !slices.Contains(choice.known, name) {
				return fmt.Errorf("%s %s: there are %s", choice.flag, name, strings.Join(choice.known, ", "))
			}
		}
	}
	if s.out == "" {
		s.out = document
		if len(s.programs)+len(s.parts) > 0 && !s.fibers {
			s.out = "-"
		}
	}
	return nil
}

// has returns whether a part is to be measured.
func (s setup) has(part string) bool { return len(s.parts) == 0 || slices.Contains(s.parts, part) }

func (s setup) run(progress io.Writer) error {
	machine := describeMachine()
	work, err := os.MkdirTemp("", "watfiber-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stopped
		os.RemoveAll(work)
		os.Exit(1)
	}()
	fmt.Fprintf(progress, "tools and programs, kept in %s\n", s.cache)
	c := cache{s.cache, s.offline, progress}
	tools, err := findTools(work, s.peer, c)
	if err != nil {
		return err
	}
	for _, why := range tools.missing {
		fmt.Fprintf(progress, "  not there: %s\n", why)
	}
	if s.fibers {
		return s.runFibers(tools, work, progress)
	}
	text := ""
	var failures []error
	if s.has(partBuilds) || s.has(partKernels) {
		r := &report{tools: tools, machine: machine, runs: s.runs, kernels: s.has(partKernels)}
		if err := s.measure(r, lab{tools, c, work, s.corpus}, progress); err != nil {
			return err
		}
		text = r.markdown()
		for _, subject := range r.subjects {
			for _, f := range subject.failures {
				failures = append(failures, errors.New(f))
			}
		}
	}
	if s.has(partFibers) {
		shapes, err := measureShapes(tools, work, s.runs, progress)
		if err != nil {
			return err
		}
		text += shapes.markdown()
	}
	return errors.Join(append(failures, s.write(text))...)
}

// measure builds all modules and times them on all engines.
func (s setup) measure(r *report, l lab, progress io.Writer) error {
	r.subjects = findSubjects(l, s.programs)
	fmt.Fprintln(progress, "what builds are compared with")
	if err := prepareAll(l, r.subjects); err != nil {
		return err
	}
	fmt.Fprintln(progress, "builds: sizes and times")
	for run := range s.runs {
		if run > 0 && !s.has(partBuilds) {
			break
		}
		for _, subject := range r.subjects {
			fmt.Fprintf(progress, "  run %d: %s\n", run+1, subject.name)
			if err := subject.build(l, run); err != nil {
				return err
			}
		}
	}
	for _, e := range engines(l.tools) {
		r.engines = append(r.engines, e)
		if !s.has(partKernels) {
			continue
		}
		fmt.Fprintf(progress, "%s: kernels and switches\n", e.name)
		for _, subject := range r.subjects {
			subject.time(e, s.runs)
		}
	}
	r.machine.loadAfter = load()
	return nil
}

// engines are those that modules are timed on.
func engines(t tools) []engine {
	return append(nodeEngines(t), wazeroEngine(), interpreterEngine())
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
	return s.write(replaceShapes(string(document), shapes.markdown()))
}

func (s setup) write(text string) error {
	if s.out == "-" {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(s.out, []byte(text), 0o644)
}
