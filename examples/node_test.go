package examples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A builder makes a module able to suspend in an import, or with its own runtime
// if there is none.
type builder struct {
	name  string
	build func(t *testing.T, module, suspend string) string
}

// builders are this project and its peer. What the peer builds has to give the
// same results under the same drivers: that checks the drivers, and the ABI.
var builders = []builder{
	{"watfiber", func(t *testing.T, module, suspend string) string {
		if suspend == "" {
			return build(t, module)
		}
		return build(t, module, "--suspend="+suspend)
	}},
	{peer, func(t *testing.T, module, suspend string) string {
		if suspend == "" {
			return peerBuild(t, module, "--pass-arg=asyncify-ignore-imports")
		}
		return peerBuild(t, module, "--pass-arg=asyncify-imports@"+suspend)
	}},
}

const peer = "wasm-opt"

// slowForPeer are modules that would take the peer long, and show nothing new.
var slowForPeer = []string{"crystal/pipeline.debug.wasm", "crystal/bench.wasm"}

// underNode runs a program that was built, and returns what it prints.
func underNode(t *testing.T, built, suspend string) string {
	t.Helper()
	args := []string{needs(t, "node"), "run.mjs"}
	if suspend != "" {
		args = append(args, "--suspend="+suspend)
	}
	return tool(t, append(args, built)...)
}

func TestProgramsUnderNode(t *testing.T) {
	needs(t, "node")
	for _, p := range programs {
		for _, b := range builders {
			if b.name == peer && (p.library || slices.Contains(slowForPeer, p.module)) {
				continue
			}
			t.Run(p.module+"/"+b.name, func(t *testing.T) {
				t.Parallel()
				compare(t, read(t, expectedOf(p.module)), underNode(t, b.build(t, p.module, p.suspend), p.suspend))
			})
		}
	}
}

// suspendKernels compares a module of kernels with the original, suspended at each
// 1st, 7th and 100th scheduling point; see kernels.mjs.
func suspendKernels(t *testing.T, module string) {
	for _, b := range builders {
		t.Run(filepath.Base(module)+"/"+b.name, func(t *testing.T) {
			t.Parallel()
			t.Log(strings.TrimSpace(tool(t, needs(t, "node"), "kernels.mjs", module, b.build(t, module, "env.yield"))))
		})
	}
}

func TestKernelsSuspendAnywhereUnderNode(t *testing.T) {
	needs(t, "node")
	suspendKernels(t, "c/kernels-O0.wasm")
	suspendKernels(t, "c/kernels-O2.wasm")
}

func TestCorpusUnderNode(t *testing.T) {
	needs(t, "node")
	for _, module := range corpusModules(t) {
		name := filepath.Base(module)
		switch _, err := os.Stat(expectedOf(module)); {
		case err == nil:
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				compare(t, read(t, expectedOf(module)), underNode(t, build(t, module), ""))
			})
		case strings.HasPrefix(name, "kernels-"), strings.HasPrefix(name, "lua-"):
			suspendKernels(t, module)
		}
	}
}

func TestFibersSleepUnderNode(t *testing.T) {
	needs(t, "node")
	compare(t, slept, underNode(t, build(t, "c/sleepers.wasm", "--redirect=wasi"), ""))
}
