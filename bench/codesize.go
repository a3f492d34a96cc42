package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// codeBytes returns the size of the code section of a WebAssembly binary.
func codeBytes(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := codeSection(data)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// codeSection returns the size of the contents of the code section: 0 if there is
// none. A section is a byte that says which, its size in LEB128, and its contents.
func codeSection(data []byte) (int, error) {
	const header, code = 8, 10
	if len(data) < header || string(data[:4]) != "\x00asm" {
		return 0, errors.New("not a WebAssembly binary")
	}
	for rest := data[header:]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || uint64(len(rest)-1-n) < size {
			return 0, errors.New("a section is cut short")
		}
		if id == code {
			return int(size), nil
		}
		rest = rest[1+n+int(size):]
	}
	return 0, nil
}
