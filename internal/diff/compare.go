package diff

import "slices"

// A Diff is what differs between two modules.
type Diff struct {
	Old Total `json:"old"`
	New Total `json:"new"`
	// Funcs are the functions whose rewrite differs: those of the new module in its
	// order, then those that it has no more.
	Funcs []*Change `json:"funcs"`
	// Untouched counts functions that get no code in either module.
	Untouched Counts `json:"untouched"`

	ofOld, ofNew []*Change // by place in the functions of a side
	pairs        *pairing
}

// A Total sums up one side.
type Total struct {
	Name         string `json:"name"`
	Kind         Kind   `json:"kind"`
	Functions    int    `json:"functions"`
	Instrumented int    `json:"instrumented"`
	Sites        int    `json:"sites"`
	Frames       int    `json:"frameBytes"`  // of one frame of each
	Before       int    `json:"bytesBefore"` // of the code of the source, -1 if not known
	After        int    `json:"bytesAfter"`  // of the code of the functions
	Runtime      int    `json:"bytesRuntime"`
}

// Counts are numbers of functions.
type Counts struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	Renamed int `json:"renamed"`
}

// A Status says what has become of the code that a function gets.
type Status string

// The statuses.
const (
	Instrumented Status = "instrumented" // it gets code, and did not
	Added        Status = "added"        // a new function that gets code
	Freed        Status = "freed"        // it gets none, and did
	Removed      Status = "removed"      // it got code and is no more
	Changed      Status = "changed"
	Renamed      Status = "renamed" // it has another name; of functions without code
)

// A Change is a function whose rewrite differs.
type Change struct {
	Status Status `json:"status"`
	Func   string `json:"func"`
	Was    string `json:"was,omitempty"` // its name in the old module, if it had another
	// Why it gets code now; OldWhy why it did, if that differs.
	Why    string `json:"why,omitempty"`
	OldWhy string `json:"oldWhy,omitempty"`
	// Through is the function that calls what suspends, if this one only calls that or a
	// caller of it: of one that is newly instrumented, or freed.
	Through string `json:"through,omitempty"`

	Sites Sides `json:"sites"`
	Frame Sides `json:"frame"`
	Bytes Bytes `json:"bytes"`

	SiteChanges []SiteChange `json:"siteChanges,omitempty"`
	SlotChanges []SlotChange `json:"slotChanges,omitempty"`
	// Kept reports whether frames of the old build have the layout that the new one
	// expects: the sites that both have their numbers, all slots their places.
	Kept bool `json:"framesKept"`
}

// Sides are a number in the old and in the new module.
type Sides struct {
	Old int `json:"old"`
	New int `json:"new"`
}

// Delta returns by how much it has grown.
func (s Sides) Delta() int { return s.New - s.Old }

// Bytes are the sizes of a function's code: of the source, -1 if that is not known, and of
// the output.
type Bytes struct {
	Source Sides `json:"source"`
	Output Sides `json:"output"`
}

// Same reports whether the functions of both modules are the same, and their code.
func (d *Diff) Same() bool { return len(d.Funcs) == 0 && d.Untouched == Counts{} }

// Compare compares two sides. What only one of them knows is not compared.
func Compare(old, new *Side) *Diff {
	d := &Diff{Old: total(old), New: total(new), ofOld: make([]*Change, len(old.Funcs)), ofNew: make([]*Change, len(new.Funcs))}
	p := pair(old, new)
	d.pairs = p
	for j, f := range new.Funcs {
		if i := p.toOld[j]; i >= 0 {
			d.ofNew[j] = d.both(p, old.Funcs[i], f)
			d.ofOld[i] = d.ofNew[j]
		} else {
			d.ofNew[j] = d.one(p, f, Added, &d.Untouched.Added)
		}
	}
	for i, f := range old.Funcs {
		if p.toNew[i] < 0 {
			d.ofOld[i] = d.one(p, f, Removed, &d.Untouched.Removed)
		}
	}
	d.Funcs = slices.Concat(d.ofNew, slices.DeleteFunc(slices.Clone(d.ofOld), func(c *Change) bool { return c == nil || c.Status != Removed }))
	d.Funcs = slices.DeleteFunc(d.Funcs, func(c *Change) bool { return c == nil })
	through(new, d.ofNew, Instrumented, Added)
	through(old, d.ofOld, Freed, Removed)
	return d
}

func total(s *Side) Total {
	t := Total{Name: s.Name, Kind: s.Kind, Functions: len(s.Funcs), Runtime: s.Runtime}
	for _, f := range s.Funcs {
		if f.Code {
			t.Instrumented++
			t.Frames += f.Frame.Size
		}
		t.Sites += f.NumSites
		t.After += f.After
		if t.Before >= 0 {
			t.Before += f.Before
		}
		if f.Before < 0 {
			t.Before = -1
		}
	}
	return t
}

// one returns what is to be said of a function that only one module has, nil if nothing is.
func (d *Diff) one(p *pairing, f *Func, status Status, untouched *int) *Change {
	if !f.Code {
		*untouched++
		return nil
	}
	c := &Change{Status: status, Func: f.Label}
	if status == Added {
		c.Why = f.Why
		c.compare(p, &Func{}, f)
	} else {
		c.OldWhy = f.Why
		c.compare(p, f, &Func{})
	}
	return c
}

// both returns what is to be said of a function that both modules have, nil if nothing is.
func (d *Diff) both(p *pairing, old, new *Func) *Change {
	edited, renamed := p.edited(old, new), renamed(old, new)
	code := p.old.knowsCode() && p.new.knowsCode()
	if !code || !old.Code && !new.Code {
		switch {
		case edited:
			d.Untouched.Changed++
		case renamed:
			d.Untouched.Renamed++
		}
		return nil
	}
	c := &Change{Status: Changed, Func: new.Label, Why: new.Why}
	if renamed {
		c.Was = old.Label
	}
	switch {
	case !old.Code:
		c.Status = Instrumented
	case !new.Code:
		c.Status = Freed
	}
	if p.old.knowsWhy() && p.new.knowsWhy() && p.renamed(old.Why) != new.Why {
		c.OldWhy = old.Why
	}
	c.compare(p, old, new)
	if c.Status == Changed && !renamed && !edited && !c.differs() {
		return nil
	}
	return c
}

// compare fills in sites, frames and bytes.
func (c *Change) compare(p *pairing, old, new *Func) {
	c.Bytes = Bytes{Source: Sides{old.Before, new.Before}, Output: Sides{old.After, new.After}}
	if !p.old.knowsSites() || !p.new.knowsSites() {
		return
	}
	c.Sites = Sides{old.NumSites, new.NumSites}
	c.Frame = Sides{old.Frame.Size, new.Frame.Size}
	if !old.Code || !new.Code {
		return
	}
	c.Kept = c.Frame.Delta() == 0 && old.knowsFrames() && new.knowsFrames()
	if len(old.Sites) == old.NumSites && len(new.Sites) == new.NumSites {
		c.SiteChanges = compareSites(p, old.Sites, new.Sites)
	}
	c.SlotChanges = compareSlots(&old.Frame, &new.Frame)
	for _, s := range c.SlotChanges {
		c.Kept = c.Kept && s.What == SlotRenamed
	}
	for _, s := range c.SiteChanges {
		c.Kept = c.Kept && s.What == SiteAdded
	}
}

// differs reports whether sites, frame or bytes differ. That another reason is told is no
// difference: it may be one of many.
func (c *Change) differs() bool {
	return c.Bytes.Output.Delta() != 0 || len(c.SiteChanges) > 0 || len(c.SlotChanges) > 0 || c.Frame.Delta() != 0
}
