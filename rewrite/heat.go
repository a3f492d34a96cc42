package rewrite

import (
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// heat says how often functions run, as far as that can be guessed: as if control walked
// about at random, from each function into those that it calls, loops many times, and
// started anew in any function now and then.
type heat struct {
	functions []*function
	pace      []pace       // by function
	calls     [][]heatCall // by function: whom it calls
	of        []uint64     // by function; oneHeat on average
}

type heatCall struct {
	callee int    // among the functions
	times  uint64 // how often, for a run of the caller
}

const oneHeat = 1 << 16

func newHeat(functions []*function) *heat {
	n := len(functions)
	h := &heat{functions: functions, pace: make([]pace, n), calls: make([][]heatCall, n), of: make([]uint64, n)}
	at := map[wat.FuncID]int{}
	for i, f := range functions {
		at[f.id] = i
		h.of[i] = oneHeat
	}
	inParallel(n, func(i int) {
		f := functions[i]
		h.pace[i] = paceOf(f.fn.Body)
		for _, site := range f.sites {
			if callee, ok := at[site.callee]; ok && !site.indirect && !site.never {
				h.calls[i] = append(h.calls[i], heatCall{callee, h.pace[i].at(site.instr)})
			}
		}
	})
	return h
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

// worth is what a byte of a hot copy of a function saves: the test at its entry, and the
// edges by which a rewind gets to its landings, which are in the way of whoever comes by.
func (h *heat) worth(i int) uint64 {
	f := h.functions[i]
	edges := uint64(2 * once)
	for l := range f.levels {
		for _, t := range l.targets {
			if !t.falls {
				edges += h.pace[i].at(t.at)
			}
		}
	}
	const fine = 1 << 10
	hi, lo := bits.Mul64(h.of[i], edges*fine/uint64(hotBytes(f)))
	if hi > 0 {
		return math.MaxUint64
	}
	return lo
}

// A pace says how often each instruction of a function is taken to be executed when the
// function runs once.
type pace []stretch

// A stretch is a run of instructions, up to the next stretch.
type stretch struct {
	from  int
	times uint64 // in parts of once
}

const (
	once  = 1 << 8
	often = once << 12 // what is executed more often is taken to be executed as often as this

	loopTimes = 8 // how often a loop is taken to go round

	// A loop around a br_table with so many arms is taken for that of an interpreter, in
	// which a program spends its time: it is taken to go round 64 times as often as others,
	// and each arm to be executed each time.
	interpreterArms  = 32
	interpreterTimes = 64
)

// paceOf follows loops, and the arms of br_table, of which each is as likely as the
// others.
//
//	loop $next           ;; 8 times
//	  block $b
//	    block $a
//	      …
//	      br_table $a $b ;; from here to the end of $b 4 times, since that is two arms
//	    end
//	    …
//	  end
//	  br $next           ;; 8 times again
//	end
func paceOf(b *wat.Body) pace {
	p := pace{{0, once}}
	open := []openBlock{{-1, once}}
	for i, in := range b.Instrs {
		times := open[len(open)-1].times
		switch in.Op {
		case op.Block, op.If:
			open = append(open, openBlock{i, times})
		case op.Loop:
			open = append(open, openBlock{i, min(loopTimes*times, often)})
		case op.End:
			open = open[:len(open)-1]
		case op.BrTable:
			splitArms(b, open, b.Words(in))
		}
		if times := open[len(open)-1].times; times != p[len(p)-1].times {
			p = append(p, stretch{i + 1, times})
		}
	}
	return p
}

// An openBlock is a block, loop or if around an instruction, or the body.
type openBlock struct {
	opener int
	times  uint64 // what follows in it is executed, in parts of once
}

// splitArms changes how often what follows a br_table is executed, inside the constructs
// around it. It looks at no more of them than arms pay for, so that nested br_tables take
// linear time.
func splitArms(b *wat.Body, open []openBlock, labels []uint64) {
	arms := slices.Clone(labels)
	slices.Sort(arms)
	arms = slices.Compact(arms)
	around := open[max(0, len(open)-4*len(arms)):]
	if len(arms) >= interpreterArms {
		if loop := innermostLoop(b, around); loop >= 0 {
			for i := loop; i < len(around); i++ {
				around[i].times = min(interpreterTimes*around[i].times, often)
			}
			return
		}
	}
	outer := math.MaxInt
	for _, arm := range arms {
		if label := wat.Label(arm); label != wat.BodyLabel {
			outer = min(outer, label.Opener())
		}
	}
	for i := len(around) - 1; i >= 0 && around[i].opener >= outer; i-- {
		around[i].times = max(around[i].times/uint64(len(arms)), 1)
	}
}

// innermostLoop returns the index of the last loop, -1 if there is none.
func innermostLoop(b *wat.Body, open []openBlock) int {
	for i, o := range slices.Backward(open) {
		if o.opener >= 0 && b.Instrs[o.opener].Op == op.Loop {
			return i
		}
	}
	return -1
}

// at returns how often an instruction is executed.
func (p pace) at(instr int) uint64 {
	return p[sort.Search(len(p), func(k int) bool { return p[k].from > instr })-1].times
}
