package wat_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// This file runs the tools that other tests compare with, where they are
// installed.

// needTool skips a test if a tool is not installed.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: this compares with what it does", name)
	}
}

// runTool runs a tool and returns its output; the test fails if the tool does.
func runTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errs.String())
	}
	return out.String()
}

// tempFile writes data to a file that lasts as long as the test.
func tempFile(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// nodeValidates reports whether node takes a binary.
func nodeValidates(t *testing.T, code []byte) bool {
	t.Helper()
	path := tempFile(t, "m.wasm", string(code))
	return runTool(t, "node", "-e", "console.log(WebAssembly.validate(fs.readFileSync(process.argv[1])))", path) == "true\n"
}
