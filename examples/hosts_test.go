package examples_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// fromDocument returns the lines of code in a language that a document shows.
func fromDocument(t *testing.T, path, language string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, path), "```"+language+"\n")
	code, _, ended := strings.Cut(text, "```")
	if !found || !ended {
		t.Fatalf("%s shows no %s", path, language)
	}
	return code
}

// The host for node that the documentation shows runs a program.
func TestHostInDocument(t *testing.T) {
	node := needs(t, "node")
	folder := t.TempDir()
	if err := os.Rename(build(t, "c/channels.wasm"), filepath.Join(folder, "program.fiber.wasm")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "host.mjs"), []byte(fromDocument(t, "../docs/fiberlib.md", "js")), 0o666); err != nil {
		t.Fatal(err)
	}
	compare(t, read(t, "c/channels.expected"), tool(t, "sh", "-c", "cd "+folder+" && "+node+" host.mjs"))
}

// hostOfDocument is the host for wazero that the documentation shows, between the marks.
func hostOfDocument(program []byte) error {
	// begin
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	config := wazero.NewModuleConfig().WithStdout(os.Stdout).WithSysNanotime().WithSysNanosleep()
	_, err := runtime.InstantiateWithConfig(ctx, program, config)
	// end
	return err
}

// So does the one for wazero.
func TestGoHostInDocument(t *testing.T) {
	_, shown, _ := strings.Cut(read(t, "hosts_test.go"), "// begin\n")
	shown, _, _ = strings.Cut(shown, "\t// end\n")
	compare(t, fromDocument(t, "../docs/fiberlib.md", "go"), strings.ReplaceAll(shown, "\n\t", "\n")[1:])
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func(stdout *os.File) { os.Stdout = stdout }(os.Stdout)
	os.Stdout = output
	var exit *sys.ExitError
	if err := hostOfDocument([]byte(read(t, build(t, "c/channels.wasm")))); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 0) {
		t.Fatal(err)
	}
	compare(t, read(t, "c/channels.expected"), read(t, output.Name()))
}
