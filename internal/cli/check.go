package cli

import "fmt"

type checkCmd struct {
	Layout bool     `help:"Say where the modules keep data and stacks, and what is dangerous about that."`
	Inputs []string `arg:"" optional:"" name:"module" help:"Texts or binaries; - or nothing is standard input."`
}

// Help is the end of watfiber check --help.
func (checkCmd) Help() string {
	return `Prints nothing if all modules are valid WebAssembly 2.0, but for what --layout asks; otherwise what is wrong and where, and the exit status is 1.

Example:

    watfiber check app.wat lib.wasm

Does the main stack run into the data when it is too deep?

    watfiber check --layout app.wasm`
}

// Run is watfiber check.
func (k *checkCmd) Run(c *console) error {
	if len(k.Inputs) == 0 {
		k.Inputs = []string{"-"}
	}
	rejected := false
	for _, path := range k.Inputs {
		m, err := c.load(path)
		switch {
		case err != nil:
			c.fail(err)
			rejected = true
		case k.Layout:
			fmt.Fprint(c.stdout, layoutText(m))
		}
	}
	if rejected {
		return exitError(exitRejected)
	}
	return nil
}
