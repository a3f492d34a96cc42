package rewrite

import (
	"cmp"
	"slices"
)

// This file chooses the functions that get hot copies: those that are listed, and with
// ForSpeed others. A copy is about as large as its function, so not all can have one:
// together they may take as much as everything else that is inserted. How often a function
// runs is guessed from who calls it and in how many loops: see heat.

// copies reports whether there may be hot copies.
func (o Options) copies() bool { return o.Optimize == ForSpeed || len(o.Hot) > 0 }

// chooseHot is the pass hot. With assertions there are no copies.
func (s *state) chooseHot() error {
	if !s.opts.copies() || s.opts.Asserts {
		return nil
	}
	names := s.m.Names().Funcs
	budget := runtimeBytes
	for _, f := range s.functions {
		budget += insertedBytes(f)
	}
	budget -= budget / 16 // these are estimates
	for _, f := range s.functions {
		if marks(s.listed, int(f.id)) && len(f.sites) > 0 {
			f.hot, f.names = true, names
			budget -= hotBytes(f)
		}
	}
	if s.opts.Optimize != ForSpeed {
		return nil
	}
	h := newHeat(s.functions)
	h.spread()
	order := make([]int, 0, len(s.functions))
	for i, f := range s.functions {
		if len(f.sites) > 0 && !f.hot {
			order = append(order, i)
		}
	}
	worth := make([]uint64, len(s.functions))
	for _, i := range order {
		worth[i] = h.worth(i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
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
