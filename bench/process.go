package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A usage is what a process has taken.
type usage struct {
	cpu, wall float64 // seconds; cpu is user and system time
	// peak is the most resident memory, in megabytes; 0 if the system does not say.
	// Linux counts what the parent has when it starts the process, so this command
	// stays small until all builds are done.
	peak   float64
	output string
}

// measure runs a program to its end.
func measure(program string, args ...string) (usage, error) {
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start).Seconds()
	if err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, &out)
	}
	state := cmd.ProcessState
	return usage{(state.UserTime() + state.SystemTime()).Seconds(), wall, peakMegabytes(state.SysUsage()), out.String()}, nil
}
