package rewrite

import (
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file chooses the functions that get hot copies. A copy is about as large as its
// function, so not all can have one: together they may take as much as everything else that
// is inserted. How often a function runs is guessed from who calls it and in how many
// loops.

// chooseHot is the pass hot. With assertions there are no copies.
func (s *state) chooseHot() error {
	if s.opts.Optimize != ForSpeed || s.opts.Asserts {
		return nil
	}
	budget := runtimeBytes
	for _, f := range s.functions {
		budget += insertedBytes(f)
	}
	budget -= budget / 8 // these are estimates
	h := newHeat(s.functions)
	h.spread()
	order := make([]int, 0, len(s.functions))
	for i, f := range s.functions {
		if len(f.sites) > 0 {
			order = append(order, i)
		}
	}
	gains := make([]uint64, len(s.functions))
	for _, i := range order {
		gains[i] = h.gain(i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		// The product with the size of the other compares gains per byte.
		x, y := gains[a]*uint64(hotBytes(s.functions[b])), gains[b]*uint64(hotBytes(s.functions[a]))
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	names := s.m.Names().Funcs
	for _, i := range order {
		f := s.functions[i]
		if bytes := hotBytes(f); bytes <= budget {
			f.hot, f.names = true, names
			budget -= bytes
		}
	}
	return nil
}

// runtimeBytes is about how large the routines and the functions of the ABI are.
const runtimeBytes = 600

// insertedBytes is about how much is inserted into a function.
func insertedBytes(f *function) int { return 12 + 4*len(f.frame.slots) + 16*len(f.sites) }

// hotBytes is about how large the hot copy of a function is, with the call of it.
func hotBytes(f *function) int {
	return 30 + 9*len(f.fn.Body.Instrs)/4 + 2*len(f.frame.slots) + 7*len(f.sites)
}

// heat says how often functions run, as far as that can be guessed: as if control walked
// about at random, from each function into those that it calls, loops many times, and
// started anew in any function now and then.
type heat struct {
	functions []*function
	calls     [][]heatCall // by function: whom it calls
	of        []uint64     // by function; oneHeat on average
}

type heatCall struct {
	callee int    // among the functions
	times  uint64 // how often, for a run of the caller
}

const (
	oneHeat   = 1 << 16
	loopTimes = 8 // how often a loop is taken to go round
	maxLoops  = 3 // loops around a call that count
)

func newHeat(functions []*function) *heat {
	h := &heat{functions: functions, calls: make([][]heatCall, len(functions)), of: make([]uint64, len(functions))}
	at := map[wat.FuncID]int{}
	for i, f := range functions {
		at[f.id] = i
		h.of[i] = oneHeat
	}
	inParallel(len(functions), func(i int) {
		f := functions[i]
		for k, times := range f.siteTimes() {
			if callee, ok := at[f.sites[k].callee]; ok && !f.sites[k].indirect && !f.sites[k].never {
				h.calls[i] = append(h.calls[i], heatCall{callee, times})
			}
		}
	})
	return h
}

// siteTimes returns how often each site is taken to be reached when a function runs.
func (f *function) siteTimes() []uint64 {
	times := make([]uint64, 0, len(f.sites))
	var loops []int // where those end that are around an instruction
	for i, in := range f.fn.Body.Instrs {
		if n := len(loops); n > 0 && loops[n-1] == i {
			loops = loops[:n-1]
		}
		if in.Op == op.Loop {
			loops = append(loops, int(f.end[i]))
		}
		if k := len(times); k < len(f.sites) && f.sites[k].instr == i {
			times = append(times, timesIn(len(loops)))
		}
	}
	return times
}

// timesIn returns how often something in so many loops is taken to happen.
func timesIn(loops int) uint64 {
	times := uint64(1)
	for range min(loops, maxLoops) {
		times *= loopTimes
	}
	return times
}

// spread lets functions heat those that they call.
func (h *heat) spread() {
	const rounds = 16
	for range rounds {
		next := make([]uint64, len(h.of))
		for i, calls := range h.calls {
			next[i] += oneHeat / 8
			var all uint64
			for _, c := range calls {
				all += c.times
			}
			for _, c := range calls {
				next[c.callee] += h.of[i] / 8 * 7 * c.times / all
			}
		}
		h.of = next
	}
}

// gain is what a hot copy of a function saves: the test at its entry, and the edges by
// which a rewind gets to its landings, which are in the way of whoever comes by.
func (h *heat) gain(i int) uint64 {
	edges := uint64(2)
	type inner struct {
		level *level
		loops int
	}
	f := h.functions[i]
	for todo := []inner{{f.body, 0}}; len(todo) > 0; {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, t := range l.level.targets {
			if !t.falls {
				edges += timesIn(l.loops)
			}
			loops := l.loops
			if f.fn.Body.Instrs[t.at].Op == op.Loop {
				loops++
			}
			for _, in := range t.inner {
				todo = append(todo, inner{in, loops})
			}
		}
	}
	return h.of[i] * edges
}
