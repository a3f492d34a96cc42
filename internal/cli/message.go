package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// Colours of messages.
const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// isTerminal reports whether a writer or reader is a terminal.
func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// colored decides whether messages to w are coloured.
func colored(when string, w io.Writer) bool {
	switch when {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func (c *console) paint(color, text string) string {
	if !c.color {
		return text
	}
	return color + text + plain
}

// errorf prints an error message.
func (c *console) errorf(format string, args ...any) {
	fmt.Fprintf(c.stderr, "%s %s\n", c.paint(red, "error:"), fmt.Sprintf(format, args...))
}

// note prints something that is worth knowing and no error.
func (c *console) note(text string) {
	fmt.Fprintf(c.stderr, "%s %s\n", c.paint(yellow, "note:"), text)
}

// fail prints an error: each error of a list with its place, the source line and a
// caret.
func (c *console) fail(err error) {
	all := wat.Errors(err)
	if all == nil {
		c.errorf("%v", err)
		return
	}
	for _, e := range all {
		c.errorf("%s", c.detail(e))
	}
	if len(all) == wat.MaxErrors {
		fmt.Fprintln(c.stderr, "There may be more errors.")
	}
}

// detail returns an error with carets in colour.
func (c *console) detail(e *wat.Error) string {
	message, excerpt, found := strings.Cut(e.Detail(), "\n")
	if !found {
		return message
	}
	line, carets, _ := strings.Cut(excerpt, "\n")
	return message + "\n" + line + "\n" + c.paint(red, carets)
}

// status prints the error that a command has ended with, and returns the exit code.
func (c *console) status(err error) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		c.errorf("%v", err)
		return exitUsage
	}
	c.fail(err)
	for _, e := range wat.Errors(err) {
		if e.Code == rewrite.ErrInternal {
			return exitInternal
		}
	}
	return exitRejected
}

// usageError is a command line that makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }
