//go:build !js

package report

import (
	_ "embed" // the page
	"encoding/json"
	"html"
	"strings"
)

// What a browser is told is not needed in one: the playground has no use for it.

var (
	//go:embed page.html
	pageHTML string
	//go:embed start.js
	startJS string
	//go:embed diff.css
	diffCSS string
	//go:embed diff.js
	diffJS string

	// Body is the part of a page that shows a rewrite, CSS and Script what it needs: a
	// function watfiberReport.
	//
	//go:embed body.html
	Body string
	//go:embed page.css
	CSS string
	//go:embed page.js
	Script string
)

// Page returns the page.
func (d *Data) Page() ([]byte, error) {
	front, blocks, err := d.split()
	if err != nil {
		return nil, err
	}
	facts, err := json.Marshal(front)
	if err != nil {
		return nil, err
	}
	trace := ""
	if d.Trace != nil {
		trace = pack(d.Trace)
	}
	css, js := "", ""
	if d.Comparison != nil {
		css, js = diffCSS, diffJS
	}
	page := strings.NewReplacer("{{title}}", html.EscapeString(d.Name), "{{css}}", CSS, "{{body}}", Body, "{{js}}", Script, "{{diffcss}}", css, "{{diffjs}}", js,
		"{{start}}", startJS, "{{data}}", pack(facts), "{{store}}", strings.Join(blocks, "\n"), "{{trace}}", trace)
	return []byte(page.Replace(pageHTML)), nil
}
