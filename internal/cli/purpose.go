package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// This file says what inserted lines are for, in the words of their comments.

// leaves is what the line behind each call site has: the branch to the way out.
const leaves = "br_if $fiber.unwind"

// namedSites is how comments name call sites.
var namedSites = regexp.MustCompile(`\bsites? (\d+)(?: (and|to) (\d+))?`)

// explain fills in what an inserted line is for.
func (a *atlas) explain(s *spot, f *sourcemap.Func, n, line int) {
	s.Purpose = a.comment(line, a.o.Text.Source.LineAt(a.o.Text.Funcs[f.Text].Span.Start))
	if !f.InSource {
		s.Purpose = strings.TrimSuffix("part of the fiber runtime: "+s.Purpose, ": ")
		return
	}
	calls := a.sitesOf(f)
	text := a.lines[line-1]
	var numbers []int
	match := namedSites.FindStringSubmatch(text)
	switch {
	case len(calls) == 1 && strings.Contains(text, leaves):
		numbers = []int{0}
	case match != nil:
		first, _ := strconv.Atoi(match[1])
		last := first
		if match[2] != "" {
			last, _ = strconv.Atoi(match[3])
		}
		for k := first; k <= last && k < len(calls); k++ {
			numbers = append(numbers, k)
		}
	}
	for _, k := range numbers {
		s.Sites = append(s.Sites, siteSpot{k, a.call(f, calls[k])})
	}
}

// comment returns the comment of an inserted line. One without is told by what it calls, or
// belongs to the last line before it that has one, from the first line of its function on.
func (a *atlas) comment(line, first int) string {
	for ; line >= first; line-- {
		said, ok := wat.InsertedComment(a.lines[line-1])
		switch {
		case !ok:
			return ""
		case said != "":
			return said
		case strings.Contains(a.lines[line-1], "call $fiber.spill."):
			return "spill this frame"
		case strings.Contains(a.lines[line-1], "call $fiber.reload."):
			return "reload this frame"
		}
	}
	return ""
}

// sitesOf returns of each call site of a function an instruction of the line behind it.
func (a *atlas) sitesOf(f *sourcemap.Func) []int {
	if sites, ok := a.sites[f.Text]; ok {
		return sites
	}
	var sites []int
	source := a.o.Text.Source
	last := 0
	for i, in := range a.o.Text.Funcs[f.Text].Body().Instrs {
		if _, own := f.Instr(i); own || in.Op != op.BrIf {
			continue
		}
		line := source.LineAt(int(in.Pos))
		if line != last && strings.Contains(a.code(line), leaves) && a.calls(f, i) >= 0 {
			sites, last = append(sites, i), line
		}
	}
	a.sites[f.Text] = sites
	return sites
}

// calls returns the call that a line stands right behind, -1 if it does not.
func (a *atlas) calls(f *sourcemap.Func, n int) int {
	for ; n >= 0; n-- {
		if _, own := f.Instr(n); own {
			if slices.Contains([]op.Code{op.Call, op.CallIndirect}, a.o.Text.Funcs[f.Text].Body().Instrs[n].Op) {
				return n
			}
			break
		}
	}
	return -1
}

// call returns where the call of a site comes from.
func (a *atlas) call(f *sourcemap.Func, behind int) *codeLine {
	n := a.calls(f, behind)
	if l := a.before(f, n); l != nil {
		return l
	}
	at := a.o.Text.Source.Location(int(a.o.Text.Funcs[f.Text].Body().Instrs[n].Pos))
	return &codeLine{File: at.File, Line: at.Line, Column: at.Column + 1, Code: a.code(at.Line)}
}
