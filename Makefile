# All set-up on a fresh Debian machine with Go, as root: `make demo` and `make test`.
# Whatever Debian packages a target needs it installs itself, and says so.

GO       ?= go
BIN      := bin
VIGIL    := $(CURDIR)/$(BIN)/keepalived
STATIC   := CGO_ENABLED=0
FUZZTIME ?= 10s

# FUZZ lists PACKAGE:TARGET of the parsers of foreign bytes, and of what rewrites files.
FUZZ := confparse:FuzzLexer confparse:FuzzExpand confparse:FuzzLoad confparse:FuzzReload cmd/vigil:FuzzFmt internal/lint:FuzzLint vrrp/wire:FuzzParseAdvert healthcheck:FuzzReadReply

.PHONY: build test test-host test-fuzz test-vm peers lint keywords demo bench clean

build:
	$(STATIC) $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/keepalived ./cmd/keepalived
	$(STATIC) $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/vigil ./cmd/vigil

test: build
	$(MAKE) test-host
	$(MAKE) test-fuzz
	$(MAKE) test-vm

# Everything that the machine's own kernel can show: unit tests under the race detector, then network namespaces with
# real sockets and Debian's keepalived as a peer. What needs IPVS skips here and runs in test-vm.
test-host: build peers
	env -u REQUIRE_IPVS $(GO) test -race $$($(GO) list ./... | grep -v '/integration$$')
	$(GO) test -run '^TestRunawayInputsEnd$$' ./confparse
	unshare -n sh -ec 'ip link add eth0 type veth peer name eth1; ip link add eth2 type veth peer name eth3; \
		for i in 0 1 2 3; do ip link set eth$$i up; ip addr add 198.18.$$i.1/30 dev eth$$i; done; \
		$(GO) test -count=1 -run "^TestCrossChecksAgainstKeepalived$$" ./confparse'
	env -u REQUIRE_IPVS VIGIL_BIN=$(VIGIL) $(GO) test -count=1 -timeout 20m ./integration

test-fuzz:
	@set -e; for t in $(FUZZ); do \
		echo "fuzzing $${t#*:} for $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$${t#*:}$$" -fuzztime $(FUZZTIME) ./$${t%%:*}; \
	done

# The tests of the real IPVS table and of director pairs with traffic, on this kernel if it has IPVS, else in a throw-away
# virtual machine. Test binaries are compiled here and run there.
test-vm: build
	$(STATIC) $(GO) build -o $(BIN)/vm ./integration/cmd/vm
	$(STATIC) $(GO) test -c -o build/ipvs.test ./ipvs
	$(STATIC) $(GO) test -c -o build/integration.test ./integration
	VIGIL_BIN=$(VIGIL) $(BIN)/vm -if-needed -limit 20m -env VIGIL_BIN,VIGIL_PAIRS,REQUIRE_IPVS,REQUIRE_NETNS \
		sh -c 'cd ipvs && ../build/ipvs.test; a=$$?; cd ../integration && ../build/integration.test -test.timeout 18m; b=$$?; exit $$((a|b))'

# Debian's programs that the tests talk to.
peers:
	@for p in keepalived:/usr/sbin/keepalived iproute2:/sbin/ip ipvsadm:/sbin/ipvsadm patch:/usr/bin/patch; do \
		test -e $${p#*:} && continue; \
		echo "installing Debian's $${p%%:*}"; \
		apt-get install -y -qq $${p%%:*} >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq $${p%%:*} >/dev/null; }; \
	done

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt would change these files'; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools.mod staticcheck ./...

# The configuration language, row by row, and what the program acts on.
keywords:
	@$(GO) run ./cmd/vigil keywords

demo: build
	$(STATIC) $(GO) build -o $(BIN)/demo ./integration/demo
	$(BIN)/demo -daemon $(VIGIL)

# Speed and memory side by side with Debian's keepalived, on one kernel with IPVS. Exit status 1 if a bar is missed.
bench: build
	$(STATIC) $(GO) build -o $(BIN)/bench ./integration/bench
	$(BIN)/bench -vigil $(VIGIL)

clean:
	rm -rf $(BIN) build
