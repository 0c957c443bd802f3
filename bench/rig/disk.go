package rig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Disk is a small file system that can be filled to the last byte and emptied again.
type Disk struct {
	Folder  string
	mounted bool
}

// NewDisk takes a folder on a small file system, or mounts one in memory below a folder,
// which needs root on Linux.
func NewDisk(below, folder string) (*Disk, error) {
	if folder != "" {
		return &Disk{Folder: folder}, nil
	}
	d := &Disk{Folder: filepath.Join(below, "disk"), mounted: true}
	if err := os.Mkdir(d.Folder, 0o700); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=128m", "rig", d.Folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w: %s; a folder on a small file system does as well", err, out)
	}
	return d, nil
}

// Close unmounts the file system; d may be nil.
func (d *Disk) Close() error {
	if d == nil || !d.mounted {
		return nil
	}
	return exec.Command("umount", d.Folder).Run()
}

func (d *Disk) ballast() string { return filepath.Join(d.Folder, "ballast") }

// Fill takes all free space. Called again, it takes what has become free meanwhile.
func (d *Disk) Fill() error {
	file, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for piece := make([]byte, size); err == nil; {
			_, err = file.Write(piece)
		}
		if !full(err) {
			return err
		}
		err = nil
	}
	return nil
}

// Empty frees that space again.
func (d *Disk) Empty() error {
	if err := os.Remove(d.ballast()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
