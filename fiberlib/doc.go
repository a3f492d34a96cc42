// Package fiberlib is the fiber runtime: what watfiber links into a module that
// imports functions from module fiber. Its package host drives modules that watfiber
// has rewritten from Go.
package fiberlib

import (
	_ "embed"
	"strings"
)

//go:embed core.wat
var core string

//go:embed sched.wat
var scheduler string

//go:embed chan.wat
var channels string

//go:embed sync.wat
var locks string

//go:embed time.wat
var time string

//go:embed poll.wat
var polling string

//go:embed io.wat
var calls string

//go:embed cancel.wat
var cancellation string

// Text returns the fields of the runtime: what they export is what a program can
// import from module fiber. The imports from module program stand for the memory,
// table, stack pointer, malloc and free of the program, those from module transform
// for what every rewritten module has, those from module hook for what is called
// only if something in the program needs it.
func Text() string {
	return strings.Join([]string{core, scheduler, channels, locks, time, polling, calls, cancellation}, "\n")
}
