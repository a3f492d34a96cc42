package main

import (
	"fmt"
	"math"
	"strings"
)

// A report is everything that was measured.
type report struct {
	tools    tools
	machine  machine
	runs     int
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
	b.WriteString("\n## Size of the code\n\n" + r.sizeTable())
	b.WriteString("\n## Time and memory of a build\n\n" + r.buildTable())
	b.WriteString("\n## Text in, text or binary out\n\n" + r.textTable())
	b.WriteString("\n## Run time of code that does not suspend\n\n" + r.kernelTables())
	b.WriteString("\n## Cost of a switch\n\n" + r.switchTable())
	return b.String()
}

func (r *report) introduction() string {
	m := r.machine
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

watfiber side by side with Binaryen's `+"`wasm-opt --asyncify`"+`, on the same modules with the same imports listed as suspending. This document is written by

    go run ./bench

which needs nothing but Go; node, wasm-opt and a corpus with the module lua-O2.wasm give the rows that need them.

- Date: %s. Machine: %s, %d cores, %s. Load when it began %s, when it ended %s (processes that want to run: above %d, programs have waited for each other).
- Tools: %s.
- Every number is the median of %d runs, with the smallest and the largest in brackets. A run makes one build of each module with each tool, one after the other, so that whatever else the machine does meets all of them. Ratios are taken within a run. Of calls, a sample is the fastest of %d.
`, m.date, m.cpu, m.cores, m.system, m.loadBefore, m.loadAfter, m.cores, strings.Join(r.tools.versions, "; "), r.runs, bestOf)
	if r.tools.peer == "" {
		b.WriteString("- wasm-opt is not installed: its columns are empty.\n")
	}
	for _, e := range r.engines {
		if e.missing != "" {
			fmt.Fprintf(&b, "- Not measured on %s: %s.\n", e.name, e.missing)
		}
	}
	b.WriteString("\n| module | what it is | suspends in |\n|---|---|---|\n")
	for _, s := range r.subjects {
		about := s.about
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

// summary is the figures that the others explain.
func (r *report) summary() string {
	rows := [][]string{}
	for _, s := range r.subjects {
		if s.missing != "" {
			continue
		}
		rows = append(rows, []string{"bytes a call site, " + s.name, bytesPerSite(s.sizes.input, s.sizes.watfiber, s.sizes.sites), bytesPerSite(s.sizes.peerPlain, s.sizes.peer, s.sizes.sites)})
	}
	for _, s := range r.subjects {
		if s.missing != "" {
			continue
		}
		rows = append(rows, []string{"CPU seconds of a build, " + s.name, spread(cpus(s.builds.watfiber)), spread(cpus(s.builds.peer))})
	}
	for _, e := range r.engines {
		for _, s := range r.subjects {
			if a, ok := s.times[e.name]; ok {
				rows = append(rows, []string{"run time, never suspending, " + s.name + " on " + e.name, meanAndWorst(s, a, ours), meanAndWorst(s, a, peer)})
			}
		}
	}
	return table([]string{"", "watfiber", "wasm-opt --asyncify -O2"}, rows) +
		"\nRun time is relative to the module that was the input: the geometric mean over its kernels, and the worst of them.\n"
}

func (r *report) sizeTable() string {
	var rows [][]string
	for _, s := range r.subjects {
		z := s.sizes
		if s.missing != "" {
			rows = append(rows, []string{s.name, s.missing})
			continue
		}
		rows = append(rows, []string{
			s.name, count(z.sites), count(z.input), count(z.watfiber), growth(z.input, z.watfiber), bytesPerSite(z.input, z.watfiber, z.sites),
			count(z.peerPlain), count(z.peer), growth(z.peerPlain, z.peer), bytesPerSite(z.peerPlain, z.peer, z.sites), count(z.peerUnoptimized),
		})
	}
	return table([]string{
		"module", "call sites", "input", "watfiber", "growth", "bytes a site", "wasm-opt -O2", "--asyncify -O2", "growth", "bytes a site", "--asyncify",
	}, rows) + `
Bytes of the code section. The input is encoded anew (` + "`watfiber asm`" + `), because compilers pad numbers. Each tool is compared with its own output without fibers: watfiber does not optimize, ` + "`wasm-opt -O2`" + ` does. Call sites are those that may suspend as watfiber counts them.
`
}

func (r *report) buildTable() string {
	var rows [][]string
	for _, s := range r.subjects {
		if s.missing != "" {
			rows = append(rows, []string{s.name, s.missing})
			continue
		}
		b := s.builds
		for i, quantity := range []struct {
			name string
			of   func([]usage) samples
		}{{"CPU s", cpus}, {"wall s", walls}, {"peak MB", peaks}} {
			name := ""
			if i == 0 {
				name = s.name
			}
			own, optimized, unoptimized := quantity.of(b.watfiber), quantity.of(b.peer), quantity.of(b.peerUnoptimized)
			rows = append(rows, []string{
				name, quantity.name, spread(own), spread(optimized), spread(optimized.ratios(own)), spread(unoptimized), spread(unoptimized.ratios(own)),
			})
		}
	}
	return table([]string{"module", "", "watfiber", "wasm-opt --asyncify -O2", "÷ watfiber", "wasm-opt --asyncify", "÷ watfiber"}, rows) + `
Binary to binary, a process for each build; CPU is user and system time of all threads. Much of the time of ` + "`-O2`" + ` is optimization that watfiber does not do; the last two columns, from one run, are without, which leaves the code as large as the table of sizes says.
`
}

func (r *report) textTable() string {
	var rows [][]string
	for _, s := range r.subjects {
		if s.missing != "" {
			rows = append(rows, []string{s.name, s.missing})
			continue
		}
		b := s.builds
		rows = append(rows, []string{
			s.name, fmt.Sprintf("%.1f", float64(s.sizes.textLength)/1e6),
			spread(walls(b.textToText)), spread(cpus(b.textToText)), spread(walls(b.textToBinary)), spread(cpus(b.textToBinary)),
		})
	}
	return table([]string{"module", "text MB", "text to text, wall s", "CPU s", "text to binary, wall s", "CPU s"}, rows) +
		"\n`watfiber rewrite` and `watfiber build` with text as input. For information: the peer has no such step.\n"
}

func (r *report) kernelTables() string {
	var b strings.Builder
	b.WriteString("Each kernel in the module that was the input, in milliseconds, and how much longer it takes in the rewritten ones, as a ratio. Rewritten modules are those of the table of sizes.\n")
	for _, s := range r.subjects {
		if len(s.kernels) == 0 {
			continue
		}
		if s.missing != "" {
			fmt.Fprintf(&b, "\n%s: %s.\n", s.name, s.missing)
			continue
		}
		header := []string{s.name}
		for _, e := range r.engines {
			header = append(header, e.name+", ms", "watfiber", "wasm-opt")
		}
		var rows [][]string
		for i, c := range s.kernels {
			row := []string{"`" + c.String() + "`"}
			for _, e := range r.engines {
				row = append(row, kernelCells(s.times[e.name], i)...)
			}
			rows = append(rows, row)
		}
		mean := []string{"**geometric mean**"}
		for _, e := range r.engines {
			a := s.times[e.name]
			mean = append(mean, "", "**"+number(geometricMean(medianRatios(a, ours)))+"**", "**"+number(geometricMean(medianRatios(a, peer)))+"**")
		}
		b.WriteString("\n" + table(header, append(rows, mean)))
	}
	return b.String()
}

// kernelCells are the time of a kernel and its ratios on one engine.
func kernelCells(a answer, i int) []string {
	if i >= len(a.Kernels) {
		return []string{none, none, none}
	}
	t := a.Kernels[i].Samples
	ms := make(samples, len(t[original]))
	for i, v := range t[original] {
		ms[i] = v / 1e6
	}
	return []string{spread(ms), spread(t[ours].ratios(t[original])), spread(t[peer].ratios(t[original]))}
}

func (r *report) switchTable() string {
	header := []string{"call"}
	for _, e := range r.engines {
		header = append(header, e.name+": watfiber, ns", "wasm-opt, ns")
	}
	header = append(header, "watfiber, bytes", "wasm-opt, bytes")
	var rows [][]string
	for _, s := range r.subjects {
		for i, c := range s.switches {
			row := []string{"`" + c.String() + "`"}
			sizes := []string{none, none}
			for _, e := range r.engines {
				if a := s.times[e.name]; i < len(a.Switches) {
					t := a.Switches[i]
					row = append(row, spread(t.Samples[ours]), spread(t.Samples[peer]))
					sizes = []string{count(t.Bytes[ours]), count(t.Bytes[peer])}
				} else {
					row = append(row, none, none)
				}
			}
			rows = append(rows, append(row, sizes...))
		}
	}
	return table(header, rows) + `
One suspension and the resumption after it, driver included, and the bytes that the whole stack takes in the buffer. ` + "`sw(depth, rounds)`" + ` suspends below so many frames of four small integers, ` + "`swfat`" + ` below frames with many values of several types, ` + "`sw_lua`" + ` in a function that a Lua script calls.
`
}

// medianRatios returns of each kernel how much longer it takes in a module.
func medianRatios(a answer, builder string) []float64 {
	var ratios []float64
	for _, k := range a.Kernels {
		if m := k.Samples[builder].ratios(k.Samples[original]).median(); !math.IsNaN(m) {
			ratios = append(ratios, m)
		}
	}
	return ratios
}

func meanAndWorst(s *subject, a answer, builder string) string {
	ratios := medianRatios(a, builder)
	if len(ratios) == 0 {
		return none
	}
	worst := 0
	for i, v := range ratios {
		if v > ratios[worst] {
			worst = i
		}
	}
	return fmt.Sprintf("%.2f (%.2f, `%s`)", geometricMean(ratios), ratios[worst], s.kernels[worst].name)
}
