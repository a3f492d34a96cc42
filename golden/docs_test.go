package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What documents show of WAT is what a case has: each block of a document is a
// part of an in.wat or out.wat. A line of dots stands for what is left out.
func TestDocuments(t *testing.T) {
	var cases []string
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, string(data))
	}
	for _, path := range []string{"../README.md", "../docs/architecture.md", "../docs/analysis.md"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(data), "```wat\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s shows no WAT any more", path)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			if !shown(cases, block) {
				t.Errorf("%s: no case has this:\n%s", path, block)
			}
		}
	}
}

// shown reports whether one of the cases has all parts of a block.
func shown(cases []string, block string) bool {
	for _, c := range cases {
		all := true
		for _, part := range strings.Split(block, "…\n") {
			all = all && strings.Contains(c, strings.TrimRight(part, " "))
		}
		if all {
			return true
		}
	}
	return false
}
