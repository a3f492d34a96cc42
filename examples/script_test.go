package examples_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/watfiber/watfiber/internal/cli"
)

// Fibers that send, receive, select, close, lock, take turns and resume each other as
// random scripts say, while the host suspends the program now and then, do so in the
// same order as those of a native build, which are another implementation.
func TestScriptsOfFibers(t *testing.T) {
	clang := needs(t, "clang-19")
	work := t.TempDir()
	native, object, module := filepath.Join(work, "native"), filepath.Join(work, "script.o"), filepath.Join(work, "script.wasm")
	tool(t, clang, "-O1", "-Ic/native", "testdata/script.c", "-o", native)
	tool(t, clang, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", "-I../fiberlib/include", "-c", "testdata/script.c", "-o", object)
	tool(t, clang, "--target=wasm32-wasi", "--sysroot=/usr", object, "-o", module)
	built := build(t, module, "--suspend=env.yield")
	step := rapid.Custom(func(t *rapid.T) string {
		channel := rapid.IntRange(0, 3)
		switch kind := rapid.SampledFrom([]string{"s", "s", "s", "r", "r", "r", "l", "t", "p", "m", "c", "q", "u", "k", "g", "e", "n", "n", "y", "y", "h"}).Draw(t, "kind"); kind {
		case "s":
			return fmt.Sprintf("s%d%d", channel.Draw(t, "channel"), rapid.IntRange(1, 9).Draw(t, "value"))
		case "r", "c":
			return fmt.Sprintf("%s%d", kind, channel.Draw(t, "channel"))
		case "u", "k":
			return fmt.Sprintf("%s%d", kind, rapid.IntRange(1, 6).Draw(t, "fiber"))
		case "l", "t":
			return fmt.Sprintf("%s%d%d", kind, channel.Draw(t, "from"), channel.Draw(t, "to"))
		default:
			return kind
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		var scripts []string
		for range rapid.IntRange(1, 6).Draw(r, "fibers") {
			scripts = append(scripts, strings.Join(rapid.SliceOfN(step, 1, 8).Draw(r, "steps"), ""))
		}
		want := tool(t, append([]string{native}, scripts...)...)
		var stdout, stderr bytes.Buffer
		code := cli.Run(append([]string{"run", "--suspend=env.yield", built}, scripts...), strings.NewReader(""), &stdout, &stderr)
		if code != 0 || stdout.String() != want {
			r.Fatalf("%q: exit %d\n%s\nprinted:\n%s\nnative build:\n%s", scripts, code, &stderr, &stdout, want)
		}
	})
}
