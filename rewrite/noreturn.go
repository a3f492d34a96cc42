package rewrite

import (
	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file finds functions that never return: each of their paths ends in a trap, goes
// round for ever, or ends in a call of another such function. They may suspend and be
// resumed all the same. A site that calls one needs no test behind it, since control
// comes back only to unwind; and no local is live there.
//
//	(func $fail (param $why i32)
//	  local.get $why
//	  call $print       ;; may suspend
//	  unreachable
//	)
//
// A suspending import counts as returning, whatever its name: it comes back to unwind,
// and what it does otherwise is the host's affair.

// maxChains bounds the rounds in which functions are looked at again since they call one
// that was found not to return; what is beyond counts as returning, which is safe.
const maxChains = 8

// findNoReturn returns by function whether it never returns.
func findNoReturn(m *wat.Module, calls *callgraph.Calls) []bool {
	never := make([]bool, len(m.Funcs))
	todo := make([]bool, len(m.Funcs))
	for id, f := range m.Funcs {
		todo[id] = f.Import == nil
	}
	for range maxChains {
		found := make([]bool, len(m.Funcs))
		parallel.Do(len(m.Funcs), func() func(int) {
			var scratch wat.Body
			return func(id int) { found[id] = todo[id] && !returns(m.Funcs[id].BodyIn(&scratch), never) }
		})
		clear(todo)
		again := false
		for id := range found {
			if !found[id] {
				continue
			}
			never[id] = true
			calls.Callers(wat.FuncID(id), func(c callgraph.Call) {
				todo[c.Caller] = !never[c.Caller]
				again = again || todo[c.Caller]
			})
		}
		if !again {
			break
		}
	}
	return never
}

// reach follows control through a body, without asking whether conditions can hold.
type reach struct {
	b        *wat.Body
	never    []bool
	here     bool         // control reaches this instruction
	open     []reachFrame // constructs around it
	branched map[int]bool // by opener of a block or if: something branches to its end; made when needed
	returns  bool
}

type reachFrame struct {
	opener  int
	entered bool // control reaches the opener
	split   bool // an else was seen
	arm     bool // control reaches the end of the first arm
}

// returns reports whether a body may return to its caller, if it is known of some
// functions that they never do.
func returns(b *wat.Body, never []bool) bool {
	r := reach{b: b, never: never, here: true}
	for i, in := range b.Instrs {
		r.step(i, in)
		if r.returns {
			return true
		}
	}
	return r.here
}

func (r *reach) step(i int, in wat.Instr) {
	switch in.Op {
	case op.Block, op.Loop, op.If:
		r.open = append(r.open, reachFrame{opener: i, entered: r.here})
	case op.Else:
		top := &r.open[len(r.open)-1]
		top.split, top.arm = true, r.here
		r.here = top.entered
	case op.End:
		top := r.open[len(r.open)-1]
		r.open = r.open[:len(r.open)-1]
		r.here = r.here || top.arm || r.branched[top.opener]
		if r.b.Instrs[top.opener].Op == op.If && !top.split {
			r.here = r.here || top.entered
		}
	case op.Br:
		r.branch(in.Imm)
		r.here = false
	case op.BrIf:
		r.branch(in.Imm)
	case op.BrTable:
		for _, l := range r.b.Words(in) {
			r.branch(l)
		}
		r.here = false
	case op.Return:
		r.returns = r.returns || r.here
		r.here = false
	case op.Unreachable:
		r.here = false
	case op.Call:
		r.here = r.here && !r.never[in.Imm]
	}
}

func (r *reach) branch(label uint64) {
	if !r.here {
		return
	}
	if wat.Label(label) == wat.BodyLabel {
		r.returns = true
		return
	}
	if opener := wat.Label(label).Opener(); r.b.Instrs[opener].Op != op.Loop {
		if r.branched == nil {
			r.branched = map[int]bool{}
		}
		r.branched[opener] = true
	}
}
