package sourcemap

import "github.com/watfiber/watfiber/wat"

// Options say what a map is to be like.
type Options struct {
	Binary string // what it calls the binary
	Text   string // the rewritten text
	Source string // the source, if that was text
	// Inserted has debuggers stop at inserted lines, too.
	Inserted bool
}

// Places say where the instructions of a binary come from.
type Places struct {
	// At returns the place of an instruction; the file is "" if that is not known.
	At func(function wat.FuncID, instr int) wat.Location
	// Start returns the place of a function as a whole; nil if nothing is known of that.
	Start func(function wat.FuncID) wat.Location
	// Contents are those of files, as far as they are known.
	Contents map[string]string
}

// Map returns the source map of the binary. Instructions of the source lead to where
// they come from: as places says of a binary that has been rewritten, or else the text of
// the source and its comments. Functions of which nothing is known, and those of the
// runtime, lead to the rewritten text, which is part of the map, and which debuggers are
// to ignore.
//
// Debuggers ignore whole functions only (V8 does, as of 2026). So what is inserted into a
// function of the source belongs to the line that it stands behind: who steps over the one
// steps over the other. Options.Inserted has it lead to the rewritten text, and nothing be
// ignored.
func (o *Origins) Map(opts Options, places *Places) *Map {
	b := builder{o: o, m: &Map{File: opts.Binary}, inserted: opts.Inserted, places: places, sources: map[string]int{}}
	if places == nil {
		b.sources[o.Source.Source.Name] = b.add(Source{Name: opts.Source, Content: o.Source.Source.Text})
	}
	b.text = len(b.m.Sources)
	if o.Text != o.Source || places != nil {
		b.add(Source{Name: opts.Text, Content: o.Text.Source.Text, Ignored: !opts.Inserted})
	}
	for i := range o.Funcs {
		b.function(&o.Funcs[i])
	}
	return b.m
}

// builder collects the segments of a map.
type builder struct {
	o        *Origins
	m        *Map
	inserted bool // of Options
	places   *Places
	sources  map[string]int // by name of the file
	text     int            // the rewritten text among the sources
}

func (b *builder) add(s Source) int {
	b.m.Sources = append(b.m.Sources, s)
	return len(b.m.Sources) - 1
}

// segment adds a segment, unless the code before it comes from the same place. Of two at
// one offset the second counts.
func (b *builder) segment(offset int, place Segment) {
	place.Offset = offset
	if n := len(b.m.Segments); n > 0 && b.m.Segments[n-1].Offset == offset {
		b.m.Segments = b.m.Segments[:n-1]
	}
	if n := len(b.m.Segments); n > 0 {
		last := b.m.Segments[n-1]
		last.Offset = offset
		if last == place {
			return
		}
	}
	b.m.Segments = append(b.m.Segments, place)
}

// nowhere is where code comes from of which nothing is known.
var nowhere = Segment{Source: -1}

// function adds what a function consists of: what stands before its code, its
// instructions, and its end. Instructions of which nothing is known belong to those
// before them.
func (b *builder) function(f *Func) {
	binary, text := b.o.Binary.Funcs[f.Binary], b.o.Text.Funcs[f.Text]
	code, lines := binary.Body(), text.Body()
	last := b.opening(f)
	known := last.Source >= 0
	if !known {
		last = b.inText(text.Span.Start)
	}
	b.segment(binary.Span.Start, last)
	own := false
	for i, in := range code.Instrs {
		var n int
		n, own = f.Instr(i)
		switch {
		case !known || !own && b.inserted:
			last = b.inText(int(lines.Instrs[i].Pos))
		case own:
			if place := b.place(f.Source, n); place.Source >= 0 {
				last = place
			}
		}
		b.segment(int(in.Pos), last)
	}
	switch {
	case !known || !own && b.inserted:
		last = b.inText(text.Span.End - 1)
	case own && b.places == nil:
		last = b.in(b.o.Source.LocationAt(f.Source, b.o.Source.Funcs[f.Source].Span.End-1))
	}
	b.segment(code.Span.End, last)
}

// opening returns where a function of the source begins; nowhere if nothing is known of
// it, or it was inserted.
func (b *builder) opening(f *Func) Segment {
	switch {
	case !f.InSource:
		return nowhere
	case b.places == nil:
		return b.in(b.o.Source.LocationAt(f.Source, b.o.Source.Funcs[f.Source].Span.Start))
	case b.places.Start != nil:
		return b.in(b.places.Start(f.Source))
	}
	for i := range b.o.Source.Funcs[f.Source].Body().Instrs {
		if s := b.place(f.Source, i); s.Source >= 0 {
			return s
		}
	}
	return nowhere
}

// place returns where an instruction of the source comes from.
func (b *builder) place(id wat.FuncID, instr int) Segment {
	if b.places != nil {
		return b.in(b.places.At(id, instr))
	}
	return b.in(b.o.Source.Location(id, instr))
}

// in returns a location as one in a source of the map, which it is added to if it is new.
func (b *builder) in(l wat.Location) Segment {
	if l.File == "" || l.Line < 1 {
		return nowhere
	}
	source, ok := b.sources[l.File]
	if !ok {
		s := Source{Name: l.File}
		if b.places != nil {
			s.Content = b.places.Contents[l.File]
		}
		source = b.add(s)
		b.sources[l.File] = source
	}
	return Segment{Source: source, Line: l.Line - 1, Column: l.Column}
}

// inText returns the place of inserted code.
func (b *builder) inText(offset int) Segment {
	l := b.o.Text.Source.Location(offset)
	return Segment{Source: b.text, Line: l.Line - 1, Column: l.Column}
}
