package fiberlib

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has a function with two sites, one of which calls through a table, and one
// with a single site and no slots.
func sample() *FrameMap {
	return &FrameMap{
		Funcs: []FrameFunc{
			{Name: "outer", Size: 24, SiteAt: 8, Slots: []FrameSlot{
				{Name: "$d", Type: 'd', Offset: 0}, {Name: "$p", Type: 'i', Offset: 12}, {Name: "2", Type: 'l', Offset: 16},
			}, Sites: []FrameSite{
				{File: "a.c", Line: 7, Callee: 2, Live: []bool{true, false, true}},
				{File: "b.c", Line: 300, Callee: -1, Table: 0, Index: []byte{IndexSlot, 1, IndexConst, 0x7c, 0x6a}, Live: []bool{false, true, false}},
			}},
			{Name: "inner", SiteAt: -1, Sites: []FrameSite{{Name: "env.sleep", Live: nil}}},
		},
		Tables:  []TableRun{{First: 1, Funcs: []int{0, 2, 1}}},
		Exports: []FrameExport{{Name: "run", Func: 1}},
	}
}

func encoded(m *FrameMap) string {
	pieces, _ := m.Encode()
	return strings.Join(pieces, "")
}

func TestFrameMapReadsBack(t *testing.T) {
	got, err := DecodeFrames(encoded(sample()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("written (-) and read (+):\n%s", diff)
	}
}

// A buffer with a frame of outer at site 1, which has called inner through the table:
// the index is $p − 4.
func TestWalk(t *testing.T) {
	memory := make([]byte, 64)
	copy(memory[16+8:], "\x01\x00\x00\x00\x06\x00\x00\x00")
	m := sample()
	frames, err := m.Walk(memory, 16, 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []Frame{
		{Function: "inner", Callee: "env.sleep", Address: 16},
		{Function: "outer", Site: 1, Callee: "inner", File: "b.c", Line: 300, Address: 16, Size: 24, Locals: []Local{
			{Name: "$p", Type: 'i', Address: 28, Bits: []uint64{6}},
		}},
	}
	if diff := cmp.Diff(want, frames); diff != "" {
		t.Errorf("expected (-) and found (+):\n%s", diff)
	}
	for _, c := range []struct {
		name     string
		from, to uint32
		root     int
		says     string
	}{
		{"too much", 12, 40, 1, "4 bytes are left"},
		{"too little", 20, 40, 1, "takes 24 bytes, 20 are left"},
		{"no such site", 17, 41, 1, "no site"},
		{"no such function", 16, 40, 3, "function 3 of 2"},
		{"outside of memory", 16, 80, 1, "not in memory"},
	} {
		if _, err := m.Walk(memory, c.from, c.to, c.root); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, expected %q", c.name, err, c.says)
		}
	}
}

// A frame is 12 bytes, or 20 if its number is below 0: then the values below it are there.
func TestWalkWholeFrames(t *testing.T) {
	m := &FrameMap{Funcs: []FrameFunc{{Name: "f", Size: 20, Rare: 8, SiteAt: 8, Slots: []FrameSlot{
		{Name: "$d", Type: 'd', Offset: 0}, {Name: "$p", Type: 'i', Offset: 12}, {Name: "$q", Type: 'i', Offset: 16},
	}, Sites: []FrameSite{
		{Callee: 1, Live: []bool{false, true, true}},
		{Name: "env.sleep", Live: []bool{true, false, true}},
	}}}}
	if got, err := DecodeFrames(encoded(m)); err != nil || cmp.Diff(m, got) != "" {
		t.Fatalf("%v: written (-) and read (+):\n%s", err, cmp.Diff(m, got))
	}
	word := func(memory []byte, at, value uint32) { binary.LittleEndian.PutUint32(memory[at:], value) }
	memory := make([]byte, 32)
	word(memory, 0, 7) // $d, of the inner frame
	word(memory, 8, ^uint32(1))
	word(memory, 16, 9)
	word(memory, 20, 0) // the outer frame
	word(memory, 24, 5)
	want := []Frame{
		{Function: "f", Site: 1, Callee: "env.sleep", Address: 0, Size: 20, Locals: []Local{
			{Name: "$d", Type: 'd', Address: 0, Bits: []uint64{7}}, {Name: "$q", Type: 'i', Address: 16, Bits: []uint64{9}},
		}},
		{Function: "f", Callee: "f", Address: 20, Size: 12, Locals: []Local{
			{Name: "$p", Type: 'i', Address: 24, Bits: []uint64{5}}, {Name: "$q", Type: 'i', Address: 28, Bits: []uint64{0}},
		}},
	}
	frames, err := m.Walk(memory, 0, 32, 1)
	if diff := cmp.Diff(want, frames); diff != "" || err != nil {
		t.Errorf("%v: expected (-) and found (+):\n%s", err, diff)
	}
	for end, want := range map[uint32]Frame{20: want[0], 32: want[1]} {
		if f, err := m.FrameBelow(memory, 1, end); err != nil || cmp.Diff(want, f) != "" {
			t.Errorf("%v: below %d, expected (-) and found (+):\n%s", err, end, cmp.Diff(want, f))
		}
	}
	word(memory, 20, ^uint32(0)) // 20 bytes; what is below has no number
	for name, c := range map[string]struct {
		from, to uint32
		says     string
	}{
		"no room for a whole frame": {16, 32, "takes 20 bytes, 16 are left"},
		"no room":                   {24, 32, "takes 12 bytes, 8 are left"},
		"nothing below it":          {0, 32, "f has no site 7"},
	} {
		if _, err := m.Walk(memory, c.from, c.to, 1); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, expected %q", name, err, c.says)
		}
	}
	m.Funcs[0].Rare = 12
	if _, err := DecodeFrames(encoded(m)); err == nil || !strings.Contains(err.Error(), "without the number") {
		t.Errorf("a frame that may have no number: %v", err)
	}
}

// Calls that have no frames and go round in a circle cannot have been made.
func TestWalkEnds(t *testing.T) {
	m := &FrameMap{Funcs: []FrameFunc{
		{Name: "a", SiteAt: -1, Sites: []FrameSite{{Callee: 2}}},
		{Name: "b", SiteAt: -1, Sites: []FrameSite{{Callee: 1}}},
	}}
	if _, err := m.Walk(nil, 0, 0, 1); err == nil {
		t.Error("no error")
	}
}

// A module is searched for the section; one that is cut short has none, or is refused.
func TestReadFrames(t *testing.T) {
	section := "\x0fwatfiber.frames" + encoded(sample())
	module := "\x00asm\x01\x00\x00\x00" + "\x00\x05\x04name"
	module += string([]byte{0, byte(len(section)&0x7f | 0x80), byte(len(section) >> 7)}) + section
	got, err := ReadFrames([]byte(module))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("written (-) and read (+):\n%s", diff)
	}
	for n := range module {
		if got, err := ReadFrames([]byte(module[:n])); got != nil && err == nil {
			t.Errorf("%d of %d bytes have frames", n, len(module))
		}
	}
}

// A section that is cut short is refused.
func TestFrameMapCutShort(t *testing.T) {
	section := encoded(sample())
	for n := range section {
		if _, err := DecodeFrames(section[:n]); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(section))
		}
	}
}

// Whatever a section and a memory hold, reading them ends, without a panic.
func FuzzFrames(f *testing.F) {
	f.Add(encoded(sample()), "\x00\x01")
	memory := make([]byte, 512)
	region := memory[256:]
	copy(region[20:], "\x00\x02\x00\x00\x06\x00\x00\x00")
	copy(region[48:], "\xff\xfe\xff\xff")
	f.Add(encoded(sample()), string(memory))
	f.Fuzz(func(t *testing.T, section, memory string) {
		m, err := DecodeFrames(section)
		if err != nil {
			return
		}
		if again := encoded(m); again != section {
			if m2, err := DecodeFrames(again); err != nil || encoded(m2) != again {
				t.Errorf("%q is written as %q: %v", section, again, err)
			}
		}
		var out strings.Builder
		Report(&out, Fibers([]byte(memory), m), true)
		for root := range m.Funcs {
			_, _ = m.Walk([]byte(memory), 0, uint32(len(memory)), root+1)
		}
	})
}

// Regions do not overlap: what looks like one inside another is none, so that the time
// stays in proportion to the memory.
func TestFibersDoNotOverlap(t *testing.T) {
	memory := make([]byte, 4096)
	put := func(at, value int) { binary.LittleEndian.PutUint32(memory[at:], uint32(value)) }
	for _, f := range []struct{ at, top int }{{256, 1024}, {512, 2048}, {1024, 2048}} {
		put(f.at+20, f.top)
		put(f.at+48, ^f.at)
	}
	var found []uint32
	for _, f := range Fibers(memory, nil) {
		found = append(found, f.Address)
	}
	if diff := cmp.Diff([]uint32{256, 1024}, found); diff != "" {
		t.Errorf("expected (-) and found (+):\n%s", diff)
	}
}
