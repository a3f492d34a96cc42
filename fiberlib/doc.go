// Package fiberlib is the fiber runtime: what watfiber links into a module that
// imports functions from module fiber. Its package host drives modules that watfiber
// has rewritten from Go.
package fiberlib

import (
	"embed"
	"strings"
)

//go:embed *.wat
var files embed.FS

// order is the order in which the files are linked: core.wat has all imports.
var order = []string{
	"core",
	"sched",
	"chan",
	"sync",
	"time",
	"poll",
	"io",
	"cancel",
	"look",
	"map",
	"collect",
	"context",
	"memory",
	"guard",
	"host",
}

// Text returns the fields of the runtime: what they export is what a program can
// import from module fiber. The imports from module program stand for the memory,
// table, stack pointer, malloc and free of the program, those from module transform
// for what every rewritten module has, those from module hook for what is called
// only if something in the program needs it.
func Text() string {
	texts := make([]string, len(order))
	for i, name := range order {
		text, err := files.ReadFile(name + ".wat")
		if err != nil {
			panic(err) // it is embedded
		}
		texts[i] = string(text)
	}
	return strings.Join(texts, "\n")
}
