package rewrite

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file refuses sources that have been rewritten already, or that use what a
// rewrite needs for itself.

func checkSource(m *wat.Module) error {
	if len(m.Memories) == 0 {
		return &wat.Error{
			Source: m.Source, Code: ErrMemory, Msg: "the module has no memory to spill frames to",
			Hint: `add (memory (export "memory") 1)`,
		}
	}
	for _, e := range m.Exports {
		if name, ok := strings.CutPrefix(e.Name, "asyncify_"); ok {
			if _, taken := abiType(name); taken {
				return &wat.Error{
					Source: m.Source, Span: e.Span, Code: ErrABI, Msg: fmt.Sprintf("the module exports %s already", e.Name),
					Hint: "it was rewritten before; start from the module as it was then (watfiber strip gives the source of a rewritten text)",
				}
			}
		}
	}
	if m.Source.Binary {
		return nil
	}
	if at := wat.FindMarker(m.Source.Text); at >= 0 {
		return &wat.Error{
			Source: m.Source, Span: wat.Span{Start: at, End: at + len(wat.InsertMark)}, Code: ErrMarker,
			Msg:  "the source has a marker of rewritten text",
			Hint: "watfiber strip gives the source of a rewritten text",
		}
	}
	return nil
}

// reserved lists what names that a rewrite makes start with.
var reserved = []string{
	"fiber.state", "fiber.data", "fiber.spill.", "fiber.reload.", "fiber.push", "fiber.hot.", "fiber.pop", "fiber.frame", "fiber.unwinding", "fiber.check",
	"fiber.start_", "fiber.stop_", "fiber.get_state",
	"fiber.at.", "fiber.to.", "fiber.then.", "fiber.if.", "fiber.unwind", "fiber.none", "fiber.site",
	"fiber.assert.", "fiber.before", "fiber.stack_pointer", "fiber.export.", "fiber.host.", "fiber.trace", "fiber.index",
	"fiber.i32.", "fiber.i64.", "fiber.f32.", "fiber.f64.", "fiber.v128.", "fiber.funcref.", "fiber.externref.",
}

func isReserved(name string) bool {
	for _, r := range reserved {
		if strings.HasPrefix(name, r) {
			return true
		}
	}
	return strings.HasPrefix(name, "fiber.") && fiberLibrary().defines(name)
}

// checkIDs refuses names that a rewrite makes. In a binary only those inside functions are
// looked up by name.
func checkIDs(m *wat.Module, g *callGraph, a *asserts) error {
	refuse := func(span wat.Span, what, name string) error {
		hint := "rename it, best to something that does not start with $fiber."
		if m.Source.Binary {
			hint = "it seems to have been rewritten before; start from the module as it was then, or leave its names out"
		}
		return &wat.Error{
			Source: m.Source, Span: span, Code: ErrMarker, Msg: fmt.Sprintf("the name of %s %s is one that inserted code uses", what, wat.ID(name)),
			Hint: hint,
		}
	}
	for _, x := range m.Globals {
		if isReserved(x.Name) && !m.Source.Binary {
			return refuse(x.Span, "global", x.Name)
		}
	}
	for id, f := range m.Funcs {
		if isReserved(f.Name) && !m.Source.Binary && !(f.Import != nil && f.Name == importName(f)) { // the library's own name for it
			return refuse(f.Span, "function", f.Name)
		}
		if !g.Instruments(wat.FuncID(id)) && !a.watches(wat.FuncID(id)) {
			continue
		}
		for _, l := range f.LocalNames {
			if isReserved(l.Name) {
				return refuse(f.Span, "local", l.Name)
			}
		}
		for _, l := range f.Body().Labels {
			if isReserved(l.Name) {
				return refuse(mnemonicSpan(f.Body().Instrs[l.Opener]), "label", l.Name)
			}
		}
	}
	return nil
}
