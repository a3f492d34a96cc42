package binary

// CodeSizes returns how many bytes each function takes in the code section of a valid
// binary, with the number that says so, in the order of the section.
func CodeSizes(wasm []byte) []int {
	const header = 8
	for at := header; at < len(wasm); {
		id := wasm[at]
		size, n := uleb(wasm[at+1:])
		at += 1 + n
		if id == codeSection {
			return entrySizes(wasm[at : at+size])
		}
		at += size
	}
	return nil
}

const codeSection = 10

func entrySizes(section []byte) []int {
	count, at := uleb(section)
	sizes := make([]int, 0, count)
	for range count {
		size, n := uleb(section[at:])
		sizes = append(sizes, n+size)
		at += n + size
	}
	return sizes
}

// uleb reads a number without sign, and says how many bytes it takes.
func uleb(b []byte) (value, n int) {
	for shift := 0; ; shift += 7 {
		c := b[n]
		n++
		value |= int(c&0x7f) << shift
		if c < 0x80 {
			return value, n
		}
	}
}
