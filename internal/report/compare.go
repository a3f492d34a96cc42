//go:build !js

package report

import (
	"strings"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// An Old is a module that a page is compared with.
type Old struct {
	side  *diff.Side
	text  string  // rewritten, "" if there is none
	lines []Range // of the functions of side in it
}

// OldSource returns a source, as text, that is rewritten to be compared.
func OldSource(m *wat.Module, opts rewrite.Options) (*Old, error) {
	e, err := rewrite.Explain(m, opts)
	if err != nil {
		return nil, err
	}
	all, err := ranges(m, e.Result.Text)
	if err != nil {
		return nil, err
	}
	return &Old{side: diff.FromSource(e), text: e.Result.Text, lines: all}, nil
}

// OldRewritten returns a module that has been rewritten. Of a binary there are no lines to
// compare.
func OldRewritten(m *wat.Module) (*Old, error) {
	if m.Source.Binary || wat.FindMarker(m.Source.Text) < 0 {
		side, err := diff.FromBinary(m)
		return &Old{side: side}, err
	}
	side, err := diff.FromText(m)
	if err != nil {
		return nil, err
	}
	return &Old{side: side, text: m.Source.Text, lines: lines(m)}, nil
}

// Compare notes what differs from an old module.
func (d *Data) Compare(old *Old) {
	side := diff.FromSource(d.rewrite)
	found := diff.Compare(old.side, side)
	c := &Comparison{Old: found.Old.Name, New: found.New.Name, Headline: found.Headline(), Remarks: found.Remarks(), Text: old.text != "", Funcs: []Change{}}
	for _, s := range found.Sums() {
		c.Sums = append(c.Sums, Sum{s.What, s.Old, s.New})
	}
	oldText, newText := texts(old.side, old.text, old.lines), texts(side, d.Text, d.Ranges)
	gone := len(d.Funcs)
	for _, p := range found.Pairs() {
		x := Change{Func: gone}
		if p.New != nil {
			x.Func = p.New.Index
		} else {
			gone++
		}
		if c.Text {
			x.hunks = hunks(oldText[p.Old], newText[p.New])
		}
		if x.describe(found, p); x.Status != "" {
			c.Funcs = append(c.Funcs, x)
		}
	}
	d.Comparison = c
}

// texts returns the lines of the functions of a side.
func texts(side *diff.Side, text string, all []Range) map[*diff.Func]string {
	found := map[*diff.Func]string{}
	for k, f := range side.Funcs {
		if k < len(all) {
			found[f] = text[all[k].From:all[k].To]
		}
	}
	return found
}

// describe says what has become of a function. If nothing of what counts has, but its text
// differs, it has been edited in a way that does not change what it does, or its inserted
// lines have got other names.
func (x *Change) describe(found *diff.Diff, p diff.Pair) {
	if c := p.Change; c != nil {
		x.Title, x.Status, x.Code, x.Through = c.Title(), string(c.Status), true, c.Through
		x.Figures, x.Lines, x.Bytes = found.Figures(c), c.Lines(), c.Bytes.Output.Delta()
		return
	}
	x.Status = string(p.Untouched)
	switch {
	case p.New == nil:
		x.Title, x.Bytes = p.Old.Label+" (gone)", -p.Old.After
	case p.Old == nil:
		x.Title, x.Bytes = p.New.Label+" (new)", p.New.After
	default:
		x.Title, x.Bytes, x.Code = p.New.Label, p.New.After-p.Old.After, p.New.Code
		if p.Untouched == diff.Renamed {
			x.Title += " (was " + p.Old.Label + ")"
		}
		if x.Status == "" && len(x.hunks) > 0 {
			x.Status = "text"
		}
	}
}

// hunks returns what differs between the lines of a function, "" if it is none.
func hunks(old, new string) []Hunk {
	if old == new {
		return nil
	}
	was, now := split(old), split(new)
	var all []Hunk
	for _, h := range diff.Lines(was, now) {
		all = append(all, Hunk{At: h.At, Count: h.Count, Old: strings.Join(was[h.From:h.To], "\n")})
	}
	return all
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
