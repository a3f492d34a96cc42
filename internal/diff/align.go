package diff

import "sort"

// A keyed is a sequence whose elements have a key for each round of align; 0 is no key.
type keyed func(round, i int) uint64

// align pairs elements of two sequences of n and m elements without changing their order: in
// each round those with the same key, between those that are paired already. The partner of
// each element of the first is returned, -1 if it has none.
//
// Of several with the same key, the k-th is paired with the k-th. It takes time in
// proportion to the elements and their logarithm.
func align(n, m, rounds int, a, b keyed) []int {
	partner := make([]int, n)
	for i := range partner {
		partner[i] = -1
	}
	for round := range rounds {
		i, j := 0, 0
		for at := 0; at <= n; at++ {
			end := m
			if at < n {
				if end = partner[at]; end < 0 {
					continue
				}
			}
			alignGap(partner, i, at, j, end, func(i int) uint64 { return a(round, i) }, func(j int) uint64 { return b(round, j) })
			i, j = at+1, end+1
		}
	}
	return partner
}

// alignGap pairs elements i to iEnd of the first with j to jEnd of the second, by their keys.
func alignGap(partner []int, i, iEnd, j, jEnd int, a, b func(int) uint64) {
	for i < iEnd && j < jEnd && a(i) == b(j) && a(i) != 0 {
		partner[i] = j
		i, j = i+1, j+1
	}
	for i < iEnd && j < jEnd && a(iEnd-1) == b(jEnd-1) && a(iEnd-1) != 0 {
		iEnd, jEnd = iEnd-1, jEnd-1
		partner[iEnd] = jEnd
	}
	if i == iEnd || j == jEnd {
		return
	}
	type nth struct {
		key uint64
		n   int
	}
	second, count := map[nth]int{}, map[uint64]int{}
	for ; j < jEnd; j++ {
		key := b(j)
		second[nth{key, count[key]}] = j
		count[key]++
	}
	var is, js []int
	clear(count)
	for ; i < iEnd; i++ {
		key := a(i)
		if j, found := second[nth{key, count[key]}]; found && key != 0 {
			is, js = append(is, i), append(js, j)
		}
		count[key]++
	}
	for _, k := range increasing(js) {
		partner[is[k]] = js[k]
	}
}

// increasing returns the places of a longest increasing subsequence.
func increasing(values []int) []int {
	var ends []int // by length-1: the place of the smallest value that ends such a subsequence
	back := make([]int, len(values))
	for k, v := range values {
		n := sort.Search(len(ends), func(n int) bool { return values[ends[n]] >= v })
		back[k] = -1
		if n > 0 {
			back[k] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, k)
		} else {
			ends[n] = k
		}
	}
	places := make([]int, len(ends))
	if len(ends) > 0 {
		for n, k := len(ends)-1, ends[len(ends)-1]; n >= 0; n, k = n-1, back[k] {
			places[n] = k
		}
	}
	return places
}
