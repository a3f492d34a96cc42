package main

import (
	"io/fs"
	"path/filepath"
	"slices"
)

// A subject is a module to measure with, and what was measured.
type subject struct {
	name     string
	about    string // what the module is
	path     string
	from     string // what its source is; "" if it is in the project
	missing  string // why there is no module; "" if there is one
	suspend  string // the import that suspends; "" if the module has a runtime of its own
	features []string
	kernels  []kernel
	switches []call
	source   func(lab) (path, from string, err error)

	work     string // folder for what is built
	builders []builder
	sizes    sizes
	builds   map[string][]usage // by builder
	times    map[string]answer  // by engine
	failures []string           // what has gone wrong, which leaves cells empty

	textToText, textToBinary []usage
}

// sizes are in bytes of code sections; 0 is not measured.
type sizes struct {
	sites      int            // calls that may suspend
	input      int            // the module, encoded anew: compilers leave room in numbers
	file       int            // the module as a file
	built      map[string]int // by builder
	plain      map[string]int // by builder: what it makes of the module without fibers
	textLength int            // of the module as text
}

// A call is a call of an export. The last argument of one that suspends says how
// often it does.
type call struct {
	name string
	args []int
}

// A kernel is a call that does not suspend, and the argument with which it takes an
// interpreter about as long as the other takes a compiler.
type kernel struct {
	call
	light int
}

func k(name string, n, light int) kernel { return kernel{call{name, []int{n}}, light} }

// A lab is what modules are made with.
type lab struct {
	tools
	cache  cache
	work   string
	corpus string // modules that are taken from here are not compiled
}

// findSubjects makes the modules, or says why there are none. Names chooses; none are all.
func findSubjects(l lab, names []string) []*subject {
	var subjects []*subject
	for _, s := range allSubjects() {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		s.work = filepath.Join(l.work, s.name)
		s.times, s.builds = map[string]answer{}, map[string][]usage{}
		s.sizes.built, s.sizes.plain = map[string]int{}, map[string]int{}
		s.builders = l.builders()
		if path := findModule(l.corpus, s.name+".wasm"); path != "" {
			s.path, s.from = path, "as it is in the corpus"
		} else if path, from, err := s.source(l); err != nil {
			s.missing = err.Error()
		} else {
			s.path, s.from = path, from
		}
		subjects = append(subjects, s)
	}
	return subjects
}

// findModule returns the path of a file below a folder, "" if there is none.
func findModule(folder, name string) (path string) {
	if folder == "" {
		return ""
	}
	_ = filepath.WalkDir(folder, func(p string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(p) == name {
			path = p
			return fs.SkipAll
		}
		return nil
	})
	return path
}
