package trace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Probes say the same on another engine.
func TestProbesInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	for _, module := range []string{"c/fibers.wasm", "c/resume.wasm", "crystal/first.wasm"} {
		x := prepare(t, program{module: module})
		var here strings.Builder
		x.probed = func(p Probe, _ []string) {
			fmt.Fprintln(&here, p.Kind, p.A, p.B, p.State, p.Data, p.StackPointer, p.Fiber)
		}
		x.run(program{module: module})
		path := filepath.Join(t.TempDir(), "probes.wasm")
		if err := os.WriteFile(path, x.binary, 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(node, "testdata/events.mjs", path)
		cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
		there, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", module, err)
		}
		if diff := cmp.Diff(strings.Split(here.String(), "\n"), strings.Split(string(there), "\n")); diff != "" {
			t.Errorf("%s: on wazero (-) and in node (+):\n%s", module, diff)
		}
		if strings.Count(here.String(), "\n") < 50 {
			t.Errorf("%s: only\n%s", module, &here)
		}
	}
}
