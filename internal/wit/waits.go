package wit

import (
	"strings"

	witlib "go.bytecodealliance.org/wit"
)

// This file has the rule by which functions may suspend; the package's documentation
// explains it.

// waits reports whether a function may suspend that is not async.
func waits(f *witlib.Function, name string) bool {
	base := name
	if _, method, ok := strings.Cut(name, "."); ok {
		base = method
	}
	if base == "block" || strings.HasPrefix(base, "blocking-") {
		return true
	}
	params := f.Params
	if f.IsMethod() {
		params = params[1:]
	}
	for _, p := range params {
		if awaitable(p.Type) {
			return true
		}
	}
	return false
}

// awaitable reports whether a type has in it what can be waited for.
func awaitable(t witlib.Type) bool {
	def, ok := t.(*witlib.TypeDef)
	if !ok {
		return false
	}
	switch k := def.Kind.(type) {
	case *witlib.Future, *witlib.Stream:
		return true
	case *witlib.Own:
		return isPollable(k.Type)
	case *witlib.Borrow:
		return isPollable(k.Type)
	}
	for _, part := range parts(def) {
		if awaitable(part) {
			return true
		}
	}
	return false
}

func isPollable(t *witlib.TypeDef) bool {
	r := resource(t)
	return r != nil && r.Name != nil && *r.Name == "pollable"
}
