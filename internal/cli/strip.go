package cli

import (
	"fmt"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

type stripCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write the text here instead of to standard output."`
	Input  string `arg:"" optional:"" name:"text" help:"A rewritten text; - or nothing is standard input."`
}

// Help is the end of watfiber strip --help.
func (stripCmd) Help() string {
	return `Lines with a ;;~ comment go, lines behind a ;;- come back. What remains is the source that was rewritten, in the form that watfiber fmt prints. A text without markers stays as it is.

Examples:

    watfiber strip app.fiber.wat -o app.wat

    watfiber rewrite --suspend=env.sleep app.wat | watfiber strip | diff app.wat -`
}

// Run is watfiber strip.
func (s *stripCmd) Run(c *console) error {
	name, text, err := c.read(s.Input)
	if err != nil {
		return err
	}
	if binary.IsBinary(text) {
		return fmt.Errorf("%s: a binary has no lines to strip; start from the module as it was before", name)
	}
	return c.write(textOutput(s.Output, wat.Strip(text)))
}
