package diff

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/check"
	"github.com/watfiber/watfiber/wat/op"
)

// FromText returns what a rewritten text says: the comments above its functions, and the
// lines that were inserted into them.
func FromText(m *wat.Module) (*Side, error) {
	source, err := wat.Parse(m.Source.Name, wat.Strip(m.Source.Text))
	if err != nil {
		return nil, fmt.Errorf("what it strips to: %w", err)
	}
	if err := check.Module(source); err != nil {
		return nil, fmt.Errorf("what it strips to: %w", err)
	}
	s := newSide(source, Text, len(source.Funcs))
	s.Asserts = hasSection(m, fiberlib.AssertSection)
	rewritten, before, after := withBody(m), sizes(source), sizes(m)
	if exported(m, getState) < 0 || len(rewritten) < len(s.Funcs) {
		return nil, fmt.Errorf("%s: it has markers, but not all of what a rewrite inserts: it shows what a pass has found out, or lines are missing", m.Source.Name)
	}
	t := text{m: m, source: source, side: s}
	for k := range s.Funcs {
		t.headers = append(t.headers, header(m, rewritten[k]))
	}
	var code []*Func
	for k, f := range s.Funcs {
		f.Before, f.After = before[k], after[k]
		if f.Why = t.headers[k]["why"]; f.Why != "" {
			f.Code = true
			code = append(code, f)
			(&textFunc{text: &t, id: rewritten[k], f: f}).read(t.headers[k])
		}
	}
	for _, size := range after[len(s.Funcs):] {
		s.Runtime += size
	}
	frames, err := readMap(m)
	if err != nil {
		return nil, err
	}
	if frames != nil && len(frames.Funcs) == len(code) {
		s.takeMap(source, frames, code)
	}
	return s, nil
}

// withBody returns the functions with a body, in their order.
func withBody(m *wat.Module) []wat.FuncID {
	var ids []wat.FuncID
	for id, f := range m.Funcs {
		if f.Import == nil {
			ids = append(ids, wat.FuncID(id))
		}
	}
	return ids
}

// A text is a rewritten text.
type text struct {
	m, source *wat.Module
	side      *Side
	headers   []map[string]string // by place in side.Funcs
}

// A textFunc is an instrumented function of it.
type textFunc struct {
	*text
	id wat.FuncID // in the rewritten text
	f  *Func
}

// read fills in what the text says of the function.
func (t *textFunc) read(header map[string]string) {
	t.readFrame(header["frame"])
	t.f.NumSites = numSites(header["sites"])
	for _, n := range oneNumber.FindAllString(header["gone"], -1) {
		gone, err := strconv.Atoi(n)
		if err != nil || gone >= maxNumber {
			return // so its sites are not known
		}
		t.f.Taken = max(t.f.Taken, gone+1)
	}
	calls, where := callsOf(t.source.Funcs[t.f.Index].Body()), t.callLines()
	if len(calls) != len(where) {
		return
	}
	for k, instr := range t.sites(calls, where, t.f.NumSites) {
		if instr < 0 {
			continue
		}
		site := t.side.site(t.source, wat.FuncID(t.f.Index), calls[k])
		site.Number, site.whole = t.number(instr), t.leavesWhole(instr)
		t.f.Taken = max(t.f.Taken, site.Number+1)
		line, _ := t.m.Source.Line(int(t.m.Funcs[t.id].Body().Instrs[instr].Pos))
		site.Place = fmt.Sprintf("%s:%d", t.m.Source.Name, line)
		t.f.Sites = append(t.f.Sites, site)
	}
	if len(t.f.Sites) != t.f.NumSites {
		t.f.Sites = nil
	}
}

// header returns the comments above a function by their first words. What does not fit
// into a line goes on in the next.
func header(m *wat.Module, id wat.FuncID) map[string]string {
	src := m.Source
	var lines []string
	for at := src.LineStart(m.Funcs[id].Span.Start); at > 0; {
		at = src.LineStart(at - 1)
		line := strings.TrimSpace(src.Text[at:src.LineEnd(at)])
		text, ok := strings.CutPrefix(line, wat.InsertMark+" ")
		if !ok {
			break
		}
		lines = append(lines, text)
	}
	const keyWidth = 6
	header, key := map[string]string{}, ""
	for i := len(lines) - 1; i >= 0; i-- {
		line := lines[i]
		if len(line) < keyWidth {
			continue
		}
		more := strings.TrimSpace(line[keyWidth:])
		if k := strings.TrimSpace(line[:keyWidth]); k != "" {
			key, header[k] = k, more
			continue
		}
		header[key] += "   " + more
	}
	return header
}

var (
	moreSites = regexp.MustCompile(`(?:^|   )and (\d+) more$`)
	oneSite   = regexp.MustCompile(`(?:^|   )(\d+): call`)
	oneNumber = regexp.MustCompile(`\d+`)
	unused    = regexp.MustCompile(`(\d+) bytes unused`)
	frameSize = regexp.MustCompile(`^(\d+) bytes: `)
	wholeSize = regexp.MustCompile(`   (\d+) bytes at \d+ of \d+ sites, with `)
)

// numSites returns how many sites a comment lists.
func numSites(list string) int {
	n := len(oneSite.FindAllString(list, -1))
	if more := moreSites.FindStringSubmatch(list); more != nil {
		k, _ := strconv.Atoi(more[1])
		n += k
	}
	return n
}

// callsOf returns the calls of a body.
func callsOf(b *wat.Body) []int {
	var calls []int
	for i, in := range b.Instrs {
		if in.Op == op.Call || in.Op == op.CallIndirect {
			calls = append(calls, i)
		}
	}
	return calls
}

// callLines returns the calls of the rewritten body that stand in lines of the source.
func (t *textFunc) callLines() []int {
	var calls []int
	b := t.m.Funcs[t.id].Body()
	for _, i := range callsOf(b) {
		if !t.inserted(b.Instrs[i]) {
			calls = append(calls, i)
		}
	}
	return calls
}

// inserted reports whether the line of an instruction was inserted.
func (t *textFunc) inserted(in wat.Instr) bool {
	src := t.m.Source
	return wat.Strip(src.Text[src.LineStart(int(in.Pos)):src.LineEnd(int(in.Pos))]) == ""
}

// sites returns for each call its instruction in the rewritten text if it is a site, else
// -1. A site has a test behind it. If there are fewer tests than sites, the others
// are calls without one of functions that are called with one elsewhere.
func (t *textFunc) sites(calls, where []int, want int) []int {
	b := t.m.Funcs[t.id].Body()
	sites := make([]int, len(where))
	found := 0
	for k, i := range where {
		sites[k] = -1
		if i+1 < len(b.Instrs) && t.inserted(b.Instrs[i+1]) && t.leaves(i+1) {
			sites[k] = i
			found++
		}
	}
	if found == want {
		return sites
	}
	source := t.source.Funcs[t.f.Index].Body()
	for k, i := range where {
		in := source.Instrs[calls[k]]
		if sites[k] >= 0 || found == want || in.Op != op.Call {
			continue
		}
		if callee, ok := t.side.byID[wat.FuncID(in.Imm)]; ok && t.headers[callee]["why"] != "" {
			sites[k] = i
			found++
		}
	}
	return sites
}

// leaves reports whether the inserted code from an instruction on leaves the function if the
// state says so.
func (t *textFunc) leaves(i int) bool {
	b := t.m.Funcs[t.id].Body()
	if b.Instrs[i].Op == op.I32Const {
		i++ // the number of the site
	}
	if i+1 >= len(b.Instrs) {
		return false
	}
	test, leave := b.Instrs[i], b.Instrs[i+1]
	if test.Op == op.Br { // the callee never returns
		return t.inserted(test) && t.unwinds(test)
	}
	return test.Op == op.GlobalGet && t.m.Globals[test.Imm].Name == "fiber.state" &&
		leave.Op == op.BrIf && t.unwinds(leave)
}

// waysOut are the labels of the blocks behind which frames are spilled.
var waysOut = []string{"fiber.unwind", "fiber.unwind.whole"}

// readFrame reads the frame from the lines that spill it, which have to agree with the
// comment: routines take some values each, or each is stored by itself.
func (t *textFunc) readFrame(comment string) {
	size := frameSize.FindStringSubmatch(comment)
	if size == nil {
		return
	}
	t.f.Frame.Size, _ = strconv.Atoi(size[1])
	if whole := wholeSize.FindStringSubmatch(comment); whole != nil {
		common := t.f.Frame.Size
		t.f.Frame.Size, _ = strconv.Atoi(whole[1])
		t.f.Frame.rare = t.f.Frame.Size - common
	}
	instrs := t.m.Funcs[t.id].Body().Instrs
	at, known := 0, 0      // bytes
	part, partSize := 0, 0 // where the part begins for which there is room, and its bytes
	for i, in := range instrs {
		letter := storeLetter(in.Op)
		if in.Op != op.Call && letter == 0 || !t.inserted(in) {
			continue
		}
		if letter != 0 && i >= 2 && t.local(instrs[i-2]) == "$fiber.frame" {
			offset := int(wat.MemArg(in.Imm).Offset())
			t.f.Frame.Slots = append(t.f.Frame.Slots, Slot{t.local(instrs[i-1]), typeNames[letter], part + offset})
			known += slotSizes[letter]
		}
		callee := t.callee(in)
		if letters, ok := strings.CutPrefix(callee, "fiber.spill."); ok {
			at = t.spilled(instrs[:i], letters, at)
		}
		if (callee == "fiber.push" || callee == "fiber.push_site") && i > 0 {
			part, partSize = part+partSize, int(int32(instrs[i-1].Imm))
		}
		if callee == "fiber.push_site" { // what makes room stores the number
			t.f.Frame.Slots = append(t.f.Frame.Slots, Slot{siteSlot, "i32", part})
			known += slotSizes['i']
		}
	}
	if at == 0 {
		for _, n := range unused.FindAllStringSubmatch(comment, -1) {
			bytes, _ := strconv.Atoi(n[1])
			known += bytes
		}
	}
	if strings.HasSuffix(comment, assertWord) {
		known += 4
	}
	if t.f.Frame.sort(); at+known != t.f.Frame.Size {
		t.f.Frame.Slots, t.f.Frame.unread = nil, true // it is spilled in another way
	}
}

// assertWord is what the comment says of the word at the end of a frame that assertions check.
const assertWord = "the word for the function"

// callee returns the name of the function that an instruction calls, "" if it calls none.
func (t *textFunc) callee(in wat.Instr) string {
	if in.Op != op.Call {
		return ""
	}
	return t.m.Funcs[in.Imm].Name
}

// local returns the name of the local that an instruction reads, "" if it reads none.
func (t *textFunc) local(in wat.Instr) string {
	if in.Op != op.LocalGet {
		return ""
	}
	name := localName(t.m.Funcs[t.id], int(in.Imm), t.f.params)
	if t.f.locals == nil {
		t.f.locals = map[string]int{}
	}
	t.f.locals[name] = int(in.Imm)
	return name
}

// spilled notes the values that a routine takes, whose signature has a letter for each, and
// returns how far the frame reaches. If one local is missing, the number of the
// site is on the stack.
func (t *textFunc) spilled(before []wat.Instr, letters string, at int) int {
	n := 0
	for n < len(letters) && n < len(before) && t.pushes(before[len(before)-1-n]) {
		n++
	}
	for k, letter := range []byte(letters) {
		slot := Slot{siteSlot, typeNames[letter], at}
		if i := k - len(letters) + n; i >= 0 {
			slot.Name = t.local(before[len(before)-n+i])
		}
		if slot.Name != "" { // else it is unused
			t.f.Frame.Slots = append(t.f.Frame.Slots, slot)
		}
		at += slotSizes[letter]
	}
	return at
}

// pushes reports whether an instruction pushes what a frame gets: a local, or 0 where nothing
// is kept.
func (t *textFunc) pushes(in wat.Instr) bool { return in.Op == op.LocalGet || in.Op == op.I32Const }

var slotSizes = map[byte]int{'i': 4, 'l': 8, 'f': 4, 'd': 8, 'v': 16}

// storeLetter returns the letter of the type that an instruction stores whole, 0 if it
// stores none.
func storeLetter(code op.Code) byte {
	name, ok := strings.CutSuffix(code.String(), ".store")
	if !ok {
		return 0
	}
	for _, letter := range []byte("ilfdv") {
		if typeNames[letter] == name {
			return letter
		}
	}
	return 0
}

// localName returns the name of a local. One that is called by a number counts as one
// without a name: maps do not tell them apart.
func localName(f *wat.Func, local, params int) string {
	if name := f.LocalName(wat.LocalID(local)); name != "" {
		return slotName(wat.NameText(name), params)
	}
	return slotName(strconv.Itoa(local), params)
}
