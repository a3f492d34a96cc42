package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A builder makes a module that can suspend of one that cannot.
type builder struct {
	name string
	peer *command // nil for watfiber
	args []string // of watfiber, or passes of the peer
	once bool     // built in the first run only
	time bool     // what it builds is timed on engines
}

// ours and original are who built a module; peers have the names of their versions.
const (
	original = "original"
	ours     = "watfiber"
	faster   = "watfiber --optimize=speed"
)

// builders returns who builds modules, watfiber first.
func (t tools) builders() []builder {
	list := []builder{{name: ours, time: true}}
	if t.faster {
		list = append(list, builder{name: faster, args: []string{"--optimize=speed"}, time: true})
	}
	for i := range t.peers {
		list = append(list, builder{name: t.peers[i].name, peer: &t.peers[i], args: []string{"--asyncify", "-O2"}, time: true})
	}
	if len(t.peers) > 0 {
		list = append(list, builder{name: unoptimized, peer: &t.peers[0], args: []string{"--asyncify"}, once: true})
	}
	return list
}

// firstLine returns what an error says first: programs say a lot when they fail.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

const unoptimized = "wasm-opt without -O2"

// tooLong is how many seconds of CPU time make a build one that is not repeated.
const tooLong = 20

// file returns the path of something that is built from the module.
func (s *subject) file(name string) string { return filepath.Join(s.work, name) }

// module returns the path of what a builder builds.
func (s *subject) module(builder string) string { return s.file(builder + ".wasm") }

// build builds the module with every tool once, and measures that. The first time
// it measures the sizes as well.
func (s *subject) build(l lab, run int) error {
	if s.missing != "" {
		return nil
	}
	for _, b := range s.builders {
		before := s.builds[b.name]
		if run > 0 && (b.once || len(before) == 0 || before[0].cpu > tooLong) {
			continue
		}
		program, args := l.watfiber, s.watfiberArgs("build", s.path, s.module(b.name), b.args...)
		if b.peer != nil {
			program, args = b.peer.program, b.peer.with(s.peerArgs(s.module(b.name), b.args...)...)
		}
		u, err := measure(program, args...)
		if err != nil && b.peer != nil {
			s.failures = append(s.failures, firstLine(err))
			continue
		}
		if err != nil {
			return err
		}
		s.builds[b.name] = append(before, u)
	}
	for _, form := range []struct {
		to   *[]usage
		args []string
	}{
		{&s.textToText, s.watfiberArgs("rewrite", s.file("input.wat"), s.file("rewritten.wat"))},
		{&s.textToBinary, s.watfiberArgs("build", s.file("input.wat"), s.file("from-text.wasm"))},
	} {
		u, err := measure(l.watfiber, form.args...)
		if err != nil {
			return err
		}
		*form.to = append(*form.to, u)
	}
	if run == 0 {
		return s.measureSizes()
	}
	return nil
}

// watfiberArgs are the arguments of a run of watfiber.
func (s *subject) watfiberArgs(command, input, output string, flags ...string) []string {
	args := append([]string{command, input, "-o", output}, flags...)
	if s.suspend != "" {
		args = append(args, "--suspend="+s.suspend)
	}
	return args
}

// peerArgs are the arguments of a run of wasm-opt.
func (s *subject) peerArgs(output string, passes ...string) []string {
	args := append([]string{s.path, "-o", output, "-q"}, s.features...)
	if s.suspend == "" {
		args = append(args, "--pass-arg=asyncify-ignore-imports")
	} else {
		args = append(args, "--pass-arg=asyncify-imports@"+s.suspend)
	}
	return append(args, passes...)
}

// prepareAll prepares modules on all cores: nothing is measured yet.
func prepareAll(l lab, subjects []*subject) error {
	errs := make([]error, len(subjects))
	var wait sync.WaitGroup
	cores := make(chan bool, runtime.NumCPU())
	for i, s := range slices.Backward(subjects) { // the largest first
		wait.Go(func() {
			cores <- true
			defer func() { <-cores }()
			if s.missing == "" {
				errs[i] = s.prepare(l)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// prepare makes what the measured builds start from, and what they are compared
// with, which the cache keeps.
func (s *subject) prepare(l lab) error {
	if err := os.MkdirAll(s.work, 0o755); err != nil {
		return err
	}
	if _, err := measure(l.watfiber, "asm", s.path, "-o", s.file("input.wasm")); err != nil {
		return err
	}
	if _, err := measure(l.watfiber, "dis", s.path, "-o", s.file("input.wat")); err != nil {
		return err
	}
	contents, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	s.sizes.file = len(contents)
	for _, peer := range l.peers {
		name := "plain/" + strings.ReplaceAll(peer.name, " ", "-") + "-" + s.name + "-" + fingerprint(string(contents), fmt.Sprint(s.features)) + ".wasm"
		plain, err := l.cache.keep(name, func(to string) error {
			_, err := measure(peer.program, peer.with(s.peerArgs(to, "-O2")...)...)
			return err
		})
		if err != nil {
			s.failures = append(s.failures, firstLine(err))
			continue
		}
		if s.sizes.plain[peer.name], err = codeBytes(plain); err != nil {
			return err
		}
	}
	return nil
}

// measureSizes measures what is the same in every run.
func (s *subject) measureSizes() error {
	for _, b := range s.builders {
		if len(s.builds[b.name]) == 0 {
			continue
		}
		size, err := codeBytes(s.module(b.name))
		if err != nil {
			return err
		}
		s.sizes.built[b.name] = size
	}
	var err error
	if s.sizes.input, err = codeBytes(s.file("input.wasm")); err != nil {
		return err
	}
	text, err := os.Stat(s.file("input.wat"))
	if err != nil {
		return err
	}
	s.sizes.textLength = int(text.Size())
	s.sizes.sites, err = sitesIn(s.builds[ours][0].output)
	return err
}

var sitesPattern = regexp.MustCompile(`(\d+) call sites?\b`)

// sitesIn returns how many calls may suspend, from what watfiber build says.
func sitesIn(output string) (int, error) {
	match := sitesPattern.FindStringSubmatch(output)
	if match == nil {
		return 0, fmt.Errorf("watfiber build does not say how many call sites there are: %q", output)
	}
	return strconv.Atoi(match[1])
}
