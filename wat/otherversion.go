package wat

import "strings"

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

// laterHint returns a hint for a word that means something in a later version of
// WebAssembly, "" for other words.
func laterHint(word string) string {
	for _, l := range laterWords {
		if strings.HasPrefix(word+" ", l.start) {
			return l.feature + " are no part of WebAssembly 2.0"
		}
	}
	if strings.Contains(word, ".relaxed_") {
		return "relaxed vector instructions are no part of WebAssembly 2.0"
	}
	return ""
}
