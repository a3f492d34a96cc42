package browser

import (
	_ "embed" // a script
	"fmt"
	"slices"
	"strings"
)

//go:embed contrast.js
var contrast string

// Accessible checks what is in sight: every text has the contrast to what is behind it that
// WCAG 2 asks for at level AA, and whatever can be used has a name. State says in errors
// what the page shows.
func (p *Page) Accessible(state string) {
	p.t.Helper()
	if poor := p.Text(contrast); poor != "" {
		p.t.Errorf("%s: too little contrast: %s", state, poor)
	}
	if nameless := p.nameless(); len(nameless) > 0 {
		p.t.Errorf("%s: without a name: %s", state, strings.Join(nameless, "; "))
	}
}

// named are the roles of what has to have a name.
var named = []string{
	"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "slider", "spinbutton", "listbox", "option", "tab", "tablist", "tabpanel",
	"dialog", "image", "img", "navigation", "log", "region", "menuitem", "switch",
}

// nameless lists what has a role and no name, as the browser tells those who do not see the
// page.
func (p *Page) nameless() []string {
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
			ID         int `json:"backendDOMNodeId"`
		}
	}
	p.Call("Accessibility.getFullAXTree", nil, &tree)
	var all []string
	for _, n := range tree.Nodes {
		role := fmt.Sprint(n.Role.Value)
		if n.Ignored || n.Name.Value != nil && n.Name.Value != "" || !slices.Contains(named, role) {
			continue
		}
		var html struct{ OuterHTML string }
		p.Call("DOM.getOuterHTML", map[string]any{"backendNodeId": n.ID}, &html)
		all = append(all, role+" "+html.OuterHTML[:min(80, len(html.OuterHTML))])
	}
	return all
}
