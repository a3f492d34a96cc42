package fiberlib

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every function that traps is explained, here and in the document: those that end so,
// and those that call what a program has put into its table.
func TestFaults(t *testing.T) {
	var traps []string
	for _, match := range regexp.MustCompile(`(?m)^\(func \$fiber\.(\w+)(.*\n)(  .*\n)*`).FindAllStringSubmatch(Text()+"\n", -1) {
		if strings.HasSuffix(match[0], "(unreachable))\n") || strings.Contains(match[0], "(call_indirect ") {
			traps = append(traps, match[1])
		}
	}
	slices.Sort(traps)
	if diff := cmp.Diff(traps, slices.Sorted(maps.Keys(Faults))); diff != "" {
		t.Errorf("the functions that trap (-) and Faults (+):\n%s", diff)
	}
	doc, err := os.ReadFile("../docs/fiberlib.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range traps {
		if !strings.Contains(string(doc), "| `fiber."+name+"` |") {
			t.Errorf("docs/fiberlib.md does not explain fiber.%s", name)
		}
	}
}

// The document lists what can be imported, and fiber.h declares it.
func TestExportsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/fiberlib.md")
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile("include/fiber.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`\(export "(\w+)"\)`).FindAllStringSubmatch(Text(), -1) {
		name := match[1]
		if strings.HasPrefix(name, "wasi_") {
			continue // stands in for an import of WASI
		}
		if !strings.Contains(string(doc), "`"+name+"(") {
			t.Errorf("docs/fiberlib.md does not describe %s", name)
		}
		if !strings.Contains(string(header), "FIBER_IMPORT("+name+")") {
			t.Errorf("fiber.h does not declare %s", name)
		}
	}
}
