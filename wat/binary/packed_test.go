package binary_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat/binary"
)

// Bodies come out with all numbers in their shortest form, copied or not.
func TestShortestNumbers(t *testing.T) {
	for _, c := range []struct{ about, body, want string }{
		{"short ones", "02 40 0c 00 0b 41 7f 1a", "02 40 0c 00 0b 41 7f 1a"},
		{"an index with a byte too many", "0c 80 00", "0c 00"},
		{"an index of five bytes", "10 80 80 80 80 00", "10 00"},
		{"a positive number of a byte too many", "41 c0 80 00 1a", "41 c0 00 1a"},
		{"a positive number whose last byte is its sign", "41 c0 00 1a", "41 c0 00 1a"},
		{"a negative number of a byte too many", "41 ff 7f 1a", "41 7f 1a"},
		{"a negative number whose last byte is its sign", "41 bf 7f 1a", "41 bf 7f 1a"},
		{"the least number", "42 80 80 80 80 80 80 80 80 80 7f 1a", "42 80 80 80 80 80 80 80 80 80 7f 1a"},
		{"the type of a block", "02 80 00 0b", "02 00 0b"},
		{"an opcode with a prefix", "43 00 00 00 00 fc 80 00 1a", "43 00 00 00 00 fc 00 1a"},
		{"an offset", "41 00 28 02 84 00 1a", "41 00 28 02 04 1a"},
		{"an alignment", "41 00 28 82 00 04 1a", "41 00 28 02 04 1a"},
	} {
		for _, unpack := range []bool{false, true} {
			code, err := hex.DecodeString(strings.ReplaceAll(c.body, " ", "") + "0b")
			if err != nil {
				t.Fatal(err)
			}
			m, err := binary.Decode("in.wasm", module(t, fmt.Sprintf("01 04 01 60 00 00 03 02 01 00 0a %02x 01 %02x 00 %x", len(code)+3, len(code)+1, code)))
			if err != nil {
				t.Fatalf("%s: %v", c.about, err)
			}
			if f := m.Funcs[0]; unpack {
				f.SetBody(f.Body())
			}
			want := strings.ReplaceAll(c.want, " ", "") + "0b"
			got := hex.EncodeToString(binary.Encode(m))
			if entry := fmt.Sprintf("01%02x00%s", len(want)/2+1, want); !strings.HasSuffix(got, entry) {
				t.Errorf("%s: %s comes out as …%s", c.about, c.body, got[48:])
			}
		}
	}
}
