package rewrite

import (
	"math/bits"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A bitset is a set of locals.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

func (b bitset) add(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) remove(i int) { b[i/64] &^= 1 << (i % 64) }

// common returns how many elements two sets have in common, and one of them.
func (b bitset) common(c bitset) (one, n int) {
	for i, w := range c {
		if w &= b[i]; w != 0 {
			one = i*64 + bits.TrailingZeros64(w)
			n += bits.OnesCount64(w)
		}
	}
	return one, n
}

// union adds c to b and reports whether b has grown.
func (b bitset) union(c bitset) bool {
	grown := false
	for i, w := range c {
		grown = grown || w&^b[i] != 0
		b[i] |= w
	}
	return grown
}

// each calls yield with the members in ascending order.
func (b bitset) each(yield func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(i*64 + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

// findLive finds the locals that are read behind each site before they are set
// again.
//
//	local.set $a
//	local.set $b
//	call $f        ;; live: $a
//	local.get $a
//	local.set $b
//	local.get $b
//
// It walks the body backwards, once more for each time that what is live at the
// head of a loop has grown, which is seldom more than twice; at maxRounds it takes
// all locals that are ever read to be live at the heads, which is safe. Locals
// are looked at windowSize at a time, so the memory that a round takes is
// proportional to the depth of the blocks and the number of loops.
func (f *function) findLive(at func(site int, first int, live bitset)) {
	n := 0 // locals behind the last that is read are never live
	for _, in := range f.fn.Body.Instrs {
		if in.Op == op.LocalGet {
			n = max(n, int(in.Imm)+1)
		}
	}
	for first := 0; first < n; first += windowSize {
		w := liveWindow{f: f, first: first, size: min(windowSize, n-first), heads: map[int]bitset{}}
		w.solve()
		w.walk(at)
	}
}

const (
	windowSize = 4096 // locals
	maxRounds  = 8
)

// liveWindow solves liveness for the locals from first on.
type liveWindow struct {
	f           *function
	first, size int
	live        bitset
	heads       map[int]bitset // by loop: what is live at its head
	stack       []liveFrame
	free        []bitset
	grown       bool
}

// liveFrame is a construct that the walk backwards is inside of.
type liveFrame struct {
	after bitset // live behind the end
	els   bitset // live at the start of the else arm
}

func (w *liveWindow) solve() {
	for round := 0; ; round++ {
		w.grown = false
		w.walk(nil)
		if !w.grown {
			return
		}
		if round == maxRounds {
			break
		}
	}
	read := newBitset(w.size)
	for _, in := range w.f.fn.Body.Instrs {
		if i := int(in.Imm) - w.first; in.Op == op.LocalGet && i >= 0 && i < w.size {
			read.add(i)
		}
	}
	for _, head := range w.heads {
		head.union(read)
	}
}

// walk goes backwards over the body. With at it reports what is live behind the
// sites.
func (w *liveWindow) walk(at func(int, int, bitset)) {
	b := w.f.fn.Body
	w.live = newBitset(w.size)
	site := len(w.f.sites) - 1
	for i := len(b.Instrs) - 1; i >= 0; i-- {
		in := b.Instrs[i]
		switch in.Op {
		case op.LocalGet:
			if l := int(in.Imm) - w.first; l >= 0 && l < w.size {
				w.live.add(l)
			}
		case op.LocalSet, op.LocalTee:
			if l := int(in.Imm) - w.first; l >= 0 && l < w.size {
				w.live[l/64] &^= 1 << (l % 64)
			}
		case op.End, op.Else, op.Block, op.Loop, op.If:
			w.construct(i, in)
		case op.Br:
			w.setLive(w.label(wat.Label(in.Imm)))
		case op.BrIf:
			w.live.union(w.label(wat.Label(in.Imm)))
		case op.BrTable:
			w.branchTable(b.Words(in))
		case op.Return, op.Unreachable:
			clear(w.live)
		case op.Call, op.CallIndirect:
			if site >= 0 && w.f.sites[site].instr == i {
				if w.f.sites[site].never {
					clear(w.live)
				}
				if at != nil {
					at(site, w.first, w.live)
				}
				site--
			}
		}
	}
}

func (w *liveWindow) setLive(to bitset) {
	if to == nil {
		clear(w.live)
		return
	}
	copy(w.live, to)
}

// label returns what is live at the target of a branch, nil for nothing.
func (w *liveWindow) label(l wat.Label) bitset {
	if l == wat.BodyLabel {
		return nil
	}
	opener := l.Opener()
	if w.f.fn.Body.Instrs[opener].Op == op.Loop {
		return w.heads[opener]
	}
	return w.stack[w.f.depth[opener]].after
}

// branchTable makes live what is live at any of the labels.
func (w *liveWindow) branchTable(labels []uint64) {
	clear(w.live)
	last := uint64(wat.BodyLabel)
	for _, l := range labels {
		if l != last {
			w.live.union(w.label(wat.Label(l)))
			last = l
		}
	}
}

// construct enters a construct at its end and leaves it at its opener.
func (w *liveWindow) construct(i int, in wat.Instr) {
	switch in.Op {
	case op.End:
		w.stack = append(w.stack, liveFrame{after: w.copyLive()})
	case op.Else:
		top := &w.stack[len(w.stack)-1]
		top.els = w.copyLive()
		copy(w.live, top.after)
	default:
		top := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		switch in.Op {
		case op.If:
			if top.els != nil {
				w.live.union(top.els)
				w.free = append(w.free, top.els)
			} else {
				w.live.union(top.after)
			}
		case op.Loop:
			if w.heads[i] == nil {
				w.heads[i] = newBitset(w.size)
			}
			w.grown = w.heads[i].union(w.live) || w.grown
		}
		w.free = append(w.free, top.after)
	}
}

func (w *liveWindow) copyLive() bitset {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		copy(b, w.live)
		return b
	}
	return append(bitset(nil), w.live...)
}
