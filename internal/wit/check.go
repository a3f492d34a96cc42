package wit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// ErrWorld is the code of errors about imports that are not as the world has them.
const ErrWorld wat.Code = "WF501"

// Suspending returns which imports of a module may suspend, as module.name, in the order
// of the module. An import that the world does not have, or that has another type there,
// is an error; those that skip says are somebody else's affair.
func (w *World) Suspending(m *wat.Module, skip func(module, name string) bool) ([]string, error) {
	var found []string
	var errs wat.ErrorList
	for _, d := range m.Imports() {
		imp := m.ImportOf(d)
		if d.Kind != wat.KindFunc || skip(imp.Module, imp.Name) {
			continue
		}
		want, waits, err := w.find(imp.Module, imp.Name)
		if got := m.FuncTypeOf(wat.FuncID(d.Index)); err == nil && want != nil && !got.Equal(*want) {
			err = &wat.Error{Msg: fmt.Sprintf("%s has the type %s, and in the world %s it has %s", full(imp), typeText(got), w.Name, typeText(*want))}
		}
		if err != nil {
			err.Source, err.Span, err.Code = m.Source, imp.Span, ErrWorld
			errs = append(errs, err)
			continue
		}
		if waits {
			found = append(found, imp.Module+"."+imp.Name)
		}
	}
	return found, errs.Err()
}

func full(imp *wat.Import) string { return imp.Module + "." + imp.Name }

// typeText returns a function type for a message.
func typeText(t wat.FuncType) string {
	if s := t.String(); s != "" {
		return s
	}
	return "(func)"
}

// find returns the type of an import, nil if there is no telling, and whether it may
// suspend.
func (w *World) find(from, name string) (typ *wat.FuncType, waits bool, err *wat.Error) {
	if from == preview1Module {
		if t, known := preview1Type(name); known {
			return &t, preview1Waits[name], nil
		}
		return nil, false, &wat.Error{Msg: fmt.Sprintf("WASI preview 1 has no function %s", name), Hint: wat.DidYouMean(name, sortedKeys(preview1))}
	}
	if t, waits, known := w.builtin(from, name); known {
		return t, waits, nil
	}
	m := w.modules[from]
	if m == nil {
		return nil, false, w.noModule(from, name)
	}
	plain, async := strings.CutPrefix(name, asyncLower)
	f := m.funcs[unmarked(plain)]
	switch {
	case f == nil:
		return nil, false, &wat.Error{Msg: fmt.Sprintf("%s has no function %s in the world %s", from, name, w.Name), Hint: wat.DidYouMean(plain, sortedKeys(m.funcs))}
	case async:
		return &f.returns, false, nil
	}
	return &f.typ, f.waits, nil
}

func (w *World) noModule(from, name string) *wat.Error {
	err := &wat.Error{Msg: fmt.Sprintf("the module imports %s.%s, and the world %s does not import %s", from, name, w.Name, from)}
	if err.Hint = wat.DidYouMean(from, sortedKeys(w.modules)); err.Hint == "" {
		err.Hint = "put it into the world, or list it with --suspend if it may suspend"
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// asyncLower begins the name of an import by which a function is called that then
// returns at once.
const asyncLower = "[async-lower]"

// builtin finds functions that the canonical ABI provides. The types of those for
// asynchronous calls differ from version to version and are not known: t is nil.
func (w *World) builtin(from, name string) (t *wat.FuncType, waits, known bool) {
	what, of, ok := strings.Cut(strings.TrimPrefix(name, asyncLower), "]")
	if !ok || !strings.HasPrefix(what, "[") {
		return nil, false, false
	}
	what = what[1:]
	exporting, exported := strings.CutPrefix(from, "[export]")
	switch what {
	case "resource-drop":
		t = &wat.FuncType{Params: []wat.ValType{wat.I32}}
		if m := w.modules[from]; m != nil && m.resources[of] {
			return t, false, true
		}
		return t, false, exported && w.resources[exporting+" "+of]
	case "resource-new", "resource-rep":
		t = &wat.FuncType{Params: []wat.ValType{wat.I32}, Results: []wat.ValType{wat.I32}}
		return t, false, exported && w.resources[exporting+" "+of]
	}
	for _, b := range asyncBuiltins {
		if what == b.name || strings.HasPrefix(what, b.name+"-") {
			return nil, b.waits && !strings.HasPrefix(name, asyncLower), true
		}
	}
	return nil, false, false
}

// asyncBuiltins are the functions for asynchronous calls, those with the longer of two
// names first; a number may be behind them.
var asyncBuiltins = []struct {
	name  string
	waits bool
}{
	{"waitable-set-wait", true},
	{"waitable-set-new", false},
	{"waitable-set-poll", false},
	{"waitable-set-drop", false},
	{"waitable-join", false},
	{"task-wait", true},
	{"task-poll", false},
	{"task-return", false},
	{"task-cancel", false},
	{"thread-yield", true},
	{"yield", true},
	{"subtask-cancel", true},
	{"subtask-drop", false},
	{"future-read", true},
	{"future-write", true},
	{"future-cancel-read", true},
	{"future-cancel-write", true},
	{"future-new", false},
	{"future-drop", false},
	{"stream-read", true},
	{"stream-write", true},
	{"stream-cancel-read", true},
	{"stream-cancel-write", true},
	{"stream-new", false},
	{"stream-drop", false},
	{"backpressure", false},
	{"context", false},
	{"error-context", false},
}
