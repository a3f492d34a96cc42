package check

import (
	"fmt"
	"sort"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A Stack is the operand stack before an instruction.
type Stack struct {
	// Values are the types of the operands, the top last; 0 is an operand of
	// unknown type, which only unreachable code has.
	Values []wat.ValType
	// Frames are the open blocks, the body itself first.
	Frames []Frame
}

// A Frame is the body itself or a block, loop or if that is open.
type Frame struct {
	Opener      int     // instruction that opened it, -1 for the body
	Op          op.Code // block, loop, if or else; block for the body
	Type        wat.FuncType
	Height      int  // of the operand stack below its parameters
	Unreachable bool // control does not get to the instruction at hand
}

// labelTypes are the operands of a branch to the frame.
func (f *Frame) labelTypes() []wat.ValType {
	if f.Op == op.Loop {
		return f.Type.Params
	}
	return f.Type.Results
}

// bodyChecker checks one body after the other.
type bodyChecker struct {
	m        *wat.Module
	declared []bool // functions that ref.func may name; nil for all
	visit    func(int, *Stack)

	Stack
	seq     *wat.Body // the body at hand
	at      int       // the instruction at hand, in seq
	locals  locals
	place   []int32  // by opener: its place in Frames
	scratch wat.Body // of a function whose body is packed
	problem *wat.Error
}

// function checks a function, whose body is b.
func (c *bodyChecker) function(f *wat.Func, b *wat.Body) *wat.Error {
	sig := c.m.Types[f.Type].FuncType
	c.locals.set(sig.Params, f.Locals)
	return c.body(b, f.Span, sig.Results)
}

// body checks a sequence of instructions that leaves results.
func (c *bodyChecker) body(b *wat.Body, span wat.Span, results []wat.ValType) *wat.Error {
	c.seq, c.problem = b, nil
	c.Values, c.Frames = c.Values[:0], c.Frames[:0]
	if len(c.place) < len(b.Instrs) {
		c.place = make([]int32, len(b.Instrs)+len(b.Instrs)/2)
	}
	c.push(Frame{Opener: -1, Op: op.Block, Type: wat.FuncType{Results: results}})
	for i, in := range b.Instrs {
		c.at = i
		if c.visit != nil {
			c.visit(i, &c.Stack)
		}
		c.instr(in)
		if c.problem != nil {
			return c.problem
		}
	}
	c.at = len(b.Instrs)
	if c.visit != nil {
		c.visit(c.at, &c.Stack)
	}
	c.popFrame()
	if c.problem != nil {
		if c.problem.Span == (wat.Span{}) {
			c.problem.Span = span
		}
		return c.problem
	}
	return nil
}

// fail reports a problem with the instruction at hand; the first one counts.
func (c *bodyChecker) fail(code wat.Code, format string, args ...any) {
	if c.problem != nil {
		return
	}
	c.problem = &wat.Error{Source: c.m.Source, Code: code, Msg: fmt.Sprintf(format, args...)}
	if c.at < len(c.seq.Instrs) {
		c.problem.Span = instrSpan(c.seq.Instrs[c.at])
	} else if end := c.seq.Span.End; end > 0 {
		c.problem.Span = wat.Span{Start: end, End: end + 1}
	}
}

// what names the instruction at hand.
func (c *bodyChecker) what() string {
	if c.at < len(c.seq.Instrs) {
		return c.seq.Instrs[c.at].Op.String()
	}
	return "the end"
}

// Operands.

func (c *bodyChecker) pushValue(t wat.ValType) { c.Values = append(c.Values, t) }

func (c *bodyChecker) pushValues(types []wat.ValType) { c.Values = append(c.Values, types...) }

// pop takes an operand that must have the wanted type; 0 takes any.
func (c *bodyChecker) pop(want wat.ValType) wat.ValType {
	f := &c.Frames[len(c.Frames)-1]
	if len(c.Values) == f.Height {
		if !f.Unreachable {
			c.missing(want)
		}
		return want
	}
	t := c.Values[len(c.Values)-1]
	if t != want && t != 0 && want != 0 {
		c.mismatch(want, t)
	}
	c.Values = c.Values[:len(c.Values)-1]
	if t == 0 {
		return want
	}
	return t
}

func (c *bodyChecker) missing(want wat.ValType) {
	if want == 0 {
		c.fail(wat.ErrType, "type mismatch: %s expects an operand, the stack is empty here", c.what())
		return
	}
	c.fail(wat.ErrType, "type mismatch: %s expects %s, the stack is empty here", c.what(), want)
}

func (c *bodyChecker) mismatch(want, got wat.ValType) {
	c.fail(wat.ErrType, "type mismatch: %s expects %s, the operand is %s", c.what(), want, got)
}

func (c *bodyChecker) popValues(types []wat.ValType) {
	for i := len(types) - 1; i >= 0; i-- {
		c.pop(types[i])
	}
}

// Frames.

func (c *bodyChecker) push(f Frame) {
	f.Height = len(c.Values)
	if f.Opener >= 0 {
		c.place[f.Opener] = int32(len(c.Frames))
	}
	c.Frames = append(c.Frames, f)
	c.pushValues(f.Type.Params)
}

// popFrame ends the innermost frame; its results must be on the stack, and
// nothing else.
func (c *bodyChecker) popFrame() Frame {
	f := c.Frames[len(c.Frames)-1]
	c.popValues(f.Type.Results)
	if extra := len(c.Values) - f.Height; extra != 0 {
		c.fail(wat.ErrType, "type mismatch: %s finds %s too many on the stack: %s", c.what(), Count(extra, "value"), typesOf(c.Values[f.Height:]))
	}
	c.Frames = c.Frames[:len(c.Frames)-1]
	return f
}

// unreachable says that control does not get past the instruction at hand.
func (c *bodyChecker) unreachable() {
	f := &c.Frames[len(c.Frames)-1]
	c.Values = c.Values[:f.Height]
	f.Unreachable = true
}

// frame returns the frame of a label.
func (c *bodyChecker) frame(l wat.Label) *Frame {
	if l == wat.BodyLabel {
		return &c.Frames[0]
	}
	return &c.Frames[c.place[l.Opener()]]
}

// locals tells the type of a parameter or local. A function may declare more of
// them than it has bytes, so they are expanded only if there are not many.
type locals struct {
	types []wat.ValType // of the first ones
	ends  []uint32      // of the runs behind
	runs  []wat.LocalRun
	n     uint32
}

const expandLocals = 256

func (l *locals) set(params []wat.ValType, runs []wat.LocalRun) {
	l.types = append(l.types[:0], params...)
	l.ends, l.runs = l.ends[:0], nil
	for i, run := range runs {
		if len(l.types)+int(run.Count) > expandLocals+len(params) {
			l.runs = runs[i:]
			break
		}
		for range run.Count {
			l.types = append(l.types, run.Type)
		}
	}
	l.n = uint32(len(l.types))
	for _, run := range l.runs {
		l.n += run.Count
		l.ends = append(l.ends, l.n)
	}
}

func (l *locals) typ(i uint64) (wat.ValType, bool) {
	if i < uint64(len(l.types)) {
		return l.types[i], true
	}
	if i >= uint64(l.n) {
		return 0, false
	}
	k := sort.Search(len(l.ends), func(k int) bool { return uint64(l.ends[k]) > i })
	return l.runs[k].Type, true
}
