package diff

import (
	"slices"
	"testing"
)

func TestAlign(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		want           []int
	}{
		{"the same", "abc", "abc", []int{0, 1, 2}},
		{"added in front", "abc", "xabc", []int{1, 2, 3}},
		{"added within", "abc", "axbc", []int{0, 2, 3}},
		{"removed", "abxc", "abc", []int{0, 1, -1, 2}},
		{"other", "axc", "ayc", []int{0, -1, 2}},
		{"nothing", "", "abc", []int{}},
		{"no order is changed", "ab", "ba", []int{-1, 0}},
		{"the longest run stays", "xabcd", "abcdx", []int{-1, 0, 1, 2, 3}},
		{"several of a kind", "aabaa", "aaabaa", []int{0, 1, 3, 4, 5}},
		{"no key", "a-b", "a-b", []int{0, -1, 2}},
	} {
		key := func(s string) keyed {
			return func(_, i int) uint64 {
				if s[i] == '-' {
					return 0
				}
				return uint64(s[i])
			}
		}
		if got := align(len(test.old), len(test.new), 1, key(test.old), key(test.new)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q and %q: %d, not %d", test.name, test.old, test.new, got, test.want)
		}
	}
}

// Later rounds pair what lies between pairs of earlier ones.
func TestAlignRounds(t *testing.T) {
	old, new := []string{"f1", "f2", "g1", "f3"}, []string{"f2", "f9", "g1", "f4", "f3"}
	key := func(all []string) keyed {
		return func(round, i int) uint64 {
			if round == 0 {
				return uint64(all[i][0])<<8 | uint64(all[i][1])
			}
			return uint64(all[i][0])
		}
	}
	want := []int{-1, 0, 2, 4}
	if got := align(len(old), len(new), 2, key(old), key(new)); !slices.Equal(got, want) {
		t.Errorf("%d, not %d", got, want)
	}
}
