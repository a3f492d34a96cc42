package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Packages of npm that are measured with, beside what is installed.
const (
	binaryenVersion = "132.0.0"
	nodeVersion     = "26.10.0"
)

// tools are the programs that are measured; "" or none for those that are missing.
type tools struct {
	watfiber string
	faster   bool // watfiber has --optimize=speed
	peers    []command
	nodes    []node
	clang    string
	versions []string // of all tools that there are
	missing  []string // what there is not, and why
}

// A command is a program, and arguments that come before all others.
type command struct {
	name    string // with its version
	program string
	args    []string
}

// with returns the arguments of a run.
func (c command) with(args ...string) []string {
	return append(append([]string{}, c.args...), args...)
}

// A node is one version of node.
type node struct {
	name, path string
	flags      []string // with which code is the optimizing compiler's when it is timed
}

// findTools builds watfiber, looks for the others, and fetches what the cache has not.
func findTools(work, peer string, c cache) (tools, error) {
	t := tools{watfiber: filepath.Join(work, "watfiber")}
	if out, err := exec.Command("go", "build", "-o", t.watfiber, "./cmd/watfiber").CombinedOutput(); err != nil {
		return t, fmt.Errorf("go build ./cmd/watfiber (from the root of the project?): %w\n%s", err, out)
	}
	help, err := run("", t.watfiber, "build", "--help")
	if err != nil {
		return t, err
	}
	t.faster = strings.Contains(help, "--optimize")
	for _, name := range []string{"clang-19", "clang"} {
		if t.clang == "" {
			t.clang, _ = exec.LookPath(name)
		}
	}
	t.findNodes(c)
	t.findPeers(peer, c)
	t.versions = toolVersions(t)
	return t, nil
}

// findNodes finds the node that is installed, and that of npm if it is another version.
func (t *tools) findNodes(c cache) {
	if path, err := exec.LookPath("node"); err == nil {
		t.addNode(path)
	} else {
		t.missing = append(t.missing, "node is not installed")
	}
	system := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || system == "" {
		t.missing = append(t.missing, "node "+nodeVersion+" of npm is only fetched for Linux")
		return
	}
	dir, err := c.npm("node-linux-"+system, nodeVersion)
	if err != nil {
		t.missing = append(t.missing, fmt.Sprintf("node %s: %v", nodeVersion, err))
		return
	}
	t.addNode(filepath.Join(dir, "bin", "node"))
}

// moreStack is for interpreters: on V8 11 a frame of QuickJS as wasm-opt has built it takes
// so much that a recursion of 23 overflows what is there by default.
const moreStack = "--stack-size=3900"

// addNode adds a node of a version that there is not yet.
func (t *tools) addNode(path string) {
	version, err := run("", path, "-p", "process.versions.node.split('.')[0]")
	if err != nil {
		t.missing = append(t.missing, err.Error())
		return
	}
	n := node{name: "node " + strings.TrimSpace(version), path: path, flags: []string{moreStack, "--wasm-sync-tier-up"}}
	// V8 14 compiles what is hot while the program waits for it, if it is told so. V8 11
	// cannot, but it learns nothing from running code either, so it can skip the first tier.
	if _, err := run("", path, "--wasm-sync-tier-up", "-e", "0"); err != nil {
		n.flags = []string{moreStack, "--no-liftoff"}
	}
	for _, other := range t.nodes {
		if other.name == n.name {
			return
		}
	}
	t.nodes = append(t.nodes, n)
}

var versionNumber = regexp.MustCompile(`version (\d+)`)

// findPeers finds the wasm-opt that is installed, and that of npm if it is another version.
func (t *tools) findPeers(peer string, c cache) {
	if path, err := exec.LookPath(peer); err == nil {
		t.addPeer(command{program: path})
	} else {
		t.missing = append(t.missing, peer+" is not installed")
	}
	dir, err := c.npm("binaryen", binaryenVersion)
	if err == nil && len(t.nodes) == 0 {
		err = fmt.Errorf("it runs on node, and there is none")
	}
	if err != nil {
		t.missing = append(t.missing, fmt.Sprintf("binaryen %s of npm: %v", binaryenVersion, err))
		return
	}
	newest := t.nodes[len(t.nodes)-1].path
	t.addPeer(command{program: newest, args: []string{filepath.Join(dir, "bin", "wasm-opt")}})
}

// addPeer adds a wasm-opt of a version that there is not yet.
func (t *tools) addPeer(c command) {
	out, err := run("", c.program, c.with("--version")...)
	version := versionNumber.FindStringSubmatch(out)
	if err != nil || version == nil {
		t.missing = append(t.missing, fmt.Sprintf("%s does not say its version", c.program))
		return
	}
	c.name = "wasm-opt " + version[1]
	for _, other := range t.peers {
		if other.name == c.name {
			return
		}
	}
	t.peers = append(t.peers, c)
}

// defaultCache returns the folder to keep things in if the command line names none.
func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "watfiber-bench")
}
