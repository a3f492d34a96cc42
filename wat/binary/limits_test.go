package binary_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

func TestWarnings(t *testing.T) {
	params := "(param" + strings.Repeat(" i32", 1001) + ")"
	locals := "(local" + strings.Repeat(" f64", 50_000) + ")"
	code := strings.Repeat("nop\n", 7_654_320)
	text := fmt.Sprintf(`(module
  (import "env" "wide" (func %s))
  (func $many (param i32) %s)
  (func (export "long") %s)
  (func (param i32) (local i32) %s))`, params, locals, code, code[:40])
	m, err := wat.Parse("in.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"env.wide has 1001 parameters; engines in browsers take 1000",
		"$many has 50001 locals; engines in browsers take 50000",
		"$long has 7654322 bytes of code; engines in browsers take 7654321",
	}
	if diff := cmp.Diff(want, binary.Warnings(m, binary.Encode(m))); diff != "" {
		t.Error(diff)
	}
}

// A few bytes declare a hundred thousand locals, so a few kilobytes could ask for
// more than any machine has.
func TestLocalsInAll(t *testing.T) {
	const n = 100
	body := "\x06\x01\x80\x80\x08\x7f\x0b" // 1<<17 locals of type i32
	for _, c := range []struct {
		functions int
		want      string
	}{
		{8, ""},
		{n, "too many locals: 1179648 in the functions up to here, of a module of 822 bytes"},
	} {
		code := binary.Magic + "\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" +
			section(3, vector(c.functions, "\x00")) + section(10, vector(c.functions, body))
		_, err := binary.Decode("in.wasm", code)
		switch {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%d functions: %v, not %q", c.functions, err, c.want)
		}
	}
}

// section returns a section of less than 16 KiB.
func section(id byte, contents string) string {
	return string([]byte{id, byte(len(contents)&0x7f | 0x80), byte(len(contents) >> 7)}) + contents
}

func vector(n int, entry string) string {
	return string([]byte{byte(n)}) + strings.Repeat(entry, n)
}
