package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// table returns a table in Markdown; short rows are filled up.
func table(header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) {
		for i := range header {
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	line(header)
	b.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// spread returns the median, and the smallest and the largest sample in brackets.
func spread(s samples) string {
	m := s.median()
	if m == 0 || math.IsNaN(m) || math.IsInf(m, 0) {
		return none
	}
	text := number(m)
	if len(s) > 1 {
		text += " (" + number(slices.Min(s)) + "–" + number(slices.Max(s)) + ")"
	}
	return text
}

// number returns a number with about three digits that count.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return none
	case v < 0.1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// count returns a number with its thousands apart.
func count(n int) string {
	if n == 0 {
		return none
	}
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

// growth returns by how much a size has grown.
func growth(from, to int) string {
	if from == 0 || to == 0 {
		return none
	}
	return fmt.Sprintf("%+.0f %%", 100*float64(to-from)/float64(from))
}

// bytesPerSite returns what fibers have cost for each call site.
func bytesPerSite(from, to, sites int) string {
	if from == 0 || to == 0 || sites == 0 {
		return none
	}
	return fmt.Sprintf("%.1f", float64(to-from)/float64(sites))
}

func cpus(all []usage) samples { return collect(all, func(u usage) float64 { return u.cpu }) }

func walls(all []usage) samples { return collect(all, func(u usage) float64 { return u.wall }) }

func peaks(all []usage) samples { return collect(all, func(u usage) float64 { return u.peak }) }

func collect(all []usage, of func(usage) float64) samples {
	var s samples
	for _, u := range all {
		s = append(s, of(u))
	}
	return s
}
