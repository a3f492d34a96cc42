package rewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file makes the names and the words by which inserted lines speak of sites
// and targets.

// nameTargets gives every target a label: $fiber.at.sleep.0 is where the first
// call of $sleep that may suspend resumes, $fiber.to.next the way to the loop
// $next. Only calls of the same function share a numbering, so that one more call
// renames few labels.
func (f *function) nameTargets() {
	sites := f.siteLabels()
	taken := map[string]int{}
	for todo := []*level{f.body}; len(todo) > 0; {
		l := todo[0]
		todo = todo[1:]
		for _, t := range l.targets {
			switch {
			case !f.innerNames:
				t.label = "$fiber." + strconv.Itoa(t.at)
			case t.inner == nil:
				t.label = sites[t.lo]
			default:
				t.label = "$fiber.to." + f.constructWord(t)
				if n := taken[t.label]; n > 0 {
					t.label += "." + strconv.Itoa(n)
				}
				taken["$fiber.to."+f.constructWord(t)]++
			}
			todo = append(todo, t.inner...)
		}
	}
}

// siteLabels numbers the sites that call the same function.
func (f *function) siteLabels() []string {
	if !f.innerNames {
		return nil // nobody reads them
	}
	labels := make([]string, len(f.sites))
	count := map[string]int{}
	for _, k := range f.byNumber() {
		callee := f.calleeWord(k)
		labels[k] = "$fiber.at." + callee + "." + strconv.Itoa(count[callee])
		count[callee]++
	}
	return labels
}

// wordLength bounds the part of a label that comes from a name of the source.
const wordLength = 24

// calleeWord is how labels name the callee of a site.
func (f *function) calleeWord(k int) string {
	s := f.sites[k]
	if s.indirect {
		return "indirect"
	}
	callee := f.m.Funcs[s.callee]
	switch {
	case callee.Name != "":
		return word(callee.Name)
	case callee.Import != nil:
		return word(callee.Import.Name)
	}
	return word(strings.TrimPrefix(strings.ReplaceAll(f.graph.labels[s.callee], " ", "."), "$"))
}

// constructWord is how labels name a construct: by its own label, or by what it is.
func (f *function) constructWord(t *target) string {
	if name := f.fn.Body.LabelName(t.at); name != "" {
		return word(name)
	}
	return f.fn.Body.Instrs[t.at].Op.String()
}

// ifWord is how labels name an if that has become blocks: by its own label, or by its
// number among the ifs of the function that have none.
func (f *function) ifWord(opener int) string {
	if f.m.Source.Binary {
		return strconv.Itoa(opener)
	}
	if f.ifWords == nil {
		f.ifWords = map[int]string{}
		taken := map[string]bool{}
		unnamed := 0
		for i, in := range f.fn.Body.Instrs {
			if in.Op != op.If {
				continue
			}
			name := f.fn.Body.LabelName(i)
			if name = word(name); name == "" {
				name = strconv.Itoa(unnamed)
				unnamed++
			}
			for base, n := name, 1; taken[name]; n++ {
				name = base + "." + strconv.Itoa(n)
			}
			taken[name] = true
			f.ifWords[i] = name
		}
	}
	return f.ifWords[opener]
}

// word makes part of an identifier of a name.
func word(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < 0x80 && wat.IsIDChar(byte(r)) && r != '\\' {
			return r
		}
		return '_'
	}, wat.NameText(name))
	if len(plain) > wordLength {
		plain = plain[:wordLength]
	}
	return plain
}

// sitesOf names the sites of a target in a comment.
func (f *function) sitesOf(t *target) string {
	switch {
	case f.renumbered:
		return f.sitesText(t.lo, t.hi)
	case len(f.sites) == 1:
		return "the site"
	case t.hi-t.lo == 1:
		return fmt.Sprintf("site %d", t.lo)
	case t.hi-t.lo == 2:
		return fmt.Sprintf("sites %d and %d", t.lo, t.lo+1)
	}
	return fmt.Sprintf("sites %d to %d", t.lo, t.hi-1)
}

// landing says in a comment what the landing of a target is for.
func (f *function) landing(t *target) string {
	if f.quiet {
		return ""
	}
	if t.inner == nil {
		return "ends where " + f.sitesOf(t) + " resumes"
	}
	return "ends at the " + f.describe(t) + " with " + f.sitesOf(t)
}

// resumes says in a comment what happens at the end of a landing.
func (f *function) resumes(t *target) string {
	if f.quiet {
		return ""
	}
	if t.inner == nil {
		return f.sitesOf(t) + " resumes here"
	}
	return f.sitesOf(t) + ": on to the " + f.describe(t)
}

// describe names a construct in a comment.
func (f *function) describe(t *target) string {
	what := f.fn.Body.Instrs[t.at].Op.String()
	if name := f.fn.Body.LabelName(t.at); name != "" {
		what += " " + wat.ID(name)
	}
	return what
}
