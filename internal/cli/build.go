package cli

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

type buildCmd struct {
	selection
	Shape string `enum:"moved,plain" default:"moved" help:"moved opens source blocks early, so that less code is needed; plain leaves every source line in its place."`
	tuning
	pinning
	Output  string `short:"o" placeholder:"FILE" help:"Write the binary here."`
	EmitWat string `placeholder:"FILE" help:"Write the rewritten text as well."`
	naming
	Quiet bool   `short:"q" help:"Say nothing unless something is wrong."`
	Input string `arg:"" optional:"" name:"module" help:"Text or binary; - or nothing is standard input."`
}

// Help is the end of watfiber build --help.
func (buildCmd) Help() string {
	return `Examples:

A program that calls an import env.sleep, which suspends it:

    watfiber build --suspend=env.sleep app.wasm -o app.fiber.wasm

A program with a runtime of its own, which imports start_unwind and so on from module asyncify, as Crystal programs do:

    watfiber build app.wasm -o app.fiber.wasm

A program for WASI 0.2, whose imports a WIT file describes:

    watfiber build --wit=wit/app.wit app.wasm -o app.fiber.wasm

In place of wasm-opt, with the options as they were:

    watfiber build --asyncify -O2 --pass-arg=asyncify-imports@env.sleep app.wasm -o app.fiber.wasm

With the rewritten text beside it, to see what happened:

    watfiber build --suspend=env.* app.wat -o app.wasm --emit-wat=app.fiber.wat

For instances of the last build that are suspended and go on in this one:

    watfiber build --suspend=env.sleep --frames --pin=old.fiber.wasm app.wasm -o app.fiber.wasm

For a debugger that is to step the lines of the source, not those that are inserted:

    watfiber build --suspend=env.sleep --source-map app.wasm -o app.fiber.wasm`
}

// Run is watfiber build.
func (b *buildCmd) Run(c *console) error {
	if err := c.checkBinaryOutput(b.Output); err != nil {
		return err
	}
	opts, err := b.options()
	if err != nil {
		return err
	}
	if opts.Shape, err = rewrite.ParseShape(b.Shape); err != nil {
		return err
	}
	if err := b.tune(&opts); err != nil {
		return err
	}
	if err := b.check(b.Output); err != nil {
		return err
	}
	opts.InnerNames = b.Names == "all"
	p := c.progress(b.Quiet)
	defer p.done()
	p.stage("reading")
	m, err := c.load(b.Input)
	if err != nil {
		return err
	}
	if err := b.forModule(m, &opts); err != nil {
		return err
	}
	opts.Lines = c.sourceLines(m)
	opts.TreeOnly = m.Source.Binary || b.EmitWat == "" && !b.SourceMap.on // the text of a binary is made by itself
	p.stage("rewriting")
	pinned, err := b.take(c, m, &opts)
	if err != nil {
		return err
	}
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		return err
	}
	p.stage("writing")
	out := b.encode(r.Module)
	outputs, err := b.texts(c, m, r, opts, &out)
	if err != nil {
		return err
	}
	if err := c.write(append(outputs, binaryOutput(b.Output, out))...); err != nil {
		return err
	}
	p.done()
	c.reasons(r.Reasons)
	if !b.Quiet {
		c.notes(c.peerNotes)
		c.notes(b.peer.notes)
		c.notes(m.Notes)
		c.notes(pinned)
		if len(m.Debug) > 0 && !b.SourceMap.on {
			c.note("--source-map keeps the lines of the source for debuggers")
		}
		c.notes(r.Notes)
		c.notes(binary.Warnings(r.Module, out))
		fmt.Fprintln(c.stderr, summary(m, r, len(out)))
	}
	return nil
}

// texts returns the outputs beside the binary: the rewritten text, and a source map, which
// the binary gets a section about.
func (b *buildCmd) texts(c *console, m *wat.Module, r *rewrite.Result, opts rewrite.Options, out *[]byte) (outputs []output, err error) {
	if b.EmitWat == "" && !b.SourceMap.on {
		return nil, nil
	}
	source, text := m, r.Text
	if m.Source.Binary { // its text is rewritten as well, to the same code
		if source, err = asText(m); err != nil {
			return nil, err
		}
		opts.TreeOnly = false
		result, err := rewrite.Rewrite(source, opts)
		if err != nil {
			return nil, err
		}
		text = result.Text
	}
	if b.EmitWat != "" {
		outputs = append(outputs, textOutput(b.EmitWat, text))
	}
	if !b.SourceMap.on {
		return outputs, nil
	}
	in := mapping{wasm: *out, inserted: b.StepInserted, output: b.Output, source: source, textPath: b.EmitWat, sourcePath: sourcePath(b.Input), places: c.places(m, b.Input, b.SourceMap.file(b.Output))}
	if m.Source.Binary {
		in.sourcePath += ".wat"
	}
	if in.textPath == "" {
		in.textPath = textBeside(b.Output, b.Input)
	}
	if in.text, err = wat.Parse(in.textPath, text); err != nil {
		return nil, err
	}
	wasm, maps, err := b.SourceMap.write(in)
	*out = wasm
	return append(outputs, maps...), err
}

// notes prints what was left out of a module, or what is to be known of it.
func (c *console) notes(notes []string) {
	for _, n := range notes {
		c.note(n)
	}
}

// reasons prints why functions are instrumented, if that was asked for.
func (c *console) reasons(reasons []string) {
	for _, r := range reasons {
		fmt.Fprintln(c.stderr, r)
	}
}

// summary is one line about what a rewrite has done.
func summary(m *wat.Module, r *rewrite.Result, after int) string {
	before := len(m.Source.Text)
	size := fmt.Sprintf("%d → %d bytes (%+.1f %%)", before, after, 100*float64(after-before)/float64(before))
	if !m.Source.Binary {
		size = fmt.Sprintf("%d bytes", after)
	}
	if r.Checks > 0 {
		size = count(r.Checks, "check") + " of the stack pointer, " + size
	}
	if r.Asserts > 0 {
		size = count(r.Asserts, "call") + " looked behind, " + size
	}
	return fmt.Sprintf("%s: instrumented %d of %s, %s, %s", m.Source.Name, r.Instrumented,
		count(r.Functions, "function"), count(r.Sites, "call site"), size)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// unknown is an error about a word that is none of those known.
func unknown(what, word string, known []string) error {
	message := fmt.Sprintf("unknown %s %s", what, word)
	if hint := wat.DidYouMean(word, known); hint != "" {
		return usageError(message + "; " + hint)
	}
	return usageError(message + "; known are " + strings.Join(known, ", "))
}
