package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

// What documents show of the command line is what it prints. A line … stands for any
// lines.
func TestDocuments(t *testing.T) {
	documents := []string{"docs/analysis.md", "docs/debugging.md", "docs/options.md", "docs/review.md", "docs/tour.md", "docs/trace.md"}
	var blocks []string
	for _, path := range documents {
		data, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(data), "```console\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			blocks = append(blocks, block)
		}
	}
	if len(blocks) == 0 {
		t.Error("the documents show nothing")
	}
	t.Chdir("../..")
	for _, block := range blocks {
		command, want, _ := strings.Cut(block, "\n")
		args, ok := strings.CutPrefix(command, "$ watfiber ")
		if !ok {
			t.Errorf("not a command: %s", command)
			continue
		}
		var stdout, stderr bytes.Buffer
		code := cli.Run(strings.Fields(args), strings.NewReader(""), &stdout, &stderr)
		ok = code == 0 || code == 1 && strings.HasPrefix(args, "diff ") // the modules differ
		if got := stdout.String() + stderr.String(); !ok || !hasParts(got, strings.Split(want, "…\n")) {
			t.Errorf("%s: exit %d, it prints\n%s\nthe document says\n%s", command, code, got, want)
		}
	}
}

// hasParts reports whether a text is made of the parts, in their order, with anything
// between them.
func hasParts(text string, parts []string) bool {
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	if len(parts) == 1 {
		return text == parts[0]
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
