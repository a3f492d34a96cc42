//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// peakMegabytes returns the most resident memory that a process has had.
func peakMegabytes(sys any) float64 {
	r, ok := sys.(*syscall.Rusage)
	if !ok {
		return 0
	}
	unit := 1024.0 // Linux and the BSDs count kilobytes
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		unit = 1
	}
	return float64(r.Maxrss) * unit / 1e6
}
