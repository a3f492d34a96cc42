package rewrite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// Each nop says how often it is to be taken to be executed, in parts of once.
func TestPace(t *testing.T) {
	switchOf := func(arms int) string { // the arms but the last do nothing
		var labels []string
		for i := range arms {
			labels = append(labels, fmt.Sprint(i))
		}
		return strings.Repeat("block ", arms) + "i32.const 0 br_table " + strings.Join(labels, " ") + " end nop" + strings.Repeat(" end", arms-1) + " nop"
	}
	for _, c := range []struct {
		body string
		want []uint64
	}{
		{"nop", []uint64{once}},
		{"block nop end nop", []uint64{once, once}},
		{"loop nop end nop", []uint64{loopTimes * once, once}},
		{"loop loop nop end end", []uint64{loopTimes * loopTimes * once}},
		{strings.Repeat("loop ", 9) + "nop" + strings.Repeat(" end", 9), []uint64{often}},
		{switchOf(1), []uint64{once, once}},
		{switchOf(4), []uint64{once / 4, once}},
		{"loop " + switchOf(4) + " end", []uint64{loopTimes * once / 4, loopTimes * once}},
		{switchOf(31), []uint64{once / 31, once}},
		{switchOf(32), []uint64{once / 32, once}},
		{"loop nop " + switchOf(32) + " end nop", []uint64{loopTimes * once, often / 8, often / 8, once}},
		{"block block i32.const 0 br_table 2 1 2 end nop end nop", []uint64{once / 2, once}}, // the function is no arm's end
		{"block block i32.const 0 br_table 1 1 end nop end nop", []uint64{once, once}},
		{"block loop i32.const 0 br_table 0 1 nop end nop end", []uint64{loopTimes * once / 2, once / 2}},
	} {
		m, err := wat.Parse("in.wat", "(module (func "+c.body+"))")
		if err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		body := m.Funcs[0].Body()
		p := paceOf(body)
		var got []uint64
		for i, in := range body.Instrs {
			if in.Op == op.Nop {
				got = append(got, p.at(i))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %d, want %d", c.body, got, c.want)
		}
	}
}
