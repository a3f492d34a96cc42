package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
)

// The commands in help texts that name files of the project do what they say.
func TestHelpExamples(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/help*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no help texts found (%v)", err)
	}
	var commands []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "watfiber ") && strings.Contains(line, " examples/") {
				commands = append(commands, line)
			}
		}
	}
	if len(commands) == 0 {
		t.Fatal("no help text names a file of the project any more")
	}
	t.Chdir("../..")
	for _, command := range commands {
		var stdout, stderr bytes.Buffer
		status := cli.Run(strings.Fields(command)[1:], strings.NewReader(""), &stdout, &stderr)
		if status != 0 || stdout.Len() == 0 {
			t.Errorf("%s: status %d, %d bytes of output\n%s", command, status, stdout.Len(), &stderr)
		}
	}
}
