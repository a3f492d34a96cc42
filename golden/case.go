package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/watfiber/watfiber/internal/play/flags"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// A Case is one file of the corpus.
type Case struct {
	Path    string
	Options rewrite.Options
	Buffer  uint32 // --buffer: bytes for frames
	archive *txtar.Archive
}

// Members of a case.
const (
	memberOptions = "options"
	memberIn      = "in.wat"
	memberOut     = "out.wat"
	memberRun     = "run"
	memberNotes   = "notes"
	memberError   = "error"
)

// ReadCase reads a case.
func ReadCase(path string) (*Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Case{Path: path, archive: txtar.Parse(data)}
	if strings.TrimSpace(string(c.archive.Comment)) == "" {
		return nil, fmt.Errorf("%s: a case starts with a sentence that says what it shows", path)
	}
	for _, f := range c.archive.Files {
		if !slices.Contains([]string{memberOptions, memberIn, memberOut, memberRun, memberNotes, memberError}, f.Name) {
			return nil, fmt.Errorf("%s: unknown member %s", path, f.Name)
		}
	}
	return c, c.parseOptions()
}

// Name returns the name of the case: its file name without the extension.
func (c *Case) Name() string { return strings.TrimSuffix(filepath.Base(c.Path), ".txtar") }

// Sentence returns what the case shows.
func (c *Case) Sentence() string { return strings.TrimSpace(string(c.archive.Comment)) }

// Member returns the text of a member, "" if the case has none of that name.
func (c *Case) Member(name string) string {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Has reports whether the case has a member.
func (c *Case) Has(name string) bool {
	return slices.ContainsFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == name })
}

// Set replaces or adds a member.
func (c *Case) Set(name, text string) {
	for i := range c.archive.Files {
		if c.archive.Files[i].Name == name {
			c.archive.Files[i].Data = []byte(text)
			return
		}
	}
	file := txtar.File{Name: name, Data: []byte(text)}
	at := len(c.archive.Files)
	if name == memberOut {
		at = slices.IndexFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == memberIn }) + 1
	}
	c.archive.Files = slices.Insert(c.archive.Files, at, file)
}

// Write writes the case back to its file.
func (c *Case) Write() error { return os.WriteFile(c.Path, txtar.Format(c.archive), 0o644) }

// parseOptions reads the options. They are spelled like those of the command line; a list
// has an entry a line.
func (c *Case) parseOptions() (err error) {
	var words []string
	own := c.Options
	for line := range strings.Lines(c.Member(memberOptions)) {
		flag, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch flag {
		case "":
		case "--probes":
			own.Probes = true
		case "--pass-arg=asyncify-ignore-imports":
			own.IgnoreImports = true
		case "--pass-arg=asyncify-export-globals":
			own.ExportGlobals = true
		case "--after":
			own.After = value
		case "--buffer":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Path, err)
			}
			c.Buffer = uint32(n)
		default:
			if words = append(words, flag); value != "" {
				words = append(words, value)
			}
		}
	}
	if c.Options, err = flags.Parse(words); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	c.Options.Probes, c.Options.IgnoreImports, c.Options.ExportGlobals, c.Options.After = own.Probes, own.IgnoreImports, own.ExportGlobals, own.After
	return nil
}

// A RunLine is a line of the member run.
type RunLine struct {
	Call
	Text string // the call as the table writes it
	Want string // = 35, or traps unreachable
}

var runLine = regexp.MustCompile(`^(\S+)\((.*?)\) ?(= .*|traps .*|=|)$`)

// RunLines reads the run table; m says what types the arguments have.
func (c *Case) RunLines(m *wat.Module) ([]RunLine, error) {
	var lines []RunLine
	for line := range strings.Lines(c.Member(memberRun)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		match := runLine.FindStringSubmatch(line)
		if match == nil {
			return nil, fmt.Errorf("%s: write a run as f(1, 2) = 3 or f(1) traps unreachable, not %q", c.Path, line)
		}
		r := RunLine{Call: Call{Name: match[1]}, Text: match[1] + "(" + match[2] + ")", Want: strings.TrimSpace(match[3])}
		if err := r.parseArgs(m, match[2]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.Path, line, err)
		}
		lines = append(lines, r)
	}
	return lines, nil
}

func (r *RunLine) parseArgs(m *wat.Module, text string) error {
	i := slices.IndexFunc(m.Exports, func(e *wat.Export) bool { return e.Name == r.Name && e.Kind == wat.KindFunc })
	if i < 0 {
		return fmt.Errorf("no function %s is exported", r.Name)
	}
	params := m.FuncTypeOf(wat.FuncID(m.Exports[i].Index)).Params
	var words []string
	if strings.TrimSpace(text) != "" {
		words = strings.Split(text, ",")
	}
	if len(words) != len(params) {
		return fmt.Errorf("%s takes %d arguments", r.Name, len(params))
	}
	for k, w := range words {
		v, err := parseValue(params[k], strings.TrimSpace(w))
		if err != nil {
			return err
		}
		r.Args = append(r.Args, v)
	}
	return nil
}
