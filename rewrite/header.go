package rewrite

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// header returns the lines above an instrumented function: why it is, what its
// frame holds, where its sites are.
//
//	;;~ why    calls env.sleep, a suspending import
//	;;~ frame  16 bytes: site, $n, $i, $acc
//	;;~ sites  0: call $sleep in loop $next   1: call $sleep in if $negative
func (f *function) header() string {
	switch {
	case len(f.sites) == 0 && f.watched > 0:
		return headerLine("assert", "is said not to suspend: its calls are looked behind")
	case len(f.sites) == 0:
		return headerLine("guard", "does not suspend, but checks that the shadow stack has room")
	}
	return f.whyLine() + f.frameLine() + f.siteLines()
}

func headerLine(key, text string) string {
	return fmt.Sprintf("%s %-6s %s\n", wat.InsertMark, key, text)
}

func (f *function) whyLine() string {
	return headerLine("why", f.graph.reasonText(f.m, f.id))
}

func (f *function) frameLine() string {
	common := len(f.frame.slots) - f.frame.rare
	words := f.frameWords(common)
	if f.asserts != nil {
		words = append(words, "the word for the function")
	}
	if len(words) == 0 {
		return headerLine("frame", "nothing to spill")
	}
	if f.frame.rare == 0 {
		return wrapHeader("frame", fmt.Sprintf("%d bytes: ", f.frame.size), words, ", ")
	}
	whole := 0
	for _, s := range f.sites {
		if s.whole {
			whole++
		}
	}
	return wrapHeader("frame", fmt.Sprintf("%d bytes: ", f.frame.size-f.bytesOf(f.rareSlots())), words, ", ") +
		wrapHeader("", fmt.Sprintf("%d bytes at %d of %d sites, with ", f.frame.size, whole, len(f.sites)), f.refWords(f.rareSlots()), ", ")
}

// maxSites bounds the sites that a header lists; every site has a line of its own
// in the body, too.
const maxSites = 12

func (f *function) siteLines() string {
	var words []string
	for n, k := range f.byNumber() {
		if n == maxSites && len(f.sites) > maxSites+1 {
			words = append(words, fmt.Sprintf("and %d more", len(f.sites)-n))
			break
		}
		words = append(words, fmt.Sprintf("%d: %s", f.number(k), f.siteText(k)))
	}
	return wrapHeader("sites", "", words, "   ") + f.goneLine()
}

// siteText names a site: the call, and the innermost construct around it.
func (f *function) siteText(k int) string {
	s := f.sites[k]
	text := "call_indirect"
	if !s.indirect {
		text = "call " + f.graph.labels[s.callee]
	}
	if c := f.around(s.instr); c >= 0 {
		text += " in " + f.fn.Body.Instrs[c].Op.String()
		if name := f.fn.Body.LabelName(c); name != "" {
			text += " " + wat.ID(name)
		}
	}
	return text
}

// around returns the innermost loop or if around an instruction, -1 for none.
func (f *function) around(instr int) int {
	for i := instr - 1; i >= 0; i-- {
		if int(f.end[i]) > instr && f.fn.Body.Instrs[i].Op != blockOp {
			return i
		}
	}
	return -1
}

// wrapHeader joins words in as many header lines as they need.
func wrapHeader(key, start string, words []string, separator string) string {
	var b strings.Builder
	line := start
	for i, w := range words {
		if i > 0 {
			line += separator
		}
		if len(line)+len(w) > lineWidth && i > 0 {
			b.WriteString(headerLine(key, strings.TrimRight(line, " ")))
			key, line = "", ""
		}
		line += w
	}
	b.WriteString(headerLine(key, line))
	return b.String()
}
