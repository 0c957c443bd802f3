package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"wxlogin/bench/rig"
)

// A trip to the provider, which needs at least one signature of RS256, is compared with such
// signatures, made by one goroutine in a process of its own.

const signaturesCommand = "signatures"

// signed is the result of the process.
type signed struct {
	Signatures int
	CPU        time.Duration // of all signatures
}

func (s signed) each() float64 { return s.CPU.Seconds() / float64(s.Signatures) }

// sign is the command of the process.
func sign(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet(signaturesCommand, flag.ContinueOnError)
	d := flags.Duration("for", time.Second, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("a token"))
	if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil { // the first one checks the key
		return err
	}
	before, ok := rig.CPU(os.Getpid())
	if !ok {
		return errors.New("the processor time of a process cannot be read here")
	}
	var s signed
	for began := time.Now(); time.Since(began) < *d && ctx.Err() == nil; s.Signatures++ {
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			return err
		}
	}
	after, _ := rig.CPU(os.Getpid())
	s.CPU = after - before
	return json.NewEncoder(stdout).Encode(s)
}

// signaturesFor runs the process for a while.
func signaturesFor(ctx context.Context, folder string, d time.Duration) (signed, error) {
	out, err := runChild(ctx, folder, signaturesCommand, "--for", d.String())
	if err != nil {
		return signed{}, err
	}
	var s signed
	if err := json.Unmarshal(out, &s); err != nil || s.Signatures == 0 {
		return s, fmt.Errorf("%s told %q: %w", signaturesCommand, out, err)
	}
	return s, nil
}
