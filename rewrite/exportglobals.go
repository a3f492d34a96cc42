package rewrite

import (
	"fmt"

	"github.com/watfiber/watfiber/wat"
)

// This file exports the globals of the runtime, for hosts and modules that ask them in
// place of asyncify_get_state.

// globalExports are the exports of the state and of the data, as Asyncify has them.
var globalExports = [...]struct{ name, global string }{
	{"__asyncify_state", "$fiber.state"},
	{"__asyncify_data", "$fiber.data"},
}

// checkGlobalExports checks that the names are free.
func checkGlobalExports(m *wat.Module, opts Options) error {
	if !opts.ExportGlobals {
		return nil
	}
	for _, e := range m.Exports {
		for _, g := range globalExports {
			if e.Name == g.name {
				return &wat.Error{
					Source: m.Source, Span: e.Span, Code: ErrABI,
					Msg:  fmt.Sprintf("the module has an export %s, and the global of this name is to be exported", e.Name),
					Hint: "if it comes from wasm-opt --asyncify, start from the module before that",
				}
			}
		}
	}
	return nil
}

// exportGlobals exports the state and the data.
//
//	(export "__asyncify_state" (global $fiber.state)) ;;~
func (r *runtimeText) exportGlobals(opts Options) {
	if !opts.ExportGlobals {
		return
	}
	for _, g := range globalExports {
		r.line(fmt.Sprintf("(export %q (global %s))", g.name, g.global), "")
	}
}
