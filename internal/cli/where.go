package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

type whereCmd struct {
	JSON   bool     `name:"json" help:"Print what is known of each offset as JSON."`
	Text   string   `placeholder:"FILE" help:"The rewritten text that the binary was made of, if its source map does not have it: build --emit-wat writes it."`
	Module string   `arg:"" help:"A module as it was built; or a rewritten text, for the binary that asm makes of it."`
	Offset []string `arg:"" help:"Offsets in the binary, such as 0x1a3; - reads a stack trace from standard input."`
}

// Help is the end of watfiber where --help.
func (whereCmd) Help() string {
	return `Says which function and instruction an offset is, where that stands in the rewritten text, and which line of the source it comes from; of an inserted line, what it is for, and the call that it belongs to. The lines come from the source map of the module (build --source-map), from its DWARF sections if it was not rewritten, or from the text that --text names; without any of these they are those of watfiber dis.

A stack trace is printed as it is, each of its frames with what is known of it: those of V8 (Chromium, node), Firefox, wasmtime and wazero are understood, and whatever else has offsets like 0x1a3 in it.

Examples:

    watfiber where app.fiber.wasm 0x1a3
    node app.mjs 2>&1 | watfiber where app.fiber.wasm -`
}

// Run is watfiber where.
func (w *whereCmd) Run(c *console) error {
	m, err := c.load(w.Module)
	if err != nil {
		return err
	}
	var text *wat.Module
	if w.Text != "" {
		if text, err = c.load(w.Text); err != nil {
			return err
		}
		if text.Source.Binary || !m.Source.Binary {
			return usageError("--text is a text, and the module is the binary that was made of it")
		}
	}
	a, err := c.atlas(m, w.Module, text)
	if err != nil {
		return err
	}
	for _, word := range w.Offset {
		if word == "-" {
			err = w.trace(c, a)
		} else {
			err = w.offset(c, a, word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// offset prints what is known of one offset.
func (w *whereCmd) offset(c *console, a *atlas, word string) error {
	n, err := strconv.ParseUint(word, 0, 32)
	if err != nil {
		return usageError(fmt.Sprintf("%s is no offset: write it as 0x1a3, or - for a stack trace", word))
	}
	s, ok := a.at(int(n))
	if !ok {
		return fmt.Errorf("%s: there is no code at %#x: it goes from %#x to %#x", a.name, n, a.first(), a.last())
	}
	return w.print(c, s, "")
}

// trace prints a stack trace with what is known of its frames.
func (w *whereCmd) trace(c *console, a *atlas) error {
	found := 0
	in := bufio.NewReader(c.stdin)
	for {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" || err == nil {
			if !w.JSON {
				fmt.Fprintln(c.stdout, line)
			}
			if s, ok := a.frame(line); ok {
				found++
				if err := w.print(c, s, "        "); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if found == 0 {
		return fmt.Errorf("no line of the trace names code of %s", a.name)
	}
	return nil
}

// print writes what is known of a place, each line behind an indent.
func (w *whereCmd) print(c *console, s *spot, indent string) error {
	if w.JSON {
		out := json.NewEncoder(c.stdout)
		out.SetEscapeHTML(false)
		return out.Encode(s)
	}
	for _, line := range s.lines() {
		if _, err := fmt.Fprintln(c.stdout, indent+line); err != nil {
			return err
		}
	}
	return nil
}

// A spot is what is known of a place in the code.
type spot struct {
	Offset      int    `json:"offset"`
	Function    string `json:"function"`
	Index       int    `json:"index"`
	CopyOf      string `json:"copyOf,omitempty"` // the function of which it is the hot copy
	Instruction int    `json:"instruction"`      // from 0; -1 if it is the function as a whole
	Op          string `json:"op,omitempty"`
	// Text is the line of the rewritten text, or of the disassembly.
	Text *codeLine `json:"text,omitempty"`
	// Source is the line that it comes from; of an inserted line, the one that it follows.
	Source *codeLine `json:"source,omitempty"`

	Inserted bool       `json:"inserted"`
	Purpose  string     `json:"purpose,omitempty"` // of an inserted line
	Sites    []siteSpot `json:"sites,omitempty"`   // the call sites that it serves, if not all

	count int // of instructions in the function
}

// A siteSpot is a call site of a function, and where the call is.
type siteSpot struct {
	Number int       `json:"number"`
	Call   *codeLine `json:"call,omitempty"`
}

// A codeLine is a line of some file.
type codeLine struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"` // from 1
	Code   string `json:"code,omitempty"`
}

func (l *codeLine) String() string {
	return strings.TrimSpace(fmt.Sprintf("%-22s %s", fmt.Sprintf("%s:%d", l.File, l.Line), l.Code))
}

// lines says in words what is known.
func (s *spot) lines() []string {
	what := fmt.Sprintf("instruction %d of %d: %s", s.Instruction+1, s.count, s.Op)
	switch {
	case s.Instruction < 0:
		what = "where it begins"
	case s.Instruction == s.count:
		what = "its end"
	}
	function := s.Function
	if s.CopyOf != "" {
		function += ", the hot copy of " + s.CopyOf
	}
	lines := []string{fmt.Sprintf("%#x  %s, %s", s.Offset, function, what)}
	add := func(format string, args ...any) { lines = append(lines, "  "+fmt.Sprintf(format, args...)) }
	if s.Text != nil {
		add("%s", s.Text)
	}
	if s.Inserted {
		add("%-22s %s", "inserted", s.Purpose)
		for _, site := range s.Sites {
			if site.Call != nil {
				add("%-22s %s", fmt.Sprintf("site %d", site.Number), site.Call)
			}
		}
		if len(s.Sites) > 0 {
			return lines
		}
	}
	if s.Source != nil && (s.Text == nil || *s.Source != *s.Text) {
		if s.Inserted {
			add("%-22s %s", "behind", s.Source)
		} else {
			add("%s", s.Source)
		}
	}
	return lines
}
