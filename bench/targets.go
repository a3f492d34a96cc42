package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A target is what watfiber wants to reach, and what it was measured to reach: each value
// is to be at most the limit, or at least.
type target struct {
	what    string
	limit   float64
	atLeast bool
	values  []value
}

type value struct {
	of string // which module, on which engine
	is float64
}

// misses returns how far a value is from the limit; 1 is at it, more is a miss.
func (t target) misses(v value) float64 {
	if t.atLeast {
		return t.limit / v.is
	}
	return v.is / t.limit
}

// mostValues is how many values a row shows.
const mostValues = 8

// row returns the row of the table: the worst values first.
func (t target) row() []string {
	values := slices.DeleteFunc(slices.Clone(t.values), func(v value) bool { return math.IsNaN(v.is) || math.IsInf(v.is, 0) })
	limit := "at most " + plain(t.limit)
	if t.atLeast {
		limit = "at least " + plain(t.limit)
	}
	if len(values) == 0 {
		return []string{t.what, limit, "not measured", none}
	}
	slices.SortStableFunc(values, func(a, b value) int { return -compareFloats(t.misses(a), t.misses(b)) })
	met := "yes"
	if t.misses(values[0]) > 1 {
		met = "no"
	}
	var cells []string
	for i, v := range values {
		if i == mostValues {
			cells = append(cells, fmt.Sprintf("and %d better ones", len(values)-i))
			break
		}
		cells = append(cells, v.of+" "+number(v.is))
	}
	return []string{t.what, limit, strings.Join(cells, ", "), met}
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// plain returns a number without digits that say nothing.
func plain(v float64) string {
	if math.IsNaN(v) || v == 0 {
		return none
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

func (r *report) targetTable() string {
	var rows [][]string
	for _, t := range slices.Concat(r.sizeTargets(), r.runTargets(), r.switchTargets(), r.buildTargets()) {
		rows = append(rows, t.row())
	}
	return "What we want, and what was measured here, the worst first.\n\n" + table([]string{"target", "limit", "measured", "reached"}, rows)
}

// largeSites is how many call sites a module has where what is fixed does not count.
const largeSites = 1000

func (r *report) sizeTargets() []target {
	sites := target{what: fmt.Sprintf("bytes a call site, modules with more than %d of them", largeSites), limit: 21}
	var twice *target
	if r.tools.faster {
		twice = &target{what: "growth with `--optimize=speed` ÷ growth by default", limit: 2}
	}
	targets := []target{}
	for _, s := range r.measured() {
		if s.sizes.sites > largeSites {
			sites.values = append(sites.values, value{s.name, s.added(ours) / float64(s.sizes.sites)})
		}
		if twice != nil {
			twice.values = append(twice.values, value{s.name, s.growthTo(faster, ours)})
		}
	}
	targets = append(targets, sites)
	for _, name := range r.peers() {
		t := target{what: "growth of the code ÷ that by " + name, limit: 0.33}
		for _, s := range r.measured() {
			t.values = append(t.values, value{s.name, s.growthTo(ours, name)})
		}
		targets = append(targets, t)
	}
	if twice != nil {
		targets = append(targets, *twice)
	}
	return targets
}

// runPrograms are those whose run time has a limit of its own.
var runPrograms = []string{"lua-O2", "sqlite-O2", "quickjs"}

func (r *report) runTargets() []target {
	var targets []target
	add := func(builder, engine string, limit, sqlite float64) {
		t := target{what: "run time, never suspending, mean, " + builder + " on " + engine, limit: limit}
		wider := target{what: t.what + ", SQLite", limit: sqlite}
		for _, s := range r.measured() {
			a, ok := s.times[engine]
			if !ok || !slices.Contains(runPrograms, s.name) {
				continue
			}
			v := value{s.name, geometricMean(medianRatios(a, builder))}
			if s.name == "sqlite-O2" && sqlite != limit {
				wider.values = append(wider.values, v)
			} else {
				t.values = append(t.values, v)
			}
		}
		targets = append(targets, t)
		if sqlite != limit {
			targets = append(targets, wider)
		}
	}
	add(ours, "node 26", 1.15, 1.15)
	add(ours, "wazero", 1.3, 1.5)
	add(ours, "node 20", 1.2, 1.2)
	if r.tools.faster {
		add(faster, "node 26", 1.08, 1.08)
		add(faster, "wazero", 1.2, 1.2)
	}
	for _, name := range r.peers() {
		t := target{what: "overhead when never suspending, mean, ÷ that of " + name, limit: 0.4}
		r.eachAnswer(func(s *subject, e engine, a answer) {
			t.values = append(t.values, value{s.name + " on " + e.name, overheadTo(a, ours, name)})
		})
		targets = append(targets, t)
	}
	return targets
}

// eachAnswer calls f for all modules that an engine has timed.
func (r *report) eachAnswer(f func(*subject, engine, answer)) {
	for _, e := range r.engines {
		for _, s := range r.measured() {
			if a, ok := s.times[e.name]; ok {
				f(s, e, a)
			}
		}
	}
}

func (r *report) switchTargets() []target {
	var targets []target
	for _, name := range r.peers() {
		programs := target{what: "time of a switch in a program ÷ that of " + name, limit: 0.5}
		recursions := target{what: "time of a switch below small and mixed frames ÷ that of " + name, limit: 1}
		frames := target{what: "bytes of a suspended stack ÷ those of " + name, limit: 0.8}
		r.eachAnswer(func(s *subject, e engine, a answer) {
			for i, t := range a.Switches {
				c := s.switches[i]
				v := value{"`" + c.name + "` on " + e.name, t.Samples[ours].ratios(t.Samples[name]).median()}
				if len(c.args) == 1 {
					programs.values = append(programs.values, v)
				} else {
					v.of = fmt.Sprintf("`%s(%d)` on %s", c.name, c.args[0], e.name)
					recursions.values = append(recursions.values, v)
				}
			}
		})
		for _, s := range r.measured() {
			for i, sizes := range s.stackBytes(r.engines) {
				of := "`" + s.switches[i].name + "`"
				if len(s.switches[i].args) > 1 {
					of = fmt.Sprintf("`%s(%d)`", s.switches[i].name, s.switches[i].args[0])
				}
				frames.values = append(frames.values, value{of, float64(sizes[ours]) / float64(sizes[name])})
			}
		}
		targets = append(targets, programs, recursions, frames)
	}
	return targets
}

func (r *report) buildTargets() []target {
	var targets []target
	for _, name := range r.peers() {
		t := target{what: "CPU time of a build by " + name + " ÷ watfiber's, modules above 100 KB", limit: 40, atLeast: true}
		for _, s := range r.measured() {
			if s.sizes.file > 100e3 {
				t.values = append(t.values, value{s.name, cpus(s.builds[name]).ratios(cpus(s.builds[ours])).median()})
			}
		}
		targets = append(targets, t)
	}
	sqlite := target{what: "wall seconds of a build of SQLite, binary to binary", limit: 0.4}
	memory := target{what: "peak memory of a build ÷ (12 times the module and 64 MB)", limit: 1}
	for _, s := range r.measured() {
		if s.name == "sqlite-O2" {
			sqlite.values = append(sqlite.values, value{s.name, walls(s.builds[ours]).median()})
		}
		if peak := peaks(s.builds[ours]).median(); peak > 0 {
			memory.values = append(memory.values, value{s.name, peak / (12*float64(s.sizes.file)/1e6 + 64)})
		}
	}
	return append(targets, sqlite, memory)
}
