package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// selection is the flags that say what may suspend.
type selection struct {
	Suspend        []string `placeholder:"MODULE.NAME,…" sep:"none" help:"Imports that may suspend. * stands for any characters; @FILE reads a list, one a line."`
	Wit            string   `placeholder:"FILE" help:"A WIT package as text, JSON or folder, or a module that has it inside: the imports are checked against a world of it, and those whose functions wait may suspend (docs/options.md has the rule)."`
	World          string   `placeholder:"NAME" help:"The world of --wit, if it has several."`
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
	Probes         bool     `help:"For recorders such as watfiber trace: the module calls an import watfiber.trace.event whenever something happens to a stack."`
	ExportStack    bool     `help:"For hosts that have many calls of one instance under way: export the stack pointer."`
	PassArg        []string `placeholder:"asyncify-…@…" sep:"none" help:"The same in the words of wasm-opt --asyncify: asyncify-imports@LIST, asyncify-onlylist@LIST and so on."`

	peer passArgs `kong:"-"` // what PassArg says beside options
}

// tuning is the flags that say what the output is to be good at.
type tuning struct {
	Optimize string   `enum:"default,size,speed" default:"default" help:"What the output is to be good at: size makes it smaller; speed has code that runs while nothing suspends in copies without dispatches, in functions that seem to run often."`
	Hot      []string `placeholder:"FUNC,…" sep:"none" help:"Functions that run often, as a profile says: they get such copies in any case."`
}

// tune takes what the flags mean.
func (t *tuning) tune(o *rewrite.Options) (err error) {
	if o.Optimize, err = rewrite.ParseOptimize(t.Optimize); err != nil {
		return err
	}
	o.Hot, err = readLists("--hot", t.Hot)
	return err
}

// options returns what the flags mean.
func (s *selection) options() (rewrite.Options, error) {
	var o rewrite.Options
	o.RedirectWASI, o.Frames, o.Guard, o.ExportStack = s.Redirect == "wasi", s.Frames, s.Guard, s.ExportStack
	o.AddCallers, o.Asserts, o.Probes = s.AddCallers, s.Asserts, s.Probes
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
		if err := s.peer.take(&o, arg); err != nil {
			return o, err
		}
	}
	if s.World != "" && s.Wit == "" {
		return o, usageError("--world says which world of a WIT package: give it with --wit")
	}
	if s.Indirect != "" && s.peer.given["asyncify-ignore-indirect"] {
		return o, usageError("asyncify-ignore-indirect and --indirect are both given")
	}
	if o.AddCallers && len(s.Add) == 0 && !s.peer.given["asyncify-addlist"] {
		return o, usageError("callers of listed functions are to be added, and none are listed: --add-callers (asyncify-propagate-addlist) needs --add (asyncify-addlist)")
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

// forModule completes options with what depends on the module.
func (s *selection) forModule(m *wat.Module, o *rewrite.Options) error {
	if err := s.peer.forModule(m, o); err != nil {
		return err
	}
	return s.askWorld(m, o)
}

// loadText reads a module, a binary as the text that is printed of it, and completes the
// options by what they say of this module.
func (s *selection) loadText(c *console, path string, o *rewrite.Options) (*wat.Module, error) {
	m, err := c.load(path)
	if err != nil {
		return nil, err
	}
	return s.inText(c, m, o)
}

// inText returns a module that has been read, as loadText does.
func (s *selection) inText(c *console, m *wat.Module, o *rewrite.Options) (*wat.Module, error) {
	if err := s.forModule(m, o); err != nil {
		return nil, err
	}
	o.Lines = c.sourceLines(m)
	if !m.Source.Binary {
		return m, nil
	}
	return asText(m)
}

// readList splits a list at its commas, or reads it from a file: one entry a line, or,
// if the file has one line, with commas.
func readList(flag, text string) ([]string, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, pathError(err)
		}
		text = string(data)
	}
	parts, closed := splitList(text)
	if !closed {
		return nil, usageError(fmt.Sprintf("the list of %s cannot be split at its commas, since a bracket is not closed: put the names into a file, one a line, and give @FILE", flag))
	}
	var entries []string
	for _, e := range parts {
		if e = strings.TrimSpace(e); e != "" {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, usageError(fmt.Sprintf("the list of %s is empty", flag))
	}
	return entries, nil
}

// splitList splits at line breaks, if there are any within, or at the commas that are
// not inside brackets: names of C++ functions have commas in their signatures. A
// bracket that is not closed hides the commas behind it.
func splitList(text string) (parts []string, closed bool) {
	if text = strings.TrimSpace(text); strings.Contains(text, "\n") {
		return strings.Split(text, "\n"), true
	}
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case strings.IndexByte(")]}>", c) >= 0:
			depth = max(depth-1, 0)
		case c == ',' && depth == 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	last := text[from:]
	return append(parts, last), depth == 0 || !strings.Contains(last, ",")
}
