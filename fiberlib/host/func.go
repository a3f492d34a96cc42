package host

import (
	"context"
	"fmt"
	"reflect"

	"github.com/tetratelabs/wazero/api"
)

// SuspendingFunc is Suspending with the types of a Go function:
//
//	func(ctx context.Context, i *host.Instance, key string, out, size uint32) (uint32, error)
//
// The context and the instance may be left out. Then come parameters of the types int32,
// uint32, int64, uint64, float32, float64, and string, for which the module passes an
// address and a length. Results are of the same types but string; an error may be the
// last, and ends the call as that of a Work does. The error of SuspendingFunc says what
// is wrong with the type.
func (h *Host) SuspendingFunc(module, name string, fn any) error {
	f, err := typed(reflect.ValueOf(fn))
	if err != nil {
		return fmt.Errorf("%s.%s: %w", module, name, err)
	}
	h.Suspending(module, name, f.params, f.results, f.work)
	return nil
}

// typedFunc is a Go function that does the work of a host function.
type typedFunc struct {
	fn              reflect.Value
	context, inst   bool // what it takes first
	params, results []api.ValueType
	returnsError    bool
}

var (
	contextType  = reflect.TypeFor[context.Context]()
	instanceType = reflect.TypeFor[*Instance]()
	errorType    = reflect.TypeFor[error]()
)

// numbers are the types of Go that stand for those of WebAssembly.
var numbers = map[reflect.Kind]api.ValueType{
	reflect.Int32: api.ValueTypeI32, reflect.Uint32: api.ValueTypeI32,
	reflect.Int64: api.ValueTypeI64, reflect.Uint64: api.ValueTypeI64,
	reflect.Float32: api.ValueTypeF32, reflect.Float64: api.ValueTypeF64,
}

func typed(fn reflect.Value) (*typedFunc, error) {
	if fn.Kind() != reflect.Func || fn.IsNil() || fn.Type().IsVariadic() {
		return nil, fmt.Errorf("a function is needed, without variadic parameters")
	}
	f, t := &typedFunc{fn: fn}, fn.Type()
	first := 0
	if first < t.NumIn() && t.In(first) == contextType {
		f.context = true
		first++
	}
	if first < t.NumIn() && t.In(first) == instanceType {
		f.inst = true
		first++
	}
	for k := first; k < t.NumIn(); k++ {
		switch number, ok := numbers[t.In(k).Kind()]; {
		case ok:
			f.params = append(f.params, number)
		case t.In(k).Kind() == reflect.String:
			f.params = append(f.params, api.ValueTypeI32, api.ValueTypeI32)
		default:
			return nil, fmt.Errorf("parameter %d: there is no value of WebAssembly for %s", k, t.In(k))
		}
	}
	for k := range t.NumOut() {
		number, ok := numbers[t.Out(k).Kind()]
		switch {
		case ok:
			f.results = append(f.results, number)
		case t.Out(k) == errorType && k == t.NumOut()-1:
			f.returnsError = true
		default:
			return nil, fmt.Errorf("result %d: there is no value of WebAssembly for %s", k, t.Out(k))
		}
	}
	return f, nil
}

// work is the Work of the function.
func (f *typedFunc) work(ctx context.Context, i *Instance, stack []uint64) error {
	var args []reflect.Value
	if f.context {
		args = append(args, reflect.ValueOf(ctx))
	}
	if f.inst {
		args = append(args, reflect.ValueOf(i))
	}
	for t, word := f.fn.Type(), 0; len(args) < t.NumIn(); word++ {
		arg := reflect.New(t.In(len(args))).Elem()
		if arg.Kind() == reflect.String {
			at, count := uint32(stack[word]), uint32(stack[word+1])
			text, ok := i.Read(at, count)
			if !ok {
				return fmt.Errorf("there are no %d bytes at %#x in the memory", count, at)
			}
			arg.SetString(string(text))
			word++
		} else {
			decode(arg, stack[word])
		}
		args = append(args, arg)
	}
	results := f.fn.Call(args)
	if last := len(results) - 1; f.returnsError {
		if err, _ := results[last].Interface().(error); err != nil {
			return err
		}
		results = results[:last]
	}
	for k, r := range results {
		stack[k] = encode(r)
	}
	return nil
}

// decode sets a number of Go to one that wazero passes.
func decode(v reflect.Value, word uint64) {
	switch v.Kind() {
	case reflect.Int32:
		v.SetInt(int64(api.DecodeI32(word)))
	case reflect.Int64:
		v.SetInt(int64(word))
	case reflect.Uint32:
		v.SetUint(uint64(api.DecodeU32(word)))
	case reflect.Uint64:
		v.SetUint(word)
	case reflect.Float32:
		v.SetFloat(float64(api.DecodeF32(word)))
	case reflect.Float64:
		v.SetFloat(api.DecodeF64(word))
	}
}

// encode returns a number of Go as wazero passes it.
func encode(v reflect.Value) uint64 {
	switch v.Kind() {
	case reflect.Int32:
		return api.EncodeI32(int32(v.Int()))
	case reflect.Int64:
		return api.EncodeI64(v.Int())
	case reflect.Float32:
		return api.EncodeF32(float32(v.Float()))
	case reflect.Float64:
		return api.EncodeF64(v.Float())
	}
	return v.Uint()
}
