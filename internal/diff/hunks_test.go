package diff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/diff"
)

// Hunks put into the old text make the new one, they are in order and do not touch, and each
// changes something.
func TestLines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("end end end local.get$a local.get$b call$f drop i32.add block loop")
	for round := range 500 {
		var old, edited []string
		for i := range r.IntN(60) {
			line := words[r.IntN(len(words))]
			if r.IntN(4) == 0 {
				line += fmt.Sprint(i)
			}
			old = append(old, line)
			switch r.IntN(12) {
			case 0: // it goes
			case 1:
				edited = append(edited, "new", line)
			case 2:
				edited = append(edited, "other")
			default:
				edited = append(edited, line)
			}
		}
		hunks := diff.Lines(old, edited)
		var made []string
		at := 0
		for k, h := range hunks {
			if h.From < at || k > 0 && h.From == at || h.Count == 0 && h.From == h.To {
				t.Fatalf("round %d: hunk %d of %v", round, k, hunks)
			}
			made = append(made, old[at:h.From]...)
			if len(made) != h.At {
				t.Fatalf("round %d: hunk %d of %v begins at line %d", round, k, hunks, len(made))
			}
			made = append(made, edited[h.At:h.At+h.Count]...)
			at = h.To
		}
		if made = append(made, old[at:]...); !slices.Equal(made, edited) {
			t.Fatalf("round %d: %v make\n%v, not\n%v", round, hunks, made, edited)
		}
		if slices.Equal(old, edited) != (len(hunks) == 0) {
			t.Errorf("round %d: %d hunks", round, len(hunks))
		}
	}
}

// What is paired is what a reader would pair: an insertion among lines that are all alike is
// one hunk, where it is.
func TestLinesAmongEqualOnes(t *testing.T) {
	old := strings.Split("a end b end c end d end", " ")
	edited := strings.Split("a end b end x end c end d end", " ")
	if hunks := diff.Lines(old, edited); len(hunks) != 1 || hunks[0].Count != 2 || hunks[0].From != hunks[0].To || hunks[0].At < 3 || hunks[0].At > 4 {
		t.Errorf("%v", hunks)
	}
	if hunks := diff.Lines([]string{"  a"}, []string{"\ta  "}); len(hunks) != 0 {
		t.Errorf("blanks count: %v", hunks)
	}
}
