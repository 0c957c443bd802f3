#!/usr/bin/env bash
# One line of an .env file, and up to four passwords, by who reads it
#
# Runs:    lines with a password as its generator gives it, bare and in quotes, through
#          godotenv v1.5.1, compose-go v2.16.2 (docker compose's env_file), docker/cli v29.9.3
#          (docker run --env-file) (Go proxy), dotenv 17.2.3 (npm), Node.js 20's own parser
#          (node --env-file) and bash.
# Seen:    pa$Word is whole in dotenv, Node.js and docker run, "pa" in compose (which warns) and
#          bash, and "paord" in godotenv: a variable is of capital letters there, so it takes
#          $W for one. pa#word ends at the # in dotenv and Node.js. Single quotes make all
#          agree but docker run, to which they belong to the password. A double quote inside
#          is lost in bash alone.
# Guess:   the format is one; what differs is rare, or is an error.
# Matters: no way of writing a password with a dollar or a number sign is the same to all. It
#          works at a desk (node --env-file) and is "password authentication failed" in the
#          container, or worse: a key to sign with that is two characters shorter, and that
#          another service does not accept. Take secrets of letters and digits, or files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >log 2>&1 || { cat log; exit 2; }; }
cat >lines <<'LINES'
SECRET=pa$Word
SECRET="pa$Word"
SECRET='pa$Word'
SECRET=pa#word
SECRET='pa#word'
SECRET=pa"wo"rd
SECRET=password # of the database
LINES
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/joho/godotenv"
	"github.com/sirupsen/logrus"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	logrus.SetOutput(io.Discard) // compose-go warns of variables that are not set
	file := os.Args[1]
	fmt.Printf("godotenv %s, ", must(godotenv.Read(file))["SECRET"])
	fmt.Printf("compose %s, ", must(dotenv.Read(file))["SECRET"])
	fmt.Printf("docker run %s", strings.TrimPrefix(must(kvfile.Parse(file, nil))[0], "SECRET="))
}
GO
cat >run.mjs <<'JS'
import fs from 'node:fs';
import { parseEnv } from 'node:util';
import dotenv from 'dotenv';

const text = fs.readFileSync(process.argv[2], 'utf8');
process.stdout.write(`dotenv ${dotenv.parse(text).SECRET}, node ${parseEnv(text).SECRET}`);
JS
quietly npm install --silent --no-audit --no-fund --prefix . dotenv@17.2.3
quietly go mod init example.com/probe
quietly go get github.com/joho/godotenv@v1.5.1 github.com/compose-spec/compose-go/v2@v2.16.2 github.com/docker/cli@v29.9.3+incompatible
quietly go mod tidy
quietly go build -o probe .
while IFS= read -r line; do
	printf '%s\n' "$line" >file
	echo "$line: $(./probe file), $(node run.mjs file 2>/dev/null), bash $(env -i bash -c '. ./file; echo "$SECRET"')"
done <lines >seen

cat seen
diff - seen <<'EXPECTED' && echo "As described."
SECRET=pa$Word: godotenv paord, compose pa, docker run pa$Word, dotenv pa$Word, node pa$Word, bash pa
SECRET="pa$Word": godotenv paord, compose pa, docker run "pa$Word", dotenv pa$Word, node pa$Word, bash pa
SECRET='pa$Word': godotenv pa$Word, compose pa$Word, docker run 'pa$Word', dotenv pa$Word, node pa$Word, bash pa$Word
SECRET=pa#word: godotenv pa#word, compose pa#word, docker run pa#word, dotenv pa, node pa, bash pa#word
SECRET='pa#word': godotenv pa#word, compose pa#word, docker run 'pa#word', dotenv pa#word, node pa#word, bash pa#word
SECRET=pa"wo"rd: godotenv pa"wo"rd, compose pa"wo"rd, docker run pa"wo"rd, dotenv pa"wo"rd, node pa"wo"rd, bash paword
SECRET=password # of the database: godotenv password, compose password, docker run password # of the database, dotenv password, node password, bash password
EXPECTED
