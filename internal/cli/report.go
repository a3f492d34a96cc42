package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/internal/report"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

type reportCmd struct {
	selection
	Diff   string `placeholder:"OLD" help:"Show what differs from this module, as watfiber diff says it: rewritten text, a rewritten binary, or a source, which is rewritten with the same flags; - is standard input."`
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
    watfiber report --suspend=env.sleep --trace=app.trace.json app.wasm -o app.html

For a review:

    git show main:app.wat | watfiber report --diff=- app.wat -o review.html`
}

// Run is watfiber report.
func (r *reportCmd) Run(c *console) error {
	if r.Diff == "-" && (r.Input == "" || r.Input == "-") {
		return usageError("only one of the modules can be standard input")
	}
	opts, err := r.options()
	if err != nil {
		return err
	}
	old, err := r.old(c, opts)
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
	if old != nil {
		data.Compare(old)
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

// old returns the module to compare with, nil for none.
func (r *reportCmd) old(c *console, opts rewrite.Options) (*report.Old, error) {
	if r.Diff == "" {
		return nil, nil
	}
	m, err := c.load(r.Diff)
	if err != nil {
		return nil, err
	}
	if diff.IsRewritten(m) {
		return report.OldRewritten(m)
	}
	if m, err = r.inText(c, m, &opts); err != nil {
		return nil, err
	}
	old, err := report.OldSource(m, opts)
	for _, e := range wat.Errors(err) {
		if e.Source == nil {
			e.Msg = r.Diff + ": " + e.Msg // the flags are for both modules
		}
	}
	return old, err
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
