package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file decides which imports may suspend: those that the caller lists, or
// those that the module itself imports from fiber.

// The roles of the imports of module asyncify: with these calls a module brings
// its own runtime.
const (
	abiModule   = "asyncify"
	fiberModule = "fiber"

	startUnwind = "start_unwind"
	stopUnwind  = "stop_unwind"
	startRewind = "start_rewind"
	stopRewind  = "stop_rewind"
	getState    = "get_state"
)

// abiNames lists the functions of the ABI in the order of its documentation.
var abiNames = [...]string{startUnwind, stopUnwind, startRewind, stopRewind, getState}

// abiType returns the type of a function of the ABI, false if it has none of
// that name.
func abiType(name string) (wat.FuncType, bool) {
	switch name {
	case startUnwind, startRewind:
		return wat.FuncType{Params: []wat.ValType{wat.I32}}, true
	case stopUnwind, stopRewind:
		return wat.FuncType{}, true
	case getState:
		return wat.FuncType{Results: []wat.ValType{wat.I32}}, true
	}
	return wat.FuncType{}, false
}

// importName returns the name that patterns match: module.name.
func importName(f *wat.Func) string { return f.Import.Module + "." + f.Import.Name }

// suspendingImports returns which functions are imports that may suspend.
func suspendingImports(m *wat.Module, said *said, opts Options) ([]bool, error) {
	if err := checkABIImports(m); err != nil {
		return nil, err
	}
	if err := checkStackExport(m, opts); err != nil {
		return nil, err
	}
	if err := checkGlobalExports(m, opts); err != nil {
		return nil, err
	}
	if err := checkLibraryImports(m, opts); err != nil {
		return nil, err
	}
	suspends := make([]bool, len(m.Funcs))
	if opts.IgnoreImports {
		if len(opts.Suspend) > 0 {
			return nil, &wat.Error{Code: ErrList, Msg: "imports that may suspend are listed, and imports are to be ignored", Hint: "leave one of the two out"}
		}
		for _, a := range said.suspending {
			if m.Funcs[a.about.Func].Import != nil {
				return nil, annotationError(m, a.Annotation, "this import is said to suspend, and imports are to be ignored", "leave one of the two out")
			}
		}
		return suspends, nil
	}
	for i, f := range m.Funcs {
		name := opts.libraryName(f.Import)
		suspends[i] = name != "" && fiberLibrary().suspending(name)
	}
	if len(opts.Suspend)+len(opts.Only)+len(opts.Add) == 0 && !said.any() && !SuspendsItself(m) && !opts.usesLibrary(m) {
		return nil, nothingSuspends(m)
	}
	for _, p := range opts.Suspend {
		if err := mark(m, suspends, p, opts); err != nil {
			return nil, err
		}
	}
	for i, f := range m.Funcs {
		if f.Import != nil {
			suspends[i] = (suspends[i] || marks(said.suspends, i)) && !marks(said.never, i)
		}
	}
	return suspends, nil
}

// Suspending returns a function that says of an import, by module and name, whether
// it is one of those that may suspend and that the host provides: those that
// patterns match.
func Suspending(patterns []string) func(module, name string) bool {
	return func(module, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return Matches(p, module+"."+name) })
	}
}

// SuspendsItself reports whether a module may suspend without anybody listing an
// import: it imports functions from module fiber, or its runtime from module
// asyncify.
func SuspendsItself(m *wat.Module) bool {
	return slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool {
		return f.Import != nil && (f.Import.Module == abiModule || f.Import.Module == fiberModule)
	})
}

// mark marks the imports that a pattern matches; there has to be one.
func mark(m *wat.Module, suspends []bool, pattern string, opts Options) error {
	if strings.TrimSpace(pattern) == "" {
		return &wat.Error{Code: ErrList, Msg: "a pattern in the list of suspending imports is empty", Hint: "write module.name, with * for any characters"}
	}
	found := false
	var all []string
	for i, f := range m.Funcs {
		if f.Import == nil || opts.isLinked(f.Import) {
			continue
		}
		name := importName(f)
		all = append(all, name)
		if Matches(pattern, name) {
			suspends[i], found = true, true
		}
	}
	if found {
		return nil
	}
	err := &wat.Error{Code: ErrList, Msg: fmt.Sprintf("no imported function matches %q", pattern)}
	for i, f := range m.Funcs {
		if f.Import == nil && (f.Name == pattern || wat.ID(f.Name) == pattern) {
			err.Hint = fmt.Sprintf("function %d has this name, but it is not imported; functions are listed with --add", i)
			return err
		}
	}
	if err.Hint = wat.DidYouMean(pattern, all); err.Hint == "" {
		err.Hint = importList(all)
	}
	return err
}

// Matches reports whether name matches a pattern in which * stands for any
// characters.
func Matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, last)
}

func nothingSuspends(m *wat.Module) error {
	var all []string
	for _, f := range m.Funcs {
		if f.Import != nil {
			all = append(all, importName(f))
		}
	}
	err := &wat.Error{
		Source: m.Source, Span: wat.NoSpan, Code: ErrList,
		Msg:  "nothing in this module may suspend: it imports nothing from asyncify or fiber, and no import is listed",
		Hint: importList(all),
	}
	if len(all) > 0 {
		err.Hint += "; say with --suspend which of them may (* is all)"
	}
	return err
}

// importList is a hint with the imports to choose from.
func importList(all []string) string {
	const most = 20
	switch {
	case len(all) == 0:
		return "the module imports no functions"
	case len(all) > most:
		return fmt.Sprintf("its imported functions are %s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return "its imported functions are " + strings.Join(all, ", ")
}

// checkABIImports checks the imports from module asyncify.
func checkABIImports(m *wat.Module) error {
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		if imp.Module != abiModule {
			continue
		}
		fail := func(hint, format string, args ...any) error {
			return &wat.Error{Source: m.Source, Span: imp.Span, Code: ErrABI, Msg: fmt.Sprintf(format, args...), Hint: hint}
		}
		want, known := abiType(imp.Name)
		switch {
		case d.Kind != wat.KindFunc:
			return fail("", "asyncify.%s is imported as a %s, only functions can be", imp.Name, d.Kind)
		case !known:
			return fail(wat.DidYouMean(imp.Name, abiNames[:]), "there is no function asyncify.%s", imp.Name)
		case !m.FuncTypeOf(wat.FuncID(d.Index)).Equal(want):
			return fail("", "asyncify.%s has the type %s, not %s", imp.Name, typeText(want), typeText(m.FuncTypeOf(wat.FuncID(d.Index))))
		}
	}
	return nil
}

// typeText returns a function type for a message.
func typeText(t wat.FuncType) string {
	if s := t.String(); s != "" {
		return s
	}
	return "[] -> []"
}
