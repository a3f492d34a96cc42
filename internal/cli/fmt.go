package cli

import (
	"fmt"

	"github.com/aymanbagabas/go-udiff"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

type fmtCmd struct {
	selection
	All    bool     `help:"Format all functions, not only those that may suspend."`
	Diff   bool     `short:"d" xor:"what" help:"Print what would change, as a diff; exit status 1 if anything would."`
	List   bool     `short:"l" xor:"what" help:"Print the names of files that would change; exit status 1 if any would."`
	Write  bool     `short:"w" xor:"what" help:"Write the result back to the files."`
	Output string   `short:"o" placeholder:"FILE" xor:"what" help:"Write the text here instead of to standard output."`
	Inputs []string `arg:"" optional:"" name:"text" help:"Texts; - or nothing is standard input."`
}

// Help is the end of watfiber fmt --help.
func (fmtCmd) Help() string {
	return `Functions that may suspend get one instruction a line, folded ones unfolded, and labels get names where a number would change its meaning: the form that watfiber rewrite inserts lines into, and that watfiber strip gives back. Comments stay where they were, and so does everything that has this form already. In a module in which nothing may suspend, and with --all, every function is formatted.

Examples:

    watfiber fmt -d --suspend=env.sleep app.wat

    watfiber fmt -w --all *.wat`
}

// Run is watfiber fmt.
func (f *fmtCmd) Run(c *console) error {
	opts, err := f.options()
	if err != nil {
		return err
	}
	if len(f.Inputs) == 0 {
		f.Inputs = []string{"-"}
	}
	if f.Output != "" && len(f.Inputs) > 1 {
		return usageError("-o FILE takes one input")
	}
	var outputs []output
	different := false
	for _, path := range f.Inputs {
		name, before, err := c.read(path)
		if err != nil {
			return err
		}
		after, err := f.format(name, before, opts)
		if err != nil {
			return err
		}
		different = different || after != before
		switch {
		case f.List && after != before:
			outputs = append(outputs, textOutput("", name+"\n"))
		case f.Diff && after != before:
			outputs = append(outputs, textOutput("", udiff.Unified(name, name+" (formatted)", before, after)))
		case f.Write && name == stdinName:
			return usageError("standard input cannot be written back")
		case f.Write && after != before:
			outputs = append(outputs, textOutput(path, after))
		case !f.List && !f.Diff && !f.Write:
			outputs = append(outputs, textOutput(f.Output, after))
		}
	}
	if err := c.write(outputs...); err != nil {
		return err
	}
	if different && (f.List || f.Diff) {
		return exitError(exitRejected)
	}
	return nil
}

// format returns the text of a module in normal form.
func (f *fmtCmd) format(name, text string, opts rewrite.Options) (string, error) {
	if binary.IsBinary(text) {
		return "", fmt.Errorf("%s: a binary has no layout; watfiber dis prints it as text", name)
	}
	m, err := wat.Parse(name, text)
	if err != nil {
		return "", err
	}
	if err := check.Module(m); err != nil {
		return "", err
	}
	if err := f.forModule(m, &opts); err != nil {
		return "", err
	}
	if f.All || len(opts.Suspend)+len(opts.Only)+len(opts.Add) == 0 && !rewrite.SuspendsItself(m) {
		return wat.Normalise(m, everyFunction(m)), nil
	}
	return rewrite.Normalised(m, opts)
}

func everyFunction(m *wat.Module) wat.Form {
	var form wat.Form
	for id, fn := range m.Funcs {
		if fn.Import == nil {
			form.Unfold = append(form.Unfold, wat.FuncID(id))
		}
	}
	return form
}
