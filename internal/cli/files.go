package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
	"github.com/watfiber/watfiber/wat/sourcemap"
)

// stdinName is how messages name standard input.
const stdinName = "<stdin>"

// read returns the contents of a file; - or nothing is standard input.
func (c *console) read(path string) (name, data string, err error) {
	if path == "" || path == "-" {
		data, err = readAll(c.stdin, 0)
		return stdinName, data, err
	}
	f, err := os.Open(path)
	if err != nil {
		return path, "", pathError(err)
	}
	defer f.Close()
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	data, err = readAll(f, size)
	return path, data, pathError(err)
}

// readAll reads to the end, about size bytes. Large modules are not in memory twice.
func readAll(r io.Reader, size int64) (string, error) {
	var b strings.Builder
	b.Grow(int(size))
	_, err := io.Copy(&b, r)
	return b.String(), err
}

// pathError makes an error about a file start with its name.
func pathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: cannot %s: %w", p.Path, p.Op, p.Err)
	}
	return err
}

// load reads a module, text or binary, and checks that it is valid.
func (c *console) load(path string) (*wat.Module, error) {
	name, data, err := c.read(path)
	if err != nil {
		return nil, err
	}
	m, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	return m, check.Module(m)
}

// asText returns a binary as the text that is printed of it: what is printed is then the
// source.
func asText(m *wat.Module) (*wat.Module, error) {
	text, err := wat.Parse(m.Source.Name, wat.Print(m))
	if err != nil {
		return nil, fmt.Errorf("the printed module cannot be read: %w", err)
	}
	text.Notes = m.Notes
	return text, nil
}

// sourceLines returns what says where the instructions of a module come from, if it was
// binary; a text speaks for itself. Nothing is read before somebody asks.
func (c *console) sourceLines(m *wat.Module) func(wat.FuncID, int) (string, int) {
	if !m.Source.Binary {
		return nil
	}
	places := sync.OnceValue(func() *sourcemap.Places { return c.places(m, m.Source.Name, "") })
	return func(id wat.FuncID, instr int) (string, int) {
		if p := places(); p != nil {
			l := p.At(id, instr)
			return l.File, l.Line
		}
		return "", 0
	}
}

func parse(name, data string) (*wat.Module, error) {
	if binary.IsBinary(data) {
		return binary.Decode(name, data)
	}
	return wat.Parse(name, data)
}

// An output is something to write: to a file, or to standard output.
type output struct {
	path string // "" or - for standard output
	data io.WriterTo
}

// write writes outputs so that all appear complete or none does: each file is
// written beside its place first and moved there when all are.
func (c *console) write(outputs ...output) (err error) {
	var moves []move
	defer func() {
		if err != nil {
			for _, m := range moves {
				if m.from != "" {
					_ = os.Remove(m.from)
				}
			}
		}
	}()
	for _, o := range outputs {
		if o.path == "" || o.path == "-" {
			continue
		}
		m, err := stage(o)
		if err != nil {
			return pathError(err)
		}
		if m.from != "" {
			moves = append(moves, m)
		}
	}
	for _, o := range outputs {
		if o.path == "" || o.path == "-" {
			if _, err := o.data.WriteTo(c.stdout); err != nil {
				return fmt.Errorf("cannot write to standard output: %w", err)
			}
		}
	}
	for _, m := range moves {
		if m.from == "" {
			continue // it was written directly
		}
		if err := os.Rename(m.from, m.to); err != nil {
			return fmt.Errorf("%s: cannot write: %w", m.to, errors.Unwrap(err))
		}
	}
	return nil
}

// move is a file that is complete and waits to get its name; of one that was written
// directly both are "".
type move struct{ from, to string }

// stage writes an output to a new file in the folder it will stand in. A path that
// is no regular file, such as /dev/null or a pipe, is written to directly: nothing moves.
func stage(o output) (move, error) {
	if info, err := os.Stat(o.path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return move{}, &fs.PathError{Op: "write", Path: o.path, Err: errors.New("it is a folder")}
		}
		f, err := os.OpenFile(o.path, os.O_WRONLY, 0)
		if err == nil {
			err = fill(f, o)
		}
		return move{}, err
	}
	to := o.path
	if real, err := filepath.EvalSymlinks(o.path); err == nil {
		to = real // replace what a link points to, not the link
	}
	f, err := createBeside(to)
	if err != nil {
		return move{}, &fs.PathError{Op: "write", Path: o.path, Err: errors.Unwrap(err)}
	}
	err = fill(f, o)
	if info, statErr := os.Stat(to); err == nil && statErr == nil {
		err = os.Chmod(f.Name(), info.Mode().Perm()) // as the file that is replaced
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return move{}, err
	}
	return move{f.Name(), to}, nil
}

// fill writes an output to a file and closes it.
func fill(f *os.File, o output) error {
	_, err := o.data.WriteTo(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// createBeside creates a new file, with the permissions that new files get, in the
// folder of another.
func createBeside(path string) (f *os.File, err error) {
	for try := range 100 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.%d", filepath.Base(path), os.Getpid(), try))
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, err
}

func textOutput(path, text string) output { return output{path, strings.NewReader(text)} }

func binaryOutput(path string, data []byte) output { return output{path, bytes.NewReader(data)} }

// checkBinaryOutput refuses to write a binary to a terminal.
func (c *console) checkBinaryOutput(path string) error {
	if (path == "" || path == "-") && isTerminal(c.stdout) {
		return usageError("a binary would be written to the terminal: give a file with -o FILE, or send it through a pipe")
	}
	return nil
}
