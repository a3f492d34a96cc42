package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// This file takes the arguments of wasm-opt's pass, --pass-arg=asyncify-NAME@VALUE. What
// the pass leaves unsaid, such as an argument that it does not know, is an error here.

// passArgs is what the arguments say beside rewrite.Options.
type passArgs struct {
	given   map[string]bool // by first name
	unnamed []unnamedEntry
	memory  string // the export of the memory to use, "" if none is named
	notes   []string
}

// An unnamedEntry is an entry of a list that is a number: wasm-opt calls the nth
// function with a body so if it has no name.
type unnamedEntry struct {
	arg, text string
	list      func(*rewrite.Options) *[]string
}

// A passArg is an argument that is known: one of list, set and refuse says what it
// does, or it is asyncify-memory.
type passArg struct {
	names  []string // the usual one first
	list   func(*rewrite.Options) *[]string
	set    func(*rewrite.Options)
	note   string // what to know of it
	refuse string // why it is refused
}

var knownPassArgs = []passArg{
	{names: []string{"asyncify-imports"}, list: func(o *rewrite.Options) *[]string { return &o.Suspend }},
	{names: []string{"asyncify-ignore-imports"}, set: func(o *rewrite.Options) { o.IgnoreImports = true }},
	{names: []string{"asyncify-ignore-indirect"}, set: func(o *rewrite.Options) { o.Indirect = callgraph.None }},
	{names: []string{"asyncify-onlylist", "asyncify-whitelist"}, list: func(o *rewrite.Options) *[]string { return &o.Only }},
	{names: []string{"asyncify-addlist"}, list: func(o *rewrite.Options) *[]string { return &o.Add }},
	{names: []string{"asyncify-propagate-addlist"}, set: func(o *rewrite.Options) { o.AddCallers = true }},
	{names: []string{"asyncify-removelist", "asyncify-blacklist"}, list: func(o *rewrite.Options) *[]string { return &o.Remove }},
	{names: []string{"asyncify-verbose"}, set: func(o *rewrite.Options) { o.Reasons = true }},
	{names: []string{"asyncify-asserts"}, set: func(o *rewrite.Options) { o.Asserts = true }},
	{names: []string{"asyncify-export-globals"}, set: func(o *rewrite.Options) { o.ExportGlobals = true }},
	{
		names:  []string{"asyncify-import-globals", "asyncify-relocatable"},
		refuse: "modules that are linked when they run and share one state are not supported; link them before, into one module",
	},
	{names: []string{"asyncify-memory"}},
	{names: []string{"asyncify-in-secondary-memory"}, refuse: secondaryMemory},
	{names: []string{"asyncify-secondary-memory-size"}, refuse: secondaryMemory},
	{
		names: []string{"asyncify-ignore-unwind-from-catch"}, set: func(*rewrite.Options) {},
		note: "without effect, as in wasm-opt: modules with exceptions are refused",
	},
}

const secondaryMemory = "frames go to the memory that the module has: several memories are not supported"

// passArgNames returns the names of all arguments.
func passArgNames() []string {
	var names []string
	for _, k := range knownPassArgs {
		names = append(names, k.names...)
	}
	return names
}

// acceptedPassArgs returns the usual names of the arguments that are not refused.
func acceptedPassArgs() []string {
	var names []string
	for _, k := range knownPassArgs {
		if k.refuse == "" {
			names = append(names, k.names[0])
		}
	}
	return names
}

// take takes one argument, NAME or NAME@VALUE.
func (a *passArgs) take(o *rewrite.Options, arg string) error {
	name, value, hasValue := strings.Cut(arg, "@")
	at := slices.IndexFunc(knownPassArgs, func(k passArg) bool { return slices.Contains(k.names, name) })
	if at < 0 {
		return unknown("pass argument", name, passArgNames())
	}
	known := knownPassArgs[at]
	if a.given[known.names[0]] {
		return usageError(fmt.Sprintf("--pass-arg=%s is given twice: wasm-opt takes the last one; make one list of them", name))
	}
	if a.given == nil {
		a.given = map[string]bool{}
	}
	a.given[known.names[0]] = true
	switch {
	case known.refuse != "":
		return usageError(fmt.Sprintf("--pass-arg=%s: %s", name, known.refuse))
	case known.set != nil:
		if hasValue && value != "1" {
			return usageError(fmt.Sprintf("--pass-arg=%s takes no value: wasm-opt would take %q, too, to switch it on; leave the argument out if it is to be off", name, value))
		}
		known.set(o)
		if known.note != "" {
			a.notes = append(a.notes, name+": "+known.note)
		}
		return nil
	case !hasValue && known.list != nil:
		return usageError(fmt.Sprintf("--pass-arg=%s needs a list: --pass-arg=%s@LIST", name, name))
	case known.list != nil:
		return a.takeList(o, name, value, known.list)
	case value == "":
		return usageError(fmt.Sprintf("--pass-arg=%s needs the name that the memory is exported by: --pass-arg=%s@memory", name, name))
	}
	a.memory = value
	return nil
}

// takeList takes a list: numbers wait until the module is known.
func (a *passArgs) takeList(o *rewrite.Options, name, value string, list func(*rewrite.Options) *[]string) error {
	entries, err := readList("--pass-arg="+name, value)
	for _, e := range entries {
		if _, notNumber := strconv.ParseUint(e, 10, 32); notNumber == nil && list(o) != &o.Suspend {
			a.unnamed = append(a.unnamed, unnamedEntry{name, e, list})
		} else {
			*list(o) = append(*list(o), e)
		}
	}
	return err
}

// forModule does what can be done only when the module is known.
func (a *passArgs) forModule(m *wat.Module, o *rewrite.Options) error {
	for _, e := range a.unnamed {
		entry, err := e.resolve(m)
		if err != nil {
			return err
		}
		*e.list(o) = append(slices.Clip(*e.list(o)), entry)
	}
	if a.memory == "" {
		return nil
	}
	var names []string
	for _, e := range m.Exports {
		if e.Kind == wat.KindMemory {
			names = append(names, e.Name)
		}
	}
	if slices.Contains(names, a.memory) {
		return nil
	}
	err := &wat.Error{
		Source: m.Source, Span: wat.NoSpan, Code: rewrite.ErrMemory,
		Msg: fmt.Sprintf("no memory is exported as %q, which asyncify-memory names", a.memory),
	}
	if err.Hint = "the module exports none"; len(names) > 0 {
		err.Hint = "exported is " + strings.Join(names, ", ")
	}
	return err
}

// resolve returns the entry by the name that the function has here.
func (e unnamedEntry) resolve(m *wat.Module) (string, error) {
	left, _ := strconv.ParseUint(e.text, 10, 32)
	for id, f := range m.Funcs {
		switch {
		case f.Name == e.text:
			return e.text, nil
		case f.Import != nil:
		case left > 0:
			left--
		case f.Name == "" || f.Name == wat.DefaultFunc(id):
			return m.Names().Funcs[id], nil
		default:
			return "", &wat.Error{
				Source: m.Source, Span: f.Span, Code: rewrite.ErrList,
				Msg: fmt.Sprintf("%s lists %s, which would be a function without a name, but it has one, %s", e.arg, e.text, wat.ID(f.Name)),
			}
		}
	}
	return "", &wat.Error{
		Source: m.Source, Span: wat.NoSpan, Code: rewrite.ErrList,
		Msg:  fmt.Sprintf("%s lists function %s, and there are not so many", e.arg, e.text),
		Hint: "functions without names are counted from 0, imports left out",
	}
}
