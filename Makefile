# All set-up on a fresh Debian machine with Go, as root: `make demo` and `make test`.
# Whatever Debian packages a target needs it installs itself, and says so.

GO      ?= go
BIN     := bin
export CGO_ENABLED := 0
TOOLS   := $(GO) tool -modfile=tools.mod

.PHONY: build test unit fuzz netns vm-test lint demo bench clean

build:
	$(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/keepalived ./cmd/keepalived

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt would change these files'; exit 1; }
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...

clean:
	rm -rf $(BIN) build
