// Command watfiber gives WebAssembly modules fibers by rewriting them.
package main

import (
	"os"

	"github.com/watfiber/watfiber/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
