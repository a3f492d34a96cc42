package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat"
)

// snippet is a place in docs/transform.md for a function of a case: of its source
// (before), or of what becomes of it (after).
//
//	<!-- before loop_call_in_body $sum -->
//	```wat
//	…
//	```
var snippet = regexp.MustCompile("<!-- (before|after) (\\S+) (\\S+) -->\n```wat\n(?s:(.*?))```\n")

// TestCourse checks that the course shows what the cases have. With -update it writes them
// into it.
func TestCourse(t *testing.T) {
	const path = "../docs/transform.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	text := snippet.ReplaceAllStringFunc(string(data), func(old string) string {
		n++
		m := snippet.FindStringSubmatch(old)
		code, err := functionOf(m[2], m[1], m[3])
		if err != nil {
			t.Error(err)
			return old
		}
		if code != m[4] && !*update {
			t.Errorf("%s of %s, %s: the course shows\n%s\nnot\n%s", m[3], m[2], m[1], m[4], code)
		}
		return fmt.Sprintf("<!-- %s %s %s -->\n```wat\n%s```\n", m[1], m[2], m[3], code)
	})
	if blocks := strings.Count(text, "```wat\n"); n != blocks || n == 0 {
		t.Errorf("%d snippets come from cases, the course has %d", n, blocks)
	}
	if *update && text != string(data) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// functionOf returns a function of a case, as text from the margin on.
func functionOf(name, side, function string) (string, error) {
	c, err := ReadCase(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		return "", err
	}
	text := c.Member(map[string]string{"before": memberIn, "after": memberOut}[side])
	m, err := wat.Parse(name, text)
	if err != nil {
		return "", err
	}
	for _, f := range m.Funcs {
		if wat.ID(f.Name) != function {
			continue
		}
		lines := strings.SplitAfter(text[:m.Source.LineStart(f.Span.Start)], "\n")
		first := len(lines) - 1
		for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), wat.InsertMark) {
			first--
		}
		code := strings.Join(lines[first:], "") + text[m.Source.LineStart(f.Span.Start):m.Source.LineEnd(f.Span.End)]
		code = strings.TrimRight(code, "\n") + "\n"
		indent := code[:len(code)-len(strings.TrimLeft(code, " "))]
		return regexp.MustCompile("(?m)^"+indent).ReplaceAllString(code, ""), nil
	}
	return "", fmt.Errorf("%s has no function %s", name, function)
}
