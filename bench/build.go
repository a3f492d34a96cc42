package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// file returns the path of something that is built from the module.
func (s *subject) file(name string) string { return filepath.Join(s.work, name) }

// build builds the module with every tool once, and measures that. The first time
// it measures the sizes as well.
func (s *subject) build(t tools, first bool) error {
	if s.missing != "" {
		return nil
	}
	if first {
		if err := s.prepare(t); err != nil {
			return err
		}
	}
	b := &s.builds
	steps := []struct {
		to      *[]usage
		program string
		args    []string
	}{
		{&b.watfiber, t.watfiber, s.watfiberArgs("build", s.path, "watfiber.wasm")},
		{&b.peer, t.peer, s.peerArgs("peer.wasm", "--asyncify", "-O2")},
		{&b.textToText, t.watfiber, s.watfiberArgs("rewrite", s.file("input.wat"), "rewritten.wat")},
		{&b.textToBinary, t.watfiber, s.watfiberArgs("build", s.file("input.wat"), "from-text.wasm")},
	}
	for _, step := range steps {
		if step.program == "" {
			continue
		}
		u, err := measure(step.program, step.args...)
		if err != nil {
			return err
		}
		*step.to = append(*step.to, u)
	}
	if first {
		return s.measureOnce(t)
	}
	return nil
}

// watfiberArgs are the arguments of a run of watfiber.
func (s *subject) watfiberArgs(command, input, output string) []string {
	args := []string{command, input, "-o", s.file(output)}
	if s.suspend != "" {
		args = append(args, "--suspend="+s.suspend)
	}
	return args
}

// peerArgs are the arguments of a run of wasm-opt.
func (s *subject) peerArgs(output string, passes ...string) []string {
	args := append([]string{s.path, "-o", s.file(output)}, s.features...)
	if s.suspend == "" {
		args = append(args, "--pass-arg=asyncify-ignore-imports")
	} else {
		args = append(args, "--pass-arg=asyncify-imports@"+s.suspend)
	}
	return append(args, passes...)
}

// prepare makes what the measured builds start from, and what they are compared
// with.
func (s *subject) prepare(t tools) error {
	if err := os.MkdirAll(s.work, 0o755); err != nil {
		return err
	}
	if _, err := measure(t.watfiber, "asm", s.path, "-o", s.file("input.wasm")); err != nil {
		return err
	}
	if _, err := measure(t.watfiber, "dis", s.path, "-o", s.file("input.wat")); err != nil {
		return err
	}
	if t.peer == "" {
		return nil
	}
	_, err := measure(t.peer, s.peerArgs("peer-plain.wasm", "-O2")...)
	return err
}

// measureOnce measures what is the same in every run, and the build that takes too
// long for more.
func (s *subject) measureOnce(t tools) error {
	files := map[string]*int{"input.wasm": &s.sizes.input, "watfiber.wasm": &s.sizes.watfiber}
	if t.peer != "" {
		u, err := measure(t.peer, s.peerArgs("peer-unoptimized.wasm", "--asyncify")...)
		if err != nil {
			return err
		}
		s.builds.peerUnoptimized = []usage{u}
		files["peer-plain.wasm"], files["peer.wasm"] = &s.sizes.peerPlain, &s.sizes.peer
		files["peer-unoptimized.wasm"] = &s.sizes.peerUnoptimized
	}
	for name, size := range files {
		var err error
		if *size, err = codeBytes(s.file(name)); err != nil {
			return err
		}
	}
	text, err := os.Stat(s.file("input.wat"))
	if err != nil {
		return err
	}
	s.sizes.textLength = int(text.Size())
	s.sizes.sites, err = sitesIn(s.builds.watfiber[0].output)
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
