package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/watfiber/watfiber/wat"
)

// This file reads command lines that were written for wasm-opt --asyncify: with the name
// of the tool changed they do the same, or a message says what they do not.

// A peerFlag is an option of wasm-opt that has a meaning here, or none that matters.
type peerFlag struct {
	names   []string
	value   bool   // it takes one
	becomes string // the flag of ours that means it
	ignored string // why it need not mean anything
	refused string // why it cannot be ignored
}

// Why options of wasm-opt are ignored or refused.
const (
	notAnOptimizer = "watfiber does not optimise; run wasm-opt before, not after"
	allFeatures    = "what the module uses is found in it"
	alwaysChecked  = "modules are always checked"
	noSourceMaps   = "source maps are neither read nor written; watfiber reads lines from DWARF (see --frames)"
	multiValue     = "what is inserted uses functions with several results; --enable-multivalue allows them"
)

var peerFlags = []peerFlag{
	{names: []string{"--asyncify"}},
	{names: []string{"--debuginfo", "-g"}}, // names are kept anyway
	{names: []string{"--output", "-o"}, value: true, becomes: "--output"},
	{names: []string{"--pass-arg", "-pa"}, value: true, becomes: "--pass-arg"},
	{names: []string{"--quiet", "-q"}, becomes: "--quiet"},
	{names: []string{"--emit-text", "-S"}}, // see peerLine

	{names: []string{"-O", "-O0", "-O1", "-O2", "-O3", "-O4", "-Os", "-Oz"}, ignored: notAnOptimizer},
	{names: []string{"--converge", "-c"}, ignored: notAnOptimizer},
	{names: []string{"--optimize-level", "-ol"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--shrink-level", "-s"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--always-inline-max-function-size", "-aimfs"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--flexible-inline-max-function-size", "-fimfs"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--one-caller-inline-max-function-size", "-ocimfs"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--inline-max-combined-binary-size", "-imcbs"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--inline-functions-with-loops", "-ifwl"}, ignored: notAnOptimizer},
	{names: []string{"--partial-inlining-ifs", "-pii"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--ignore-implicit-traps", "-iit"}, ignored: notAnOptimizer},
	{names: []string{"--traps-never-happen", "-tnh"}, ignored: notAnOptimizer},
	{names: []string{"--low-memory-unused", "-lmu"}, ignored: notAnOptimizer},
	{names: []string{"--fast-math", "-ffm"}, ignored: notAnOptimizer},
	{names: []string{"--zero-filled-memory", "-uim"}, ignored: notAnOptimizer},
	{names: []string{"--closed-world", "-cw"}, ignored: notAnOptimizer},
	{names: []string{"--skip-pass", "-sp"}, value: true, ignored: notAnOptimizer},
	{names: []string{"--generate-stack-ir"}, ignored: notAnOptimizer},
	{names: []string{"--optimize-stack-ir"}, ignored: notAnOptimizer},
	{names: []string{"--no-stack-ir"}, ignored: notAnOptimizer},

	{names: []string{"--all-features", "-all"}, ignored: allFeatures},
	{names: []string{"--detect-features"}, ignored: allFeatures},
	{names: []string{"--nominal"}, ignored: allFeatures},
	{names: []string{"--structural"}, ignored: allFeatures},
	{names: []string{"--hybrid"}, ignored: allFeatures},
	{names: []string{"--preserve-type-order"}, ignored: "types keep their order"},
	{names: []string{"--no-validation", "-n"}, ignored: alwaysChecked},
	{names: []string{"--mvp-features", "-mvp"}, ignored: allFeatures},

	{names: []string{"--input-source-map", "-ism"}, value: true, refused: noSourceMaps},
	{names: []string{"--output-source-map", "-osm"}, value: true, refused: noSourceMaps},
	{names: []string{"--output-source-map-url", "-osu"}, value: true, refused: noSourceMaps},
	{names: []string{"--emit-exnref", "--experimental-new-eh"}, refused: "modules with exceptions are not supported"},
}

// findPeerFlag returns the option of wasm-opt of a name.
func findPeerFlag(name string) (peerFlag, bool) {
	at := slices.IndexFunc(peerFlags, func(f peerFlag) bool { return slices.Contains(f.names, name) })
	switch {
	case at >= 0:
		return peerFlags[at], true
	case strings.HasPrefix(name, "--enable-"), strings.HasPrefix(name, "--disable-"):
		return peerFlag{names: []string{name}, ignored: allFeatures}, true
	}
	return peerFlag{}, false
}

// peerLine translates the options of wasm-opt in a command line for build or rewrite. A
// line with --asyncify needs no command; with -S it asks for text, as rewrite does. The
// notes say what is ignored.
func peerLine(grammar *kong.Application, args []string) (line, notes []string, err error) {
	args, global := addCommand(grammar, args)
	if len(args) == 0 || args[0] != "build" && args[0] != "rewrite" {
		return append(global, args...), nil, nil
	}
	p := &peerParser{asyncify: slices.Contains(args, "--asyncify"), ignored: map[string][]string{}}
	p.ours = ownFlags(grammar, args[0])
	for rest := args[1:]; len(rest) > 0; {
		if rest[0] == "--" {
			p.line = append(p.line, rest...)
			break
		}
		if rest, err = p.option(rest); err != nil {
			return nil, nil, err
		}
	}
	command := args[0]
	if p.text {
		command = "rewrite"
	}
	if p.without != "" {
		return nil, nil, usageError(p.without + ": " + multiValue)
	}
	for _, reason := range p.reasons {
		notes = append(notes, strings.Join(p.ignored[reason], ", ")+" ignored: "+reason)
	}
	return slices.Concat(global, []string{command}, p.line), notes, nil
}

// addCommand puts build before a line of wasm-opt, which has no command. It returns the
// flags before the command by themselves.
func addCommand(grammar *kong.Application, args []string) (line, global []string) {
	for len(args) > 0 && strings.HasPrefix(args[0], "--color") {
		n := 1
		if args[0] == "--color" {
			n = min(2, len(args))
		}
		global, args = append(global, args[:n]...), args[n:]
	}
	if len(args) == 0 || !slices.Contains(args, "--asyncify") {
		return args, global
	}
	for _, c := range grammar.Children {
		if args[0] == c.Name || slices.Contains(c.Aliases, args[0]) {
			return args, global
		}
	}
	return append([]string{"build"}, args...), global
}

// ownFlags returns the flags of a command with their dashes, and whether they take a
// value.
func ownFlags(grammar *kong.Application, command string) map[string]bool {
	flags := map[string]bool{}
	for _, c := range grammar.Children {
		if c.Name != command {
			continue
		}
		for _, group := range c.AllFlags(false) {
			for _, f := range group {
				flags["--"+f.Name] = !f.IsBool()
				if f.Short != 0 {
					flags["-"+string(f.Short)] = !f.IsBool()
				}
			}
		}
	}
	return flags
}

// peerParser translates one line.
type peerParser struct {
	ours     map[string]bool // our own flags: whether they take a value
	asyncify bool            // the line is one of wasm-opt
	line     []string
	text     bool                // -S
	without  string              // the option that forbids functions with several results, if none behind it allows them
	reasons  []string            // why options are ignored, as they come
	ignored  map[string][]string // which, by reason
}

// option translates the first argument, with its value if that is the next one, and
// returns the rest.
func (p *peerParser) option(args []string) (rest []string, err error) {
	arg, rest := args[0], args[1:]
	name, value, hasValue := strings.Cut(arg, "=")
	takes, ours := p.ours[name]
	flag, known := findPeerFlag(name)
	switch {
	case len(arg) < 2 || arg[0] != '-':
		p.line = append(p.line, arg)
		return rest, nil
	case !known && (ours || !p.asyncify):
		p.line = append(p.line, arg)
		if ours && takes && !hasValue && len(rest) > 0 {
			p.line, rest = append(p.line, rest[0]), rest[1:]
		}
		return rest, nil
	case !known:
		return nil, p.unknown(name)
	case flag.refused != "":
		return nil, usageError(fmt.Sprintf("%s: %s", name, flag.refused))
	}
	if flag.value && !hasValue {
		if len(rest) == 0 {
			return nil, usageError(name + " needs a value")
		}
		value, rest = rest[0], rest[1:]
	}
	p.translate(flag, arg, name, value)
	return rest, nil
}

func (p *peerParser) translate(flag peerFlag, arg, name, value string) {
	switch name {
	case "--mvp-features", "-mvp", "--disable-multivalue":
		p.without = name
	case "--all-features", "-all", "--enable-multivalue":
		p.without = ""
	}
	switch {
	case flag.ignored != "":
		if p.ignored[flag.ignored] == nil {
			p.reasons = append(p.reasons, flag.ignored)
		}
		if flag.value {
			arg = name + "=" + value
		}
		p.ignored[flag.ignored] = append(p.ignored[flag.ignored], arg)
	case flag.value:
		p.line = append(p.line, flag.becomes+"="+value)
	case flag.becomes != "":
		p.line = append(p.line, flag.becomes)
	case slices.Contains(flag.names, "--emit-text"):
		p.text = true
	}
}

// unknown is the error about an option that neither has, or that is another pass of
// wasm-opt.
func (p *peerParser) unknown(name string) error {
	var names []string
	for _, f := range peerFlags {
		names = append(names, f.names...)
	}
	for n := range p.ours {
		names = append(names, n)
	}
	slices.Sort(names)
	message := name + " is not known here; if it is another pass of wasm-opt, run that as a step of its own, before"
	if hint := wat.DidYouMean(name, names); hint != "" {
		message += "; " + hint
	}
	return usageError(message)
}
