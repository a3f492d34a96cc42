package diff

import "strings"

// through finds out which functions of a side have a status only because they call others
// that have it, directly or not: Through then names the one that calls what suspends
// otherwise.
func through(s *Side, changes []*Change, statuses ...Status) {
	has := func(i int) bool {
		for _, status := range statuses {
			if changes[i] != nil && changes[i].Status == status {
				return true
			}
		}
		return false
	}
	callers := make([][]int, len(s.Funcs)) // among those
	root := fill(len(s.Funcs))
	var queue []int
	for i, f := range s.Funcs {
		if !has(i) {
			continue
		}
		for _, site := range f.Sites {
			switch {
			case site.callee == i:
			case site.callee >= 0 && has(site.callee):
				callers[site.callee] = append(callers[site.callee], i)
			case !strings.HasPrefix(site.key, "table "): // a table may hold one of them
				root[i] = i
			}
		}
		if root[i] == i {
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		callee := queue[0]
		queue = queue[1:]
		for _, i := range callers[callee] {
			if root[i] < 0 {
				root[i] = root[callee]
				changes[i].Through = s.Funcs[root[i]].Label
				queue = append(queue, i)
			}
		}
	}
}
