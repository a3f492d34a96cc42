package wat_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/watfiber/watfiber/wat"
)

// The suite may be that of WebAssembly 3.0, of which watfiber takes 2.0 (and
// extended constant expressions). This file lists what is excused for that
// reason. An excuse that nothing needs any more is a failure.

// skippedFiles are about features of 3.0, a paragraph each: 64-bit addresses,
// several memories, garbage-collected types, typed references, tail calls and
// exceptions, relaxed vectors, annotations with a meaning.
const skippedFiles = `
	address64.wast align64.wast binary_leb128_64.wast bulk64.wast call_indirect64.wast endianness64.wast
	float_memory64.wast load64.wast memory64.wast memory64-imports.wast memory_copy64.wast memory_fill64.wast
	memory_grow64.wast memory_init64.wast memory_redundancy64.wast memory_trap64.wast
	table64.wast table_copy64.wast table_copy_mixed.wast table_fill64.wast table_get64.wast
	table_grow64.wast table_init64.wast table_set64.wast table_size64.wast

	address0.wast address1.wast align0.wast binary0.wast data0.wast data1.wast data_drop0.wast exports0.wast
	float_exprs0.wast float_exprs1.wast float_memory0.wast imports0.wast imports1.wast imports2.wast
	imports3.wast imports4.wast linking0.wast linking1.wast linking2.wast linking3.wast
	load0.wast load1.wast load2.wast memory-multi.wast memory_copy0.wast memory_copy1.wast
	memory_fill0.wast memory_init0.wast memory_size0.wast memory_size1.wast memory_size2.wast
	memory_size_import.wast memory_trap0.wast memory_trap1.wast simd_memory-multi.wast start0.wast
	store0.wast store1.wast store2.wast traps0.wast

	array.wast array_copy.wast array_fill.wast array_init_data.wast array_init_elem.wast
	array_new_data.wast array_new_elem.wast br_on_cast.wast br_on_cast_fail.wast extern.wast i31.wast
	ref_cast.wast ref_eq.wast ref_test.wast struct.wast
	type-canon.wast type-equivalence.wast type-rec.wast type-subtyping.wast

	br_on_non_null.wast br_on_null.wast call_ref.wast local_init.wast ref.wast ref_as_non_null.wast
	return_call_ref.wast table-sub.wast

	return_call.wast return_call_indirect.wast
	tag.wast throw.wast throw_ref.wast try_table.wast

	i16x8_relaxed_q15mulr_s.wast i32x4_relaxed_trunc.wast i8x16_relaxed_swizzle.wast
	relaxed_dot_product.wast relaxed_laneselect.wast relaxed_madd_nmadd.wast relaxed_min_max.wast

	custom/branch_hint.wast custom/name_annot.wast
`

// A laterFeature is a construct of 3.0 by the characters that give it away. A
// module that is rejected is excused if the line of the first error has one.
type laterFeature struct {
	name    string
	pattern *regexp.Regexp
}

var laterFeatures = []laterFeature{
	{name: "several memories", pattern: regexp.MustCompile(`\(memory\b|\(import "[^"]*" "[^"]*" \(memory`)},
	{name: "typed references", pattern: regexp.MustCompile(`\(ref (null )?[$a-z0-9]`)},
	{name: "abstract heap types", pattern: regexp.MustCompile(`\b(any|i31|null|nullfunc)ref\b|ref\.null (any|none|nofunc|noextern|exn|noexn)\b`)},
	{name: "initial values of tables", pattern: regexp.MustCompile(`\(table .*funcref \(ref\.`)},
	{name: "structures and arrays", pattern: regexp.MustCompile(`\((struct|array)\b`)},
	{name: "tags", pattern: regexp.MustCompile(`\(tag\b`)},
	{name: "try_table", pattern: regexp.MustCompile(`\btry_table\b`)},
	{name: "call_ref", pattern: regexp.MustCompile(`\bcall_ref\b`)},
	// In 2.0 constant expressions see imported globals only.
	{name: "constants of globals before", pattern: regexp.MustCompile(`\(global\.get `)},
}

// lineExcuses are single commands, by file:line, whose expectation differs.
var lineExcuses = map[string]string{
	"elem.wast:453": tableInit, "elem.wast:470": tableInit, "elem.wast:487": tableInit, "elem.wast:504": tableInit,
	"elem.wast:544": tableInit, "elem.wast:561": tableInit, "elem.wast:578": tableInit,

	"global.wast:663": "the data segments are gone with the globals that give their offsets",
	"global.wast:664": "the data segments are gone with the globals that give their offsets",

	"ref_is_null.wast:66": "(invoke \"deinit\") is gone with the typed table",
	"ref_is_null.wast:67": "(invoke \"deinit\") is gone with the typed table",

	"custom/custom_annot.wast:19": emptyCustom, "custom/custom_annot.wast:20": emptyCustom,
}

const (
	tableInit   = "a binary whose table has an initial value (0x40), which is of 3.0"
	emptyCustom = "wazero refuses an empty custom section at the end of a binary; other engines take it"
)

// wazeroIgnores is a trap of active element segments that wazero leaves out, on
// purpose (see applyElements in its store.go).
const wazeroIgnores = "out of bounds table access"

// excuses remembers which excuses were needed.
type excuses struct {
	mu   sync.Mutex
	used map[string]bool
}

func (e *excuses) use(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.used == nil {
		e.used = map[string]bool{}
	}
	e.used[key] = true
}

// skips reports whether a file is left out.
func (e *excuses) skips(name string) bool {
	if !slices.Contains(strings.Fields(skippedFiles), name) {
		return false
	}
	e.use(name)
	return true
}

// line reports whether a command may deviate.
func (e *excuses) line(file string, line int) bool {
	key := fmt.Sprintf("%s:%d", file, line)
	if _, ok := lineExcuses[key]; !ok {
		return false
	}
	e.use(key)
	return true
}

// withoutField returns a module without the field that the first error is about,
// if the line of the error uses a feature of 3.0, or if the field names one that
// is gone already, of which there are some.
func (e *excuses) withoutField(m moduleText, err error, some bool) (moduleText, bool) {
	errs := wat.Errors(err)
	if len(errs) == 0 || m.form == formBinary {
		return m, false
	}
	at := errs[0].Span.Start
	feature := laterFeatureIn(lineOf(m.text, at))
	switch {
	case feature != nil:
		e.use(feature.name)
	case !some || errs[0].Code != wat.ErrName:
		return m, false
	}
	field, ok := fieldAt(m.text, at)
	if !ok {
		return m, false
	}
	blank := strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, field.text())
	m.text = m.text[:field.start] + blank + m.text[field.end:]
	return m, true
}

// fieldAt returns the field of a module that holds an offset.
func fieldAt(text string, offset int) (node, bool) {
	nodes, err := splitScript(text)
	if err == nil && len(nodes) == 1 && nodes[0].head() == "module" {
		nodes = nodes[0].list
	}
	for _, n := range nodes {
		if n.isList && n.start <= offset && offset < n.end {
			return n, true
		}
	}
	return node{}, false
}

func laterFeatureIn(line string) *laterFeature {
	for i, f := range laterFeatures {
		if f.pattern.MatchString(line) {
			return &laterFeatures[i]
		}
	}
	return nil
}

// unused returns the excuses that nothing needed.
func (e *excuses) unused() []string {
	all := append(strings.Fields(skippedFiles), slices.Sorted(maps.Keys(lineExcuses))...)
	for _, f := range laterFeatures {
		all = append(all, f.name)
	}
	return slices.DeleteFunc(all, func(key string) bool { return e.used[key] })
}

// lineOf returns the line of text that holds offset.
func lineOf(text string, offset int) string {
	offset = min(offset, len(text))
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	return line
}
