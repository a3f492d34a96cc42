package cli

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// naming is the flags about what helps to debug a binary.
type naming struct {
	Names        string        `enum:"auto,all,funcs,none" default:"auto" help:"Which names the binary gets: auto, all those of the source, and of inserted labels and locals if the source names its own; all; funcs, those of functions; none."`
	SourceMap    sourceMapFlag `help:"Write a source map, with which debuggers step the lines of the source, to the output with .map behind it; to FILE with --source-map=FILE; into the binary with --source-map=inline."`
	StepInserted bool          `help:"With --source-map: debuggers stop at inserted lines, too. Else these belong to the line of the source that they follow."`
}

// encode returns a module as a binary with the names that are asked for.
func (n *naming) encode(m *wat.Module) []byte {
	return binary.Encode(binary.WithNames(m, map[string]binary.NameSet{"funcs": binary.FuncNames, "none": binary.NoNames}[n.Names]))
}

// sourceMapFlag is --source-map, --source-map=FILE or --source-map=inline.
type sourceMapFlag struct {
	on bool
	to string // FILE, inline, or "" for a file beside the output
}

// Decode reads the flag, which may have no value.
func (s *sourceMapFlag) Decode(ctx *kong.DecodeContext) error {
	s.on = true
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	if s.to = ctx.Scan.Pop().String(); s.to == "" {
		return fmt.Errorf("--source-map= names no file")
	}
	return nil
}

// IsBool says that the flag needs no value.
func (s *sourceMapFlag) IsBool() bool { return true }

// inlineMap is the value that puts the map into the binary.
const inlineMap = "inline"

// check refuses a map that would have no place.
func (n *naming) check(output string) error {
	s := n.SourceMap
	if n.StepInserted && !s.on {
		return usageError("--step-inserted is about the source map: give --source-map as well")
	}
	if s.on && s.to == "" && (output == "" || output == "-") {
		return usageError("there is no file to put the source map beside: give -o FILE, --source-map=FILE or --source-map=inline")
	}
	return nil
}

// A mapping is what a source map is made of.
type mapping struct {
	wasm         []byte      // the binary
	output       string      // its path
	text, source *wat.Module // the rewritten text, and what it was made of
	textPath     string      // where the text is written to, "" if it is not
	sourcePath   string      // where the source was read
	inserted     bool        // --step-inserted
	places       *sourcemap.Places
}

// file returns where the map is, or the binary that it is part of.
func (s *sourceMapFlag) file(output string) string {
	switch s.to {
	case inlineMap:
		return output
	case "":
		return output + ".map"
	}
	return s.to
}

// write returns the binary with a section about its map, and the file of the map.
func (s *sourceMapFlag) write(in mapping) ([]byte, []output, error) {
	m, err := binary.Decode(in.output, string(in.wasm))
	if err != nil {
		return nil, nil, err
	}
	origins, err := sourcemap.NewOrigins(m, in.text, in.source)
	if err != nil {
		return nil, nil, err
	}
	file := s.file(in.output)
	built := origins.Map(sourcemap.Options{
		Binary: base(in.output), Text: relative(in.textPath, file), Source: relative(in.sourcePath, file), Inserted: in.inserted,
	}, in.places)
	if s.to == inlineMap {
		return sourcemap.AppendURL(in.wasm, sourcemap.InlineURL(built)), nil, nil
	}
	address := sourcemap.FileURL(relative(file, in.output))
	return sourcemap.AppendURL(in.wasm, address), []output{binaryOutput(file, built.Encode())}, nil
}

// base returns the name of a file, "" for standard output.
func base(path string) string {
	if path == "" || path == "-" {
		return ""
	}
	return filepath.Base(path)
}

// relative returns a path relative to the folder of a file, with slashes.
func relative(path, file string) string {
	if file == "" || file == "-" {
		file = "."
	} else {
		file = filepath.Dir(file)
	}
	from, err := filepath.Abs(file)
	if err == nil {
		var to, rel string
		if to, err = filepath.Abs(path); err == nil {
			if rel, err = filepath.Rel(from, to); err == nil {
				return filepath.ToSlash(rel)
			}
		}
	}
	return filepath.ToSlash(path) // on another disk
}

// textBeside returns what the rewritten text of a binary is called where it is not
// written: app.fiber.wat for app.wasm and app.fiber.wasm.
func textBeside(output, input string) string {
	path := output
	if base(output) == "" {
		path = sourcePath(input)
	}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	return strings.TrimSuffix(stem, ".fiber") + ".fiber.wat"
}

// sourcePath returns what a source is called.
func sourcePath(input string) string {
	if input == "" || input == "-" {
		return "stdin.wat"
	}
	return input
}

// strippedPath returns what the source of a rewritten text is called.
func strippedPath(input string) string {
	stem := strings.TrimSuffix(sourcePath(input), filepath.Ext(input))
	if short, ok := strings.CutSuffix(stem, ".fiber"); ok {
		return short + ".wat"
	}
	return stem + ".source.wat"
}

// places returns what says where the code of a binary comes from: its DWARF sections, or
// its source map. It returns nil if there are none. The files that a map names, and that are
// there, are returned relative to a file.
func (c *console) places(m *wat.Module, path, file string) *sourcemap.Places {
	if !m.Source.Binary {
		return nil
	}
	at, err := binary.Places(m)
	if err != nil {
		c.note(err.Error())
	}
	if at != nil {
		return &sourcemap.Places{At: at}
	}
	known, mapFile, err := readMap(m, path)
	if err != nil {
		c.note(fmt.Sprintf("%s: its source map: %v", m.Source.Name, err))
	}
	if known == nil {
		return nil
	}
	return placesOf(m, known, func(name string) string {
		path := filepath.Join(filepath.Dir(mapFile), filepath.FromSlash(name))
		if _, err := os.Stat(path); err != nil || filepath.IsAbs(name) {
			return name // of the machine where it was compiled, or a URL
		}
		return relative(path, file)
	})
}

// placesOf returns what a map says of its module, files renamed.
func placesOf(m *wat.Module, known *sourcemap.Map, rename func(string) string) *sourcemap.Places {
	p := &sourcemap.Places{Contents: map[string]string{}}
	names := make([]string, len(known.Sources))
	for i, s := range known.Sources {
		names[i] = rename(s.Name)
		p.Contents[names[i]] = s.Content
	}
	at := func(offset int) wat.Location {
		s, ok := known.At(offset)
		if !ok {
			return wat.Location{}
		}
		return wat.Location{File: names[s.Source], Line: s.Line + 1, Column: s.Column}
	}
	p.At = func(f wat.FuncID, instr int) wat.Location { return at(int(m.Funcs[f].Body().Instrs[instr].Pos)) }
	p.Start = func(f wat.FuncID) wat.Location { return at(m.Funcs[f].Span.Start) }
	return p
}

// readMap reads the source map that a binary names, and says where it is; nil if it names
// none. Nothing is read but files beside the binary.
func readMap(m *wat.Module, path string) (*sourcemap.Map, string, error) {
	address, err := sourcemap.URL(m)
	if err != nil || address == "" {
		return nil, "", err
	}
	if found, ok, err := sourcemap.Inline(address); ok {
		return found, path, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	file := filepath.FromSlash(u.Path)
	if u.Scheme != "" || u.Host != "" || filepath.IsAbs(file) {
		file = filepath.Base(file) // the path is that on some server
	}
	file = filepath.Join(filepath.Dir(path), file)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, "", pathError(err)
	}
	found, err := sourcemap.Decode(data)
	return found, file, err
}
