package cli

type checkCmd struct {
	Inputs []string `arg:"" optional:"" name:"module" help:"Texts or binaries; - or nothing is standard input."`
}

// Help is the end of watfiber check --help.
func (checkCmd) Help() string {
	return `Prints nothing if all modules are valid WebAssembly 2.0; otherwise what is wrong and where, and the exit status is 1.

Example:

    watfiber check app.wat lib.wasm`
}

// Run is watfiber check.
func (k *checkCmd) Run(c *console) error {
	if len(k.Inputs) == 0 {
		k.Inputs = []string{"-"}
	}
	rejected := false
	for _, path := range k.Inputs {
		if _, err := c.load(path); err != nil {
			c.fail(err)
			rejected = true
		}
	}
	if rejected {
		return exitError(exitRejected)
	}
	return nil
}
