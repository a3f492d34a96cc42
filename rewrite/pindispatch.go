package rewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// This file says which numbers of sites lead to which target. Without pins sites are
// numbered in the order of the text, and a target has as many in a row as sites.

// idGone is the label that the numbers of sites lead to that are gone.
const idGone = "$fiber.gone"

// A run is numbers of sites, from lo up to hi, that lead to the same target.
type run struct {
	lo, hi int
	target *target // nil if the sites are gone
}

func (r run) label() string {
	if r.target == nil {
		return idGone
	}
	return r.target.label
}

// runs returns the numbers of the sites of a level, in ascending order. Those of the body
// are all numbers; further in, what lies between two runs belongs to the first.
func (f *function) runs(l *level) []run {
	runs := make([]run, 0, len(l.targets))
	if !f.renumbered {
		for _, t := range l.targets {
			runs = append(runs, run{t.lo, t.hi, t})
		}
		return runs
	}
	var all []run
	for _, t := range l.targets {
		for k := t.lo; k < t.hi; k++ {
			all = append(all, run{f.number(k), f.number(k) + 1, t})
		}
	}
	if l.opener < 0 {
		for _, n := range f.free() {
			all = append(all, run{n, n + 1, nil})
		}
	}
	slices.SortFunc(all, func(a, b run) int { return a.lo - b.lo })
	for _, r := range all {
		n := len(runs)
		if n > 0 {
			runs[n-1].hi = r.lo
		}
		if n > 0 && runs[n-1].target == r.target {
			runs[n-1].hi = r.hi
			continue
		}
		runs = append(runs, r)
	}
	return runs
}

// hasGone reports whether numbers of sites that are gone come to a level.
func (f *function) hasGone(l *level) bool {
	return l.opener < 0 && f.renumbered && len(f.free()) > 0
}

// openGone opens the block that those numbers leave, inside of the if around a dispatch.
func (f *function) openGone(at int, l *level) {
	if f.hasGone(l) {
		f.before(at, "frames of sites that are gone: trap behind it", "block", idGone)
	}
}

// endDispatch ends what is around a dispatch.
func (f *function) endDispatch(l *level) string {
	if f.hasGone(l) {
		return "end unreachable end"
	}
	return "end"
}

// chainLabel is the label of the if around a chain of comparisons, if one of them goes to
// where control falls in.
func (f *function) chainLabel(l *level) string {
	first := l.targets[0]
	for i, r := range f.runs(l) {
		if r.target == first && (i > 0 || f.hasGone(l)) {
			return fallLabel(first)
		}
	}
	return ""
}

// runText names the sites of a run in a comment.
func (f *function) runText(r run) string {
	switch {
	case !f.renumbered:
		return f.sitesOf(r.target)
	case r.target == nil:
		return "gone"
	}
	return "on to " + f.sitesOf(r.target)
}

// numbersOf returns the numbers of sites, in ascending order.
func (f *function) numbersOf(lo, hi int) []int {
	numbers := make([]int, 0, hi-lo)
	for k := lo; k < hi; k++ {
		numbers = append(numbers, f.number(k))
	}
	slices.Sort(numbers)
	return numbers
}

// maxRanges is how many numbers, or rows of them, a comment lists.
const maxRanges = 6

// sitesText names sites in a comment, if numbers are pinned.
func (f *function) sitesText(lo, hi int) string {
	numbers := f.numbersOf(lo, hi)
	words := ranges(numbers)
	if len(words) > maxRanges {
		return fmt.Sprintf("%d sites from %d to %d", len(numbers), numbers[0], numbers[len(numbers)-1])
	}
	for i, w := range words[1:] {
		words[i+1] = strings.TrimPrefix(strings.TrimPrefix(w, "sites "), "site ")
	}
	return strings.Join(words, ", ")
}

// inFirstArm returns the code that says whether the number is one of the sites from lo up
// to els, not from els up to hi: it is below an odd number of the bounds between both.
func (f *function) inFirstArm(lo, els, hi int) (code []string, note string) {
	if !f.renumbered {
		return []string{"local.get", idSite, "i32.const", strconv.Itoa(els), "i32.lt_u"}, "from site " + strconv.Itoa(els) + " on"
	}
	in := map[int]bool{} // by number: in the first arm
	all := f.numbersOf(lo, hi)
	for k := lo; k < els; k++ {
		in[f.number(k)] = true
	}
	for i := 1; i < len(all); i++ {
		if in[all[i]] == in[all[i-1]] {
			continue
		}
		xor := ""
		if len(code) > 0 {
			xor = "i32.xor"
		}
		code = append(code, "local.get", idSite, "i32.const", strconv.Itoa(all[i]), "i32.lt_u", xor)
	}
	if in[all[len(all)-1]] {
		code = append(code, "i32.eqz")
	}
	return code, "with " + f.sitesText(els, hi)
}
