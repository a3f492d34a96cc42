package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// meanTable has the means of all programs on all engines.
func (r *report) meanTable() string {
	header := append([]string{"engine", "module"}, r.timed()...)
	for _, name := range r.peers() {
		header = append(header, "overhead ÷ "+name+"’s")
	}
	var rows [][]string
	for _, e := range r.engines {
		for _, s := range r.measured() {
			a, ok := s.times[e.name]
			if !ok {
				continue
			}
			row := []string{e.name, s.name}
			for _, name := range r.timed() {
				row = append(row, meanAndWorst(a, s.kernelsOn(e), name))
			}
			for _, name := range r.peers() {
				row = append(row, number(overheadTo(a, ours, name)))
			}
			rows = append(rows, row)
		}
	}
	return "How much longer code takes that does not suspend than in the module that was the input: the geometric mean over the kernels of a program, and the worst of them. Overhead is what is above 1.\n\n" +
		table(header, rows)
}

// overheadTo returns the overhead in the module of one builder divided by that in
// another's; NaN where the other has next to none.
func overheadTo(a answer, builder, other string) float64 {
	own, others := geometricMean(medianRatios(a, builder))-1, geometricMean(medianRatios(a, other))-1
	if others < 0.02 {
		return math.NaN()
	}
	return own / others
}

// kernelTables has a table of all kernels for each engine.
func (r *report) kernelTables() string {
	var b strings.Builder
	b.WriteString("\nEach kernel in the module that was the input, in milliseconds, and how much longer it takes in the rewritten ones. JSPI is the input itself, called so that JavaScript could switch its stack for a promise.\n")
	for _, e := range r.engines {
		if e.missing != "" {
			continue
		}
		names := r.timedOn(e, stackSwitching)
		var rows [][]string
		for _, s := range r.measured() {
			for i, c := range s.kernelsOn(e) {
				if a := s.times[e.name]; i < len(a.Kernels) {
					rows = append(rows, kernelRow(s.name, c, a.Kernels[i].Samples, names))
				}
			}
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s", e.name, table(append([]string{"module", "kernel", "ms"}, names...), rows))
	}
	return b.String()
}

func kernelRow(module string, c call, t map[string]samples, names []string) []string {
	ms := make(samples, len(t[original]))
	for i, v := range t[original] {
		ms[i] = v / 1e6
	}
	row := []string{module, "`" + c.String() + "`", spread(ms)}
	for _, name := range names {
		row = append(row, spread(t[name].ratios(t[original])))
	}
	return row
}

// timedOn returns the builders that are timed, and those of more that an engine has timed.
func (r *report) timedOn(e engine, more ...string) []string {
	names := r.timed()
	for _, name := range more {
		if r.hasSamples(e, name) {
			names = append(names, name)
		}
	}
	return names
}

// hasSamples returns whether an engine has timed something of a builder.
func (r *report) hasSamples(e engine, builder string) bool {
	for _, s := range r.subjects {
		for _, t := range slices.Concat(s.times[e.name].Kernels, s.times[e.name].Switches) {
			if len(t.Samples[builder]) > 0 {
				return true
			}
		}
	}
	return false
}

// switchTables has a table for each engine.
func (r *report) switchTables() string {
	var b strings.Builder
	b.WriteString("One suspension and the resumption after it, driver included, in nanoseconds. `sw(depth, rounds)` suspends below so many frames of four small integers, `swfat` below frames with many values of several types, the others where the first table of this document says. JSPI is the module that was the input, whose stack JavaScript switches; it has to wait for a promise each time, so that there is a column with watfiber's module in a driver that waits for the same promise.\n")
	for _, e := range r.engines {
		if e.missing != "" {
			continue
		}
		names := r.timedOn(e, awaited, stackSwitching)
		header := append([]string{"call"}, names...)
		for _, name := range r.peers() {
			header = append(header, "÷ "+name)
		}
		var rows [][]string
		for _, s := range r.measured() {
			for i, c := range s.switchesOn(e) {
				a := s.times[e.name]
				if i >= len(a.Switches) {
					continue
				}
				t := a.Switches[i].Samples
				row := []string{"`" + c.String() + "`"}
				for _, name := range names {
					row = append(row, spread(t[name]))
				}
				for _, name := range r.peers() {
					row = append(row, spread(t[ours].ratios(t[name])))
				}
				rows = append(rows, row)
			}
		}
		fmt.Fprintf(&b, "\n### Switches on %s\n\n%s", e.name, table(header, rows))
	}
	return b.String()
}

// frameTable has what is the same on all engines, from the first that has it.
func (r *report) frameTable() string {
	names := r.timed()
	header := append([]string{"call"}, names...)
	for _, name := range r.peers() {
		header = append(header, "÷ "+name)
	}
	var rows [][]string
	for _, s := range r.measured() {
		sizes := s.stackBytes(r.engines)
		if len(sizes) == 0 {
			continue
		}
		add := func(what string, of func(builder string) float64) {
			row := []string{what}
			for _, name := range names {
				row = append(row, plain(of(name)))
			}
			for _, name := range r.peers() {
				row = append(row, number(of(ours)/of(name)))
			}
			rows = append(rows, row)
		}
		for i, c := range s.switches {
			add("`"+c.String()+"`", func(name string) float64 { return float64(sizes[i][name]) })
		}
		for _, function := range []string{"sw", "swfat"} {
			if low, high, ok := ends(s.switches, function); ok {
				add("a frame of `"+function+"`", func(name string) float64 {
					between := s.switches[high].args[0] - s.switches[low].args[0]
					return float64(sizes[high][name]-sizes[low][name]) / float64(between)
				})
			}
		}
	}
	return table(header, rows) + "\nBytes that the whole stack takes in the buffer while it is suspended. A frame is the difference between the deepest and the flattest recursion.\n"
}

// stackBytes returns for each switch the bytes in the buffer by builder.
func (s *subject) stackBytes(engines []engine) []map[string]int {
	for _, e := range engines {
		if a := s.times[e.name]; len(a.Switches) == len(s.switches) {
			var sizes []map[string]int
			for _, t := range a.Switches {
				sizes = append(sizes, t.Bytes)
			}
			return sizes
		}
	}
	return nil
}

// ends returns which calls of a function have the smallest and the largest depth.
func ends(calls []call, function string) (low, high int, ok bool) {
	low, high = -1, -1
	for i, c := range calls {
		if c.name != function || len(c.args) < 2 {
			continue
		}
		if low < 0 || c.args[0] < calls[low].args[0] {
			low = i
		}
		if high < 0 || c.args[0] > calls[high].args[0] {
			high = i
		}
	}
	return low, high, low != high
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

func meanAndWorst(a answer, kernels []call, builder string) string {
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
	return fmt.Sprintf("%.2f (%.2f, `%s`)", geometricMean(ratios), ratios[worst], kernels[worst].name)
}
