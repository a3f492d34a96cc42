package cli

import "github.com/watfiber/watfiber/rewrite"

type rewriteCmd struct {
	selection
	Shape string `enum:"moved,plain" default:"moved" help:"moved opens source blocks early, so that less code is needed; plain leaves every source line in its place."`
	tuning
	After string `placeholder:"PASS" help:"Stop after a pass and show what it found out: callgraph, sites, liveness, operands, frame, inline, hot, emit, runtime or verify."`
	pinning
	Output string `short:"o" placeholder:"FILE" help:"Write the text here instead of to standard output."`
	Quiet  bool   `short:"q" help:"Say nothing unless something is wrong."`
	Input  string `arg:"" optional:"" name:"module" help:"Text or binary; - or nothing is standard input."`
}

// Help is the end of watfiber rewrite --help.
func (rewriteCmd) Help() string {
	return `Every line that is inserted ends in a ;;~ comment. A source line that has to go stays as a ;;- comment. The rest is the source as it was; watfiber strip gives it back.

Examples:

See what becomes of a function, blocks left where they are:

    watfiber rewrite --suspend=env.sleep --shape=plain app.wat

See which functions may suspend and why, before there is any code:

    watfiber rewrite --suspend=env.sleep --after=callgraph app.wat

Rewrite an edited source so that little else changes, and saved frames stay of use:

    watfiber rewrite --suspend=env.sleep --pin=app.fiber.wat app.wat -o app.fiber.wat

Get the source back:

    watfiber rewrite --suspend=env.sleep app.wat | watfiber strip`
}

// Run is watfiber rewrite.
func (r *rewriteCmd) Run(c *console) error {
	opts, err := r.options()
	if err != nil {
		return err
	}
	opts.After = r.After
	if opts.Shape, err = rewrite.ParseShape(r.Shape); err != nil {
		return err
	}
	if err := r.tune(&opts); err != nil {
		return err
	}
	if names, _ := rewrite.Passes(); r.After != "" && !contains(names, r.After) {
		return unknown("pass", r.After, names)
	}
	p := c.progress(r.Quiet)
	defer p.done()
	p.stage("reading")
	m, err := r.loadText(c, r.Input, &opts)
	if err != nil {
		return err
	}
	p.stage("rewriting")
	pinned, err := r.take(c, m, &opts)
	if err != nil {
		return err
	}
	result, err := rewrite.Rewrite(m, opts)
	if err != nil {
		return err
	}
	p.done()
	c.reasons(result.Reasons)
	if !r.Quiet {
		c.notes(c.peerNotes)
		c.notes(r.peer.notes)
		c.notes(m.Notes)
		c.notes(pinned)
		c.notes(result.Notes)
	}
	return c.write(textOutput(r.Output, result.Text))
}
