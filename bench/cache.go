package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A cache is a folder outside the project that keeps what is fetched and what takes long
// to compile.
type cache struct {
	dir      string
	offline  bool // nothing is fetched
	progress io.Writer
}

// keep returns the path of something in the cache. If it is not there yet, make makes it
// at another path, so that what was interrupted is not taken for whole.
func (c cache) keep(name string, make func(path string) error) (string, error) {
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(path), "unfinished-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(unfinished)
	fmt.Fprintf(c.progress, "  %s\n", name)
	whole := filepath.Join(unfinished, filepath.Base(path))
	if err := make(whole); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return path, os.Rename(whole, path)
}

// fingerprint returns a short name of contents, for what depends on them.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

var errOffline = errors.New("not in the cache, and nothing is fetched (-offline)")

// npm returns the folder of a package of npm, without what it depends on, and without
// running anything of it.
func (c cache) npm(name, version string) (string, error) {
	return c.keep("npm/"+strings.ReplaceAll(name, "/", "+")+"@"+version, func(to string) error {
		if c.offline {
			return errOffline
		}
		out, err := run("", "npm", "pack", "--silent", "--pack-destination", filepath.Dir(to), name+"@"+version)
		if err != nil {
			return err
		}
		lines := strings.Fields(out)
		if len(lines) == 0 {
			return errors.New("npm pack names no file")
		}
		return unpack(filepath.Join(filepath.Dir(to), lines[len(lines)-1]), to)
	})
}

// run runs a program in a folder and returns what it prints.
func run(dir, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	var diagnosis strings.Builder
	cmd.Stderr = &diagnosis
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not installed", program)
	}
	if err != nil {
		said := strings.Split(strings.TrimSpace(diagnosis.String()), "\n")
		return "", fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.Join(said[max(0, len(said)-3):], "; "))
	}
	return string(out), nil
}

// unpack unpacks a package of npm: its files are below a folder whose name says nothing.
func unpack(archive, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, below := strings.Cut(header.Name, "/")
		if header.Typeflag != tar.TypeReg || !below {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s is outside the package", header.Name)
		}
		if err := unpackFile(filepath.Join(to, name), header, files); err != nil {
			return err
		}
	}
}

func unpackFile(path string, header *tar.Header, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if header.Mode&0o100 != 0 {
		mode = 0o755
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
