package cli

import (
	"fmt"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// pinning is the flag that keeps what an earlier output has fixed.
type pinning struct {
	Pin string `placeholder:"OLD" help:"Keep the numbers of call sites, and where frames have their values, as in an earlier output: rewritten text, or a binary built with --frames."`
}

// take reads the earlier output and says in opts what it fixes of a module. What could not
// be kept is returned, a line each.
func (p pinning) take(c *console, m *wat.Module, opts *rewrite.Options) (notes []string, err error) {
	if p.Pin == "" {
		return nil, nil
	}
	if p.Pin == "-" && m.Source.Name == stdinName {
		return nil, usageError("only one of the module and the output that --pin names can be standard input")
	}
	old, err := c.load(p.Pin)
	if err != nil {
		return nil, err
	}
	side, err := earlier(old)
	if err != nil {
		return nil, err
	}
	if side.Asserts != opts.Asserts {
		if side.Asserts {
			return nil, fmt.Errorf("%s: its frames have words for assertions: give --asserts here as well, or pin to an output without them", side.Name)
		}
		return nil, fmt.Errorf("%s: its frames have no words for assertions: leave --asserts out here, or pin to an output with them", side.Name)
	}
	unpinned := *opts
	unpinned.After = ""
	e, err := rewrite.Explain(m, unpinned)
	if err != nil {
		return nil, err
	}
	opts.Pins, notes, err = diff.Pins(side, e)
	return notes, err
}

// earlier returns what an earlier output says.
func earlier(m *wat.Module) (*diff.Side, error) {
	switch {
	case !diff.IsRewritten(m):
		return nil, fmt.Errorf("%s: it has not been rewritten: --pin takes an output of watfiber rewrite or build", m.Source.Name)
	case !m.Source.Binary && wat.FindMarker(m.Source.Text) >= 0:
		return diff.FromText(m)
	}
	return diff.FromBinary(m)
}
