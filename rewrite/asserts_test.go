package rewrite

import (
	"testing"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// Two functions whose names have the same hash have words of their own.
func TestWordsOfFunctions(t *testing.T) {
	m, err := wat.Parse("in.wat", `(module
  (import "env" "sleep" (func $sleep))
  (memory (export "memory") 1)
  (func $costarring (export "a") call $sleep)
  (func $liquid (export "b") call $sleep)
)`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Rewrite(m, Options{Suspend: []string{"env.sleep"}, Asserts: true})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fiberlib.ReadAsserts(binary.Encode(r.Module))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]uint32{}
	for word, name := range names {
		words[name] = word
	}
	if len(names) != 2 || words["liquid"] != words["costarring"]+1 {
		t.Errorf("the words are %v; is it another hash?", names)
	}
}
