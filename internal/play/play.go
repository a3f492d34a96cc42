// Package play makes the playground: a page in which watfiber runs itself.
package play

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/internal/report"
)

var (
	//go:embed play.html
	pageHTML string
	//go:embed play.css
	pageCSS string
	//go:embed play.js
	pageJS string
	//go:embed host.js
	hostJS string
)

// project is what the playground is compiled from.
const project = "github.com/watfiber/watfiber"

// Page builds the playground: one file, with watfiber compiled to WebAssembly in it. It
// needs Go, and the sources of watfiber: it is called in a checkout, or where a module
// requires watfiber.
func Page() ([]byte, error) {
	root, err := folder(project)
	if err != nil {
		return nil, err
	}
	program, err := compile()
	if err != nil {
		return nil, err
	}
	exec, err := glue()
	if err != nil {
		return nil, err
	}
	cases, err := examples(filepath.Join(root, "golden", "testdata"))
	if err != nil {
		return nil, err
	}
	body := strings.Replace(report.Body, `<dialog`, `</div>`+"\n"+`<dialog`, 1)
	page := strings.NewReplacer("{{css}}", report.CSS+pageCSS, "{{body}}", body, "{{program}}", program, "{{exec}}", exec,
		"{{examples}}", cases, "{{js}}", report.Script, "{{play}}", pageJS, "{{host}}", hostJS)
	return []byte(page.Replace(pageHTML)), nil
}

// folder returns where a package lies.
func folder(name string) (string, error) {
	out, err := output(exec.Command("go", "list", "-f", "{{.Module.Dir}}", name+"/internal/play"))
	if err != nil {
		return "", fmt.Errorf("the playground is compiled when it is asked for, which needs Go and the sources of watfiber: call this in a checkout: %w", err)
	}
	return strings.TrimSpace(out), nil
}

// output runs a command; the error says what it said.
func output(c *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil && stderr.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return string(out), err
}

// compile returns watfiber for browsers, compressed, in base 64.
func compile() (string, error) {
	dir, err := os.MkdirTemp("", "watfiber-play")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "play.wasm")
	// Without inlining the program has a tenth less to be fetched.
	build := exec.Command("go", "build", "-trimpath", "-gcflags=all=-l", "-ldflags=-s -w", "-o", path, project+"/internal/play/browser")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if _, err := output(build); err != nil {
		return "", fmt.Errorf("the playground cannot be compiled: %w", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(program); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// glue returns the script with which Go's programs run in browsers; it belongs to the
// version of Go that compiles.
func glue() (string, error) {
	root, err := output(exec.Command("go", "env", "GOROOT"))
	if err != nil {
		return "", err
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js"))
	return string(script), err
}

// An example is a case of the corpus.
type example struct {
	Name   string `json:"name"`
	Doc    string `json:"doc"`
	Flags  string `json:"flags"`
	Source string `json:"source"`
	Call   string `json:"call"`
}

// elsewhere are flags that mean nothing in the playground.
var elsewhere = regexp.MustCompile(`--(after|buffer|probes|pass-arg|export-globals)`)

// examples returns the cases that become code, as JSON that may stand in a page.
func examples(dir string) (string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return "", err
	}
	slices.Sort(paths)
	all := []example{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		e := example{Name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
		members := split(string(data))
		e.Doc, e.Source = strings.TrimSpace(members[""]), members["in.wat"]
		e.Flags = strings.Join(strings.Fields(members["options"]), " ")
		e.Call, _, _ = strings.Cut(members["run"], " ")
		if call, _, found := strings.Cut(members["run"], ")"); found {
			e.Call = call + ")"
		}
		if members["error"] == "" && !elsewhere.MatchString(e.Flags) {
			all = append(all, e)
		}
	}
	text, err := json.Marshal(all) // which escapes < and >
	return string(text), err
}

// split returns the members of an archive of texts: what stands behind a line -- name --.
func split(archive string) map[string]string {
	members, name := map[string]string{}, ""
	for line := range strings.Lines(archive) {
		if inner, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(line, " --\n") {
			name = strings.TrimSuffix(inner, " --\n")
			continue
		}
		members[name] += line
	}
	return members
}
