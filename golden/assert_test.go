package golden

import (
	"path/filepath"
	"strings"
	"testing"
)

// tripping lists the cases that do what assertions are there to find, with what they
// then say.
var tripping = map[string]string{
	"state_called_while_unwinding": "main(4) traps unreachable",
	"state_overflow":               "main(1) traps unreachable", // the frame that does not fit, and not stop_unwind
	"state_exact_fit":              "traps unreachable",         // the word for the function does not fit any more
}

// Every case that runs does so with assertions, too, and keeps the promises: a correct
// program never trips.
func TestGoldenWithAsserts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			c, err := ReadCase(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.Has(memberError) || c.Options.After != "" {
				return // there is nothing to run
			}
			c.Options.Asserts = true
			source, err := Load("in.wat", c.Member(memberIn))
			if err != nil {
				t.Fatal(err)
			}
			result, err := Promises(source, c.Options)
			if err != nil {
				t.Fatal(err)
			}
			table, err := runTable(c, source, result)
			want, trips := tripping[c.Name()]
			switch {
			case trips && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("it should trip in %s: %v", want, err)
			case trips:
			case err != nil:
				t.Error(err)
			case table != c.Member(memberRun):
				t.Errorf("it returns\n%snot\n%s", table, c.Member(memberRun))
			}
		})
	}
}
