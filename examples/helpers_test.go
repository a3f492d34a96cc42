package examples_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/internal/cli"
)

// watfiber runs a command line in this process. It has to succeed.
func watfiber(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, diag bytes.Buffer
	if code := cli.Run(args, strings.NewReader(""), &out, &diag); code != 0 {
		t.Fatalf("watfiber %s: exit %d\n%s%s", strings.Join(args, " "), code, &out, &diag)
	}
	return out.String(), diag.String()
}

// build builds a module with watfiber into a new file.
func build(t *testing.T, input string, flags ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "built.wasm")
	watfiber(t, append([]string{"build", "-q", input, "-o", output}, flags...)...)
	return output
}

// peerBuild builds a module with wasm-opt --asyncify into a new file.
func peerBuild(t *testing.T, input string, flags ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("comparing with wasm-opt takes a while")
	}
	output := filepath.Join(t.TempDir(), "peer.wasm")
	tool(t, append([]string{needs(t, peer), "--asyncify", input, "-o", output}, flags...)...)
	return output
}

// needs returns the path of a tool; without it the test is skipped.
func needs(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// tool runs a program, which has to succeed, and returns what it prints.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, &out, &diag)
	}
	return out.String()
}

// compare fails the test if a program has not printed what it should.
func compare(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("expected (-) and printed (+):\n%s", diff)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// corpusModules returns the modules in the tree that WATFIBER_CORPUS names;
// without it the test is skipped.
func corpusModules(t *testing.T) []string {
	t.Helper()
	root := os.Getenv("WATFIBER_CORPUS")
	if root == "" {
		t.Skip("WATFIBER_CORPUS names no folder of modules")
	}
	var modules []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".wasm" {
			modules = append(modules, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// expectedOf returns the file with what a program prints: name.expected, for
// modules name.wasm, name.debug.wasm and so on.
func expectedOf(module string) string {
	name, _, _ := strings.Cut(filepath.Base(module), ".")
	return filepath.Join(filepath.Dir(module), name+".expected")
}
