package main

import (
	"fmt"
	"strings"
)

// A report is everything that was measured.
type report struct {
	tools    tools
	machine  machine
	runs     int
	kernels  bool // engines have timed something
	subjects []*subject
	engines  []engine
}

// none stands in a table for what was not measured.
const none = "–"

// markdown returns the report as a document.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(r.introduction())
	b.WriteString("\n## In short\n\n" + r.summary())
	b.WriteString("\n## Targets\n\n" + r.targetTable())
	b.WriteString("\n## Size of the code\n\n" + r.sizeTable())
	b.WriteString("\n## Time and memory of a build\n\n" + r.buildTable())
	b.WriteString("\n## Text in, text or binary out\n\n" + r.textTable())
	if r.kernels {
		b.WriteString("\n## Run time of code that does not suspend\n\n" + r.meanTable() + r.kernelTables())
		b.WriteString("\n## Cost of a switch\n\n" + r.switchTables())
		b.WriteString("\n## Size of frames\n\n" + r.frameTable())
	}
	return b.String()
}

func (r *report) introduction() string {
	m := r.machine
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

watfiber side by side with Binaryen's `+"`wasm-opt --asyncify`"+`, on the same modules with the same imports listed as suspending. This document is written by

    go run ./bench

which needs nothing but Go. Where there are npm, apt-get and clang-19 it fetches other versions of node and wasm-opt and the sources of programs, which it keeps (`+"`-cache`"+`); what is missing gives rows that say so.

- Date: %s. Machine: %s, %d cores, %s. Load when it began %s, when it ended %s (processes that want to run: above %d, programs have waited for each other).
- Tools: %s.
- Every number is the median of so many runs: %d, with the smallest and the largest in brackets. A run makes one build of each module with each tool, one after the other, so that whatever else the machine does meets all of them; a build that takes more than %d seconds is made in the first run only. Ratios are taken within a run. Of calls, a sample is the fastest of %d (%d on interpreters), and the calls in all modules take turns; on node each is made eight times before. What a call returns is compared with what it returns in the module that was the input, each time.
`, m.date, m.cpu, m.cores, m.system, m.loadBefore, m.loadAfter, m.cores, strings.Join(r.tools.versions, "; "), r.runs, tooLong, bestOf, bestOfLight)
	for _, why := range r.tools.missing {
		fmt.Fprintf(&b, "- Not there: %s.\n", why)
	}
	for _, s := range r.subjects {
		for _, f := range s.failures {
			fmt.Fprintf(&b, "- Failed: %s.\n", strings.ReplaceAll(f, "\n", "; "))
		}
	}
	for _, e := range r.engines {
		if e.missing != "" {
			fmt.Fprintf(&b, "- Not measured on %s: %s.\n", e.name, e.missing)
		}
	}
	b.WriteString("\n| module | what it is | suspends in |\n|---|---|---|\n")
	for _, s := range r.subjects {
		about := s.about
		if s.from != "" {
			about += "; " + s.from
		}
		if s.missing != "" {
			about += "; not measured: " + s.missing
		}
		suspend := "its own runtime, on imports from `asyncify`"
		if s.suspend != "" {
			suspend = "`" + s.suspend + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, about, suspend)
	}
	return b.String()
}

// timed returns the names of who builds what is timed, watfiber first.
func (r *report) timed() []string {
	var names []string
	for _, b := range r.tools.builders() {
		if b.time {
			names = append(names, b.name)
		}
	}
	return names
}

// peers returns the names of those that watfiber is compared with.
func (r *report) peers() []string {
	var names []string
	for _, p := range r.tools.peers {
		names = append(names, p.name)
	}
	return names
}

// measured are the modules that there are.
func (r *report) measured() []*subject {
	var there []*subject
	for _, s := range r.subjects {
		if s.missing == "" {
			there = append(there, s)
		}
	}
	return there
}

// without returns the size that a builder's output is compared with: its own without
// fibers. watfiber does not optimize, so that is the input.
func (s *subject) without(builder string) int {
	if plain, ok := s.sizes.plain[builder]; ok {
		return plain
	}
	return s.sizes.input
}

// summary is the figures that the others explain, a row for each module.
func (r *report) summary() string {
	header := []string{"module", "bytes a call site", "CPU seconds of a build"}
	for _, e := range r.engines {
		header = append(header, "run time, "+e.name)
	}
	var rows [][]string
	for _, s := range r.measured() {
		row := []string{
			s.name,
			r.each(func(name string) float64 { return s.added(name) / float64(s.sizes.sites) }),
			r.each(func(name string) float64 { return cpus(s.builds[name]).median() }),
		}
		for _, e := range r.engines {
			row = append(row, r.each(func(name string) float64 { return geometricMean(medianRatios(s.times[e.name], name)) }))
		}
		rows = append(rows, row)
	}
	return "In each cell: " + strings.Join(r.timed(), " / ") + ". wasm-opt runs as `wasm-opt --asyncify -O2`. Run time is that of code that does not suspend, relative to the module that was the input: the geometric mean over its kernels.\n\n" +
		table(header, rows)
}

// each returns a cell with a number for each builder; one sign if there are none.
func (r *report) each(of func(builder string) float64) string {
	var cells []string
	found := false
	for _, name := range r.timed() {
		cell := number(of(name))
		found = found || cell != none
		cells = append(cells, cell)
	}
	if !found {
		return none
	}
	return strings.Join(cells, " / ")
}
