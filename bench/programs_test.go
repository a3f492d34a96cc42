package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

// Without npm, apt-get and a compiler each program says why it is missing.
func TestNothingIsFetched(t *testing.T) {
	t.Chdir("..")
	l := lab{tools: tools{watfiber: "watfiber"}, cache: cache{dir: t.TempDir(), offline: true, progress: io.Discard}, work: t.TempDir()}
	for name, want := range map[string]string{
		"lua-O2": "clang", "sqlite-O2": "clang", "quickjs": "not in the cache", "micropython": "not in the cache", "kernels-O2": "",
	} {
		s := findSubjects(l, []string{name})[0]
		if (want == "") != (s.missing == "") || !strings.Contains(s.missing, want) {
			t.Errorf("%s is missing because of %q, which does not say %q", name, s.missing, want)
		}
	}
}

// What is in the cache is made once, and what fails leaves nothing behind.
func TestCache(t *testing.T) {
	c := cache{dir: t.TempDir(), progress: io.Discard}
	made := 0
	write := func(path string) error {
		made++
		return os.WriteFile(path, []byte("x"), 0o644)
	}
	for range 2 {
		path, err := c.keep("a/b", write)
		if text, _ := os.ReadFile(path); err != nil || string(text) != "x" || made != 1 {
			t.Errorf("made %d times: %q, %v", made, text, err)
		}
	}
	broken := errors.New("broken")
	_, err := c.keep("a/c", func(path string) error { return errors.Join(write(path), broken) })
	left, _ := os.ReadDir(filepath.Join(c.dir, "a"))
	if !errors.Is(err, broken) || len(left) != 1 {
		t.Errorf("a failure leaves %v: %v", left, err)
	}
}

func TestPackageIsUnpacked(t *testing.T) {
	archive := func(name string) string {
		path := filepath.Join(t.TempDir(), "package.tgz")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		packed := gzip.NewWriter(f)
		defer packed.Close()
		files := tar.NewWriter(packed)
		defer files.Close()
		if err := files.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		return path
	}
	to := t.TempDir()
	if err := unpack(archive("package/bin/tool"), to); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(to, "bin", "tool")); err != nil || info.Size() != 1 || info.Mode()&0o100 == 0 {
		t.Errorf("the file is not there as it was: %v, %v", info, err)
	}
	if err := unpack(archive("package/../../tool"), filepath.Join(to, "inner")); err == nil {
		t.Error("a file outside the package is unpacked")
	}
}

// Glue takes the place of imports of the host, and those of WASI stay.
func TestGlue(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	source := write("module.wat", `(module
		(import "env" "wanted" (func (param i32) (result i32)))
		(import "env" "unwanted" (func))
		(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
		(memory 1)
		(func (export "run") (param i32) (result i32) (call 1) (drop (call 2)) (call 0 (local.get 0))))`)
	write("script.js", "\"x\"")
	glue, err := readGlue(write("glue.wat", `(import "host" "yield" (func $yield (param i32) (result i32)))
(data $script "script.js")
(func $env.wanted (param i32) (result i32) (call $yield (i32.const #script)))
`))
	if err != nil {
		t.Fatal(err)
	}
	binary, text, joined := filepath.Join(dir, "a.wasm"), filepath.Join(dir, "a.wat"), filepath.Join(dir, "joined.wat")
	watfiber := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code := cli.Run(args, nil, &out, &out); code != 0 {
			t.Fatalf("watfiber %v: %s", args, &out)
		}
		return out.String()
	}
	watfiber("asm", source, "-o", binary)
	watfiber("dis", binary, "-o", text)
	module, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := join(string(module), glue)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(joined, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
	watfiber("asm", joined, "-o", binary)
	for _, want := range []string{`"host" "yield"`, "sched_yield", "unreachable", `\22\78\22`, "i32.const 3"} {
		if !strings.Contains(got, want) {
			t.Errorf("the module has no %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, `(import "env"`) {
		t.Errorf("imports of env are left:\n%s", got)
	}
}
