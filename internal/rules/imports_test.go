// Package rules holds tests of rules about the whole project.
package rules

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const project = "github.com/watfiber/watfiber"

// mayImport lists for each package what it may import besides the standard
// library. A package that is not listed fails the test: decide, and add it.
var mayImport = map[string][]string{
	"wat/op":            {},
	"wat":               {project + "/wat/op", project + "/internal/parallel", "github.com/alecthomas/participle/v2", "github.com/alecthomas/participle/v2/lexer"},
	"wat/check":         {project + "/wat", project + "/wat/op", project + "/internal/parallel"},
	"wat/binary":        {project + "/wat", project + "/wat/op", project + "/wat/check", project + "/internal/parallel"},
	"rewrite/callgraph": {project + "/wat", project + "/wat/op", project + "/internal/parallel"},
	"wat/sourcemap":     {project + "/wat", project + "/wat/op"},
	"rewrite":           {project + "/rewrite/callgraph", project + "/wat", project + "/wat/op", project + "/wat/check", project + "/internal/parallel", project + "/fiberlib"},
	"fiberlib":          {},
	"fiberlib/host":     {project + "/fiberlib", "github.com/tetratelabs/wazero"},
	"cmd/watfiber":      {project + "/internal/cli"},
	"golden":            {anything},
	"bench":             {anything},
	"internal/cli": {
		project + "/wat", project + "/wat/check", project + "/wat/binary", project + "/wat/op", project + "/wat/sourcemap", project + "/rewrite", project + "/internal", project + "/fiberlib",
		"github.com/alecthomas/kong", "github.com/mattn/go-isatty", "github.com/aymanbagabas/go-udiff", "github.com/tetratelabs/wazero", "golang.org/x/term",
	},
	"internal/trace":        {project + "/rewrite", project + "/fiberlib"},
	"internal/explain":      {project + "/rewrite", project + "/wat", project + "/wat/binary"},
	"internal/report":       {project + "/rewrite", project + "/internal/explain", project + "/internal/diff", project + "/internal/parallel", project + "/wat"},
	"internal/play":         {project + "/internal/report"},
	"internal/play/browser": {},
	"internal/play/events":  {project + "/internal/trace", project + "/wat"},
	"internal/play/flags":   {project + "/rewrite", project + "/wat"},
	"internal/browser":      {},
	"internal/diff": {
		project + "/internal/explain", project + "/rewrite", project + "/wat", project + "/wat/op", project + "/wat/check", project + "/wat/binary", project + "/fiberlib",
	},
	"internal/wit":      {project + "/wat", "go.bytecodealliance.org/wit"},
	"internal/parallel": {},
	"internal/rules":    {},
	"examples":          {},
}

// anything allows all imports. Only tests import golden, and nobody bench.
const anything = "*"

// listed is what go list says of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", project+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, project+"/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s has no import rule", name)
		}
		for _, imp := range p.Imports {
			if imp == project+"/golden" || imp == project+"/bench" {
				t.Errorf("%s imports %s, which is for tests", name, imp)
			}
			if !permitted(allowed, imp) {
				t.Errorf("%s must not import %s", name, imp)
			}
		}
	}
}

// permitted reports whether an import is of the standard library or allowed, as
// itself or as part of a module.
func permitted(allowed []string, imp string) bool {
	if slices.Contains(allowed, anything) || !strings.Contains(strings.Split(imp, "/")[0], ".") {
		return true
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		inside := !strings.HasPrefix(a, project+"/wat") && strings.HasPrefix(imp, a+"/")
		return imp == a || inside
	})
}
