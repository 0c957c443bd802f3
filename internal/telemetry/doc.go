// Package telemetry is what an operator sees of the running service: its log, its
// metrics and its traces.
//
// It does not know the settings, the commands or the addresses of pages, and it decides
// nothing: the parts report events through Observers, and nothing that they do depends on
// the outcome of a report. It never sees a secret, a token or a code, and puts no person
// into a label or a span.
package telemetry
