// Package report makes a page of a rewrite: one file that shows the source beside what
// became of it, why, and what its frames hold, in any browser and without a network.
package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/internal/explain"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// Data is all that a page shows.
type Data struct {
	*explain.Module
	Text   string  `json:"-"` // the rewritten text
	Ranges []Range `json:"ranges"`
	Passes []Pass  `json:"passes"`
	// Trace is a recorded run in the format of watfiber trace --json, nil for none.
	Trace []byte `json:"-"`
	// Comparison is what differs from another module, nil for none.
	Comparison *Comparison `json:"comparison,omitempty"`

	rewrite *rewrite.Explanation
}

// Result returns the rewritten module.
func (d *Data) Result() *wat.Module { return d.rewrite.Result.Module }

// A Range is where the lines of a function stand in the rewritten text, header included:
// in bytes.
type Range struct {
	Func int `json:"func"` // -1 for what the rewrite has added
	From int `json:"from"`
	To   int `json:"to"`
}

// A Pass is what a pass has found out about the functions.
type Pass struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	// Notes are comments about functions.
	Notes map[int][]rewrite.Note `json:"notes,omitempty"`
}

// New collects what a page about a module shows. The module has to be text, so that
// there is something to show.
func New(m *wat.Module, opts rewrite.Options) (*Data, error) {
	e, err := rewrite.Explain(m, opts)
	if err != nil {
		return nil, err
	}
	d := &Data{Module: explain.Facts(e), Text: e.Result.Text, rewrite: e}
	for i := range d.Funcs {
		if d.Funcs[i].Status == explain.Instrumented {
			d.Path(i)
			nameSlots(m, &d.Funcs[i])
		}
	}
	if d.Ranges, err = ranges(m, e.Result.Text); err != nil {
		return nil, err
	}
	d.Passes = passes(m, e)
	return d, nil
}

// nameSlots gives slots the names that the text has for them.
func nameSlots(m *wat.Module, f *explain.Function) {
	for i := range f.Slots {
		if n, err := strconv.Atoi(f.Slots[i].Name); err == nil {
			if name := m.Funcs[f.Index].LocalName(wat.LocalID(n)); name != "" {
				f.Slots[i].Name = name
			}
		}
	}
}

// ranges finds the functions of the source in the rewritten text.
func ranges(m *wat.Module, text string) ([]Range, error) {
	out, err := wat.Parse(m.Source.Name, text)
	if err != nil {
		return nil, fmt.Errorf("the rewritten text cannot be read: %w", err)
	}
	all := lines(out)
	defined := 0
	for id, f := range m.Funcs {
		if f.Import == nil {
			all[defined].Func = id
			defined++
		}
	}
	return all, nil
}

// lines finds the functions with a body in a rewritten text, in their order.
func lines(out *wat.Module) []Range {
	var all []Range
	text := out.Source.Text
	for _, f := range out.Funcs {
		if f.Import != nil {
			continue
		}
		r := Range{Func: -1, From: out.Source.LineStart(f.Span.Start), To: out.Source.LineEnd(f.Span.End)}
		for r.From > 0 {
			above := out.Source.LineStart(r.From - 1)
			if !strings.HasPrefix(strings.TrimSpace(text[above:r.From]), wat.InsertMark) {
				break
			}
			r.From = above
		}
		all = append(all, r)
	}
	return all
}

// passes returns what each pass finds out. The notes of a pass replace those of the ones
// before it.
func passes(m *wat.Module, e *rewrite.Explanation) []Pass {
	names, docs := rewrite.Passes()
	var all []Pass
	for i, name := range names {
		if name == "emit" {
			break // the result itself shows what follows
		}
		p := Pass{Name: name, Doc: docs[i], Notes: map[int][]rewrite.Note{}}
		for id := range m.Funcs {
			if notes := e.Notes(wat.FuncID(id), name); notes != nil {
				p.Notes[id] = notes
			}
		}
		all = append(all, p)
	}
	return all
}
