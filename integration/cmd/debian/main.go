// Command debian gets Debian's programs for the tests.
//
//	debian install            installs what the tests talk to and this machine lacks
//	debian balancers          unpacks the HAProxy and nginx that the examples are tried with
//	debian chromium           installs the browser that the page of the simulation is tried in
//	debian rpc                unpacks the Python with gRPC's library that checks are tried with
//	debian keepalived SUITE   prints a directory with the keepalived of another release, to be put first in PATH
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"vigil/integration/debian"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "debian:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "install":
		return debian.Install(ctx, os.Stderr, debian.Peers...)
	case len(args) == 1 && args[0] == "balancers":
		_, err := debian.Balancers(ctx, os.Stderr)
		return err
	case len(args) == 1 && args[0] == "rpc":
		_, _, err := debian.RPC(ctx, os.Stderr)
		return err
	case len(args) == 1 && args[0] == "chromium":
		return debian.Install(ctx, os.Stderr, "chromium")
	case len(args) == 2 && args[0] == "keepalived":
		dir, err := debian.Keepalived(ctx, args[1], os.Stderr)
		if err == nil {
			fmt.Println(dir)
		}
		return err
	}
	return fmt.Errorf("usage: debian install | debian balancers | debian rpc | debian chromium | debian keepalived SUITE")
}
