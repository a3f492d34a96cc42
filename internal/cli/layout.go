package cli

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// This file prints where a module keeps what in its memory, and what is dangerous about
// that.

// smallStack is the size below which a main stack is called small. Linkers give 65 536
// bytes to a program that does not ask.
const smallStack = 131072

// layoutText describes the layout of a module.
func layoutText(m *wat.Module) string {
	l := rewrite.LayoutOf(m)
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s:\n", m.Source.Name)
	line("memory", "%s", memoryText(m, l))
	if l.DataEnd > 0 {
		line("data", "%s to %s", address(l.DataStart), address(l.DataEnd))
	} else {
		line("data", "none that are initialized, at an address that is known")
	}
	if l.MarkedDataEnd > 0 {
		line("data end", "%s, with what starts as zero", address(l.MarkedDataEnd))
	}
	line("main stack", "%s", stackText(m, l))
	if l.HeapBase > 0 {
		line("heap", "from %s", address(l.HeapBase))
	}
	if l.FiberStack > 0 {
		line("fibers", "%d bytes each, where the program does not say", l.FiberStack)
	}
	for _, w := range layoutWarnings(l) {
		line("warning", "%s", w)
	}
	return b.String()
}

func address(a uint32) string { return fmt.Sprintf("%d (%#x)", a, a) }

func memoryText(m *wat.Module, l rewrite.Layout) string {
	if len(m.Memories) == 0 {
		return "none"
	}
	limits := m.Memories[0].Limits
	text := fmt.Sprintf("%s, %d bytes", count(int(l.Pages), "page"), l.Pages<<16)
	if limits.HasMax {
		return text + fmt.Sprintf("; %s at most", count(int(limits.Max), "page"))
	}
	return text + "; may grow"
}

// stackText says where the main stack lies.
func stackText(m *wat.Module, l rewrite.Layout) string {
	if l.StackPointer < 0 {
		return "none: no global is used as __stack_pointer is"
	}
	name := fmt.Sprintf("global %d", l.StackPointer)
	if n := m.Globals[l.StackPointer].Name; n != "" && n != wat.DefaultGlobal(l.StackPointer) {
		name = n
	}
	switch bottom, ok := l.StackBottom(); {
	case !l.Known:
		return fmt.Sprintf("somewhere: %s is not a constant at the start", name)
	case l.StackFirst():
		return fmt.Sprintf("down from %s to 0, below the data: %d bytes (%s)", address(l.StackTop), l.StackTop, name)
	case ok && bottom > 0:
		return fmt.Sprintf("down from %s, above the data: %s%d bytes (%s)", address(l.StackTop), atMost(l), l.StackTop-bottom, name)
	default:
		return fmt.Sprintf("down from %s, %d bytes at most; what lies below is not known (%s)", address(l.StackTop), l.StackTop, name)
	}
}

func atMost(l rewrite.Layout) string {
	if l.MarkedDataEnd == 0 && !l.StackFirst() {
		return "at most "
	}
	return ""
}

// layoutWarnings says what is dangerous about a layout.
func layoutWarnings(l rewrite.Layout) []string {
	var warnings []string
	bottom, ok := l.StackBottom()
	if !ok {
		return nil
	}
	if !l.StackFirst() && bottom > 0 {
		what := "into the data, and overwrites them"
		if l.MarkedDataEnd == 0 {
			what = "into the data (variables that start as zero are the first, and cannot be seen here), and overwrites them"
		}
		warnings = append(warnings, "a main stack that is too deep grows "+what+" without a trap: link with --stack-first (-Wl,--stack-first), or build with --guard")
	}
	if l.StackTop-bottom < smallStack {
		warnings = append(warnings, fmt.Sprintf("the main stack is small, %s%d bytes: link with -z stack-size=1048576 (-Wl,-z,stack-size=1048576) if the program recurses or has large arrays", atMost(l), l.StackTop-bottom))
	}
	if l.FiberStack > 0 && l.FiberStack < 4096 {
		warnings = append(warnings, fmt.Sprintf("the stacks of fibers are small, %d bytes: printf alone takes more than 1000 in C", l.FiberStack))
	}
	return warnings
}
