package rewrite

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
)

// This file writes the runtime: the globals and routines that inserted code refers
// to, and the functions of the ABI.

// runtimeText is the text of the runtime, and how the imports of modules asyncify
// and fiber are replaced by its functions.
type runtimeText struct {
	b        strings.Builder
	imports  strings.Builder    // lines that come behind the imports of the module
	imported int                // imports in them
	funcs    int                // functions written so far
	replaced map[wat.FuncID]int // import -> place among the functions written
	taken    map[string]bool    // names of imports that are in use
	frameMap func() *fiberlib.FrameMap
	asserts  bool
	probes   bool
	// hasFibers: the part of the library that is linked has fibers.
	hasFibers bool
}

// line writes one line; note is the comment behind the marker.
func (r *runtimeText) line(code, note string) {
	if code != "" {
		r.b.WriteString(code + " ")
	}
	r.b.WriteString(";;~")
	if note != "" {
		r.b.WriteString(" " + note)
	}
	r.b.WriteString("\n")
}

// writeRuntime returns the runtime for a module: routines for the signatures of its
// frames, and the functions of the ABI.
func writeRuntime(s *state, signatures []string, unwinding bool) *runtimeText {
	m := s.m
	r := &runtimeText{replaced: map[wat.FuncID]int{}, taken: map[string]bool{}, frameMap: s.frameMap, asserts: s.asserts != nil, probes: s.opts.Probes}
	r.line("", "fiber runtime")
	r.line("", "state  0 running, 1 unwinding, 2 rewinding")
	r.line("", "data   address of two words about the buffer in use: its position and its end")
	r.line("(global $fiber.state (mut i32) (i32.const 0))", "")
	r.line("(global $fiber.data (mut i32) (i32.const 0))", "")
	s.writeAsserts(r)
	for _, signature := range signatures {
		r.spill(signature)
		r.reload(signature)
	}
	r.pushRoutines(s.functions)
	if unwinding {
		r.funcs++
		r.line("(func $fiber.unwinding (result i32) (i32.eq (global.get $fiber.state) (i32.const 1)))", "")
	}
	r.funcs++
	r.line("(func $fiber.check (if (i32.gt_u (i32.load (global.get $fiber.data)) (i32.load offset=4 (global.get $fiber.data))) (then (unreachable))))",
		"the buffer was too small")
	for _, name := range abiNames {
		r.abi(m, name)
	}
	r.link(m, s.wrapped(), s.guards, s.opts)
	r.writeProbes(m)
	if s.opts.Frames {
		r.mapSection()
	}
	r.exportStack(m, s.opts)
	r.exportGlobals(s.opts)
	r.hotCopies(s.functions)
	return r
}

// slot is one value of a frame.
type slot struct {
	typ    wat.ValType
	offset int
}

// layout returns the values of a signature and their size in bytes.
func layout(signature string) (slots []slot, size int) {
	for i := range len(signature) {
		t := letterType(signature[i])
		slots = append(slots, slot{t, size})
		size += t.Size()
	}
	return slots, size
}

// access is a load or store of a slot. Slots are aligned to 4 bytes.
func (s slot) access(what string) string {
	code := s.typ.String() + "." + what
	if s.offset > 0 {
		code += fmt.Sprintf(" offset=%d", s.offset)
	}
	if s.typ.Size() > 4 {
		code += " align=4"
	}
	return code
}

// spill writes the routine that pushes a frame of a signature.
func (r *runtimeText) spill(signature string) {
	r.funcs++
	slots, size := layout(signature)
	var params strings.Builder
	for i, s := range slots {
		fmt.Fprintf(&params, " (param $%d %s)", i, s.typ)
	}
	r.line(fmt.Sprintf("(func %s%s%s (local $at i32) (local $top i32)", idSpill, signature, params.String()), fmt.Sprintf("push a frame of %d bytes", size))
	r.line("  (local.set $at (i32.load (global.get $fiber.data)))", "")
	r.line(fmt.Sprintf("  (local.set $top (i32.add (local.get $at) (i32.const %d)))", size), "")
	if r.asserts {
		r.beyond()
		r.mustFit()
	} else {
		r.advance()
		r.line("  (if (i32.gt_u (local.get $top) (i32.load offset=4 (global.get $fiber.data))) (then (return)))", "never write past the end")
	}
	for i, s := range slots {
		end := ""
		if i == len(slots)-1 {
			end = ")"
		}
		r.line(fmt.Sprintf("  (%s (local.get $at) (local.get $%d))%s", s.access("store"), i, end), "")
	}
}

// reload writes the routine that pops a frame of a signature.
func (r *runtimeText) reload(signature string) {
	r.funcs++
	slots, size := layout(signature)
	var results []wat.ValType
	outside := []string{"(i32.const -1)"} // what a call while unwinding gets: a site that does not exist
	for i, s := range slots {
		results = append(results, s.typ)
		if i > 0 || s.typ != wat.I32 {
			outside = append(outside[:i], "("+zeros([]wat.ValType{s.typ})+")")
		}
	}
	r.line(fmt.Sprintf("(func %s%s %s (local $at i32)", idReload, signature, wat.FuncType{Results: results}), fmt.Sprintf("pop a frame of %d bytes", size))
	r.line("  (if (i32.eq (global.get $fiber.state) (i32.const 1))", "called while unwinding: pop nothing, a site that does not exist")
	r.line("    (then (return "+strings.Join(outside, " ")+")))", "")
	r.line(fmt.Sprintf("  (local.set $at (i32.sub (i32.load (global.get $fiber.data)) (i32.const %d)))", size), "")
	r.line("  (i32.store (global.get $fiber.data) (local.get $at))", "")
	for i, s := range slots {
		end := ""
		if i == len(slots)-1 {
			end = ")"
		}
		r.line(fmt.Sprintf("  (%s (local.get $at))%s", s.access("load"), end), "")
	}
}

// abi writes a function of the ABI. It takes the place and the name of the
// module's own import of it; further imports of it become functions that call it.
func (r *runtimeText) abi(m *wat.Module, name string) {
	id := ""
	for i, f := range m.Funcs {
		if f.Import == nil || f.Import.Module != abiModule || f.Import.Name != name {
			continue
		}
		r.replaced[wat.FuncID(i)] = r.funcs
		if id == "" {
			id = r.nameOf(f, "$fiber."+name)
			r.abiFunc(id, name)
			continue
		}
		r.forward(r.nameOf(f, fmt.Sprintf("$fiber.%s.%d", name, i)), id, m.FuncTypeOf(wat.FuncID(i)))
	}
	if id == "" {
		r.abiFunc("$fiber."+name, name)
	}
}

// nameOf returns the identifier of an import, or otherwise if it has no name or
// one that is taken.
func (r *runtimeText) nameOf(f *wat.Func, otherwise string) string {
	if f.Name == "" || r.taken[f.Name] {
		return otherwise
	}
	r.taken[f.Name] = true
	return wat.ID(f.Name)
}

func (r *runtimeText) abiFunc(id, name string) {
	r.funcs++
	head := fmt.Sprintf(`(func %s (export "asyncify_%s")`, id, name)
	switch name {
	case startUnwind, startRewind:
		state := 1
		if name == startRewind {
			state = 2
		}
		r.line(fmt.Sprintf("%s (param i32) (global.set $fiber.state (i32.const %d)) (global.set $fiber.data (local.get 0))%s (call $fiber.check))", head, state, r.tells(state)), "")
	case stopUnwind, stopRewind:
		r.line(head+" (if (global.get $fiber.state) (then (global.set $fiber.state (i32.const 0))"+r.tells(0)+" (call $fiber.check))))", "")
	case getState:
		r.line(head+" (result i32) (global.get $fiber.state))", "")
	}
}

// forward writes a function that does nothing but call another one.
func (r *runtimeText) forward(id, to string, t wat.FuncType) {
	r.funcs++
	signature, args := "", ""
	if s := t.String(); s != "" {
		signature = " " + s
	}
	for i := range t.Params {
		args += fmt.Sprintf(" (local.get %d)", i)
	}
	r.line(fmt.Sprintf("(func %s%s (call %s%s))", id, signature, to, args), "")
}
