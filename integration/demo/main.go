// Command demo shows a director pair at work: two directors, two web servers and a client are brought up, things are broken one
// after the other, and the client's view is shown as it happens. It ends by itself and leaves nothing behind.
//
//	demo [-daemon bin/keepalived] [-color auto|always|never]
//
// On a kernel without IPVS it runs itself in a virtual machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/integration/labkit"
	"vigil/integration/vm"
	"vigil/internal/testlan"
)

func main() {
	vm.Main()
	labkit.Main()
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

func run() (int, error) {
	daemon := flag.String("daemon", "bin/keepalived", "the program to run as director; it takes keepalived's arguments")
	color := flag.String("color", "auto", "always, never, or auto: if the output is a terminal")
	flag.Parse()
	path, err := filepath.Abs(*daemon)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	colored := *color == "always"
	if info, err := os.Stdout.Stat(); *color == "auto" && err == nil {
		colored = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Geteuid() != 0 {
		return 0, fmt.Errorf("must be root, to make network namespaces")
	}
	if testlan.HaveIPVS() == nil {
		if err := debian.Install(ctx, os.Stdout, debian.Peers...); err != nil {
			return 0, err
		}
		return 0, story(ctx, path, colored)
	}
	if os.Getenv("VIGIL_IN_VM") == "1" {
		return 0, testlan.HaveIPVS()
	}
	fmt.Println("This kernel has no IPVS: starting a virtual machine that has (a few seconds) …")
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	argv := []string{self, "-daemon", path, "-color", "never"}
	if colored {
		argv[len(argv)-1] = "always"
	}
	return vm.Run(ctx, vm.Guest{Argv: argv, Limit: 10 * time.Minute, Stdout: os.Stdout, Notice: os.Stdout})
}

// programs runs the daemon on both directors.
func programs(path string) [2]labkit.Program {
	p := labkit.Vigil(path)
	if path == labkit.Keepalived().Argv[0] {
		p = labkit.Keepalived()
	}
	return [2]labkit.Program{p, p}
}
