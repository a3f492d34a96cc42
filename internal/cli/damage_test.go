package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

// Damaged binaries: cut off after any number of bytes, or with a bit that is not
// what it was. Each is a module still, or brings an error with the place, exit
// status 1 and no output.
func TestDamagedBinaries(t *testing.T) {
	const cuts, flips = 100, 200
	code, err := os.ReadFile("../../examples/c/generator.wasm")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	head := min(40, len(code)) // where the format is densest
	for n := range head {
		damaged(t, code[:n])
	}
	for range cuts {
		damaged(t, code[:r.IntN(len(code))])
	}
	for i := range flips {
		at := r.IntN(len(code))
		if i < head {
			at = i
		}
		flipped := bytes.Clone(code)
		flipped[at] ^= 1 << r.IntN(8)
		damaged(t, flipped)
	}
}

// place is how messages begin that are about a place in a file.
var place = regexp.MustCompile(`^error: \S*damaged.wasm:(0x[0-9a-f]+|\d+:\d+): `)

// damaged runs the commands that read a binary.
func damaged(t *testing.T, code []byte) {
	t.Helper()
	dir := t.TempDir()
	input, output := filepath.Join(dir, "damaged.wasm"), filepath.Join(dir, "out")
	if err := os.WriteFile(input, code, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"check", input},
		{"dis", input, "-o", output},
		{"build", "-q", "--suspend=env.yield", input, "-o", output},
	} {
		var stdout, stderr bytes.Buffer
		status := cli.Run(args, strings.NewReader(""), &stdout, &stderr)
		_, missing := os.Stat(output)
		written := missing == nil
		switch {
		case status == 0 && written == (args[0] != "check"):
		case status == 1 && !written && (place.MatchString(stderr.String()) || aboutTheModule.MatchString(stderr.String())):
		default:
			t.Errorf("%s of %d bytes: exit status %d, output written: %t\n%.500s", args[0], len(code), status, written, &stderr)
		}
		_ = os.Remove(output)
	}
}

// aboutTheModule is how messages begin that are about no place, but about what the
// module lacks for a rewrite.
var aboutTheModule = regexp.MustCompile(`^error: (no imported function matches|\S*damaged.wasm: the module has no memory)`)
