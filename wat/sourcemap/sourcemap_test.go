package sourcemap_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// random returns a map of random segments.
func random(r *rand.Rand) *sourcemap.Map {
	m := &sourcemap.Map{File: "m.wasm", Sources: []sourcemap.Source{{Name: "a 100%?#.wat", Content: "(module)"}, {Name: "b.c", Ignored: true}}}
	offset := 0
	for range r.IntN(50) {
		offset += 1 + r.IntN(1<<r.IntN(20))
		s := sourcemap.Segment{Offset: offset, Source: r.IntN(3) - 1}
		if s.Source >= 0 {
			s.Line, s.Column = r.IntN(1<<r.IntN(20)), r.IntN(1<<r.IntN(20))
		}
		m.Segments = append(m.Segments, s)
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		m := random(r)
		got, err := sourcemap.Decode(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got.File != m.File || !slices.Equal(got.Sources, m.Sources) || !slices.Equal(got.Segments, m.Segments) {
			t.Fatalf("%+v becomes %+v", m, got)
		}
	}
}

// Damaged maps end in an error, or in a map that can be asked.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 5000 {
		data := random(r).Encode()
		at := strings.Index(string(data), "mappings")
		for range 1 + r.IntN(3) {
			data[at+r.IntN(len(data)-at)] = byte(r.Uint32())
		}
		m, err := sourcemap.Decode(data)
		if err != nil {
			refused++
			continue
		}
		last := -1
		for _, s := range m.Segments {
			if s.Offset < last || s.Source >= len(m.Sources) {
				t.Fatalf("%s: %+v", data, s)
			}
			last = s.Offset
			m.At(s.Offset)
		}
	}
	if refused < 1000 {
		t.Errorf("only %d of 5000 damaged maps are refused", refused)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`no`, "no source map"},
		{`{"version":2}`, "version 2"},
		{`{"version":3,"sections":[]}`, "several maps"},
		{`{"version":3,"sources":["a"],"mappings":"AAAA;AAAA"}`, "several lines"},
		{`{"version":3,"sources":["a"],"mappings":"ACAA"}`, "refers to nothing"},
		{`{"version":3,"sources":["a"],"mappings":"AAAA,D"}`, "out of order"},
		{`{"version":3,"sources":["a"],"mappings":"AA"}`, "malformed"},
		{`{"version":3,"sources":["a"],"mappings":"A!"}`, "malformed"},
		{`{"version":3,"sources":["a"],"mappings":"gggggggggggggggggggA"}`, "malformed"},
		{`{"version":3,"sources":["a"],"mappings":"","ignoreList":[1]}`, "ignores source 1"},
	} {
		if _, err := sourcemap.Decode([]byte(c.json)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %s", c.json, err, c.want)
		}
	}
}

// A text that the binary was not made of is refused.
func TestOtherText(t *testing.T) {
	parse := func(text string) *wat.Module {
		m, err := wat.Parse("m.wat", text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	one := parse("(module (func nop))")
	built, err := binary.Decode("m.wasm", string(binary.Encode(one)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, source, want string }{
		{"(module)", "(module)", "has 1 functions"},
		{"(module (func nop nop))", "(module (func nop nop))", "has 1 instructions"},
		{"(module (func nop))", "(module (func nop nop))", "does not strip to this source"},
		{"(module (func nop))", "(module)", "more functions than its source"},
		{"(module\n(func ;;~\nnop ;;~\n) ;;~\n)", "(module)", ""},
	} {
		_, err := sourcemap.NewOrigins(built, parse(c.text), parse(c.source))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s of %s: %v, not %q", c.text, c.source, err, c.want)
		}
	}
}
