// Package doctor examines an installation as the operator has it, and prints what is wrong
// and what to do about it: settings, keys, database, disk, proxies, WeChat, and the route
// that visitors take. It also asks a running service whether it is ready, and explains
// WeChat's error codes.
//
// It does not know the commands' flags and exit codes, nor how the service is put
// together: it meets a service as visitors do. It makes no keys and no database file, and
// does not migrate an older schema; only an empty database gets its tables.
package doctor
