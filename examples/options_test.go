package examples_test

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/cli"
	"github.com/watfiber/watfiber/wat"
)

const ignoreIndirect = "asyncify-ignore-indirect"

// optionLines are arguments of the peer's pass for modules. Each is tried as it is, and
// with calls through tables ignored.
var optionLines = []struct {
	module string
	args   []string
}{
	{"c/generator.wasm", []string{"asyncify-imports@env.yield"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.*"}},
	{"c/generator.wasm", []string{"asyncify-imports@*.fd_*,env.yield"}},
	{"c/generator.wasm", []string{"asyncify-imports@*"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.yield", "asyncify-removelist@__main_void"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.yield", "asyncify-removelist@__std*,f*"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.yield", "asyncify-onlylist@walk,main"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.yield", "asyncify-whitelist@*main*"}},
	{"c/generator.wasm", []string{"asyncify-imports@env.yield", "asyncify-addlist@printf_core,pad"}},
	{"crystal/first.wasm", []string{"asyncify-ignore-imports"}},
	{"crystal/first.wasm", []string{"asyncify-imports@*.fd_write"}},
	{"crystal/first.wasm", []string{"asyncify-ignore-imports", "asyncify-removelist@*exit<Int32>:NoReturn,*Fiber#run:(IO::FileDescriptor | Nil)"}},
	{"crystal/first.wasm", []string{"asyncify-ignore-imports", "asyncify-blacklist@~procProc(Fiber, Nil)@wasm_fibers.cr:78,main"}},
	{"crystal/pipeline.wasm", []string{"asyncify-ignore-imports"}},
}

// With the same options, the same functions are instrumented as by wasm-opt, but for
// those that need not be: functions that start an unwind themselves, which wasm-opt
// lists and leaves alone; those that a list names and that call nothing that may
// suspend; and those that only calls through tables make suspend, where it is known what
// is in the table.
func TestOptionsOfPeer(t *testing.T) {
	needs(t, peer)
	if testing.Short() {
		t.Skip("comparing with wasm-opt takes a while")
	}
	for _, l := range optionLines {
		t.Run(l.module+"/"+strings.Join(l.args, " "), func(t *testing.T) {
			t.Parallel()
			direct := append(slices.Clone(l.args), ignoreIndirect)
			ours, _ := ourInstrumented(t, l.module, l.args)
			oursAll, _ := ourInstrumented(t, l.module, l.args, "--indirect=all")
			oursDirect, neednt := ourInstrumented(t, l.module, direct)
			theirs, _ := peerInstrumented(t, l.module, l.args)
			theirsDirect, tops := peerInstrumented(t, l.module, direct)
			if len(ours) == 0 || len(theirsDirect) == 0 {
				t.Fatalf("%d functions instrumented here, %d there: nothing is compared", len(ours), len(theirsDirect))
			}
			maps.Copy(neednt, tops)
			compareSets(t, "directly", oursDirect, theirsDirect, neednt)
			compareSets(t, "or through any table", oursAll, theirs, neednt)
			for name := range theirs {
				if !theirsDirect[name] {
					neednt[name] = true // by a table only
				}
			}
			compareSets(t, "or through tables", ours, theirs, neednt)
		})
	}
}

// compareSets checks that ours are theirs without those that need not be.
func compareSets(t *testing.T, how string, ours, theirs, neednt map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if !ours[name] && !neednt[name] {
			t.Errorf("wasm-opt instruments %s, which suspends %s; watfiber does not", name, how)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if !theirs[name] {
			t.Errorf("watfiber instruments %s, which suspends %s; wasm-opt does not", name, how)
		}
	}
}

// passArgs returns the arguments of the peer's pass as a command line has them.
func passArgs(args []string) []string {
	line := []string{"--asyncify", "--pass-arg=asyncify-verbose"}
	for _, a := range args {
		line = append(line, "--pass-arg", a)
	}
	return line
}

// ourInstrumented returns the functions that get code, as watfiber tells them, and those
// that a list names for nothing.
func ourInstrumented(t *testing.T, module string, args []string, flags ...string) (found, inVain map[string]bool) {
	t.Helper()
	_, stderr := watfiber(t, slices.Concat(passArgs(args), flags, []string{module})...)
	found, inVain = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(stderr) {
		if m := reasonLine.FindStringSubmatch(line); m != nil {
			found[m[1]] = true
		}
		if m := inVainLine.FindStringSubmatch(line); m != nil {
			inVain[m[1]] = true
		}
	}
	return found, inVain
}

var (
	reasonLine = regexp.MustCompile(`^(\$".*?"|\$\S+) (?:calls|is in the list|has a call)`)
	inVainLine = regexp.MustCompile(`^note: (\$".*?"|\$\S+) is listed as a function that may suspend, but calls nothing that may`)
	verbose    = regexp.MustCompile(`^\[asyncify\] (.*?)(?: can change the state due to (.*)| is in the add-list, add| is in the (remove-list), ignore|'s state is set based on the only-list to ([01]))$`)
)

// peerInstrumented returns the functions that wasm-opt says may change the state, and
// those of them that start an unwind, if calls through tables are ignored.
func peerInstrumented(t *testing.T, module string, args []string) (found, tops map[string]bool) {
	t.Helper()
	found, tops = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(tool(t, append(append([]string{needs(t, peer), module, "-o", "/dev/null"}, passArgs(args)...), "--all-features")...)) {
		m := verbose.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		name := wat.ID(wat.NameText(m[1]))
		if found[name] = true; m[3] != "" || m[4] == "0" {
			delete(found, name)
		}
		if m[2] == "initial scan" {
			tops[name] = true
		}
	}
	return found, tops
}

// What wasm-opt passes over in silence, or with a warning and success, is an error.
func TestPeerIsSilent(t *testing.T) {
	for _, c := range []struct{ name, arg, message string }{
		{"import that is not there", "asyncify-imports@env.yeild", `no imported function matches "env.yeild"; did you mean env.yield?`},
		{"function that is not there", "asyncify-removelist@vist", `no function matches "vist" in the list remove`},
		{"pattern that matches nothing", "asyncify-onlylist@zz*", `no function matches "zz*" in the list only`},
		{"empty list", "asyncify-imports@", "the list of --pass-arg=asyncify-imports is empty"},
		{"empty list of functions", "asyncify-onlylist@", "the list of --pass-arg=asyncify-onlylist is empty"},
		{"unknown argument", "asyncify-import@env.yield", "unknown pass argument asyncify-import; did you mean asyncify-imports?"},
		{"flag that is to be off", "asyncify-ignore-indirect@0", "takes no value"},
		{"size of a memory that is not there", "asyncify-secondary-memory-size@two", "several memories are not supported"},
		{"memory that is not there", "asyncify-memory@heap", `no memory is exported as "heap", which asyncify-memory names; exported is memory`},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"--asyncify", "c/generator.wasm", "-o", t.TempDir() + "/out.wasm", "--pass-arg=" + c.arg}
			if !strings.HasPrefix(c.arg, "asyncify-imports@") {
				args = append(args, "--pass-arg=asyncify-imports@env.yield")
			}
			refused(t, args, c.message)
			tool(t, append([]string{needs(t, peer)}, args...)...)
		})
	}
	t.Run("list given twice", func(t *testing.T) {
		args := []string{"--asyncify", "c/generator.wasm", "-o", t.TempDir() + "/out.wasm", "--pass-arg=asyncify-imports@env.yield", "--pass-arg=asyncify-imports@*.fd_write"}
		refused(t, args, "asyncify-imports is given twice: wasm-opt takes the last one")
		if got := tool(t, append([]string{needs(t, peer), "--pass-arg=asyncify-verbose"}, args...)...); strings.Contains(got, "due to yield") || !strings.Contains(got, "due to") {
			t.Errorf("wasm-opt does not take the last list:\n%s", got)
		}
	})
	t.Run("top that is a bottom", func(t *testing.T) {
		module := t.TempDir() + "/both.wasm"
		watfiber(t, "asm", "testdata/both.wat", "-o", module)
		args := []string{"--asyncify", module, "-o", t.TempDir() + "/out.wasm"}
		refused(t, args, "so it is the top of an unwind, and stop_unwind or start_rewind, so it is the bottom")
		tool(t, append([]string{needs(t, peer)}, args...)...)
	})
}

// refused runs a command line that has to fail with a message.
func refused(t *testing.T, args []string, message string) {
	t.Helper()
	var out, diag bytes.Buffer
	code := cli.Run(args, strings.NewReader(""), &out, &diag)
	if code == 0 || !strings.Contains(diag.String(), message) {
		t.Errorf("watfiber %s: exit %d\n%swant: %s", strings.Join(args, " "), code, &diag, message)
	}
}
