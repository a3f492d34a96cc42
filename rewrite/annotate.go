package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file shows what the passes have found out before there is code: the source
// with comments. They carry the marker of inserted lines, so that the text strips
// to the source at every stage.

// annotate returns the text after a pass that has not made code yet.
func (s *state) annotate(last string) string {
	e := wat.NewLineEditor(s.m.Source)
	for _, f := range s.functions {
		f.annotate(e, last)
	}
	return e.Text()
}

// inserter takes comments before and behind what stands at an offset of the source.
type inserter interface {
	InsertBefore(at, like int, text string)
	InsertBehind(at, like int, text string)
}

// annotate says what is known of a function after a pass.
func (f *function) annotate(e inserter, last string) {
	done := map[string]bool{}
	for _, p := range passes {
		done[p.name] = true
		if p.name == last {
			break
		}
	}
	header := f.whyLine()
	if done["frame"] {
		header += f.frameLine()
	}
	if done["sites"] && len(f.sites) > 0 {
		header += f.siteLines()
	}
	e.InsertBefore(f.fn.Span.Start, f.fn.Span.Start, header)
	if done["operands"] && len(f.sites) > 0 {
		f.annotateTargets(e)
	}
	if done["liveness"] && len(f.sites) > 0 {
		f.annotateLive(e)
	}
}

func comment(format string, args ...any) string {
	return wat.InsertMark + " " + fmt.Sprintf(format, args...) + "\n"
}

// annotateTargets marks where each target resumes, what is parked there, and what
// the code behind has to find as it was.
func (f *function) annotateTargets(e inserter) {
	for todo := []*level{f.body}; len(todo) > 0; {
		l := todo[0]
		todo = todo[1:]
		for _, t := range l.targets {
			note := f.resumes(t)
			if t.falls {
				note += ", control falls in"
			}
			if len(t.operands) > 0 {
				note += "; on the operand stack: " + describeOperands(t.operands)
			}
			if len(t.reads) > 0 {
				note += "; needs " + f.refs(t.reads)
			}
			at := int(f.fn.Body.Instrs[t.cut].Pos)
			e.InsertBefore(at, at, comment("%s", note))
			todo = append(todo, t.inner...)
		}
	}
}

// refs lists slots, each once.
func (f *function) refs(slots []slotID) string {
	return strings.Join(f.refWords(slices.Compact(slices.Sorted(slices.Values(slots)))), " ")
}

func (f *function) refWords(slots []slotID) []string {
	words := make([]string, len(slots))
	for i, s := range slots {
		words[i] = f.ref(s)
	}
	return words
}

func describeOperands(operands []operand) string {
	words := make([]string, len(operands))
	for i, o := range operands {
		words[i] = o.typ.String()
		if o.need > anything {
			words[i] += " (spilled)"
		}
	}
	return strings.Join(words, ", ")
}

// annotateLive marks behind each site which locals are read there.
func (f *function) annotateLive(e inserter) {
	live := make([][]string, len(f.sites))
	f.findLive(func(site, first int, set bitset) {
		for i := range set.each {
			live[site] = append(live[site], f.ref(slotID(first+i)))
		}
	})
	for k, s := range f.sites {
		text := "nothing"
		if len(live[k]) > 0 {
			text = strings.Join(live[k], " ")
		}
		at := int(f.fn.Body.Instrs[s.instr].Pos)
		e.InsertBehind(at, at, comment("site %d, live: %s", f.number(k), text))
	}
}
