# make bench: the programs of examples/bench, the peers they are compared
# with, and the run. What a peer needs in Go is in a go.mod of its own.

BENCH_PROGRAMS := $(addprefix build/bench/,spawn raw libsocket-c)
BENCH_PEERS    := $(addprefix build/bench/,zmq nng)
BENCH_FLAGS    := -std=gnu11 -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Iexamples/bench/c
BENCH_SHARED   := examples/bench/c/bench.c examples/bench/c/bench.h

# A peer that cannot be installed is reported, here and in the tables.
.PHONY: bench-peers
bench-peers: $(VENV)/installed | go
	@for package in libzmq3-dev libnng-dev; do .ci/packages.sh $$package || true; done
	@$(VENV)/bin/python $(PIP) install pyzmq==$(PYZMQ_VERSION) || echo 'missing: pyzmq' >&2
	@cd examples/bench/go && CGO_ENABLED=0 go build -o $(CURDIR)/build/bench/go/ ./nats || echo 'missing: NATS' >&2

build/bench/spawn: examples/bench/c/spawn.c
	@mkdir -p $(@D)
	gcc $(BENCH_FLAGS) -o $@ $<

build/bench/raw: examples/bench/c/raw.c $(BENCH_SHARED)
	@mkdir -p $(@D)
	gcc $(BENCH_FLAGS) -o $@ $(filter %.c,$^) -pthread

build/bench/libsocket-c: examples/bench/c/libsocket.c $(BENCH_SHARED) include/libsocket.h | $(LIBRARY)
	@mkdir -p $(@D)
	gcc $(BENCH_FLAGS) -o $@ $(filter %.c,$^) -pthread -Lbuild -Wl,-rpath,$(CURDIR)/build -lsocket

# Without its headers a peer is not built; the run says so.
$(BENCH_PEERS): build/bench/%: examples/bench/c/%.c $(BENCH_SHARED) | bench-peers
	@mkdir -p $(@D)
	gcc $(BENCH_FLAGS) -o $@ $(filter %.c,$^) -pthread -l$* || rm -f $@

.PHONY: bench-build bench-run bench-go
bench-build: $(LIBRARY) $(BENCH_PROGRAMS) $(BENCH_PEERS)
	@cd examples/bench/go && CGO_ENABLED=0 go build -o $(CURDIR)/build/bench/go/ ./libsocket

bench-run: bench-build
	@$(VENV)/bin/python -m examples.bench

build/bench/boundary: capi/test/boundary_bench.c $(C_HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	@$(COMPILE_plain) $(C_FLAGS) -o $@ $< $(C_LINK)

# Both say the same for benchstat.
bench-go: build/bench/boundary | go packages-build
	go test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -count '$(BENCHCOUNT)' -benchmem ./socket/... ./capi
	@build/bench/boundary '$(BENCH)' '$(BENCHTIME)' '$(BENCHCOUNT)'
