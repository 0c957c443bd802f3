// Package doctor looks at an installation as an operator has it, and says what is wrong
// and what to do about it: settings, keys, database, disk, proxies, WeChat and the way by
// which visitors come. It also asks a running service whether it is ready, and explains
// WeChat's numbers.
//
// It does not know the flags and exit codes of the commands, and nothing of how the
// service is put together: it meets a service as visitors do. It changes nothing but the
// schema of a database, which it opens as a start does, and makes no keys.
package doctor
