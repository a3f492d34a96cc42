package diff

import (
	"iter"
	"strings"
)

// A Hunk is a run of lines that differ between two texts: old lines From to To have become
// new lines At to At+Count. Lines count from 0; one of the two may be none.
type Hunk struct {
	At, Count int
	From, To  int
}

// lineRounds is how often Lines looks for lines that are the same: with the three lines
// around, with one, alone.
const lineRounds = 3

// Lines returns the lines in which two texts differ. Blanks at both ends of a line do not
// count.
func Lines(old, new []string) []Hunk {
	partner := align(len(old), len(new), lineRounds, lineKeys(old), lineKeys(new))
	var hunks []Hunk
	for g := range gaps(partner, len(new)) {
		if g.From < g.To || g.Count > 0 {
			hunks = append(hunks, g)
		}
	}
	return hunks
}

// gaps iterates over what lies before each of the old that has a partner, and behind the
// last, even if it is nothing: so the partners are at To and at At+Count.
func gaps(partner []int, new int) iter.Seq[Hunk] {
	return func(yield func(Hunk) bool) {
		from, at := 0, 0
		for to := 0; to <= len(partner); to++ {
			end := new
			if to < len(partner) {
				if end = partner[to]; end < 0 {
					continue
				}
			}
			if !yield(Hunk{At: at, Count: end - at, From: from, To: to}) {
				return
			}
			from, at = to+1, end+1
		}
	}
}

// lineKeys returns keys of lines: hashes of what stands around them.
func lineKeys(lines []string) keyed {
	hashes := make([]uint64, len(lines))
	for i, line := range lines {
		d := newDigest()
		d.text(strings.TrimSpace(line))
		hashes[i] = d.sum.Sum64() | 1
	}
	return func(round, i int) uint64 {
		key := hashes[i]
		for d := 1; d <= []int{3, 1, 0}[round]; d++ {
			key = key*0x9e3779b97f4a7c15 + around(hashes, i-d)
			key = key*0x9e3779b97f4a7c15 + around(hashes, i+d)
		}
		return key | 1
	}
}

// around returns the hash of a line, 0 of one before the first or behind the last.
func around(hashes []uint64, i int) uint64 {
	if i < 0 || i >= len(hashes) {
		return 0
	}
	return hashes[i]
}
