package binary_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/op"
)

// withLines is a program that was compiled with -g.
const withLines = "../../examples/c/deadlock.wasm"

func decodeFile(t *testing.T, path string) *wat.Module {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(path, string(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The calls of a function of the library lie in the lines that have its name.
func TestLines(t *testing.T) {
	m := decodeFile(t, withLines)
	lines, err := binary.Lines(m)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../examples/c/deadlock.c")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(string(source), "\n")
	found := 0
	for id, f := range m.Funcs {
		for i, in := range f.Body().Instrs {
			if in.Op != op.Call || !strings.HasPrefix(m.Funcs[in.Imm].Name, "fiber_") || f.Name == "malloc" {
				continue
			}
			file, line := lines(wat.FuncID(id), i)
			if file != "c/deadlock.c" {
				continue // an inline function of a header
			}
			found++
			if name := m.Funcs[in.Imm].Name; !strings.Contains(text[line-1], name[:len("fiber_")]) {
				t.Errorf("%s is called in line %d: %s", name, line, text[line-1])
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d calls were found", found)
	}
}

func TestNoLines(t *testing.T) {
	lines, err := binary.Lines(decodeFile(t, "../../examples/c/resume.wasm"))
	if lines != nil || err != nil {
		t.Errorf("a program without line tables: %v", err)
	}
}

// Damaged line tables end in an error, or in wrong lines.
func TestDamagedLines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := decodeFile(t, withLines)
	for range 500 {
		damaged := *m
		damaged.Debug = nil
		for _, s := range m.Debug {
			b := []byte(s.Bytes)
			for range r.IntN(4) {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
			c := *s
			c.Bytes = string(b[:len(b)-r.IntN(2)*r.IntN(len(b))])
			damaged.Debug = append(damaged.Debug, &c)
		}
		if lines, err := binary.Lines(&damaged); err == nil {
			for id, f := range m.Funcs {
				for i := range f.Body().Instrs {
					lines(wat.FuncID(id), i)
				}
			}
		}
	}
}
