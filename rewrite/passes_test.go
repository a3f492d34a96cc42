package rewrite

import "testing"

func TestPassOrder(t *testing.T) {
	position := map[string]int{}
	for i, p := range passes {
		if _, twice := position[p.name]; twice {
			t.Errorf("pass %s is there twice", p.name)
		}
		if (p.module == nil) == (p.each == nil) {
			t.Errorf("pass %s works on the module or on each function", p.name)
		}
		position[p.name] = i
	}
	constrained := map[string]bool{}
	for _, c := range order {
		before, ok := position[c.before]
		after, also := position[c.after]
		if !ok || !also {
			t.Errorf("no such passes: %s, %s", c.before, c.after)
		} else if before >= after {
			t.Errorf("%s has to come before %s: %s", c.before, c.after, c.why)
		}
		constrained[c.before], constrained[c.after] = true, true
	}
	for name := range position {
		if !constrained[name] {
			t.Errorf("nothing says where pass %s belongs", name)
		}
	}
}
