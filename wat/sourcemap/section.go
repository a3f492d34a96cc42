package sourcemap

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// Section is the custom section of a binary that says where its source map is.
const Section = "sourceMappingURL"

// inline is what the URL of a map starts with that is part of the binary.
const inline = "data:application/json;base64,"

// AppendURL returns a binary with a section that names the URL of its map.
func AppendURL(wasm []byte, url string) []byte {
	content := appendString(appendString(nil, Section), url)
	wasm = append(wasm[:len(wasm):len(wasm)], byte(wat.SectionCustom))
	return append(binary.AppendUvarint(wasm, uint64(len(content))), content...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// InlineURL returns the URL that is the map itself.
func InlineURL(m *Map) string { return inline + base64.StdEncoding.EncodeToString(m.Encode()) }

// FileURL returns the URL of a map at a path relative to the binary, with slashes.
func FileURL(path string) string { return (&url.URL{Path: path}).String() }

// URL returns where the map of a binary is, "" if it does not say.
func URL(m *wat.Module) (string, error) {
	for _, s := range m.Debug {
		if s.Name != Section {
			continue
		}
		size, n := binary.Uvarint([]byte(s.Bytes))
		if n <= 0 || size != uint64(len(s.Bytes)-n) {
			return "", errors.New("the section " + Section + " is malformed")
		}
		return s.Bytes[n:], nil
	}
	return "", nil
}

// Inline decodes a map that is part of its URL; false if it is somewhere else.
func Inline(address string) (*Map, bool, error) {
	head, data, ok := strings.Cut(address, ",")
	if !ok || !strings.HasPrefix(head, "data:") {
		return nil, false, nil
	}
	if !strings.HasSuffix(head, ";base64") {
		text, err := url.PathUnescape(data)
		if err != nil {
			return nil, true, err
		}
		m, err := Decode([]byte(text))
		return m, true, err
	}
	decoded, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, true, err
	}
	m, err := Decode(decoded)
	return m, true, err
}
