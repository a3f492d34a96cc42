package examples_test

import (
	"path/filepath"
	"testing"
)

// Runtimes that were written for Binaryen's Asyncify have to work unchanged. The
// scripts in testdata follow the best known ones in what they rely on.
func TestRuntimesOfThePeerWork(t *testing.T) {
	for _, script := range []string{"promises.mjs", "sleep.mjs"} {
		for _, b := range builders {
			t.Run(script+"/"+b.name, func(t *testing.T) {
				t.Parallel()
				node := needs(t, "node")
				module := filepath.Join(t.TempDir(), "tree.wasm")
				watfiber(t, "asm", "testdata/tree.wat", "-o", module)
				tool(t, node, "testdata/"+script, b.build(t, module, "env.fetch"))
			})
		}
	}
}

// Tasks in the style of TinyGo: see testdata/tasks.wat. They need no host.
func TestTasksInTheModule(t *testing.T) {
	for _, b := range builders {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			module := filepath.Join(t.TempDir(), "tasks.wasm")
			watfiber(t, "asm", "testdata/tasks.wat", "-o", module)
			built := b.build(t, module, "")
			for _, engine := range engines {
				stdout, _ := watfiber(t, "run", "--engine="+engine, "--invoke=main", built)
				compare(t, "123123\n", stdout)
			}
		})
	}
}
