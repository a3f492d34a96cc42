package rewrite

import (
	"strings"
	"testing"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/check"
)

func TestNoReturn(t *testing.T) {
	for _, c := range []struct {
		body  string
		never bool
	}{
		{"nop", false},
		{"unreachable", true},
		{"return unreachable", false},
		{"br 0 unreachable", false},
		{"local.get 0 br_if 0 unreachable", false},
		{"local.get 0 if unreachable end", false},
		{"local.get 0 if unreachable else unreachable end", true},
		{"local.get 0 if unreachable else nop end", false},
		{"local.get 0 if nop else unreachable end", false},
		{"local.get 0 if call $traps else call $traps end", true},
		{"local.get 0 if (result i32) unreachable else i32.const 1 end drop unreachable", true},
		{"local.get 0 if br 0 else unreachable end", false},
		{"block br 0 end unreachable", true},
		{"block br 0 end", false},
		{"block local.get 0 br_if 0 unreachable end", false},
		{"block unreachable br 0 end", true},
		{"block local.get 0 br_table 0 0 end unreachable", true},
		{"block local.get 0 br_table 0 1 end unreachable", false},
		{"loop br 0 end", true},
		{"loop local.get 0 br_if 0 end", false},
		{"block loop local.get 0 br_if 1 br 0 end end", false},
		{"call $traps", true},
		{"call $imported", false},
		{"call $again", true},
		{"call $first", false}, // a circle could be one that returns; it is not followed
		{"call $deep9", false}, // beyond maxChains
		{"call $deep3", true},
	} {
		text := `(module (import "env" "f" (func $imported))
			(func $traps (param i32) unreachable)
			(func $again (param i32) loop br 0 end)
			(func $first (call $second)) (func $second (call $first))
			(func $deep0 unreachable) (func $deep1 (call $deep0)) (func $deep2 (call $deep1)) (func $deep3 (call $deep2))
			(func $deep4 (call $deep3)) (func $deep5 (call $deep4)) (func $deep6 (call $deep5)) (func $deep7 (call $deep6))
			(func $deep8 (call $deep7)) (func $deep9 (call $deep8))
			(func $it (param i32) ` + strings.NewReplacer("call $traps", "i32.const 0 call $traps", "call $again", "i32.const 0 call $again").Replace(c.body) + `))`
		m, err := wat.Parse("in.wat", text)
		if err == nil {
			err = check.Module(m)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		never := findNoReturn(m, callgraph.Collect(m))
		if got := never[len(m.Funcs)-1]; got != c.never {
			t.Errorf("%s: never returns: %t, want %t", c.body, got, c.never)
		}
	}
}
