package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watfiber/watfiber/internal/cli"
)

// TestMain makes the test binary a watfiber when a script asks for one.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"watfiber": func() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar, each a command line with what it
// prints, writes and returns. WATFIBER_UPDATE=1 writes expected outputs anew.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("WATFIBER_UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}
