package rewrite

import (
	"sort"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/check"
	"github.com/watfiber/watfiber/wat/op"
)

// A site is a call that may suspend. Sites are numbered from 0 in the order of
// the text, so those inside a construct are a range.
type site struct {
	instr    int        // the call
	callee   wat.FuncID // of a direct call
	indirect bool
	// asks: the callee must be called again with its own arguments, since it is,
	// or may be, an import or a top.
	asks bool
	// never: the callee never returns, but to unwind.
	never bool
	// whole: slots are needed that only few sites need.
	whole bool
	stack []wat.ValType // operands above the base of the innermost block, the top last
}

// findSites finds the sites of a function, and what the operand stack is at each
// of them and at the constructs around them. Code that control cannot reach has
// no sites: validation knows no types there.
//
//	call $f        ;; may suspend: site 0
//	block $done    ;; holds site 1
//	  call $f      ;; site 1
//	end
//	call $g        ;; cannot suspend
func (f *function) findSites() error {
	b := f.fn.Body
	f.matchEnds()
	f.candidates()
	candidates := f.sites
	f.sites = nil
	f.stacks = map[int][]wat.ValType{}
	next := 0 // candidate
	dead := 0 // instructions before this one are inside a construct in unreachable code
	err := check.Func(f.m, f.id, b, func(i int, s *check.Stack) {
		top := s.Frames[len(s.Frames)-1]
		if i == len(b.Instrs) {
			// Dead code may leave results as well, and they would be in the way.
			f.returns = !top.Unreachable || len(s.Values) > top.Height
			return
		}
		isSite := next < len(candidates) && candidates[next].instr == i
		if isSite {
			next++
		}
		opens := f.end[i] != 0 && next < len(candidates) && candidates[next].instr < int(f.end[i])
		switch {
		case !isSite && !opens || i < dead:
		case top.Unreachable:
			dead = max(dead, int(f.end[i]))
		case isSite:
			c := candidates[next-1]
			c.stack = append(c.stack, s.Values[top.Height:]...)
			f.sites = append(f.sites, c)
		default:
			f.stacks[i] = append([]wat.ValType{}, s.Values[top.Height:]...)
		}
	})
	if err != nil {
		return err
	}
	return f.checkPin()
}

// candidates collects the calls that may suspend, reachable or not.
func (f *function) candidates() {
	for _, c := range f.graph.Of(f.id) {
		if f.graph.WhyCall(c).Kind != callgraph.NotSuspending {
			f.sites = append(f.sites, site{
				instr: int(c.Instr), callee: c.Callee, indirect: c.Indirect(), asks: f.graph.Asks(c),
				never: !c.Indirect() && f.graph.never[c.Callee],
			})
		}
	}
}

// firstSite returns the number of the first site at or behind an instruction.
func (f *function) firstSite(instr int) int {
	return sort.Search(len(f.sites), func(k int) bool { return f.sites[k].instr >= instr })
}

// hasSite reports whether there is a site from one instruction up to another.
func (f *function) hasSite(from, to int) bool {
	k := f.firstSite(from)
	return k < len(f.sites) && f.sites[k].instr < to
}

// matchEnds finds the end and the else of every block, loop and if, and how many
// others are around it.
func (f *function) matchEnds() {
	instrs := f.fn.Body.Instrs
	f.end, f.els, f.depth = make([]int32, len(instrs)), make([]int32, len(instrs)), make([]int32, len(instrs))
	var open []int
	for i, in := range instrs {
		switch in.Op {
		case op.Block, op.Loop, op.If:
			f.depth[i] = int32(len(open))
			open = append(open, i)
		case op.Else:
			f.els[open[len(open)-1]] = int32(i)
		case op.End:
			f.end[open[len(open)-1]] = int32(i)
			open = open[:len(open)-1]
		}
	}
}

// typeOf returns the type of a block, loop or if.
func (f *function) typeOf(opener int) wat.FuncType {
	return f.m.BlockTypeOf(wat.BlockType(f.fn.Body.Instrs[opener].Imm))
}

// arity returns how many operands a site consumes.
func (f *function) arity(s site) int {
	in := f.fn.Body.Instrs[s.instr]
	if s.indirect {
		typ, _ := in.Pair()
		return len(f.m.Types[typ].Params) + 1 // and the table index
	}
	return len(f.m.FuncTypeOf(s.callee).Params)
}
