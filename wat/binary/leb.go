package binary

// LEB128 as the specification has it (section "Integers" of the binary format):
// at most as many bytes as the width needs, and no stray bits in the last one.

// appendU appends an unsigned number in its shortest form.
func appendU[T ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int](b []byte, v T) []byte {
	u := uint64(v)
	for u >= 0x80 {
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

// appendS appends a signed number in its shortest form.
func appendS(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7F)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// unsigned reads an unsigned number of at most bits bits.
func (r *reader) unsigned(bits uint) uint64 {
	var v uint64
	start := r.pos
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits && c>>(bits-shift) != 0 {
			r.fail(start, "%s", badLEB(c))
			return 0
		}
		v |= uint64(c&0x7F) << shift
		if c < 0x80 {
			r.padded = r.padded || c == 0 && shift > 0
			return v
		}
	}
}

// signed reads a signed number of at most bits bits.
func (r *reader) signed(bits uint) int64 {
	var v int64
	start := r.pos
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits {
			// What lies beyond the width repeats the sign.
			used := bits - shift
			sign := int8(c<<1) >> 1 >> (used - 1)
			if c >= 0x80 || sign != 0 && sign != -1 {
				r.fail(start, "%s", badLEB(c))
				return 0
			}
		}
		v |= int64(c&0x7F) << shift
		if c < 0x80 {
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			if shift > 0 { // is this byte nothing but the sign of the one before?
				sign := r.src[r.pos-2] & 0x40
				r.padded = r.padded || c == 0 && sign == 0 || c == 0x7F && sign != 0
			}
			return v
		}
	}
}

// badLEB says what is wrong with the last byte that a number may have.
func badLEB(last byte) string {
	if last >= 0x80 {
		return "integer representation too long"
	}
	return "integer too large"
}

func (r *reader) u32() uint32 {
	if at := r.pos; at < r.end && r.src[at] < 0x80 {
		r.pos++
		return uint32(r.src[at])
	}
	return uint32(r.unsigned(32))
}
