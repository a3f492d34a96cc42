// Package cli is the command line of watfiber, one file a subcommand.
package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Exit codes. The guest of watfiber run may choose others.
const (
	exitOK       = 0
	exitRejected = 1 // an input was rejected, or two things differ
	exitUsage    = 2
	exitInternal = 3 // watfiber is wrong
	exitTrap     = 134
)

const description = `Give WebAssembly modules fibers: stackful coroutines on any engine, by rewriting the module.

watfiber reads a module as text or binary (- or nothing is standard input) and inserts the code that lets its functions unwind and rewind.`

// commands is the grammar of the command line, as kong reads it.
type commands struct {
	Color string `enum:"auto,always,never" default:"auto" help:"Colour messages: auto (if standard error is a terminal and NO_COLOR is not set), always or never."`

	Build      buildCmd      `cmd:"" help:"Rewrite a module and assemble it to a binary."`
	Rewrite    rewriteCmd    `cmd:"" help:"Rewrite a module and print it as text, inserted lines marked."`
	Explain    explainCmd    `cmd:"" help:"Say which functions get code, why, and what it costs."`
	Report     reportCmd     `cmd:"" help:"Write a page that shows a rewrite: source beside result, reasons, frames."`
	Play       playCmd       `cmd:"" help:"Serve a playground: watfiber in a page."`
	Diff       diffCmd       `cmd:"" help:"Say what differs between two modules in what a rewrite does."`
	Strip      stripCmd      `cmd:"" help:"Take out of a rewritten text what a rewrite put in."`
	Fmt        fmtCmd        `cmd:"" help:"Bring text into the form that lines can be inserted into."`
	Check      checkCmd      `cmd:"" help:"Say whether modules are valid."`
	Asm        asmCmd        `cmd:"" aliases:"wat2wasm" help:"Assemble text to a binary."`
	Dis        disCmd        `cmd:"" aliases:"wasm2wat" help:"Disassemble a binary to text."`
	Run        runCmd        `cmd:"" help:"Run a WASI module, and resume it whenever it suspends."`
	Trace      traceCmd      `cmd:"" help:"Run a module and record what happens to its stacks."`
	Frames     framesCmd     `cmd:"" help:"Show the fibers in a memory, and where each is."`
	Where      whereCmd      `cmd:"" help:"Say where an offset in a binary, or a stack trace, leads to in the source."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// Help is the end of watfiber --help.
func (commands) Help() string {
	return `Exit status

0 success; 1 an input was rejected, or is different from what it should be; 2 the command line is wrong; 3 watfiber is. Of run: that of the program, 134 if it traps.`
}

// console is where a command reads and writes.
type console struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	color          bool
	args           []string   // the command line
	grammar        *kong.Kong // for completion
	peerNotes      []string   // which options of wasm-opt in the line are ignored
}

// exitError ends a command with a code; what it has to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Run executes a command line, without the name of the program, and returns the
// exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	c := &console{stdin: stdin, stdout: stdout, stderr: stderr, args: args}
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "watfiber: internal error: %v\nPlease report this with the command line and the module.\n%s", p, debug.Stack())
			code = exitInternal
		}
	}()
	var grammar commands
	done := -1
	parser, err := kong.New(&grammar,
		kong.Name("watfiber"), kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { done = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 96}),
		kong.ShortUsageOnError(),
	)
	if err != nil {
		panic(err)
	}
	c.grammar = parser
	args, notes, err := peerLine(parser.Model, args)
	if err != nil {
		return c.status(err)
	}
	context, err := parser.Parse(args)
	if done >= 0 { // --help has been printed
		return done
	}
	c.color = colored(grammar.Color, stderr)
	if err != nil {
		c.errorf("%v", err)
		fmt.Fprintf(stderr, "Run %q for the usage.\n", "watfiber "+helpFor(err)+"--help")
		return exitUsage
	}
	c.peerNotes = notes
	return c.status(context.Run(c))
}

// helpFor returns the command that a parse error is about, with a space.
func helpFor(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		return parse.Context.Selected().Name + " "
	}
	return ""
}
