package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// A cProgram is a module that is compiled from the source of somebody's library and from
// a file of the folder programs, which exports the kernels.
type cProgram struct {
	glue    string // in programs
	from    origin
	sources []string // patterns below dir
	without []string // names of files that are not compiled
	include string   // below dir
	flags   []string
	libs    []string
}

// hostHeader is what the kernels share.
var (
	programs   = filepath.Join("bench", "programs")
	hostHeader = filepath.Join("examples", "c", "host.h")
)

// build returns the path of the module, which the cache keeps, and what its source is.
func (p cProgram) build(c cache, clang string) (path, from string, err error) {
	if clang == "" {
		return "", "", fmt.Errorf("clang-19 is not installed (with Debian's lld-19, wasi-libc and libclang-rt-19-dev-wasm32)")
	}
	dir, from, err := p.from.fetch(c)
	if err != nil {
		return "", "", err
	}
	files, err := p.files(dir)
	if err != nil {
		return "", "", err
	}
	version, err := run("", clang, "--version")
	if err != nil {
		return "", "", err
	}
	parts := append([]string{from, version, fmt.Sprint(p.sources, p.without, p.flags, p.libs)}, p.ownText()...)
	name := strings.TrimSuffix(p.glue, ".c") + "-O2"
	path, err = c.keep("built/"+name+"-"+fingerprint(parts...)+"/"+name+".wasm", func(to string) error {
		return p.compile(clang, dir, files, to)
	})
	return path, from, err
}

// files returns what is compiled, the file of the folder programs last.
func (p cProgram) files(dir string) ([]string, error) {
	var files []string
	for _, pattern := range p.sources {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no %s", dir, pattern)
		}
		for _, f := range found {
			if !strings.Contains(" "+strings.Join(p.without, " ")+" ", " "+filepath.Base(f)+" ") {
				files = append(files, f)
			}
		}
	}
	return append(files, filepath.Join(programs, p.glue)), nil
}

// ownText returns the contents of all files of the project that the module may depend on.
func (p cProgram) ownText() []string {
	var texts []string
	found, _ := filepath.Glob(filepath.Join(programs, strings.TrimSuffix(p.glue, ".c")+".*"))
	for _, path := range append(found, hostHeader, filepath.Join(programs, "setjmp.h")) {
		text, _ := os.ReadFile(path)
		texts = append(texts, string(text))
	}
	return texts
}

// compile compiles files and links them. clang that is told to optimize when it links
// runs the wasm-opt that it finds, so it is not told.
func (p cProgram) compile(clang, dir string, files []string, to string) error {
	target := []string{"--target=wasm32-wasi", "--sysroot=/usr"}
	flags := append(append([]string{}, target...), "-O2", "-w", "-I"+programs, "-I"+filepath.Dir(hostHeader), "-I"+filepath.Join(dir, p.include))
	flags = append(flags, p.flags...)
	objects := make([]string, len(files))
	errs := make([]error, len(files))
	var wait sync.WaitGroup
	cores := make(chan bool, runtime.NumCPU())
	for i, file := range files {
		objects[i] = filepath.Join(filepath.Dir(to), fmt.Sprintf("%d-%s.o", i, filepath.Base(file)))
		wait.Go(func() {
			cores <- true
			_, errs[i] = run("", clang, append(flags, "-c", file, "-o", objects[i])...)
			<-cores
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(files[i]), err)
		}
	}
	args := append(append(target, "-mexec-model=reactor", "-Wl,--strip-debug", "-o", to), objects...)
	_, err := run("", clang, append(args, p.libs...)...)
	return err
}

// A packageProgram is a module of a package of npm, into which text of the folder
// programs is put in place of what it imports from its host.
type packageProgram struct {
	from   origin
	module string // path in the package
	glue   string // in programs
}

// build returns the path of the module, which the cache keeps, and what its source is.
func (p packageProgram) build(c cache, watfiber string) (path, from string, err error) {
	dir, from, err := p.from.fetch(c)
	if err != nil {
		return "", "", err
	}
	glue, err := readGlue(filepath.Join(programs, p.glue))
	if err != nil {
		return "", "", err
	}
	name := strings.TrimSuffix(p.glue, ".wat")
	path, err = c.keep("built/"+name+"-"+fingerprint(from, glue)+"/"+name+".wasm", func(to string) error {
		text, err := run("", watfiber, "dis", filepath.Join(dir, filepath.FromSlash(p.module)))
		if err != nil {
			return err
		}
		joined, err := join(text, glue)
		if err != nil {
			return err
		}
		source := to + ".wat"
		if err := os.WriteFile(source, []byte(joined), 0o644); err != nil {
			return err
		}
		_, err = run("", watfiber, "asm", source, "-o", to)
		return err
	})
	return path, from, err
}

// readGlue reads a file of text to put into a module. (data $NAME "FILE") holds the
// contents of a file beside it, and #NAME stands for its size.
func readGlue(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for _, match := range dataFile.FindAllSubmatch(text, -1) {
		contents, err := os.ReadFile(filepath.Join(filepath.Dir(path), string(match[2])))
		if err != nil {
			return "", err
		}
		var literal strings.Builder
		for _, b := range contents {
			fmt.Fprintf(&literal, "\\%02x", b)
		}
		text = bytes.ReplaceAll(text, match[0], fmt.Appendf(nil, "(data $%s \"%s\")", match[1], &literal))
		text = bytes.ReplaceAll(text, append([]byte("#"), match[1]...), fmt.Append(nil, len(contents)))
	}
	return string(text), nil
}
