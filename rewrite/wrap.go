package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file decides which exports become main fibers.

// mainFibers returns the exported functions that get a wrapper: those that are
// instrumented, in a module that the library is linked with, and among the listed ones if
// there is a list.
func mainFibers(m *wat.Module, g *callGraph, opts Options) ([]wat.FuncID, error) {
	if !opts.usesLibrary(m) {
		if len(opts.Wrap) > 0 {
			return nil, &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrList, Msg: "exports are listed to be wrapped, but the module imports nothing from fiber",
				Hint: "exports become main fibers only of the fiber library"}
		}
		return nil, nil
	}
	var ids []wat.FuncID
	var names []string
	found := make([]bool, len(opts.Wrap))
	for _, e := range m.Exports {
		id := wat.FuncID(e.Index)
		if e.Kind != wat.KindFunc || !g.instruments(id) {
			continue
		}
		names = append(names, e.Name)
		listed := len(opts.Wrap) == 0
		for i, pattern := range opts.Wrap {
			if matches(pattern, e.Name) {
				listed, found[i] = true, true
			}
		}
		if listed {
			ids = append(ids, id)
		}
	}
	for i, pattern := range opts.Wrap {
		if !found[i] {
			return nil, nothingToWrap(m, pattern, names)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// nothingToWrap is the error about a name that is no export to wrap; names are those that
// are.
func nothingToWrap(m *wat.Module, pattern string, names []string) error {
	err := &wat.Error{Source: m.Source, Span: wat.NoSpan, Code: ErrList, Msg: fmt.Sprintf("no exported function that may suspend matches %q", pattern)}
	if slices.ContainsFunc(m.Exports, func(e *wat.Export) bool { return e.Name == pattern && e.Kind == wat.KindFunc }) {
		err.Hint = "it is exported, but cannot suspend: it needs no wrapper"
		return err
	}
	switch err.Hint = wat.DidYouMean(pattern, names); {
	case err.Hint != "":
	case len(names) == 0:
		err.Hint = "none of the exports may suspend"
	default:
		err.Hint = "those that may suspend are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return err
}
