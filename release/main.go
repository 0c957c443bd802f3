// Command release makes what a release consists of: the licences of everything that the
// program ships (release licences), and archives of the program for each system, with
// checksums and bills of materials (release dist). It knows nothing of what the program
// does; it asks Go what is linked.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want licences or dist, from the root of the repository")
	}
	switch args[0] {
	case "licences":
		text, err := licences(ctx, ".")
		if err != nil {
			return err
		}
		return os.WriteFile(licencesFile, text, 0o644)
	case "dist":
		return dist(ctx, "dist")
	}
	return fmt.Errorf("there is no %q, only licences and dist", args[0])
}

// platform is a system that programs are built for, by GOOS and GOARCH.
type platform struct{ os, arch string }

// platforms returns the systems that archives are made for.
func platforms() []platform {
	return []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
}
