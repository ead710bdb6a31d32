# All set-up on a fresh Debian machine with Go, as root: `make demo` and `make test`.
# Whatever Debian packages a target needs it installs itself, and says so.

GO       ?= go
BIN      := bin
VIGIL    := $(CURDIR)/$(BIN)/keepalived
FUZZTIME ?= 5000x
FUZZDIR  ?= build/fuzz
KERNELS  ?= bookworm trixie sid
PEERS    ?= trixie sid
SOAK     ?= 10m

## help: this list
help:
	@sed -n 's/^## \([^:]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

# Everything is compiled as what is shipped, so that it is compiled once, but for the race detector, which needs C. What lint has
# looked at is not looked at again.
export CGO_ENABLED := 0
export GOFLAGS     := $(filter-out -trimpath -vet=off,$(shell $(GO) env GOFLAGS)) -trimpath -vet=off
RACE               := CGO_ENABLED=1 $(GO) test -race

# FUZZ is every fuzz target of the tree, as PACKAGE:TARGET.
FUZZ = $(shell grep -rEo --include='*_test.go' --exclude-dir=build '^func Fuzz[[:alnum:]_]+' . | sed -E 's|^\./(.*)/[^/]*:func |\1:|' | sort)

.PHONY: help build test sim-page test-sim test-host test-pure test-race test-pairs test-fuzz test-vm test-kernels test-twins test-peers soak peers lint keywords demo bench bench-vrrp clean FORCE

## build: the programs, in bin/
build:
	for p in keepalived vigil ipvsadm genhash; do $(GO) build -ldflags '-s -w' -o $(BIN)/$$p ./cmd/$$p || exit 1; done
	for p in save restore; do ln -sf ipvsadm $(BIN)/ipvsadm-$$p; done

# The machine's own tests wait more than they compute, and so run beside each other; the virtual machine has the processors for itself.
## test: all that a release must pass
test: build
	$(MAKE) -j4 test-host test-fuzz
	$(MAKE) test-vm

# What the page of the simulation consists of. wasm_exec.js comes with Go, and has to be that of the Go which builds sim.wasm.
## sim-page: the page docs/sim with the simulation for a browser, in bin/sim, for any web server
sim-page:
	mkdir -p $(BIN)/sim
	GOOS=js GOARCH=wasm $(GO) build -ldflags '-s -w' -o $(BIN)/sim/sim.wasm ./cmd/simpage
	cp docs/sim/index.html $$($(GO) env GOROOT)/lib/wasm/wasm_exec.js $(BIN)/sim

## test-sim: the page of the simulation in Debian's chromium, without a screen
test-sim: sim-page $(BIN)/debian
	@$(BIN)/debian chromium
	VIGIL_SIM_PAGE=$(CURDIR)/$(BIN)/sim $(GO) test -count=1 ./cmd/simpage

# PURE are the packages without goroutines, for which the race detector would only be slow.
PURE = $(addprefix ./,confparse/... internal/lint internal/status internal/track ipvs/pool vrrp/election vrrp/wire vrrp/vrrptest)

# Everything that the machine's own kernel can show. What needs IPVS skips here and runs in test-vm.
## test-host: unit tests, network namespaces with real sockets, Debian's keepalived as a peer
test-host: test-pure test-race test-pairs

test-pure: build peers
	GOOS=js GOARCH=wasm $(GO) build -o /dev/null ./cmd/simpage
	$(GO) test -timeout 60m $(PURE)
	$(RACE) -run "^TestLoadsBesideEachOther$$" ./confparse
	unshare -n sh -ec 'ip link add eth0 type veth peer name eth1; ip link add eth2 type veth peer name eth3; \
		for i in 0 1 2 3; do ip link set eth$$i up; ip addr add 198.18.$$i.1/30 dev eth$$i; done; \
		$(GO) test -count=1 -run "^TestCrossChecksAgainstKeepalived$$" ./confparse'

# Under the race detector whatever can race, the package that takes longest first.
test-race: build peers
	env -u REQUIRE_IPVS $(RACE) -p 4 -timeout 60m ./vrrp \
		$$({ $(GO) list ./...; $(GO) list $(PURE) $(PURE) ./vrrp ./vrrp ./integration; } | sort | uniq -u)

test-pairs: build peers
	env -u REQUIRE_IPVS VIGIL_BIN=$(VIGIL) $(GO) test -count=1 -timeout 60m ./integration

# Bounded by executions, not by time: an amount of work is the same on a loaded machine. What was found is kept in a cache of
# our own, made anew, so that runs do not differ by what earlier ones found; only soak keeps its own. An input is not minimised, for
# nobody counts that work.
## test-fuzz: every fuzz target, a bounded number of inputs each
test-fuzz:
	@set -e; rm -rf build/fuzz $(FUZZDIR)/*.test; mkdir -p $(FUZZDIR); for t in $(FUZZ); do \
		package=$${t%%:*}; program=$(CURDIR)/$(FUZZDIR)/$$(echo $$package | tr / -).test; \
		test -e $$program || $(GO) test -c -fuzz . -o $$program ./$$package; \
		echo "fuzzing $$t for $(FUZZTIME)"; \
		(cd $$package && $$program -test.run '^$$' -test.fuzz "^$${t#*:}$$" -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 1x \
			-test.fuzzcachedir $(CURDIR)/$(FUZZDIR)/cache); \
	done

## soak: every fuzz target for SOAK (10m each) on what earlier soaks found, and as long a simulation, in LAN-years
soak: build
	$(MAKE) test-fuzz FUZZTIME=$(SOAK) FUZZDIR=build/soak
	$(GO) test -count=1 -timeout 0 -run '^TestEveryLANHeals$$' ./vrrp/vrrptest -soak $(SOAK) -v

# VM runs a command in a virtual machine; VIGIL_VM are the options that choose the kernel. Test binaries are compiled here and run
# there, no more of their tests at once than it has processors.
VM = VIGIL_BIN=$(VIGIL) $(BIN)/vm $(or $(VIGIL_VM),-if-needed) -limit 100m \
	-env VIGIL_BIN,VIGIL_PAIRS,VIGIL_TWINS,VIGIL_TEST_KERNEL,REQUIRE_IPVS,REQUIRE_NETNS,PATH

## test-vm: the real IPVS table and director pairs with traffic, in a virtual machine if this kernel lacks IPVS
test-vm: build peers $(BIN)/vm
	@$(BIN)/debian rpc
	$(foreach p,ipvs internal/ipvsadm internal/firewall vrrp integration,$(GO) test -c -o build/$(notdir $p).test ./$p && ) true
	$(VM) sh -c 'b=$$PWD/build; s=0; t() { (cd $$1 && $$b/$${1##*/}.test -test.timeout 90m -test.parallel $$(nproc)); }; \
		t ipvs || s=1; t internal/firewall & t internal/ipvsadm || s=1; wait $$! || s=1; \
		for p in $${VIGIL_TEST_KERNEL:+vrrp} integration; do t $$p || s=1; done; exit $$s'

## test-kernels: all that depends on the kernel, on those of Debian 12 (6.1), 13 (6.12) and unstable (7.x), in virtual machines
test-kernels:
	@set -e; for suite in $(KERNELS); do echo "kernel of Debian $$suite"; VIGIL_TEST_KERNEL=1 $(MAKE) test-vm VIGIL_VM="-suite $$suite"; done

## test-twins: a hundred drawn configurations beside Debian's keepalived, whose servers fail and which are reloaded
test-twins: build peers $(BIN)/vm
	$(GO) test -c -o build/integration.test ./integration
	REQUIRE_IPVS=1 VIGIL_TWINS=$${VIGIL_TWINS:-.} $(VM) sh -c 'cd integration && ../build/integration.test -test.v -test.timeout 90m -test.run "^TestTablesLikeKeepalived$$"'

## test-peers: Vigil beside the keepalived of Debian 13 (2.3.3) and unstable (2.3.4), where `make test` has Debian 12's (2.2.7)
test-peers: build peers
	@set -e; for suite in $(PEERS); do \
		dir=$$($(BIN)/debian keepalived $$suite); $$dir/keepalived --version 2>&1 | head -n 1; \
		PATH=$$dir:$$PATH $(GO) test -count=1 -run 'Interop|AsKeepalived|AreKeepaliveds|BesideKeepalived' ./vrrp ./internal/bfd; \
		PATH=$$dir:$$PATH VIGIL_BIN=$(VIGIL) $(GO) test -count=1 -timeout 60m -run TransitionsLikeKeepalived ./integration; \
	done

# Debian's programs that the tests talk to.
peers: $(BIN)/debian
	@$(BIN)/debian install
	@$(BIN)/debian balancers

$(BIN)/vm $(BIN)/debian: $(BIN)/%: FORCE
	@$(GO) build -o $@ ./integration/cmd/$*

FORCE:

## lint: gofmt, go vet, staticcheck
lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt would change these files'; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools.mod staticcheck ./...

## keywords: the configuration language, row by row, and what the program acts on
keywords:
	@$(GO) run ./cmd/vigil keywords

## demo: a director pair at work, with things broken one after the other
demo: build
	$(GO) build -o $(BIN)/demo ./integration/demo
	$(BIN)/demo -daemon $(VIGIL)

# Speed and memory side by side with Debian's keepalived, on one kernel with IPVS. Exit status 1 if a bar is missed.
## bench: speed and memory side by side with Debian's keepalived
bench: build
	$(GO) build -o $(BIN)/bench ./integration/bench
	$(BIN)/bench -vigil $(VIGIL)

# In network namespaces of this machine, which should have nothing else to do. MEASURE are the measurements and their options: `-list` names
# them, `-keepalived /usr/sbin/keepalived scale` measures one beside Debian's keepalived. Exit status 1 if a bar is missed.
## bench-vrrp: what virtual routers are asked for at the most, MEASURE="scale outage" of it, with MEASURE=-list what there is
bench-vrrp: build
	$(GO) build -o $(BIN)/benchvrrp ./integration/benchvrrp
	$(BIN)/benchvrrp -vigil $(VIGIL) $(MEASURE)

## clean: remove bin/ and build/
clean:
	rm -rf $(BIN) build
