package golden

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/op"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// The source map of every case leads from each instruction to the word it is made of: in
// the source as it was written, folded or not, or in an inserted line.
func TestSourceMapOfCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < leastCases {
		t.Fatalf("%d cases found (%v)", len(paths), err)
	}
	for _, path := range paths {
		c, err := ReadCase(path)
		if err != nil {
			t.Fatal(err)
		}
		if c.Has(memberError) {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			source, err := Load("in.wat", c.Member(memberIn))
			if err != nil {
				t.Fatal(err)
			}
			checkMap(t, source, c.Options)
		})
	}
}

// The same of real modules.
func TestSourceMapOfCorpus(t *testing.T) {
	eachModule(t, []string{"*.wasm"}, func(t *testing.T, m *wat.Module) {
		if testing.Short() && len(m.Source.Text) > 1<<20 {
			t.Skip("a large module takes a while")
		}
		source, err := Load("dis.wat", wat.Print(m))
		if err != nil {
			t.Fatal(err)
		}
		opts := corpusOptions(m)
		checkMap(t, source, opts)
		if len(source.Source.Text) < 1<<20 {
			opts.Optimize = rewrite.ForSpeed
			checkMap(t, source, opts)
		}
	})
}

// checkMap rewrites a text and compares the map of the result with both texts.
func checkMap(t *testing.T, source *wat.Module, opts rewrite.Options) {
	t.Helper()
	opts.After = ""
	r, err := rewrite.Rewrite(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := wat.Parse("out.wat", r.Text)
	if err != nil {
		t.Fatal(err)
	}
	built, err := binary.Decode("out.wasm", string(binary.Encode(r.Module)))
	if err != nil {
		t.Fatal(err)
	}
	o, err := sourcemap.NewOrigins(built, text, source)
	if err != nil {
		t.Fatal(err)
	}
	made := o.Map(sourcemap.Options{Binary: "out.wasm", Text: "out.wat", Source: "in.wat", Inserted: true}, nil)
	read, err := sourcemap.Decode(made.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Sources) != 2 || read.Sources[0].Ignored || read.Sources[1].Ignored || read.Sources[0].Content != source.Source.Text || read.Sources[1].Content != r.Text {
		t.Fatal("the map should have the source and the rewritten text")
	}
	if !slices.Equal(made.Segments, read.Segments) {
		t.Error("the map changes when it is written and read")
	}
	c := mapChecker{m: read, in: strings.Split(source.Source.Text, "\n"), out: strings.Split(r.Text, "\n"), seen: map[int]bool{}}
	for _, from := range o.Funcs {
		of := &wat.Func{}
		if from.InSource {
			of = source.Funcs[from.Source]
		}
		if err := c.function(built.Funcs[from.Binary], of, source.Source); err != nil {
			t.Errorf("function %d: %v", from.Binary, err)
		}
		if isCopy := strings.HasPrefix(text.Funcs[from.Text].Name, "fiber.hot."); isCopy != from.HotCopy {
			t.Errorf("function %d, %s, is a hot copy: %t", from.Binary, text.Funcs[from.Text].Name, from.HotCopy)
		}
		c.copied(&from, text)
	}
	if err := c.inserted(); err != nil {
		t.Error(err)
	}
	checkSteps(t, o, read, o.Map(sourcemap.Options{Binary: "out.wasm", Text: "out.wat", Source: "in.wat"}, nil))
}

// checkSteps compares the map that has debuggers pass over inserted lines with the one that
// has not: an instruction of the source leads to the same place, an inserted one to that of
// the instruction of the source before it, or to where the function begins; the runtime
// is ignored.
func checkSteps(t *testing.T, o *sourcemap.Origins, all, own *sourcemap.Map) {
	t.Helper()
	if !own.Sources[1].Ignored {
		t.Error("the rewritten text should be ignored")
	}
	for _, from := range o.Funcs {
		f := o.Binary.Funcs[from.Binary]
		want, _ := all.At(f.Span.Start)
		for _, in := range f.Body().Instrs {
			if s, _ := all.At(int(in.Pos)); s.Source == 0 || !from.InSource {
				want = s
			}
			got, ok := own.At(int(in.Pos))
			got.Offset = want.Offset
			if !ok || got != want {
				t.Fatalf("%s at %#x leads to %+v, not to %+v", in.Op, in.Pos, got, want)
			}
		}
	}
}

// mapChecker compares a map with two texts, lines counted from 0.
type mapChecker struct {
	m       *sourcemap.Map
	in, out []string
	seen    map[int]bool // inserted lines that code comes from
}

// function checks that the instructions of a function are the words that the map leads
// to, those of its source in their order, and nothing of the source missing but blocks
// that were opened elsewhere, and ifs that became blocks.
func (c *mapChecker) function(f, source *wat.Func, src *wat.Source) error {
	next := 0
	for _, in := range f.Body().Instrs {
		s, ok := c.m.At(int(in.Pos))
		if !ok {
			return fmt.Errorf("%s at %#x comes from nowhere", in.Op, in.Pos)
		}
		line := [][]string{c.in, c.out}[s.Source][s.Line]
		if s.Source == 1 {
			c.seen[s.Line] = true
			if _, ok := wat.InsertedComment(line); !ok {
				return fmt.Errorf("%s at %#x comes from a line of the rewritten text that was not inserted: %s", in.Op, in.Pos, line)
			}
		}
		word := line[s.Column:]
		if !strings.HasPrefix(word, in.Op.String()) && !(in.Op == op.End && strings.HasPrefix(word, ")")) {
			return fmt.Errorf("%s at %#x comes from column %d of: %s", in.Op, in.Pos, s.Column, line)
		}
		if s.Source == 1 {
			continue
		}
		for ; next < len(source.Body().Instrs) && !isAt(source.Body().Instrs[next], s, src); next++ {
			if !slices.Contains([]op.Code{op.Block, op.If, op.Else}, source.Body().Instrs[next].Op) {
				return fmt.Errorf("%s at %#x comes from line %d, before %s in line %d", in.Op, in.Pos, s.Line+1,
					source.Body().Instrs[next].Op, src.LineAt(int(source.Body().Instrs[next].Pos)))
			}
		}
		next++
	}
	if rest := len(source.Body().Instrs) - next; rest > 0 {
		return fmt.Errorf("no code comes from the last %d instructions of the source", rest)
	}
	return nil
}

// isAt reports whether an instruction stands where a segment leads to.
func isAt(in wat.Instr, s sourcemap.Segment, src *wat.Source) bool {
	line, column := src.Line(int(in.Pos))
	return line == s.Line+1 && column == s.Column+1
}

// copied notes the lines of a hot copy that the map leads past, to those of the source.
func (c *mapChecker) copied(f *sourcemap.Func, text *wat.Module) {
	if !f.HotCopy {
		return
	}
	for i, in := range text.Funcs[f.Text].Body().Instrs {
		if _, own := f.Instr(i); own {
			c.seen[text.Source.LineAt(int(in.Pos))-1] = true
		}
	}
}

// inserted checks that code comes from every inserted line that has an instruction, but
// for branches that take the place of the line above.
func (c *mapChecker) inserted() error {
	for i, line := range c.out {
		if _, ok := wat.InsertedComment(line); !ok || c.seen[i] {
			continue
		}
		code, _, _ := strings.Cut(strings.TrimSpace(line), wat.InsertMark)
		word, _, _ := strings.Cut(strings.Trim(code, " "), " ")
		if _, ok := op.Lookup(word); ok && !strings.HasPrefix(strings.TrimSpace(c.out[i-1]), wat.DropMark) {
			return fmt.Errorf("no code comes from the inserted line %d: %s", i+1, line)
		}
	}
	return nil
}
