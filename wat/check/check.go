// Package check says whether a module is valid, by the rules of the WebAssembly
// core specification 2.0 (chapter "Validation"); constant expressions may also
// add, subtract and multiply, as 3.0 has it.
//
// Types of operands are checked with the algorithm of the specification's
// appendix. Func lets another package look over its shoulder: it calls back
// before every instruction with the operand stack as it is there.
package check

import (
	"fmt"
	"slices"
	"sync"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// Module returns nil if m is valid, or a wat.ErrorList: at most one error for
// each function and each definition, and wat.MaxErrors in all.
func Module(m *wat.Module) error {
	return Extension(&wat.Module{}, m)
}

// Extension is Module for an extension of a valid module: what both have is not checked
// again. The extension must not lack what the module exports.
func Extension(of, m *wat.Module) error {
	c := &moduleChecker{m: m}
	c.definitions()
	if len(c.errs) == 0 {
		c.declared = c.declaredRefs()
		c.bodies(of)
	}
	return c.errs.Err()
}

// Func checks the body of a function, as its method Body has returned it, of a module
// whose definitions are valid.
// Before each instruction, and at the end, it calls visit, if that is not nil,
// with the number of the instruction and the operand stack; the stack is valid
// until visit returns.
// The error is a *wat.Error.
func Func(m *wat.Module, id wat.FuncID, body *wat.Body, visit func(i int, s *Stack)) error {
	c := checkers.Get().(*bodyChecker)
	c.m, c.visit = m, visit
	defer func() {
		c.m, c.visit, c.seq, c.problem = nil, nil, nil, nil
		checkers.Put(c)
	}()
	if err := c.function(m.Funcs[id], body); err != nil {
		name(m, err, m.FuncLabels()[id])
		return err
	}
	return nil
}

// checkers have stacks.
var checkers = sync.Pool{New: func() any { return &bodyChecker{} }}

// moduleChecker checks everything but the insides of bodies.
type moduleChecker struct {
	m        *wat.Module
	errs     wat.ErrorList
	declared []bool // functions that ref.func may name
}

func (c *moduleChecker) fail(span wat.Span, code wat.Code, format string, args ...any) {
	c.errs = append(c.errs, &wat.Error{Source: c.m.Source, Span: span, Code: code, Msg: fmt.Sprintf(format, args...)})
}

func (c *moduleChecker) invalid(span wat.Span, format string, args ...any) {
	c.fail(span, wat.ErrInvalid, format, args...)
}

func (c *moduleChecker) unknown(span wat.Span, what string, index, n int) {
	c.fail(span, wat.ErrName, "unknown %s %d, the module has %s", what, index, Count(n, what))
}

// Count returns a number with the noun it counts: no functions, 1 function, 2 functions.
func Count(n int, noun string) string {
	plural := noun + "s"
	if noun[len(noun)-1] == 'y' {
		plural = noun[:len(noun)-1] + "ies"
	}
	switch n {
	case 0:
		return "no " + plural
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %s", n, plural)
}

func (c *moduleChecker) definitions() {
	m := c.m
	for _, f := range m.Funcs {
		if int(f.Type) >= len(m.Types) {
			c.unknown(f.Span, "type", int(f.Type), len(m.Types))
		}
	}
	for _, t := range m.Tables {
		c.limits(t.Span, "table", t.Limits, 1<<32-1)
	}
	for _, mem := range m.Memories {
		c.limits(mem.Span, "memory", mem.Limits, 65536)
	}
	if len(m.Memories) > 1 {
		c.invalid(m.Memories[1].Span, "multiple memories: a module of WebAssembly 2.0 has one at most")
	}
	c.exports()
	if m.Start != nil {
		c.start()
	}
	if len(c.errs) > 0 {
		return // indices below would be out of range
	}
	for _, g := range m.Globals {
		if g.Import == nil {
			c.constant(&g.Init, g.Span, g.Type)
		}
	}
	for _, e := range m.Elems {
		c.elem(e)
	}
	for _, d := range m.Datas {
		if d.Mode == wat.Active {
			if int(d.Memory) >= len(m.Memories) {
				c.unknown(d.Span, "memory", int(d.Memory), len(m.Memories))
			}
			c.constant(&d.Offset, d.Span, wat.I32)
		}
	}
}

func (c *moduleChecker) limits(span wat.Span, what string, l wat.Limits, most uint64) {
	switch {
	case l.Min > most || l.HasMax && l.Max > most:
		c.invalid(span, "%s size must be at most %d", what, most)
	case l.HasMax && l.Max < l.Min:
		c.invalid(span, "size minimum must not be greater than maximum: %d and %d", l.Min, l.Max)
	}
}

func (c *moduleChecker) exports() {
	seen := map[string]bool{}
	for _, e := range c.m.Exports {
		if seen[e.Name] {
			c.fail(e.Span, wat.ErrDuplicate, "duplicate export name %q", e.Name)
		}
		seen[e.Name] = true
		n := [...]int{len(c.m.Funcs), len(c.m.Tables), len(c.m.Memories), len(c.m.Globals)}[e.Kind]
		if int(e.Index) >= n {
			c.unknown(e.Span, nouns[e.Kind], int(e.Index), n)
		}
	}
}

var nouns = [...]string{"function", "table", "memory", "global"}

func (c *moduleChecker) start() {
	s := c.m.Start
	if int(s.Func) >= len(c.m.Funcs) {
		c.unknown(s.Span, "function", int(s.Func), len(c.m.Funcs))
		return
	}
	if id := c.m.Funcs[s.Func].Type; int(id) < len(c.m.Types) {
		if t := c.m.Types[id]; len(t.Params)+len(t.Results) > 0 {
			c.invalid(s.Span, "the start function must have no parameters and no results, it has %s", t.FuncType)
		}
	}
}

func (c *moduleChecker) elem(e *wat.Elem) {
	if e.Mode == wat.Active {
		if int(e.Table) >= len(c.m.Tables) {
			c.unknown(e.Span, "table", int(e.Table), len(c.m.Tables))
			return
		}
		if t := c.m.Tables[e.Table].Elem; t != e.Type {
			c.fail(e.Span, wat.ErrType, "type mismatch: the table holds %s, the segment %s", t, e.Type)
		}
		c.constant(&e.Offset, e.Span, wat.I32)
	}
	for _, f := range e.Funcs {
		if int(f) >= len(c.m.Funcs) {
			c.unknown(e.Span, "function", int(f), len(c.m.Funcs))
			return
		}
	}
	for i := range e.Items {
		c.constant(&e.Items[i], e.Span, e.Type)
	}
}

// constant checks a constant expression.
func (c *moduleChecker) constant(b *wat.Body, span wat.Span, want wat.ValType) {
	if len(b.Instrs) == 0 {
		c.fail(span, wat.ErrType, "type mismatch: a constant expression of %s is missing", want)
		return
	}
	for _, in := range b.Instrs {
		if !isConstant(in.Op) {
			c.invalid(instrSpan(in), "constant expression required, %s is not constant", in.Op)
			return
		}
		if in.Op == op.GlobalGet {
			switch g := int(in.Imm); {
			case g >= len(c.m.Globals):
				c.fail(instrSpan(in), wat.ErrName, "unknown global %d, the module has %s", g, Count(len(c.m.Globals), "global"))
				return
			case c.m.Globals[g].Import == nil:
				c.fail(instrSpan(in), wat.ErrName, "unknown global %d: constant expressions see imported globals only", g)
				return
			case c.m.Globals[g].Mutable:
				c.invalid(instrSpan(in), "constant expression required, the global is mutable")
				return
			}
		}
	}
	check := bodyChecker{m: c.m}
	if err := check.body(b, span, []wat.ValType{want}); err != nil {
		c.errs = append(c.errs, err)
	}
}

func isConstant(code op.Code) bool {
	switch code {
	case op.I32Const, op.I64Const, op.F32Const, op.F64Const, op.V128Const, op.RefNull, op.RefFunc, op.GlobalGet,
		op.I32Add, op.I32Sub, op.I32Mul, op.I64Add, op.I64Sub, op.I64Mul:
		return true
	}
	return false
}

// declaredRefs returns the functions that stand outside of function bodies: only
// those may be named by ref.func inside.
func (c *moduleChecker) declaredRefs() []bool {
	declared := make([]bool, len(c.m.Funcs))
	for _, e := range c.m.Exports {
		if e.Kind == wat.KindFunc {
			declared[e.Index] = true
		}
	}
	mark := func(b *wat.Body) {
		for _, in := range b.Instrs {
			if in.Op == op.RefFunc {
				declared[in.Imm] = true
			}
		}
	}
	for _, g := range c.m.Globals {
		mark(&g.Init)
	}
	for _, e := range c.m.Elems {
		for _, f := range e.Funcs {
			declared[f] = true
		}
		for i := range e.Items {
			mark(&e.Items[i])
		}
	}
	return declared
}

// bodies checks the function bodies that another module does not have, on all
// processors.
func (c *moduleChecker) bodies(valid *wat.Module) {
	errs := make([]*wat.Error, len(c.m.Funcs))
	parallel.Do(len(c.m.Funcs), func() func(int) {
		check := bodyChecker{m: c.m, declared: c.declared}
		return func(i int) {
			if f := c.m.Funcs[i]; f.Import == nil && !(i < len(valid.Funcs) && f == valid.Funcs[i]) {
				errs[i] = check.function(f, f.BodyIn(&check.scratch))
			}
		}
	})
	var labels []string
	for i, err := range errs {
		if err == nil {
			continue
		}
		if labels == nil {
			labels = c.m.FuncLabels()
		}
		name(c.m, err, labels[i])
		c.errs = append(c.errs, err)
	}
}

// name adds the function to an error whose place does not show it.
func name(m *wat.Module, err *wat.Error, function string) {
	if m.Source == nil || m.Source.Binary {
		err.Func = function
	}
}

// instrSpan returns the place of an instruction: its mnemonic in the text.
func instrSpan(in wat.Instr) wat.Span {
	return wat.Span{Start: int(in.Pos), End: int(in.Pos) + len(in.Op.Info().Name)}
}

// typesOf returns types as messages show them.
func typesOf(types []wat.ValType) string {
	s := make([]string, len(types))
	for i, t := range types {
		s[i] = t.String()
	}
	return fmt.Sprintf("%s", slices.Clip(s))
}
