package fiberlib

import (
	"fmt"
	"math"
)

// ReadFrames reads the map of the frames of a binary module, which is valid; nil if it has
// none.
func ReadFrames(module []byte) (*FrameMap, error) {
	section, found, err := customSection(module, FrameSection)
	if !found || err != nil {
		return nil, err
	}
	return DecodeFrames(section)
}

// customSection returns the contents of the first custom section of a name.
func customSection(module []byte, name string) (contents string, found bool, _ error) {
	const header, custom = 8, 0
	d := frameDecoder{b: string(module), pos: header}
	for d.pos < len(d.b) && d.err == nil {
		id := d.byte()
		section := frameDecoder{b: d.bytes(d.count())}
		if id == custom && section.bytes(section.count()) == name {
			return section.b[section.pos:], true, nil
		}
	}
	return "", false, d.err
}

// DecodeFrames reads the contents of a section.
func DecodeFrames(section string) (*FrameMap, error) {
	d := frameDecoder{b: section}
	if v := d.number(); v != frameVersion && d.err == nil {
		return nil, fmt.Errorf("section %s is of version %d, not %d", FrameSection, v, frameVersion)
	}
	files := []string{""}
	for range d.count() {
		files = append(files, d.text())
	}
	m := &FrameMap{}
	for range d.count() {
		m.Funcs = append(m.Funcs, d.function(files))
		if d.err != nil {
			break
		}
	}
	for range d.count() {
		t := TableRun{Table: d.number(), First: d.number()}
		for range d.count() {
			t.Funcs = append(t.Funcs, int(d.number()))
		}
		m.Tables = append(m.Tables, t)
	}
	for range d.count() {
		m.Exports = append(m.Exports, FrameExport{Name: d.text(), Func: int(d.number())})
	}
	if d.err == nil && d.pos != len(d.b) {
		d.fail("%d bytes too many", len(d.b)-d.pos)
	}
	if d.err == nil {
		d.err = m.check()
	}
	if d.err != nil {
		return nil, fmt.Errorf("section %s: %w", FrameSection, d.err)
	}
	return m, nil
}

// check checks that numbers refer to something.
func (m *FrameMap) check() error {
	for _, f := range m.Funcs {
		if f.SiteAt >= 0 && uint64(f.SiteAt)+4 > uint64(f.Size) || f.SiteAt < 0 && len(f.Sites) != 1 {
			return fmt.Errorf("%s has no place for the number of a site", f.Name)
		}
		if f.Rare > 0 && int64(f.Rare) > int64(f.SiteAt) {
			return fmt.Errorf("%s has frames without the number of a site", f.Name)
		}
		for _, s := range f.Slots {
			if uint64(s.Offset)+uint64(slotSize(s.Type)) > uint64(f.Size) || slotSize(s.Type) == 0 {
				return fmt.Errorf("slot %s of %s lies outside of its frame", s.Name, f.Name)
			}
		}
		for _, s := range f.Sites {
			if s.Callee > len(m.Funcs) {
				return fmt.Errorf("%s calls function %d of %d", f.Name, s.Callee, len(m.Funcs))
			}
		}
	}
	for _, x := range m.Exports {
		if x.Func < 1 || x.Func > len(m.Funcs) {
			return fmt.Errorf("export %s is function %d of %d", x.Name, x.Func, len(m.Funcs))
		}
	}
	for _, t := range m.Tables {
		for _, f := range t.Funcs {
			if f > len(m.Funcs) {
				return fmt.Errorf("table %d holds function %d of %d", t.Table, f, len(m.Funcs))
			}
		}
	}
	return nil
}

// frameDecoder reads from a section. After an error it returns zeros.
type frameDecoder struct {
	b   string
	pos int
	err error
}

func (d *frameDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.pos = len(d.b)
}

func (d *frameDecoder) byte() byte {
	if d.pos >= len(d.b) {
		d.fail("it ends early")
		return 0
	}
	d.pos++
	return d.b[d.pos-1]
}

func (d *frameDecoder) number() uint32 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		if shift > 28 {
			d.fail("malformed number")
			return 0
		}
	}
	if n > math.MaxUint32 {
		d.fail("malformed number")
		return 0
	}
	return uint32(n)
}

// count reads how many entries follow; each takes a byte at least.
func (d *frameDecoder) count() int {
	n := d.number()
	if uint64(n) > uint64(len(d.b)-d.pos) {
		d.fail("%d entries in %d bytes", n, len(d.b)-d.pos)
		return 0
	}
	return int(n)
}

func (d *frameDecoder) bytes(n int) string {
	if n > len(d.b)-d.pos {
		d.fail("it ends early")
		return ""
	}
	d.pos += n
	return d.b[d.pos-n : d.pos]
}

func (d *frameDecoder) text() string {
	s := d.bytes(d.count())
	if d.byte() != 0 {
		d.fail("malformed string")
	}
	return s
}

func (d *frameDecoder) function(files []string) FrameFunc {
	f := FrameFunc{Name: d.text(), Size: d.number(), SiteAt: int(d.number()) - 1, Rare: d.number()}
	for range d.count() {
		f.Slots = append(f.Slots, FrameSlot{Type: d.byte(), Offset: d.number(), Name: d.text()})
	}
	for range d.count() {
		f.Sites = append(f.Sites, d.site(files, len(f.Slots)))
		if d.err != nil {
			break
		}
	}
	return f
}

func (d *frameDecoder) site(files []string, slots int) FrameSite {
	file := d.number()
	if int(file) >= len(files) {
		d.fail("file %d of %d", file, len(files)-1)
		return FrameSite{}
	}
	s := FrameSite{File: files[file], Line: int(d.number())}
	size := d.count()
	end := d.pos + size
	switch kind := d.number(); kind {
	case calleeNamed:
		s.Name = d.text()
	case calleeNumber:
		s.Callee = int(d.number())
	case calleeTable:
		s.Callee, s.Table = -1, d.number()
		s.Index = []byte(d.bytes(d.count()))
	default:
		d.fail("callee of kind %d", kind)
	}
	live := d.bytes((slots + 7) / 8)
	if d.err != nil {
		return s
	}
	for i := range slots {
		s.Live = append(s.Live, live[i/8]>>(i%8)&1 != 0)
	}
	if d.pos != end {
		d.fail("a site of %d bytes takes %d", size, size-(end-d.pos))
	}
	return s
}
