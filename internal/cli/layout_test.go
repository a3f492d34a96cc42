package cli

import (
	"bytes"
	"strings"
	"testing"
)

// What is said of modules that compilers have made, and of what watfiber makes of them.
func TestLayoutOfModules(t *testing.T) {
	const examples = "../../examples/"
	built := t.TempDir() + "/built.wasm"
	for _, c := range []struct {
		module string
		flags  []string // to build it with, if any
		want   []string // on lines of their own, after what they are about
		not    []string
	}{
		{module: "c/channels.wasm",
			want: []string{"data 1024 (0x400) to ", "main stack down from ", "above the data: at most 67", "(__stack_pointer)",
				"warning a main stack that is too deep grows into the data (variables", "warning the main stack is small, at most 67"},
			not: []string{"heap", "fibers", "data end"}},
		{module: "c/faults.wasm",
			want: []string{"memory 2 pages, 131072 bytes; 64 pages at most", "data end ", "heap from ", "above the data: 655",
				"warning a main stack that is too deep grows into the data, and", "warning the main stack is small, 655"}},
		{module: "c/deep.wasm", flags: []string{"--stack-size=2000"},
			want: []string{"fibers 2000 bytes each", "warning the stacks of fibers are small, 2000 bytes"}},
		{module: "c/deep.wasm", flags: []string{"--guard"}, want: []string{"fibers 65520 bytes each"}, not: []string{"stacks of fibers are small"}},
		{module: "crystal/bench.stackfirst.wasm",
			want: []string{"main stack down from 1048576 (0x100000) to 0, below the data: 1048576 bytes (global 0)"}, not: []string{"warning"}},
		{module: "crystal/bench.wasm", want: []string{"above the data: at most ", "warning a main stack that is too deep"}},
	} {
		path := examples + c.module
		var stdout, stderr bytes.Buffer
		if c.flags != nil {
			if code := Run(append([]string{"build", path, "-o", built}, c.flags...), strings.NewReader(""), &stdout, &stderr); code != 0 {
				t.Fatalf("%s: exit %d\n%s", c.module, code, &stderr)
			}
			path = built
		}
		if code := Run([]string{"check", "--layout", path}, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit %d\n%s", c.module, code, &stderr)
		}
		text := strings.Join(strings.Fields(stdout.String()), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.module, want, &stdout)
			}
		}
		for _, not := range c.not {
			if strings.Contains(text, " "+not+" ") {
				t.Errorf("%s: %q is in\n%s", c.module, not, &stdout)
			}
		}
	}
}
