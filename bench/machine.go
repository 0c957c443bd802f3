package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine describes the machine of a run, without which its figures mean nothing.
type machine struct {
	processor string
	cores     int
	memory    string
	system    string
	disk      string
	goVersion string
	commit    string
	date      string
}

func thisMachine(ctx context.Context, folder string) machine {
	m := machine{
		processor: runtime.GOARCH,
		cores:     runtime.NumCPU(),
		system:    runtime.GOOS,
		disk:      fileSystem(folder),
		goVersion: runtime.Version(),
		date:      time.Now().UTC().Format(time.DateOnly),
	}
	if model, ok := fieldOf("/proc/cpuinfo", "model name"); ok {
		m.processor = model
	}
	if total, ok := fieldOf("/proc/meminfo", "MemTotal"); ok {
		var kilobytes float64
		fmt.Sscanf(total, "%f", &kilobytes) // 0 if unreadable
		m.memory = fmt.Sprintf("%.0f GB", kilobytes*1024/1e9)
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.system = "Linux " + strings.TrimSpace(string(release))
	}
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		m.commit = strings.TrimSpace(string(out))
	}
	return m
}

// fieldOf reads the first "name : value" of a file of /proc.
func fieldOf(file, name string) (string, bool) {
	f, err := os.Open(file)
	if err != nil {
		return "", false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		field, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(field) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// fileSystem returns the type of a folder's file system: that of the longest mount point
// above it.
func fileSystem(folder string) string {
	text, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "unknown"
	}
	best, kind := -1, "unknown"
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || len(fields[1]) <= best {
			continue
		}
		at := strings.TrimSuffix(fields[1], "/")
		if folder == at || strings.HasPrefix(folder, at+"/") {
			best, kind = len(fields[1]), fields[2]
		}
	}
	return kind
}

func (m machine) lines() []string {
	return []string{
		fmt.Sprintf("%s, %d cores, %s of memory, %s on %s", m.processor, m.cores, m.memory, m.system, m.disk),
		fmt.Sprintf("%s, commit %s, %s", m.goVersion, m.commit, m.date),
	}
}
