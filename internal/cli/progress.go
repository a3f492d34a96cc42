package cli

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

func contains(words []string, word string) bool { return slices.Contains(words, word) }

// patience is how long work may take before progress is shown.
const patience = time.Second

// progress shows on a terminal what long work is at. Short work shows nothing.
type progress struct {
	c     *console
	mu    sync.Mutex
	now   string
	shown bool
	timer *time.Timer
}

// progress starts to wait; a quiet one never shows anything.
func (c *console) progress(quiet bool) *progress {
	p := &progress{c: c}
	if !quiet && isTerminal(c.stderr) {
		p.timer = time.AfterFunc(patience, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.shown = true
			p.print()
		})
	}
	return p
}

func (p *progress) print() { fmt.Fprintf(p.c.stderr, "\r\x1b[K%s …", p.now) }

// stage says what the work is at now.
func (p *progress) stage(now string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now = now; p.shown {
		p.print()
	}
}

// done takes the progress off the terminal.
func (p *progress) done() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.c.stderr, "\r\x1b[K")
		p.shown = false
	}
}
