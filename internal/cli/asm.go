package cli

import (
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

type asmCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write the binary here."`
	naming
	Input string `arg:"" optional:"" name:"module" help:"Text or binary; - or nothing is standard input."`
}

// Help is the end of watfiber asm --help.
func (asmCmd) Help() string {
	return `The binary has a name section with every name of the text. A binary as input is encoded anew. The source map of a rewritten text lets debuggers pass over the lines that were inserted.

Example:

    watfiber asm app.wat -o app.wasm`
}

// Run is watfiber asm.
func (a *asmCmd) Run(c *console) error {
	if err := c.checkBinaryOutput(a.Output); err != nil {
		return err
	}
	if err := a.check(a.Output); err != nil {
		return err
	}
	m, err := c.load(a.Input)
	if err != nil {
		return err
	}
	out := a.encode(m)
	var maps []output
	if a.SourceMap.on {
		if out, maps, err = a.sourceMap(c, m, out); err != nil {
			return err
		}
	}
	if err := c.write(append(maps, binaryOutput(a.Output, out))...); err != nil {
		return err
	}
	c.notes(m.Notes)
	c.notes(binary.Warnings(m, out))
	return nil
}

// sourceMap returns the binary with a section about its source map, and the map.
func (a *asmCmd) sourceMap(c *console, m *wat.Module, out []byte) ([]byte, []output, error) {
	in := mapping{wasm: out, inserted: a.StepInserted, output: a.Output, text: m, source: m, textPath: a.Input, sourcePath: sourcePath(a.Input)}
	var err error
	switch {
	case m.Source.Binary:
		in.places = c.places(m, a.Input, a.SourceMap.file(a.Output))
		if in.text, err = asText(m); err != nil {
			return nil, nil, err
		}
		in.source, in.sourcePath = in.text, in.sourcePath+".wat"
		in.textPath = in.sourcePath
	case wat.FindMarker(m.Source.Text) >= 0:
		in.sourcePath = strippedPath(a.Input)
		if in.source, err = wat.Parse(in.sourcePath, wat.Strip(m.Source.Text)); err != nil {
			return nil, nil, err
		}
	}
	return a.SourceMap.write(in)
}
