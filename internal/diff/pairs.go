package diff

import "strings"

// A Pair is a function of both modules, or of one.
type Pair struct {
	Old, New *Func   // nil if that module has none
	Change   *Change // nil if its rewrite does not differ
	// Untouched is what has become of a function that gets no code in either module:
	// Added, Removed, Changed or Renamed, "" if it is the same.
	Untouched Status
}

// Pairs returns the functions of both modules: those of the new one in its order, then
// those that it has no more.
func (d *Diff) Pairs() []Pair {
	p := d.pairs
	var all []Pair
	for j, f := range p.new.Funcs {
		x := Pair{New: f, Change: d.ofNew[j]}
		if i := p.toOld[j]; i >= 0 {
			x.Old = p.old.Funcs[i]
		}
		all = append(all, x)
	}
	for i, f := range p.old.Funcs {
		if p.toNew[i] < 0 {
			all = append(all, Pair{Old: f, Change: d.ofOld[i]})
		}
	}
	for i := range all {
		if all[i].Change == nil {
			all[i].Untouched = p.untouched(all[i].Old, all[i].New)
		}
	}
	return all
}

// untouched says what has become of a function without code.
func (p *pairing) untouched(old, new *Func) Status {
	switch {
	case old == nil:
		return Added
	case new == nil:
		return Removed
	case p.edited(old, new):
		return Changed
	case renamed(old, new):
		return Renamed
	}
	return ""
}

// edited reports whether a function consists of something else now, as far as that can be
// compared.
func (p *pairing) edited(old, new *Func) bool {
	return p.old.original() == p.new.original() && !same(&old.content, &new.content, p.idsA, p.idsB)
}

func renamed(old, new *Func) bool {
	return old.Name != "" && new.Name != "" && old.Name != new.Name
}

// Title returns the name of the function of a change, and what there is to say of it.
func (c *Change) Title() string { return c.name() }

// Lines say why the function gets code, and which sites and slots differ, as Print writes
// them: each a sign (+, -, ~), a space, and what it is about.
func (c *Change) Lines() []string { return c.lines() }

// Figures returns the numbers of a change in words.
func (d *Diff) Figures(c *Change) string { return strings.Join(d.figures(c), ", ") }

// Remarks say what else there is to know, a sentence each.
func (d *Diff) Remarks() []string { return d.remarks() }

// A Sum is a number of both modules.
type Sum struct {
	What string `json:"what"`
	Sides
}

// Sums returns what both modules know of their sums.
func (d *Diff) Sums() []Sum {
	var all []Sum
	for _, f := range d.figuresOfBoth() {
		all = append(all, Sum{f.what, f.sides})
	}
	return all
}
