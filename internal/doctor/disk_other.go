//go:build !linux

package doctor

func diskOf(string) (disk, bool) { return disk{}, false }
