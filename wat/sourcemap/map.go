// Package sourcemap says where the code of a binary comes from: instruction by
// instruction, and as a source map for debuggers.
package sourcemap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// A Map is a source map of a WebAssembly module: it takes offsets in the binary to lines
// of sources. (Source Map v3, in which a binary is one line, and an offset a column.)
type Map struct {
	File     string // the name of the binary
	Sources  []Source
	Segments []Segment // by ascending offset
}

// A Source is a file that a Map refers to.
type Source struct {
	Name    string // a path, relative to that of the map, or a URL
	Content string // "" if it is not part of the map
	// Ignored says that debuggers are to step through it without stopping, as they do in
	// libraries.
	Ignored bool
}

// A Segment says where the code from an offset on comes from, up to the next segment.
type Segment struct {
	Offset int // in the binary
	Source int // index in Map.Sources; -1 if it comes from nowhere
	Line   int // from 0
	Column int // from 0
}

// At returns the segment that holds an offset, false if none does.
func (m *Map) At(offset int) (Segment, bool) {
	i := sort.Search(len(m.Segments), func(i int) bool { return m.Segments[i].Offset > offset })
	if i == 0 || m.Segments[i-1].Source < 0 {
		return Segment{}, false
	}
	return m.Segments[i-1], true
}

// file is a source map as JSON.
type file struct {
	Version        int       `json:"version"`
	File           string    `json:"file,omitempty"`
	SourceRoot     string    `json:"sourceRoot,omitempty"`
	Sources        []*string `json:"sources"`
	SourcesContent []*string `json:"sourcesContent,omitempty"`
	Names          []string  `json:"names"`
	Mappings       string    `json:"mappings"`
	IgnoreList     []int     `json:"ignoreList,omitempty"`
	OldIgnoreList  []int     `json:"x_google_ignoreList,omitempty"` // what debuggers called it before it was standard

	Sections json.RawMessage `json:"sections,omitempty"`
}

// Sources are URLs, in which these characters of a path would mean something else.
var (
	escape   = strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F")
	unescape = strings.NewReplacer("%25", "%", "%23", "#", "%3F", "?")
)

// Encode returns the map as JSON.
func (m *Map) Encode() []byte {
	f := file{Version: 3, File: m.File, Sources: []*string{}, Names: []string{}, Mappings: string(appendMappings(nil, m.Segments))}
	for i := range m.Sources {
		s := &m.Sources[i]
		name := escape.Replace(s.Name)
		f.Sources = append(f.Sources, &name)
		content := &s.Content
		if s.Content == "" {
			content = nil
		}
		f.SourcesContent = append(f.SourcesContent, content)
		if s.Ignored {
			f.IgnoreList = append(f.IgnoreList, i)
		}
	}
	f.OldIgnoreList = f.IgnoreList
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		panic(err) // there is nothing in it that JSON cannot say
	}
	return b.Bytes()
}

// Decode reads a source map of a WebAssembly module.
func Decode(data []byte) (*Map, error) {
	// A first line that is no JSON keeps browsers from taking the map for a script.
	if line, rest, ok := bytes.Cut(data, []byte("\n")); ok && bytes.HasPrefix(line, []byte(")]}'")) {
		data = rest
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("no source map: %w", err)
	}
	switch {
	case f.Version != 3:
		return nil, fmt.Errorf("a source map of version %d, 3 was expected", f.Version)
	case f.Sections != nil:
		return nil, errors.New("a source map made of several maps, which modules do not have")
	}
	m := &Map{File: f.File}
	for i, name := range f.Sources {
		var s Source
		if name != nil {
			s.Name = unescape.Replace(f.SourceRoot + *name)
		}
		if i < len(f.SourcesContent) && f.SourcesContent[i] != nil {
			s.Content = *f.SourcesContent[i]
		}
		m.Sources = append(m.Sources, s)
	}
	for _, i := range append(f.IgnoreList, f.OldIgnoreList...) {
		if i < 0 || i >= len(m.Sources) {
			return nil, fmt.Errorf("the source map ignores source %d of %d", i, len(m.Sources))
		}
		m.Sources[i].Ignored = true
	}
	var err error
	m.Segments, err = parseMappings(strings.TrimRight(f.Mappings, ";"), len(m.Sources))
	return m, err
}
