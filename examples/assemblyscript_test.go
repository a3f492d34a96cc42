package examples_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

// Each is an export of the AssemblyScript module, called with an argument, and the first
// line that is printed. Where a number comes back that went through a fiber in an object,
// nothing but the runtime knew of the object while garbage was collected.
var corners = []struct {
	call, argument, prints string
}{
	{"onStack", "7", "7"},
	{"inNewFiber", "7", "7"},
	{"inBuffer", "7", "7"},
	{"onItsWay", "7", "7"},
	{"deep", "100", "100"},
	{"deep", "1000", "note: the shadow stack of a fiber has grown too large"},
	{"deepInMain", "1000", "1000"},
	{"closed", "", "~lib/fiber.ts:"},
	{"closed", "", "the channel is closed"},
	{"deadlock", "", "note: a fiber has to wait, and no other is ready"},
}

// callCorner returns all that is printed when an export of a module is called.
func callCorner(engine, module, call, argument string) (printed string, ok bool) {
	args := append([]string{"run", "--engine=" + engine, "--invoke=" + call, module}, strings.Fields(argument)...)
	var out bytes.Buffer
	code := cli.Run(args, strings.NewReader(""), &out, &out)
	return out.String(), code == 0
}

// Only the library calls the allocator of this program with a size that varies.
func TestAssemblyScriptFirst(t *testing.T) {
	for _, engine := range engines {
		stdout, _ := watfiber(t, "run", "--engine="+engine, "assemblyscript/first.wasm")
		compare(t, "0\n1\n2\n", stdout)
	}
}

// A runtime that never collects garbage. (Not under node: version 20 has crashed with a
// longer program whose memory grows like that, but not with --no-concurrent-marking.)
func TestAssemblyScriptWithoutCollector(t *testing.T) {
	for _, engine := range engines {
		stdout, _ := watfiber(t, "run", "--engine="+engine, "assemblyscript/pipeline.stub.wasm")
		compare(t, read(t, "assemblyscript/pipeline.expected"), stdout)
	}
}

func TestAssemblyScriptCorners(t *testing.T) {
	for _, c := range corners {
		for _, engine := range engines {
			got, ok := callCorner(engine, "assemblyscript/corners.wasm", c.call, c.argument)
			switch {
			case strings.TrimRight(c.prints, "0123456789") != "":
				if ok || !strings.Contains(got, c.prints) {
					t.Errorf("%s(%s) on the %s prints\n%s, not %q", c.call, c.argument, engine, got, c.prints)
				}
			case !ok || got != c.prints+"\n":
				t.Errorf("%s(%s) on the %s = %s, not %s", c.call, c.argument, engine, got, c.prints)
			}
		}
	}
}

// What channels have in memory goes with them.
func TestAssemblyScriptChannelsAreCollected(t *testing.T) {
	few, _ := callCorner("compiler", "assemblyscript/corners.wasm", "channels", "100")
	many, ok := callCorner("compiler", "assemblyscript/corners.wasm", "channels", "100000")
	if !ok || few != many {
		t.Errorf("the memory has %s pages after 100 channels, %s after 100000", strings.TrimSpace(few), strings.TrimSpace(many))
	}
}

// A module whose compiler notes no objects on a stack cannot have its garbage collected
// while there are fibers, and says so.
func TestAssemblyScriptWithoutStack(t *testing.T) {
	const want = "fibers and --runtime minimal need --stackSize"
	got, ok := callCorner("compiler", "assemblyscript/corners.nostack.wasm", "onStack", "7")
	if ok || !strings.Contains(got, want) {
		t.Errorf("printed\n%s, not %q", got, want)
	}
}
