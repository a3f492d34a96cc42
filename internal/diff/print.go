package diff

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes what differs, the sum of it first.
func (d *Diff) Print(w io.Writer) {
	fmt.Fprintf(w, "%s → %s: %s\n", d.Old.Name, d.New.Name, d.Headline())
	if d.Same() {
		return
	}
	fmt.Fprintln(w)
	d.totals(w)
	for _, section := range sections {
		d.section(w, section.title, section.statuses)
	}
	fmt.Fprintln(w)
	for _, line := range d.remarks() {
		fmt.Fprintln(w, line)
	}
}

// Stat writes a line for each function whose rewrite differs.
func (d *Diff) Stat(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range d.Funcs {
		fmt.Fprintf(t, "%c %s\t%s\n", c.mark(), c.name(), strings.Join(d.figures(c), "\t"))
	}
	t.Flush()
	fmt.Fprintf(w, "%s → %s: %s\n", d.Old.Name, d.New.Name, d.Headline())
}

// sections are the parts of what is printed.
var sections = []struct {
	title    string
	statuses []Status
}{
	{"newly instrumented", []Status{Instrumented, Added}},
	{"freed", []Status{Freed, Removed}},
	{"changed", []Status{Changed}},
}

// with returns the changes that have one of the statuses.
func (d *Diff) with(statuses []Status) []*Change {
	var all []*Change
	for _, c := range d.Funcs {
		for _, s := range statuses {
			if c.Status == s {
				all = append(all, c)
			}
		}
	}
	return all
}

// Headline says in a line how much differs.
func (d *Diff) Headline() string {
	if d.Same() {
		return "no function differs"
	}
	var words []string
	for _, s := range sections {
		if n := len(d.with(s.statuses)); n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s.title))
		}
	}
	if len(words) == 0 {
		words = []string{"no function with code differs"}
	}
	return strings.Join(words, ", ")
}

// A figure is a number of both modules.
type figure struct {
	what  string
	sides Sides
}

// figuresOfBoth are the sums that both modules know.
func (d *Diff) figuresOfBoth() []figure {
	all := []figure{{"functions", Sides{d.Old.Functions, d.New.Functions}}}
	if d.Old.Kind != Bare && d.New.Kind != Bare {
		all = append(all, figure{"with code", Sides{d.Old.Instrumented, d.New.Instrumented}})
	}
	if d.knowsSites() {
		all = append(all, figure{"call sites", Sides{d.Old.Sites, d.New.Sites}}, figure{"bytes of frames", Sides{d.Old.Frames, d.New.Frames}})
	}
	if d.Old.Before >= 0 && d.New.Before >= 0 {
		all = append(all, figure{"bytes of the source", Sides{d.Old.Before, d.New.Before}})
	}
	return append(all, figure{"bytes of the output", Sides{d.Old.After, d.New.After}}, figure{"bytes of the runtime", Sides{d.Old.Runtime, d.New.Runtime}})
}

func (d *Diff) knowsSites() bool {
	for _, k := range []Kind{d.Old.Kind, d.New.Kind} {
		if k == Named || k == Bare {
			return false
		}
	}
	return true
}

func (d *Diff) totals(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, f := range d.figuresOfBoth() {
		width = max(width, len(f.what))
	}
	fmt.Fprintf(t, "%-*s\told\tnew\t\t\n", width, "")
	for _, f := range d.figuresOfBoth() {
		fmt.Fprintf(t, "%-*s\t%d\t%d\t%s\t\n", width, f.what, f.sides.Old, f.sides.New, signed(f.sides.Delta()))
	}
	t.Flush()
}

// signed returns a difference, "" if there is none.
func signed(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%+d", n)
}

// section writes the functions with some statuses.
func (d *Diff) section(w io.Writer, title string, statuses []Status) {
	all := d.with(statuses)
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	followers := followers(all)
	for _, c := range all {
		if c.Through != "" {
			continue
		}
		if figures := strings.Join(d.figures(c), ", "); figures != "" {
			fmt.Fprintf(w, "  %s  %s\n", c.name(), figures)
		} else {
			fmt.Fprintf(w, "  %s\n", c.name())
		}
		for _, line := range c.lines() {
			fmt.Fprintf(w, "    %s\n", line)
		}
		if names := followers[c.Func]; len(names) > 0 {
			fmt.Fprintf(w, "    and with it %s\n", someOf(names, 12))
		}
	}
}

// someOf joins the first names.
func someOf(names []string, most int) string {
	if n := len(names) - most; n > 1 {
		names = append(names[:most:most], fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// followers returns the functions that are what they are through others.
func followers(all []*Change) map[string][]string {
	names := map[string][]string{}
	for _, c := range all {
		if c.Through != "" {
			names[c.Through] = append(names[c.Through], c.name())
		}
	}
	return names
}

// mark is + for a function that is newly instrumented, - for one that is freed, ~ otherwise.
func (c *Change) mark() byte {
	switch c.Status {
	case Instrumented, Added:
		return '+'
	case Freed, Removed:
		return '-'
	}
	return '~'
}

func (c *Change) name() string { return c.named(func(name string) string { return name }) }

// named returns the name of a function as write writes it, and what there is to say of it.
func (c *Change) named(write func(string) string) string {
	switch {
	case c.Was != "":
		return write(c.Func) + " (was " + write(c.Was) + ")"
	case c.Status == Added:
		return write(c.Func) + " (new)"
	case c.Status == Removed:
		return write(c.Func) + " (gone)"
	}
	return write(c.Func)
}

// figures are the numbers of a change.
func (d *Diff) figures(c *Change) []string {
	var words []string
	if d.knowsSites() {
		words = append(words, c.numbers(c.Sites, "site", "sites"), "frame of "+c.numbers(c.Frame, "byte", "bytes"))
	}
	return append(words, "code of "+c.numbers(c.Bytes.Output, "byte", "bytes"))
}

// numbers writes a number of one module or both.
func (c *Change) numbers(s Sides, one, more string) string {
	noun := more
	if s.New == 1 || c.Status == Removed && s.Old == 1 {
		noun = one
	}
	switch {
	case c.Status == Added || s.Old == s.New || c.Status == Instrumented && s.Old == 0:
		return fmt.Sprintf("%d %s", s.New, noun)
	case c.Status == Removed:
		return fmt.Sprintf("%d %s", s.Old, noun)
	}
	return fmt.Sprintf("%d → %d %s", s.Old, s.New, noun)
}

// lines say why, and which sites and slots differ: a sign, and what it is about.
func (c *Change) lines() []string {
	var lines []string
	switch {
	case c.Status == Freed || c.Status == Removed:
		if c.OldWhy != "" {
			lines = append(lines, "- "+c.OldWhy)
		}
	case c.OldWhy != "":
		lines = append(lines, "- "+c.OldWhy, "+ "+c.Why)
	case c.Status != Changed && c.Why != "":
		lines = append(lines, "+ "+c.Why)
	}
	lines = append(lines, siteLines(c.SiteChanges)...)
	return append(lines, slotLines(c.SlotChanges)...)
}

// siteLines describe sites that differ; those that have only got other numbers in runs.
func siteLines(changes []SiteChange) []string {
	var lines []string
	for i := 0; i < len(changes); i++ {
		c := changes[i]
		switch c.What {
		case SiteAdded:
			lines = append(lines, fmt.Sprintf("+ site %d calls %s%s", c.New, c.Calls, at(c.Place)))
		case SiteRemoved:
			lines = append(lines, fmt.Sprintf("- site %d calls %s%s", c.Old, c.Calls, at(c.Place)))
		case SiteCalls:
			lines = append(lines, fmt.Sprintf("~ site %d calls %s, not %s%s", c.New, c.Calls, c.OldCalls, at(c.Place)))
		case SiteRenumbered:
			last := i
			for last+1 < len(changes) && changes[last+1].What == SiteRenumbered && changes[last+1].New-changes[last+1].Old == c.New-c.Old {
				last++
			}
			if last == i {
				lines = append(lines, fmt.Sprintf("~ site %d is now %d: %s", c.Old, c.New, c.Calls))
			} else {
				lines = append(lines, fmt.Sprintf("~ sites %d to %d are now %d to %d", c.Old, changes[last].Old, c.New, changes[last].New))
			}
			i = last
		}
	}
	return lines
}

// at says where a site stands.
func at(place string) string {
	if place == "" {
		return ""
	}
	return ", " + place
}

// slotLines describe slots that differ; those that have only moved in runs.
func slotLines(changes []SlotChange) []string {
	var lines []string
	var moved []string
	by := 0
	flush := func() {
		if len(moved) > 0 {
			lines = append(lines, fmt.Sprintf("~ moved by %+d: %s", by, strings.Join(moved, ", ")))
			moved = nil
		}
	}
	for _, c := range changes {
		if c.What != SlotMoved || c.New.Offset-c.Old.Offset != by {
			flush()
		}
		switch c.What {
		case SlotAdded:
			lines = append(lines, "+ slot "+c.New.text())
		case SlotRemoved:
			lines = append(lines, "- slot "+c.Old.text())
		case SlotRenamed:
			lines = append(lines, fmt.Sprintf("~ slot %s, was %s", c.New.text(), c.Old.Name))
		case SlotTyped:
			lines = append(lines, fmt.Sprintf("~ slot %s, was %s", c.New.text(), c.Old.text()))
		case SlotMoved:
			by = c.New.Offset - c.Old.Offset
			moved = append(moved, c.New.Name)
		}
	}
	flush()
	return lines
}

func (s *Slot) text() string {
	if s.Offset < 0 {
		return s.Name + " " + s.Type
	}
	return fmt.Sprintf("%s %s at +%d", s.Name, s.Type, s.Offset)
}

// remarks say what else there is to know.
func (d *Diff) remarks() []string {
	var lines []string
	if u := d.Untouched; u != (Counts{}) {
		var words []string
		for _, x := range []struct {
			n    int
			what string
		}{{u.Added, "added"}, {u.Removed, "removed"}, {u.Changed, "changed"}, {u.Renamed, "renamed"}} {
			if x.n > 0 {
				words = append(words, fmt.Sprintf("%d %s", x.n, x.what))
			}
		}
		lines = append(lines, "functions without code: "+strings.Join(words, ", "))
	}
	if d.knowsSites() {
		lines = append(lines, d.savedFrames())
	}
	for _, t := range []*Total{&d.Old, &d.New} {
		if missing := t.Kind.missing(); missing != "" {
			lines = append(lines, t.Name+" is a "+string(t.Kind)+"; "+missing)
		}
	}
	return lines
}

// missing says what is not known of a side.
func (k Kind) missing() string {
	switch k {
	case Mapped:
		return "it does not say why"
	case Named:
		return "it does not say why, nor which sites and frames there are; built with --frames it would"
	case Bare:
		return "it says nothing but what its functions consist of"
	}
	return ""
}

// savedFrames says what has become of frames that the old module saved.
func (d *Diff) savedFrames() string {
	var moved []string
	for _, c := range d.Funcs {
		if !c.Kept && c.Status == Changed {
			moved = append(moved, c.Func)
		}
	}
	if len(moved) == 0 {
		return "saved frames: all functions that keep their code keep their layout"
	}
	return "saved frames: another layout in " + someOf(moved, 8)
}
