package golden

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/wat"
)

// This file converts values: as wazero passes them, as cases write them.

func valueType(t wat.ValType) api.ValueType { return api.ValueType(t) }

func valueTypes(types []wat.ValType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = valueType(t)
	}
	return out
}

// garbageOf returns bits that are a value of the type, and none that makes sense.
func garbageOf(t api.ValueType) uint64 {
	if t == api.ValueTypeI32 || t == api.ValueTypeF32 {
		return garbage & math.MaxUint32
	}
	return garbage
}

func asFloat(t wat.ValType, bits uint64) float64 {
	switch t {
	case wat.I32:
		return float64(int32(bits))
	case wat.I64:
		return float64(int64(bits))
	case wat.F32:
		return float64(math.Float32frombits(uint32(bits)))
	case wat.F64:
		return math.Float64frombits(bits)
	}
	return 0
}

// fromFloat returns the bits of a number in a type.
func fromFloat(t wat.ValType, v float64) uint64 {
	switch t {
	case wat.I32:
		return uint64(uint32(int64(math.Mod(v, 1<<32))))
	case wat.I64:
		return uint64(int64(math.Mod(v, 1<<53)))
	case wat.F32:
		return uint64(math.Float32bits(float32(v)))
	case wat.F64:
		return math.Float64bits(v)
	}
	return 0
}

// formatValues writes values as cases do: signed integers, floats, with commas.
func formatValues(types []api.ValueType, values []uint64) string {
	words := make([]string, len(values))
	for i, v := range values {
		switch types[min(i, len(types)-1)] {
		case api.ValueTypeI32:
			words[i] = strconv.Itoa(int(int32(v)))
		case api.ValueTypeI64:
			words[i] = strconv.FormatInt(int64(v), 10)
		case api.ValueTypeF32:
			words[i] = wat.FormatFloat32(uint32(v))
		case api.ValueTypeF64:
			words[i] = wat.FormatFloat64(v)
		default:
			words[i] = fmt.Sprintf("%#x", v)
		}
	}
	return strings.Join(words, ", ")
}

func formatTypes(types []wat.ValType, values []uint64) string {
	return formatValues(valueTypes(types), values)
}

// parseValue reads a number as an argument of a type.
func parseValue(t wat.ValType, s string) (uint64, error) {
	switch t {
	case wat.F32, wat.F64:
		v, err := strconv.ParseFloat(s, 64)
		return fromFloat(t, v), err
	case wat.I32:
		v, err := strconv.ParseInt(s, 0, 64)
		return uint64(uint32(v)), err
	}
	v, err := strconv.ParseInt(s, 0, 64)
	return uint64(v), err
}
