package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/watfiber/watfiber/internal/report"
)

type reportCmd struct {
	selection
	Trace  string `placeholder:"FILE" help:"A recorded run, as watfiber trace --json writes it, to go through step by step."`
	Output string `short:"o" placeholder:"FILE" help:"Write the page here; to standard output if this does not say."`
	Input  string `arg:"" optional:"" name:"module" help:"Text or binary, not rewritten yet; - or nothing is standard input."`
}

// Help is the end of watfiber report --help.
func (reportCmd) Help() string {
	return `The page is one file that needs no network: the source beside the rewritten text, inserted lines that fold, why each function gets code, what its frames hold, and what each pass has found out.

Example:

    watfiber report --suspend=env.sleep app.wasm -o app.html

With a run to go through:

    watfiber trace --json --suspend=env.sleep app.wasm -o app.trace.json
    watfiber report --suspend=env.sleep --trace=app.trace.json app.wasm -o app.html`
}

// Run is watfiber report.
func (r *reportCmd) Run(c *console) error {
	opts, err := r.options()
	if err != nil {
		return err
	}
	m, err := r.loadText(c, r.Input, &opts)
	if err != nil {
		return err
	}
	data, err := report.New(m, opts)
	if err != nil {
		return err
	}
	if r.Trace != "" {
		if data.Trace, err = readTrace(r.Trace); err != nil {
			return err
		}
	}
	page, err := data.Page()
	if err != nil {
		return err
	}
	return c.write(binaryOutput(r.Output, page))
}

// readTrace reads a recorded run.
func readTrace(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, pathError(err)
	}
	var head struct {
		Format  string
		Version int
		Events  []json.RawMessage
	}
	switch err := json.Unmarshal(data, &head); {
	case err != nil || head.Format != "watfiber.trace":
		return nil, fmt.Errorf("%s is not what watfiber trace --json writes", path)
	case head.Version != 1:
		return nil, fmt.Errorf("%s has version %d of the format; version 1 is known", path, head.Version)
	case len(head.Events) == 0:
		return nil, fmt.Errorf("%s has no events", path)
	}
	return data, nil
}
