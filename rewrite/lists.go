package rewrite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// Lists correct by hand what the call graph says. Their entries are names of
// functions, with or without the $; * stands for any characters.
type Lists struct {
	// Only lists the functions that may suspend: these and no others are
	// instrumented. It excludes Add and Remove.
	Only []string
	// Add lists functions that may suspend though nothing shows it. With
	// AddCallers, so may whoever calls them.
	Add        []string
	AddCallers bool
	// Remove lists functions that never suspend, whatever they call.
	Remove []string
	// Indirect says which calls through tables may suspend; those in functions of
	// Only, Add and IndirectIn may in any case.
	Indirect   callgraph.Indirect
	IndirectIn []string
}

// ParseIndirect returns what a list says about calls through tables: all, typed, none,
// or the functions in which they may suspend.
func ParseIndirect(entries []string) (callgraph.Indirect, []string) {
	if len(entries) == 1 {
		switch entries[0] {
		case "all":
			return callgraph.All, nil
		case "typed":
			return callgraph.Typed, nil
		case "none":
			return callgraph.None, nil
		}
	}
	return callgraph.None, entries
}

// marked holds the functions that Lists name; nil for an empty list.
type marked struct{ only, add, remove, in []bool }

func marks(set []bool, i int) bool { return set != nil && set[i] }

// resolve finds the functions that the lists name.
func (l Lists) resolve(m *wat.Module) (*marked, error) {
	if len(l.Only) > 0 && len(l.Add)+len(l.Remove) > 0 {
		return nil, &wat.Error{Code: ErrList, Msg: "a list of the only functions excludes lists of functions to add and to remove",
			Hint: "name in it all that may suspend"}
	}
	k := &marked{}
	for _, list := range []struct {
		name    string
		entries []string
		to      *[]bool
	}{{"only", l.Only, &k.only}, {"add", l.Add, &k.add}, {"remove", l.Remove, &k.remove}, {"indirect", l.IndirectIn, &k.in}} {
		var err error
		if *list.to, err = markAll(m, list.name, list.entries); err != nil {
			return nil, err
		}
	}
	for id := range m.Funcs {
		if marks(k.add, id) && marks(k.remove, id) {
			return nil, &wat.Error{Code: ErrList, Msg: fmt.Sprintf("%s is both in the list to add and in the list to remove", m.FuncLabels()[id])}
		}
	}
	return k, nil
}

// markAll returns by function whether a list names it; nil for an empty list.
func markAll(m *wat.Module, list string, entries []string) ([]bool, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	names, to := functionNames(m), make([]bool, len(m.Funcs))
	for _, entry := range entries {
		if err := markFunctions(m, names, list, entry, to); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// functionNames returns the functions by the names that lists can use for them.
func functionNames(m *wat.Module) map[string][]wat.FuncID {
	names := map[string][]wat.FuncID{}
	ids := m.Names().Funcs
	for id := range m.Funcs {
		name := wat.NameText(ids[id])
		names[name] = append(names[name], wat.FuncID(id))
	}
	return names
}

func markFunctions(m *wat.Module, names map[string][]wat.FuncID, list, entry string, to []bool) error {
	pattern := wat.NameText(strings.TrimPrefix(strings.TrimSpace(entry), "$"))
	if pattern == "" {
		return &wat.Error{Code: ErrList, Msg: fmt.Sprintf("an entry of the list %s is empty", list)}
	}
	found := false
	for name, ids := range names {
		if !Matches(pattern, name) {
			continue
		}
		for _, id := range ids {
			if m.Funcs[id].Import == nil {
				to[id], found = true, true
			} else if name == pattern {
				return &wat.Error{Code: ErrList, Msg: fmt.Sprintf("the list %s names %s, which is imported", list, wat.ID(name)),
					Hint: "imports that may suspend are listed with --suspend"}
			}
		}
	}
	if !found {
		return &wat.Error{Code: ErrList, Msg: fmt.Sprintf("no function matches %q in the list %s", entry, list),
			Hint: wat.DidYouMean(pattern, slices.Sorted(maps.Keys(names)))}
	}
	return nil
}

// Listed reports whether an entry of a list names a function.
func Listed(entries []string, name string) bool {
	return slices.ContainsFunc(entries, func(e string) bool { return Matches(wat.NameText(strings.TrimPrefix(e, "$")), name) })
}
