package wat

import (
	"strings"

	"github.com/watfiber/watfiber/wat/op"
)

// This file knows words of the text format that are none in WebAssembly 2.0: those
// that came later and those that were given up before 1.0.

// laterWords are words of the text format that came after WebAssembly 2.0, by
// how they start. A trailing space marks a word that has to be met in full.
var laterWords = []struct{ start, feature string }{
	{"return_call", "tail calls"},
	{"call_ref ", "typed function references"},
	{"ref.as_non_null ", "typed function references"},
	{"br_on_n", "typed function references"},
	{"ref ", "typed references"},
	{"ref.eq ", "garbage-collected types"},
	{"ref.test ", "garbage-collected types"},
	{"ref.cast ", "garbage-collected types"},
	{"ref.i31 ", "garbage-collected types"},
	{"br_on_cast", "garbage-collected types"},
	{"rec ", "garbage-collected types"},
	{"sub ", "garbage-collected types"},
	{"struct", "garbage-collected types"},
	{"array", "garbage-collected types"},
	{"field ", "garbage-collected types"},
	{"i31", "garbage-collected types"},
	{"anyref ", "garbage-collected types"},
	{"eqref ", "garbage-collected types"},
	{"any.convert_extern ", "garbage-collected types"},
	{"extern.convert_any ", "garbage-collected types"},
	{"nullref ", "garbage-collected types"},
	{"nullfuncref ", "garbage-collected types"},
	{"nullexternref ", "garbage-collected types"},
	{"nullexnref ", "exceptions"},
	{"exnref ", "exceptions"},
	{"tag ", "exceptions"},
	{"throw", "exceptions"},
	{"try_table ", "exceptions"},
	{"try ", "exceptions"},
	{"catch", "exceptions"},
	{"delegate ", "exceptions"},
	{"rethrow ", "exceptions"},
	{"shared ", "threads"},
	{"atomic.fence ", "threads"},
	{"memory.atomic.", "threads"},
	{"i32.atomic.", "threads"},
	{"i64.atomic.", "threads"},
	{"pagesize ", "custom page sizes"},
}

// otherVersion returns a hint for a word that means something in another version of
// WebAssembly, "" for other words.
func otherVersion(word string) string {
	for _, l := range laterWords {
		if strings.HasPrefix(word+" ", l.start) {
			return l.feature + " are no part of WebAssembly 2.0"
		}
	}
	if now := presentWord(word); now != "" {
		return "it is called " + now + " now"
	}
	if strings.Contains(word, ".relaxed_") {
		return "relaxed vector instructions are no part of WebAssembly 2.0"
	}
	return ""
}

// formerWords are words of drafts of the text format, and what became of them.
var formerWords = map[string]string{
	"get_local": "local.get", "set_local": "local.set", "tee_local": "local.tee",
	"get_global": "global.get", "set_global": "global.set",
	"current_memory": "memory.size", "grow_memory": "memory.grow", "anyfunc": "funcref",
}

// presentWord returns what a word of a draft is called now, "" for other words.
// Conversions were spelled i32.trunc_s/f64.
func presentWord(word string) string {
	left, right, isConversion := strings.Cut(word, "/")
	if !isConversion {
		return formerWords[word]
	}
	sign := ""
	if strings.HasSuffix(left, "_s") || strings.HasSuffix(left, "_u") {
		left, sign = left[:len(left)-2], left[len(left)-2:]
	}
	if name := left + "_" + right + sign; isInstr(name) {
		return name
	}
	return ""
}

func isInstr(word string) bool {
	_, ok := op.Lookup(word)
	return ok
}
