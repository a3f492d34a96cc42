package diff

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes what differs as Markdown, for a review.
func (d *Diff) Markdown(w io.Writer) {
	fmt.Fprintf(w, "**%s → %s**: %s\n", markdownText(d.Old.Name), markdownText(d.New.Name), d.Headline())
	if d.Same() {
		return
	}
	fmt.Fprintf(w, "\n| | old | new | |\n|---|--:|--:|--:|\n")
	for _, f := range d.figuresOfBoth() {
		fmt.Fprintf(w, "| %s | %d | %d | %s |\n", f.what, f.sides.Old, f.sides.New, signed(f.sides.Delta()))
	}
	for _, s := range sections {
		d.markdownSection(w, s.title, s.statuses)
	}
	d.markdownDetails(w)
	fmt.Fprintln(w)
	for _, line := range d.remarks() {
		fmt.Fprintf(w, "- %s\n", markdownText(line))
	}
}

// markdownSection writes a table of the functions with some statuses.
func (d *Diff) markdownSection(w io.Writer, title string, statuses []Status) {
	all := d.with(statuses)
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n**%s%s**\n\n", strings.ToUpper(title[:1]), title[1:])
	sites := d.knowsSites()
	if sites {
		fmt.Fprintf(w, "| function | why | sites | frame | code |\n|---|---|--:|--:|--:|\n")
	} else {
		fmt.Fprintf(w, "| function | why | code |\n|---|---|--:|\n")
	}
	for _, c := range all {
		why := c.Why
		if c.Status == Freed || c.Status == Removed {
			why = c.OldWhy
		}
		if c.Through != "" {
			why = "with " + c.Through
		}
		fmt.Fprintf(w, "| %s | %s |", c.named(markdownCode), markdownText(why))
		if sites {
			fmt.Fprintf(w, " %s | %s |", c.arrow(c.Sites), c.arrow(c.Frame))
		}
		fmt.Fprintf(w, " %s |\n", c.arrow(c.Bytes.Output))
	}
}

// arrow writes the numbers of both modules, one if they are the same.
func (c *Change) arrow(s Sides) string { return strings.TrimSpace(c.numbers(s, "", "")) }

// markdownDetails writes which sites and slots differ, folded, in the colours of a diff.
func (d *Diff) markdownDetails(w io.Writer) {
	var blocks []string
	for _, c := range d.with([]Status{Changed}) {
		if lines := c.lines(); len(lines) > 0 {
			blocks = append(blocks, "  "+c.name()+"\n"+strings.Join(lines, "\n")+"\n")
		}
	}
	if len(blocks) == 0 {
		return
	}
	text := strings.Join(blocks, "")
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	noun := "functions"
	if len(blocks) == 1 {
		noun = "function"
	}
	fmt.Fprintf(w, "\n<details><summary>Sites and slots of %d %s</summary>\n\n%sdiff\n%s%s\n\n</details>\n", len(blocks), noun, fence, text, fence)
}

// markdownText returns a text that Markdown shows as it is.
func markdownText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "$", `\$`, "~", `\~`).Replace(s)
}

// markdownCode returns a text that Markdown shows as code, in a table too.
func markdownCode(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}
