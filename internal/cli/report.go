package cli

import (
	"github.com/watfiber/watfiber/internal/report"
)

type reportCmd struct {
	selection
	Output string `short:"o" placeholder:"FILE" help:"Write the page here; to standard output if this does not say."`
	Input  string `arg:"" optional:"" name:"module" help:"Text or binary, not rewritten yet; - or nothing is standard input."`
}

// Help is the end of watfiber report --help.
func (reportCmd) Help() string {
	return `The page is one file that needs no network: the source beside the rewritten text, inserted lines that fold, why each function gets code, what its frames hold, and what each pass has found out.

Example:

    watfiber report --suspend=env.sleep app.wasm -o app.html`
}

// Run is watfiber report.
func (r *reportCmd) Run(c *console) error {
	opts, err := r.options()
	if err != nil {
		return err
	}
	m, err := c.load(r.Input)
	if err != nil {
		return err
	}
	if err := r.forModule(m, &opts); err != nil {
		return err
	}
	opts.Lines = c.sourceLines(m)
	if m.Source.Binary {
		if m, err = asText(m); err != nil {
			return err
		}
	}
	data, err := report.New(m, opts)
	if err != nil {
		return err
	}
	page, err := data.Page()
	if err != nil {
		return err
	}
	return c.write(binaryOutput(r.Output, page))
}
