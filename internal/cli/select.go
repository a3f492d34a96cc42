package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/rewrite/callgraph"
)

// selection is the flags that say what may suspend.
type selection struct {
	Suspend        []string `placeholder:"MODULE.NAME,…" sep:"none" help:"Imports that may suspend. * stands for any characters; @FILE reads a list, one a line."`
	Only           []string `placeholder:"FUNC,…" sep:"none" help:"The only functions that may suspend; excludes --add and --remove."`
	Add            []string `placeholder:"FUNC,…" sep:"none" help:"Functions that may suspend though nothing shows it."`
	AddCallers     bool     `help:"With --add: so may whoever calls them."`
	Remove         []string `placeholder:"FUNC,…" sep:"none" help:"Functions that never suspend, whatever they call."`
	Indirect       string   `placeholder:"all|typed|none|FUNC,…" help:"Which calls through tables may suspend: all; those that may reach such a function by their type, even if a host may change the table (typed); none; only those in these functions. If this does not say: by type, and all where a host may change the table."`
	IgnoreIndirect bool     `help:"The same as --indirect=none."`
	Redirect       string   `enum:",wasi" default:"" placeholder:"wasi" help:"wasi: where the program sleeps, polls, reads, accepts or sends by WASI, one fiber waits, and others run."`
	StackSize      *uint32  `placeholder:"BYTES" help:"For the stacks of a fiber of the library, where the program does not say; 65520 if this does not either."`
	Wrap           []string `placeholder:"EXPORT,…" sep:"none" help:"With the fiber library: the only exports that become main fibers; all that may suspend, if this does not say. The others must not suspend."`
	Frames         bool     `help:"Put a section into the module that says what frames hold, for watfiber frames and other debuggers."`
	Guard          bool     `help:"Functions that take bytes of the shadow stack check first that there are so many."`
	Asserts        bool     `help:"Check at run time that nothing suspends which is said not to, and trap in a function that says so: for debugging."`
	ExportStack    bool     `help:"For hosts that have many calls of one instance under way: export the stack pointer."`
	PassArg        []string `placeholder:"asyncify-…@…" sep:"none" help:"The same in the words of wasm-opt --asyncify: asyncify-imports@LIST, asyncify-onlylist@LIST and so on."`
}

// options returns what the flags mean.
func (s *selection) options() (rewrite.Options, error) {
	var o rewrite.Options
	o.RedirectWASI, o.Frames, o.Guard, o.ExportStack = s.Redirect == "wasi", s.Frames, s.Guard, s.ExportStack
	o.AddCallers, o.Asserts = s.AddCallers, s.Asserts
	if err := s.indirect(&o); err != nil {
		return o, err
	}
	if s.StackSize != nil {
		if *s.StackSize == 0 {
			return o, usageError("--stack-size=0: leave it out for the usual size")
		}
		o.StackSize = *s.StackSize
	}
	for _, list := range []struct {
		flag  string
		words []string
		to    *[]string
	}{{"--suspend", s.Suspend, &o.Suspend}, {"--only", s.Only, &o.Only}, {"--add", s.Add, &o.Add}, {"--remove", s.Remove, &o.Remove}, {"--wrap", s.Wrap, &o.Wrap}} {
		for _, word := range list.words {
			entries, err := readList(list.flag, word)
			if err != nil {
				return o, err
			}
			*list.to = append(*list.to, entries...)
		}
	}
	for _, arg := range s.PassArg {
		if err := passArg(&o, arg); err != nil {
			return o, err
		}
	}
	return o, nil
}

// indirect takes what is said of calls through tables.
func (s *selection) indirect(o *rewrite.Options) error {
	switch {
	case s.IgnoreIndirect && s.Indirect != "":
		return usageError("--ignore-indirect and --indirect are both given")
	case s.IgnoreIndirect:
		o.Indirect = callgraph.None
	case s.Indirect != "":
		entries, err := readList("--indirect", s.Indirect)
		if err != nil {
			return err
		}
		o.Indirect, o.IndirectIn = rewrite.ParseIndirect(entries)
	}
	return nil
}

// readList splits a list at its commas, or reads it from a file.
func readList(flag, text string) ([]string, error) {
	separator := ","
	if path, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, pathError(err)
		}
		text, separator = string(data), "\n"
	}
	var entries []string
	for _, e := range splitList(text, separator) {
		if e = strings.TrimSpace(e); e != "" {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, usageError(fmt.Sprintf("the list of %s is empty", flag))
	}
	return entries, nil
}

// splitList splits at a separator that is not inside brackets: names of C++
// functions have commas in their signatures.
func splitList(text, separator string) []string {
	if strings.Contains(strings.TrimSpace(text), "\n") {
		separator = "\n"
	}
	var parts []string
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case strings.IndexByte(")]}>", c) >= 0:
			depth = max(depth-1, 0)
		case c == separator[0] && (depth == 0 || separator == "\n"):
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}

// passArgs are the arguments of wasm-opt's pass that have a meaning here.
var passArgs = []string{
	"asyncify-imports", "asyncify-ignore-imports", "asyncify-ignore-indirect", "asyncify-onlylist", "asyncify-whitelist",
	"asyncify-addlist", "asyncify-propagate-addlist", "asyncify-removelist", "asyncify-blacklist",
	"asyncify-asserts",
}

// passArg takes an argument as wasm-opt --asyncify spells it.
func passArg(o *rewrite.Options, arg string) error {
	name, value, hasValue := strings.Cut(arg, "@")
	list := func(to *[]string) error {
		if !hasValue {
			return usageError(fmt.Sprintf("--pass-arg=%s needs a list: --pass-arg=%s@LIST", name, name))
		}
		entries, err := readList("--pass-arg="+name, value)
		*to = append(*to, entries...)
		return err
	}
	switch name {
	case "asyncify-imports":
		return list(&o.Suspend)
	case "asyncify-onlylist", "asyncify-whitelist":
		return list(&o.Only)
	case "asyncify-addlist":
		return list(&o.Add)
	case "asyncify-removelist", "asyncify-blacklist":
		return list(&o.Remove)
	case "asyncify-ignore-imports":
		o.IgnoreImports = true
	case "asyncify-ignore-indirect":
		o.Indirect = callgraph.None
	case "asyncify-asserts":
		o.Asserts = true
	case "asyncify-propagate-addlist":
		o.AddCallers = true
	default:
		return unknown("pass argument", name, passArgs)
	}
	return nil
}
