package wat

import "strings"

// A LineOrigin says where a line of a rewritten text comes from.
type LineOrigin struct {
	// Line is its line in the source that Strip gives back, from 1; 0 if the line was
	// inserted.
	Line int
	// Dropped says that the line stands there as a comment only.
	Dropped bool
}

// LineOrigins returns the origin of each line of a rewritten text.
func LineOrigins(text string) []LineOrigin {
	all := make([]LineOrigin, 0, 1+strings.Count(text, "\n"))
	state, line := stripState{}, 0
	for l := range strings.Lines(text) {
		kind := state.kind(l)
		if kind == lineInserted {
			all = append(all, LineOrigin{})
			continue
		}
		line++
		all = append(all, LineOrigin{line, kind == lineDropped})
	}
	return all
}

// InsertedComment returns what the comment of an inserted line says, false if the line
// was not inserted. The line must not be part of a block comment.
func InsertedComment(line string) (string, bool) {
	if (&stripState{}).kind(line) != lineInserted {
		return "", false
	}
	return strings.TrimSpace(line[strings.LastIndex(line, InsertMark)+len(InsertMark):]), true
}
