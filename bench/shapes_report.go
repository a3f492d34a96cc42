package main

import (
	"fmt"
	"strings"
)

const shapeHeading = "\n## Fibers\n"

// markdown returns the section of the document, which says when and where it was
// measured, since it can be measured alone.
func (r *shapeReport) markdown() string {
	m := r.machine
	var b strings.Builder
	fmt.Fprintf(&b, `%s
Programs of the shapes with which fiber runtimes are compared, each from one source ([bench/fibers](../bench/fibers)), built in three ways: with the [fiber library](fiberlib.md) by `+"`watfiber build`"+`, and with a runtime in C on the imports of module `+"`asyncify`"+`, by `+"`wasm-opt --asyncify -O2`"+` and by `+"`watfiber build`"+`. That runtime is as small as one can be: a resumption calls the fiber on top of its resumer, whose functions stay where they are and are not even instrumented. fiberlib has more to do: a resumer has to be able to leave, too, when what it has resumed waits for something; each switch looks whether there is such a fiber and whether its stacks have overflowed; all fibers are in a list; beyond 256 resumptions on top of each other resumers unwind, since the stacks of engines end. This section is written by

    go run ./bench -fibers

- Date: %s. Machine: %s, %d cores, %s. Load when it began %s, when it ended %s; the machine was not idle.
- Tools: %s.
- Every number is the median of %d runs, with the smallest and the largest in brackets; a run makes one call in each module in turn, and a sample is the fastest of %d (%d on interpreters). Ratios are taken within a run. A number below 1 says that fiberlib is faster. The interpreter's times are near to a count of instructions.
`, shapeHeading, m.date, m.cpu, m.cores, m.system, m.loadBefore, m.loadAfter, strings.Join(r.tools.versions, "; "), r.runs, bestOf, bestOfLight)
	if len(r.tools.peers) == 0 {
		b.WriteString("- wasm-opt is not installed: its columns are empty.\n")
	}
	for _, e := range r.engines {
		if e.missing != "" {
			fmt.Fprintf(&b, "- Not measured on %s: %s.\n", e.name, e.missing)
		}
	}
	b.WriteString(`
| shape | what it does |
|---|---|
| ` + "`itersum(depth, n)`" + ` | one fiber yields n numbers below a recursion of that depth |
| ` + "`treesum(height)`" + ` | one fiber walks a tree and yields its leaves |
| ` + "`sieve(primes)`" + ` | every prime is a fiber that resumes the one before it |
| ` + "`skynet(leaves)`" + ` | every fiber makes ten; the leaves return their numbers |
| ` + "`c10m(connections, active, bytes)`" + ` | so many fibers are active at once, each writes to its stack and yields three times |
| ` + "`state(n)`" + ` | a program reads and changes its only variable by asking its resumer |
`)
	for _, e := range r.engines {
		if a, ok := r.answers[e.name]; ok {
			fmt.Fprintf(&b, "\n### Nanoseconds for a resumption and what ends it, %s\n\n%s", e.name, r.timeTable(e, a))
		}
	}
	b.WriteString("\n### Memory\n\n" + r.memoryTable())
	b.WriteString("\n### Size of the code\n\n" + r.codeTable())
	return b.String()
}

func (r *shapeReport) timeTable(e engine, a answer) string {
	header := append([]string{"shape", "resumptions"}, shapeBuilders...)
	header = append(header, "fiberlib ÷ wasm-opt")
	var rows [][]string
	var notes strings.Builder
	for i, c := range shapeSuite(e) {
		t := a.Shapes[i]
		row := []string{"`" + c.String() + "`", count(t.Resumptions)}
		for _, builder := range shapeBuilders {
			row = append(row, spread(t.Samples[builder]))
			if why := t.Failures[builder]; why != "" {
				fmt.Fprintf(&notes, "\n`%s`, %s: ends with “%s”.\n", c, builder, why)
			}
		}
		rows = append(rows, append(row, spread(t.Samples[withLibrary].ratios(t.Samples[withPeer]))))
	}
	return table(header, rows) + notes.String()
}

// memoryTable has what is the same on all engines, from the first one that there is.
func (r *shapeReport) memoryTable() string {
	e := r.engines[0]
	header := []string{"shape"}
	for _, builder := range shapeBuilders {
		header = append(header, builder+": a fiber, bytes", "pages")
	}
	var rows [][]string
	for i, c := range shapeSuite(e) {
		t := r.answers[e.name].Shapes[i]
		row := []string{"`" + c.String() + "`"}
		for _, builder := range shapeBuilders {
			row = append(row, count(t.Bytes[builder]), count(t.Pages[builder]))
		}
		rows = append(rows, row)
	}
	return table(header, rows) + `
What a fiber that is suspended has in use of its region: header, frames, and what is above its stack pointer on the C stack. Regions have the same size in all three. Pages are 64 KiB each, of the whole memory when the program has run once.
`
}

func (r *shapeReport) codeTable() string {
	var rows [][]string
	for _, builder := range shapeBuilders {
		from := r.sizes[runtimeShapes]
		if builder == withLibrary {
			from = r.sizes[libraryShapes]
		}
		rows = append(rows, []string{builder, count(from), count(r.sizes[builder]), growth(from, r.sizes[builder])})
	}
	return table([]string{"", "compiler's", "built", "growth"}, rows) + `
Bytes of the code section of all shapes together, C library included, as the compiler has made it and as it is built. fiberlib's own functions come in when it is built, the runtime in C is in what the compiler has made.
`
}
