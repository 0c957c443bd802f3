package doctor

import "golang.org/x/sys/unix"

// networkKinds are the network file systems.
var networkKinds = map[int64]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.V9FS_MAGIC:       "9P",
	unix.AFS_SUPER_MAGIC:  "AFS",
}

// diskOf asks the kernel about the file system of a folder.
func diskOf(folder string) (disk, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return disk{}, false
	}
	return disk{free: stat.Bavail * uint64(stat.Bsize), network: networkKinds[int64(stat.Type)]}, true
}
