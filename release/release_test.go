package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The licences of all that is linked, on any system, are in the file that goes
// with the program.
func TestLicencesAreThere(t *testing.T) {
	want, err := licences(t.Context(), "..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", licencesFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not that of the modules that are linked today; make licences makes it so", licencesFile)
	}
}

// An archive holds the program, executable, and the licences in one folder, and
// is the same whenever it is made.
func TestArchives(t *testing.T) {
	folder := t.TempDir()
	var files []string
	for _, name := range []string{"server", "LICENSE"} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte("the bytes of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	when := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for name, archive := range map[string]func(string, time.Time, ...string) ([]byte, error){"tarball": tarball, "zipfile": zipfile} {
		once, err := archive("wxlogin-1", when, files...)
		if err != nil {
			t.Fatal(err)
		}
		later := time.Now()
		for _, file := range files {
			if err := os.Chtimes(file, later, later); err != nil {
				t.Fatal(err)
			}
		}
		if twice, err := archive("wxlogin-1", when, files...); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("a %s made twice is another: %v", name, err)
		}
		found := make(map[string]string)
		if name == "zipfile" {
			r, err := zip.NewReader(bytes.NewReader(once), int64(len(once)))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.File {
				opened, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(opened)
				if err != nil {
					t.Fatal(err)
				}
				found[f.Name] = string(content)
			}
		} else {
			z, err := gzip.NewReader(bytes.NewReader(once))
			if err != nil {
				t.Fatal(err)
			}
			for r := tar.NewReader(z); ; {
				h, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				found[h.Name] = string(content)
				if executable := h.Mode&0o100 != 0; executable != (filepath.Base(h.Name) == "server") {
					t.Errorf("%s has the mode %o", h.Name, h.Mode)
				}
			}
		}
		if len(found) != 2 || found["wxlogin-1/server"] != "the bytes of server" || found["wxlogin-1/LICENSE"] != "the bytes of LICENSE" {
			t.Errorf("the %s holds %q", name, found)
		}
	}
}

// A program that cannot say its commit is not given to anybody: that of a test is
// one.
func TestProgramWithoutCommit(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := stamped(program); err == nil {
		t.Error("a program without a commit is taken")
	}
}
