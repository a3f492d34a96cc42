package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// debian returns the folder with the upstream source of a Debian package, and its
// version. The system's
// lists of packages stay as they are: apt-get gets lists of its own, below the cache, with
// the system's archives as places of sources.
func (c cache) debian(name string) (dir, version string, err error) {
	dir, err = c.keep("debian/"+name, func(to string) error {
		if c.offline {
			return errOffline
		}
		options, err := c.sourceLists()
		if err != nil {
			return err
		}
		fetched := to + ".fetched"
		if err := os.Mkdir(fetched, 0o755); err != nil {
			return err
		}
		if _, err := run(fetched, "apt-get", append(options, "source", "--download-only", name)...); err != nil {
			return err
		}
		archives, err := filepath.Glob(filepath.Join(fetched, "*.orig.tar.*"))
		if err != nil {
			return err
		}
		for _, archive := range archives {
			if strings.HasSuffix(archive, ".asc") {
				continue
			}
			if err := os.Mkdir(to, 0o755); err != nil {
				return err
			}
			if _, err := run("", "tar", "xf", archive, "-C", to, "--strip-components=1"); err != nil {
				return err
			}
			_, version, _ := strings.Cut(filepath.Base(archive), "_")
			version, _, _ = strings.Cut(version, ".orig")
			return os.WriteFile(filepath.Join(to, versionFile), []byte(version), 0o644)
		}
		return errors.New("apt-get has brought no source")
	})
	if err != nil {
		return "", "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, versionFile))
	return dir, string(text), err
}

// versionFile is where the version of a source is kept.
const versionFile = "debian-version"

var binaryType = regexp.MustCompile(`(?m)^(Types:\s*)deb\b.*$|^deb(\s)`)

// sourceLists returns the options with which apt-get knows the sources of packages.
func (c cache) sourceLists() ([]string, error) {
	const etc = "/etc/apt"
	lists := filepath.Join(c.dir, "apt")
	options := []string{
		"-qq", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", "Dir::Etc::sourceparts=" + filepath.Join(lists, "sources"),
		"-o", "Dir::State::lists=" + filepath.Join(lists, "lists"), "-o", "Dir::Cache=" + filepath.Join(lists, "cache"),
	}
	if _, err := os.Stat(filepath.Join(lists, "updated")); err == nil {
		return options, nil
	}
	found := []string{}
	for _, pattern := range []string{"sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"} {
		names, _ := filepath.Glob(filepath.Join(etc, pattern))
		found = append(found, names...)
	}
	if len(found) == 0 {
		return nil, errors.New("this is no Debian: there are no lists of sources")
	}
	for _, dir := range []string{"sources", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(lists, filepath.FromSlash(dir)), 0o755); err != nil {
			return nil, err
		}
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		text = binaryType.ReplaceAll(text, []byte("${1}deb-src$2"))
		if err := os.WriteFile(filepath.Join(lists, "sources", filepath.Base(path)), text, 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := run("", "apt-get", append(options, "update")...); err != nil {
		return nil, err
	}
	return options, os.WriteFile(filepath.Join(lists, "updated"), nil, 0o644)
}
