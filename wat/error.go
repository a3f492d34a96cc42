package wat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Code names a kind of error. Codes are stable: a script may test for one.
type Code string

// The codes of this package and of the packages below wat. Those of the
// transform are in package rewrite.
const (
	ErrSyntax    Code = "WF101" // the text does not follow the grammar
	ErrLiteral   Code = "WF102" // a number or string that cannot be read
	ErrMnemonic  Code = "WF103" // no such instruction
	ErrName      Code = "WF104" // a name or index that nothing has
	ErrDuplicate Code = "WF105" // a name that two things have
	ErrLimit     Code = "WF106" // more of something than an implementation takes
	ErrInvalid   Code = "WF201" // well formed, but no valid module
	ErrType      Code = "WF202" // operands of the wrong type
	ErrBinary    Code = "WF301" // the binary format is not followed
)

// An Error is what is wrong with an input, and where.
type Error struct {
	Source *Source
	Span   Span
	Code   Code
	Msg    string // what is wrong, one line
	Hint   string // what to do about it, one line, or ""
	Func   string // the function it is in, where lines do not tell, or ""

	// complete, if set, finds out more for Msg and Hint. It is called only for
	// errors that are shown, since it may compare with every name that there is.
	complete func(*Error)
}

// Error returns place, message and code in one line, and the hint behind it.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Source == nil:
	case e.Span == NoSpan:
		b.WriteString(e.Source.Name + ": ")
	default:
		b.WriteString(e.Source.Place(e.Span.Start) + e.Source.origin(e.Span.Start) + ": ")
	}
	if e.Func != "" {
		b.WriteString("in " + e.Func + ": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " [%s]", e.Code)
	}
	return b.String()
}

// Detail returns the message with the source line and a caret under the place.
func (e *Error) Detail() string {
	if e.Source == nil || e.Span == NoSpan {
		return e.Error()
	}
	if excerpt := e.Source.Excerpt(e.Span); excerpt != "" {
		return e.Error() + "\n" + excerpt
	}
	return e.Error()
}

// An ErrorList is several errors of one input, in the order of their places.
type ErrorList []*Error

// Error returns the first message and how many more there are.
func (l ErrorList) Error() string {
	switch len(l) {
	case 0:
		return "no errors"
	case 1:
		return l[0].Error()
	}
	return fmt.Sprintf("%s (and %d more errors)", l[0].Error(), len(l)-1)
}

// Unwrap returns the errors of the list.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Err returns the first MaxErrors errors by place, or nil if there are none.
func (l ErrorList) Err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b *Error) int { return a.Span.Start - b.Span.Start })
	l = l[:min(len(l), MaxErrors)]
	for _, e := range l {
		if e.complete != nil {
			e.complete(e)
			e.complete = nil
		}
	}
	return l
}

// Errors returns the Errors that err consists of; nil if it has none.
func Errors(err error) []*Error {
	var list ErrorList
	if errors.As(err, &list) {
		return list
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

// MaxErrors bounds the errors that one input is given: after that many the rest
// is hardly news.
const MaxErrors = 20

// report collects errors of one thing, up to MaxErrors.
type report struct {
	source *Source
	errs   ErrorList

	annotations []Annotation // met so far, in fields
}

// add returns the error, which is in the list unless that is full.
func (r *report) add(code Code, span Span, hint, format string, args ...any) *Error {
	e := &Error{Source: r.source, Span: span, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint}
	if n := len(r.errs); n > 0 && r.errs[n-1].Span == span && r.errs[n-1].Msg == e.Msg {
		return e // met again: a token that was looked at ahead
	}
	if len(r.errs) < MaxErrors {
		r.errs = append(r.errs, e)
	}
	return e
}

func (r *report) full() bool { return len(r.errs) >= MaxErrors }

// DidYouMean returns a hint with the candidate nearest to word, or "" if none
// is near. Candidates are tried in order; the first of the nearest wins.
func DidYouMean(word string, candidates []string) string {
	limit := min(len(word)/3, 3)
	best, bestDistance := "", limit+1
	for _, c := range candidates {
		if d := editDistance(word, c, bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance returns the number of insertions, deletions, replacements and
// swaps of neighbours (optimal string alignment) that make b of a, or limit if
// it is not below limit.
func editDistance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit || len(a) > 100 || len(b) > 100 {
		return limit
	}
	width := len(b) + 1
	rows := [3][]int{make([]int, width), make([]int, width), make([]int, width)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, up, up2 := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(up[j]+1, row[j-1]+1, up[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], up2[j-2]+1)
			}
		}
	}
	return min(rows[len(a)%3][len(b)], limit)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
