package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bill is the program that writes bills of materials: pinned, and not a dependency of ours.
const bill = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"

// dist recreates the folder: for each system an archive with the program and the licences
// and a bill of materials of its modules, and one file of checksums. The same commit and the
// same version of Go make the same bytes.
func dist(ctx context.Context, folder string) error {
	version, when, err := describe(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "wxlogin-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var sums bytes.Buffer
	write := func(name string, content []byte) error {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
		return os.WriteFile(filepath.Join(folder, name), content, 0o644)
	}
	for _, p := range platforms() {
		name := fmt.Sprintf("wxlogin-%s-%s-%s", version, p.os, p.arch)
		fmt.Println(name)
		program := filepath.Join(work, "server")
		if p.os == "windows" {
			program += ".exe"
		}
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-o", program, "./cmd/server")
		build.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0")
		if err := runQuietly(build); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := stamped(program); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		archive, suffix := tarball, ".tar.gz"
		if p.os == "windows" {
			archive, suffix = zipfile, ".zip"
		}
		packed, err := archive(name, when, program, "LICENSE", licencesFile, ".env.example")
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := write(name+suffix, packed); err != nil {
			return err
		}
		materials := filepath.Join(work, "bom.json")
		list := exec.CommandContext(ctx, "go", "run", bill, "bin", "-json", "-std", "-noserial", "-notimestamp", "-output", materials, "-version", version, program)
		list.Env = append(os.Environ(), "GOFLAGS=-mod=mod") // its modules are not in our go.mod
		if err := runQuietly(list); err != nil {
			return fmt.Errorf("bill of materials of %s: %w", name, err)
		}
		content, err := os.ReadFile(materials)
		if err != nil {
			return err
		}
		if err := write(name+".cdx.json", content); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), sums.Bytes(), 0o644)
}

// describe returns the version, by its tag or commit, and the time of the commit.
func describe(ctx context.Context) (string, time.Time, error) {
	version, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("git describe: %w", err)
	}
	stamp, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%cI").Output()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("git log: %w", err)
	}
	when, err := time.Parse(time.RFC3339, strings.TrimSpace(string(stamp)))
	return strings.TrimPrefix(strings.TrimSpace(string(version)), "v"), when.UTC(), err
}

// stamped fails for a program without the commit from which it was built.
func stamped(program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return nil
		}
	}
	return errors.New("it does not say of which commit it is: Go notes that in a clone, and not in a worktree of git")
}

// runQuietly runs a command and shows its output only if it fails.
func runQuietly(c *exec.Cmd) error {
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// contents calls each for every file, with its name in the archive, whether it is the
// program, and its bytes.
func contents(files []string, each func(name string, program bool, content []byte) error) error {
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := each(filepath.Base(file), i == 0, content); err != nil {
			return err
		}
	}
	return nil
}

// tarball packs files into a folder of this name; the first file is the program.
func tarball(name string, when time.Time, files ...string) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := contents(files, func(file string, program bool, content []byte) error {
		mode := int64(0o644)
		if program {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: mode, Size: int64(len(content)), ModTime: when}); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// zipfile is tarball for systems that open zip files without a program.
func zipfile(name string, when time.Time, files ...string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := contents(files, func(file string, _ bool, content []byte) error {
		to, err := w.CreateHeader(&zip.FileHeader{Name: name + "/" + file, Method: zip.Deflate, Modified: when})
		if err != nil {
			return err
		}
		_, err = io.Copy(to, bytes.NewReader(content))
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
