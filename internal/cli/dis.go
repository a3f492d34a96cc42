package cli

import "github.com/watfiber/watfiber/wat"

type disCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write the text here instead of to standard output."`
	Input  string `arg:"" optional:"" name:"module" help:"Text or binary; - or nothing is standard input."`
}

// Help is the end of watfiber dis --help.
func (disCmd) Help() string {
	return `One instruction a line, unfolded. Names come from the name section; what has none gets one that says what it is: of its import or export, or $f12, $l3, $L1. A text as input is printed anew, without its comments.

Example:

    watfiber dis app.wasm -o app.wat`
}

// Run is watfiber dis.
func (d *disCmd) Run(c *console) error {
	m, err := c.load(d.Input)
	if err != nil {
		return err
	}
	c.notes(m.Notes)
	return c.write(textOutput(d.Output, wat.Print(m)))
}
