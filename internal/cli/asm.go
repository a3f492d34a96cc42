package cli

import "github.com/watfiber/watfiber/wat/binary"

type asmCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write the binary here."`
	Input  string `arg:"" optional:"" name:"module" help:"Text or binary; - or nothing is standard input."`
}

// Help is the end of watfiber asm --help.
func (asmCmd) Help() string {
	return `The binary has a name section with every name of the text. A binary as input is encoded anew.

Example:

    watfiber asm app.wat -o app.wasm`
}

// Run is watfiber asm.
func (a *asmCmd) Run(c *console) error {
	if err := c.checkBinaryOutput(a.Output); err != nil {
		return err
	}
	m, err := c.load(a.Input)
	if err != nil {
		return err
	}
	out := binary.Encode(m)
	if err := c.write(binaryOutput(a.Output, out)); err != nil {
		return err
	}
	c.notes(m.Notes)
	c.notes(binary.Warnings(m, out))
	return nil
}
