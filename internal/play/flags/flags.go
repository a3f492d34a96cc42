// Package flags reads flags of watfiber build where there is no command line: in a browser,
// and in cases for tests.
package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// valued are the flags with a value that is no list of functions.
var valued = []string{"--indirect", "--optimize", "--redirect", "--shape"}

// Parse reads flags such as --suspend=env.sleep, or --suspend env.sleep. The error is a
// *wat.Error.
func Parse(words []string) (rewrite.Options, error) {
	var o rewrite.Options
	lists := map[string]*[]string{
		"--suspend": &o.Suspend, "--only": &o.Only, "--add": &o.Add, "--remove": &o.Remove, "--wrap": &o.Wrap, "--hot": &o.Hot,
	}
	switches := map[string]*bool{
		"--add-callers": &o.AddCallers, "--guard": &o.Guard, "--frames": &o.Frames, "--export-stack": &o.ExportStack, "--asserts": &o.Asserts,
	}
	for i := 0; i < len(words); i++ {
		flag, value, has := strings.Cut(words[i], "=")
		if on, ok := switches[flag]; ok && !has {
			*on = true
			continue
		}
		if !has && i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
			i++
			value, has = words[i], true
		}
		list, isList := lists[flag]
		switch {
		case flag == "--ignore-indirect" && !has:
			o.Indirect, _ = rewrite.ParseIndirect([]string{"none"})
		case !isList && !slices.Contains(valued, flag):
			known := slices.Concat(sorted(lists), sorted(switches), valued, []string{"--ignore-indirect"})
			return o, problem(fmt.Sprintf("unknown flag %s", flag), wat.DidYouMean(flag, known))
		case value == "":
			return o, problem(fmt.Sprintf("%s needs a value", flag), "write "+flag+"=…")
		case isList:
			*list = append(*list, strings.Split(value, ",")...)
		case flag == "--indirect":
			o.Indirect, o.IndirectIn = rewrite.ParseIndirect(strings.Split(value, ","))
		case flag == "--redirect":
			if o.RedirectWASI = value == "wasi"; !o.RedirectWASI {
				return o, problem(fmt.Sprintf("%q cannot be redirected", value), "write --redirect=wasi")
			}
		case flag == "--optimize":
			var err error
			if o.Optimize, err = rewrite.ParseOptimize(value); err != nil {
				return o, err
			}
		default:
			var err error
			if o.Shape, err = rewrite.ParseShape(value); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func sorted[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func problem(message, hint string) error {
	return &wat.Error{Code: rewrite.ErrList, Msg: message, Hint: hint}
}
