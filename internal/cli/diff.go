package cli

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

type diffCmd struct {
	selection
	Shape string `enum:"moved,plain" default:"moved" help:"The shape in which sources are rewritten."`
	tuning
	Stat     bool   `xor:"form" help:"A line for each function."`
	JSON     bool   `name:"json" xor:"form" help:"Everything as JSON."`
	Markdown bool   `xor:"form" help:"As Markdown, to be pasted into a review."`
	Old      string `arg:"" help:"The module before: rewritten text, a rewritten binary, or a source; - is standard input."`
	New      string `arg:"" help:"The module now."`
}

// Help is the end of watfiber diff --help.
func (diffCmd) Help() string {
	return `Compares by function what a rewrite does: which functions get code, and why; call sites that came, went or have another number; slots that came, went or moved; bytes. Exit status 1 if functions differ.

Most is known of two sources, which are rewritten with the flags, as build would, and of two texts that watfiber rewrite has written. Rewritten binaries say which functions have code, and with --frames which sites and frames.

Examples:

    watfiber diff --suspend=env.sleep old.wasm new.wasm

    watfiber diff old.fiber.wat new.fiber.wat

    git show main:app.wat | watfiber diff --markdown --suspend=env.sleep - app.wat`
}

// Run is watfiber diff.
func (d *diffCmd) Run(c *console) error {
	if (d.Old == "" || d.Old == "-") && (d.New == "" || d.New == "-") {
		return usageError("only one of the modules can be standard input")
	}
	given := d.given()
	opts, err := d.options()
	if err != nil {
		return err
	}
	if opts.Shape, err = rewrite.ParseShape(d.Shape); err != nil {
		return err
	}
	if err := d.tune(&opts); err != nil {
		return err
	}
	var sides [2]*diff.Side
	rewritten := 0
	for i, path := range []string{d.Old, d.New} {
		m, err := c.load(path)
		if err != nil {
			return err
		}
		if diff.IsRewritten(m) {
			rewritten++
		}
		if sides[i], err = d.side(c, m, opts); err != nil {
			return err
		}
	}
	if rewritten == 2 && given {
		return usageError("both modules have been rewritten: flags that say how to rewrite mean nothing to them")
	}
	return d.print(c, diff.Compare(sides[0], sides[1]))
}

// given reports whether any flag says how to rewrite.
func (s *selection) given() bool { return !reflect.DeepEqual(*s, selection{}) }

// side returns what is known of a module.
func (d *diffCmd) side(c *console, m *wat.Module, opts rewrite.Options) (*diff.Side, error) {
	switch {
	case !diff.IsRewritten(m):
		if err := d.forModule(m, &opts); err != nil {
			return nil, err
		}
		opts.Lines = c.sourceLines(m)
		e, err := rewrite.Explain(m, opts)
		if err != nil {
			return nil, err
		}
		c.notes(e.Result.Notes)
		return diff.FromSource(e), nil
	case !m.Source.Binary && wat.FindMarker(m.Source.Text) >= 0:
		return diff.FromText(m)
	}
	return diff.FromBinary(m)
}

func (d *diffCmd) print(c *console, found *diff.Diff) error {
	switch {
	case d.JSON:
		out := json.NewEncoder(c.stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(found); err != nil {
			return fmt.Errorf("cannot write to standard output: %w", err)
		}
	case d.Markdown:
		found.Markdown(c.stdout)
	case d.Stat:
		found.Stat(c.stdout)
	default:
		found.Print(c.stdout)
	}
	if !found.Same() {
		return exitError(exitRejected)
	}
	return nil
}
