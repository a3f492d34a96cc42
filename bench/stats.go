package main

import (
	"math"
	"slices"
)

// Samples are measurements of one thing, one a run.
type samples []float64

// median returns the middle one, or the mean of the two in the middle; NaN if
// there are none.
func (s samples) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios divides the samples of each run by those of the same run in other.
func (s samples) ratios(other samples) samples {
	n := min(len(s), len(other))
	out := make(samples, n)
	for i := range n {
		out[i] = s[i] / other[i]
	}
	return out
}

// geometricMean returns the mean of ratios; NaN if there are none.
func geometricMean(ratios []float64) float64 {
	if len(ratios) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, r := range ratios {
		sum += math.Log(r)
	}
	return math.Exp(sum / float64(len(ratios)))
}
