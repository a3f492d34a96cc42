package main

import (
	"fmt"
	"math"
)

func (r *report) sizeTable() string {
	header := []string{"module", "call sites", "input"}
	for _, name := range r.timed() {
		if r.isPeer(name) {
			header = append(header, name+" -O2", "--asyncify -O2")
		} else {
			header = append(header, name)
		}
		header = append(header, "growth", "bytes a site")
	}
	for _, name := range r.peers() {
		header = append(header, "growth ÷ "+name+"’s")
	}
	header = append(header, "--asyncify without -O2")
	var rows [][]string
	for _, s := range r.subjects {
		z := s.sizes
		if s.missing != "" {
			rows = append(rows, []string{s.name, "not measured"})
			continue
		}
		row := []string{s.name, count(z.sites), count(z.input)}
		for _, name := range r.timed() {
			if r.isPeer(name) {
				row = append(row, count(z.plain[name]))
			}
			row = append(row, count(z.built[name]), growth(s.without(name), z.built[name]), bytesPerSite(s.without(name), z.built[name], z.sites))
		}
		for _, name := range r.peers() {
			row = append(row, number(s.growthTo(ours, name)))
		}
		rows = append(rows, append(row, count(z.built[unoptimized])))
	}
	return table(header, rows) + `
Bytes of the code section. The input is encoded anew (` + "`watfiber asm`" + `), because compilers pad numbers. Each tool is compared with its own output without fibers: watfiber does not optimize, ` + "`wasm-opt -O2`" + ` does. Call sites are those that may suspend as watfiber counts them.
`
}

func (r *report) isPeer(name string) bool {
	for _, p := range r.tools.peers {
		if p.name == name {
			return true
		}
	}
	return false
}

// added returns by how many bytes a builder has made the code larger.
func (s *subject) added(builder string) float64 {
	if s.sizes.built[builder] == 0 {
		return math.NaN()
	}
	return float64(s.sizes.built[builder] - s.without(builder))
}

// growthTo returns the bytes that one builder adds divided by those that another adds.
func (s *subject) growthTo(builder, other string) float64 { return s.added(builder) / s.added(other) }

func (r *report) buildTable() string {
	header := []string{"module", "", ours}
	for _, b := range r.tools.builders()[1:] {
		header = append(header, b.name, "÷ "+ours)
	}
	var rows [][]string
	for _, s := range r.subjects {
		if s.missing != "" {
			rows = append(rows, []string{s.name, "not measured"})
			continue
		}
		for i, quantity := range []struct {
			name string
			of   func([]usage) samples
		}{{"CPU s", cpus}, {"wall s", walls}, {"peak MB", peaks}} {
			name := ""
			if i == 0 {
				name = s.name
			}
			own := quantity.of(s.builds[ours])
			row := []string{name, quantity.name, spread(own)}
			for _, b := range r.tools.builders()[1:] {
				other := quantity.of(s.builds[b.name])
				row = append(row, spread(other), spread(other.ratios(own)))
			}
			rows = append(rows, row)
		}
	}
	return table(header, rows) + fmt.Sprintf(`
Binary to binary, a process for each build; CPU is user and system time of all threads. Much of the time of `+"`-O2`"+` is optimization that watfiber does not do; the last two columns, from one run, are without, which leaves the code as large as the table of sizes says. wasm-opt of npm is compiled to WebAssembly and runs on node: its time and memory are those of that build%s.
`, r.peerSource())
}

// peerSource says which peer is that of npm.
func (r *report) peerSource() string {
	for _, p := range r.tools.peers {
		if len(p.args) > 0 {
			return ", " + p.name
		}
	}
	return ", which was not measured"
}

func (r *report) textTable() string {
	var rows [][]string
	for _, s := range r.subjects {
		if s.missing != "" {
			rows = append(rows, []string{s.name, "not measured"})
			continue
		}
		rows = append(rows, []string{
			s.name, fmt.Sprintf("%.1f", float64(s.sizes.textLength)/1e6),
			spread(walls(s.textToText)), spread(cpus(s.textToText)), spread(walls(s.textToBinary)), spread(cpus(s.textToBinary)),
		})
	}
	return table([]string{"module", "text MB", "text to text, wall s", "CPU s", "text to binary, wall s", "CPU s"}, rows) +
		"\n`watfiber rewrite` and `watfiber build` with text as input. For information: the peer has no such step.\n"
}
