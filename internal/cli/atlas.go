package cli

import (
	"path/filepath"
	"sort"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// An atlas says of the code of a binary where it stands in a text, and where it comes
// from.
type atlas struct {
	name string
	o    *sourcemap.Origins
	// By function of the binary and of its source: its name.
	labels, sourceLabels []string

	textName string
	lines    []string          // of the text
	origins  []wat.LineOrigin  // of these lines
	places   *sourcemap.Places // of the binary, nil if the text says all
	contents map[string][]string
	sites    map[wat.FuncID][]int // by function: of each site the instruction behind the call; made when asked for
}

// disassembled is what the text is called that nobody has written.
const disassembled = "dis"

// atlas makes the atlas of a module, with the text that it was made of if that is given.
func (c *console) atlas(m *wat.Module, path string, text *wat.Module) (*atlas, error) {
	a := &atlas{name: m.Source.Name, contents: map[string][]string{}, sites: map[wat.FuncID][]int{}}
	built, err := m, error(nil)
	switch {
	case !m.Source.Binary:
		text = m
		if built, err = binary.Decode(m.Source.Name, string(binary.Encode(m))); err != nil {
			return nil, err
		}
	case text == nil:
		a.places = c.places(m, path, "")
		if text, err = a.textOf(c, m, path); err != nil {
			return nil, err
		}
	}
	source := text
	if wat.FindMarker(text.Source.Text) >= 0 {
		if source, err = wat.Parse(strippedPath(text.Source.Name), wat.Strip(text.Source.Text)); err != nil {
			return nil, err
		}
	}
	if a.o, err = sourcemap.NewOrigins(built, text, source); err != nil {
		return nil, err
	}
	a.labels, a.sourceLabels, a.textName = built.FuncLabels(), source.FuncLabels(), text.Source.Name
	a.lines, a.origins = strings.Split(text.Source.Text, "\n"), wat.LineOrigins(text.Source.Text)
	a.contents[source.Source.Name] = strings.Split(source.Source.Text, "\n")
	if a.places != nil {
		for name, content := range a.places.Contents {
			a.contents[name] = strings.Split(content, "\n")
		}
	}
	return a, nil
}

// textOf returns the rewritten text that is part of the source map of a binary, or else
// its disassembly.
func (a *atlas) textOf(c *console, m *wat.Module, path string) (*wat.Module, error) {
	if known, file, err := readMap(m, path); err == nil && known != nil {
		for _, s := range known.Sources {
			if wat.FindMarker(s.Content) >= 0 {
				return wat.Parse(relative(filepath.Join(filepath.Dir(file), filepath.FromSlash(s.Name)), ""), s.Content)
			}
		}
	}
	if a.places == nil {
		c.note(m.Source.Name + " has no source map: lines are those of watfiber dis; build it with --source-map, or name its text with --text")
	}
	text, err := asText(m)
	if err == nil {
		text.Source.Name = disassembled
	}
	return text, err
}

// first and last say where the code is.
func (a *atlas) first() int { return a.span(0).Start }
func (a *atlas) last() int  { return a.span(len(a.o.Funcs)-1).End - 1 }

// span returns where a function is in the binary.
func (a *atlas) span(i int) wat.Span {
	if i < 0 || i >= len(a.o.Funcs) {
		return wat.Span{}
	}
	return a.o.Binary.Funcs[a.o.Funcs[i].Binary].Span
}

// at returns what is known of an offset, false if there is no code.
func (a *atlas) at(offset int) (*spot, bool) {
	i := sort.Search(len(a.o.Funcs), func(i int) bool { return a.span(i).End > offset })
	if i == len(a.o.Funcs) || a.span(i).Start > offset {
		return nil, false
	}
	f := &a.o.Funcs[i]
	body := a.o.Binary.Funcs[f.Binary].Body()
	n := len(body.Instrs)
	if offset < body.Span.End {
		n = sort.Search(n, func(k int) bool { return int(body.Instrs[k].Pos) > offset }) - 1
	}
	return a.spot(f, n, offset), true
}

// function returns what is known of a function as a whole, false if it has no body.
func (a *atlas) function(id wat.FuncID) (*spot, bool) {
	i := sort.Search(len(a.o.Funcs), func(i int) bool { return a.o.Funcs[i].Binary >= id })
	if i == len(a.o.Funcs) || a.o.Funcs[i].Binary != id {
		return nil, false
	}
	return a.spot(&a.o.Funcs[i], -1, a.span(i).Start), true
}

// spot returns what is known of an instruction: -1 is what stands before the first, and
// the number of instructions the end.
func (a *atlas) spot(f *sourcemap.Func, n, offset int) *spot {
	fn, text := a.o.Binary.Funcs[f.Binary], a.o.Text.Funcs[f.Text]
	s := &spot{Offset: offset, Function: a.labels[f.Binary], Index: int(f.Binary), Instruction: n, count: len(fn.Body().Instrs)}
	if f.HotCopy {
		s.CopyOf = a.sourceLabels[f.Source]
	}
	inText := text.Span.Start
	switch {
	case n == s.count:
		inText = text.Span.End - 1
	case n >= 0:
		s.Op, inText = fn.Body().Instrs[n].Op.String(), int(text.Body().Instrs[n].Pos)
	}
	at := a.o.Text.Source.Location(inText)
	s.Text = &codeLine{File: at.File, Line: at.Line, Column: at.Column + 1, Code: a.code(at.Line)}
	own := true
	if n >= 0 && n < s.count {
		_, own = f.Instr(n)
	}
	if s.Inserted = !own || !f.InSource; s.Inserted {
		a.explain(s, f, n, at.Line)
	}
	s.Source = a.before(f, n)
	return s
}

// code returns a line of the text without the comment that says that it was inserted.
func (a *atlas) code(line int) string {
	code := a.lines[line-1]
	if a.origins[line-1].Line == 0 {
		code = code[:strings.LastIndex(code, wat.InsertMark)]
	}
	return strings.TrimSpace(code)
}

// before returns where the last instruction of the source up to instruction n comes from,
// or the function, if n is before all of them; nil if that is not known.
func (a *atlas) before(f *sourcemap.Func, n int) *codeLine {
	if !f.InSource {
		return nil
	}
	for n = min(n, len(a.o.Text.Funcs[f.Text].Body().Instrs)-1); n >= 0; n-- {
		own, ok := f.Instr(n)
		switch {
		case !ok:
			continue
		case a.places != nil:
			return a.line(a.places.At(f.Binary, n))
		case a.textName == disassembled:
			return nil
		}
		return a.line(a.o.Source.Location(f.Source, own))
	}
	switch {
	case a.places != nil && a.places.Start != nil:
		return a.line(a.places.Start(f.Binary))
	case a.places != nil || a.textName == disassembled:
		return nil
	}
	return a.line(a.o.Source.LocationAt(f.Source, a.o.Source.Funcs[f.Source].Span.Start))
}

// line returns a location with the line itself, if that is known; nil if nothing is.
func (a *atlas) line(l wat.Location) *codeLine {
	if l.File == "" {
		return nil
	}
	c := &codeLine{File: l.File, Line: l.Line, Column: l.Column + 1}
	if lines := a.contents[l.File]; l.Line > 0 && l.Line <= len(lines) {
		c.Code = strings.TrimSpace(lines[l.Line-1])
	}
	return c
}
