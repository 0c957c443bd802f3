package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"wxlogin/bench/rig"
)

// filled returns a database with so many people. The program itself makes and migrates it;
// then people are filled in. If the user gave a folder, a file in it that was filled for the
// same schema is copied.
func (m *measurement) filled(ctx context.Context, people int) (string, error) {
	if m.databaseURL != "" {
		if err := m.world.Migrate(ctx, m.databaseURL); err != nil {
			return "", err
		}
		m.progress("filling PostgreSQL with %s people", count(people))
		return m.databaseURL, rig.Fill(ctx, m.databaseURL, people, m.visitors, m.identities)
	}
	file := filepath.Join(m.world.Folder, fmt.Sprintf("people-%d.db", people))
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	database := "sqlite:" + file
	if err := m.world.Migrate(ctx, database); err != nil {
		return "", err
	}
	schema, err := schemaOf(ctx, database)
	if err != nil {
		return "", err
	}
	kept := filepath.Join(m.world.Folder, fmt.Sprintf("filled-%d-%d-%d-%s.db", people, m.visitors, m.identities, schema))
	if m.inPlace {
		return m.filledInPlace(ctx, people, file, kept)
	}
	if _, err := os.Stat(kept); err == nil && m.folder != "" {
		m.progress("taking the %s people of the last time", count(people))
		if err := copyFile(kept, file); err != nil {
			return "", err
		}
		return database, rig.Refresh(ctx, database, people, m.visitors)
	}
	m.progress("filling in %s people", count(people))
	if err := rig.Fill(ctx, database, people, m.visitors, m.identities); err != nil {
		return "", err
	}
	if m.folder != "" {
		return database, copyFile(file, kept)
	}
	return database, nil
}

// filledInPlace is filled without a copy: the measurement changes the file that is kept.
func (m *measurement) filledInPlace(ctx context.Context, people int, empty, kept string) (string, error) {
	database := "sqlite:" + kept
	if _, err := os.Stat(kept); err == nil {
		m.progress("taking the %s people of the last time, as that left them", count(people))
		return database, errors.Join(os.Remove(empty), rig.Refresh(ctx, database, people, m.visitors))
	}
	m.progress("filling in %s people", count(people))
	if err := rig.Fill(ctx, "sqlite:"+empty, people, m.visitors, m.identities); err != nil {
		return "", err
	}
	return database, os.Rename(empty, kept)
}

// untouched makes a SQLite database with as many people as the smallest one, in which nobody
// has signed in yet. It does not start its service.
func (m *measurement) untouched(ctx context.Context, world *rig.World, name string) (*stored, error) {
	s := &stored{people: m.stores[0].people, database: "sqlite:" + filepath.Join(world.Folder, name+".db")}
	if err := world.Migrate(ctx, s.database); err != nil {
		return nil, err
	}
	return s, rig.Fill(ctx, s.database, s.people, m.visitors, m.identities)
}

// schemaOf returns a short name for the schema of a SQLite database.
func schemaOf(ctx context.Context, database string) (string, error) {
	db, _, err := rig.Open(database, "_pragma=busy_timeout(10000)")
	if err != nil {
		return "", err
	}
	defer db.Close()
	var all string
	err = db.QueryRowContext(ctx, `SELECT GROUP_CONCAT(sql, ';') FROM (SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name)`).Scan(&all)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(all)))[:12], err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync() // otherwise the disk writes it during a measurement
	}
	return errors.Join(err, out.Close())
}
