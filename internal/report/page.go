//go:build !js

package report

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the page
	"encoding/base64"
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
	facts, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	data, err := pack(facts)
	if err != nil {
		return nil, err
	}
	text, err := pack([]byte(d.Text))
	if err != nil {
		return nil, err
	}
	trace := ""
	if d.Trace != nil {
		if trace, err = pack(d.Trace); err != nil {
			return nil, err
		}
	}
	page := strings.NewReplacer("{{title}}", html.EscapeString(d.Name), "{{css}}", CSS, "{{body}}", Body, "{{js}}", Script, "{{start}}", startJS, "{{data}}", data, "{{text}}", text, "{{trace}}", trace)
	return []byte(page.Replace(pageHTML)), nil
}

// pack compresses data into characters that may stand in a page.
func pack(data []byte) (string, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}
