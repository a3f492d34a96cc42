package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	dataFile     = regexp.MustCompile(`\(data \$(\w+) "(\w+\.\w+)"\)`)
	importedFunc = regexp.MustCompile(`^  \(import "([^"]*)" "[^"]*" \(func (\$\S+) (.*)\)\)$`)
)

// join puts glue into the text of a module as watfiber dis prints it: a field to a line
// where it is short. Imports of WASI stay, other functions that the module imports are
// those of glue that have their names, and trap if there are none.
func join(module, glue string) (string, error) {
	var imports, fields, out []string
	for _, line := range strings.Split(strings.TrimSpace(glue), "\n") {
		if strings.HasPrefix(line, "(import ") {
			imports = append(imports, line)
		} else {
			fields = append(fields, line)
		}
	}
	lines := strings.Split(strings.TrimSpace(module), "\n")
	if lines[0] != "(module" || lines[len(lines)-1] != ")" {
		return "", errors.New("the module is not printed as it should be")
	}
	for _, line := range lines[:len(lines)-1] {
		match := importedFunc.FindStringSubmatch(line)
		if match == nil {
			out = append(out, line)
			continue
		}
		out = append(out, imports...)
		imports = nil
		switch from, name, kind := match[1], match[2], match[3]; {
		case from == "wasi_snapshot_preview1":
			out = append(out, line)
		case !strings.Contains(glue, "(func "+name+" ") && !strings.Contains(glue, "(func "+name+"\n"):
			fields = append(fields, fmt.Sprintf("(func %s %s unreachable)", name, kind))
		}
	}
	return strings.Join(append(append(out, fields...), ")", ""), "\n"), nil
}
