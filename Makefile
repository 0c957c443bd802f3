# make        builds bin/server
# make test   is the one check: whoever changes something runs it
# make test-all  is the same with other people's programs besides, as .ci/run has it
SHELL := /bin/sh

# -race needs a C compiler. At home its absence is said and passed over; with
# CI=true it is a failure. SQLite and the library under it, which are C made Go, are left
# without the detector: they are nothing of ours, and take three times as long with it.
# What orders them is Go's own sync, which has it. Not the packages around them: those
# instantiate generic code of the standard library, of which one instance, then a blind
# one, serves the whole program. What the driver is spared is checkptr, which comes with
# the detector and looks at every pointer that C would have made of a number.
# BLIND goes without it too: packages that compute alone, on memory of their own, were a
# fifth of the time of internal/web, and instantiate nothing that ours use but
# golang.org/x/net/html, which only tests import. Who calls them is watched as before.
BLIND := compress/flate hash/adler32 hash/crc32 image image/color image/draw image/jpeg image/png rsc.io/qr rsc.io/qr/coding rsc.io/qr/gf256 text/template/parse golang.org/x/net/html golang.org/x/net/html/atom
HAVE_CC := $(shell command -v "$$(go env CC)" 2>/dev/null)
ifneq ($(HAVE_CC),)
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false -gcflags=modernc.org/memory=-race=false -gcflags=modernc.org/sqlite=-d=checkptr=0 $(BLIND:%=-gcflags=%=-race=false)
endif

# A program with the detector waits a second when it ends, for reports from elsewhere:
# tests start hundreds, and what is on its way out waits for nobody's lock.
#
# The detector notes every access to the heap in memory of its own, four times the heap, and
# clears it with each allocation: a page fault for every 4 kB touched, and a mapping made
# anew for every large object. With huge pages, cleared in place, internal/web has 0.3
# million page faults instead of 2.0, and takes 106 s of a processor instead of 143; but
# 2.5 GB of memory instead of 1.4. So this is for machines with memory to spare.
ROOMY := $(shell awk '/^MemAvailable/ {print ($$2 > 8000000) ? "yes" : ""}' /proc/meminfo 2>/dev/null)
export GORACE ?= atexit_sleep_ms=0$(if $(ROOMY), no_huge_pages_for_shadow=0 clear_shadow_mmap_threshold=100000000)

# A small heap that is swept often, whose notes are in memory already, takes about a tenth
# less of a processor than a large one.
TEST_GOGC ?= 50

# The packages that take longest begin first, and one more at once than there are
# processors: some tests wait, for a server to start or for a deadline.
LONGEST := ./internal/store ./cmd/server ./internal/web ./bench
TEST_P ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1 )))

# The databases of tests need no disk: where there is memory for files, they take a
# third of the time in it.
TEST_TMPDIR ?= $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -ge 4000000 ] 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

comma := ,
FUZZTIME ?= 10s
IMAGE ?= wxlogin

# At a desk the tests that run other people's programs are left out, installed or not:
# browsers, proxies, poolers, Node.js, promtool, and PostgreSQL but for the store's own tests.
# They are half of the time. CI=true leaves out nothing.
ifneq ($(CI),true)
DESK := TEST_PROGRAMS=none
endif

.PHONY: build test test-all check format-check fmt fuzz bench soak races long compat run-demo image env-example licences dist clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/server ./cmd/server

test: check
ifeq ($(HAVE_CC),)
	@if [ "$$CI" = true ]; then echo "make test: no C compiler, and with CI=true the race detector is not left out" >&2; exit 1; fi
	@echo "make test: no C compiler here, so the tests run without the race detector"
endif
	$(DESK) TMPDIR=$(TEST_TMPDIR) GOGC=$(TEST_GOGC) go test $(RACE) -vet=off -timeout 60m -p $(TEST_P) $(LONGEST) ./...
	@echo "make test: all is well$(if $(DESK),$(comma) without browsers$(comma) proxies$(comma) poolers$(comma) Node.js$(comma) promtool and PostgreSQL outside the store: make test-all runs those too)"

# test-all is what .ci/run runs: make test with all of those programs, none of which may be missing.
test-all:
	CI=true $(MAKE) test

# check is what can be said without running anything.
check: format-check
	go vet ./...
	go vet -tags compat ./compat
	go tool staticcheck ./...
	go tool staticcheck -tags compat ./compat
	go mod tidy -diff
	go mod verify

format-check:
	@wrong=$$(gofmt -l .); if [ -n "$$wrong" ]; then echo "gofmt: these files are not formatted (make fmt does it):" >&2; echo "$$wrong" >&2; exit 1; fi

fmt:
	gofmt -w .

# fuzz runs every fuzz target for a short while; FUZZTIME=10m for longer.
fuzz:
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		echo "fuzz: $${func#func } of $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

# bench measures the built program on this machine and writes docs/performance.md
# and rewrites the figures of the READMEs, about ten minutes: close everything else.
# BENCH=--quick for a look that writes nothing.
BENCH ?= --docs docs

bench:
	go run ./bench $(BENCH)

# soak breaks WeChat, the database and the processes for a while and looks whether
# promises are kept; SOAK='--for 1h --seed 7' for longer, or for the same again.
SOAK ?= --for 5m

soak:
	go run ./bench soak $(SOAK)

# races revokes sessions in four ways while two processes on one SQLite file are
# busy, and asks whether they still count; about a quarter of an hour.
RACES ?= --times 10000 --workers 2

races:
	go run ./bench races $(RACES)

# long is what takes its time, once: a clock that jumps, a disk that fills and empties
# (root on Linux), ten thousand desktops that wait, and a month of refreshes for a
# hundred thousand people; about an hour. LONG=1000 plays fewer people.
LONG ?= 100000

long:
	go run ./bench soak --for 5m --break clock
	go run ./bench soak --for 2m --break disk
	go run ./bench scans
	TMPDIR=$(TEST_TMPDIR) go test ./internal/web -run TestAMonthOfRefreshes -v -timeout 3h -month.people $(LONG)

# compat runs wxlogin against other people's programs and writes docs/compatibility.md:
# minutes, and it needs Node.js. What a program of Debian is missing for is left out, and
# the page says so. COMPAT_TRAEFIK=build builds Traefik too, which takes half an hour.
compat:
	COMPAT_TRAEFIK=$(COMPAT_TRAEFIK) bash compat/run

run-demo: build
	./bin/server demo

# env-example rewrites .env.example and the tables of docs/settings.md and
# docs/settings.zh-CN.md from the settings; the tests fail when they differ.
env-example:
	go test ./internal/settings -run TestSettingsAreDocumented -update

# licences rewrites THIRD_PARTY_LICENSES.md from the modules that are linked; a
# test fails when it differs.
licences:
	go run ./release licences

# dist builds the program for all systems into dist/, with checksums and bills of
# materials; some minutes. It needs git, and Go's modules from the network.
dist:
	go run ./release dist

# GOPROXY and REGISTRY name mirrors for the build; see docs/operations.md.
image:
	docker build -t $(IMAGE) $(if $(GOPROXY),--build-arg GOPROXY=$(GOPROXY)) $(if $(REGISTRY),--build-arg REGISTRY=$(REGISTRY)) .

clean:
	rm -rf bin dist
