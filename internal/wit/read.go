package wit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	witlib "go.bytecodealliance.org/wit"
)

// Read returns a world of a package: its text, its JSON, a module or component that has
// it inside, or a folder of texts with the packages that they use in a folder deps. The world is named in full, wasi:cli/command
// or wasi:cli/command@0.2.0, or by its last name; "" is the only one of the package.
// Data is what path has, unless it is a folder.
func Read(path string, data []byte, world string) (w *World, err error) {
	defer func() {
		if p := recover(); p != nil { // the library relies on its input
			w, err = nil, fmt.Errorf("%s: cannot be read as WIT: %v", path, p)
		}
	}()
	resolve, err := load(path, data)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(resolve, world)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w, err = newWorld(chosen); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

func load(path string, data []byte) (*witlib.Resolve, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return loadText(path, func() (*witlib.Resolve, error) { return witlib.LoadWIT(relative(path)) })
	}
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		return nil, fmt.Errorf("%s: is empty", path)
	}
	if text[0] != '{' {
		return loadText(path, func() (*witlib.Resolve, error) { return witlib.DecodeWIT(bytes.NewReader(data)) })
	}
	if err := checkJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	resolve, err := witlib.DecodeJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return resolve, nil
}

// relative returns the path from the current folder: wasm-tools does not find others.
func relative(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	if here, err := os.Getwd(); err == nil {
		if r, err := filepath.Rel(here, path); err == nil {
			return r
		}
	}
	return path
}

// loadText reads text. The library keeps a compiled wasm-tools, machine code, in the
// folder for temporary files under a name that others can guess; so that folder is one
// of the user's own meanwhile.
func loadText(path string, read func() (*witlib.Resolve, error)) (*witlib.Resolve, error) {
	restore, err := ownTempDir()
	if err != nil {
		return nil, err
	}
	defer restore()
	resolve, err := read()
	if err == nil {
		return resolve, nil
	}
	return nil, errors.New(tidy(path, err.Error()))
}

var (
	toolsError = regexp.MustCompile(`(?s)^(.*?)\n+ *--> ([^\n]*:\d+:\d+)\n(.*)`)
	excerpt    = regexp.MustCompile(`(?m)^ *\d* \| ?(.*)$`)
)

// tidy returns an error of wasm-tools as errors look here: place, message, line, caret.
func tidy(path, message string) string {
	message = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(message), "wasm-tools: "), "error: ")
	message = strings.ReplaceAll(message, "<stdin>", path)
	parts := toolsError.FindStringSubmatch(message)
	if parts == nil {
		return path + ": " + message
	}
	text := parts[2] + ": " + strings.TrimSpace(parts[1])
	for _, line := range excerpt.FindAllStringSubmatch(parts[3], -1) {
		if line[1] != "" {
			text += "\n" + line[1]
		}
	}
	return text
}

// ownTempDir sets the folder for temporary files until it is restored.
func ownTempDir() (restore func(), err error) {
	const variable = "TMPDIR"
	dir, remove := "", func() {}
	if cache, err := os.UserCacheDir(); err == nil {
		dir = filepath.Join(cache, "watfiber")
		if os.MkdirAll(dir, 0o700) != nil {
			dir = ""
		}
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "watfiber"); err != nil {
			return nil, err
		}
		remove = func() { _ = os.RemoveAll(dir) }
	}
	before, set := os.LookupEnv(variable)
	if err := os.Setenv(variable, dir); err != nil {
		return nil, err
	}
	return func() {
		if set {
			_ = os.Setenv(variable, before)
		} else {
			_ = os.Unsetenv(variable)
		}
		remove()
	}, nil
}

// checkJSON checks what the library does not: that nothing refers to something beyond
// the end of its list, and that nothing is nested too deep.
func checkJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("at byte %d: %w", syntax.Offset, err)
		}
		return err
	}
	most := 0
	for _, key := range []string{"worlds", "interfaces", "types", "packages"} {
		list, ok := all[key].([]any)
		if !ok {
			return fmt.Errorf("is JSON, but not of a package: there is no list of %s", key)
		}
		most = max(most, len(list))
	}
	for todo := []any{all}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch v := next.(type) {
		case map[string]any:
			for _, value := range v {
				todo = append(todo, value)
			}
		case []any:
			todo = append(todo, v...)
		case json.Number:
			if n, err := v.Int64(); err != nil || n < 0 || n >= int64(most) {
				return fmt.Errorf("%s is the number of nothing", v)
			}
		}
	}
	return nil
}

// choose returns the world of a name.
func choose(r *witlib.Resolve, name string) (*witlib.World, error) {
	var names, found []string
	var world, main *witlib.World
	mains := 0
	for _, w := range r.Worlds {
		if w.Package == nil {
			return nil, errors.New("a world is of no package")
		}
		id := w.Package.Name
		id.Extension = w.Name
		names = append(names, id.String())
		if name != "" && w.Match(name) {
			world, found = w, append(found, id.String())
		}
		if len(r.Packages) > 0 && w.Package == r.Packages[len(r.Packages)-1] {
			main = w
			mains++
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return nil, errors.New("there is no world in it; interfaces say nothing of what a module imports")
	case len(found) > 1:
		return nil, fmt.Errorf("several worlds are called %s: %s", name, strings.Join(found, ", "))
	case len(found) == 1:
		return world, nil
	case name != "":
		return nil, fmt.Errorf("there is no world %s; there are %s", name, strings.Join(names, ", "))
	case mains == 1:
		return main, nil
	case len(names) == 1:
		return r.Worlds[0], nil
	}
	return nil, fmt.Errorf("there are several worlds, %s: say which with --world", strings.Join(names, ", "))
}
