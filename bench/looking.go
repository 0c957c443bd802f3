package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"wxlogin/bench/rig"
)

// Visitors are in a process of their own, so that they do not wait for the phones that sign
// in beside them, and measure only the server.

const lookCommand = "look"

// lookPause is how long each visitor reads a page. Without it they would take the whole core,
// and nobody would sign in.
const lookPause = 5 * time.Millisecond

// lookTask is the task of the process.
type lookTask struct {
	Address  string
	Requests []rig.Request
}

// look sends requests until ctx ends, and prints how long each answer took.
func look(ctx context.Context, args []string, stdout io.Writer) error {
	var task lookTask
	if err := readTask(lookCommand, args, &task); err != nil {
		return err
	}
	conns := rig.Conns(task.Address, lookers)
	defer rig.CloseAll(conns)
	for _, c := range conns { // open all connections before the server is under load
		if err := c.Do(task.Requests[0].Bytes, time.Now().Add(time.Minute)); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, `{"msg":"looking"}`)
	load, err := rig.SendPaced(ctx, rig.Target{Address: task.Address}, conns, task.Requests, time.Minute, lookPause)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(looked{Msg: "looked", Each: load.Each})
}

type looked struct {
	Msg  string
	Each []time.Duration
}

// looking is the process of the visitors.
type looking struct {
	process    *rig.Process
	unfavoured error // why the process has no priority, so that it may wait for the phones
}

func (m *measurement) startLooking(ctx context.Context, address string, requests []rig.Request) (looking, error) {
	p, err := startChild(m.world.Folder, lookCommand, lookTask{Address: address, Requests: requests})
	if err != nil {
		return looking{}, err
	}
	if _, err := p.Wait(ctx, `"msg":"looking"`); err != nil {
		p.Kill()
		return looking{}, err
	}
	return looking{p, rig.Prefer(p.PID())}, nil
}

// end stops the process and returns how long each answer took.
func (l looking) end() ([]time.Duration, error) {
	if err := l.process.Stop(); err != nil {
		return nil, err
	}
	var all looked
	return all.Each, l.process.Lines(func(line []byte) {
		var one looked
		if json.Unmarshal(line, &one) == nil && one.Msg == "looked" {
			all = one
		}
	})
}
