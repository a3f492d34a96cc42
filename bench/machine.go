package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A machine is where the measurements were made.
type machine struct {
	date                  string
	cpu, system           string
	cores                 int
	loadBefore, loadAfter string
}

func describeMachine() machine {
	m := machine{
		date: time.Now().UTC().Format(time.DateOnly), cpu: runtime.GOARCH, system: runtime.GOOS + "/" + runtime.GOARCH,
		cores: runtime.NumCPU(), loadBefore: load(),
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(info); name != nil {
			m.cpu = string(name[1])
		}
	}
	return m
}

// load returns how many processes have wanted to run during the last minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(data))[0]
}

// toolVersions returns a phrase for each tool that there is.
func toolVersions(t tools) []string {
	versions := []string{"watfiber, built with " + runtime.Version()}
	for _, p := range t.peers {
		versions = append(versions, p.name)
	}
	for _, n := range t.nodes {
		versions = append(versions, versionOf(n.path, "-p", "`node ${process.version} (V8 ${process.versions.v8})`")+" with "+strings.Join(n.flags, " "))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == wazeroModule {
				versions = append(versions, "wazero "+dep.Version)
			}
		}
	}
	return versions
}

func versionOf(program string, args ...string) string {
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return program + " of unknown version"
	}
	return strings.TrimSpace(string(out))
}
