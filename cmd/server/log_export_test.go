package main

import (
	"context"

	"wxlogin/internal/web"
)

// NewLogs shows the log to tests of its own.
var NewLogs = newLogs

const (
	GatherFor   = gatherFor
	MaxGathered = maxGathered
)

// AppendMilliseconds is how the line of an answer says how long it took.
var AppendMilliseconds = appendMilliseconds

func (l logs) Flush() { l.flush() }

func (l logs) Answers() func(context.Context, web.AccessRecord) { return l.answers }

// What paces the collector.
var (
	LimitFor      = limitFor
	InUse         = inUse
	PaceCollector = paceCollector
)
